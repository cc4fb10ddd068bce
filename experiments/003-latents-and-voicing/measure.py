# SPDX-License-Identifier: MIT
"""Does the runs of the experiment (see run.sh) that are missing, one row of results.csv for each trained network and each control.

    measure.py PROGRAM DATA OUT
"""
import concurrent.futures
import math
import os
import pathlib
import subprocess
import sys

import numpy as np
import torch

from spiral_loss import Helix, midi
from spiral_loss.model import Autoencoder

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from clean_chorales import files
from paired import Runs
from plan import CHANGES, CONTROLS, KEY, LATENTS, LOSSES, VALUES

LOW, HIGH, FRAMES = 36, 84, 16  # wide enough for moved voices; a frame is a sixteenth, a window a bar
KEYS = HIGH - LOW + 1
HIDDEN, STEPS = 128, 500
PATHS, POINTS = 200, 33  # interpolations, and points of each


# ---- bars and their changes: (FRAMES, KEYS) of bools ----


def rolls(paths):
    """What sounds in each file, (frames, KEYS)."""
    return [midi.read(p).to_roll(steps_per_quarter=4, low=LOW, high=HIGH).sounding.T for p in paths]


def bars(roll):
    count = -(-len(roll) // FRAMES)
    return np.pad(roll, ((0, count * FRAMES - len(roll)), (0, 0))).reshape(count, FRAMES, KEYS)


def moved(bar, cells, by):
    """The bar with these of its cells moved by `by` keys, or by -`by` if `by` would leave the range of keys."""
    at = np.flatnonzero(cells.any(0))
    if len(at) and not (0 <= at[0] + by and at[-1] + by < KEYS):
        by = -by
    out = bar & ~cells
    frames, keys = np.nonzero(cells)
    inside = (keys + by >= 0) & (keys + by < KEYS)
    out[frames[inside], keys[inside] + by] = True
    out[frames[~inside], keys[~inside]] = True  # out of range in both directions: not moved
    return out


def displaced(bar, generator, voices):
    """The bar with `voices` of its four voices moved an octave up or down; a voice is the n-th key from above of each frame."""
    rank = np.where(bar, np.cumsum(bar[:, ::-1], axis=1)[:, ::-1], 0)
    out = bar
    for voice in generator.choice(4, voices, replace=False) + 1:
        cells = rank == voice
        out = moved(out, cells & out, int(generator.choice((-12, 12)))) if cells.any() else out
    return out


def inverted(bar):
    """The bar with the lowest key of each frame moved by octaves to just above the highest one."""
    out = bar.copy()
    for frame in out:
        keys = np.flatnonzero(frame)
        if len(keys) < 2:
            continue
        to = keys[0] + 12 * ((keys[-1] - keys[0]) // 12 + 1)
        while to >= KEYS:
            to -= 12
        frame[keys[0]] = False
        frame[to] = True
    return out


def ornamented(bar, generator):
    """The bar with six sounding cells moved by one or two semitones."""
    out = bar.copy()
    frames, keys = np.nonzero(bar)
    for i in generator.choice(len(frames), min(6, len(frames)), replace=False):
        to = int(np.clip(keys[i] + generator.choice((-2, -1, 1, 2)), 0, KEYS - 1))
        out[frames[i], keys[i]] = False
        out[frames[i], to] = True
    return out


def questions(music, seed):
    """All bars that are not silent, (N, FRAMES, KEYS), the number of the file of each, and {change: the changed bars}."""
    generator = np.random.default_rng(int(seed))
    kept, of, changed = [], [], {name: [] for name in CHANGES}
    for i, roll in enumerate(music):
        before = np.zeros(KEYS, bool)
        for bar in bars(roll):
            late = np.concatenate([before[None], bar[:-1]])
            before = bar[-1]
            if not bar.any():
                continue
            kept.append(bar)
            of.append(i)
            one, two = displaced(bar, generator, 1), displaced(bar, generator, 2)
            for name, to in zip(CHANGES, (one, two, inverted(bar), ornamented(bar, generator), late)):
                changed[name].append(to)
    return np.stack(kept), np.array(of), {name: np.stack(found) for name, found in changed.items()}


# ---- representations ----


def metric(name):
    """(KEYS, n): the product of a frame and this matrix is compared by the Euclidean distance."""
    apart = np.abs(np.arange(KEYS)[:, None] - np.arange(KEYS)[None])
    if name == "euclid":
        return np.eye(KEYS)
    if name == "chroma":
        return (np.arange(LOW, HIGH + 1)[:, None] % 12 == np.arange(12)[None]).astype(float)
    kernel = {
        "semitone-blur": lambda: np.exp(-((apart / 1.0) ** 2) / 2) * (apart <= 2),
        "octave-equivalence": lambda: 0.35 * np.eye(KEYS) + 0.65 * (apart % 12 == 0),
        "helix": lambda: 2 * np.exp(-Helix().table(KEYS) / 2),
        "helix-l1-h.25": lambda: np.exp(-Helix((1.3,), 0.25).table(KEYS)),
        "helix-tonnetz": lambda: 2 * np.exp(-Helix.preset("tonnetz").table(KEYS) / 2),
    }[name]()
    value, axes = np.linalg.eigh(kernel)
    return (axes * np.sqrt(np.maximum(value, 0))) @ axes.T


class Linear:
    """Principal components of the training music under a metric, from windows of one bar that begin at every fourth frame.

    Whitened: each component is divided by its standard deviation, as the program initialises its autoencoders.
    """

    def __init__(self, name, music):
        self.metric = metric(name.removesuffix("-whitened"))
        windows = np.concatenate([np.stack([r[b : b + FRAMES] for b in range(0, len(r) - FRAMES + 1, 4)]) for r in music])
        x = self.features(windows)
        self.mean = x.mean(0)
        spread, axes = np.linalg.eigh((x - self.mean).T @ (x - self.mean))
        self.axes = axes[:, ::-1]
        if name.endswith("-whitened"):
            self.axes = self.axes / np.sqrt(np.maximum(spread[::-1], 1e-12 * spread[-1]))

    def features(self, windows):
        return (windows.astype(np.float64) @ self.metric).reshape(len(windows), -1)

    def encode(self, windows, latent):
        return (self.features(windows) - self.mean) @ self.axes[:, :latent]


@torch.no_grad()
def encode(model, windows):
    return model.encode(torch.from_numpy(windows[:, None])).double().numpy()


# ---- scores ----


def scores(code, asked, clean):
    """R@1: the share of the changed bars whose nearest unchanged bar is the original or equal to it."""
    kept, of, changed = asked
    stored = code(kept)
    same = np.unique(kept.reshape(len(kept), -1), axis=0, return_inverse=True)[1].reshape(-1)
    found = {}
    for name in CHANGES:
        query = code(changed[name])
        far = (query**2).sum(1)[:, None] - 2 * query @ stored.T + (stored**2).sum(1)[None]
        found[name] = same[np.argmin(far, axis=1)] == same
    row = {name: float(hit.mean()) for name, hit in found.items()}
    row["joint"] = float(np.mean([row[name] for name in CHANGES]))
    row["clean_joint"] = float(np.mean([found[name][clean[of]].mean() for name in CHANGES]))
    return row


@torch.no_grad()
def roughness(model, kept, seed):
    """The largest step on the helix divided by the mean step, on a straight line between the latents of two bars; mean over lines.

    A step is the square root of the spiral energy between the probabilities at two neighbouring points. 1 is a steady change.
    """
    generator = np.random.default_rng(int(seed) + 1000)
    kernel = torch.from_numpy(np.exp(-Helix().table(KEYS) / 2)).float()
    share = torch.linspace(0, 1, POINTS)[:, None]
    ratios = []
    for _ in range(PATHS):
        a, b = model.encode(torch.from_numpy(kept[generator.choice(len(kept), 2, replace=False)][:, None]))
        y = torch.sigmoid(model.decode(a + share * (b - a)))[:, 0]
        d = y[1:] - y[:-1]
        steps = ((d @ kernel) * d).sum((1, 2)).clamp(min=0).sqrt()
        ratios.append(float(steps.max() / steps.mean()))
    return float(np.mean(ratios))


def run(program, music, out, asked, clean, latent, loss, seed):
    path = out / f"{loss}.{latent}.{seed}.safetensors"
    subprocess.run([program, "train", music / "train", "--valid", music / "valid", "--preset", "bar", "--planes", "1",
                    "--low", str(LOW), "--high", str(HIGH), "--decoder", "0", "--latent", str(latent), "--hidden", str(HIDDEN),
                    *LOSSES[loss], "--steps", str(STEPS), "--seed", str(seed), "--threads", "1", "-o", path, "--quiet"],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    model = Autoencoder.load(path)
    row = {**scores(lambda w: encode(model, w), asked, clean), "roughness": roughness(model, asked[0], seed)}
    path.unlink()
    return row


def main():
    program, data, out = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
    torch.set_num_threads(1)
    music = data / "jsb-chorales/midi"
    runs = Runs(out / "results.csv", KEY, VALUES)
    seeds = os.environ.get("SEEDS", "1 2 3").split()
    test, without = files(music / "test")
    clean = np.isin([p.name for p in test], [p.name for p in without])
    asked = {seed: questions(rolls(test), seed) for seed in seeds}
    out.mkdir(parents=True, exist_ok=True)
    if any(not runs.done(latent, name, seed) for latent in LATENTS for name in CONTROLS for seed in seeds):
        training = rolls(sorted((music / "train").glob("*.mid")))
        for name in CONTROLS:
            linear = Linear(name, training)
            for latent in LATENTS:
                for seed in seeds:
                    if not runs.done(latent, name, seed):
                        row = scores(lambda w: linear.encode(w, latent), asked[seed], clean)  # noqa: B023
                        runs.add((latent, name, seed), {**row, "roughness": math.nan})
    plan = [(latent, loss, seed) for seed in seeds for latent in LATENTS for loss in LOSSES]
    left = [p for p in plan if not runs.done(*p)]
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        waiting = {pool.submit(run, program, music, out, asked[p[2]], clean, *p): p for p in left}
        for done in concurrent.futures.as_completed(waiting):
            latent, loss, seed = waiting[done]
            runs.add((latent, loss, seed), done.result())
            finished = sum(runs.done(*p) for p in plan)
            print(f"{finished} of {len(plan)} training runs done: latent {latent}, {loss}, seed {seed}", file=sys.stderr)
    names = [*LOSSES, *CONTROLS]
    runs.sort(lambda row: (int(row["latent"]), names.index(row["code"]), int(row["seed"])))


if __name__ == "__main__":
    main()
