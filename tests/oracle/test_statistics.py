# SPDX-License-Identifier: MIT
"""Statistics against MusPy and pretty_midi, and overlaps against mgeval's formulas in SciPy, on random rolls.

Needs muspy, scipy, numpy and pytest. SPIRAL_BUILD names the build folder that holds libspiral.so.
mgeval itself is a Python 2 program, so the comparison is with the calls of SciPy that it makes.
"""
import ctypes
import math
import os
import pathlib
import random
import re

import pytest

np = pytest.importorskip("numpy")
muspy = pytest.importorskip("muspy")
pretty_midi = pytest.importorskip("pretty_midi")
stats = pytest.importorskip("scipy.stats")
integrate = pytest.importorskip("scipy.integrate")

SOURCE = pathlib.Path(__file__).resolve().parents[2]
HEADER = (SOURCE / "include/spiral/statistics.h").read_text()
U64 = ctypes.c_uint64
P = ctypes.POINTER
RESOLUTION = 4
BAR = 16
FRAME_S = 0.125  # sixteenths at 120 quarters a minute
MUSPY = {  # our name -> MusPy's function
    "pitch_count": muspy.n_pitches_used, "pitch_class_count": muspy.n_pitch_classes_used,
    "pitch_range": muspy.pitch_range, "polyphony": muspy.polyphony, "polyphony_rate": muspy.polyphony_rate,
    "scale_consistency": muspy.scale_consistency, "pitch_entropy": muspy.pitch_entropy,
    "pitch_class_entropy": muspy.pitch_class_entropy, "empty_beat_rate": muspy.empty_beat_rate,
    "groove_consistency": lambda music: muspy.groove_consistency(music, BAR),
}


class Keys(ctypes.Structure):
    _fields_ = [("word", U64 * 2)]


class Grid(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("frame_us", ctypes.c_int32), ("steps_per_quarter", ctypes.c_int32)]


class Roll(ctypes.Structure):
    _fields_ = [("grid", Grid), ("quarters_per_min", ctypes.c_double), ("frames", ctypes.c_size_t),
                ("sounding", P(Keys)), ("onsets", P(Keys))]


def listed(name):
    """The lines X(...) of a list in statistics.h, without X and the parentheses."""
    text = re.search(rf"#define {name}\(X\)(.*?[^\\])\n", HEADER, re.S)[1]
    return re.findall(r"X\(([\w, ]+)\)", text)


LENGTH = {"SPIRAL_KEY_COUNT": 128, "SPIRAL_LENGTH_CLASSES": 12}


def length_of(text):
    return LENGTH.get(text) or int(text)


class Counts(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t)] + [
        (name, {"uint64_t": U64, "double": ctypes.c_double}[kind])
        for kind, name in (line.split(", ") for line in listed("SPIRAL_STATISTICS_COUNTS_LIST"))] + [
        (name, U64 * length_of(length))
        for name, length in (line.split(", ") for line in listed("SPIRAL_STATISTICS_HISTOGRAM_LIST"))]


class Statistics(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t)] + [
        (line.split(", ")[0], ctypes.c_double) for line in listed("SPIRAL_STATISTICS_LIST")]


class Overlap(ctypes.Structure):
    _fields_ = [("area", ctypes.c_double), ("kl_divergence", ctypes.c_double)]


class Overlaps(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t)] + [(name, Overlap) for name in listed("SPIRAL_OVERLAP_LIST")]


@pytest.fixture(scope="module")
def lib():
    library = ctypes.CDLL(str(pathlib.Path(os.environ.get("SPIRAL_BUILD", "build")) / "libspiral.so"))
    void, count = ctypes.c_void_p, ctypes.c_int
    library.spiral_statistics_add_roll.argtypes = [P(Counts), P(Roll), count, count, void]
    library.spiral_statistics_from_counts.argtypes = [P(Counts), P(Statistics), void]
    library.spiral_statistics_overlap.argtypes = [P(P(Counts)), ctypes.c_size_t, P(P(Counts)), ctypes.c_size_t,
                                                  P(Overlaps), void]
    return library


def random_notes(rng):
    """(key, begin, end) of up to 60 notes that do not overlap on one key; often with an empty part."""
    frames, notes, taken = rng.randrange(5, 120), [], set()
    for _ in range(rng.randrange(1, 60)):
        key, begin = rng.choice((rng.randrange(40, 80), rng.choice((48, 60, 64, 67)))), rng.randrange(frames)
        end = begin + rng.choice((1, 1, 2, 3, 4, 4, 8, 16, 17))
        if frames // 3 < begin < frames // 2 or taken & {(key, t) for t in range(begin, end)}:
            continue
        taken |= {(key, t) for t in range(begin, end)}
        notes.append((key, begin, end))
    return notes or [(60, 0, 1)]


def roll_of(notes):
    frames = max(end for _, _, end in notes)
    sounding, onsets = (Keys * frames)(), (Keys * frames)()
    for key, begin, end in notes:
        onsets[begin].word[key >> 6] |= 1 << (key & 63)
        for t in range(begin, end):
            sounding[t].word[key >> 6] |= 1 << (key & 63)
    return Roll(Grid(1, 0, RESOLUTION), 120, frames, sounding, onsets)


