# SPDX-License-Identifier: MIT
"""The goals of the speed of the loss, and which of them a result reaches: `python bench/goals.py RESULT.csv`.

bench_loss.py prints them at its end; README.md has them for the results that it names. Value and gradient on rolls of
36 keys and 36 frames; the times are those of the fastest rounds. Goals for which a result has no times (--quick,
one processor) are left out.
"""
import csv
import sys

CROSS_ENTROPY = "times as fast as PyTorch's cross-entropy alone"
EAGER = "times as fast as the formula in PyTorch, eager, the better of two"
GEOMLOSS = "times as fast as GeomLoss"
LIMIT = "times the time of the multiply-adds alone"
THREADS = "times as fast on two threads as on one"
# Ratio, the sizes in rolls, and the limit: at least, or for LIMIT at most.
GOALS = [(CROSS_ENTROPY, (512, 4096), 1), (EAGER, (4096,), 12), (GEOMLOSS, (4096,), 1000), (LIMIT, (512, 4096), 1.6),
         (THREADS, (4096,), 1.8)]


def ratio(ns, name, rolls, threads):
    """The ratio, or None if the result does not have the times for it; ns: (rolls, threads, contender) -> time."""
    ours = ns.get((rolls, threads, "ours"))
    others = {CROSS_ENTROPY: ["torch bce alone"], EAGER: ["torch eager", "torch eager conv1d"],
              GEOMLOSS: ["geomloss sinkhorn"], LIMIT: ["limit: multiply-adds"]}.get(name)
    if name == THREADS:
        times = [ns[rolls, 1, "ours"]] if threads == 2 and (rolls, 1, "ours") in ns else []
    else:
        times = [ns[rolls, threads, c] for c in others if (rolls, threads, c) in ns]
    if not ours or not times:
        return None
    return ours / min(times) if name == LIMIT else min(times) / ours


def reached(rows):
    """Yields (name, rolls, threads, ratio, limit, whether it is met) for rows, dictionaries as in the CSV."""
    ns = {(int(r["rolls"]), int(r["threads"]), r["contender"]): float(r["min_ns_per_frame"])
          for r in rows if int(r["keys"]) == 36}
    for name, sizes, limit in GOALS:
        for rolls in sizes:
            for threads in (1, 2):
                value = ratio(ns, name, rolls, threads)
                if value is not None:
                    yield name, rolls, threads, value, limit, value <= limit if name == LIMIT else value >= limit


def show(rows):
    """Prints a line for each goal."""
    print("\ngoals, 36 keys:")
    for name, rolls, threads, value, limit, met in reached(rows):
        print(f"    {rolls:>5} rolls, {threads} thread{'s' if threads > 1 else ' '}{value:>10,.2f} {name}: "
              f"at {'most' if name == LIMIT else 'least'} {limit:,}, {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        show(list(csv.DictReader(file)))
