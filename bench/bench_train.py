# SPDX-License-Identifier: MIT
"""Training of the autoencoder: the library against the same network, batch, optimiser and loss in PyTorch.

    make bench-train [BENCH=--quick]       # or bench_train.py CHORALES PIANO [--quick] [--only speed|files]

Speed: preset 36x36, hidden 512, latent 16, batches of 32, 128 and 512 windows of chorales, on one thread and on two.
PyTorch uses the module of the Python package (spiral_loss.model), fused AdamW, windows that are gathered from one array
of frames, and SpiralLoss, which on the CPU calls our C kernel, so its loss is as fast as ours. It runs eagerly and
compiled, on one thread and on two; for two threads its best result counts. Each way is a separate process, timed in
turns. The median of the rounds is kept, with the processor time per window, which depends less on other load on the
machine, and peak memory.

End to end: a model is trained on the folder PIANO with the same number of steps from the same first weights (principal
components), by the program and by a script that reads with symusic. Both models are scored by `spiral eval` on the held-out files.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import machine

ROOT = pathlib.Path(__file__).resolve().parents[1]
BENCH, PROGRAM = ROOT / "build/bench/bench-train", ROOT / "build/cli/spiral"
LOW, KEYS, FRAMES, HIDDEN, LATENT, RATE, DECAY, TRANSPOSE = 48, 36, 36, 512, 16, 0.008, 0.01, 3
PAD = 12  # keys kept on each side of the model's, for transposition


def peak_mb():
    """The peak memory of this process so far, in MiB."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


# ---- training with PyTorch: a separate process -----------------------------------------------------------------------


def read_rolls(paths):
    """Frames of all files as in the preset 36x36, (frames, KEYS + 2 PAD) uint8, and the number of frames of each file."""
    import numpy
    import symusic

    rolls = []
    for path in paths:
        score = symusic.Score(str(path), ttype="second")
        tracks = [track for track in score.tracks if not track.is_drum]
        notes = [(n.time, n.time + n.duration, n.pitch) for track in tracks for n in track.notes]
        roll = numpy.zeros((round(max((off for _, off, _ in notes), default=0) * 100) + 1, KEYS + 2 * PAD), numpy.uint8)
        for on, off, key in notes:
            begin = round(on * 100)
            if 0 <= key - LOW + PAD < KEYS + 2 * PAD:
                roll[begin : max(round(off * 100), begin + 1), key - LOW + PAD] = 1
        rolls.append(roll)
    lengths = [len(r) for r in rolls if len(r) > FRAMES]
    return numpy.concatenate([r for r in rolls if len(r) > FRAMES]), lengths


