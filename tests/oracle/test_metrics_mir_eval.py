# SPDX-License-Identifier: MIT
"""Frame and note scores against mir_eval on 1,000 random pairs of rolls.

Needs mir_eval, numpy and pytest. SPIRAL_BUILD names the build folder that holds libspiral.so.
"""
import ctypes
import os
import pathlib
import random
import re
import warnings

import pytest

np = pytest.importorskip("numpy")
mir_eval = pytest.importorskip("mir_eval")

FRAME_S = 0.01
SOURCE = pathlib.Path(__file__).resolve().parents[2]
U64 = ctypes.c_uint64
P = ctypes.POINTER


class Keys(ctypes.Structure):
    _fields_ = [("word", U64 * 2)]


class Grid(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("frame_us", ctypes.c_int32), ("steps_per_quarter", ctypes.c_int32)]


class Roll(ctypes.Structure):
    _fields_ = [("grid", Grid), ("quarters_per_min", ctypes.c_double), ("frames", ctypes.c_size_t),
                ("sounding", P(Keys)), ("onsets", P(Keys))]


def listed(name):
    """The lines X(...) of a list in metrics.h, without X and the parentheses."""
    text = (SOURCE / "include/spiral/metrics.h").read_text()
    return re.findall(r"X\(([\w, ]+)\)", re.search(rf"#define {name}\(X\)(.*?[^\\])\n", text, re.S)[1])


class Counts(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t)] + [
        (name, {"uint64_t": U64, "double": ctypes.c_double}[kind])
        for kind, name in (line.split(", ") for line in listed("SPIRAL_METRICS_COUNTS_LIST"))]


class Metrics(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t)] + [
        (name, ctypes.c_double) for name in listed("SPIRAL_METRICS_LIST")]


@pytest.fixture(scope="module")
def lib():
    library = ctypes.CDLL(str(pathlib.Path(os.environ.get("SPIRAL_BUILD", "build")) / "libspiral.so"))
    void = ctypes.c_void_p
    library.spiral_metrics_add_frames.argtypes = [P(Counts), P(Keys), P(Keys), ctypes.c_size_t, void]
    library.spiral_metrics_add_notes.argtypes = [P(Counts), P(Roll), P(Roll), ctypes.c_double, void]
    library.spiral_metrics_from_counts.argtypes = [P(Counts), P(Metrics), void]
    return library


def random_notes(rng, count, frames):
    """(key, first frame, frames) of notes. No two touch on one key, so every run of cells is one note."""
    notes, taken = [], set()
    for _ in range(count):
        key, first, length = rng.randrange(36, 96), rng.randrange(frames - 12), rng.randrange(1, 12)
        cells = {(key, c) for c in range(first - 1, first + length + 1)}
        if not cells & taken:
            taken |= {(key, c) for c in range(first, first + length)}
            notes.append((key, first, length))
    return notes


def disturbed(rng, notes, frames):
    """The notes, of which some are left out, late, early, in another octave or on another key."""
    out = []
    for key, first, length in notes:
        kind = rng.random()
        if kind < 0.1:
            continue
        if kind < 0.25:
            key += rng.choice((-12, 12))
        elif kind < 0.4:
            key += rng.choice((-2, -1, 1, 2, 7))
        first = min(max(first + rng.choice((0, 0, 0, 1, -2, 4, 5, -5, 6, -6)), 0), frames - length)
        out.append((key, first, length))
    return out + random_notes(rng, rng.randrange(4), frames)


def keys_by_frame(notes, frames):
    array = (Keys * frames)()
    for key, first, length in notes:
        for c in range(first, first + length):
            array[c].word[key >> 6] |= 1 << (key & 63)
    return array


def keys_of(frame):
    return [k for k in range(128) if frame.word[k >> 6] >> (k & 63) & 1]


def runs_of(array, frames):
    """The runs of a roll in the form that mir_eval takes: intervals in seconds, pitches in Hz."""
    found, since = [], {}
    for c in range(frames + 1):
        sounding = keys_of(array[c]) if c < frames else []
        for key in [k for k in since if k not in sounding]:
            found.append((since.pop(key) * FRAME_S, c * FRAME_S, key))
        for key in sounding:
            since.setdefault(key, c)
    intervals = np.array([f[:2] for f in found]).reshape(-1, 2)
    return intervals, mir_eval.util.midi_to_hz(np.array([f[2] for f in found], dtype=float))


def frequencies_of(array, frames):
    return [mir_eval.util.midi_to_hz(np.array(keys_of(array[c]), dtype=float)) for c in range(frames)]


def roll_of(array, frames):
    return Roll(Grid(0, int(FRAME_S * 1e6), 0), 120.0, frames, ctypes.cast(array, P(Keys)), None)


@pytest.mark.parametrize("seed", range(1000))
def test_scores_are_those_of_mir_eval(lib, agree, seed):
    rng = random.Random(seed)
    frames = rng.randrange(20, 60)
    notes = random_notes(rng, rng.randrange(0, 14), frames)
    target = keys_by_frame(notes, frames)
    predicted = keys_by_frame(disturbed(rng, notes, frames), frames)
    counts, ours = Counts(ctypes.sizeof(Counts)), Metrics(ctypes.sizeof(Metrics))
    assert lib.spiral_metrics_add_frames(counts, target, predicted, frames, None) == 0
    assert lib.spiral_metrics_add_notes(counts, roll_of(target, frames), roll_of(predicted, frames), 0.05, None) == 0
    assert lib.spiral_metrics_from_counts(counts, ours, None) == 0

    times = np.arange(frames) * FRAME_S
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mir_eval warns of empty references; its result, 0, is ours too
        theirs = mir_eval.multipitch.metrics(times, frequencies_of(target, frames), times, frequencies_of(predicted, frames))
        note = mir_eval.transcription.precision_recall_f1_overlap(
            *runs_of(target, frames), *runs_of(predicted, frames), onset_tolerance=0.05, offset_ratio=None)
    names = ("precision recall accuracy substitution miss false_alarm total_error chroma_precision chroma_recall "
             "chroma_accuracy chroma_substitution miss false_alarm chroma_total_error").split()
    assert len(theirs) == len(names) == 14
    for name, value in zip(names, theirs):
        agree("14 scores of frames, mir_eval", abs(getattr(ours, name) - value), 1e-12)
    for name, value in zip(("note_precision", "note_recall", "note_f1"), note):
        agree("3 scores of notes, mir_eval", abs(getattr(ours, name) - value), 1e-12)
