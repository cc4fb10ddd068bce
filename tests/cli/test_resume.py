# SPDX-License-Identifier: MIT
"""Training that is stopped by a signal and resumed. The output file is unchanged until training is finished."""
import re
import signal
import subprocess
import time

import pytest
from program import PROGRAM, SMALL_MODEL, TINY, digest, failed, spiral, tree

LONG = ["--steps", "1000000", *SMALL_MODEL]


def interrupt(music, path, steps=1000000, number=signal.SIGINT):
    """Starts training and stops it after its first report; returns the exit status, standard output and standard error."""
    log = path.parent / "progress"
    running = subprocess.Popen([PROGRAM, "train", music, "-o", path, "--steps", str(steps), "--decoder-steps", "20", *SMALL_MODEL, "--log", log,
                                "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while running.poll() is None and not (log.exists() and b"\n" in log.read_bytes()):
        time.sleep(0.01)
    running.send_signal(number)
    try:
        out, err = running.communicate(timeout=120)
    finally:
        running.kill()
    return running.returncode, out, err.decode()


@pytest.fixture(scope="module")
def stopped(music, tmp_path_factory):
    path = tmp_path_factory.mktemp("stopped") / "m"
    assert interrupt(music, path)[0] == 1
    assert sorted(tree(path.parent)) == ["m.unfinished", "progress"]
    return path.parent / "m.unfinished"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_saves_and_prints_how_to_resume(number, music, tmp_path):
    path = tmp_path / "m.safetensors"
    status, out, err = interrupt(music, path, number=number)
    assert status == 1 and out == b""
    assert re.search(r"spiral train: .*m\.safetensors: stopped at step \d+ of 1000000; .*--resume", err)
    info = spiral("info", f"{path}.unfinished", "--json").json
    assert info["training"]["finished"] is False and 0 < info["training"]["step"] < 1000000
    assert sorted(tree(tmp_path)) == ["m.safetensors.unfinished", "progress"]


def test_resumed_training_gives_the_same_bytes(music, tmp_path):
    """Stopped and resumed, compared with an uninterrupted run."""
    steps = ["--steps", "3000", "--decoder-steps", "20", *SMALL_MODEL]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert spiral("train", music, "-o", whole, *steps).status == 0
    status, _, err = interrupt(music, parts, steps=3000)
    assert status == 1 and "--resume" in err, err
    done = spiral("train", music, "-o", parts, *steps, "--resume")
    assert done.status == 0, done.err
    assert digest(parts) == digest(whole)


def test_resume_refuses_other_options_and_files(music, tune, model, stopped, tmp_path):
    path = tmp_path / "m.unfinished"
    path.write_bytes(stopped.read_bytes())
    line = ["train", music, "-o", tmp_path / "m", *LONG, "--resume", "--quiet"]
    assert failed(spiral(*line, "--seed", "9"), 1, path, "seed")
    assert failed(spiral(*line, "--hidden", "8"), 1, path, "hidden is 16, not 8")
    assert failed(spiral(*line, "--lr", "0.5"), 1, path, "rate")
    config = spiral("info", path, "--json").json["config"]
    keys = ["--low", config["low"], "--high", config["high"]]
    assert failed(spiral("train", music, tune, *line[2:], *keys), 1, path, "other files")
    assert failed(spiral("train", music, "-o", tmp_path / "none", *LONG, "--resume"), 1, "none", "no training to resume")
    assert failed(spiral("train", music, "-o", model, *LONG, "--resume"), 1, model, "finished")
    assert failed(spiral("train", music, "-o", tune, *LONG, "--resume"), 1, tune, "safetensors")
    assert path.read_bytes() == stopped.read_bytes()


def test_resume_refuses_a_damaged_file(music, stopped, tmp_path):
    whole = stopped.read_bytes()
    for size in (8, len(whole) // 2, len(whole) - 4):
        (tmp_path / "m.unfinished").write_bytes(whole[:size])
        assert failed(spiral("train", music, "-o", tmp_path / "m", *LONG, "--resume", "--quiet"), 1, "m.unfinished")


def test_unfinished_training_is_not_overwritten(music, stopped, tmp_path):
    (tmp_path / "m.unfinished").write_bytes(stopped.read_bytes())
    assert failed(spiral("train", music, "-o", tmp_path / "m", *TINY), 1, "m.unfinished", "--resume")
    assert tree(tmp_path) == {"m.unfinished": stopped.read_bytes()}


def test_finished_model_at_the_name_of_the_state_is_refused(music, model, stopped, tmp_path):
    """It would be overwritten during training and removed at the end."""
    (tmp_path / "m.unfinished").write_bytes(model.read_bytes())
    assert failed(spiral("train", music, "-o", tmp_path / "m", *TINY), 1, "m.unfinished: a finished model", "another -o")
    (tmp_path / "m").write_bytes(stopped.read_bytes())
    assert failed(spiral("train", music, "-o", tmp_path / "m", *LONG, "--resume"), 1, "m.unfinished: a finished model")
    assert tree(tmp_path) == {"m": stopped.read_bytes(), "m.unfinished": model.read_bytes()}


def test_state_of_earlier_versions_at_the_output_is_resumed(music, tmp_path):
    """Before version 0.2 the state was saved there."""
    steps = ["--steps", "3000", *SMALL_MODEL]
    assert interrupt(music, tmp_path / "m", steps=3000)[0] == 1
    (tmp_path / "m.unfinished").rename(tmp_path / "m")
    done = spiral("train", music, "-o", tmp_path / "m", *steps, "--resume")
    assert done.status == 0, done.err
    assert sorted(tree(tmp_path)) == ["m", "progress"]
    assert spiral("info", tmp_path / "m", "--json").json["training"]["finished"] is True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_finished_model_stays_until_the_next_is_finished(number, music, model, tmp_path):
    path = tmp_path / "m"
    path.write_bytes(model.read_bytes())
    interrupt(music, path, number=number)
    assert path.read_bytes() == model.read_bytes()


def test_stopped_training_is_a_model(stopped, tmp_path):
    assert spiral("info", stopped).status == 0
    done = spiral("sample", stopped, "-o", tmp_path)
    assert done.status == 0 or failed(done, 1, stopped)
