# SPDX-License-Identifier: MIT
"""The MIDI reader against mido, note for note: track, channel, key, velocity, ticks and seconds.

mido gives messages; pairing them into notes and summing up the tempo map is done here a second time, simply.
SPIRAL_BUILD names the build folder with the helper print-notes, SPIRAL_DATA a folder of real MIDI files. mido
needs minutes for all of those: SPIRAL_ORACLE=all takes them all, else every tenth.
"""
import math
import os
import pathlib
import random
import subprocess

import pytest

mido = pytest.importorskip("mido")

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SPIRAL_BUILD", SOURCE / "build"))
DATA = pathlib.Path(os.environ.get("SPIRAL_DATA", "/no data"))
PRINT_NOTES = BUILD / "tests" / "music" / "print-notes"
STEP = 1 if os.environ.get("SPIRAL_ORACLE") == "all" else 10
FRAME_RATES = {24: 24, 25: 25, 29: 30000 / 1001, 30: 30}


def ours(paths):
    """{path: sorted notes, or an error sentence} as print-notes gives them."""
    out = subprocess.run([PRINT_NOTES, *paths], capture_output=True, check=True).stdout.decode("utf-8", "replace")
    read, notes = {}, None
    for line in out.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "file":
            notes = read[rest] = []
        elif kind == "error":
            read[str(list(read)[-1])] = rest
        elif kind == "note":
            *whole, on_s, off_s = rest.split()
            notes.append((tuple(map(int, whole)), float(on_s), float(off_s)))
    return read


class Clock:
    """Seconds of a tick, added up tempo by tempo."""

    def __init__(self, division, tempos):
        self.division = division
        self.tempos = sorted(dict(tempos).items())  # of several at one tick, the last counts

    def seconds(self, tick):
        if self.division >= 0x8000 or self.division < 0:
            frames, per_frame = 256 - (self.division >> 8 & 255), self.division & 255
            return tick / (FRAME_RATES[frames] * per_frame)
        at, us, s = 0, 500000, 0.0
        for start, tempo in self.tempos:
            if start >= tick:
                break
            s += mido.tick2second(start - at, self.division, us)
            at, us = start, tempo
        return s + mido.tick2second(tick - at, self.division, us)


def mido_notes(path):
    file = mido.MidiFile(path)
    notes, tempos, origin = [], [], 0
    for number, track in enumerate(file.tracks):
        now, waiting = origin, {}
        if file.type == 2 and number:
            tempos.append((now, 500000))
        for message in track:
            now += message.time
            if message.type == "set_tempo":
                tempos.append((now, message.tempo))
            elif message.type == "note_on" and message.velocity:
                note = [number, message.channel, message.note, message.velocity, now, None]
                notes.append(note)
                waiting.setdefault((message.channel, message.note), []).append(note)
            elif message.type in ("note_on", "note_off"):
                queue = waiting.get((message.channel, message.note))
                if queue:
                    queue.pop(0)[5] = now
            elif message.type == "end_of_track":
                break
        for note in notes:
            if note[5] is None:
                note[5] = now
        origin = now if file.type == 2 else 0
    clock = Clock(file.ticks_per_beat, tempos)
    return [(tuple(n), clock.seconds(n[4]), clock.seconds(n[5])) for n in notes]


def in_order(notes):
    """By on, pitch, channel, track, off, velocity, as midi.h promises."""
    return sorted(notes, key=lambda n: (n[0][4], n[0][2], n[0][1], n[0][0], n[0][5], n[0][3]))


def assert_same(path, got, wanted):
    wanted = in_order(wanted)
    assert [n[0] for n in got] == [n[0] for n in wanted], path
    for a, b in zip(got, wanted):
        assert math.isclose(a[1], b[1], rel_tol=1e-12, abs_tol=1e-9), (path, a, b)
        assert math.isclose(a[2], b[2], rel_tol=1e-12, abs_tol=1e-9), (path, a, b)


def data_files(name):
    files = sorted(p for p in (DATA / name).rglob("*") if p.suffix in (".mid", ".midi", ".rmi"))
    if not files:
        pytest.skip("SPIRAL_DATA holds no " + name)
    return [str(p) for p in files]


@pytest.mark.parametrize("name", ["ai-jam-npm-mixed", "freedoom-bsd", "jsb-chorales", "nottingham-gpl3",
                                  "piano-midi-de-ccbysa"])
def test_data_set(name):
    files = data_files(name)[::STEP]
    read = ours(files)
    notes = 0
    for path in files:
        assert_same(path, read[path], mido_notes(path))
        notes += len(read[path])
    assert notes > 0
    print(f"{name}: {len(files)} files, {notes} notes agree")


def test_odd_files():
    """The same notes, but for files that mido refuses."""
    files = data_files("midi-odd")
    read = ours(files)
    agree = 0
    for path in files:
        try:
            wanted = mido_notes(path)
        except Exception as e:  # mido raises EOFError, OSError, ValueError, KeyError, ...
            print(f"{pathlib.Path(path).name}: mido: {type(e).__name__} {e}; "
                  f"here: {read[path] if isinstance(read[path], str) else len(read[path])}")
            continue
        assert not isinstance(read[path], str), (path, read[path])
        assert_same(path, read[path], wanted)
        agree += 1
    assert agree > 0
    print(f"{agree} of {len(files)} files agree")


def random_file(rng, path):
    file = mido.MidiFile(type=rng.choice([0, 1, 1, 2]), ticks_per_beat=rng.randint(1, 32767))
    for _ in range(1 if file.type == 0 else rng.randint(1, 5)):
        track = mido.MidiTrack()
        file.tracks.append(track)
        for _ in range(rng.randint(0, 300)):
            time = rng.choice([0, 0, 1, rng.randint(0, 200), rng.randint(0, 1 << 21)])
            kind = rng.random()
            key = dict(channel=rng.randint(0, 2), note=rng.randint(58, 64), time=time)
            if kind < .5:
                track.append(mido.Message("note_on", velocity=rng.randint(0, 127), **key))
            elif kind < .9:
                track.append(mido.Message("note_off", velocity=rng.randint(0, 127), **key))
            elif kind < .93:
                track.append(mido.MetaMessage("set_tempo", tempo=rng.randint(1, 0xffffff), time=time))
            elif kind < .96:
                track.append(mido.Message("sysex", data=[rng.randint(0, 127)] * rng.randint(0, 200), time=time))
            else:
                track.append(mido.Message("program_change", program=rng.randint(0, 127), time=time))
    file.save(path)


def test_random_files(tmp_path):
    seed = 11
    rng = random.Random(seed)
    print("seed", seed)
    files = [str(tmp_path / f"{i}.mid") for i in range(100)]
    for path in files:
        random_file(rng, path)
    read = ours(files)
    for path in files:
        assert_same(path, read[path], mido_notes(path))
    assert sum(map(len, read.values())) > 10000
