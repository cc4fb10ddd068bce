# SPDX-License-Identifier: MIT
"""The losses on a GPU: value and gradient of logits, against PyTorch's cross-entropy, in one run.

    python bench/gpu.py [--csv FILE] [--seconds 35] [--compile-only]

The work of a call for 32,768 rolls of 36 x 36 (1.18 million frames) on an H100, and the shortest time for it:

    memory        logits and targets in, gradients out, 12 bytes a cell: 510 MB, at 3.0 TB/s 170 us
    tensor cores  3 blurs of 36 keys by 84 bins, padded to 48 by 96, 3 products each: 41,472 multiply-adds a frame, at
                  495 T/s of fp16 99 us
    instructions  a tile of 64 frames takes 4 warps 2,800 instructions each (python/tests/build_kernels.py counts them),
                  one warp on each of a multiprocessor's 4 schedulers: 18,432 tiles at 1.755 GHz 222 us

So a call is limited by instructions, then by memory. PyTorch's cross-entropy moves about 78 bytes a cell for value and
gradient, in ten launches: 1.1 ms. For 4,096 rolls or fewer, the host needs longer to launch the kernels than the GPU to run
them, so the time of an eager call is that of the host.

A call is timed as in a training loop: forward and backward from a scalar, with gradient None before, on several inputs in
turns. CUDA events are around some calls, contenders run in turns, and the median of the rounds is taken. "graph" is the same
call replayed from a CUDA graph: the time of the GPU without that of the host.
"""

import argparse
import csv
import datetime
import functools
import math
import os
import statistics
import subprocess
import time

import torch
import torch.nn.functional as F

from spiral_loss import SpiralEnergy, SpiralLoss, WeightedBCE

SIZES = [(64, 36, 36), (512, 36, 36), (4096, 36, 36), (32768, 36, 36), (512, 88, 256), (4096, 88, 256)]
PLAIN_CELLS = 50_000_000  # above this the intermediate results of plain PyTorch need too much memory
ROUNDS, SLICE = 11, 0.003
START = time.monotonic()
Spiral, Energy, Weighted = (functools.partial(loss, low=21) for loss in (SpiralLoss, SpiralEnergy, WeightedBCE))


def rolls(shape, count=1, dtype=torch.float32, seed=0):
    """Sets of logits and targets (B, P, T)."""
    g = torch.Generator("cuda").manual_seed(seed)
    sets = []
    for _ in range(count):
        z = (2 * torch.randn(*shape, generator=g, device="cuda")).to(dtype).requires_grad_()
        sets.append((z, (torch.rand(*shape, generator=g, device="cuda") < 0.1).float()))
    return sets


def bce(z, t):
    return F.binary_cross_entropy_with_logits(z, t)


class Contender:
    """A loss, called forward and backward on several sets of inputs in turns."""

    def __init__(self, name, loss, sets):
        self.name, self.loss, self.sets, self.turn = name, loss, sets, 0
        self.calls, self.times = 1, []

    def call(self):
        z, t, *weight = self.sets[self.turn % len(self.sets)]
        self.turn += 1
        z.grad = None
        self.loss(z, t, *weight).backward()

    def warm_up(self):
        for _ in range(3):
            self.call()
        seconds = self.measure(2)
        self.calls = max(2, min(50, int(SLICE / seconds)))

    def measure(self, calls):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        start.record()
        for _ in range(calls):
            self.call()
        end.record()
        torch.cuda.synchronize()
        return start.elapsed_time(end) / calls / 1e3

    def round(self):
        self.call()
        self.times.append(self.measure(self.calls))


class Copy(Contender):
    """Copies as many bytes as a call must move."""

    def __init__(self, shape):
        cells = shape[0] * shape[1] * shape[2] * 3 // 2
        self.pairs = [(torch.empty(cells, device="cuda"), torch.empty(cells, device="cuda")) for _ in range(2)]
        super().__init__("a copy of as many bytes", None, self.pairs)

    def call(self):
        to, source = self.pairs[self.turn % 2]
        self.turn += 1
        to.copy_(source)


class Graph(Contender):
    """The calls of another contender, recorded in a CUDA graph."""

    def __init__(self, other):
        super().__init__(other.name + ", graph", None, other.sets)
        self.other, self.graphs = other, []

    def warm_up(self):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            self.other.call()
        torch.cuda.current_stream().wait_stream(side)
        for i in range(len(self.sets)):
            self.other.turn, graph = i, torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.other.call()
            self.graphs.append(graph)
        super().warm_up()

    def call(self):
        self.graphs[self.turn % len(self.graphs)].replay()
        self.turn += 1


