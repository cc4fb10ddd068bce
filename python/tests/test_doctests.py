# SPDX-License-Identifier: MIT
"""The examples of docstrings and README run, and public names have Shape and Example sections."""

import doctest
import importlib
import importlib.util
import inspect
import pathlib
import re

import pytest
from conftest import SOURCE

WITHOUT_TORCH = ("errors", "helix", "metrics", "midi", "numpy")
WITH_TORCH = ("decoder", "functional", "losses", "model")
MODULES = [
    *WITHOUT_TORCH,
    *(
        pytest.param(
            name,
            marks=pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"),
        )
        for name in WITH_TORCH
    ),
]
# No array among arguments or results.
WITHOUT_SHAPE = {"Config", "Helix", "Midi", "Report", "as_helix", "read", "write", "apply"}
WITHOUT_EXAMPLE = {"Metric", "Midi", "Report", "as_helix", "write", "from_notes", "from_roll", "apply"}


def load(name):
    return importlib.import_module(f"spiral_loss.{name}")


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_run(name):
    module = load(name)
    failed, tried = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0
    assert tried > 0


@pytest.mark.parametrize("name", [m for m in MODULES if m != "errors"])
def test_docstrings_have_their_sections(name):
    module = load(name)
    for public in module.__all__:
        thing = getattr(module, public)
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        text = inspect.getdoc(thing)
        if public not in WITHOUT_SHAPE:
            assert re.search(r"^Shape:\n", text, re.MULTILINE), f"{public} has no Shape section"
        if public not in WITHOUT_EXAMPLE:
            assert re.search(r"^Example:\n|^>>> ", text, re.MULTILINE), f"{public} has no Example section"


def test_examples_of_the_readme_run(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    from spiral_loss import midi

    monkeypatch.chdir(tmp_path)
    midi.from_notes({"start": [0.0], "end": [8.0], "pitch": [60]}).save("song.mid")
    text = pathlib.Path(SOURCE / "python" / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    names = {"logits": torch.zeros(2, 36, 36, requires_grad=True), "roll": torch.zeros(2, 36, 36)}
    for block in blocks:
        exec(block, names)
