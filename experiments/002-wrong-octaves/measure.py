# SPDX-License-Identifier: MIT
"""Does the runs of the experiment (see run.sh) that are not in results.csv yet, and adds a row for each network.

    measure.py OUT

The networks of one loss, one for each seed, are trained together: their weights are stacked, so that a layer is one batched matrix
product. Except for rounding, no network depends on another. S is the number of networks, N of frames.
"""
import concurrent.futures
import functools
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
from plan import CHANNELS, KEY, LEARNED, LOSSES, NOISES, VALUES, trainings

LOW, HIGH = 21, 108
KEYS = HIGH - LOW + 1
HIDDEN, BATCH, RATE, DROPOUT = 128, 256, 2e-3, 0.2
# The validation loss is computed every EVERY steps; training ends when it has not fallen for PATIENCE steps.
EVERY, PATIENCE, MOST_STEPS, STEPS_NOT_STOPPED = 40, 240, 3000, 1500
HELIX, LENGTH = sl.Helix([1.3], 0.25), 0.35  # chosen beforehand, in a pilot with synthetic spectra
OCTAVES, OCTAVES_LENGTH = sl.Helix([4.0], 0.25), 0.05  # 99.3 % of the notes that move on it move by one octave
# 50 % of the notes that move on it move by one octave, 48 % by a semitone.
EITHER, EITHER_LENGTH = sl.Helix([4.0], 2.07), 0.2
PARTS = ("train", "valid", "test", "near")


# ---- labels ----


def wrong(piece, noise, generator):
    """The piece with wrong notes of this kind."""
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
    return torch.from_numpy(out)


class Data:
    """Spectra of the parts, (N, BINS), standardised by mean and deviation of the training part, and labels (N, KEYS)."""

    def __init__(self, out):
        self.pieces = {part: [] for part in PARTS}
        spectra = {part: [] for part in PARTS}
        for path in sorted(out.glob("*.npz")):
            if path.name.endswith(".part.npz"):
                continue
            part = path.name.split("-")[0]
            spectrum = np.load(path)["spectrum"]
            spectra[part].append(spectrum)
            self.pieces[part].append((midi.read(path.with_suffix(".mid")), len(spectrum)))
        rows = {part: np.concatenate(s) for part, s in spectra.items()}
        mean, scale = rows["train"].mean(0), rows["train"].std(0) + 1e-3
        self.spectra = {part: torch.from_numpy((x - mean) / scale).float() for part, x in rows.items()}

    @functools.lru_cache(maxsize=64)
    def labels(self, part, noise="clean", seed=0):
        generator = np.random.default_rng([seed, list(NOISES).index(noise), PARTS.index(part)])
        return torch.cat([roll(piece if noise == "clean" else wrong(piece, noise, generator), frames)
                          for piece, frames in self.pieces[part]])  # fmt: skip


# ---- losses: logits, labels (S, N, KEYS) -> means over frames (S,) ----


def channel_matrix(kind):
    """A of a channel (docs/math.md, (34)), (KEYS, KEYS), columns summing to 1."""
    interval = (torch.arange(KEYS)[:, None] - torch.arange(KEYS)).abs()
    if kind == "uniform":
        a = (interval > 0).double()
    elif kind == "semitone":
        a = torch.exp(-0.5 * interval.double() ** 2) * (interval > 0)
    else:
        distance = torch.tensor([HELIX.distance(0, d) for d in range(KEYS)], dtype=torch.float64)
        a = torch.exp(-distance[interval] / LENGTH) * (interval > 0)
        if kind == "permuted":  # the same numbers, assigned to other pairs of keys
            order = torch.from_numpy(np.random.default_rng(1).permutation(KEYS))
            a = a[order][:, order]
    return (a / a.sum(0)).float()


def forward_corrected(z, t, a, eta):
    y = torch.sigmoid(z)
    v = ((1 - eta) * y + eta * (y @ a.T).clamp(max=1)).clamp(1e-7, 1 - 1e-7)
    return F.binary_cross_entropy(v, t, reduction="none").sum(2).mean(1)


def of_library(loss):
    return lambda z, t: loss(z, t).mean(1)


CELLS = {"low": LOW, "pitch_dim": 2, "time_dim": 1, "reduction": "none"}
CHANNEL = {"helix": HELIX, "blur_length": LENGTH, "blur_radius": KEYS - 1, **CELLS}
ON_A_HELIX = {  # channel: arguments of ChannelLoss
    "helix": CHANNEL,
    "octaves": {**CHANNEL, "helix": OCTAVES, "blur_length": OCTAVES_LENGTH},
    "octave-or-semitone": {**CHANNEL, "helix": EITHER, "blur_length": EITHER_LENGTH},
}


