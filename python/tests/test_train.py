# SPDX-License-Identifier: MIT
"""python -m spiral_loss.train: the losses are those of the C program and of any number of processes; resuming."""

import ctypes.util
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from conftest import built  # noqa: E402

from spiral_loss import _safetensors  # noqa: E402

SMALL = ["--hidden", "16", "--latent", "4", "--batch", "32", "--decoder", "8"]
LENGTH = ["--steps", "20", "--decoder-steps", "12"]
OF_PROCESS = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}


def environment():
    own = {k: v for k, v in os.environ.items() if k not in OF_PROCESS}
    return {**own, "SPIRAL_LOSS_LIBRARY": str(built("libspiral.so")), "OMP_NUM_THREADS": "1"}


def command(output, *more, processes=1, paths):
    start = [sys.executable, "-m"]
    if processes > 1:
        start += ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    flags = ["-o", output, "--threads", "1", "--quiet", *SMALL, *more]
    return [*start, "spiral_loss.train", *map(str, [*paths, *flags])]


def train(output, *more, processes=1, paths):
    run = command(output, *more, processes=processes, paths=paths)
    done = subprocess.run(run, env=environment(), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return output


def record(path):
    """Arrays, and the histories of both networks: [(step, train, valid)]."""
    arrays, metadata = _safetensors.load(path)
    training = json.loads(metadata["training"])
    histories = [training["history"], training["decoder"]["history"]]
    return arrays, [np.array([[e["step"], e["train"], e["valid"]] for e in h]) for h in histories]


@pytest.fixture(scope="module")
def one(songs, tmp_path_factory):
    """A model of one process."""
    return train(tmp_path_factory.mktemp("one") / "m.safetensors", *LENGTH, paths=songs)


def test_losses_of_fifty_steps_are_those_of_the_program(songs, program, tmp_path):
    """Both networks; the autoencoder is variational, so it also has noise.

    At the default learning rate rounding errors grow: the program differs from itself with another instruction set by
    3e-4, and PyTorch differs from the program by about as much.
    """
    for kind in ("ae", "vae"):
        ours, theirs = tmp_path / f"{kind}.safetensors", tmp_path / f"{kind}-c.safetensors"
        length = ["--steps", "50", "--decoder-steps", "6", "--kind", kind, "--lr", "5e-4"]
        program("train", *songs, "-o", theirs, *SMALL, *length)
        train(ours, *length, paths=songs)
        for a, b, count in zip(record(theirs)[1], record(ours)[1], (25, 2)):
            assert len(a) == len(b) == count
            assert np.abs(b / a - 1).max() < 5e-5


def test_two_processes_do_what_one_does(one, songs, tmp_path):
    two = train(tmp_path / "two.safetensors", *LENGTH, processes=2, paths=songs)
    for a, b in zip(record(one)[1], record(two)[1]):
        assert np.abs(b / a - 1).max() < 1e-5


def workers(launcher):
    """The processes that torchrun has started."""
    try:
        text = pathlib.Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in text.split()]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_training_that_was_killed_ends_as_if_it_had_not(processes, songs, tmp_path):
    """A process is killed at a random moment after the first save; the others end too."""
    paths, length = songs, ["--steps", "80", "--decoder-steps", "60"]
    whole = train(tmp_path / "whole.safetensors", *length, processes=processes, paths=paths)
    output = tmp_path / "m.safetensors"
    state = tmp_path / "m.safetensors.unfinished"
    run = command(output, *length, "--save-every", "0s", processes=processes, paths=paths)
    with open(tmp_path / "errors", "w") as errors:
        started = subprocess.Popen(run, env=environment(), stderr=errors)
    while not state.exists() and started.poll() is None:
        time.sleep(0.01)
    time.sleep(random.uniform(0, 1.5))
    victims = workers(started) if processes > 1 else [started.pid]
    if started.poll() is None:
        os.kill(random.choice(victims), signal.SIGKILL)
    killed = started.wait(120) != 0
    if killed:
        assert state.exists()
        assert not output.exists()
        train(output, *length, "--resume", processes=processes, paths=paths)
    a, b = record(whole), record(output)
    assert all(np.array_equal(x, y) for x, y in zip(a[1], b[1]))
    assert all(np.array_equal(a[0][name], b[0][name]) for name in a[0])
    assert not state.exists()


def test_the_program_takes_the_model(one, songs, program, tmp_path):
    assert json.loads(program("info", "--json", one))["training"]["finished"]
    assert 0 < json.loads(program("eval", "--json", one, *songs))["likelihood"]["nats_per_frame"] < 100
    program("sample", one, "--length", "2bars", "-o", tmp_path / "new.mid")
    assert (tmp_path / "new.mid").stat().st_size > 20


def test_a_pack_gives_the_model_of_the_files(one, songs, program, tmp_path):
    program("pack", *songs, "-o", tmp_path / "c.pack")
    packed = train(tmp_path / "m.safetensors", *LENGTH, paths=[tmp_path / "c.pack"])
    a, b = record(one)[0], record(packed)[0]
    assert all(np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("broken", [False, True])
def test_without_libspiral_net_it_ends_with_one_sentence(broken, tmp_path):
    if not broken and ctypes.util.find_library("spiral-net"):
        pytest.skip("libspiral-net is installed on this system")
    library = tmp_path / "libspiral.so"
    shutil.copy(built("libspiral.so"), library)
    if broken:
        (tmp_path / "libspiral-net.so").write_text("no library")
    wanted = "libspiral-net cannot be loaded: " if broken else "libspiral-net is not installed: .*make install"
    run = [sys.executable, "-m", "spiral_loss.train", "music/", "-o", str(tmp_path / "m.safetensors")]
    own = {**environment(), "SPIRAL_LOSS_LIBRARY": str(library)}
    done = subprocess.run(run, env=own, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(rf"spiral_loss.train: {wanted}.*\n", done.stderr)


def test_without_torch_it_ends_with_one_sentence():
    code = "import runpy, sys; sys.modules['torch'] = None; runpy.run_module('spiral_loss.train', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "spiral_loss.train: needs PyTorch: pip install torch\n")


def test_refusals(one, songs, tmp_path):
    text = tmp_path / "text.safetensors"
    text.write_text("notes of mine, none of a model")
    for output, more, sentence in (
        (text, [], "not a model file; it is not overwritten"),
        (tmp_path / "m", ["--resume"], "no training to resume"),
        (tmp_path / "m", ["--lr", "100"], "learning_rate is 100"),
    ):
        run = command(output, *LENGTH, *more, paths=songs)
        done = subprocess.run(run, env=environment(), capture_output=True, text=True, timeout=300)
        assert done.returncode != 0
        assert sentence in done.stderr
    assert text.read_text() == "notes of mine, none of a model"
