# SPDX-License-Identifier: MIT
"""The example 00_autoencoder_in_one_file as a program: it compiles alone, learns, writes MIDI and refuses bad files.

Comparison of its computations with the library's: test_autoencoder_in_one_file.c.
"""
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = SOURCE / "examples/00_autoencoder_in_one_file.c"


def run(*arguments, **options):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program, compiled as its first comment says."""
    path = tmp_path_factory.mktemp("example") / "autoencoder"
    line, = re.findall(r"^ \*     (cc .*)$", EXAMPLE.read_text(), re.M)
    assert line == "cc -O2 examples/00_autoencoder_in_one_file.c -lm -o autoencoder"
    warnings = ["-std=c11", "-Wall", "-Wextra", "-Wshadow", "-Wpedantic", "-Werror"]
    run("cc", "-O2", *warnings, EXAMPLE, "-lm", "-o", path)
    return path


@pytest.fixture(scope="module")
def first_run(program):
    """Its output for its own tune. It writes autoencoder.mid in its folder."""
    return run(program, cwd=program.parent)


def test_loss_falls_and_most_cells_come_back(first_run):
    losses = [float(x) for x in re.findall(r"loss +([\d.]+) =", first_run)]
    assert len(losses) == 7 and losses[-1] < 0.02 * losses[0]
    counts = re.search(r"(\d+) true positives, (\d+) false negatives, (\d+) false positives", first_run).groups()
    right, missed, false = map(int, counts)
    assert missed + false < 0.1 * (right + missed)


def test_it_reads_the_file_it_has_written(program, first_run):
    out = run(program, "autoencoder.mid", "again.mid", cwd=program.parent)
    assert re.match(r"\d+ bytes -> \d+ notes -> 159\d frames", out)
    assert (program.parent / "again.mid").read_bytes().startswith(b"MThd")


@pytest.mark.parametrize("bytes_, why", [
    (b"", "the file ends too early"),
    (b"RIFF and so on", "not a MIDI file"),
    (b"MThd\0\0\0\6\0\2\0\1\0\x60", "only files of format 0 or 1 that count ticks per quarter"),
    (b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\x90\x1e\x64", "no note between C3 and B5"),
    (b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\3\0\x3c\x64", "an event without a valid status byte"),
], ids=["empty", "no-midi", "format-2", "no-note-in-range", "no-status"])
def test_bad_files_are_refused(program, tmp_path, bytes_, why):
    (tmp_path / "bad.mid").write_bytes(bytes_)
    done = subprocess.run([program, tmp_path / "bad.mid", tmp_path / "out.mid"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"autoencoder: {why}\n")
    assert not (tmp_path / "out.mid").exists()
