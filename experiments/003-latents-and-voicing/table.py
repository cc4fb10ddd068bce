# SPDX-License-Identifier: MIT
"""Prints the tables of README.md from results.csv, and draws the joint scores.

    table.py results.csv [PICTURE.svg]
"""
import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from paired import Runs, cell, difference, interval, table
from plan import CONTROLS, KEY, LATENTS, LOSSES, VALUES

COLUMNS = (("one voice", "octave_1"), ("two voices", "octave_2"), ("inversion", "inversion"), ("ornaments", "ornaments"),
           ("late", "late"), ("joint", "joint"), ("49 clean: joint", "clean_joint"), ("roughness", "roughness"))  # fmt: skip


def written(function, *lists, digits=3):
    """A cell; "-" where the column does not apply: roughness needs a decoder, which a linear projection does not have."""
    return "-" if any(math.isnan(v) for values in lists for v in values) else function(*lists, digits)


def picture(values, path):
    """The joint score of each representation with its interval, a panel for each latent; light: two voices only."""
    names, bar, left, width, gap = (*LOSSES, *CONTROLS), 18, 190, 240, 50
    height = 40 + len(names) * bar
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + len(LATENTS) * (width + gap)}" height="{height + 50}" '
           'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="#fff"/>']  # fmt: skip
    for j, name in enumerate(names):
        out.append(f'<text x="{left - 8}" y="{40 + j * bar + 12}" text-anchor="end">{name}</text>')
    for i, latent in enumerate(LATENTS):
        x = left + i * (width + gap)
        out.append(f'<text x="{x}" y="24">latent {latent}</text>')
        for j, name in enumerate(names):
            y, dark, light = 40 + j * bar, *(("#0072b2", "#9ecae1") if name in LOSSES else ("#d55e00", "#fdbe85"))
            mean, half = interval(values(latent, name, "joint"))
            two = interval(values(latent, name, "octave_2"))[0]
            out.append(f'<rect x="{x}" y="{y}" width="{mean * width:.1f}" height="9" fill="{dark}"/>'
                       f'<rect x="{x}" y="{y + 9}" width="{two * width:.1f}" height="5" fill="{light}"/>'
                       f'<path d="M{x + (mean - half) * width:.1f} {y + 4.5}H{x + (mean + half) * width:.1f}" stroke="#000"/>'
                       f'<text x="{x + width + 4}" y="{y + 11}" font-size="10">{mean:.3f}</text>')  # fmt: skip
    out.append(f'<text x="10" y="{height + 24}">dark: mean R@1 of the five changes, with its interval; light: R@1 of two voices moved by '
               'octaves; blue: autoencoders by loss, orange: linear projections by metric</text></svg>')  # fmt: skip
    path.write_text("\n".join(out) + "\n")


def main():
    runs = Runs(sys.argv[1], KEY, VALUES)
    names = [*LOSSES, *CONTROLS]
    seeds = runs.complete_seeds(*((latent, name) for latent in LATENTS for name in names))
    if len(seeds) < 2:
        sys.exit("table.py: fewer than two seeds with every run")

    def values(latent, name, column):
        return [runs.get(column, latent, name, seed) for seed in seeds]

    head = [c[0] for c in COLUMNS]
    for latent in LATENTS:
        print(f"Latent {latent}, {len(seeds)} seeds:\n")
        print(table(["representation", *head], [[n] + [written(cell, values(latent, n, c)) for _, c in COLUMNS] for n in names]))
        print(f"Latent {latent}, differences from bce, seed by seed:\n")
        print(table(["representation", *head],
                    [[n] + [written(difference, values(latent, n, c), values(latent, "bce", c)) for _, c in COLUMNS]
                     for n in names if n != "bce"]))  # fmt: skip
    print("Joint score minus that of octave-equivalence at the same size, seed by seed:\n")
    print(table(["representation", *(f"latent {latent}" for latent in LATENTS)],
                [[n] + [difference(values(latent, n, "joint"), values(latent, "octave-equivalence", "joint")) for latent in LATENTS]
                 for n in names if n != "octave-equivalence"]))  # fmt: skip
    if len(sys.argv) > 2:
        picture(values, pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
