# SPDX-License-Identifier: MIT
"""Frame and note scores against mir_eval on 1,000 random pairs of rolls.

Needs mir_eval, numpy and pytest. SPIRAL_BUILD names the build folder that holds libspiral.so.
"""
import ctypes
import os
import pathlib
import random
import warnings

import pytest

np = pytest.importorskip("numpy")
mir_eval = pytest.importorskip("mir_eval")

COLUMN_S = 0.01
U64 = ctypes.c_uint64
P = ctypes.POINTER


class Column(ctypes.Structure):
    _fields_ = [("word", U64 * 2)]


class Grid(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("frame_us", ctypes.c_int32), ("steps_per_quarter", ctypes.c_int32)]


class Roll(ctypes.Structure):
    _fields_ = [("grid", Grid), ("quarters_per_min", ctypes.c_double), ("columns", ctypes.c_size_t),
                ("frames", P(Column)), ("onsets", P(Column))]


class Counts(ctypes.Structure):
    _fields_ = [(n, U64) for n in
                "columns target_notes predicted_notes hits chroma_hits substitutions misses false_alarms "
                "chroma_substitutions windows windows_exact notes_target notes_predicted notes_hit".split()]
    _fields_ += [("helix_energy", ctypes.c_double), ("helix_notes", U64), ("helix_distance", ctypes.c_double)]


class Measures(ctypes.Structure):
    _fields_ = [(n, ctypes.c_double) for n in
                "precision recall f1 accuracy chroma_precision chroma_recall chroma_f1 chroma_accuracy "
                "substitution miss false_alarm total_error chroma_substitution chroma_total_error octave_share "
                "exact_windows note_precision note_recall note_f1 spiral_error helix_distance".split()]


@pytest.fixture(scope="module")
def lib():
    library = ctypes.CDLL(str(pathlib.Path(os.environ.get("SPIRAL_BUILD", "build")) / "libspiral.so"))
    library.spiral_metrics_add_frames.argtypes = [P(Counts), P(Column), P(Column), ctypes.c_size_t]
    library.spiral_metrics_add_frames.restype = None
    library.spiral_metrics_add_notes.argtypes = [P(Counts), P(Roll), P(Roll), ctypes.c_double, ctypes.c_void_p]
    library.spiral_metrics_from_counts.argtypes = [P(Counts)]
    library.spiral_metrics_from_counts.restype = Measures
    return library


def random_notes(rng, count, columns):
    """(key, first column, columns) of notes that do not touch on their key, so that runs are notes."""
    notes, taken = [], set()
    for _ in range(count):
        key, first, length = rng.randrange(36, 96), rng.randrange(columns - 12), rng.randrange(1, 12)
        cells = {(key, c) for c in range(first - 1, first + length + 1)}
        if not cells & taken:
            taken |= {(key, c) for c in range(first, first + length)}
            notes.append((key, first, length))
    return notes


def disturbed(rng, notes, columns):
    """The notes with some left out, late, early, in another octave or on another key."""
    out = []
    for key, first, length in notes:
        kind = rng.random()
        if kind < 0.1:
            continue
        if kind < 0.25:
            key += rng.choice((-12, 12))
        elif kind < 0.4:
            key += rng.choice((-2, -1, 1, 2, 7))
        first = min(max(first + rng.choice((0, 0, 0, 1, -2, 4, 5, -5, 6, -6)), 0), columns - length)
        out.append((key, first, length))
    return out + random_notes(rng, rng.randrange(4), columns)


def columns_of(notes, columns):
    array = (Column * columns)()
    for key, first, length in notes:
        for c in range(first, first + length):
            array[c].word[key >> 6] |= 1 << (key & 63)
    return array


def keys_of(column):
    return [k for k in range(128) if column.word[k >> 6] >> (k & 63) & 1]


def runs_of(array, columns):
    """The runs of a roll as mir_eval wants them: intervals in seconds, pitches in Hz."""
    found, since = [], {}
    for c in range(columns + 1):
        sounding = keys_of(array[c]) if c < columns else []
        for key in [k for k in since if k not in sounding]:
            found.append((since.pop(key) * COLUMN_S, c * COLUMN_S, key))
        for key in sounding:
            since.setdefault(key, c)
    intervals = np.array([f[:2] for f in found]).reshape(-1, 2)
    return intervals, mir_eval.util.midi_to_hz(np.array([f[2] for f in found], dtype=float))


def frames_of(array, columns):
    return [mir_eval.util.midi_to_hz(np.array(keys_of(array[c]), dtype=float)) for c in range(columns)]


def roll_of(array, columns):
    return Roll(Grid(0, int(COLUMN_S * 1e6), 0), 120.0, columns, ctypes.cast(array, P(Column)), None)


@pytest.mark.parametrize("seed", range(1000))
def test_group12_scores(lib, agree, seed):
    rng = random.Random(seed)
    columns = rng.randrange(20, 60)
    notes = random_notes(rng, rng.randrange(0, 14), columns)
    target = columns_of(notes, columns)
    predicted = columns_of(disturbed(rng, notes, columns), columns)
    counts = Counts()
    lib.spiral_metrics_add_frames(counts, target, predicted, columns)
    status = lib.spiral_metrics_add_notes(counts, roll_of(target, columns), roll_of(predicted, columns), 0.05, None)
    assert status == 0
    ours = lib.spiral_metrics_from_counts(counts)

    times = np.arange(columns) * COLUMN_S
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mir_eval warns of empty references and then gives the zeros we give
        theirs = mir_eval.multipitch.metrics(times, frames_of(target, columns), times, frames_of(predicted, columns))
        note = mir_eval.transcription.precision_recall_f1_overlap(
            *runs_of(target, columns), *runs_of(predicted, columns), onset_tolerance=0.05, offset_ratio=None)
    names = ("precision recall accuracy substitution miss false_alarm total_error chroma_precision chroma_recall "
             "chroma_accuracy chroma_substitution miss false_alarm chroma_total_error").split()
    assert len(theirs) == len(names) == 14
    for name, value in zip(names, theirs):
        agree("14 scores of frames, mir_eval", abs(getattr(ours, name) - value), 1e-12)
    for name, value in zip(("note_precision", "note_recall", "note_f1"), note):
        agree("3 scores of notes, mir_eval", abs(getattr(ours, name) - value), 1e-12)
