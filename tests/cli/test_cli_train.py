# SPDX-License-Identifier: MIT
"""Training as its user meets it: checks before the work, progress, interruption, resuming, the same bytes."""
import hashlib
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from program import PROGRAM, TINY, failed, one_note, spiral, trained, tree
from safetensors import safe_open

LONG = ["--steps", "1000000", "--hidden", "16", "--code", "4", "--batch", "32"]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---- before the work -------------------------------------------------------------------------------------

def test_the_output_is_checked_before_the_training(music, tmp_path):
    """A training of a week is refused at once."""
    (tmp_path / "file").write_bytes(b"kept")
    begin = time.monotonic()
    for path in (tmp_path / "missing" / "m", tmp_path, tmp_path / "file" / "m", "/proc/self/m"):
        assert failed(spiral("train", music, "-o", path, "--time", "100h"), 1, path, "cannot write")
    assert time.monotonic() - begin < 10
    assert tree(tmp_path) == {"file": b"kept"}


def test_a_file_that_is_no_model_is_not_overwritten(music, model, tune, tmp_path):
    for content in (tune.read_bytes(), b"my thesis", model.read_bytes()[:1000]):
        (tmp_path / "m").write_bytes(content)
        assert failed(spiral("train", music, "-o", tmp_path / "m", *TINY), 1, tmp_path / "m", "not overwritten")
        assert (tmp_path / "m").read_bytes() == content


def test_a_finished_model_and_an_empty_file_are_replaced(music, model, tmp_path):
    (tmp_path / "m").write_bytes(model.read_bytes())
    (tmp_path / "empty").touch()
    for name in ("m", "empty"):
        done = spiral("train", music, "-o", tmp_path / name, *TINY, "--seed", "2")
        assert done.status == 0, done.err
        assert digest(tmp_path / name) != digest(model)


def test_too_little_music_is_refused(tmp_path):
    tiny = tmp_path / "tiny.mid"
    tiny.write_bytes(one_note())
    assert failed(spiral("train", tiny, "-o", tmp_path / "m", *TINY), 1, "too few")
    (tmp_path / "tinier.mid").write_bytes(one_note(key=62))
    assert failed(spiral("train", tmp_path, "-o", tmp_path / "m", *TINY), 1, "too little music", "at least 8")
    assert not (tmp_path / "m").exists()


def test_files_to_validate_on(music, tune, tmp_path):
    done = spiral("train", music, "--valid", tune, "-o", tmp_path / "m", *TINY)
    assert done.status == 0 and " of 1 to validate" in done.err
    assert failed(spiral("train", music, "--valid", tmp_path / "nope", "-o", tmp_path / "n", *TINY), 1, "nope")


# ---- the result ------------------------------------------------------------------------------------------

def test_the_same_seed_gives_the_same_bytes_for_any_number_of_threads(music, model, tmp_path):
    for threads in ("1", "2", "3", "7"):
        folder = tmp_path / threads
        folder.mkdir()
        assert digest(trained(folder, music, "--threads", threads)) == digest(model)
    folder = tmp_path / "seed"
    folder.mkdir()
    assert digest(trained(folder, music, "--seed", "2")) != digest(model)


@pytest.mark.parametrize("preset", ["36x36", "bar", "phrase"])
@pytest.mark.parametrize("kind", ["ae", "vae"])
def test_every_preset_and_kind_makes_a_model_that_opens_elsewhere(preset, kind, music, tmp_path):
    path = trained(tmp_path, music, "--preset", preset, "--kind", kind)
    info = spiral("info", path, "--json").json
    assert info["config"]["kind"] == kind and info["sha256"] == digest(path)
    assert info["config"]["frames"] == {"36x36": 36, "bar": 16, "phrase": 64}[preset]
    assert info["training"]["finished"] is True and info["training"]["steps"] == 20
    assert info["data"]["files"] + info["data"]["files_held_out"] == 4
    with safe_open(path, framework="np") as tensors:
        assert sorted(tensors.keys()) == sorted(t["name"] for t in info["tensors"])
        for tensor in info["tensors"]:
            rows, columns = tensor["shape"]
            values = tensors.get_tensor(tensor["name"])
            assert values.size == rows * columns and values.dtype == "float32"
            assert (values == values).all()


@pytest.mark.parametrize("loss", ["bce", "spiral", "energy", "gauss", "weighted_bce", "distance_mask", "distance_mask_circular"])
def test_every_loss_trains(loss, music, tmp_path):
    done = spiral("train", music, "-o", tmp_path / "m", *TINY, "--loss", loss, "--json", "--helix", "tonnetz")
    assert done.status == 0, done.err
    assert done.json["steps"] == 20 and done.json["windows_seen"] == 20 * 32
    assert spiral("info", tmp_path / "m", "--json").json["training"]["loss"] == loss


