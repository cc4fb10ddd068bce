# SPDX-License-Identifier: MIT
"""The MIDI reader compared with symusic and mido in one run, on one thread.

    python bench/bench_midi.py LIBBENCH [FOLDER] [--quick] [--csv FILE]

All contenders get the same bytes in memory and return notes; freeing them is part of the time. They are run in turns, round
by round, and processor time is measured, so that other load on the machine affects all of them. mido returns messages, not
notes: its time is given for the messages alone and with pairing them to notes; the goal is for the messages alone. Rolls are
measured as at the start of training: from paths to a corpus, with the files in the page cache. Default of FOLDER:
$SPIRAL_DATA/piano-midi-de-ccbysa.
"""
import argparse
import ctypes
import io
import os
import pathlib
import platform
import statistics
import sys
import time

import mido
import symusic

import machine

ROUNDS, MIDO_ROUNDS = 41, 2


class Ours:
    def __init__(self, path):
        lib = ctypes.CDLL(path)
        lib.bench_midi_notes.argtypes, lib.bench_midi_notes.restype = [ctypes.c_char_p, ctypes.c_size_t], ctypes.c_long
        lib.bench_midi_frames.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_size_t, ctypes.c_char_p,
                                           ctypes.c_int]
        lib.bench_midi_frames.restype = ctypes.c_long
        self.lib = lib

    def notes(self, data):
        return self.lib.bench_midi_notes(data, len(data))

    def frames(self, paths, preset):
        return self.lib.bench_midi_frames((ctypes.c_char_p * len(paths))(*paths), len(paths), preset, 1)


def symusic_notes(data):
    return symusic.Score.from_midi(data).note_num()


def mido_messages(data):
    mido.MidiFile(file=io.BytesIO(data))


def mido_notes(data):
    """Pairs messages to notes with as little work as possible: on, off, channel, key, velocity per track, first in, first out."""
    count = 0
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        now, open_notes = 0, {}
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                open_notes.setdefault((message.channel, message.note), []).append([now, None, message.velocity])
                count += 1
            elif message.type in ("note_on", "note_off"):
                waiting = open_notes.get((message.channel, message.note))
                if waiting:
                    waiting.pop(0)[1] = now
    return count


def time_rounds(jobs):
    """jobs: (name, function, rounds). Runs them in turns, the rounds of each spread evenly. Seconds per call."""
    seconds = {name: [] for name, _, _ in jobs}
    most = max(rounds for _, _, rounds in jobs)
    for i in range(most):
        for name, job, rounds in jobs:
            if i * rounds // most == (i - 1) * rounds // most:
                continue
            start = time.process_time()
            job()
            seconds[name].append(time.process_time() - start)
    return seconds


def over(function, files):
    def job():
        for data in files:
            function(data)
    return job


def table(title, seconds, size, notes):
    print(f"\n{title}")
    print(f"    {'':<34}{'fastest ms':>12}{'median ms':>12}{'MB/s':>10}{'ns/note':>10}{'x ours':>10}{'runs':>6}")
    ours, rows = min(seconds["spiral"]), []
    for name, times in seconds.items():
        best, median = min(times), statistics.median(times)
        rows.append({"what": title, "contender": name, "runs": len(times), "bytes": size, "notes": notes,
                     "min_ms": 1e3 * best, "median_ms": 1e3 * median, "mb_per_s": 1e-6 * size / best,
                     "ns_per_note": 1e9 * best / notes})
        print(f"    {name:<34}{1e3 * best:>12.3f}{1e3 * median:>12.3f}{1e-6 * size / best:>10.2f}"
              f"{1e9 * best / notes:>10.1f}{best / ours:>10.2f}{len(times):>6}")
    return rows


def check(ours, files):
    """Checks that all three find the same number of notes in each file."""
    total = 0
    for data in files:
        found = {ours.notes(data), symusic_notes(data)}
        assert len(found) == 1 and min(found) > 0, found
        total += found.pop()
    assert mido_notes(files[0]) == ours.notes(files[0])
    return total


