# SPDX-License-Identifier: MIT
"""The speeds in the documents are those in the files of bench/results/ that the documents name.

A new file of results changes nothing here until a document names it. The benchmarks: make bench, make bench-midi.
"""
import csv
import pathlib
import re
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "bench"))
import goals  # noqa: E402 - bench/ is no package

CONTENDERS = {
    "this library": "ours", "PyTorch's cross-entropy, without the spiral": "torch bce alone",
    "the same formula in PyTorch, `torch.compile`": "torch compile",
    "the same formula in PyTorch, eager": "torch eager", "the question's loop, in NumPy": "question's loop",
    "GeomLoss, Sinkhorn": "geomloss sinkhorn", "POT, batched Sinkhorn": "pot sinkhorn",
    "the machine's limit: the multiply-adds at its own rate": "limit: multiply-adds",
}


def results_named_in(text):
    """The rows of the one file of bench/results/ that a text names."""
    path, = set(re.findall(r"bench/results/[\w.-]+\.csv", text))
    with open(SOURCE / path) as file:
        return list(csv.DictReader(file))


def results_named_in_readme(field):
    """The rows of each file that README.md names and that has this field, in the order of the page."""
    page = (SOURCE / "README.md").read_text()
    files = [results_named_in(path) for path in dict.fromkeys(re.findall(r"bench/results/[\w.-]+\.csv", page))]
    return [rows for rows in files if field in rows[0]]


def results_of_the_losses():
    """The rows of the two files of the losses: with AVX-512 and with AVX2."""
    files = results_named_in_readme("isa")
    assert [rows[0]["isa"] for rows in files] == ["avx512", "avx2"]
    return files


@pytest.mark.parametrize("label", CONTENDERS)
def test_readme_has_the_numbers_of_the_losses(label):
    line = next(x for x in (SOURCE / "README.md").read_text().splitlines() if x.startswith(f"| {label} |"))
    shown = [int(cell.replace(",", "")) for cell in line.split("|")[2:-1]]
    expected = []
    for rows in results_of_the_losses():
        fastest = {int(row["rolls"]): float(row["min_ns_per_frame"]) for row in rows
                   if row["contender"] == CONTENDERS[label] and row["keys"] == "36" and row["threads"] == "1"}
        expected += [round(fastest[rolls]) for rolls in (64, 512, 4096)]
    assert shown == expected


def test_readme_has_all_goals_and_says_which_are_missed():
    lines = {}
    for file, rows in enumerate(results_of_the_losses()):
        for name, rolls, threads, ratio, limit, met in goals.reached(rows):
            line = f"| {rolls:,} rolls: at {'most' if name == goals.LIMIT else 'least'} {limit:,} {name} |"
            cells = lines.setdefault(line, [""] * 4)
            cells[2 * file + threads - 1] = f"{ratio:,.2f}" + (" **missed**" if not met else "")
    page = (SOURCE / "README.md").read_text().splitlines()
    for line, cells in lines.items():
        assert " ".join([line, *(f"{cell} |" for cell in cells)]) in page
    assert sum(line.startswith(("| 512 rolls: ", "| 4,096 rolls: ")) for line in page) == len(lines)


@pytest.mark.parametrize(("label", "is_ours"), [("training, this library", True), ("training, PyTorch", False)])
def test_readme_has_the_speed_of_training(label, is_ours):
    rows, = results_named_in_readme("windows_per_s")
    line = next(x for x in (SOURCE / "README.md").read_text().splitlines() if x.startswith(f"| {label} |"))
    best = {}
    for row in rows:
        if (row["way"] == "ours") == is_ours:
            best[row["what"]] = max(best.get(row["what"], 0), float(row["windows_per_s"]))
    wanted = [best[f"batch {batch}, {threads}"] for threads in ("1 thread", "2 threads") for batch in (32, 128, 512)]
    assert [cell.strip() for cell in line.split("|")[2:-1]] == [f"{x:,.0f}" for x in wanted]


def test_readme_has_the_time_from_files_to_a_model():
    rows, = results_named_in_readme("wall_s")
    fastest = [rows[0], min(rows[1:], key=lambda row: float(row["wall_s"]))]
    texts = ["{} s, {} MB, frame F1 {} on held-out files; PyTorch with symusic", "{} s, {} MB, {}."]
    expected = [text.format(f"{float(row['wall_s']):.1f}", f"{float(row['peak_mb']):,.0f}", f"{float(row['f1']):.3f}")
                for text, row in zip(texts, fastest)]
    assert rows[0]["way"] == "ours" and " ".join(expected) in (SOURCE / "README.md").read_text()


def test_readme_has_the_times_of_the_commands():
    rows, = results_named_in_readme("wall_ms")
    wall, processor = ({row["command"]: float(row[field]) for row in rows} for field in ("wall_ms", "processor_ms"))
    page = " ".join((SOURCE / "README.md").read_text().split())
    sound = "a minute as sound (.wav)"
    assert (f"starts in {wall['start (--help)']:.1f} ms, samples eight bars in {wall['8 new bars (sample)']:.0f} ms, and renders "
            f"a minute of four voices as a picture in {wall['a minute as a picture (.png)']:.0f} ms and as sound in "
            f"{wall[sound]:.0f} ms, of which FluidSynth's voices take "
            f"{processor[sound] - processor['two notes a minute apart as sound']:.0f} ms") in page
    missed = [row["command"] for row in rows if row["goal_ms"] and float(row["wall_ms"]) > float(row["goal_ms"])]
    assert missed == [sound] and "so sound **misses** its goal" in page


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
