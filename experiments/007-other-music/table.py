# SPDX-License-Identifier: MIT
"""Prints the tables of README.md from the results of measure.py, and draws its picture.

    table.py RESULTS.json PICTURE.svg
"""
import json
import pathlib
import sys

STATISTICS = ("clashes", "triads", "onsets_per_frame", "scale_consistency", "polyphony", "pitch_class_entropy",
              "groove_consistency", "empty_beat_rate")


def number(x):
    return x if isinstance(x, str) else "-" if x is None else f"{x:.3f}"


def row(name, values):
    print("| " + " | ".join([name, *map(number, values)]) + " |")


def head(*names):
    print("\n| " + " | ".join(names) + " |\n|" + " --- |" * len(names))


def print_tables(results):
    head("test pieces, nats per frame", "the decoder", "given only the past", "Markov", "repeats a bar")
    for name, r in results.items():
        n = r["likelihood"]["test"]
        row(f"{name}, whole pieces", [n["nats_per_frame"], "", n["markov_nats_per_frame"], n["repeat_bar_nats_per_frame"]])
        for task in ("continue", "fill", "harmonize"):
            t = n[task]
            row(f"{name}, {task}", [t["nats_per_frame"], t["past_only_nats_per_frame"], t["markov_nats_per_frame"],
                                    t["repeat_bar_nats_per_frame"]])
    head("", *(f"{name}, {what}" for name in results for what in ("samples", "test")))
    for s in STATISTICS:
        row(s, [r["samples"][k][s] for r in results.values() for k in ("a", "b")])
    head("", *results)
    for name, of in (("pieces: training, validation, test", lambda r: " ".join(str(n) for n in r["files"].values())),
                     ("frames of training", lambda r: f"{r['train']['frames_seen']:,}"),
                     ("samples with a fault", lambda r: str(r["samples"]["faults"])),
                     ("samples above the limit of similarity", lambda r: str(r["samples"]["above_limit"])),
                     ("largest share of cells equal to a training passage", lambda r: max(r["samples"]["nearest"], default=None)),
                     ("files filled and continued", lambda r: str(r["given"]["files"])),
                     ("of these, with a changed given note", lambda r: str(sum(r["given"]["changed"].values())))):
        row(name, [of(r) for r in results.values()])


WIDTH, HEIGHT, LEFT, GAP = 300, 110, 90, 12  # of a roll, left of the first, between two


def draw(results):
    """A row for each set: a test piece and two samples, keys upward, time to the right."""
    shapes, names = [], ("a test piece", "a sample", "a sample")
    for j, name in enumerate(names):
        shapes.append(f'<text x="{LEFT + j * (WIDTH + GAP)}" y="14">{name}</text>')
    for i, (name, r) in enumerate(results.items()):
        y = 22 + i * (HEIGHT + GAP)
        shapes.append(f'<text x="4" y="{y + HEIGHT / 2:g}">{name}</text>')
        keys = [n[0] for roll in r["rolls"] for n in roll]
        low, high, end = min(keys) - 1, max(keys) + 1, max(n[2] for roll in r["rolls"] for n in roll)
        for j, roll in enumerate(r["rolls"]):
            x, step = LEFT + j * (WIDTH + GAP), HEIGHT / (high - low + 1)
            shapes.append(f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" fill="#f2f2f2"/>')
            for key, begin, off in roll:
                shapes.append(f'<rect x="{x + WIDTH * begin / end:.1f}" y="{y + (high - key) * step:.1f}" '
                              f'width="{max(WIDTH * (off - begin) / end - 0.5, 0.5):.1f}" height="{step:.1f}" fill="#1f4e79"/>')
    size = (LEFT + 3 * (WIDTH + GAP), 22 + len(results) * (HEIGHT + GAP))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" font-family="sans-serif" '
            f'font-size="12">\n' + "\n".join(shapes) + "\n</svg>\n")


if len(sys.argv) != 3:
    sys.exit("usage: table.py RESULTS.json PICTURE.svg")
RESULTS = json.loads(pathlib.Path(sys.argv[1]).read_text())
print_tables(RESULTS)
pathlib.Path(sys.argv[2]).write_text(draw(RESULTS))
