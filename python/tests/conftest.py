# SPDX-License-Identifier: MIT
"""Shared by the tests: the paths of the C build and of real MIDI files, if there are any.

SPIRAL_BUILD names the C project's build folder (the program, libspiral-net, helpers); without it, tests that need it
are skipped.
"""

import os
import pathlib
import subprocess
import sys

import pytest

try:
    import torch

    if not torch.cuda.is_available():  # Triton's kernels then run as Python; Triton reads this when imported
        os.environ.setdefault("TRITON_INTERPRET", "1")
except ImportError:
    pass

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SPIRAL_BUILD", SOURCE / "build")).resolve()


def built(*parts: str) -> pathlib.Path:
    """The path of a file of the build; skips the test if there is none."""
    path = BUILD.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


@pytest.fixture(scope="session")
def program():
    """Runs the C program; returns its standard output."""
    path = built("cli", "spiral")

    def run(*arguments):
        result = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.fixture(scope="session")
def songs(program, tmp_path_factory):
    """The scores of the repository as MIDI files."""
    folder = tmp_path_factory.mktemp("songs")
    for score in sorted((SOURCE / "data" / "scores").rglob("*.txt"))[:8]:
        program("render", score, "-o", folder / f"{score.stem}.mid")
    return sorted(folder.glob("*.mid"))


@pytest.fixture(scope="session")
def python():
    """Runs Python code in a new process; returns its standard output."""

    def run(code, **environment):
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run
