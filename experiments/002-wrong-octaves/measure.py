# SPDX-License-Identifier: MIT
"""Runs what is missing of the experiment (see run.sh), one row of results.csv for each training.

    measure.py DATA OUT
"""
import concurrent.futures
import os
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F

import spiral_loss as sl
from spiral_loss import midi

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from audio import BINS, FRAME_S
from paired import Runs

LOW, HIGH = 21, 108
KEYS = HIGH - LOW + 1
HIDDEN, STEPS, BATCH, EVERY = 128, 800, 256, 40
HELIX, LENGTH = sl.Helix([1.3, 0, 0, 0, 0, 0], 0.25), 0.35  # of the pilot
NOISES = ("octave-30", "clean", "octave-50", "octave-10", "part-30", "octave-20-semitone-20")
ETAS = (0.1, 0.3, 0.5)
PLAIN = ("bce", "bce-not-stopped", "mse", "focal", "weighted", "smoothing", "generalised", "spiral-4")
CHANNELS = ("helix", "uniform", "permuted", "semitone", "exact")
KEY = ("noise", "loss", "eta", "seed")
VALUES = ("f1", "chroma_f1", "octave_share", "valid_nats", "step")


# ---- labels ----


def wrong(piece, noise, generator):
    """The piece with its notes where an annotator of this kind would write them."""
    notes = piece.notes.copy()
    pitch = notes["pitch"].astype(int)
    up = 12 * np.where(generator.random(len(notes)) < 0.5, 1, -1)
    up = np.where((pitch + up < LOW) | (pitch + up > HIGH), -up, up)
    u = generator.random(len(notes))
    if noise.startswith("part"):
        parts = np.unique(notes["track"])
        moved = {track: generator.random() < 0.3 for track in parts}
        side = {track: generator.choice((-12, 12)) for track in parts}
        to = pitch + np.array([side[t] if moved[t] else 0 for t in notes["track"]], int)
        pitch = np.where((to < LOW) | (to > HIGH), pitch, to)
    elif noise.startswith("octave-20-semitone"):
        step = np.where(generator.random(len(notes)) < 0.5, 1, -1)
        pitch = np.where(u < 0.2, pitch + up, np.where(u < 0.4, np.clip(pitch + step, LOW, HIGH), pitch))
    elif noise.startswith("octave"):
        pitch = np.where(u < int(noise.split("-")[1]) / 100, pitch + up, pitch)
    notes["pitch"] = pitch
    return midi.Midi(**{**vars(piece), "notes": notes})


def roll(piece, frames):
    found = piece.to_roll(FRAME_S, low=LOW, high=HIGH, pedal=True).sounding
    out = np.zeros((frames, KEYS), np.float32)
    out[: found.shape[1]] = found.T[:frames]
    return out


class Data:
    def __init__(self, out):
        self.pieces = {part: [] for part in ("train", "valid", "test")}
        for path in sorted(out.glob("*.npz")):
            if path.name.endswith(".part.npz"):
                continue
            spectrum = np.load(path)["spectrum"]
            piece = midi.read(path.with_suffix(".mid"))
            self.pieces[path.name.split("-")[0]].append((spectrum, piece, roll(piece, len(spectrum))))
        rows = np.concatenate([s for s, _, _ in self.pieces["train"]])
        self.mean, self.scale = rows.mean(0), rows.std(0) + 1e-3

    def part(self, name, noise=None, seed=0):
        """Spectra, and labels: right ones, or wrong ones for a kind of noise."""
        generator = np.random.default_rng([seed, NOISES.index(noise) if noise else 0, len(name)])
        x, t = [], []
        for spectrum, piece, right in self.pieces[name]:
            x.append((spectrum - self.mean) / self.scale)
            t.append(roll(wrong(piece, noise, generator), len(spectrum)) if noise not in (None, "clean") else right)
        return torch.from_numpy(np.concatenate(x)).float(), torch.from_numpy(np.concatenate(t))


# ---- losses ----


def channel_matrix(kind):
    """A of the control channels, (keys, keys), columns summing to 1."""
    interval = (torch.arange(KEYS)[:, None] - torch.arange(KEYS)).abs()
    if kind == "uniform":
        a = (interval > 0).double()
    elif kind == "semitone":
        a = torch.exp(-0.5 * interval.double() ** 2) * (interval > 0)
    elif kind == "exact":
        a = (interval == 12).double()
    else:  # the helix of other keys: its columns' numbers, at keys that have nothing to do with them
        distance = torch.tensor([HELIX.distance(0, d) for d in range(KEYS)], dtype=torch.float64)
        a = torch.exp(-distance[interval] / LENGTH) * (interval > 0)
        order = torch.from_numpy(np.random.default_rng(1).permutation(KEYS))
        a = a[order][:, order]
    return (a / a.sum(0)).float()


def forward_corrected(z, t, a, eta):
    y = torch.sigmoid(z)
    v = ((1 - eta) * y + eta * (y @ a.T)).clamp(1e-7, 1 - 1e-7)
    return F.binary_cross_entropy(v, t, reduction="sum") / len(t)


