# SPDX-License-Identifier: MIT
"""Commands that are killed or get a signal at many moments: no file is lost or damaged, and temporary files are removed."""
import os
import random
import signal
import subprocess
import time

import pytest
from program import PROGRAM, digest, spiral, tree

MODEL, DECODER, A, B = "model.safetensors", "decoder.safetensors", "music/twinkle.mid", "music/greensleeves.mid"
SMALL = ["--steps", "60", "--hidden", "8", "--latent", "2", "--decoder", "0", "--save-every", "0s"]
WRITERS = {
    "train": ["train", "music", "-o", "out.safetensors", *SMALL],
    "train decoder": ["train", "music", "-o", "out.safetensors", *SMALL[:-4], "--decoder", "8", "--decoder-steps", "60", *SMALL[-2:],
                      "--low", "60", "--high", "71"],
    "sample": ["sample", MODEL, "-n", "30", "-o", "out", "--length", "30s"],
    "interpolate": ["interpolate", MODEL, A, B, "-n", "30", "-o", "out"],
    "continue": ["continue", DECODER, A, "-n", "30", "-o", "out"],
    "fill": ["fill", DECODER, A, "-n", "30", "-o", "out", "--from", "1bar", "--to", "3bars"],
    "harmonize": ["harmonize", DECODER, A, "-n", "10", "-o", "out"],
    "vary": ["vary", DECODER, A, "-n", "10", "-o", "out"],
    "encode": ["encode", DECODER, A, "-o", "out.npy"],
    "decode": ["decode", DECODER, "latents.npy", "-n", "10", "-o", "out"],
    "explore": ["explore", DECODER, "-o", "out.html", "--against", "music"],
    "reconstruct": ["reconstruct", MODEL, A, "-o", "out.mid"],
    "pack": ["pack", "music", "-o", "out.pack"],
    "render wav": ["render", A, "-o", "out.wav", "--synth", "additive"],
    "render svg": ["render", A, "-o", "out.svg"],
    "render mid": ["render", A, "-o", "out.mid"],
}


def results(folder):
    return {name: data for name, data in tree(folder).items() if name.startswith("out") and ".spiral-" not in name}


def temporary(folder):
    return [name for name in tree(folder) if ".spiral-" in name]


def clear(folder):
    for name in [*results(folder), *temporary(folder)]:
        (folder / name).unlink()


def whole_run(folder, line):
    """The files that the command writes, and how long it takes."""
    clear(folder)
    begin = time.monotonic()
    assert spiral(*line, cwd=folder).status == 0
    return results(folder), time.monotonic() - begin


def end_after(folder, line, seconds, number):
    running = subprocess.Popen([PROGRAM, *line], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    time.sleep(seconds)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    return running.returncode, err.decode()


@pytest.mark.parametrize("writer", WRITERS)
def test_killed_command_loses_nothing(writer, place, long):
    """The old output is kept or the new one is complete; the next run removes temporary files and succeeds."""
    line, chance = WRITERS[writer], random.Random(1)
    right, duration = whole_run(place, line)
    killed = 0
    for _ in range(200 if long else 15):
        status, _ = end_after(place, line, chance.uniform(0, 1.2 * duration), signal.SIGKILL)
        killed += status == -signal.SIGKILL
        found = results(place)
        for name, data in right.items():
            assert found[name] == data, name
        assert set(found) <= {*right, "out.safetensors.unfinished", "out.safetensors.lock"}
        if "out.safetensors.unfinished" in found:
            assert spiral("info", "out.safetensors.unfinished", cwd=place).status == 0
            assert spiral(*line, "--resume", cwd=place).status == 0
            assert results(place) == right
    assert spiral(*line, cwd=place).status == 0
    assert results(place) == right and not temporary(place)
    print(f"{writer}: {killed} killed, 0 files lost")
    clear(place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("writer", WRITERS)
def test_signalled_command_leaves_no_temporary_file(writer, number, place, long):
    line, chance = WRITERS[writer], random.Random(number)
    right, duration = whole_run(place, line)
    for _ in range(40 if long else 5):
        status, err = end_after(place, line, chance.uniform(0, 1.2 * duration), number)
        assert status in (0, -number) or ("train" in writer and status == 1 and "--resume" in err), (status, err)
        assert not temporary(place)
        found = results(place)
        assert all(found[name] == data for name, data in right.items())
        assert not any("lock" in name for name in found)
        if "out.safetensors.unfinished" in found:
            (place / "out.safetensors.unfinished").unlink()
    clear(place)


def test_second_signal_ends_a_training_at_once(place):
    """The second signal comes while the program finishes a long step after the first."""
    line = ["train", "music", "-o", "out.safetensors", "--steps", "100000", "--decoder", "0", "--hidden", "4096", "--layers", "8", "--batch",
            "65536", "--threads", "1"]
    running = subprocess.Popen([PROGRAM, *line, "--quiet"], cwd=place, stderr=subprocess.PIPE)
    time.sleep(2)
    running.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=5)
    assert running.returncode == -signal.SIGINT
    assert not results(place) and not temporary(place)


def test_ignored_signals_stay_ignored(place):
    """Nohup and the background jobs of a script ignore signals."""
    log = place / "out.log"
    running = subprocess.Popen([PROGRAM, "train", "music", "-o", "out.safetensors", "--steps", "400", "--hidden", "8", "--decoder", "0", "--latent",
                                "2", "--log", "out.log", "--quiet"], cwd=place, preexec_fn=lambda: [
                                    signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, signal.SIGHUP)])
    while running.poll() is None and not (log.exists() and log.stat().st_size):
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    running.send_signal(signal.SIGHUP)
    assert running.wait(timeout=60) == 0
    clear(place)


def test_two_trainings_of_one_model_exclude_each_other(place):
    first = subprocess.Popen([PROGRAM, "train", "music", "-o", "out.safetensors", "--steps", "1000000", "--hidden", "8", "--decoder", "0", "--log",
                              "out.log", "--quiet"], cwd=place, stderr=subprocess.PIPE)
    while not (place / "out.log").exists():
        time.sleep(0.01)
    second = spiral("train", "music", "-o", "out.safetensors", *SMALL, cwd=place)
    assert second.status == 1 and "another training is writing this model" in second.err, second.err
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert first.returncode == 1
    assert sorted(results(place)) == ["out.log", "out.safetensors.unfinished"]
    clear(place)


def test_killed_training_resumes_to_the_same_bytes(place):
    line = ["train", "music", "-o", "out.safetensors", *SMALL]
    right, duration = whole_run(place, line)
    (place / "out.safetensors").unlink()
    for _ in range(4):
        more = ["--resume"] if (place / "out.safetensors.unfinished").exists() else []
        end_after(place, [*line, *more], 0.5 * duration, signal.SIGKILL)
        if (place / "out.safetensors").exists() and not (place / "out.safetensors.unfinished").exists():
            break
    if (place / "out.safetensors.unfinished").exists():
        assert spiral(*line, "--resume", cwd=place).status == 0
    elif not (place / "out.safetensors").exists():
        assert spiral(*line, cwd=place).status == 0
    assert digest(place / "out.safetensors") and results(place) == right
    assert os.listdir(place) and not temporary(place)
    clear(place)
