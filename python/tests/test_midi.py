# SPDX-License-Identifier: MIT
"""MIDI files and rolls as arrays: against mido if it is installed, and written and read again."""

import ctypes
import gzip
import io
import math
import os
import pathlib

import numpy as np
import pytest
from conftest import SOURCE

from spiral_loss import errors, midi
from spiral_loss._library import declare
from spiral_loss._midi_bytes import decoded_text

DATA = pathlib.Path(os.environ.get("SPIRAL_DATA") or "/no data")
CORPUS = SOURCE / "tests" / "fuzz" / "corpus" / "midi"


def tune(seed=0, notes=60, **arguments):
    g = np.random.default_rng(seed)
    start = np.sort(g.integers(0, 400, notes)) * 0.05
    table = {"start": start, "end": start + g.integers(1, 20, notes) * 0.05, "pitch": g.integers(30, 100, notes),
             "velocity": g.integers(1, 128, notes), "channel": np.arange(notes) % 8}  # fmt: skip
    _, first = np.unique(np.stack([table["pitch"], table["channel"]]), axis=1, return_index=True)
    return midi.from_notes({k: v[np.sort(first)] for k, v in table.items()}, **arguments)


def real_files():
    return sorted(DATA.rglob("*.mid"))[:: max(len(list(DATA.rglob("*.mid"))) // 40, 1)]


def test_notes_return_from_bytes_and_files(tmp_path):
    song = tune(quarters_per_min=96.0)
    song.name, song.text = "Étude", "made by a test"
    song.save(tmp_path / "a.mid")
    for again in (
        midi.read(song.to_bytes()),
        midi.read(tmp_path / "a.mid"),
        midi.read(str(tmp_path / "a.mid")),
    ):
        assert again.warnings == {}
        assert (again.name, again.text) == (song.name, song.text)
        assert np.array_equal(again.notes, song.notes)
        assert again.quarters_per_min == pytest.approx(96.0)
        assert again.end == pytest.approx(song.notes["end"].max(), abs=1e-3)


def test_seconds_are_those_of_c():
    for path in sorted(CORPUS.glob("*.mid")):
        try:
            song = midi.read(path)
        except errors.BadFormat:
            continue
        struct, _keep = song._struct()
        for ours, ticks in (("start", "start_ticks"), ("end", "end_ticks")):
            theirs = [midi._seconds(ctypes.byref(struct), int(t)) for t in song.notes[ticks]]
            assert song.notes[ours].tolist() == theirs, path.name


def test_faults_are_mended_and_counted():
    song = midi.read(CORPUS / "never-ends.mid")
    assert song.warnings == {
        "note without a note-off, lengthened to the end of the music of its track": 2,
        "note without a note-off, shortened: it ends where its key is struck again": 1,
    }
    assert len(midi.WARNINGS) == 15


@pytest.mark.parametrize(
    ("source", "error", "sentence"),
    [
        (b"", errors.BadFormat, "empty"),
        (b"RIFF????WAVE", ValueError, "."),
        (b"not midi", errors.BadFormat, "no header"),
        ("/no/such/file.mid", OSError, "/no/such/file.mid"),
    ],
)
def test_what_is_no_midi_is_refused(source, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        midi.read(source)
    assert isinstance(caught.value, errors.Error)


@pytest.mark.parametrize(
    "grid", [{"frame_s": 0.01}, {"frame_s": 0.125}, {"steps_per_quarter": 4}, {"steps_per_quarter": 24}]
)
@pytest.mark.parametrize("onsets", [False, True])
def test_rolls_return(grid, onsets):
    roll = tune(seed=3).to_roll(**grid, low=0, high=127, onsets=onsets)
    again = midi.from_roll(roll).to_roll(**grid, low=0, high=127, onsets=onsets)
    assert np.array_equal(again.sounding, roll.sounding)
    assert (roll.onsets is None) == (not onsets)
    if onsets:
        assert np.array_equal(again.onsets, roll.onsets)
        assert roll.onsets.sum() == roll.report.notes_kept - roll.report.notes_doubled


def test_roll_cells_are_the_notes():
    song = midi.from_notes({"start": [0.0, 0.5], "end": [0.25, 1.0], "pitch": [60, 47]}, quarters_per_min=120.0)
    roll = song.to_roll(frame_s=0.05)
    assert roll.sounding.shape == (36, 5)
    assert roll.sounding[12].all()
    assert roll.sounding.sum() == 5
    assert roll.report.notes_low == 1
    assert roll.report.notes_kept == 1
    assert roll.frame_s == 0.05
    windows = roll.windows(3)
    assert windows.shape == (2, 36, 3)
    assert windows[1, 12].tolist() == [True, True, False]
    assert roll.windows(3, hop=1).shape == (3, 36, 3)
    assert song.to_roll(steps_per_quarter=4, low=40, high=50).sounding.shape == (11, 8)


def test_drums_are_marked_and_left_out():
    song = midi.from_notes({"start": [0, 0], "end": [1, 1], "pitch": [60, 62], "channel": [0, 9]})
    song = midi.read(song.to_bytes())
    assert song.notes["drum"].tolist() == [False, True]
    assert song.to_roll(0.1).report.notes_drums == 1
    assert song.to_roll(0.1, drums=True).sounding.any(axis=1).sum() == 2
    named = song.to_roll(0.1, drum_channels=[0])
    assert named.report.notes_drums == 1
    assert np.flatnonzero(named.sounding.any(1)).tolist() == [62 - 48]
    for channels, reason in (
        ([16], "drum_channels has 16"),
        ([-1], "drum_channels has -1"),
        ([], "drum_channels is empty"),
    ):
        with pytest.raises(ValueError, match=reason):
            song.to_roll(0.1, drum_channels=channels)


def test_notes_out_of_range_are_dropped_folded_or_fitted():
    song = midi.from_notes({"start": [0, 0], "end": [1, 1], "pitch": [60, 90]})
    dropped, folded, fitted = (song.to_roll(0.5, out_of_range=what) for what in midi.OUT_OF_RANGE)
    assert dropped.report.notes_high == 1
    assert np.flatnonzero(dropped.sounding.any(1)).tolist() == [12]
    assert folded.report.notes_folded == 1
    assert np.flatnonzero(folded.sounding.any(1)).tolist() == [12, 30]
    assert fitted.report.transposed_by == -7
    assert np.flatnonzero(fitted.sounding.any(1)).tolist() == [5, 35]
    with pytest.raises(ValueError, match="out_of_range is 'keep': must be one of drop, fold, fit"):
        song.to_roll(0.5, out_of_range="keep")


def test_the_pedal_holds_notes_on_request():
    song = midi.from_notes({"start": [0.0], "end": [0.5], "pitch": [60]})
    song.pedals = np.array(
        [(0, 0, 0, True, 0, 0), (1920, 0, 0, False, 0, 0)], midi.PEDAL
    )  # up after four quarters, 2 s
    song = midi.read(song.to_bytes())
    assert song.pedals["down"].tolist() == [True, False]
    assert song.to_roll(0.5).sounding.shape[1] == 1
    held = song.to_roll(0.5, pedal=True)
    assert held.sounding.shape[1] == 4
    assert held.report.notes_held == 1


def test_programs_controllers_and_bends_are_kept():
    song = midi.from_notes({"start": [0.0], "end": [0.5], "pitch": [60]})
    assert len(song.events) == 0
    song.events = np.array([(0, 0, 0, 192, (5, 0)), (0, 0, 3, 177, (7, 90)), (480, 1, 0, 239, (1, 64))], midi.EVENT)
    again = midi.read(song.to_bytes())
    assert again.events.dtype == midi.EVENT
    for field in midi.EVENT.names:
        assert again.events[field].tolist() == song.events[field].tolist()
    assert again.not_kept == {}
    assert again.tracks == 2
    song.events["data"][0] = 128
    with pytest.raises(ValueError, match=r"event 0: data\[0\] 128 is not within 0..127"):
        song.to_bytes()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: tune().to_roll(), "one of the two"),
        (lambda: tune().to_roll(0.1, steps_per_quarter=4), "one of the two"),
        (lambda: tune().to_roll(2.0), "frame_s is 2.0: must be 0.001 to 1"),
        (lambda: tune().to_roll(0.1, low=90, high=80), "low is 90 and high 80"),
        (lambda: midi.from_notes({"start": [0], "end": [1], "pitch": [128]}), "pitch is 128"),
        (lambda: midi.from_notes({"start": [-1], "end": [1], "pitch": [60]}), "start is -1"),
        (lambda: midi.from_notes({"start": [0], "end": [np.nan], "pitch": [60]}), "end is nan"),
        (lambda: midi.from_notes({"start": [0], "end": [1], "pitch": [60]}, quarters_per_min=0.0), "per_min is 0"),
        (lambda: midi.from_roll(midi.Roll(np.zeros((36, 4), bool), low=100, frame_s=0.1)), "sounding has shape"),
        (lambda: midi.from_roll(midi.Roll(np.zeros((36, 4), bool))), "one of the two"),
        (lambda: midi.Midi(np.zeros(1, midi.NOTE), ticks_per_quarter=0).to_bytes(), "."),
        (lambda: midi.from_roll(midi.Roll(np.zeros((36, 4)), np.zeros((36, 5)), frame_s=0.1)), r"shape \(36, 5\)"),
        (lambda: midi.from_roll(midi.Roll(np.ones((36, 4)), np.ones((9, 4)), frame_s=0.1)), r"shape \(9, 4\): must be"),
        (lambda: midi.from_roll(midi.Roll(np.ones((36, 4)), low=-1, frame_s=0.1)), "low is -1: must be 0 to 127"),
        (lambda: midi.from_roll(midi.Roll(np.full((36, 4), -3.0), frame_s=0.1)), "neither 0 nor 1: .* as logits > 0"),
        (lambda: tune().to_roll(math.nan), "frame_s is nan: must be 0.001 to 1"),
        (lambda: tune().to_roll(4294.977296), "frame_s is 4294.977296"),  # 10 ms more than 2**32 microseconds
        (lambda: tune().to_roll(steps_per_quarter=2**32 + 4), "steps_per_quarter is 4294967300: must be 1 to 96"),
        (lambda: midi.from_notes({"start": [0], "pitch": [60]}), "notes has no end: must have start, end and pitch"),
        (lambda: midi.from_notes({"start": [0, 1], "end": [1], "pitch": [60]}), r"end has shape \(1,\): .* \(2,\)"),
        (lambda: midi.Roll(np.zeros(4, bool)).windows(), r"sounding has shape \(4,\): must be \(keys, frames\)"),
        (lambda: midi.Roll(np.zeros((3, 4), bool)).windows(0), "frames is 0"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_with_a_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: midi.from_roll(np.zeros((36, 4))), "roll is a ndarray: must be a midi.Roll, such as Roll"),
        (lambda: midi.from_roll(None), "roll is None: must be a midi.Roll"),
        (lambda: midi.from_roll(midi.Roll("C4", frame_s=0.1)), "sounding is of <U2: must be of bools"),
        (lambda: midi.from_roll(midi.Roll(np.zeros((36, 4)), low="48", frame_s=0.1)), "low is '48'"),
        (lambda: midi.from_roll(midi.Roll(np.zeros((36, 4)), frame_s=0.1, quarters_per_min="96")), "min is '96'"),
        (lambda: midi.Roll(np.zeros((3, 4), bool)).windows(36.5), "frames is 36.5: must be a whole number"),
        (lambda: midi.Roll(np.zeros((3, 4), bool)).windows(None), "frames is None: must be a whole number"),
        (lambda: midi.Roll(np.zeros((3, 4), bool)).windows(36, "4"), "hop is '4': must be a whole number"),
        (lambda: tune().to_roll(steps_per_quarter="4"), "steps_per_quarter is '4': must be a whole number"),
        (lambda: tune().to_roll(steps_per_quarter=4.7), "steps_per_quarter is 4.7: must be a whole number"),
        (lambda: tune().to_roll("0.01"), "frame_s is '0.01': must be a number"),
        (lambda: tune().to_roll(0.1, low=48.5), "low is 48.5: must be a whole number"),
        (lambda: tune().to_roll(0.1, pedal="yes"), "pedal is 'yes': must be True or False"),
        (lambda: tune().to_roll(0.1, drum_channels=9), "drum_channels is 9: must be several whole numbers, or None"),
        (lambda: tune().to_roll(0.1, drum_channels=["9"]), "drum_channels is '9': must be a whole number"),
        (lambda: midi.from_notes([60, 62]), "notes is a list: must be a structured array, or a mapping"),
        (lambda: midi.from_notes({"start": ["0"], "end": [1], "pitch": [60]}), "start is of <U1: must be numbers"),
        (lambda: midi.from_notes({"start": [0]}, quarters_per_min="96"), "quarters_per_min is '96'"),
        (lambda: midi.write(None, "a.mid"), "midi is None: must be a Midi"),
    ],
)  # fmt: skip
def test_arguments_of_another_type_are_refused_with_a_sentence(make, sentence):
    with pytest.raises(TypeError, match=sentence):
        make()


