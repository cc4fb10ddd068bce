# SPDX-License-Identifier: MIT
"""Limits of the system: descriptors, size of files, space, memory, paths that are not files. One message each, and no hanging."""
import os
import resource
import signal
import subprocess
import time

import pytest
from program import PROGRAM, failed, spiral, tree

MODEL, A, B = "model.safetensors", "music/twinkle.mid", "music/greensleeves.mid"
READERS = {"info": ["info"], "eval": ["eval", MODEL], "reconstruct": ["reconstruct", MODEL], "loss": ["loss", A],
           "inspect": ["inspect"], "render": ["render"], "train": ["train"]}


def run(line, cwd, before=None, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
    done = subprocess.run([PROGRAM, *line], cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, timeout=60,
                          preexec_fn=before)
    return done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode()


@pytest.mark.parametrize("reader", READERS)
def test_pipes_and_devices_are_refused_and_not_waited_for(reader, place, tmp_path):
    pipe = tmp_path / "pipe.mid"
    os.mkfifo(pipe)
    for path in (pipe, "/dev/zero", "/dev/null"):
        more = ["-o", tmp_path / "out.mid"] if reader in ("render", "reconstruct", "train") else []
        done = spiral(*READERS[reader], path, *more, cwd=place, timeout=20)
        assert done.status == 1 and "not a file" in done.err, done.err
    assert not (tmp_path / "out.mid").exists()
    done = spiral("inspect", tmp_path, timeout=20)  # a pipe in a folder is skipped
    assert failed(done, 1, "no .mid")
    assert failed(spiral("render", A, "-o", pipe, cwd=place, timeout=20), 1, "no program reads")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_descriptors(closed, place, tmp_path):
    """Output to a closed descriptor fails and does not go into another file."""
    def close():
        for fd in closed:
            os.close(fd)

    log = tmp_path / "log"
    line = ["train", "music", "-o", tmp_path / "m", "--steps", "30", "--hidden", "8", "--latent", "2", "--decoder", "0", "--log", log]
    status, _, err = run(line, place, close)
    assert status == (1 if 1 in closed else 0), err
    assert all(text.startswith('{"step":') and text.endswith("}") for text in log.read_text().splitlines())
    assert spiral("info", tmp_path / "m").status == 0
    status, _, err = run(["info", MODEL, "--json"], place, close)
    assert status == (1 if 1 in closed else 0)
    assert 1 not in closed or 2 in closed or "standard output: cannot write" in err
    if 0 in closed:
        status, _, err = run(["render", "-", "-o", tmp_path / "x.mid"], place, close)
        assert status == 1 and (2 in closed or "standard input" in err)


@pytest.mark.parametrize("name", ["out.mid", "out.wav", "out.svg", "out.safetensors"])
def test_file_size_limit_is_an_error_message(name, place, tmp_path):
    line = (["train", "music", "--steps", "3", "--hidden", "8", "--latent", "2", "--decoder", "0", "--quiet"] if name.endswith("tensors") else
            ["render", A])
    status, _, err = run([*line, "-o", tmp_path / name], place, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
    assert status == 1 and len(err.splitlines()) == 1 and "File too large" in err, (status, err)
    assert tree(tmp_path) == {}


def test_address_space_limits_do_not_hang(place, tmp_path):
    for megabytes in (60, 80, 100, 150, 200, 300, 500, 1000):
        size = megabytes << 20
        status, _, err = run(["train", "music", "-o", tmp_path / "m", "--steps", "3", "--hidden", "8", "--latent", "2", "--decoder", "0", "--quiet"],
                             place, lambda size=size: resource.setrlimit(resource.RLIMIT_AS, (size, size)))
        assert status == 0 or (status == 127 and "shared" in err) or (status == 1 and "memory" in err), (megabytes, status, err)
        assert status == 0 or tree(tmp_path) == {}
        (tmp_path / "m").unlink(missing_ok=True)


@pytest.mark.parametrize("line", [["info", "x.safetensors"], ["inspect", "x.mid"], ["render", "x.txt", "-o", "x.wav"]], ids=lambda line: line[0])
def test_huge_files_are_refused_before_they_are_read(line, tmp_path):
    """The file has 100 gigabytes, and memory is limited to half a gigabyte."""
    with open(tmp_path / line[1], "wb") as file:
        file.truncate(100 << 30)
    status, _, err = run(line, tmp_path, lambda: resource.setrlimit(resource.RLIMIT_AS, (500 << 20, 500 << 20)))
    assert status == 1 and f"{line[1]}: larger than" in err and len(err.splitlines()) == 1, err


def test_log_is_no_other_file(place, tmp_path):
    line = ["train", "music", "-o", tmp_path / "m", "--steps", "3", "--hidden", "8", "--latent", "2", "--decoder", "0", "--quiet", "--log"]
    (tmp_path / "notes").write_text("my notes\n")
    for log in (tmp_path / "m", tmp_path / ".." / tmp_path.name / "m", tmp_path / "m.unfinished", tmp_path / "notes",
                place / MODEL, place / A):
        before = tree(tmp_path), tree(place)
        assert failed(spiral(*line, log, cwd=place), 1, log.name)
        assert (tree(tmp_path), tree(place)) == before
    assert spiral(*line, tmp_path / "log", cwd=place).status == 0
    assert spiral(*line, tmp_path / "log", cwd=place).status == 0


def test_full_disk_under_a_running_training_is_reported_and_tried_again(place, tmp_path):
    """The state and the log cannot be written for a while; training continues and its model is complete."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        ballast = disk / "ballast"
        running = subprocess.Popen(
            [PROGRAM, "train", "music", "-o", disk / "m", "--steps", "3000", "--preset", "36x36", "--hidden", "8", "--latent", "2", "--decoder", "0",
             "--save-every", "50ms", "--log", disk / "log"], cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while running.poll() is None and not (disk / "m.unfinished").exists():
            time.sleep(0.01)
        with open(ballast, "wb", buffering=0) as file:
            try:
                while file.write(bytes(1024)):
                    pass
            except OSError:
                pass
        err = b""
        while running.poll() is None and b"could not be saved" not in err:
            err += running.stderr.readline()
        ballast.unlink()
        err += running.communicate(timeout=120)[1]
        assert b"goes on, but could not be saved" in err and b"No space left" in err, err
        assert running.returncode in (0, 1), err
        assert running.returncode == 0 or b"lines of the log could not be written" in err, err
        assert spiral("info", disk / "m", "--json").json["training"]["finished"] is True
        assert all(text.startswith("{") and text.endswith("}") for text in (disk / "log").read_text().splitlines())
        assert sorted(tree(disk)) == ["log", "m"]
    finally:
        running.kill()
        running.wait()
        subprocess.run(["umount", disk], check=True)


def test_pack_that_is_cut_while_it_is_used_ends_the_training_with_a_sentence(place, tmp_path):
    """The saved state of the training is kept, and no other file is left."""
    pack, log = tmp_path / "c.pack", tmp_path / "log"
    assert spiral("pack", "music", "-o", pack, cwd=place).status == 0
    running = subprocess.Popen([PROGRAM, "train", pack, "-o", tmp_path / "m", "--steps", "100000000", "--hidden", "8", "--decoder", "0",
                                "--save-every", "0s", "--log", log, "--quiet"], cwd=place, stderr=subprocess.PIPE)
    while running.poll() is None and not (log.exists() and (tmp_path / "m.unfinished").exists()):
        time.sleep(0.01)
    os.truncate(pack, 4096)
    err = running.communicate(timeout=60)[1].decode()
    assert running.returncode == 1 and len(err.splitlines()) == 1, (running.returncode, err)
    assert f"{pack}: a part of the corpus pack is gone" in err
    assert sorted(tree(tmp_path)) == ["c.pack", "log", "m.unfinished"]
    assert spiral("info", tmp_path / "m.unfinished", "--json").json["training"]["finished"] is False
    assert failed(spiral("eval", place / MODEL, pack), 1, "the corpus pack is damaged: it has 4096 bytes")


def test_names_up_to_the_limit_can_be_written(place, tmp_path):
    for ending in (".mid", ".svg", ".wav"):
        path = tmp_path / ("x" * (255 - len(ending)) + ending)
        done = spiral("render", A, "-o", path, cwd=place)
        assert done.status == 0 or "draws no pictures" in done.err, done.err
    path = tmp_path / ("é" * 127 + "x")
    assert spiral("train", "music", "-o", path, "--steps", "3", "--hidden", "8", "--latent", "2", "--decoder", "0", cwd=place).status == 0
    running = subprocess.Popen([PROGRAM, "train", "music", "-o", path, "--steps", "1000000", "--hidden", "8", "--decoder", "0", "--log",
                                tmp_path / "log", "--quiet"], cwd=place, stderr=subprocess.PIPE)
    while running.poll() is None and not (tmp_path / "log").exists():
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    err = running.communicate(timeout=60)[1].decode()
    assert running.returncode == 1 and "--resume" in err, err
