# SPDX-License-Identifier: MIT
"""spiral interpolate."""
import mido
import pytest
from program import is_music, notes_of, spiral, text_of, tree


@pytest.mark.parametrize("how", ["slerp", "lerp"])
def test_ends_are_the_reconstructions(how, any_model, tune, other, tmp_path):
    done = spiral("interpolate", any_model, tune, other, "-n", "4", "--how", how, "-o", tmp_path / "i", "--json")
    assert done.status == 0, done.err
    files = done.json["files"]
    assert [round(f["position"], 3) for f in files] == [0, 0.333, 0.667, 1]
    config = spiral("info", any_model, "--json").json["config"]
    for entry in files:
        is_music(entry["path"], config["low"], config["high"])
        assert how in text_of(entry["path"])[0]
    longer = max((tune, other), key=lambda path: mido.MidiFile(path).length)
    spiral("reconstruct", any_model, longer, "-o", tmp_path / "end.mid")
    end = files[0 if longer == tune else -1]["path"]
    assert notes_of(end) == notes_of(tmp_path / "end.mid")


def test_piece_may_be_a_text_score(model, source, other, tmp_path):
    assert spiral("interpolate", model, source / "data" / "scores" / "twinkle.txt", other, "-o", tmp_path).status == 0
    assert len(tree(tmp_path)) == 5
