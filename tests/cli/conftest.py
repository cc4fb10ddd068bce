# SPDX-License-Identifier: MIT
"""Pieces of music and tiny trained models for the tests of the program (see program.py)."""
import os
import pathlib
import subprocess

import pytest
from program import SCORES, SOURCE, spiral, trained


@pytest.fixture(scope="session")
def source():
    return SOURCE


@pytest.fixture(scope="session")
def music(tmp_path_factory):
    """A folder of four pieces as MIDI."""
    folder = tmp_path_factory.mktemp("music")
    for name in SCORES:
        done = spiral("render", SOURCE / "data" / "scores" / f"{name}.txt", "-o", folder / f"{name}.mid")
        assert done.status == 0, done.err
    return folder


@pytest.fixture(scope="session")
def tune(music):
    return music / "twinkle.mid"


@pytest.fixture(scope="session")
def other(music):
    return music / "greensleeves.mid"


@pytest.fixture(scope="session")
def model(tmp_path_factory, music):
    return trained(tmp_path_factory.mktemp("model"), music)


@pytest.fixture(scope="session")
def vae(tmp_path_factory, music):
    return trained(tmp_path_factory.mktemp("vae"), music, "--kind", "vae", "--preset", "36x36")


@pytest.fixture(scope="session")
def real_data():
    folder = os.environ.get("SPIRAL_DATA")
    if not folder or not os.path.isdir(folder):
        pytest.skip("SPIRAL_DATA names no folder of real music")
    return pathlib.Path(folder)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of two megabytes, where the system lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)