def time_all(contenders, rounds=ROUNDS):
    """Name -> median microseconds over rounds; the contenders run in turns."""
    ready = []
    for c in contenders:
        try:
            c.warm_up()
            ready.append(c)
        except Exception as error:  # a contender that fails must not prevent the others
            print(f"    {c.name}: {type(error).__name__}: {str(error)[:150]}")
    for _ in range(rounds):
        for c in ready:
            c.round()
    return {c.name: 1e6 * statistics.median(c.times) for c in ready if c.times}


def left(seconds):
    return seconds - (time.monotonic() - START)


def main_table(shape, compiled, seconds, rounds=ROUNDS):
    """Microseconds of every contender at one size."""
    cells = shape[0] * shape[1] * shape[2]
    sets = rolls(shape, max(2, min(8, 100_000_000 // cells)))
    plain, ours = Spiral(backend="torch"), Spiral(backend="triton")
    contenders = [Contender("bce", bce, sets), Contender("triton", ours, sets), Copy(shape)]
    contenders += [Graph(c) for c in contenders[:2]]
    if cells <= PLAIN_CELLS:
        contenders.append(Contender("plain eager", plain, sets))
    if shape[1] == 36:
        for name, loss in compiled.items():
            if left(seconds) > 15 and (name != "plain compiled" or cells <= PLAIN_CELLS):
                contenders.append(Contender(name, loss, sets))
            else:
                why = "takes too much memory" if left(seconds) > 15 else "for want of time"
                print(f"    left out, {shape[0]} rolls: {name}, {why}")
    return time_all(contenders, rounds)


def other_calls(shape, rounds=ROUNDS):
    """Other kinds, types and layouts at one size, each also with PyTorch's cross-entropy."""
    sets = rolls(shape, 2)
    turned = [(z.detach().mT.contiguous().requires_grad_(), t.mT.contiguous()) for z, t in sets]
    half = [(z.detach().bfloat16().requires_grad_(), t.bfloat16()) for z, t in sets]
    bits = [(z, t.bool()) for z, t in sets]
    masked = [(z, t, torch.ones(shape[0], 1, shape[2], device="cuda")) for z, t in sets]

    def masked_bce(z, t, w):
        return F.binary_cross_entropy_with_logits(z, t, weight=w)

    last = {"pitch_dim": -1, "time_dim": -2}
    return time_all([
        Contender("bce", bce, sets),
        Contender("spiral", Spiral(), sets),
        Contender("spiral, keys last", Spiral(**last), turned),
        Contender("spiral, sum", Spiral(reduction="sum"), sets),
        Contender("spiral, per note", Spiral(reduction="per_note"), sets),
        Contender("spiral, targets of bits", Spiral(), bits),
        Contender("spiral, bfloat16", Spiral(), half),
        Contender("bce, bfloat16", bce, half),
        Contender("spiral, weights", Spiral(), masked),
        Contender("bce, weights", masked_bce, masked),
        Contender("energy", Energy(), sets),
        Contender("weighted_bce", Weighted(), sets),
        Contender("spiral, 35 frames", Spiral(),
                  [(z.detach()[..., :35].contiguous().requires_grad_(), t[..., :35].contiguous()) for z, t in sets]),
    ], rounds)  # fmt: skip


def errors(shape):
    """Largest errors of value and gradient against plain PyTorch in float64."""
    ((z, t),) = rolls(shape, seed=7)
    found = {}

    def one(name, loss, exact):
        x, y = z.detach().clone().requires_grad_(), z.detach().double().requires_grad_()
        value = loss(x, t)
        value.backward()
        wanted = exact(y, t.double())
        wanted.backward()
        found[name] = (
            float((value - wanted).abs() / (1 + wanted.abs())),
            float((x.grad - y.grad).abs().max() / y.grad.abs().max()),
        )

    plain = Spiral(backend="torch")
    one("plain eager", plain, plain)
    one("triton", Spiral(backend="triton"), plain)
    one("energy", Energy(backend="triton"), Energy(backend="torch"))
    one("weighted_bce", Weighted(backend="triton"), Weighted(backend="torch"))
    return found


def compile_only(compiled):
    """Calls everything on small batches, so that the kernels are compiled and stored on disk for the run that measures."""
    for shape in ((64, 36, 36), (512, 36, 36), (4, 88, 256)):
        main_table(shape, compiled, 1000, 0)
    other_calls((4, 36, 36), 0)
    errors((4, 36, 36))
    errors((4, 88, 256))


def host_time():
    """Microseconds of the host for a call whose kernels take almost no time: medians of rounds, in turns."""
    ((z, t),) = rolls((1, 36, 36), 1)
    contenders = {"bce": bce, "triton": Spiral(backend="triton"), "plain eager": Spiral(backend="torch")}
    calls = {}
    for name, loss in contenders.items():
        calls[name, "forward"] = functools.partial(loss, z, t)
        calls[name, "forward and backward"] = lambda loss=loss: loss(z, t).backward()
    times = {which: [] for which in calls}
    for _ in range(ROUNDS):
        for which, call in calls.items():
            torch.cuda.synchronize()
            start = time.perf_counter()
            for _ in range(25):
                z.grad = None
                call()
            times[which].append((time.perf_counter() - start) / 25)
    return {which: 1e6 * statistics.median(t[1:]) for which, t in times.items()}  # without the first, which compiles


def commit():
    run = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return run.stdout.strip() or "unknown"


def keep(path, rows):
    import triton

    machine = {
        "date": datetime.date.today().isoformat(), "gpu": torch.cuda.get_device_name(), "torch": torch.__version__,
        "triton": triton.__version__, "commit": commit(),
    }  # fmt: skip
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, ["what", "contender", "rolls", "keys", "frames", "number", *machine])
        writer.writeheader()
        writer.writerows({**row, **machine} for row in rows)
    print(f"\nkept as {path}")


def row(what, contender, shape, number):
    return {"what": what, "contender": contender, "rolls": shape[0], "keys": shape[1], "frames": shape[2],
            "number": f"{number:.6g}"}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", metavar="FILE")
    parser.add_argument("--seconds", type=float, default=35, help="leave out contenders after that long")
    parser.add_argument("--compile-only", action="store_true", help="compile all that a run needs, measure nothing")
    arguments = parser.parse_args()
    compiled = {
        "bce compiled": torch.compile(bce),
        "plain compiled": torch.compile(Spiral(backend="torch")),
        "triton compiled": torch.compile(Spiral(backend="triton")),
    }
    if arguments.compile_only:
        compile_only(compiled)
        return
    rows = []
    try:
        report(rows, compiled, arguments.seconds)
    finally:  # also after an error: the results so far
        if arguments.csv and rows:
            keep(arguments.csv, rows)


def report(rows, compiled, seconds):
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    for shape in ((4096, 36, 36), (512, 88, 256)):
        print(f"\nlargest errors, {shape[0]} rolls of {shape[1]} x {shape[2]}: value, gradient of the largest")
        for name, (value, gradient) in errors(shape).items():
            print(f"    {name:<34}{value:>10.1e}{gradient:>10.1e}{'' if gradient <= 2e-6 else '   above 2e-6'}")
            rows += [row("error of the value", name, shape, value), row("error of the gradient", name, shape, gradient)]
    print("\nmicroseconds of the host for one roll of 36 x 36")
    of_host = host_time()
    for (name, what), us in of_host.items():
        print(f"    {name:<34}{what:<22}{us:>9.1f}")
        rows.append(row(f"host us, {what}", name, (1, 36, 36), us))
    both = "forward and backward"
    print(f"    bce / triton{of_host['bce', both] / of_host['triton', both]:>53.2f}")
    tables = {}
    for shape in SIZES:
        tables[shape] = main_table(shape, compiled, seconds)
        rows += [row("us", name, shape, us) for name, us in tables[shape].items()]
        torch.cuda.empty_cache()
    names = list(dict.fromkeys(name for table in tables.values() for name in table))
    print("\nmicroseconds, value and gradient" + " " * 7 + "".join(f"{f'{b} x {p} x {t}':>17}" for b, p, t in SIZES))
    for name in names:
        cells = [f"{tables[s][name]:>17.0f}" if name in tables[s] else f"{'-':>17}" for s in SIZES]
        print(f"    {name:<34}" + "".join(cells))

    def ratios(what, over, under, form):
        both = [over in tables[s] and under in tables[s] for s in SIZES]
        numbers = [form(tables[s][over] / tables[s][under]) if ok else "-" for s, ok in zip(SIZES, both)]
        print(f"    {what:<34}" + "".join(f"{n:>17}" for n in numbers))

    ratios("of the copy's speed, graph", "a copy of as many bytes", "triton, graph", "{:.0%}".format)
    ratios("bce / triton, graph", "bce, graph", "triton, graph", "{:.2f}".format)
    ratios("bce / triton", "bce", "triton", "{:.2f}".format)
    missed = [s for s in SIZES if tables[s].get("triton", math.inf) > tables[s]["bce"]]
    goal = f"MISSED at {missed}" if missed else "met"
    print(f"goal, at most the time of PyTorch's cross-entropy at each size: {goal}")
    shape = (4096, 36, 36)
    print(f"\nother calls, microseconds, {shape[0]} rolls of {shape[1]} x {shape[2]}")
    for name, us in other_calls(shape).items():
        print(f"    {name:<40}{us:>9.0f}")
        rows.append(row("us, other calls", name, shape, us))


if __name__ == "__main__":
    main()
