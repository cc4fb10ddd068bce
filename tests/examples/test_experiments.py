# SPDX-License-Identifier: MIT
"""The tables and pictures of the pages in experiments/ are those of their results, and a run without music says so."""
import os
import pathlib
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CHORALES = SOURCE / "experiments/001-loss-on-chorales"
MODEL = SOURCE / "experiments/006-chorales"


def test_page_has_the_tables():
    done = subprocess.run([sys.executable, CHORALES / "table.py", CHORALES / "results.csv"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (CHORALES / "README.md").read_text()
    tables = done.stdout.split("\nDifferences from bce, seed by seed:\n")
    assert len(tables) == 2
    for table in tables:
        assert table.strip() in page


def test_at_least_five_seeds_of_every_loss():
    rows = [line.split(",")[:3] for line in (CHORALES / "results.csv").read_text().splitlines()[1:]]
    losses = {loss for loss, *_ in rows}
    assert len(losses) == 9 and len({steps for *_, steps in rows}) == 1
    for loss in losses:
        assert len({seed for name, seed, _ in rows if name == loss}) >= 5


def test_without_music_it_says_so(tmp_path):
    done = subprocess.run([CHORALES / "run.sh", "program", tmp_path / "out"], capture_output=True, text=True,
                          env={**os.environ, "SPIRAL_DATA": str(tmp_path)})
    assert done.returncode == 2 and "nothing was run" in done.stderr and "jsb-chorales/midi/train" in done.stderr
    assert not (tmp_path / "out").exists()


def test_page_of_the_shipped_model_has_its_tables():
    done = subprocess.run([sys.executable, MODEL / "table.py", MODEL / "results.json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (MODEL / "README.md").read_text()
    tables = done.stdout.strip().split("\n\n")
    assert len(tables) >= 5
    for table in tables:
        assert table.strip() in page


def test_without_music_the_model_is_neither_trained_nor_measured(tmp_path):
    for script in MODEL / "run.sh", SOURCE / "models" / "train.sh":
        done = subprocess.run([script, "a", tmp_path / "out"], capture_output=True, text=True,
                              env={**os.environ, "SPIRAL_DATA": str(tmp_path)})
        assert done.returncode == 2 and "jsb-chorales/midi/train" in done.stderr
        assert not (tmp_path / "out").exists()


PICTURES = {  # experiment: its picture, and how many tables and paragraphs table.py prints
    "002-wrong-octaves": ("f1.svg", 32),
    "003-latents-and-voicing": ("joint.svg", 14),
    "004-decisions": ("clashes.svg", 87),
    "005-squeezed-network": ("frontier.svg", 12),
}


@pytest.mark.parametrize("name", PICTURES)
def test_page_has_its_tables_and_picture(name, tmp_path):
    folder, (picture, count) = SOURCE / "experiments" / name, PICTURES[name]
    done = subprocess.run([sys.executable, "-B", folder / "table.py", folder / "results.csv", tmp_path / picture],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (folder / "README.md").read_text()
    tables = done.stdout.strip().split("\n\n")
    assert len(tables) == count
    for table in tables:
        assert table.strip() in page
    assert (tmp_path / picture).read_text() == (folder / picture).read_text()


def test_without_music_the_other_experiments_say_so(tmp_path):
    for name in PICTURES:
        done = subprocess.run([SOURCE / "experiments" / name / "run.sh", "program", tmp_path / "out"], capture_output=True,
                              text=True, env={**os.environ, "SPIRAL_DATA": str(tmp_path)})  # fmt: skip
        assert done.returncode == 2 and "nothing was run" in done.stderr and "jsb-chorales/midi/train" in done.stderr
        assert not (tmp_path / "out").exists()


OTHER = SOURCE / "experiments/007-other-music"


def test_page_of_other_music_has_its_tables_and_picture(tmp_path):
    done = subprocess.run([sys.executable, "-B", OTHER / "table.py", OTHER / "results.json", tmp_path / "rolls.svg"],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (OTHER / "README.md").read_text()
    tables = done.stdout.strip().split("\n\n")
    assert len(tables) == 3
    for table in tables:
        assert table.strip() in page
    assert (tmp_path / "rolls.svg").read_text() == (OTHER / "rolls.svg").read_text()


def test_without_other_music_nothing_is_trained(tmp_path):
    done = subprocess.run([OTHER / "run.sh", tmp_path / "out"], capture_output=True, text=True,
                          env={**os.environ, "SPIRAL_DATA": str(tmp_path)})  # fmt: skip
    assert done.returncode == 2 and "nothing was run" in done.stderr and "nottingham-gpl3" in done.stderr
    assert not (tmp_path / "out").exists()