def test_whole_numbers_of_numpy_are_taken():
    roll = tune().to_roll(steps_per_quarter=np.int64(4), low=np.int32(48), high=np.uint8(83))
    assert type(roll.steps_per_quarter) is int
    assert roll.windows(np.int64(36)).shape[1:] == (36, 36)
    velocities = midi.Roll(roll.sounding.astype(np.uint8) * 80, steps_per_quarter=4)
    assert np.array_equal(midi.from_roll(velocities).notes, midi.from_roll(roll).notes)


def test_an_empty_song():
    song = midi.from_notes({"start": [], "end": [], "pitch": []})
    assert len(midi.read(song.to_bytes()).notes) == 0
    roll = song.to_roll(0.1)
    assert roll.sounding.shape == (36, 0)
    assert roll.windows().shape == (1, 36, 36)


def test_against_mido(tmp_path):
    mido = pytest.importorskip("mido")
    paths = real_files()
    song = tune(seed=5)
    song.save(tmp_path / "a.mid")
    checked = 0
    for path in [tmp_path / "a.mid", *paths]:
        try:
            theirs = mido.MidiFile(path, clip=True)
        except Exception:  # tests/oracle has the files that mido refuses
            continue
        if theirs.type == 2:
            continue
        played = [m.note for m in mido.merge_tracks(theirs.tracks) if m.type == "note_on" and m.velocity]
        ours = midi.read(path)
        assert sorted(played) == sorted(ours.notes["pitch"].tolist())
        if not ours.warnings:
            assert ours.end == pytest.approx(theirs.length, abs=1e-6)
        checked += 1
    assert checked >= 1
    if not paths:
        pytest.skip("SPIRAL_DATA names no MIDI files: only one of our own was compared")


