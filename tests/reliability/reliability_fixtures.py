# SPDX-License-Identifier: MIT
"""The pieces of music and the models of the tests of reliability, and the libraries that are preloaded."""
import os
import shutil
import subprocess

import pytest
from program import DECODER, SCORES, SOURCE, TINY, spiral, trained


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with music/ (four pieces), model.safetensors, decoder.safetensors (with a note-by-note decoder), latents.npy (of a
    piece, from that model), and nothing else."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "music").mkdir()
    for name in SCORES:
        done = spiral("render", SOURCE / "data" / "scores" / f"{name}.txt", "-o", folder / "music" / f"{name}.mid")
        assert done.status == 0, done.err
    trained(folder, folder / "music")
    for line in (["train", "music", "-o", "decoder.safetensors", *TINY, *DECODER],
                 ["encode", "decoder.safetensors", "music/twinkle.mid", "-o", "latents.npy"]):
        done = spiral(*line, cwd=folder)
        assert done.status == 0, done.err
    return folder


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory):
    """preloaded("fail_allocation") compiles that library and returns its path; skips the test if that does not work."""
    def compiled(name):
        if not shutil.which("cc"):
            pytest.skip(f"no C compiler for {name}.c")
        library = tmp_path_factory.mktemp("preload") / f"{name}.so"
        source = SOURCE / "tests" / "reliability" / f"{name}.c"
        made = subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        probe = subprocess.run(["true"], env={**os.environ, "LD_PRELOAD": str(library)}, capture_output=True, text=True)
        if probe.returncode or "LD_PRELOAD" in probe.stderr:
            pytest.skip(f"the system does not preload {name}.so")
        return library
    return compiled


@pytest.fixture(scope="session")
def preload(preloaded):
    return preloaded("fail_allocation")