def make_loss(name, eta, t_train):
    """A loss, and its parameters if it has any."""
    if name == LEARNED:
        each = [sl.LearnedChannelLoss(KEYS, **CHANNEL) for _ in t_train]
        return (lambda z, t: torch.cat([f(z[i : i + 1], t[i : i + 1]).mean(1) for i, f in enumerate(each)]),
                [f.raw for f in each])  # fmt: skip
    if name in ON_A_HELIX:
        return of_library(sl.ChannelLoss(eta, **ON_A_HELIX[name])), []
    if name in CHANNELS:
        a = channel_matrix(name)
        return (lambda z, t: forward_corrected(z, t, a, eta)), []
    if name == "spiral-4":
        return of_library(sl.SpiralLoss(4.0, **CELLS)), []
    y = torch.sigmoid
    bce = lambda z, t: F.binary_cross_entropy_with_logits(z, t, reduction="none")  # noqa: E731
    share = t_train.mean((1, 2))[:, None, None]
    cells = {
        "bce": bce,
        "bce-not-stopped": bce,
        "mse": lambda z, t: (y(z) - t) ** 2,
        "focal": lambda z, t: bce(z, t) * (1 - torch.exp(-bce(z, t))) ** 2,
        "weighted": lambda z, t: bce(z, t) * (1 + 2 * t),
        "smoothing": lambda z, t: bce(z, 0.9 * t + 0.1 * share),
        # Zhang and Sabuncu 2018, q = .7; each cell is a problem of two classes
        "generalised": lambda z, t: (1 - torch.exp(-0.7 * bce(z, t))) / 0.7,
    }[name]
    return (lambda z, t: cells(z, t).sum(2).mean(1)), []


def check_helix():
    """The library's channel must equal forward_corrected with the helix's matrix, so that the controls differ only by their matrix."""
    z, t = 4 * torch.randn(2, 9, KEYS), (torch.rand(2, 9, KEYS) < 0.1).float()
    ours, theirs = of_library(sl.ChannelLoss(0.3, **CHANNEL))(z, t), forward_corrected(z, t, channel_matrix("helix"), 0.3)
    if not torch.allclose(ours, theirs, rtol=1e-4):
        raise SystemExit(f"measure.py: ChannelLoss is {ours.tolist()}, the control's code gives {theirs.tolist()}")


# ---- networks ----


class Networks:
    """S networks of one hidden layer, weights (S, inputs, outputs)."""

    def __init__(self, generators):
        def uniform(inputs, *shape):
            rows = [torch.rand(shape, generator=g) for g in generators]
            return ((2 * torch.stack(rows) - 1) / inputs**0.5).requires_grad_()

        S = len(generators)
        self.parameters = [uniform(BINS, BINS, HIDDEN), uniform(BINS, 1, HIDDEN), uniform(HIDDEN, HIDDEN, KEYS),
                           torch.full((S, 1, KEYS), -3.0, requires_grad=True)]  # fmt: skip

    def logits(self, x, kept=None):
        """x is (S, N, BINS); kept (S, N, HIDDEN), is 0 or 1 / (1 - DROPOUT)."""
        w1, b1, w2, b2 = self.parameters
        h = torch.relu(torch.baddbmm(b1, x, w1))
        return torch.baddbmm(b2, h if kept is None else h * kept, w2)


def train(data, noise, name, eta, seeds):
    """Trained networks, their lowest validation losses, the steps at which these were reached, and the loss's parameters at them."""
    x, xv = data.spectra["train"], data.spectra["valid"].expand(len(seeds), -1, -1)
    t, tv = (torch.stack([data.labels(part, noise, seed) for seed in seeds]) for part in PARTS[:2])
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    networks = Networks(generators)
    loss, learned = make_loss(name, eta, t)
    optimiser = torch.optim.Adam([{"params": networks.parameters, "lr": RATE}, {"params": learned, "lr": 10 * RATE}]
                                 if learned else networks.parameters, RATE)  # fmt: skip
    state = [*networks.parameters, *learned]
    least, at = torch.full((len(seeds),), torch.inf), torch.zeros(len(seeds), dtype=int)
    best = [p.detach().clone() for p in state]
    stops = name != "bce-not-stopped"
    for step in range(1, (MOST_STEPS if stops else STEPS_NOT_STOPPED) + 1):
        rows = torch.stack([torch.randint(len(x), (BATCH,), generator=g) for g in generators])
        kept = torch.stack([torch.rand(BATCH, HIDDEN, generator=g) for g in generators]) >= DROPOUT
        optimiser.zero_grad()
        of_rows = t.gather(1, rows[:, :, None].expand(-1, -1, KEYS))
        loss(networks.logits(x[rows], kept / (1 - DROPOUT)), of_rows).sum().backward()
        optimiser.step()
        if step % EVERY == 0:
            with torch.no_grad():
                value = loss(networks.logits(xv), tv)
            # A network whose training has ended is kept unchanged while others continue.
            better = (value < least) & (step - at <= PATIENCE) if stops else torch.ones_like(at, dtype=bool)
            least, at = torch.where(better, value, least), torch.where(better, step, at)
            for i in better.nonzero().flatten().tolist():
                for p, kept_p in zip(networks.parameters, best):
                    kept_p[i] = p.detach()[i]
                if learned:
                    best[len(networks.parameters) + i] = learned[i].detach().clone()
            if step >= int(at.max()) + PATIENCE:
                break
    for p, kept_p in zip(networks.parameters, best):
        p.data = kept_p
    return networks, least, at, best[len(networks.parameters) :]


