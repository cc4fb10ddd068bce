# SPDX-License-Identifier: MIT
"""Can a small network tell two sets of MIDI files apart? A two-sample test (Lopez-Paz and Oquab 2017).

    bench/two_sample.sh A B

A and B are folders. A convolutional network is trained to tell windows of four bars of A from windows of four bars of B, and
tested on pieces that it was not trained on: five folds by piece. AUC .5: it cannot; 1: always. "By piece" ranks pieces by the
mean of their windows. Only the first eight bars of each piece are used, so that lengths and endings have no effect; shorter
pieces are left out. Pieces that occur in A and in B, or twice, make the numbers wrong.

Rolls are sixteenths of sounding keys and onsets, keys 24 to 107. Needs numpy, torch and the package in python/.
"""
import argparse
import json
import pathlib
import sys

import numpy as np
import torch
from spiral_loss import errors, midi
from torch import nn

LOW, HIGH = 24, 107
BAR, WINDOW, LENGTH = 16, 64, 128  # frames
MOVE = 3  # windows are transposed by up to so many semitones in training
FOLDS, STEPS, BATCH = 5, 500, 32
ENDINGS = (".mid", ".midi", ".kar", ".rmi")


def load(folder):
    """(pieces, 2, LENGTH, keys) of 0 and 1: the first eight bars of each file that has as many."""
    paths = sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix.lower() in ENDINGS)
    pieces, short = [], 0
    for path in paths:
        try:
            roll = midi.read(path).to_roll(steps_per_quarter=BAR // 4, low=LOW, high=HIGH, onsets=True)
        except errors.Error as error:
            print(f"{path}: {error}; left out", file=sys.stderr)
            continue
        if roll.sounding.shape[1] < LENGTH:
            short += 1
            continue
        pieces.append(np.stack([roll.sounding.T[:LENGTH], roll.onsets.T[:LENGTH]]))
    if short:
        print(f"{folder}: {short} files are shorter than eight bars; left out", file=sys.stderr)
    if len(pieces) < 2 * FOLDS:
        sys.exit(f"{folder}: {len(pieces)} pieces of eight bars: must be {2 * FOLDS} or more")
    return np.stack(pieces).astype(np.float32)


def network():
    return nn.Sequential(
        nn.Conv2d(2, 16, 5, stride=(2, 1), padding=2), nn.ReLU(),
        nn.Conv2d(16, 24, (3, 13), stride=2, padding=(1, 6)), nn.ReLU(),
        nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.AdaptiveMaxPool2d((2, 1)), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, 1))


def transposed(window, semitones):
    out = np.zeros_like(window)
    keys = window.shape[-1]
    out[..., max(semitones, 0):keys + min(semitones, 0)] = window[..., max(-semitones, 0):keys - max(semitones, 0)]
    return out


def windows(pieces):
    """(pieces * 5, 2, WINDOW, keys): windows that begin at each bar."""
    begins = range(0, LENGTH - WINDOW + 1, BAR)
    return np.concatenate([[piece[:, t:t + WINDOW] for t in begins] for piece in pieces])


def trained(a, b, rng):
    """A network whose logit is high for windows like those of b; each batch has as many of a as of b."""
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    label = torch.repeat_interleave(torch.tensor([0.0, 1.0]), BATCH // 2)
    for _ in range(STEPS):
        batch = [transposed(side[i], rng.integers(-MOVE, MOVE + 1))
                 for side in (a, b) for i in rng.integers(len(side), size=BATCH // 2)]
        loss = nn.functional.binary_cross_entropy_with_logits(model(torch.from_numpy(np.stack(batch)))[:, 0], label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def auc(low, high):
    """The share of pairs in which `high` is greater; equal ones count half."""
    return float((high[:, None] > low).mean() + (high[:, None] == low).mean() / 2)


def test(a, b, seed):
    """(AUC by window, AUC by piece), means over the folds."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    folds = [np.array_split(rng.permutation(len(side)), FOLDS) for side in (a, b)]
    results = []
    for k in range(FOLDS):
        seen = [np.concatenate(fold[:k] + fold[k + 1:]) for fold in folds]
        model = trained(windows(a[seen[0]]), windows(b[seen[1]]), rng)
        with torch.no_grad():
            scores = [model(torch.from_numpy(windows(side[fold[k]])))[:, 0].numpy()
                      for side, fold in zip((a, b), folds)]
        per_piece = [score.reshape(len(fold[k]), -1).mean(1) for score, fold in zip(scores, folds)]
        results.append((auc(*scores), auc(*per_piece)))
    return np.mean(results, 0)


def main():
    parser = argparse.ArgumentParser(prog="bench/two_sample.sh", description=__doc__.splitlines()[0])
    parser.add_argument("a", metavar="A", help="folder of MIDI files")
    parser.add_argument("b", metavar="B", help="folder of MIDI files")
    parser.add_argument("--seeds", type=int, default=3, help="number of repetitions (default 3)")
    parser.add_argument("--threads", type=int, default=0, help="0: as PyTorch chooses")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: must be 1 or more")
    if options.threads:
        torch.set_num_threads(options.threads)
    a, b = load(options.a), load(options.b)
    results = []
    for seed in range(options.seeds):
        results.append(test(a, b, seed))
        print(f"seed {seed}: AUC by window {results[-1][0]:.3f}, by piece {results[-1][1]:.3f}", file=sys.stderr)
    by_window, by_piece = np.mean(results, 0)
    print(json.dumps({"a": len(a), "b": len(b), "auc_by_window": round(by_window, 4),
                      "auc_by_piece": round(by_piece, 4), "seeds": options.seeds}))


if __name__ == "__main__":
    main()
