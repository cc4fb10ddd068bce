# SPDX-License-Identifier: MIT
"""The examples run with the commands in their first lines, on the scores of the repository."""

import pathlib
import re
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from spiral_loss import midi  # noqa: E402

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"


def run(*command):
    result = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_autoencoder_36x36(songs, tmp_path):
    out = run(EXAMPLES / "autoencoder_36x36.py", songs[0].parent, "-o", tmp_path / "again.mid", "--steps", 300)
    losses = [float(x) for x in re.findall(r"loss ([\d.]+)", out)]
    assert losses[-1] < losses[0]
    semitone, tritone, octave = map(float, re.search(r"C# ([\d.]+), F# ([\d.]+), the C above ([\d.]+)", out).groups())
    assert octave < semitone < tritone
    song = midi.read(tmp_path / "again.mid")
    assert song.warnings == {}
    assert len(song.notes) == int(re.search(r"(\d+) notes", out)[1]) > 0


def test_ddp_on_two_processes(songs):
    if not torch.distributed.is_available():
        pytest.skip("this torch has no torch.distributed")
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", EXAMPLES / "ddp.py",
               songs[0].parent, "--epochs", "1"]  # fmt: skip
    result = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "2 processes, weights equal" in result.stdout


def test_choose_lambda(songs):
    out = run(EXAMPLES / "choose_lambda.py", songs[0].parent, "--steps", 5, "--seeds", 2, "--lambdas", 0, 1)
    assert len(re.findall(r"^\| [01] \|", out, re.MULTILINE)) == 2


def test_the_picture_is_what_its_script_draws():
    assert (EXAMPLES.parent / "costs.svg").read_text() == run(EXAMPLES / "draw_costs.py")