def test_training_learns(music, tmp_path):
    flags = ["--hidden", "64", "--code", "16", "--batch", "64", "--transpose", "0", "--valid", str(music),
             "--keep-duplicates"]
    scores = []
    for steps in ("2", "150"):
        path = tmp_path / steps
        assert spiral("train", music, "-o", path, "--steps", steps, *flags).status == 0
        scores.append(spiral("eval", path, music, "--json").json)
    assert scores[1]["bce_nats"] < 0.7 * scores[0]["bce_nats"]
    assert scores[1]["frame"]["f1"] > scores[0]["frame"]["f1"]


def test_epochs_and_time_say_how_long(music, tmp_path):
    few = spiral("train", music, "-o", tmp_path / "a", "--epochs", "1", *TINY[2:], "--json").json
    more = spiral("train", music, "-o", tmp_path / "b", "--epochs", "3", *TINY[2:], "--json").json
    assert few["steps"] >= 1 and abs(more["steps"] - 3 * few["steps"]) <= 2
    timed = spiral("train", music, "-o", tmp_path / "c", "--time", "2s", *TINY[2:], "--json").json
    assert timed["steps"] > 0 and timed["seconds"] < 8


def test_the_log_has_a_line_of_json_for_each_report(music, tmp_path):
    done = spiral("train", music, "-o", tmp_path / "m", *TINY, "--log", tmp_path / "log")
    assert done.status == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert lines[-1]["step"] == lines[-1]["steps"] == 20 and "valid_f1" in lines[-1]
    assert all({"seconds", "windows_per_second", "train_loss", "rate"} <= set(line) for line in lines)
    assert failed(spiral("train", music, "-o", tmp_path / "n", *TINY, "--log", tmp_path / "no" / "log", "--quiet"), 1,
                  "cannot write the log")


# ---- interruption ----------------------------------------------------------------------------------------

