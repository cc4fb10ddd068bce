# SPDX-License-Identifier: MIT
"""What the pages say of speed is what bench/results/ says. The benches themselves: make bench, make bench-midi."""
import csv
import pathlib
import re

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
RESULTS = SOURCE / "bench/results"
CONTENDERS = {
    "this library": "ours", "PyTorch's cross-entropy, without the spiral": "torch bce alone",
    "the same formula in PyTorch, `torch.compile`": "torch compile",
    "the same formula in PyTorch, eager": "torch eager", "the question's loop, in NumPy": "question's loop",
    "GeomLoss, Sinkhorn": "geomloss sinkhorn", "POT, batched Sinkhorn": "pot sinkhorn",
    "the machine's limit: the multiply-adds at its own rate": "limit: multiply-adds",
}


def newest(of_midi):
    files = [p for p in RESULTS.glob("*.csv") if p.name.startswith("midi-") == of_midi]
    with open(max(files, key=lambda p: p.name[-len("2000-01-01.csv"):])) as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("label", CONTENDERS)
def test_readme_has_the_losses_numbers(label):
    line = next(x for x in (SOURCE / "README.md").read_text().splitlines() if x.startswith(f"| {label} |"))
    shown = [int(cell.replace(",", "")) for cell in line.split("|")[2:5]]
    fastest = {int(r["rolls"]): float(r["min_ns_per_column"]) for r in newest(of_midi=False)
               if r["contender"] == CONTENDERS[label] and r["keys"] == "36" and r["threads"] == "1"}
    assert shown == [round(fastest[rolls]) for rolls in (64, 512, 4096)]


def test_formats_has_the_readers_numbers():
    page = (SOURCE / "docs/formats.md").read_text()
    ms = {(r["contender"], r["what"][:3]): float(r["min_ms"]) for r in newest(of_midi=True)}
    for said, wanted in [(r"notes in (\d+) ms", ms["spiral", "337"]), (r"symusic's (\d+) ms", ms["symusic", "337"]),
                         (r"mido takes ([\d.]+) s", ms["mido, messages alone", "337"] / 1000),
                         (r"is ([\d.]+) s on the seed's grid", ms["rolls of the preset seed", "the"] / 1000),
                         (r"([\d.]+) s on sixteenths", ms["rolls of the preset phrase", "the"] / 1000)]:
        number = re.search(said, page)[1]
        decimals = len(number.partition(".")[2])
        assert f"{wanted:.{decimals}f}" == number, said