# ---- scores ----


def f1(found, right):
    both = float((found & right).sum())
    total = float(found.sum() + right.sum())
    return 2 * both / total if total else 0.0


def octaves(x):
    """(N, octaves, 12): the keys by pitch class."""
    padded = F.pad(x, (LOW % 12, -(LOW % 12 + KEYS) % 12))
    return padded.reshape(len(x), -1, 12)


def octave_share(found, right):
    """Share of the false positives whose pitch class is missed in another octave of the same frame."""
    false, missed = found & ~right, octaves(right & ~found).any(1)
    of_key = missed[:, (torch.arange(KEYS) + LOW) % 12]
    return float((false & of_key).sum() / false.sum().clamp(min=1))


def learned_shares(raw):
    if raw is None:
        return {"learned_octaves": float("nan"), "learned_rest": float("nan")}
    shares = torch.softmax(torch.cat([raw.new_zeros(1), raw]), 0)[1:]
    return {"learned_octaves": float(shares[0]), "learned_rest": float(shares[1:].sum())}


def run(data, noise, name, eta, seeds):
    """The values of the rows, one for each seed."""
    networks, least, at, raws = train(data, noise, name, eta, seeds)
    rows = []
    with torch.no_grad():
        valid, test, near = (networks.logits(data.spectra[part].expand(len(seeds), -1, -1)) for part in PARTS[1:])
    right, right_near = data.labels("test") > 0.5, data.labels("near") > 0.5
    for i, seed in enumerate(seeds):
        # The threshold at which as many cells sound as in the validation labels: wrong octaves hardly change their number.
        threshold = torch.topk(valid[i].flatten(), int(data.labels("valid", noise, seed).sum())).values[-1]
        found = test[i] >= threshold
        rows.append({"f1": f1(found, right), "chroma_f1": f1(octaves(found).any(1), octaves(right).any(1)),
                     "octave_share": octave_share(found, right), "near_f1": f1(near[i] >= threshold, right_near),
                     "valid_loss": float(least[i]), "step": int(at[i]), **learned_shares(raws[i] if raws else None)})  # fmt: skip
    return rows


_data = None


def job(out, noise, name, eta, seeds):
    global _data
    if _data is None:
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        check_helix()
        _data = Data(out)
    return run(_data, noise, name, eta, seeds)


def main():
    out = pathlib.Path(sys.argv[1]).resolve()
    runs = Runs(out / "results.csv", KEY, VALUES)
    seeds = [int(s) for s in os.environ.get("SEEDS", "1 2 3 4 5").split()]
    chosen = {"noise": os.environ.get("NOISES", "").split(), "loss": os.environ.get("LOSSES", "").split()}
    plan = [p for p in trainings() if all(not some or v in some for some, v in zip(chosen.values(), p))]
    left = [(p, [s for s in seeds if not runs.done(*p, s)]) for p in plan]
    left = [(p, missing) for p, missing in left if missing]
    with concurrent.futures.ProcessPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        waiting = {pool.submit(job, out, *p, missing): (p, missing) for p, missing in left}
        for finished, done in enumerate(concurrent.futures.as_completed(waiting), 1 + len(plan) - len(left)):
            p, missing = waiting[done]
            for seed, row in zip(missing, done.result()):
                runs.add((*p, seed), row)
            print(f"{finished} of {len(plan)} training runs of {len(seeds)} networks done: {p}", file=sys.stderr)
    noises = list(NOISES)
    runs.sort(lambda row: (noises.index(row["noise"]), LOSSES.index(row["loss"]), float(row["eta"]), int(row["seed"])))


if __name__ == "__main__":
    main()
