# SPDX-License-Identifier: MIT
"""Every example runs and prints the expected text. The documents: test_documents.py.

SPIRAL_BUILD names the build folder. The example 00: test_autoencoder_in_one_file.py and .c.
"""
import os
import pathlib
import re
import subprocess


SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SPIRAL_BUILD", SOURCE / "build"))
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]


def run(*arguments, **options):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def table():
    """{semitones: cost of a note that is so many semitones off}, from the table in docs/math.md."""
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


def test_sample_is_that_of_the_program(tmp_path):
    """With the same model and seed, apart from the text event."""
    model = SOURCE / "models/chorales.safetensors"
    out = run(BUILD / "examples/03_sample", model, tmp_path / "new.mid")
    notes, nats = re.fullmatch(r"(\d+) notes, ([\d.]+) nats per frame\n", out).groups()
    told = run(BUILD / "cli/spiral", "sample", model, "--seed", "7", "--length", "16bars", "-o", tmp_path / "same.mid")
    assert f"{notes} notes, " in told and f"{nats} nats per frame" in told
    assert int(notes) > 20


def test_midi_to_roll(tmp_path):
    run(BUILD / "examples/00_autoencoder_in_one_file", cwd=tmp_path)
    out = run(BUILD / "examples/02_midi_to_roll", tmp_path / "autoencoder.mid").splitlines()
    assert all(re.fullmatch(r" *\d+ [O|.]{36}", line) for line in out[:-1]) and len(out) > 100
    kept, notes = map(int, re.match(r"(\d+) of (\d+) notes, 0 below, 0 above", out[-1]).groups())
    assert kept == notes >= 60
    # each note begins with an O; two notes of one key in one sixteenth have one O
    assert 60 <= sum(line.count("O") for line in out) <= kept
