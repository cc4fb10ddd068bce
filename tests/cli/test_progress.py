# SPDX-License-Identifier: MIT
"""Progress of training and of reading many files: lines, terminal, colours, log."""
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios

import pytest
from program import PROGRAM, TINY, failed, lines_with, one_note, spiral


def on_terminal(args, columns=80, env=None):
    """Runs the program with a pseudo-terminal as its stderr; returns the status and the text written to it."""
    try:
        master, slave = pty.openpty()
    except OSError as error:
        pytest.skip(f"the system gives no pseudo-terminal (/dev/pts): {error}")
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


def test_log_has_a_json_object_a_line(music, tmp_path):
    done = spiral("train", music, "-o", tmp_path / "m", *TINY, "--log", tmp_path / "log")
    assert done.status == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert lines[-1]["step"] == lines[-1]["steps"] == 20 and "valid_f1" in lines[-1]
    assert all({"seconds", "windows_per_second", "train_loss", "rate"} <= set(line) for line in lines)
    assert failed(spiral("train", music, "-o", tmp_path / "n", *TINY, "--log", tmp_path / "no" / "log", "--quiet"), 1,
                  "cannot write the log")


def test_progress_without_a_terminal_is_plain_lines(music, tmp_path):
    done = spiral("train", music, "-o", tmp_path / "m", *TINY)
    assert "\r" not in done.err and "\x1b" not in done.err
    lines = [line for line in done.err.splitlines() if "windows/s" in line]
    assert 10 <= len(lines) <= 25 and lines[-1].startswith("100 %")
    assert all("left" in line and "loss" in line for line in lines)


@pytest.mark.parametrize("columns", [30, 60, 80, 200])
def test_progress_on_a_terminal_redraws_one_line_that_fits(columns, music, tmp_path):
    status, shown = on_terminal(["train", music, "-o", tmp_path / "m", *TINY], columns)
    assert status == 0
    redrawn = [re.sub(r"\x1b\[[0-9;]*[mK]", "", part).split("\n")[0].rstrip("\r") for part in shown.split("\r\x1b[K")[1:]]
    assert len(redrawn) >= 2
    assert all(len(line) < columns for line in redrawn), max(redrawn, key=len)
    assert "100 %" in redrawn[-1]
    assert shown.endswith("\n")


def test_colour_depends_on_terminal_and_NO_COLOR(music, tmp_path):
    line = ["train", music, "-o", tmp_path / "m", *TINY]
    assert "\x1b[36m" in on_terminal(line)[1]
    plain = on_terminal(line, env={"NO_COLOR": "1"})[1]
    assert "\x1b[36m" not in plain and "\r\x1b[K" in plain
    assert "\x1b[36m" in on_terminal(line, env={"NO_COLOR": ""})[1]
    dumb = on_terminal(line, env={"TERM": "dumb"})[1]
    assert "\x1b" not in dumb and dumb.count("windows/s") >= 10


def test_quiet_on_a_terminal_shows_nothing(music, tmp_path):
    assert on_terminal(["train", music, "-o", tmp_path / "m", *TINY, "--quiet"]) == (0, "")


CLOCK = """
#define _GNU_SOURCE
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *t) {
    static _Atomic long seconds;
    (void)id;
    t->tv_sec = ++seconds;
    t->tv_nsec = 0;
    return 0;
}
"""


@pytest.fixture
def fast_clock(tmp_path):
    """The environment of a program whose clock advances a second whenever it is read."""
    if not shutil.which("cc"):
        pytest.skip("no C compiler for the clock")
    (tmp_path / "clock.c").write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "clock.so", tmp_path / "clock.c"], check=True)
    return {"LD_PRELOAD": str(tmp_path / "clock.so")}


def test_reading_many_files_shows_how_many_and_how_long(fast_clock, tmp_path):
    folder, files = tmp_path / "midi", 40
    folder.mkdir()
    for i in range(files):
        (folder / f"{i}.mid").write_bytes(one_note(40 + i))
    read = ["inspect", folder, "--threads", "1"]
    pack = ["pack", folder, "-o", tmp_path / "c.pack", "--threads", "1", "--json"]
    done = spiral(*read, env=fast_clock)
    assert done.status == 0 and done.err.splitlines() == [
        f"spiral inspect: reading: {n} of {files} files, {files - n} s left" for n in (10, 20, 30)], done.err
    done = spiral(*pack, env=fast_clock)
    assert done.status == 0 and done.json["files"] == files
    for what in "looking for the key range", "packing":  # making the name of the temporary file also reads the clock
        assert [int(re.search(r"(\d+) of 40 files, \d+ s left", text)[1]) for text in lines_with(done, what)] == [9, 19, 29, 39], done.err
    for line in read, pack:
        assert spiral(*line, "--quiet", env=fast_clock).err == ""
        assert spiral(*line).err == ""  # takes a fraction of a second
        status, shown = on_terminal(line, 30, env=fast_clock)
        drawn = shown.split("\r\x1b[K")
        assert status == 0 and len(drawn) > files and drawn[0] == drawn[-1] == "", shown
        assert all(len(text) < 30 and re.match("(reading|packing|looking for the key range): ", text) for text in drawn if text)


def test_closed_standard_error_does_not_end_training(music, tmp_path):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([PROGRAM, "train", str(music), "-o", str(tmp_path / "m"), *TINY], stderr=write,
                          stdout=subprocess.PIPE)
    os.close(write)
    assert done.returncode == 0 and (tmp_path / "m").exists()
