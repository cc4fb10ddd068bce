# SPDX-License-Identifier: MIT
"""Every example runs and prints what it should. The documents: test_documents.py.

SPIRAL_BUILD names the build folder. How the whole story's steps compare with the library's: test_story.c.
"""
import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SPIRAL_BUILD", SOURCE / "build"))
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]


def run(*arguments, **options):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """The folder in which the whole story was compiled alone, as its first comment says, and run; what it printed."""
    folder = tmp_path_factory.mktemp("story")
    run("cc", "-std=c11", "-O2", *WARNINGS, "-Wpedantic", SOURCE / "examples/00_whole_story.c", "-lm", "-o", folder / "story")
    return folder, run(folder / "story", cwd=folder)


def test_story_learns(story):
    losses = [float(x) for x in re.findall(r"loss +([\d.]+) =", story[1])]
    assert len(losses) == 7 and losses[-1] < 0.02 * losses[0]
    right, missed, stray = map(int, re.search(r"(\d+) cells right, (\d+) missed, (\d+) stray", story[1]).groups())
    assert missed + stray < 0.1 * (right + missed)


def test_story_reads_its_own_file(story):
    out = run(story[0] / "story", "story.mid", "again.mid", cwd=story[0])
    assert re.match(r"\d+ bytes -> \d+ notes -> 159\d columns", out)
    assert (story[0] / "again.mid").read_bytes().startswith(b"MThd")


@pytest.mark.parametrize("bytes_, why", [
    (b"", "the file ends in the middle of something"),
    (b"RIFF and so on", "not a MIDI file"),
    (b"MThd\0\0\0\6\0\2\0\1\0\x60", "only files of format 0 or 1 that count ticks per quarter"),
    (b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\x90\x1e\x64", "no note between C3 and B5"),
    (b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\3\0\x3c\x64", "an event that has no place in a file"),
])
def test_story_refuses(story, tmp_path, bytes_, why):
    (tmp_path / "bad.mid").write_bytes(bytes_)
    done = subprocess.run([story[0] / "story", tmp_path / "bad.mid", tmp_path / "out.mid"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"story: {why}\n")
    assert not (tmp_path / "out.mid").exists()


def table():
    """{semitones: cost of playing a note so far off} as docs/math.md prints it."""
    page = (SOURCE / "docs/math.md").read_text()
    rows = {r.split("|")[1].strip(): r.split("|")[2:-1] for r in page.splitlines() if r.startswith(("| semitones |", "| substitute |"))}
    return dict(zip(map(int, rows["semitones"]), map(float, rows["substitute"])))


def test_loss_prints_the_costs_of_the_page():
    out = run(BUILD / "examples/01_loss")
    semitone, octave, tritone = map(float, re.search(r"semitone off ([\d.]+), an octave ([\d.]+), a tritone ([\d.]+)", out).groups())
    costs = table()
    assert (semitone, octave, tritone) == (costs[1], costs[12], costs[6])
    c4, b3, fs4 = map(float, re.search(r"C4 ([-+\d.]+), B3 ([-+\d.]+), F#4 ([-+\d.]+)", out).groups())
    assert c4 < b3 < 0 < fs4


def test_midi_to_roll(story):
    out = run(BUILD / "examples/02_midi_to_roll", story[0] / "story.mid").splitlines()
    assert all(re.fullmatch(r" *\d+ [O|.]{36}", line) for line in out[:-1]) and len(out) > 100
    kept, notes = map(int, re.match(r"(\d+) of (\d+) notes, 0 below, 0 above", out[-1]).groups())
    assert kept == notes >= 60
    # a note begins with an O, two of one key in one sixteenth with one
    assert 60 <= sum(line.count("O") for line in out) <= kept