def count(lib, notes):
    counts = Counts(ctypes.sizeof(Counts))
    assert lib.spiral_statistics_add_roll(counts, roll_of(notes), 0, 0, None) == 0
    return counts


def same(a, b, tolerance=1e-9):
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)


def test_statistics_of_muspy(lib):
    rng, defined = random.Random(1), dict.fromkeys(MUSPY, 0)
    for _ in range(1000):
        notes = random_notes(rng)
        counts, got = count(lib, notes), Statistics(ctypes.sizeof(Statistics))
        assert lib.spiral_statistics_from_counts(counts, got, None) == 0
        music = muspy.Music(resolution=RESOLUTION, tracks=[muspy.Track(
            notes=[muspy.Note(begin, key, end - begin, 80) for key, begin, end in sorted(notes, key=lambda n: n[1])])])
        for name, function in MUSPY.items():
            wanted = function(music)
            assert same(getattr(got, name), wanted), (name, getattr(got, name), wanted, notes)
            defined[name] += not math.isnan(wanted)
    assert min(defined.values()) > 500


def histograms_of(notes):
    """Histograms of the notes by pretty_midi and by mgeval's rules, as shares, and the mean interval of all onsets."""
    midi, instrument = pretty_midi.PrettyMIDI(), pretty_midi.Instrument(0)
    instrument.notes = [pretty_midi.Note(80, key, begin * FRAME_S, end * FRAME_S) for key, begin, end in notes]
    midi.instruments.append(instrument)
    classes, lengths, intervals = np.zeros(12), np.zeros(12), np.zeros(12)
    allowed = np.array([96, 48, 24, 12, 6, 72, 36, 18, 9, 32, 16, 8]) * BAR / 96
    for key, begin, end in notes:
        classes[key % 12] += end - begin
        lengths[np.abs(allowed - (end - begin)).argmin()] += 1
    for interval in np.diff(sorted({begin for _, begin, _ in notes})):
        intervals[np.abs(allowed - interval).argmin()] += 1
    return {"pitch_classes": classes, "lengths": lengths, "onset_intervals": intervals,
            "pitch_class_transitions": instrument.get_pitch_class_transition_matrix().ravel(),
            "mean_onset_interval_s": np.mean(np.diff(midi.get_onsets())) if len(notes) > 1 else math.nan}


def test_histograms_of_pretty_midi_and_mgeval(lib):
    rng = random.Random(2)
    for _ in range(500):
        notes = random_notes(rng)
        counts, got = count(lib, notes), Statistics(ctypes.sizeof(Statistics))
        assert lib.spiral_statistics_from_counts(counts, got, None) == 0
        wanted = histograms_of(notes)
        assert same(got.mean_onset_interval_s, wanted.pop("mean_onset_interval_s"))
        for name, histogram in wanted.items():
            assert list(getattr(counts, name)) == list(histogram), (name, notes)


def mgeval(reference, other):
    """Overlapping area and divergence as in mgeval/utils.py and its demo; the arguments have a vector for each piece."""
    within = [np.linalg.norm(a - b) for i, a in enumerate(reference) for k, b in enumerate(reference) if i != k]
    across = [np.linalg.norm(a - b) for a in reference for b in other]
    p, q = stats.gaussian_kde(within), stats.gaussian_kde(across)
    grid = np.linspace(min(within + across), max(within + across), 200001)
    area = integrate.trapezoid(np.minimum(p(grid), q(grid)), grid)
    samples = [f(np.linspace(min(x), max(x), 1000)) for f, x in ((p, within), (q, across))]
    return area, stats.entropy(*samples)


def test_overlaps_of_mgeval(lib):
    rng = random.Random(3)
    for sizes in ((3, 1), (5, 8), (12, 7)):
        sets = [[random_notes(rng) for _ in range(size)] for size in sizes]
        counts = [[count(lib, notes) for notes in pieces] for pieces in sets]
        lists = [(P(Counts) * len(c))(*map(ctypes.pointer, c)) for c in counts]
        got = Overlaps(ctypes.sizeof(Overlaps))
        assert lib.spiral_statistics_overlap(lists[0], sizes[0], lists[1], sizes[1], got, None) == 0
        vectors = {name: [[], []] for name in listed("SPIRAL_OVERLAP_LIST")}
        for side in (0, 1):
            for notes in sets[side]:
                keys = {key for key, _, _ in notes}
                features = histograms_of(notes)
                features.update(pitch_count=len(keys), pitch_range=max(keys) - min(keys), note_count=len(notes))
                for name, value in features.items():
                    value = np.atleast_1d(np.asarray(value, float))
                    with np.errstate(invalid="ignore"):
                        value = value / value.sum() if value.size > 1 else value
                    if not np.isnan(value).any():
                        vectors[name][side].append(value)
        compared = 0
        for name, (reference, other) in vectors.items():
            if len(reference) < 3 or len(reference) * len(other) < 2:
                continue
            area, divergence = mgeval(reference, other)
            overlap = getattr(got, name)
            assert same(overlap.area, area, 2e-4), (name, sizes, overlap.area, area)
            assert same(overlap.kl_divergence, divergence, 1e-6), (name, sizes)
            compared += 1
        assert compared >= 6
