# SPDX-License-Identifier: MIT
"""Prints the tables of README.md from results.csv and the autoencoder.csv beside it, and draws the F1 on right labels.

    table.py results.csv [PICTURE.svg]

For each channel and seed, the eta with the lowest loss on the wrong labels of the validation set is used.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from paired import Runs, cell, difference, interval, table
from plan import AUTOENCODER_KEY, AUTOENCODER_NOISES, AUTOENCODER_VALUES, AUTOENCODERS
from plan import CHANNELS, ETAS, KEY, LEARNED, LOSSES, NOISES, PLAIN, VALUES

COLUMNS = (("F1", "f1"), ("chroma F1", "chroma_f1"), ("octave share", "octave_share"), ("F1, same SoundFont", "near_f1"))
# Other channels are blue, ordinary losses black.
COLOURS = {"helix": "#d55e00", "helix-learned": "#d55e00", "octaves": "#009e73", "octave-or-semitone": "#cc79a7"}


class Noise:
    """The finished runs of one kind of noise."""

    def __init__(self, runs, noise):
        self.runs, self.noise = runs, noise
        seeds = sorted({key[3] for key in runs.rows if key[0] == noise}, key=int)
        self.names = [name for name in LOSSES if seeds and all(self.etas(name, s) for s in seeds)]
        self.seeds = seeds

    def etas(self, name, seed):
        return [eta for eta in (0.0, *ETAS) if self.runs.done(self.noise, name, eta, seed)]

    def eta(self, name, seed):
        """The eta with the lowest validation loss on wrong labels."""
        return min(self.etas(name, seed), key=lambda eta: self.runs.get("valid_loss", self.noise, name, eta, seed))

    def values(self, name, column):
        return [self.runs.get(column, self.noise, name, self.eta(name, seed), seed) for seed in self.seeds]

    def row(self, name):
        f1 = self.values(name, "f1")
        helix = "" if name == "helix" else difference(self.values("helix", "f1"), f1)
        etas = " ".join(f"{self.eta(name, s):g}".lstrip("0") for s in self.seeds) if name in CHANNELS else ""
        return [name, *(cell(self.values(name, c)) for _, c in COLUMNS),
                "" if name == "bce" else difference(f1, self.values("bce", "f1")), helix, etas]  # fmt: skip

    def best_ordinary(self):
        """The loss without a channel that has the highest F1 on right labels. A user who has only wrong labels cannot know it."""
        names = [name for name in self.names if name in PLAIN]
        return max(names, key=lambda name: interval(self.values(name, "f1"))[0])

    def by_eta(self):
        """A table of the F1 of each channel with every eta, whatever its validation loss, and differences from other losses."""
        def at(name, eta):
            if eta is None:
                return self.values(name, "f1")
            return [self.runs.get("f1", self.noise, name, eta, s) for s in self.seeds]

        names = [n for n in self.names if n in CHANNELS and all(self.runs.done(self.noise, n, e, s) for e in ETAS for s in self.seeds)]
        columns = (*ETAS, None)
        rows = [[name, *(cell(at(name, eta)) for eta in columns)] for name in names]
        best = self.best_ordinary()
        for name in ("helix", "octaves", "octave-or-semitone"):
            if name in names and "uniform" in names:
                rows.append([f"{name} minus uniform", *(difference(at(name, eta), at("uniform", eta)) for eta in columns)])
                rows.append([f"{name} minus {best}", *(difference(at(name, eta), self.values(best, "f1")) for eta in columns)])
        return table(["F1 of the channel", *(f"η {eta:g}" for eta in ETAS), "η chosen"], rows)

    def learned(self):
        octaves, rest = (cell(self.values(LEARNED, f"learned_{c}")) for c in ("octaves", "rest"))
        return f"After training, {LEARNED} moves a share of {octaves} of the notes by octaves and {rest} by other intervals.\n"


def chosen_by_wrong_labels(noises):
    """A table: for each kind of noise and each seed, the lowest validation loss on wrong labels among bce and all channels."""
    rows = []
    for noise in noises:
        found = []
        for seed in noise.seeds:
            names = [n for n in ("bce", *CHANNELS, LEARNED) if n in noise.names]
            each = [(noise.runs.get("valid_loss", noise.noise, n, eta, seed), n, eta) for n in names for eta in noise.etas(n, seed)]
            found.append(min(each)[1:])
        f1 = [noise.runs.get("f1", noise.noise, *pick, seed) for pick, seed in zip(found, noise.seeds)]
        words = [f"{name} {eta:g}".replace(" 0.", " .").removesuffix(" 0") for name, eta in found]
        counts = ", ".join(f"{words.count(w)} × {w}" for w in sorted(set(words)))
        best = noise.best_ordinary()
        rows.append([noise.noise, counts, cell(f1), difference(f1, noise.values("bce", "f1")), best,
                     difference(f1, noise.values(best, "f1"))])  # fmt: skip
    return table(["labels", "chosen, η", "F1", "minus bce", "best ordinary loss", "minus that"], rows)


def autoencoders(path):
    """Prints the tables of autoencoder.py, from the seeds for which every run is there."""
    runs = Runs(path, AUTOENCODER_KEY, AUTOENCODER_VALUES)
    seeds = runs.complete_seeds(*((noise, loss) for noise in AUTOENCODER_NOISES for loss in AUTOENCODERS))
    for noise in AUTOENCODER_NOISES if len(seeds) >= 2 else ():
        columns = AUTOENCODER_VALUES[:1] if noise == "clean" else AUTOENCODER_VALUES[:2]

        def values(loss, column, noise=noise):
            return [runs.get(column, noise, loss, seed) for seed in seeds]

        copied = "" if noise == "clean" else f"; the wrong test chorales themselves have F1 {cell(values('bce', 'f1_copy'))}"
        print(f"Autoencoders, {noise}: {NOISES[noise]}; {len(seeds)} seeds{copied}:\n")
        heads = {"f1_right": "F1, right input", "f1_wrong": "F1, wrong input"}
        head = ["loss", *(text + heads[c] for text in ("", "minus bce: ") for c in columns)]
        print(table(head, [[loss, *(cell(values(loss, c)) for c in columns),
                            *("" if loss == "bce" else difference(values(loss, c), values("bce", c)) for c in columns)]
                           for loss in AUTOENCODERS]))  # fmt: skip


def picture(noises, path):
    """A panel for each kind of noise: F1 of each loss, and its interval over seeds; the vertical line is the F1 of bce."""
    line, left, width, gap = 16, 130, 220, 24
    height = len(LOSSES) * line
    points = [{name: interval(noise.values(name, "f1")) for name in noise.names} for noise in noises]
    least = min(mean - half for of in points for mean, half in of.values())
    most = max(mean + half for of in points for mean, half in of.values())
    scale = width / (most - least)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + len(noises) * (width + gap)}" height="{height + 90}" '
           'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="#fff"/>']  # fmt: skip
    for i, noise in enumerate(noises):
        begin = left + i * (width + gap)
        of_bce = begin + (points[i]["bce"][0] - least) * scale
        out.append(f'<text x="{begin}" y="20">{noise.noise}</text><rect x="{begin}" y="30" width="{width}" height="{height}" '
                   f'fill="none" stroke="#999"/><path d="M{of_bce:.1f} 30v{height}" stroke="#bbb"/>'
                   f'<text x="{begin}" y="{height + 46}">{least:.2f}</text>'
                   f'<text x="{begin + width}" y="{height + 46}" text-anchor="end">{most:.2f}</text>')  # fmt: skip
        for j, name in enumerate(LOSSES):
            y = 30 + (j + 0.5) * line
            if i == 0:
                out.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{name}</text>')
            if name in points[i]:
                x, half = (points[i][name][0] - least) * scale, points[i][name][1] * scale
                colour = COLOURS.get(name, "#0072b2" if name in CHANNELS else "#000000")
                out.append(f'<path d="M{begin + x - half:.1f} {y}h{2 * half:.1f}" stroke="{colour}"/>'
                           f'<circle cx="{begin + x:.1f}" cy="{y}" r="3" fill="{colour}"/>')  # fmt: skip
    out.append(f'<text x="10" y="{height + 74}">F1 on right labels in the other SoundFont, 95 % intervals; line: bce; orange: the '
               'channel on the helix, green: on a helix of octaves, pink: of octaves and semitones, blue: other channels</text></svg>')  # fmt: skip
    path.write_text("\n".join(out) + "\n")


def main():
    runs = Runs(sys.argv[1], KEY, VALUES)
    noises = [found for found in (Noise(runs, name) for name in NOISES)
              if len(found.seeds) >= 2 and {"bce", "helix"} <= set(found.names)]  # fmt: skip
    if not noises:
        sys.exit("table.py: no kind of noise with bce and helix and two seeds")
    print("Chosen for each seed from bce and all channels: the loss with the lowest value on the wrong labels of the validation set.\n")
    print(chosen_by_wrong_labels(noises))
    for noise in noises:
        print(f"**{noise.noise}**: {NOISES[noise.noise]}; {len(noise.seeds)} seeds:\n")
        head = ["loss", *(c[0] for c in COLUMNS), "F1 minus bce", "F1 of helix minus this", "η chosen"]
        print(table(head, [noise.row(name) for name in noise.names]))
        print(noise.by_eta())
        if LEARNED in noise.names:
            print(noise.learned())
    autoencoders(pathlib.Path(sys.argv[1]).with_name("autoencoder.csv"))
    if len(sys.argv) > 2:
        picture(noises, pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
