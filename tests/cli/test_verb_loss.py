# SPDX-License-Identifier: MIT
"""spiral loss."""
from program import spiral


def test_piece_compared_with_itself_has_no_loss(tune):
    done = spiral("loss", tune, tune, "--json").json
    for name in ("spiral", "energy", "gauss", "argmax_distance", "argmax_distance_circular", "spiral_error", "miss"):
        assert abs(done[name]) < 1e-9, name
    assert done["frame"]["f1"] == done["note"]["f1"] == done["chroma"]["f1"] == 1