class Trainer:
    """The autoencoder, its optimiser and the frames of the training files, in PyTorch."""

    def __init__(self, paths, batch, steps, compiled, seed=1):
        import torch
        from spiral_loss import SpiralLoss
        from spiral_loss.model import Autoencoder, Config

        torch.manual_seed(seed)
        frames, lengths = read_rolls(paths)
        self.torch, self.batch, self.steps, self.frames = torch, batch, steps, torch.from_numpy(frames)
        ends = torch.tensor(lengths).cumsum(0)
        self.firsts = torch.cat([torch.arange(end - n, end - FRAMES + 1) for n, end in zip(lengths, ends.tolist())])
        self.model = Autoencoder(Config(low=LOW, high=LOW + KEYS - 1, frames=FRAMES, latent=LATENT, hidden=HIDDEN))
        self.model.start_from(self.draw(4096, False).view(-1, 1, FRAMES, KEYS))
        self.loss = SpiralLoss(lambd=1.0, pitch_dim=-1, time_dim=-2, low=LOW, reduction="sum")
        groups = [{"params": [p for p in self.model.parameters() if (p.dim() > 1) == m], "weight_decay": DECAY * m}
                  for m in (1, 0)]
        self.optimizer = torch.optim.AdamW(groups, RATE, betas=(0.9, 0.99), fused=True)
        self.step_loss = torch.compile(self.forward) if compiled else self.forward

    def draw(self, count, transposed=True):
        """Random windows, (count, FRAMES, KEYS) float; if transposed, each by up to TRANSPOSE semitones."""
        torch = self.torch
        rows = self.firsts[torch.randint(len(self.firsts), (count,))][:, None] + torch.arange(FRAMES)
        if transposed:
            shift = torch.randint(-TRANSPOSE, TRANSPOSE + 1, (count,))
        else:
            shift = torch.zeros(count, dtype=torch.long)
        keys = PAD + torch.arange(KEYS) - shift[:, None]
        return self.frames[rows[:, :, None], keys[:, None, :]].float()

    def forward(self, windows):
        """The mean loss of a window."""
        return self.loss(self.model(windows.view(-1, 1, FRAMES, KEYS)).view(-1, FRAMES, KEYS), windows) / len(windows)

    def step(self, number):
        """Step `number` of the training, from 0: a warm-up, then half a cosine."""
        warm = 0.05 * self.steps
        at = number + 1
        if at < warm:
            rate = RATE * at / warm
        else:
            rate = RATE * 0.5 * (1 + math.cos(math.pi * (at - warm) / (self.steps - warm)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self.step_loss(self.draw(self.batch))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def work(folder, batch, threads, compiled, steps, model):
    """Trains. Prints when the first steps are done, then for each input line the speed of 2 more seconds."""
    import torch

    torch.set_num_threads(threads)
    paths = sorted(pathlib.Path(folder).rglob("*.mid"))
    if model:
        trainer = Trainer([p for i, p in enumerate(paths) if i % 10], batch, steps, compiled)
        for number in range(steps):
            trainer.step(number)
        trainer.model.save(model)
        print(peak_mb())
        return
    trainer = Trainer(paths, batch, 10**6, compiled)
    for number in range(5):
        trainer.step(number)
    print("ready", flush=True)
    for line in sys.stdin:
        wall, processor, count = time.monotonic(), time.process_time(), 0
        while time.monotonic() - wall < float(line):
            trainer.step(count)
            count += 1
        spent = time.process_time() - processor
        print(count * batch / (time.monotonic() - wall), spent / (count * batch), peak_mb(), flush=True)


# ---- the bench -------------------------------------------------------------------------------------------------------


class Torch:
    """A process that trains with PyTorch."""

    def __init__(self, folder, batch, threads, compiled):
        command = [sys.executable, __file__, "--worker", folder, str(batch), str(threads), str(int(compiled)), "0", ""]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("bench-train: PyTorch's process failed")

    def measure(self, seconds):
        """Windows per second, seconds of processor time per window, peak MiB, from about that many seconds."""
        print(seconds, file=self.process.stdin, flush=True)
        return [float(x) for x in self.process.stdout.readline().split()]

    def close(self):
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait()


class Ours:
    """The training of the library, bench/train.c."""

    def __init__(self, paths, batch, threads):
        self.command = [str(BENCH), str(threads), str(batch), str(HIDDEN)]
        self.paths, self.steps = [str(p) for p in paths], 5

    def measure(self, seconds):
        """Windows per second, seconds of processor time per window, peak MiB, from about that many seconds."""
        speed, processor, memory = self.run(self.steps)
        wanted = max(5, int(speed * seconds / int(self.command[2])))
        if wanted > 2 * self.steps:
            self.steps = wanted
            speed, processor, memory = self.run(self.steps)
        return speed, processor, memory

    def run(self, steps):
        """The same as measure, from that many steps."""
        process = subprocess.Popen([*self.command, str(steps), *self.paths], stdout=subprocess.PIPE, text=True)
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit("bench-train: our process failed")
        return [*map(float, text.split()), usage.ru_maxrss / 1024]

    def close(self):
        """Nothing to end: each measurement is a separate process."""


def speeds(folder, quick):
    """Measures and prints the speed of each way; a row for each batch size, number of threads and way."""
    rows = []
    paths = sorted(pathlib.Path(folder).rglob("*.mid"))
    for threads in (1, 2):
        for batch in (32, 128, 512):
            ways = {"ours": Ours(paths, batch, threads)}
            for n in range(1, threads + 1):
                for compiled in (0,) if quick else (0, 1):
                    ways[f"PyTorch {'compiled' if compiled else 'eager'}, {n} thread{'s' * (n > 1)}"] = Torch(
                        folder, batch, n, compiled)
            taken = {name: [] for name in ways}
            for _ in range(3 if quick else 5):
                for name, way in ways.items():
                    taken[name].append(way.measure(1 if quick else 2))
            for name, way in ways.items():
                way.close()
                speed, processor, memory = (statistics.median(x) for x in zip(*taken[name]))
                rows.append({"what": f"batch {batch}, {threads} thread{'s' * (threads > 1)}", "way": name,
                             "windows_per_s": speed, "processor_us_per_window": 1e6 * processor, "peak_mb": memory})
                print(f"{rows[-1]['what']:22} {name:30} {speed:9.0f} windows/s  {1e6 * processor:7.1f} us of processor"
                      f" each  {memory:6.0f} MB", flush=True)
            best = max(r["windows_per_s"] for r in rows[-len(ways) + 1 :])
            least = min(r["processor_us_per_window"] for r in rows[-len(ways) + 1 :])
            ours = rows[-len(ways)]
            print(f"{'':22} ours is {ours['windows_per_s'] / best:.2f} times as fast as the best of PyTorch, "
                  f"by processor time {least / ours['processor_us_per_window']:.2f} times", flush=True)
    return rows


def timed(command):
    """Runs a command: its seconds, its seconds of processor time, its peak MiB."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"bench-train: {command[0]} failed")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def end_to_end(folder, steps):
    """Trains a model in each way and scores it; a row for each way."""
    rows = []
    paths = sorted(pathlib.Path(folder).rglob("*.mid"))
    with tempfile.TemporaryDirectory() as temporary:
        held, rest = pathlib.Path(temporary, "held"), pathlib.Path(temporary, "rest")
        for i, path in enumerate(paths):
            to = (rest if i % 10 else held) / f"{i:04}.mid"
            to.parent.mkdir(exist_ok=True)
            to.symlink_to(path.resolve())
        ways = {"ours": [PROGRAM, "train", rest, "--valid", held, "--preset", "36x36", "--decoder", "0",
                         "--hidden", str(HIDDEN), "--latent", str(LATENT), "--batch", "256", "--steps", str(steps),
                         "--quiet", "--keep-duplicates", "-o"]}
        for threads in (1, 2):
            ways[f"PyTorch eager, {threads} thread{'s' * (threads > 1)}, symusic"] = [
                sys.executable, __file__, "--worker", folder, "256", str(threads), "0", str(steps)]
        for name, command in ways.items():
            model = pathlib.Path(temporary, "model.safetensors")
            model.unlink(missing_ok=True)
            wall, processor, memory = timed([str(x) for x in [*command, model]])
            scored = subprocess.run([PROGRAM, "eval", model, held, "--json"], capture_output=True, check=True)
            f1 = json.loads(scored.stdout)["frame"]["f1"]
            rows.append({"what": f"{len(paths)} piano files, {steps} steps of 256", "way": name, "wall_s": wall,
                         "processor_s": processor, "peak_mb": memory, "f1": f1})
            print(f"{rows[-1]['what']:34} {name:30} {wall:6.1f} s, {processor:6.1f} s of processor time, "
                  f"{memory:5.0f} MB, frame F1 {f1:.4f}", flush=True)
    best = min(row["wall_s"] for row in rows[1:])
    print(f"{'':34} the best of PyTorch takes {best / rows[0]['wall_s']:.2f} times as long as ours")
    return rows


def main():
    """Runs the bench, or with --worker one training of PyTorch."""
    if len(sys.argv) > 1 and sys.argv[1] == "--worker":
        folder, batch, threads, compiled, steps, model = sys.argv[2:]
        return work(folder, int(batch), int(threads), int(compiled), int(steps), model)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chorales")
    parser.add_argument("piano")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, no torch.compile")
    parser.add_argument("--steps", type=int, default=2000, help="of the training end to end")
    parser.add_argument("--only", choices=["speed", "files"], help="only the speed, or only from files to a model")
    arguments = parser.parse_args()
    import torch

    parts = {"speed": lambda: speeds(arguments.chorales, arguments.quick),
             "files": lambda: end_to_end(arguments.piano, 200 if arguments.quick else arguments.steps)}
    for part, measure in parts.items():
        if arguments.only in (None, part):
            rows = measure()
            facts = machine.describe(torch=torch.__version__, python=platform.python_version())
            if not arguments.quick:
                machine.keep([{**row, **facts} for row in rows], facts, prefix=f"train-{part}-")
    return None


if __name__ == "__main__":
    main()