def test_bytes_and_file_objects_are_read(tmp_path):
    song = tune(seed=4)
    data = song.to_bytes()
    song.save(tmp_path / "a.mid")
    with (tmp_path / "a.mid").open("rb") as file:
        file_notes = midi.read(file).notes
    for source in (data, bytearray(data), memoryview(data), io.BytesIO(data)):
        assert np.array_equal(midi.read(source).notes, file_notes)
    with pytest.raises(TypeError, match="file of text: open it with mode 'rb'"):
        midi.read(io.StringIO("MThd"))
    with pytest.raises(TypeError, match="source is a int: must be a path, bytes or a binary file"):
        midi.read(3)
    with pytest.raises(errors.BadFormat):
        midi.read(io.BytesIO(b""))


def test_compressed_files_are_read(tmp_path):
    song = tune(seed=4)
    data, path = song.to_bytes(), tmp_path / "a.mid.gz"
    for content in (
        gzip.compress(data),
        gzip.compress(data[:50]) + gzip.compress(data[50:]),
        gzip.compress(data) + b"tail",
        gzip.compress(data) + bytes(30),
    ):
        path.write_bytes(content)
        for source in (path, str(path), content, io.BytesIO(content)):
            assert np.array_equal(midi.read(source).notes, song.notes)


@pytest.mark.parametrize(
    ("content", "error", "sentence"),
    [
        (gzip.compress(tune().to_bytes())[:-20], errors.BadFormat, "its gzip data end too early"),
        (b"\x1f\x8b\x08junkjunkjunkjunk", errors.BadFormat, "its gzip data are damaged"),
        (gzip.compress(b"text"), errors.BadFormat, "not a MIDI file"),
        (gzip.compress(bytes((1 << 28) + 1), 1), errors.TooBig, "larger than 268435456 bytes"),
    ],
    ids=["cut off", "junk", "text", "large"],
)
def test_damaged_gzip_is_refused(content, error, sentence, tmp_path):
    path = tmp_path / "a.mid.gz"
    path.write_bytes(content)
    with pytest.raises(error, match=sentence):
        midi.read(content)
    with pytest.raises(error, match=f"^{path}: {sentence}"):
        midi.read(path)


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        ("Étude".encode(), "Étude"),
        ("Étude".encode("latin-1"), "Étude"),
        ("Für Elise".encode("latin-1"), "Für Elise"),
        ("It’s “a song”".encode("cp1252"), "It’s “a song”"),
        ("さくらさくら".encode("cp932"), "さくらさくら"),
        ("荒城の月 1901".encode("cp932"), "荒城の月 1901"),
        (b"\x81", "\x81"),
        (b"\xa9 1997", "© 1997"),
        ("ソナ No".encode("cp932"), "ƒ\\ƒi No"),  # as many Latin letters as Japanese: Windows-1252
    ],
)
def test_texts_are_readable_whatever_their_encoding(encoded, text):
    song = tune()
    song.name = "N" * len(encoded)
    data = song.to_bytes().replace(song.name.encode(), encoded)
    again = midi.read(data)
    assert again.name == text
    assert again.name.encode().decode() == text  # can be written anywhere
    assert midi.read(again.to_bytes()).name == text


