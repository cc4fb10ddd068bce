# SPDX-License-Identifier: MIT
"""The text that each break of tools/mutants.py replaces is in the sources. `make mutants` builds and runs the breaks."""
import importlib.util
import pathlib

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("mutants", SOURCE / "tools/mutants.py")
mutants = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mutants)

# What an implementation of these losses is likely to get wrong.
USUAL_MISTAKES = ("non-circular chroma", "rounded octave", "swapped axes", "missing transposed blur", "dropped kl_offset",
                 "sign of the gradient", "unpadded blur", "mean without silence")


def test_usual_mistakes_are_among_the_breaks():
    names = [name for name, *_ in mutants.MUTANTS]
    assert len(names) == len(set(names))
    assert set(USUAL_MISTAKES) <= set(names)


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=[name for name, *_ in mutants.MUTANTS])
def test_break_finds_its_place(mutant):
    _, _, *edits = mutant
    assert edits
    for file, old, new in edits:
        assert old in (SOURCE / file).read_text(), f"{file} no longer has {old!r}: update tools/mutants.py"
        assert old != new
