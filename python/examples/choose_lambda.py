# SPDX-License-Identifier: MIT
"""How much of the spiral term? Trains a small autoencoder with several lambdas and prints a table.

python examples/choose_lambda.py my_midi/ --steps 400 --seeds 3

The network is that of the C program, started from principal components, so that short runs are enough to compare by.
Every tenth file is held out and scored; numbers are means over the seeds, +- their standard deviation.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics

import torch
from seed_autoencoder import COLUMNS, HIGH, LOW, read_rolls, scores, train, windows_of

from spiral_loss import SpiralLoss
from spiral_loss.metrics import OctaveShare
from spiral_loss.model import Autoencoder, Config


class Network(torch.nn.Module):
    """The autoencoder for windows (B, keys, columns)."""

    def __init__(self, windows: torch.Tensor) -> None:
        super().__init__()
        self.inner = Autoencoder(Config(low=LOW, high=HIGH, columns=COLUMNS, code=8, hidden=256, grid="beats"))
        self.inner.start_from(windows[torch.randperm(len(windows))[:2048]].mT[:, None])

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.inner(windows.mT[:, None])
        return logits[:, 0].mT


SCORES = ("F1", "Spiral Error", "Octave Share", "Substitution Error", "Miss Error", "False Alarm Error")


def one_run(weight: float, training: torch.Tensor, held: torch.Tensor, steps: int, seed: int) -> dict[str, float]:
    torch.manual_seed(seed)
    model = Network(training)
    with contextlib.redirect_stdout(io.StringIO()):
        train(model, training, SpiralLoss(weight=weight, low=LOW), steps, seed)
    octaves = OctaveShare(low=LOW)
    with torch.no_grad():
        octaves.update(model(held), held)
    return {**scores(model, held), "Octave Share": octaves.compute()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="MIDI files")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--weights", type=float, nargs="+", default=[0, 0.5, 1, 2, 4, 8])
    arguments = parser.parse_args()
    rolls = read_rolls(arguments.folder)
    held = windows_of(rolls[::10])
    training = windows_of([r for i, r in enumerate(rolls) if i % 10], hop=4)
    print(f"{len(rolls)} files, {len(training)} windows to train on, {len(held)} held out")
    print("| lambda |", " | ".join(SCORES), "|")
    print("|---|" + "---|" * len(SCORES))
    for weight in arguments.weights:
        runs = [one_run(weight, training, held, arguments.steps, seed) for seed in range(arguments.seeds)]
        spread = statistics.stdev if len(runs) > 1 else lambda _: 0.0
        cells = [f"{statistics.mean(r[c] for r in runs):.3f} ± {spread([r[c] for r in runs]):.3f}" for c in SCORES]
        print(f"| {weight:g} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
