# SPDX-License-Identifier: MIT
"""Times of commands for which people wait: `python bench/bench_commands.py SPIRAL [--rounds N] [--csv FILE]`.

The start (--help), a minute of four voices as a picture and as sound, eight new bars. The commands are run in turns, round
by round. The time of the sound is divided into parts by rendering less: a short note needs the start and the SoundFont; two
notes a minute apart need the mix, the reverb and the file as well; a minute of music needs the voices as well.
"""
import argparse
import os
import pathlib
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import machine

HELP, PICTURE, SOUND = "start (--help)", "a minute as a picture (.png)", "a minute as sound (.wav)"
NOTE, SILENCE, BARS = "a short note as sound", "two notes a minute apart as sound", "8 new bars (sample)"
GOALS = {HELP: 5, PICTURE: 50, SOUND: 200, BARS: 50}  # milliseconds


def midi(ons_s):
    """A MIDI file with a note of 0.1 s at each of these times."""
    events, now = b"", 0
    for on in ons_s:
        ticks = round(on * 1000) - now  # 500 ticks per quarter, 120 quarters per minute
        delta = bytes([0x80 | ticks >> 14 & 127, 0x80 | ticks >> 7 & 127, ticks & 127])
        events += delta + bytes([0x90, 60, 80, 100, 60, 0])
        now += ticks + 100
    events += bytes([0, 0xFF, 0x2F, 0])
    return struct.pack(">4sIHHH4sI", b"MThd", 6, 0, 1, 500, b"MTrk", len(events)) + events


def run(command):
    """Wall and processor time of a command, in milliseconds."""
    def processor():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before, begin = processor(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return 1e3 * (time.perf_counter() - begin), 1e3 * (processor() - before)


def commands(spiral, folder):
    """The commands by name; writes the files that they read."""
    music, note, silence = (folder / name for name in ("music.mid", "note.mid", "silence.mid"))
    subprocess.run([spiral, "sample", "--length", "30bars", "--tempo", "120", "-o", music, "--quiet"], check=True)
    note.write_bytes(midi([0]))
    silence.write_bytes(midi([0, 59.9]))
    render = {PICTURE: (music, "m.png"), SOUND: (music, "m.wav"), NOTE: (note, "n.wav"), SILENCE: (silence, "s.wav")}
    jobs = {HELP: [spiral, "--help"], BARS: [spiral, "sample", "--length", "8bars", "-o", folder / "8.mid", "--quiet"]}
    for name, (source, output) in render.items():
        jobs[name] = [spiral, "render", source, "-o", folder / output, "--quiet"]
    return jobs


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("spiral")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--csv", help="keep the result in this file")
    given = parser.parse_args()
    about = machine.describe()
    print("  ".join(f"{k}: {v}" for k, v in about.items()))
    with tempfile.TemporaryDirectory() as folder:
        jobs = commands(os.path.abspath(given.spiral), pathlib.Path(folder))
        times = {name: [] for name in jobs}
        for _ in range(given.rounds):
            for name, command in jobs.items():
                times[name].append(run(command))
    rows = []
    print(f"\n{'milliseconds, medians of ' + str(given.rounds):<40}{'wall':>8}{'processor':>11}{'goal':>7}")
    for name, pairs in times.items():
        wall, processor = (statistics.median(column) for column in zip(*pairs))
        goal = GOALS.get(name)
        verdict = "" if goal is None else f"{goal:>7}  {'met' if wall <= goal else 'MISSED'}"
        print(f"{name:<40}{wall:>8.1f}{processor:>11.1f}{verdict}")
        rows.append({"command": name, "wall_ms": wall, "processor_ms": processor, "goal_ms": goal or "", **about})
    processor = {row["command"]: row["processor_ms"] for row in rows}
    print("\nthe minute of sound, processor milliseconds:")
    for part, value in (("start, SoundFont", processor[NOTE]),
                        ("mix, reverb, file", processor[SILENCE] - processor[NOTE]),
                        ("voices", processor[SOUND] - processor[SILENCE])):
        print(f"    {part:<36}{value:>8.1f}")
    if given.csv:
        machine.keep(rows, about, given.csv)


if __name__ == "__main__":
    sys.exit(main())
