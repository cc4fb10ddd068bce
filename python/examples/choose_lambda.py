# SPDX-License-Identifier: MIT
"""Chooses the weight of the spiral term: trains a small autoencoder with several lambdas and prints a table.

python examples/choose_lambda.py my_midi/ --steps 400 --seeds 3

The network is that of the C program. Its first weights are principal components, so short runs are enough for a
comparison. Of every ten files one is held out and scored, and one is used to choose the threshold above which a cell
sounds, because each loss needs its own. Numbers are means over the seeds, +- their standard deviation.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics

import torch
from autoencoder_36x36 import FRAMES, HIGH, LOW, read_rolls, train, windows_of

from spiral_loss import SpiralLoss
from spiral_loss.metrics import MultiPitch, OctaveShare, SpiralError
from spiral_loss.model import Autoencoder, Config


class Network(torch.nn.Module):
    """The autoencoder for windows (B, keys, frames)."""

    def __init__(self, windows: torch.Tensor) -> None:
        super().__init__()
        self.inner = Autoencoder(Config(low=LOW, high=HIGH, frames=FRAMES, latent=16, hidden=256, grid="beats"))
        self.inner.start_from(windows[torch.randperm(len(windows))[:2048]].mT[:, None])

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.inner(windows.mT[:, None])
        return logits[:, 0].mT


SCORES = ("F1", "Spiral Error", "Octave Share", "Substitution Error", "Miss Error", "False Alarm Error")


@torch.no_grad()
def best_threshold(logits: torch.Tensor, windows: torch.Tensor) -> float:
    """The threshold with the highest F1."""

    def f1(threshold: float) -> float:
        above = logits > threshold
        return float(2 * (above * windows).sum() / (above.sum() + windows.sum()))

    return max((t / 10 for t in range(-30, 21)), key=f1)


def one_run(lambd: float, parts: list[torch.Tensor], steps: int, seed: int) -> dict[str, float]:
    training, choosing, held = parts
    torch.manual_seed(seed)
    model = Network(training)
    with contextlib.redirect_stdout(io.StringIO()):
        train(model, training, SpiralLoss(lambd=lambd), steps, seed)
    with torch.no_grad():
        threshold = best_threshold(model(choosing), choosing)
        logits = model(held)
    pitch, error, octaves = (m(threshold=threshold) for m in (MultiPitch, SpiralError, OctaveShare))
    for metric in (pitch, error, octaves):
        metric.update(logits, held)
    return {**pitch.compute(), "Spiral Error": error.compute(), "Octave Share": octaves.compute()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="MIDI files")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--lambdas", type=float, nargs="+", default=[0, 0.5, 1, 2, 4, 8])
    arguments = parser.parse_args()
    rolls = read_rolls(arguments.folder)
    parts = [windows_of(rolls[i::10]) for i in (1, 0)]
    parts.insert(0, windows_of([r for i, r in enumerate(rolls) if i % 10 > 1], hop=4))
    print(
        f"{len(rolls)} files; windows to train on, to choose by and held out: {', '.join(str(len(p)) for p in parts)}"
    )
    print("| lambda |", " | ".join(SCORES), "|")
    print("|---|" + "---|" * len(SCORES))
    for lambd in arguments.lambdas:
        runs = [one_run(lambd, parts, arguments.steps, seed) for seed in range(arguments.seeds)]
        spread = statistics.stdev if len(runs) > 1 else lambda _: 0.0
        cells = [f"{statistics.mean(r[c] for r in runs):.3f} ± {spread([r[c] for r in runs]):.3f}" for c in SCORES]
        print(f"| {lambd:g} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
