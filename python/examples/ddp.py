# SPDX-License-Identifier: MIT
"""Trains on several processes: each has a part of the windows, gradients are averaged, counts are added.

torchrun --nproc-per-node 2 examples/ddp.py my_midi/
"""

from __future__ import annotations

import argparse
import os
import sys

import torch
import torch.distributed as dist
from autoencoder_36x36 import autoencoder, read_rolls, windows_of
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from spiral_loss import SpiralLoss
from spiral_loss.metrics import MultiPitch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="MIDI files")
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()

    dist.init_process_group("gloo")
    torch.manual_seed(1)  # the same first weights in every process
    windows = windows_of(read_rolls(arguments.folder))
    data = TensorDataset(windows)
    sampler = DistributedSampler(data, seed=1)
    model, loss = DistributedDataParallel(autoencoder()), SpiralLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for epoch in range(arguments.epochs):
        sampler.set_epoch(epoch)
        for (batch,) in DataLoader(data, batch_size=64, sampler=sampler):
            optimizer.zero_grad()
            loss(model(batch), batch).backward()
            optimizer.step()

    score = MultiPitch()
    with torch.no_grad():
        for (batch,) in DataLoader(data, batch_size=64, sampler=sampler):
            score.update(model(batch), batch)
    f1 = score.compute()["F1"]  # of all processes together
    weights = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    everywhere = [torch.empty_like(weights) for _ in range(dist.get_world_size())]
    dist.all_gather(everywhere, weights)
    if dist.get_rank() == 0:
        same = all(torch.equal(w, weights) for w in everywhere)
        print(f"{dist.get_world_size()} processes, weights {'equal' if same else 'DIFFERENT'}, "
              f"F1 {f1:.3f} on {len(windows)} windows")  # fmt: skip
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
    # DistributedDataParallel keeps the threads of gloo: one of them may abort the process while Python shuts down
    # (PyTorch 2.13).
    sys.stdout.flush()
    os._exit(0)
