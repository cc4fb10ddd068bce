# SPDX-License-Identifier: MIT
"""The loss compared with other libraries in one run: value and gradient on logits, float32.

    python bench/bench_loss.py LIBBENCH [--quick] [--isa avx2] [--csv FILE]

All contenders get the same (B, T, P) arrays and the same number of threads. They are run in turns, round by round, so that
other load on the machine affects all of them. The table shows the fastest round, the CSV file that and the median. The limit
is the longer of two times: that of the multiply-adds of the algorithm, at the rate at which this processor does them from
registers, and that of one pass over logits, targets and gradients, at the rate at which it streams arrays of this size. With
--isa, library and PyTorch use only that instruction set, as on a processor that has no other.
"""
import argparse
import ctypes
import os
import sys
import time

PYTORCH_NAMES = {"baseline": "default", "avx2": "avx2", "avx512": "avx512"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("library")
    parser.add_argument("--quick", action="store_true", help="the two smallest sizes, without torch.compile")
    parser.add_argument("--isa", choices=PYTORCH_NAMES, help="default: the best of the processor")
    parser.add_argument("--csv", help="default: bench/results/<cpu>-<date>.csv; - for none")
    return parser.parse_args()


# PyTorch reads these when it is imported.
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.abspath("build/inductor"))
GIVEN = arguments()
if GIVEN.isa:
    os.environ["ATEN_CPU_CAPABILITY"] = PYTORCH_NAMES[GIVEN.isa]
import numpy as np
import torch

import goals
import machine
import peers

SIZES = [(64, 36, 36), (512, 36, 36), (4096, 36, 36), (64, 256, 88), (512, 256, 88), (4096, 256, 88)]
PEER_CELLS = 16_000_000  # above this the intermediate results of the formula in PyTorch, 20 arrays or more, do not fit
SUBSET = {"conv1d": 2304, "geomloss": 256, "pot": 64, "question": 2304}  # frames; times are compared per frame
SECONDS, ROUNDS, SLICE = 3.0, 100, 0.005  # per contender and size: seconds (or 3 calls, if longer); rounds; seconds per round

# Operations of simd/vmath.h and simd/loss_kernels_template.c per element. A multiply-add, a division, and a comparison
# with its selection count as one each.
CELL_OPS, BIN_OPS = 37, 26


class Ours:
    def __init__(self, path, isa):
        self.isa = isa and isa.encode()
        self.lib = lib = ctypes.CDLL(path)
        f, n, d, p = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_double, ctypes.c_void_p
        for name, result, arguments in [
            ("bench_open", p, [ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_char_p]),
            ("bench_close", None, [p]), ("bench_threads", ctypes.c_int, [p]), ("bench_isa", ctypes.c_char_p, []),
            ("bench_call", d, [p, n, n, ctypes.c_int, f, f, f]),
            ("bench_fill", None, [n, n, n, ctypes.c_ulong, f, f]),
            ("bench_fma_rate", d, [p]), ("bench_stream", d, [p, n, f, f, f])]:
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments

    def open(self, kind, keys, threads):
        handle = self.lib.bench_open(kind.encode(), keys, threads, self.isa)
        if not handle:
            sys.exit("bench: the library cannot be opened")
        return handle

    def fill(self, B, T, P):
        pred, target = np.empty((B, T, P), np.float32), np.empty((B, T, P), np.float32)
        self.lib.bench_fill(B, T, P, 1, pred.ctypes.data, target.ctypes.data)
        return pred, target

    def caller(self, kind, shape, threads, keys_first=False):
        handle, grad, (B, T, _) = self.open(kind, shape[2], threads), np.empty(shape, np.float32), shape

        def call(pred, target):
            value = self.lib.bench_call(handle, B, T, keys_first, pred.ctypes.data, target.ctypes.data,
                                        grad.ctypes.data)
            return value, grad
        return call


def contenders(ours, shape, threads, skip):
    """name -> (function, number of frames that it gets, or None for all)."""
    B, T, P = shape
    found = {
        "ours": (ours.caller("spiral", shape, threads), None),
        "ours, keys first": (ours.caller("spiral", shape, threads, True), None),
        "ours, bce alone": (ours.caller("bce", shape, threads), None),
        "torch bce alone": (peers.torch_bce(), None),
    }
    if B * T * P > PEER_CELLS:
        return found
    found["torch bce compiled"] = (peers.torch_bce_compiled(threads), None)
    found["torch eager"] = (peers.torch_eager(P), None)
    found["torch eager conv1d"] = (peers.torch_eager(P, "conv1d"), SUBSET["conv1d"])
    if "compile" not in skip:
        found["torch compile"] = (peers.torch_compiled(P, threads), None)
    found["geomloss sinkhorn"] = (peers.geomloss(P), SUBSET["geomloss"])
    found["pot sinkhorn"] = (peers.pot(P), SUBSET["pot"])
    found["question's loop"] = (peers.question_loop(), SUBSET["question"])
    return found


def time_all(jobs):
    """jobs: name -> function without arguments. Runs rounds over all of them, each for a slice of time. Seconds per call."""
    seconds = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            if sum(seconds[name]) > SECONDS and len(seconds[name]) >= 3:
                continue
            used = 0.0
            while used < SLICE:
                start = time.perf_counter()
                job()
                seconds[name].append(time.perf_counter() - start)
                used += seconds[name][-1]
    return seconds


