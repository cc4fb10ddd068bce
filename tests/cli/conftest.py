# SPDX-License-Identifier: MIT
"""Pieces of music and small trained models for the tests of the program (see program.py)."""
import os
import pathlib
import subprocess

import pytest
from program import DECODER, DECODER_VERBS, SCORES, SOURCE, command, mthd, mtrk, spiral, trained, verbs


def pytest_generate_tests(metafunc):
    """A test with the parameter `verb` runs for each verb."""
    if "verb" in metafunc.fixturenames and not any(
            "verb" in str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize")):
        metafunc.parametrize("verb", verbs())


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


@pytest.fixture(scope="session", params=["bar", "36x36", "phrase", "vae"])
def any_model(request, music, tmp_path_factory):
    more = ["--kind", "vae"] if request.param == "vae" else ["--preset", request.param]
    return trained(tmp_path_factory.mktemp(request.param), music, *more)


@pytest.fixture(scope="session")
def decoder_model(tmp_path_factory, music):
    """A small model with a note-by-note decoder."""
    return trained(tmp_path_factory.mktemp("decoder"), music, *DECODER)


@pytest.fixture(scope="session", params=["bar", "36x36"])
def any_decoder_model(request, music, tmp_path_factory):
    return trained(tmp_path_factory.mktemp(request.param), music, "--preset", request.param, *DECODER)


@pytest.fixture
def line(verb, model, decoder_model, tune, other, music, tmp_path):
    """A whole command line of a verb."""
    return [verb, *command(verb, decoder_model if verb in DECODER_VERBS else model, tune, other, music, tmp_path)]


@pytest.fixture
def faulty(tmp_path):
    """Four files: one correct, one with bytes after its track, one with two faults, one that is not MIDI."""
    def notes(*keys, tail=b""):
        events = b"".join(bytes([0, 0x90, key, 80, 120, 0x80, key, 0]) for key in keys)
        return mthd(1) + mtrk(events) + tail

    folder = tmp_path / "faulty"
    folder.mkdir()
    (folder / "correct.mid").write_bytes(notes(60, 62, 64))
    (folder / "tail.mid").write_bytes(notes(60, 62, 65, tail=b"tail"))
    (folder / "note-off.mid").write_bytes(
        mthd(3) + mtrk(bytes([0, 0x90, 67, 80, 120, 0x80, 67, 0, 0, 0x80, 68, 0, 0, 0x80, 69, 0])))
    (folder / "text.mid").write_bytes(b"no music at all")
    return folder


@pytest.fixture
def duplicated(music, tmp_path):
    """The pieces, one of them again with the same bytes, and one again with other bytes but the same notes."""
    folder = tmp_path / "duplicated"
    folder.mkdir()
    for piece in music.iterdir():
        (folder / piece.name).write_bytes(piece.read_bytes())
    (folder / "z-copy.mid").write_bytes((music / "twinkle.mid").read_bytes())
    (folder / "z-tail.mid").write_bytes((music / "greensleeves.mid").read_bytes() + b"tail")
    return folder


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