def test_texts_are_decoded_as_the_library_does():
    convert = declare("spiral_midi_text_utf8", ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
    rng = np.random.default_rng(3)
    pieces = [*"荒城の月ソナタｱｲｳ", "No. 1 ", "é", "Étude "]
    texts = ["".join(rng.choice(pieces, 4)).encode("cp932", "replace") for _ in range(200)]
    texts += ["".join(rng.choice(pieces[12:], 4)).encode("cp1252", "replace") for _ in range(100)]
    texts += [bytes(rng.integers(1, 256, rng.integers(1, 9), np.uint8)) for _ in range(2000)]
    if convert("荒城".encode("cp932"), None, 0) != 6:
        pytest.skip("iconv has no table of Shift-JIS here")
    for text in texts:
        utf8 = ctypes.create_string_buffer(100)
        convert(text, utf8, 100)
        assert utf8.value.decode() == decoded_text(text), text


def test_names_of_version_0_1_warn_and_work():
    song = tune(seed=6)
    with pytest.warns(DeprecationWarning, match="column_s is now called frame_s"):
        roll = song.to_roll(column_s=0.05)
    with pytest.warns(DeprecationWarning, match="Roll.frames is now called Roll.sounding"):
        assert roll.frames is roll.sounding
    with pytest.warns(DeprecationWarning, match="columns is now called frames"):
        assert np.array_equal(roll.windows(columns=12), roll.windows(12))
    with pytest.warns(DeprecationWarning, match="frames is now called sounding"):
        assert midi.Roll(frames=roll.sounding, frame_s=0.05).sounding is roll.sounding
