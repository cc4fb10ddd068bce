#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the tables of README.md from results.csv. Given a folder of runs (see run.sh), it first writes results.csv from them.

    table.py results.csv [RUNS STEPS LATENT]

For each loss the mean over seeds and the half width of its 95 % interval (Student's t); then the differences from bce,
seed by seed: a seed determines the first weights and the order of the data, which are the same for all losses.
"""
import csv
import json
import math
import pathlib
import statistics
import sys

FIELDS = {  # column of results.csv: where it is in the JSON of `spiral eval`
    "f1": ("frame", "f1"), "note_f1": ("note", "f1"), "chroma_f1": ("chroma", "f1"),
    "spiral_error": ("spiral_error",), "helix_distance": ("helix_distance",), "substitution": ("substitution",),
    "miss": ("miss",), "false_alarm": ("false_alarm",), "octave_share": ("octave_share",), "bce_nats": ("bce_nats",)}
COLUMNS = (  # heading, column, digits
    ("frame F1", "f1", 3), ("note F1", "note_f1", 3), ("spiral error", "spiral_error", 3),
    ("substitutions", "substitution", 3), ("misses", "miss", 3), ("false alarms", "false_alarm", 3),
    ("octave share", "octave_share", 3), ("BCE, nats", "bce_nats", 1))
# Two-sided 95 % quantiles of Student's t for 1 .. 30 degrees of freedom.
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
       2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)


def collect(runs, steps, latent, out):
    """Writes results.csv from all runs with these steps and this length of the latent; losses in the order of run.sh."""
    order = list(dict.fromkeys(line.split()[0] for line in (runs / "plan").read_text().splitlines()))
    rows = []
    for path in runs.glob(f"*.{steps}.{latent}.json"):
        loss, seed, *_ = path.name.split(".")
        scores = json.loads(path.read_text())
        row = {"loss": loss, "seed": int(seed), "steps": steps, "latent": latent}
        for name, keys in FIELDS.items():
            value = scores
            for key in keys:
                value = value[key]
            row[name] = f"{value:.6g}"
        rows.append(row)
    rows.sort(key=lambda r: (order.index(r["loss"]), r["seed"]))
    with open(out, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def interval(values):
    """Mean and half width."""
    half = T95[min(len(values) - 1, len(T95)) - 1] * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values), half


def cell(values, digits):
    mean, half = interval(values)
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def difference(values, digits):
    """With its sign, and in bold if 0 is not in the interval."""
    mean, half = interval(values)
    text = f"{mean:+.{digits}f} ± {half:.{digits}f}"
    return f"**{text}**" if abs(mean) > half else text


def line(name, cells):
    print("| " + " | ".join([name] + cells) + " |")


def main():
    results = pathlib.Path(sys.argv[1])
    if len(sys.argv) > 2:
        collect(pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4], results)
    runs = {}
    with open(results, newline="") as file:
        for row in csv.DictReader(file):
            runs.setdefault(row["loss"], {})[row["seed"]] = row
    seeds = [s for s in runs["bce"] if all(s in of for of in runs.values())]
    if len(seeds) < 2:
        sys.exit("table.py: fewer than two seeds with a run of every loss")

    def values(loss, column):
        return [float(runs[loss][seed][column]) for seed in seeds]

    def shown(loss, column, text):
        """`text`, or "-" if there are no substitutions and so no octave share."""
        return "-" if column == "octave_share" and 0 in values(loss, "substitution") else text

    head = [heading for heading, *_ in COLUMNS]
    line("loss", head)
    line("---", ["---"] * len(head))
    for loss in runs:
        line(loss, [shown(loss, c, cell(values(loss, c), digits)) for _, c, digits in COLUMNS])
    print("\nDifferences from bce, seed by seed:\n")
    line("loss", head)
    line("---", ["---"] * len(head))
    for loss in runs:
        if loss != "bce":
            line(loss, [shown(loss, c, difference([a - b for a, b in zip(values(loss, c), values("bce", c))], digits))
                        for _, c, digits in COLUMNS])


if __name__ == "__main__":
    main()
