# SPDX-License-Identifier: MIT
"""The complete autoencoder of the original question: MIDI in, 36 x 36 rolls, SpiralLoss, MIDI out.

python examples/autoencoder_36x36.py my_midi/ -o again.mid

Read next: choose_lambda.py, which trains it with other losses, and ddp.py, which trains it on several processes.
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np
import torch
from torch import Tensor, nn

from spiral_loss import SpiralLoss, midi
from spiral_loss.metrics import MultiPitch, SpiralError

FRAMES, LOW, HIGH = 36, 48, 83


def read_rolls(folder: str, steps_per_quarter: int = 4) -> list[midi.Roll]:
    """A roll for each MIDI file, in the order of their names; files that cannot be read are printed and left out."""
    rolls = []
    for path in sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix.lower() in (".mid", ".midi")):
        try:
            roll = midi.read(path).to_roll(steps_per_quarter=steps_per_quarter, low=LOW, high=HIGH)
        except ValueError as error:
            print(f"left out: {path}: {error}")
            continue
        if roll.sounding.any():
            rolls.append(roll)
    return rolls


def windows_of(rolls: list[midi.Roll], hop: int = FRAMES) -> Tensor:
    """(N, 36, 36): keys by frames. Silent windows are left out."""
    windows = torch.from_numpy(np.concatenate([roll.windows(FRAMES, hop) for roll in rolls])).float()
    return windows[windows.flatten(1).any(1)]


def autoencoder(latent: int = 16, hidden: int = 256) -> nn.Module:
    cells = FRAMES * (HIGH - LOW + 1)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(cells, hidden), nn.SiLU(), nn.Linear(hidden, latent),
        nn.Linear(latent, hidden), nn.SiLU(), nn.Linear(hidden, cells), nn.Unflatten(1, (HIGH - LOW + 1, FRAMES)),
    )  # fmt: skip


def train(model: nn.Module, windows: Tensor, loss: nn.Module, steps: int, seed: int, batch: int = 128) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for step in range(steps):
        batch_windows = windows[torch.randint(len(windows), (batch,), generator=generator)]
        value = loss(model(batch_windows), batch_windows)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % max(steps // 4, 1) == 0:
            print(f"step {step + 1}: loss {float(value.detach()):.3f} a frame")


@torch.no_grad()
def scores(model: nn.Module, windows: Tensor) -> dict[str, float]:
    pitch, error = MultiPitch(), SpiralError()
    logits = model(windows)
    pitch.update(logits, windows)
    error.update(logits, windows)
    return {**pitch.compute(), "Spiral Error": error.compute()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="MIDI files")
    parser.add_argument("-o", "--output", default="again.mid", help="a held-out piece through the latent and back")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--lambda", dest="lambd", type=float, default=1.0, help="factor of the spiral term")
    arguments = parser.parse_args()

    rolls = read_rolls(arguments.folder)
    held_out, training = rolls[::10], [r for i, r in enumerate(rolls) if i % 10]
    if not training:
        parser.error(f"{arguments.folder} holds {len(rolls)} pieces: two or more are needed")
    loss = SpiralLoss(lambd=arguments.lambd)
    substitute, _ = loss.interval_costs()
    print(f"instead of a C, in missed notes: the next C# {substitute[1]:.2f}, F# {substitute[6]:.2f}, "
          f"the C above {substitute[12]:.2f}")  # fmt: skip

    torch.manual_seed(1)
    model = autoencoder()
    train(model, windows_of(training, hop=4), loss, arguments.steps, seed=1)
    held = scores(model, windows_of(held_out))
    print(f"held-out: F1 {held['F1']:.3f}, spiral error {held['Spiral Error']:.3f} missed notes a note")

    piece = held_out[0]
    with torch.no_grad():
        logits = model(torch.from_numpy(piece.windows(FRAMES)).float())
    frames = np.concatenate(list((logits > 0).numpy()), axis=1)[:, : piece.sounding.shape[1]]
    again = midi.Roll(
        frames, low=LOW, steps_per_quarter=piece.steps_per_quarter, quarters_per_min=piece.quarters_per_min
    )
    song = midi.from_roll(again)
    song.save(arguments.output)
    print(f"{arguments.output}: {len(song.notes)} notes, {song.end:.0f} s")


if __name__ == "__main__":
    main()
