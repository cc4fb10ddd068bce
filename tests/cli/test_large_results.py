# SPDX-License-Identifier: MIT
"""For results that need much space, memory or time, a message before the work says how much."""
import re
import subprocess

import pytest
from program import PROGRAM, lines_with, mthd, spiral


def delta(n):
    data = [n & 127]
    while n := n >> 7:
        data.insert(0, n & 127 | 128)
    return bytes(data)


def piece(path, notes, ticks):
    """`notes` notes, each `ticks` long; 960 ticks are a second."""
    event = b"".join(delta(0) + bytes([0x90, 60 + i, 80]) + delta(ticks) + bytes([0x80, 60 + i, 0]) for i in range(12))
    events = event * (notes // 12) + b"\0\xff\x2f\0"
    path.write_bytes(mthd(1, kind=0) + b"MTrk" + len(events).to_bytes(4, "big") + events)
    return path


def announced(done):
    line, = lines_with(done, "takes about")
    return float(re.search(r"takes about (\d+) MB", line)[1]) * 1e6


@pytest.mark.parametrize(("end", "notes", "ticks"), [("svg", 264000, 60), ("wav", 360, 960)])
def test_large_rendering_is_announced(end, notes, ticks, tmp_path):
    done = spiral("render", piece(tmp_path / "in.mid", notes, ticks), "-o", tmp_path / f"out.{end}")
    if "draws no pictures" in done.err:
        pytest.skip("built without cairo")
    assert done.status == 0, done.err
    assert announced(done) == pytest.approx((tmp_path / f"out.{end}").stat().st_size, rel=0.3)


def test_comparison_that_takes_much_memory_is_announced(tmp_path):
    long = piece(tmp_path / "in.mid", 360, 960)
    done = spiral("loss", long, long, "--low", "0", "--high", "127")
    assert done.status == 0 and announced(done) == pytest.approx(360 * 100 * 128 * 16, rel=0.05), done.err
    assert "MB" not in spiral("loss", long, long, "--low", "0", "--high", "127", "--quiet").err


def test_small_results_are_not_announced(tune, tmp_path):
    for line in (["loss", tune, tune], ["render", tune, "-o", tmp_path / "a.wav"], ["render", tune, "-o", tmp_path / "a.svg"],
                 ["compare", tune, "--with", tune]):
        assert "takes about" not in spiral(*line).err


def test_long_likelihood_is_announced_before_it(decoder_model, tmp_path):
    a = piece(tmp_path / "a.mid", 12 * 40000, 960)
    units = spiral("info", decoder_model, "--json").json["config"]["decoder"]
    running = subprocess.Popen([PROGRAM, "eval", decoder_model, a], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    line = running.stderr.readline().decode()
    running.kill()
    running.communicate()
    frames = int(re.search(r"likelihood of ([\d,]+) frames takes about \S+ \w+ on one core", line)[1].replace(",", ""))
    assert frames >= 12 * 40000 and frames * units * 2.6e-6 >= 10, line


def test_long_writing_is_announced_before_it(decoder_model, tmp_path):
    running = subprocess.Popen([PROGRAM, "sample", decoder_model, "-n", "1000", "--length", "200bars", "-o", tmp_path],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    line = running.stderr.readline().decode()
    running.kill()
    running.communicate()
    assert "spiral sample: writing 3,200,000 frames takes about 38.4 s on one core" in line


def test_long_search_is_announced_before_it(tmp_path):
    a = piece(tmp_path / "a.mid", 12 * 1000, 960)
    running = subprocess.Popen([PROGRAM, "compare", a, "--with", a], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    line = running.stderr.readline().decode()
    running.kill()
    running.communicate()
    assert "searching 96,000 sixteenths of A in 96,000 of B takes about 61.4 s on one core" in line