def readers(ours, files, rounds, mido_rounds):
    return [("spiral", over(ours.notes, files), rounds), ("symusic", over(symusic.Score.from_midi, files), rounds),
            ("mido, messages alone", over(mido_messages, files), mido_rounds),
            ("mido, paired into notes", over(mido_notes, files), mido_rounds)]


def say_goal(name, reached, goal, more_is_better=True, unit="x"):
    met = reached >= goal if more_is_better else reached <= goal
    print(f"    {name:<58}{reached:>9.3g}{unit}   goal {goal:g}{unit}   {'met' if met else 'MISSED'}")


def goals(seconds, rolls):
    best = {name: min(times) for name, times in seconds.items()}
    median = {name: statistics.median(times) for name, times in seconds.items()}
    print("\nGoals")
    say_goal("bytes to notes, times faster than symusic, fastest rounds", best["symusic"] / best["spiral"], 1.5)
    say_goal("bytes to notes, times faster than symusic, medians", median["symusic"] / median["spiral"], 1.5)
    say_goal("bytes to notes, times faster than mido's messages alone",
             best["mido, messages alone"] / best["spiral"], 100)
    for name, times in rolls.items():
        if name != "spiral":
            say_goal(f"{name}, median", statistics.median(times), 0.3, more_is_better=False, unit=" s")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("library")
    arguments.add_argument("folder", nargs="?",
                           default=os.path.join(os.environ.get("SPIRAL_DATA", ""), "piano-midi-de-ccbysa"))
    arguments.add_argument("--quick", action="store_true", help="a few rounds, mido on a tenth of the files")
    arguments.add_argument("--csv", help="default: bench/results/midi-<cpu>-<date>.csv; - for none")
    given = arguments.parse_args()
    paths = sorted(str(p) for p in pathlib.Path(given.folder).rglob("*.mid"))
    if not paths:
        sys.exit(f"bench: no .mid file in {given.folder}; SPIRAL_DATA names no folder that has the set")
    ours = Ours(given.library)
    about = machine.describe(symusic=symusic.__version__, mido=str(mido.version_info), python=platform.python_version())
    files = [pathlib.Path(p).read_bytes() for p in paths]
    notes, size = check(ours, files), sum(map(len, files))
    print("  ".join(f"{k}: {v}" for k, v in about.items()))
    rounds, few = (11, 1) if given.quick else (ROUNDS, MIDO_ROUNDS)

    title = f"{len(files)} files, {size:,} bytes, {notes:,} notes: bytes to notes, one thread"
    jobs = readers(ours, files, rounds, few)
    seconds = time_rounds(jobs[:2] + [(n, over(f, files[::10] if given.quick else files), r) for (n, _, r), f in
                                      zip(jobs[2:], (mido_messages, mido_notes))])
    if given.quick:  # time per byte, scaled to all files
        scale = size / sum(map(len, files[::10]))
        for name in list(seconds)[2:]:
            seconds[name] = [scale * s for s in seconds[name]]
    rows = table(title, seconds, size, notes)

    names = [p.encode() for p in paths]
    rolls = time_rounds([("spiral", over(ours.notes, files), rounds)] +
                        [(f"rolls of the preset {preset}", lambda p=preset: ours.frames(names, p.encode()), rounds)
                         for preset in ("seed", "phrase")])
    rows += table(f"the same {len(files)} files: paths to rolls ready for training, one thread", rolls, size, notes)

    largest = max(files, key=len)
    once = readers(ours, [largest], 10 * rounds, 2 * few)
    rows += table(f"the largest file, {len(largest):,} bytes, {ours.notes(largest):,} notes", time_rounds(once),
                  len(largest), ours.notes(largest))
    goals(seconds, rolls)
    if given.csv == "-" or given.quick and not given.csv:
        return
    machine.keep([{**row, **about} for row in rows], about, given.csv, "midi-")


if __name__ == "__main__":
    main()
