# SPDX-License-Identifier: MIT
"""Training speed of the note-by-note decoder, in frames per second: the library against the same network in PyTorch.

    make bench-decoder [BENCH=--quick]       # or bench_decoder.py MIDI... [--quick], as in bench/run_decoder.sh

PyTorch uses nn.GRU, embedding_bag for the sparse rows, fused AdamW and its best number of threads. Its features are computed
beforehand, while the library computes them in each step. Both use batches of 4 streams of 32 frames and 48 keys. The two are
timed in turns; the median of the rounds is reported. Needs the Python package (python/) and build/.
"""

import argparse
import pathlib
import statistics
import subprocess
import time

import torch
from spiral_loss import midi
from spiral_loss.decoder import Decoder, features

BUILD = pathlib.Path(__file__).resolve().parents[1] / "build"
LOW, HIGH, FRAMES, STREAMS, UNITS = 36, 83, 32, 4, 96
CONFIG = {"grid": "beats", "steps_per_quarter": 4, "low": LOW, "high": HIGH, "planes": 2, "decoder": UNITS}


def bags(dense):
    """Rows of features (N, F) in the form of embedding_bag: indices, offsets, weights."""
    cells, rows = dense.nonzero(as_tuple=True)
    counts = torch.bincount(cells, minlength=len(dense))
    return rows, torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)[:-1]]), dense[cells, rows]


def batches(paths):
    """Batches of (features of both readers as bags, targets), from the first 32 frames of four files each."""
    pieces = []
    for path in paths:
        roll = midi.read(path).to_roll(steps_per_quarter=4, low=LOW, high=HIGH, onsets=True)
        cells, onsets = roll.sounding.T, roll.onsets.T
        if len(cells) < FRAMES:
            continue
        read = features(cells, onsets, low=LOW, bar=16)
        pieces.append(([x[:FRAMES] for x in read], torch.tensor(cells[:FRAMES]), torch.tensor(onsets[:FRAMES])))
    for i in range(0, len(pieces) - STREAMS + 1, STREAMS):
        some = pieces[i : i + STREAMS]
        read = [torch.cat([p[0][k] for p in some], 1) for k in range(2)]  # (T, streams P, F)
        targets = [torch.cat([p[k] for p in some], 1).float() for k in (1, 2)]
        yield [bags(x.flatten(0, 1)) for x in read], targets


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        like = Decoder(CONFIG)
        self.recurrent_rows = torch.nn.EmbeddingBag(*like.recurrent_rows.shape, mode="sum")
        self.head_rows = torch.nn.EmbeddingBag(*like.head_rows.shape, mode="sum")
        self.gru = torch.nn.GRU(3 * UNITS, UNITS)
        # The rows are already the input's part of the gates, so nn.GRU's input matrix is the identity and is not trained.
        self.gru.weight_ih_l0 = torch.nn.Parameter(torch.eye(3 * UNITS), requires_grad=False)
        self.first, self.second = torch.nn.Linear(UNITS, UNITS), torch.nn.Linear(UNITS, UNITS)
        self.out = torch.nn.Linear(UNITS, 2)

    def forward(self, recurrent, head):
        x = self.recurrent_rows(recurrent[0], recurrent[1], recurrent[2]).view(FRAMES, -1, 3 * UNITS)
        h = self.gru(x)[0].flatten(0, 1)
        y = torch.nn.functional.silu(self.first(h) + self.head_rows(head[0], head[1], head[2]))
        return self.out(torch.nn.functional.silu(self.second(y)))


def torch_speed(data, threads, compiled, seconds):
    torch.set_num_threads(threads)
    network = Network()
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, 5e-3, weight_decay=0.1, betas=(0.9, 0.98), fused=True)
    call = torch.compile(network) if compiled else network
    bce = torch.nn.functional.binary_cross_entropy_with_logits

    def step(read, targets):
        sounding, onsets = (x.flatten() for x in targets)
        logits = call(*read)
        nats = bce(logits[:, 0], sounding, reduction="sum")
        nats = nats + (sounding * bce(logits[:, 1], onsets, reduction="none")).sum()
        optimizer.zero_grad()
        (nats / (STREAMS * FRAMES)).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    for i in range(3):
        step(*data[i % len(data)])
    begin, count = time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        step(*data[count % len(data)])
        count += 1
    return count * STREAMS * FRAMES / (time.monotonic() - begin)


def our_speed(paths, threads, steps):
    out = subprocess.run(
        [BUILD / "bench" / "bench-decoder", str(threads), str(steps), *paths],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(out.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("midi", nargs="+")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no torch.compile")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    paths = sorted(p for m in map(pathlib.Path, arguments.midi) for p in (m.rglob("*.mid") if m.is_dir() else [m]))
    data = list(batches(paths[:64]))
    ways = {f"PyTorch, {n} thread{'s' * (n > 1)}": (n, False) for n in {1, arguments.threads}}
    if not arguments.quick:
        ways |= {f"PyTorch compiled, {n} thread{'s' * (n > 1)}": (n, True) for n in {1, arguments.threads}}
    speeds = {name: [] for name in ["ours", *ways]}
    for _ in range(2 if arguments.quick else 5):
        speeds["ours"].append(our_speed(paths, arguments.threads, 60))
        for name, (threads, compiled) in ways.items():
            speeds[name].append(torch_speed(data, threads, compiled, 3))
    median = {name: statistics.median(s) for name, s in speeds.items()}
    for name, speed in median.items():
        print(f"{name:32} {speed:9.0f} frames/s   ({min(speeds[name]):.0f} to {max(speeds[name]):.0f})")
    best = max(speed for name, speed in median.items() if name != "ours")
    print(f"ours is {median['ours'] / best:.2f} times as fast as the best of PyTorch")


if __name__ == "__main__":
    main()
