# SPDX-License-Identifier: MIT
"""The numbers of speed in the documents are those of the files in bench/results/ that the documents name.

A result of another machine, or a newer one, changes nothing here until a document names it. The benches: make bench,
make bench-midi.
"""
import csv
import pathlib
import re

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CONTENDERS = {
    "this library": "ours", "PyTorch's cross-entropy, without the spiral": "torch bce alone",
    "the same formula in PyTorch, `torch.compile`": "torch compile",
    "the same formula in PyTorch, eager": "torch eager", "the question's loop, in NumPy": "question's loop",
    "GeomLoss, Sinkhorn": "geomloss sinkhorn", "POT, batched Sinkhorn": "pot sinkhorn",
    "the machine's limit: the multiply-adds at its own rate": "limit: multiply-adds",
}


def results_named_in(text):
    """The rows of the one file of bench/results/ that a document names."""
    path, = set(re.findall(r"bench/results/[\w.-]+\.csv", text))
    with open(SOURCE / path) as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("label", CONTENDERS)
def test_readme_has_the_numbers_of_the_losses(label):
    page = (SOURCE / "README.md").read_text()
    line = next(x for x in page.splitlines() if x.startswith(f"| {label} |"))
    shown = [int(cell.replace(",", "")) for cell in line.split("|")[2:5]]
    fastest = {}
    for row in results_named_in(page):
        if row["contender"] == CONTENDERS[label] and row["keys"] == "36" and row["threads"] == "1":
            ns = next(row[key] for key in ("min_ns_per_frame", "min_ns_per_column") if key in row)
            fastest[int(row["rolls"])] = float(ns)
    assert shown == [round(fastest[rolls]) for rolls in (64, 512, 4096)]


def test_formats_has_the_numbers_of_the_readers():
    page = (SOURCE / "docs/formats.md").read_text()
    ms = {(r["contender"], r["what"][:3]): float(r["min_ms"]) for r in results_named_in(page)}
    for pattern, wanted in [(r"notes in (\d+) ms", ms["spiral", "337"]), (r"symusic's (\d+) ms", ms["symusic", "337"]),
                            (r"mido takes ([\d.]+) s", ms["mido, messages alone", "337"] / 1000),
                            (r"is ([\d.]+) s on the grid of the preset", ms["rolls of the preset seed", "the"] / 1000),
                            (r"([\d.]+) s on sixteenths", ms["rolls of the preset phrase", "the"] / 1000)]:
        number = re.search(pattern, page)[1]
        decimals = len(number.partition(".")[2])
        assert f"{wanted:.{decimals}f}" == number, pattern
