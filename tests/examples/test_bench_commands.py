# SPDX-License-Identifier: MIT
"""bench/bench_commands.py in one round: the commands work, and the times of the parts of a rendering add up to its time.

SPIRAL_BUILD names the build folder.
"""
import csv
import os
import pathlib
import re
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SPIRAL_BUILD", SOURCE / "build"))


def test_the_bench_of_commands(tmp_path):
    kept = tmp_path / "result.csv"
    done = subprocess.run([sys.executable, SOURCE / "bench/bench_commands.py", BUILD / "cli/spiral", "--rounds", "1",
                           "--csv", kept], cwd=SOURCE, capture_output=True, text=True)
    if "draws no pictures" in done.stderr:
        pytest.skip("a build without pictures")
    assert done.returncode == 0, done.stderr
    rows = {row["command"]: row for row in csv.DictReader(kept.open())}
    assert len(rows) == 6
    for name, row in rows.items():
        assert float(row["wall_ms"]) > 0
        assert re.search(rf"^{re.escape(name)} .*\d", done.stdout, re.M)
    parts = [float(x) for x in re.findall(r"^    .* (-?\d+\.\d)$", done.stdout, re.M)]
    assert len(parts) == 3
    assert abs(sum(parts) - float(rows["a minute as sound (.wav)"]["processor_ms"])) < 0.3