def make_loss(name, eta):
    """The loss of logits and labels, (frames, keys), a mean over frames."""
    frames = {"pitch_dim": 1, "time_dim": 0}
    if name == "helix":
        return sl.ChannelLoss(eta, helix=HELIX, blur_length=LENGTH, blur_radius=KEYS - 1, low=LOW, **frames)
    if name in CHANNELS:
        a = channel_matrix(name)
        return lambda z, t: forward_corrected(z, t, a, eta)
    if name == "spiral-4":
        return sl.SpiralLoss(4.0, low=LOW, **frames)
    bce = lambda z, t: F.binary_cross_entropy_with_logits(z, t, reduction="none")  # noqa: E731
    y = torch.sigmoid
    return {
        "bce": lambda z, t: bce(z, t).sum(1).mean(),
        "bce-not-stopped": lambda z, t: bce(z, t).sum(1).mean(),
        "mse": lambda z, t: ((y(z) - t) ** 2).sum(1).mean(),
        "focal": lambda z, t: (bce(z, t) * (1 - torch.exp(-bce(z, t))) ** 2).sum(1).mean(),
        "weighted": lambda z, t: (bce(z, t) * (1 + 2 * t)).sum(1).mean(),
        "smoothing": lambda z, t: bce(z, 0.9 * t + 0.1 * t.mean()).sum(1).mean(),
        # Zhang and Sabuncu 2018, q = .7, of each cell's own class
        "generalised": lambda z, t: ((1 - torch.exp(-0.7 * bce(z, t))) / 0.7).sum(1).mean(),
    }[name]


# ---- one training ----


def counts(found, right):
    both = float((found & right).sum())
    total = float(found.sum() + right.sum())
    return 2 * both / total if total else 0.0


def chroma(x):
    padded = F.pad(x, (LOW % 12, -(LOW % 12 + KEYS) % 12))
    return padded.reshape(len(x), -1, 12).any(1)


def octave_share(found, right):
    """Part of the false positives whose pitch class sounds in an octave that was missed."""
    false, missed = found & ~right, right & ~found
    padded = F.pad(missed, (LOW % 12, -(LOW % 12 + KEYS) % 12)).reshape(len(right), -1, 12).any(1)
    of_key = padded[:, (torch.arange(KEYS) + LOW) % 12]
    return float((false & of_key).sum() / false.sum().clamp(min=1))


def run(data, noise, name, eta, seed):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    (x, t), (xv, tv), (xt, right) = data.part("train", noise, seed), data.part("valid", noise, seed), data.part("test")
    network = torch.nn.Sequential(torch.nn.Linear(BINS, HIDDEN), torch.nn.ReLU(), torch.nn.Dropout(0.2),
                                  torch.nn.Linear(HIDDEN, KEYS))  # fmt: skip
    torch.nn.init.constant_(network[3].bias, -3.0)
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    loss = make_loss(name, eta)
    order = torch.Generator().manual_seed(seed)
    best = (float("inf"), 0, None)
    for step in range(1, STEPS + 1):
        network.train()
        rows = torch.randint(len(x), (BATCH,), generator=order)
        optimiser.zero_grad()
        loss(network(x[rows]), t[rows]).backward()
        optimiser.step()
        if step % EVERY == 0:
            network.eval()
            with torch.no_grad():
                value = float(loss(network(xv), tv))
            if value < best[0] or name == "bce-not-stopped":
                best = (value, step, [p.detach().clone() for p in network.parameters()])
    network.eval()
    with torch.no_grad():
        for p, kept in zip(network.parameters(), best[2]):
            p.copy_(kept)
        zv, zt = network(xv), network(xt)
        # As many cells sound in the validation part as in its labels: wrong octaves do not change how many they are.
        threshold = torch.topk(zv.flatten(), int(tv.sum())).values[-1]
        found, right = zt >= threshold, right > 0.5
    return {"f1": counts(found, right), "chroma_f1": counts(chroma(found), chroma(right)),
            "octave_share": octave_share(found, right), "valid_nats": best[0], "step": best[1]}  # fmt: skip


_data = None


def job(out, key):
    global _data
    _data = _data or Data(out)
    return run(_data, *key)


def plan(seeds):
    """What is run; NOISES and LOSSES in the environment choose from it."""
    chosen = [os.environ.get(name, "").split() for name in ("NOISES", "LOSSES")]
    for key in all_runs(seeds):
        if all(not some or value in some for some, value in zip(chosen, key)):
            yield key


def all_runs(seeds):
    for noise in NOISES:
        for seed in seeds:
            for name in PLAIN:
                yield noise, name, 0.0, seed
            for name in CHANNELS:
                for eta in ETAS:
                    yield noise, name, eta, seed


def main():
    out = pathlib.Path(sys.argv[2]).resolve()
    runs = Runs(out / "results.csv", KEY, VALUES)
    seeds = [int(s) for s in os.environ.get("SEEDS", "1 2 3 4 5").split()]
    everything = list(plan(seeds))
    left = [key for key in everything if not runs.done(*key)]
    with concurrent.futures.ProcessPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        waiting = {pool.submit(job, out, key): key for key in left}
        for done in concurrent.futures.as_completed(waiting):
            runs.add(waiting[done], done.result())
            print(f"{len(runs.rows)} of {len(everything)} runs done: {waiting[done]}", file=sys.stderr)
    runs.sort(lambda row: (NOISES.index(row["noise"]), (PLAIN + CHANNELS).index(row["loss"]), float(row["eta"]),
                           int(row["seed"])))  # fmt: skip


if __name__ == "__main__":
    main()
