# SPDX-License-Identifier: MIT
"""Group 14: the breaks that must fail a test (tools/mutants.py; `make mutants` builds and runs each of them).

Here only what costs nothing: that each still finds its place in the sources, so that none is lost unnoticed.
"""
import importlib.util
import pathlib

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("mutants", SOURCE / "tools/mutants.py")
mutants = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mutants)

# What every implementation of these losses is likely to get wrong.
NEVER_WITHOUT = ("non-circular chroma", "floor octave", "swapped axes", "missing transposed blur", "dropped floor",
                 "sign of the gradient", "unpadded blur", "mean without silence")


def test_group14_the_usual_mistakes_are_among_them():
    names = [name for name, *_ in mutants.MUTANTS]
    assert len(names) == len(set(names))
    assert set(NEVER_WITHOUT) <= set(names)


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=[name for name, *_ in mutants.MUTANTS])
def test_group14_break_finds_its_place(mutant):
    _, _, *edits = mutant
    assert edits
    for file, old, new in edits:
        assert old in (SOURCE / file).read_text(), f"{file} no longer has {old!r}: mend tools/mutants.py"
        assert old != new