def interrupt(music, path, number=signal.SIGINT, after=5, flags=()):
    """Starts a long training, stops it some reports later, returns its status and stderr."""
    log = path.parent / "progress"
    running = subprocess.Popen([PROGRAM, "train", str(music), "-o", str(path), *LONG, "--log", str(log), *flags],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and running.poll() is None:
        if log.exists() and log.read_bytes().count(b"\n") >= after:
            break
        time.sleep(0.02)
    asked = time.monotonic()
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    return running.returncode, out, err.decode(), time.monotonic() - asked


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_tells_how_to_go_on(number, music, tmp_path):
    path = tmp_path / "m.safetensors"
    status, out, err, waited = interrupt(music, path, number, after=1)
    assert status == 1 and out == b""
    assert re.search(r"spiral train: .*m\.safetensors: stopped at step \d+ of 1000000; .*--resume", err)
    assert waited < 10
    info = spiral("info", path, "--json").json
    assert info["training"]["finished"] is False and 0 < info["training"]["step"] < 1000000
    assert sorted(tree(tmp_path)) == ["m.safetensors", "progress"]


def test_a_stopped_training_goes_on_to_the_same_bytes(music, tmp_path):
    """Stopped somewhere and resumed, and in one go."""
    steps = ["--steps", "3000", *LONG[2:]]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert spiral("train", music, "-o", whole, *steps).status == 0
    running = subprocess.Popen([PROGRAM, "train", str(music), "-o", str(parts), *steps, "--quiet"], stderr=subprocess.PIPE)
    time.sleep(0.4)
    running.send_signal(signal.SIGINT)
    err = running.communicate(timeout=60)[1].decode()
    assert running.returncode == 1 and "--resume" in err, err
    done = spiral("train", music, "-o", parts, *steps, "--resume")
    assert done.status == 0, done.err
    assert digest(parts) == digest(whole)


@pytest.fixture(scope="module")
def stopped(music, tmp_path_factory):
    path = tmp_path_factory.mktemp("stopped") / "m"
    assert interrupt(music, path, after=1)[0] == 1
    return path


def test_resume_refuses_another_training(music, tune, model, stopped, tmp_path):
    path = tmp_path / "m"
    path.write_bytes(stopped.read_bytes())
    line = ["train", music, "-o", path, *LONG, "--resume", "--quiet"]
    assert failed(spiral(*line, "--seed", "9"), 1, path, "seed")
    assert failed(spiral(*line, "--hidden", "8"), 1, path, "hidden is 16, not 8")
    assert failed(spiral(*line, "--lr", "0.5"), 1, path, "rate")
    config = spiral("info", path, "--json").json["config"]
    keys = ["--low", config["low"], "--high", config["high"]]
    assert failed(spiral("train", music, tune, *line[2:], *keys), 1, path, "other files")
    assert failed(spiral("train", music, "-o", tmp_path / "none", *LONG, "--resume"), 1, "none", "no training to go on")
    assert failed(spiral("train", music, "-o", model, *LONG, "--resume"), 1, model, "finished")
    assert failed(spiral("train", music, "-o", tune, *LONG, "--resume"), 1, tune, "safetensors")
    assert path.read_bytes() == stopped.read_bytes()


def test_a_damaged_training_is_not_gone_on_with(music, stopped, tmp_path):
    whole = stopped.read_bytes()
    for size in (8, len(whole) // 2, len(whole) - 4):
        (tmp_path / "m").write_bytes(whole[:size])
        assert failed(spiral("train", music, "-o", tmp_path / "m", *LONG, "--resume", "--quiet"), 1, tmp_path / "m")


def test_giving_up_a_stopped_training_is_told(music, stopped, tmp_path):
    (tmp_path / "m").write_bytes(stopped.read_bytes())
    done = spiral("train", music, "-o", tmp_path / "m", *TINY)
    assert done.status == 0 and "given up" in done.err and "--resume" in done.err


def test_a_stopped_training_is_a_model_too(stopped, tmp_path):
    assert spiral("info", stopped).status == 0
    done = spiral("sample", stopped, "-o", tmp_path)
    assert done.status == 0 or failed(done, 1, stopped)


# ---- progress --------------------------------------------------------------------------------------------

def test_without_a_terminal_progress_is_plain_lines(music, tmp_path):
    done = spiral("train", music, "-o", tmp_path / "m", *TINY)
    assert "\r" not in done.err and "\x1b" not in done.err
    lines = [line for line in done.err.splitlines() if "windows/s" in line]
    assert 10 <= len(lines) <= 25 and lines[-1].startswith("100 %")
    assert all("left" in line and "loss" in line for line in lines)


def on_terminal(args, columns=80, env=None):
    """Runs the program with a pseudo-terminal as its stderr; returns the status and what it showed."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, columns)) if hasattr(termios, "tcsetwinsize") else set_size(slave, columns)
    running = subprocess.Popen([PROGRAM, *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=slave, env={**os.environ, "TERM": "xterm", **(env or {})})
    os.close(slave)
    shown = b""
    while select.select([master], [], [], 60)[0]:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    running.communicate(timeout=60)
    return running.returncode, shown.decode()


def set_size(fd, columns):
    import fcntl
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


@pytest.mark.parametrize("columns", [30, 60, 80, 200])
def test_on_a_terminal_one_line_is_redrawn_and_fits(columns, music, tmp_path):
    status, shown = on_terminal(["train", music, "-o", tmp_path / "m", *TINY], columns)
    assert status == 0
    redrawn = [re.sub(r"\x1b\[[0-9;]*[mK]", "", part).split("\n")[0].rstrip("\r") for part in shown.split("\r\x1b[K")[1:]]
    assert len(redrawn) >= 2
    assert all(len(line) < columns for line in redrawn), max(redrawn, key=len)
    assert "100 %" in redrawn[-1]
    assert shown.endswith("\n")


def test_colour_is_for_terminals_that_want_it(music, tmp_path):
    line = ["train", music, "-o", tmp_path / "m", *TINY]
    assert "\x1b[36m" in on_terminal(line)[1]
    plain = on_terminal(line, env={"NO_COLOR": "1"})[1]
    assert "\x1b[36m" not in plain and "\r\x1b[K" in plain
    assert "\x1b[36m" in on_terminal(line, env={"NO_COLOR": ""})[1]
    dumb = on_terminal(line, env={"TERM": "dumb"})[1]
    assert "\x1b" not in dumb and dumb.count("windows/s") >= 10


def test_quiet_on_a_terminal_shows_nothing(music, tmp_path):
    assert on_terminal(["train", music, "-o", tmp_path / "m", *TINY, "--quiet"]) == (0, "")


def test_a_terminal_that_goes_away_does_not_end_the_training(music, tmp_path):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([PROGRAM, "train", str(music), "-o", str(tmp_path / "m"), *TINY], stderr=write,
                          stdout=subprocess.PIPE)
    os.close(write)
    assert done.returncode == 0 and (tmp_path / "m").exists()
