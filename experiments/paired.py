# SPDX-License-Identifier: MIT
"""Shared by the experiments from 002 on: finished runs in a CSV file, and tables with intervals paired over seeds.

A run is a row of a CSV file. Its key columns say what was run. A run whose key is in the file is not repeated, so an interrupted
experiment continues where it stopped.
"""
import csv
import math
import os
import pathlib
import statistics

# Two-sided 95 % quantiles of Student's t for 1 .. 30 degrees of freedom.
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
       2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)


class Runs:
    """The rows of a CSV file. `key`: names of the columns that identify a run; `values`: of the columns with its results."""

    def __init__(self, path, key, values):
        self.path, self.key, self.values, self.rows = pathlib.Path(path), tuple(key), tuple(values), {}
        if self.path.exists():
            with open(self.path, newline="") as file:
                for row in csv.DictReader(file):
                    if all(row.get(name) not in (None, "") for name in self.key + self.values):
                        self.rows[tuple(row[name] for name in self.key)] = row

    def done(self, *key):
        return tuple(map(str, key)) in self.rows

    def complete_seeds(self, *groups):
        """The seeds for which every group has a run, in order. The seed is the last part of a key; a group is the rest of it."""
        seeds = sorted({key[-1] for key in self.rows}, key=int)
        return [seed for seed in seeds if all(self.done(*group, seed) for group in groups)]

    def add(self, key, values):
        """Appends the row of a finished run to the file at once."""
        row = dict(zip(self.key, map(str, key)))
        row.update({name: f"{values[name]:.6g}" for name in self.values})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = not self.path.exists() or self.path.read_bytes().endswith(b"\n")
        with open(self.path, "a", newline="") as file:
            writer = csv.DictWriter(file, self.key + self.values, lineterminator="\n")
            if file.tell() == 0:
                writer.writeheader()
            elif not whole:
                file.write("\n")
            writer.writerow(row)
            file.flush()
            os.fsync(file.fileno())
        self.rows[tuple(row[name] for name in self.key)] = row

    def get(self, column, *key):
        return float(self.rows[tuple(map(str, key))][column])

    def sort(self, order=None):
        """Writes the file in the order of the keys, so that the files of two runs of an experiment can be compared."""
        rows = sorted(self.rows.values(), key=order or (lambda row: tuple(row[name] for name in self.key)))
        with open(self.path, "w", newline="") as file:
            writer = csv.DictWriter(file, self.key + self.values, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)


def interval(values):
    """Mean and half width of the 95 % interval of the mean (Student's t)."""
    if len(values) < 2:
        return statistics.mean(values), math.nan
    half = T95[min(len(values) - 1, len(T95)) - 1] * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values), half


def cell(values, digits=3):
    mean, half = interval(values)
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def difference(values, others, digits=3):
    """The mean difference of two lists in the same order of seeds and its interval, in bold if the interval excludes 0."""
    mean, half = interval([a - b for a, b in zip(values, others)])
    text = f"{mean:+.{digits}f} ± {half:.{digits}f}"
    return f"**{text}**" if abs(mean) > half else text


def table(head, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
