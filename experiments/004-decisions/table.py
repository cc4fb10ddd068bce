# SPDX-License-Identifier: MIT
"""Prints the tables of README.md from results.csv, and draws the clashes of samples by loss and decision.

    table.py results.csv [PICTURE.svg]
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from paired import Runs, cell, difference, interval, table
from plan import CORPORA, DECISIONS, KEY, LOSSES, MUSIC, VALUES

# Head, column, digits, factor.
COLUMNS = (("frame F1", "f1", 4, 1), ("49 clean: F1", "clean_f1", 4, 1), ("chroma F1", "chroma_f1", 3, 1),
           ("spiral error", "spiral_error", 3, 1), ("clashes, %", "clashes", 2, 100), ("notes per frame", "notes", 2, 1),
           ("samples: clashes, %", "sample_clashes", 2, 100), ("notes per frame", "sample_notes", 2, 1),
           ("silent frames, %", "sample_silent", 1, 100))  # fmt: skip
COLOURS = ("#000000", "#999999", "#0072b2", "#56b4e9", "#009e73", "#d55e00", "#e69f00")


def picture(values, losses, music, path):
    """A group of bars for each loss: clashes of samples with each decision; the line is the clashes of the test music."""
    names = [n for n in DECISIONS if n not in ("no-neighbours", "top-k-apart")]  # their rule allows no clash
    bar, gap, left, width = 14, 22, 120, 560
    top = max(interval(values(loss, name, "sample_clashes"))[0] for loss in losses for name in names)
    height = len(losses) * (len(names) * bar + gap) + 70
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 90}" height="{height}" font-family="sans-serif" '
           'font-size="12">', '<rect width="100%" height="100%" fill="#fff"/>',
           '<text x="10" y="20">Keys a semitone apart among pairs that sound together, in samples, % '
           '(JSB; line: the music)</text>']  # fmt: skip
    y = 40
    for loss in losses:
        out.append(f'<text x="10" y="{y + len(names) * bar / 2 + 4:.0f}">{loss}</text>')
        for i, name in enumerate(names):
            mean = interval(values(loss, name, "sample_clashes"))[0]
            out.append(f'<rect x="{left}" y="{y}" width="{mean / top * width:.1f}" height="{bar - 2}" fill="{COLOURS[i]}"/>'
                       f'<text x="{left + mean / top * width + 4:.1f}" y="{y + bar - 4}" font-size="10">{100 * mean:.2f} '
                       f'{name}</text>')  # fmt: skip
            y += bar
        y += gap
    x = left + music / top * width
    out.append(f'<path d="M{x:.1f} 32V{y - gap + 6}" stroke="#c00"/></svg>')
    path.write_text("\n".join(out) + "\n")


def main():
    runs = Runs(sys.argv[1], KEY, VALUES)
    for corpus in CORPORA:
        losses = [loss for loss in LOSSES if any(key[:2] == (corpus, loss) for key in runs.rows)]
        seeds = runs.complete_seeds(*((corpus, loss, name) for loss in losses for name in (*DECISIONS, MUSIC)))
        if not losses or len(seeds) < 2:
            continue

        def values(loss, name, column, factor=1, corpus=corpus, seeds=seeds):
            return [factor * runs.get(column, corpus, loss, name, seed) for seed in seeds]

        columns = [c for c in COLUMNS if corpus == "jsb" or c[1] != "clean_f1"]
        for loss in losses:
            print(f"{corpus}, {loss}, {len(seeds)} seeds:\n")
            print(table(["decision"] + [c[0] for c in columns],
                        [[n] + [cell(values(loss, n, c, f), d) for _, c, d, f in columns] for n in DECISIONS]))  # fmt: skip
            print(f"{corpus}, {loss}, differences from threshold, seed by seed:\n")
            print(table(["decision"] + [c[0] for c in columns],
                        [[n] + [difference(values(loss, n, c, f), values(loss, "threshold", c, f), d) for _, c, d, f in columns]
                         for n in DECISIONS[1:]]))  # fmt: skip
        for other in ("no-neighbours", "top-k-apart"):
            print(f"{corpus}, min-risk minus {other}, seed by seed:\n")
            print(table(["loss"] + [c[0] for c in columns],
                        [[loss] + [difference(values(loss, "min-risk", c, f), values(loss, other, c, f), d)
                                   for _, c, d, f in columns] for loss in losses]))  # fmt: skip
        row = runs.rows[(corpus, losses[0], MUSIC, seeds[0])]
        print(f"{corpus}, the test music: clashes {100 * float(row['clashes']):.2f} %, notes per frame {float(row['notes']):.2f}, "
              f"silent frames {100 * float(row['sample_silent']):.1f} %.\n")  # fmt: skip
        if corpus == "jsb" and len(sys.argv) > 2:
            picture(values, losses, float(row["clashes"]), pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