def check(ours, eager, pred, target):
    """Checks that the formula in PyTorch gives the same: values to 1e-5, gradients to 1e-4 of the largest."""
    (v, g), (w, h) = ours(pred, target), eager(pred, target)
    assert abs(v - w) <= 1e-5 * abs(w), (v, w)
    assert np.abs(g - h).max() <= 1e-4 * np.abs(h).max(), np.abs(g - h).max()


def operations(shape, notes):
    """The multiply-adds and similar operations of one call: blur of predictions, of slopes and of the sounding notes, and the
    operations per cell and per bin."""
    B, T, P = shape
    taps, bins = 2 * peers.BLUR_RADIUS + 1, P + 2 * peers.BLUR_RADIUS
    return B * T * (2 * P * taps + P * CELL_OPS + bins * BIN_OPS) + notes * taps


def measure(ours, shape, threads, skip):
    torch.set_num_threads(threads)
    B, T, P = shape
    frames = B * T
    pred, target = ours.fill(*shape)
    turned = [np.ascontiguousarray(x.swapaxes(1, 2)) for x in (pred, target)]
    handle, out, rates = ours.open("bce", P, threads), np.empty_like(pred), []
    runners, jobs, given = contenders(ours, shape, threads, skip), {}, {}
    for name, (function, subset) in runners.items():
        n = min(frames, subset or frames)
        x = [a.reshape(1, -1, P)[:, :n] for a in (pred, target)] if subset else (pred, target)
        x = turned if name == "ours, keys first" else x
        jobs[name], given[name] = (lambda f=function, x=x: f(*x)), n
        jobs[name]()  # to warm up, and to compile
    if "torch eager" in runners:
        check(runners["ours"][0], runners["torch eager"][0], pred, target)
    jobs["limit: memory"] = lambda: ours.lib.bench_stream(handle, pred.size, pred.ctypes.data, target.ctypes.data,
                                                          out.ctypes.data)
    jobs["multiply-adds"] = lambda: rates.append(ours.lib.bench_fma_rate(handle))
    seconds = time_all(jobs)
    del seconds["multiply-adds"]
    ours.lib.bench_close(handle)
    ops = operations(shape, int(target.sum()))
    seconds["limit: multiply-adds"] = [ops / rate for rate in rates]
    rows = [{"contender": name, "frames_timed": given.get(name, frames), "runs": len(times),
             "min_ns_per_frame": 1e9 * min(times) / given.get(name, frames),
             "median_ns_per_frame": 1e9 * float(np.median(times)) / given.get(name, frames)}
            for name, times in seconds.items()]
    facts = {"fma_per_second": max(rates), "bytes_per_second": 3 * 4 * pred.size / min(seconds["limit: memory"]),
             "ops_per_frame": ops / frames, "density": float(target.mean())}
    return rows, facts


def show(shape, threads, rows, facts):
    B, T, P = shape
    by = {r["contender"]: r["min_ns_per_frame"] for r in rows}
    mine = by["ours"]
    print(f"\n{B} rolls of {P} x {T}, {threads} thread{'s' * (threads > 1)}: {facts['fma_per_second'] / 1e9:.1f} G "
          f"multiply-adds/s, {facts['bytes_per_second'] / 1e9:.1f} GB/s, {facts['ops_per_frame']:.0f} operations "
          f"and {12 * P} bytes per frame, {100 * facts['density']:.0f} % of keys sound")
    print(f"    {'':<24}{'ns/frame':>12}{'median':>12}{'x ours':>10}")
    for r in sorted(rows, key=lambda r: r["min_ns_per_frame"]):
        note = "" if r["frames_timed"] == B * T else f"   on {r['frames_timed']} frames"
        print(f"    {r['contender']:<24}{r['min_ns_per_frame']:>12.1f}{r['median_ns_per_frame']:>12.1f}"
              f"{r['min_ns_per_frame'] / mine:>10.2f}{note}")
    if "torch eager" not in by:
        print(f"    skipped: the formula in PyTorch ({B * T * (P + 48) * 4 * 8 / 2**30:.0f} GiB of intermediates "
              f"and more), and what is slower")


def versions(ours):
    import geomloss, ot
    return {"isa": ours.lib.bench_isa().decode(), "torch": torch.__version__, "numpy": np.__version__,
            "geomloss": geomloss.__version__, "pot": ot.__version__}


def main():
    given, all_rows = GIVEN, []
    ours = Ours(given.library, given.isa)
    handle = ours.open("bce", 36, 1)
    about = machine.describe(**versions(ours))
    ours.lib.bench_close(handle)
    print("  ".join(f"{k}: {v}" for k, v in about.items()))
    for threads in sorted({1, os.cpu_count()}):
        for shape in SIZES[:2] if given.quick else SIZES:
            rows, facts = measure(ours, shape, threads, ["compile"] if given.quick else [])
            show(shape, threads, rows, facts)
            sys.stdout.flush()
            all_rows += [{"rolls": shape[0], "frames": shape[1], "keys": shape[2], "threads": threads, **r, **facts,
                          **about} for r in rows]
    goals.show(all_rows)
    if given.csv == "-" or given.quick and not given.csv:
        return
    machine.keep(all_rows, about, given.csv, prefix=given.isa + "-" if given.isa else "")


if __name__ == "__main__":
    main()
