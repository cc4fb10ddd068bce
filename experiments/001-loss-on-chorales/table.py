# SPDX-License-Identifier: MIT
"""Runs of run.sh -> a table: per loss, mean over seeds and the half width of its 95 % interval (Student's t); then
the differences from bce, seed by seed, which share the network's first weights and the order of the data.

    table.py OUT STEPS CODE      LOSSES and SEEDS from the environment
"""
import json
import math
import os
import pathlib
import statistics
import sys

COLUMNS = (  # heading, path in the JSON of `spiral eval`, factor
    ("F1", ("frame", "f1"), 1), ("chroma F1", ("chroma", "f1"), 1), ("E_sub", ("substitution",), 1),
    ("chroma E_sub", ("chroma", "substitution"), 1), ("E_tot", ("total_error",), 1),
    ("spiral error", ("spiral_error",), 1), ("helix dist.", ("helix_distance",), 1), ("note F1", ("note", "f1"), 1),
    ("BCE, nats", ("bce_nats",), 1))
# Two-sided 95 % quantiles of Student's t for 1 .. 30 degrees of freedom.
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
       2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)


def pick(scores, path):
    for name in path:
        scores = scores[name]
    return scores


def summary(values, digits, sign=""):
    mean = statistics.mean(values)
    if len(values) < 2:
        return f"{mean:{sign}.{digits}f}"
    half = T95[min(len(values) - 1, len(T95)) - 1] * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:{sign}.{digits}f} ± {half:.{digits}f}"


def row(name, runs, sign=""):
    cells = [summary([pick(r, path) * factor for r in runs], 1 if heading.startswith("BCE") else 4, sign)
             for heading, path, factor in COLUMNS]
    print("| " + " | ".join([name] + cells) + " |")


def difference(a, b):
    return {k: difference(a[k], b[k]) if isinstance(a[k], dict) else a[k] - b[k] for k in a}


def main():
    out, steps, code = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    losses, seeds = os.environ["LOSSES"].split(), os.environ["SEEDS"].split()
    runs = {loss: [json.loads((out / f"{loss}-{seed}-{steps}-{code}.json").read_text()) for seed in seeds]
            for loss in losses}
    print(f"\nMean ± 95 % interval over {len(seeds)} seeds; {steps} steps, code {code}.\n")
    head = "| " + " | ".join(["loss"] + [c[0] for c in COLUMNS]) + " |\n|---" + "|---" * len(COLUMNS) + "|"
    print(head)
    for loss in losses:
        row(loss, runs[loss])
    if "bce" in losses:
        print("\nDifference from bce, seed by seed.\n\n" + head)
        for loss in losses:
            if loss != "bce":
                row(loss, [difference(a, b) for a, b in zip(runs[loss], runs["bce"])], "+")


if __name__ == "__main__":
    main()
