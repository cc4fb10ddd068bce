# SPDX-License-Identifier: MIT
"""Prints the tables of README.md from results.csv, and draws the clean F1 of 30 % octave noise.

    table.py results.csv [PICTURE.svg]

For each channel the eta is taken that has the least nats on the wrong labels of the validation part, seed by seed.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from measure import CHANNELS, ETAS, KEY, NOISES, PLAIN, VALUES
from paired import Runs, cell, difference, interval, table

COLUMNS = (("F1", "f1"), ("chroma F1", "chroma_f1"), ("octave share", "octave_share"))


def main():
    runs = Runs(sys.argv[1], KEY, VALUES)
    shown = None
    for noise in NOISES:
        seeds = sorted({key[3] for key in runs.rows if key[0] == noise}, key=int)
        names = [n for n in PLAIN + CHANNELS
                 if all(any(runs.done(noise, n, eta, s) for eta in (0.0, *ETAS)) for s in seeds)]  # fmt: skip
        if len(seeds) < 2 or "bce" not in names:
            continue

        def values(name, column, noise=noise, seeds=seeds):
            out = []
            for seed in seeds:
                found = [eta for eta in (0.0, *ETAS) if runs.done(noise, name, eta, seed)]
                eta = min(found, key=lambda e: runs.get("valid_nats", noise, name, e, seed))  # noqa: B023
                out.append(runs.get(column, noise, name, eta, seed))
            return out

        print(f"{noise}, {len(seeds)} seeds:\n")
        print(table(["loss"] + [c[0] for c in COLUMNS] + ["F1 less that of bce"],
                    [[n] + [cell(values(n, c)) for _, c in COLUMNS] + [difference(values(n, "f1"), values("bce", "f1"))]
                     for n in names]))  # fmt: skip
        if noise == "octave-30":
            shown = [(n, interval(values(n, "f1"))) for n in names]
    if shown and len(sys.argv) > 2:
        import matplotlib

        matplotlib.use("svg")
        import matplotlib.pyplot as plt

        plt.figure(figsize=(7, 4))
        plt.barh([n for n, _ in shown], [f[0] for _, f in shown], xerr=[f[1] for _, f in shown])
        plt.xlabel("F1 on right labels, 30 % of the labels an octave off")
        plt.xlim(left=min(f[0] - 2 * f[1] for _, f in shown))
        plt.tight_layout()
        plt.savefig(sys.argv[2])


if __name__ == "__main__":
    main()
