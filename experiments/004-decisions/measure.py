# SPDX-License-Identifier: MIT
"""Does the runs of the experiment (see run.sh) that are missing: for each trained network, a row of results.csv for each decision.

    measure.py PROGRAM DATA OUT
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

import numpy as np
import torch

from spiral_loss import decode, midi
from spiral_loss.metrics import MultiPitch, SpiralError
from spiral_loss.model import Autoencoder

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from clean_chorales import files
from paired import Runs
from plan import CORPORA, DECISIONS, KEY, LOSSES, MUSIC, VALUES

LATENT, HIDDEN, STEPS, SAMPLES = 16, 128, 500, 1000
WIDE = "chromatic"  # the helix of the losses, on which octaves are near too
SCALES = 0.6 * 1.1 ** np.arange(10)


# ---- music ----


def parts(corpus, data):
    """Paths for training, validation and test. Without an official split, of ten files one is for validation and one for test."""
    if corpus == "jsb":
        music = data / "jsb-chorales/midi"
        return sorted((music / "train").glob("*.mid")), sorted((music / "valid").glob("*.mid")), files(music / "test")[0]
    folder = {"nottingham": "nottingham-gpl3", "piano": "piano-midi-de-ccbysa"}[corpus]
    found = sorted((data / folder).rglob("*.mid"))
    return [p for i, p in enumerate(found) if i % 10 not in (4, 9)], found[4::10], found[9::10]


def windows(config, paths):
    """The windows of all files in order, (N, planes, T, keys), and for each frame the number of its file, or -1 after the file's end."""
    out, of = [], []
    for i, path in enumerate(paths):
        roll = midi.read(path).to_roll(steps_per_quarter=config.steps_per_quarter, low=config.low, high=config.high, onsets=True,
                                       out_of_range=config.out_of_range, pedal=config.pedal)  # fmt: skip
        planes = np.stack([roll.sounding, roll.onsets])[: config.planes]
        count = -(-planes.shape[2] // config.frames)
        rest = count * config.frames - planes.shape[2]
        of += [np.full(planes.shape[2], i), np.full(rest, -1)]
        planes = np.pad(planes, ((0, 0), (0, 0), (0, rest)))
        cut = planes.reshape(config.planes, config.keys, count, config.frames)
        out.append(cut.transpose(2, 0, 3, 1))
    return np.concatenate(out), np.concatenate(of)


# ---- decisions: logits (frames, keys) -> bools ----


def f1(found, right):
    return 2 * np.sum(found & right) / max(np.sum(found) + np.sum(right), 1)


def probabilities(logits):
    return 1 / (1 + np.exp(-logits))


def largest(logits, count):
    """The `count[t]` most probable keys of frame t."""
    rank = np.argsort(np.argsort(-logits, axis=1, kind="stable"), axis=1)
    return rank < np.asarray(count).reshape(-1, 1)


def expected(logits, scale):
    return np.floor(scale * probabilities(logits).sum(1) + 0.5)


def apart(logits, threshold=-np.inf, most=None):
    """Chooses keys above the threshold from the most probable one down, except neighbours of chosen keys; at most `most` of them."""
    candidates = logits > threshold
    found = np.zeros_like(candidates)
    frames = np.arange(len(logits))
    for key in np.argsort(-logits, axis=1, kind="stable").T:
        free = candidates[frames, key]
        for step in (-1, 1):
            beside = np.clip(key + step, 0, logits.shape[1] - 1)
            free &= ~((beside != key) & found[frames, beside])
        if most is not None:
            free &= found.sum(1) < most
        found[frames, key] = free
    return found


def min_risk(logits, scale, low, helix=decode.SHORT_RANGED):
    return decode.min_risk(logits.T, scale=scale, helix=helix, low=low).T


def best(values, score):
    scores = [score(v) for v in values]
    return values[int(np.argmax(scores))]


class Rules:
    """The decisions. Their parameters are those with the highest frame F1 on the validation windows."""

    def __init__(self, model, logits, right):
        self.low = model.config.low
        # Both chosen by `spiral train`, on the same part, for frame F1.
        self.threshold, self.scale = model.threshold, float(model.unknown["min_risk_scale"])
        self.k = best(range(1, 9), lambda k: f1(largest(logits, np.full(len(logits), k)), right))
        self.apart = best(range(1, 9), lambda k: f1(apart(logits, most=k), right))
        self.sum = best(SCALES, lambda s: f1(largest(logits, expected(logits, s)), right))
        self.wide = best(SCALES, lambda s: f1(min_risk(logits, s, self.low, WIDE), right))

    def decide(self, logits):
        """{decision: keys that sound}"""
        found = {
            "threshold": logits > self.threshold,
            "top-k": largest(logits, np.full(len(logits), self.k)),
            "top-sum": largest(logits, expected(logits, self.sum)),
            "no-neighbours": apart(logits, self.threshold),
            "top-k-apart": apart(logits, most=self.apart),
            "min-risk": min_risk(logits, self.scale, self.low),
            "min-risk-wide": min_risk(logits, self.wide, self.low, WIDE),
        }
        # As many notes as min-risk has: is min-risk better than just another threshold?
        count = int(found["min-risk"].sum())
        found["threshold-equal"] = logits > np.partition(logits.ravel(), -count - 1)[-count - 1]
        return found


# ---- scores ----


def clashes(found):
    """Share of keys a semitone apart among all pairs of keys that sound together, as `spiral compare` counts them."""
    n = found.sum(1).astype(float)
    return float(np.sum(found[:, 1:] & found[:, :-1]) / max(np.sum(n * (n - 1) / 2), 1))


def heard(found, prefix=""):
    return {prefix + "clashes": clashes(found), prefix + "notes": float(found.sum(1).mean())}


def scores(found, right, clean):
    pitch, error = MultiPitch(pitch_dim=-1, time_dim=-2), SpiralError(pitch_dim=-1, time_dim=-2)
    for metric in (pitch, error):
        metric.update(found, right)
    ratios = pitch.compute()
    return {"f1": ratios["F1"], "chroma_f1": ratios["Chroma F1"], "spiral_error": error.compute(),
            "clean_f1": f1(found[clean], right[clean]) if clean.any() else float("nan"), **heard(found)}  # fmt: skip


def sounding(logits):
    """The plane of sounding keys of windows (N, planes, T, keys), as (N * T, keys)."""
    return logits[:, 0].reshape(-1, logits.shape[-1])


@torch.no_grad()
def measure(model, corpus, data, seed):
    config = model.config
    _, valid, test = parts(corpus, data)
    rules = Rules(model, *reconstruct(model, valid)[:2])
    logits, right, of = reconstruct(model, test)
    clean = np.zeros(len(test), bool)
    if corpus == "jsb":
        chosen = {p.name for p in files(data / "jsb-chorales/midi/test")[1]}
        clean[:] = [p.name in chosen for p in test]
    clean = clean[of]
    random = torch.from_numpy(np.random.default_rng(int(seed)).standard_normal((SAMPLES, config.latent))).float()
    drawn = sounding(model.decode(model.latents.mean + random @ model.latents.factor.T).numpy())
    samples = rules.decide(drawn)
    rows = {}
    for name, found in rules.decide(logits).items():
        rows[name] = {**scores(found, right, clean), **heard(samples[name], "sample_"),
                      "sample_silent": float((samples[name].sum(1) == 0).mean())}  # fmt: skip
    rows[MUSIC] = {**scores(right, right, clean), **heard(right, "sample_"), "sample_silent": float((right.sum(1) == 0).mean())}
    return rows


def reconstruct(model, paths):
    """For all frames of the files: logits and keys that sound, (frames, keys), and the number of the file."""
    cut, of = windows(model.config, paths)
    logits = np.concatenate([model(torch.from_numpy(cut[i : i + 256])).numpy() for i in range(0, len(cut), 256)])
    inside = of >= 0
    return sounding(logits)[inside], sounding(cut)[inside], of[inside]


def link(corpus, data, out):
    """Folders OUT/CORPUS/train and /valid with links to the files, for `spiral train`."""
    for name, paths in zip(("train", "valid"), parts(corpus, data)):
        folder = out / corpus / name
        folder.mkdir(parents=True, exist_ok=True)
        for i, path in enumerate(paths):
            to = folder / f"{i:04d}-{path.name}"
            if not to.is_symlink():
                to.symlink_to(path)


def run(program, data, out, corpus, loss, seed):
    path = out / f"{corpus}.{loss}.{seed}.safetensors"
    subprocess.run([program, "train", out / corpus / "train", "--valid", out / corpus / "valid", "--preset", "bar",
                    "--decoder", "0", "--latent", str(LATENT), "--hidden", str(HIDDEN), *LOSSES[loss],
                    "--steps", str(STEPS), "--seed", str(seed), "--threads", "1", "-o", path, "--quiet"],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    rows = measure(Autoencoder.load(path), corpus, data, seed)
    path.unlink()
    return rows


def main():
    program, data, out = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
    torch.set_num_threads(1)
    runs = Runs(out / "results.csv", KEY, VALUES)
    names = (*DECISIONS, MUSIC)
    plan = [(corpus, loss, seed) for corpus in os.environ.get("CORPORA", " ".join(CORPORA)).split()
            for seed in os.environ.get("SEEDS", "1 2 3").split()
            for loss in os.environ.get("LOSSES", " ".join(LOSSES)).split()]  # fmt: skip
    left = [p for p in plan if not all(runs.done(p[0], p[1], name, p[2]) for name in names)]
    for corpus in {p[0] for p in left}:
        link(corpus, data, out)
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        waiting = {pool.submit(run, program, data, out, *p): p for p in left}
        for done in concurrent.futures.as_completed(waiting):
            corpus, loss, seed = waiting[done]
            rows = done.result()
            for name in names:
                if not runs.done(corpus, loss, name, seed):
                    runs.add((corpus, loss, name, seed), rows[name])
            finished = sum(all(runs.done(p[0], p[1], name, p[2]) for name in names) for p in plan)
            print(f"{finished} of {len(plan)} training runs done: {corpus}, {loss}, seed {seed}", file=sys.stderr)
    losses = list(LOSSES)
    runs.sort(lambda row: (CORPORA.index(row["corpus"]), losses.index(row["loss"]), names.index(row["decision"]),
                           int(row["seed"])))  # fmt: skip


if __name__ == "__main__":
    main()
