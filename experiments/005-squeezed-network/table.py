# SPDX-License-Identifier: MIT
"""Prints the tables of README.md from results.csv, and draws the spiral error against frame F1.

    table.py results.csv [PICTURE.svg]
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from measure import KEY, LATENTS, VALUES, losses
from paired import Runs, cell, difference, interval, table

COLUMNS = (("frame F1", "f1", 3), ("49 clean: F1", "clean_f1", 3), ("note F1", "note_f1", 3), ("chroma F1", "chroma_f1", 3),
           ("spiral error", "spiral_error", 3), ("octave share", "octave_share", 3), ("BCE, nats", "bce_nats", 1))  # fmt: skip
COLOURS = {"bce": "#000000", "chromatic": "#0072b2", "tonnetz": "#d55e00"}


def place(x, y, text, taken):
    """A place for the label of a point where it covers no other label, as (x, y, anchor); adds the box of the label to `taken`."""
    width, height = 7 * len(text), 12
    for dx, dy in ((4, -4), (4, 13), (-4, -4), (-4, 13), (4, -17), (4, 26), (-4, -17), (-4, 26)):
        left, bottom = x + dx - (width if dx < 0 else 0), y + dy
        if all(left + width < l or l + w < left or bottom - height > b or b - height > bottom for l, b, w in taken):  # noqa: E741
            break
    taken.append((left, bottom, width))
    return x + dx, bottom, "end" if dx < 0 else "start"


def picture(values, path):
    """Frame F1 from left to right, spiral error upwards, a panel for each latent; the arms of a cross are the intervals."""
    width, height, margin = 300, 240, 50
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{3 * (width + margin) + margin}" height="{height + 110}" '
           'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="#fff"/>']  # fmt: skip
    for i, latent in enumerate(LATENTS):
        points = {name: (interval(values(latent, name, "f1")), interval(values(latent, name, "spiral_error")))
                  for name, _ in losses()}  # fmt: skip
        xs = [f[0] + s * f[1] for f, _ in points.values() for s in (-1, 1)]
        ys = [e[0] + s * e[1] for _, e in points.values() for s in (-1, 1)]
        left, top = margin + i * (width + margin), 40

        def x(v, xs=xs, left=left):
            return left + (v - min(xs)) / (max(xs) - min(xs)) * width

        def y(v, ys=ys, top=top):
            return top + height - (v - min(ys)) / (max(ys) - min(ys)) * height

        out.append(f'<text x="{left}" y="24">latent {latent}</text><rect x="{left}" y="{top}" width="{width}" '
                   f'height="{height}" fill="none" stroke="#999"/>')  # fmt: skip
        for value, at in ((min(xs), "start"), (max(xs), "end")):
            out.append(f'<text x="{x(value):.1f}" y="{top + height + 16}" text-anchor="{at}">{value:.3f}</text>')
        for value in (min(ys), max(ys)):
            out.append(f'<text x="{left - 4}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
        taken = []
        for name, (f1, error) in points.items():
            colour, text = COLOURS[name.split("-")[0]], name.split("-")[-1]
            at_x, at_y, anchor = place(x(f1[0]), y(error[0]), text, taken)
            out.append(f'<path d="M{x(f1[0] - f1[1]):.1f} {y(error[0]):.1f}H{x(f1[0] + f1[1]):.1f}M{x(f1[0]):.1f} '
                       f'{y(error[0] - error[1]):.1f}V{y(error[0] + error[1]):.1f}" stroke="{colour}"/>'
                       f'<text x="{at_x:.1f}" y="{at_y:.1f}" fill="{colour}" text-anchor="{anchor}">{text}</text>')  # fmt: skip
    out.append(f'<text x="{margin}" y="{height + 85}">frame F1 (to the right is better) and spiral error (lower is better); '
               'blue: chromatic, orange: tonnetz, numbers: lambda, with cross-entropy</text></svg>')  # fmt: skip
    path.write_text("\n".join(out) + "\n")


def main():
    runs = Runs(sys.argv[1], KEY, VALUES)
    names = [name for name, _ in losses()]
    seeds = runs.complete_seeds(*((latent, name) for latent in LATENTS for name in names))
    if len(seeds) < 2:
        sys.exit("table.py: fewer than two seeds with every run")

    def values(latent, name, column):
        return [runs.get(column, latent, name, seed) for seed in seeds]

    for latent in LATENTS:
        print(f"Latent {latent}, {len(seeds)} seeds:\n")
        print(table(["loss"] + [c[0] for c in COLUMNS],
                    [[n] + [cell(values(latent, n, c), d) for _, c, d in COLUMNS] for n in names]))  # fmt: skip
        print(f"Latent {latent}, differences from bce, seed by seed:\n")
        print(table(["loss"] + [c[0] for c in COLUMNS],
                    [[n] + [difference(values(latent, n, c), values(latent, "bce", c), d) for _, c, d in COLUMNS]
                     for n in names[1:]]))  # fmt: skip
    if len(sys.argv) > 2:
        picture(values, pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
