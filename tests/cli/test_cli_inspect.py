# SPDX-License-Identifier: MIT
"""Nothing is lost without a word: faults, duplicates and notes out of range, as inspect and train tell them."""
import json

import pytest
from program import TINY, failed, mthd, mtrk, one_note, spiral


def notes(*keys, tail=b"", ticks=120):
    """A file of sixteenths one after another."""
    events = b"".join(bytes([0, 0x90, key, 80, ticks, 0x80, key, 0]) for key in keys)
    return mthd(1) + mtrk(events) + tail


def lines_about(done, word):
    return [line for line in done.err.splitlines() if word in line]


@pytest.fixture
def faulty(tmp_path):
    """Four files: one clean, one with bytes behind its track, one with two faults, one that is no MIDI."""
    folder = tmp_path / "faulty"
    folder.mkdir()
    (folder / "clean.mid").write_bytes(notes(60, 62, 64))
    (folder / "junk.mid").write_bytes(notes(60, 62, 65, tail=b"junk"))
    (folder / "stray.mid").write_bytes(mthd(3) + mtrk(bytes([0, 0x90, 67, 80, 120, 0x80, 67, 0, 0, 0x80, 68, 0, 0, 0x80, 69, 0])))
    (folder / "text.mid").write_bytes(b"no music at all")
    return folder


def test_faults_are_counted_by_kind(faulty):
    done = spiral("inspect", faulty, "--json")
    assert done.status == 0 and done.json["files"] == 3
    warnings = done.json["warnings"]
    assert {key: (w["files"], w["events"]) for key, w in warnings.items()} == {
        "header": (1, 1), "alien_chunk": (1, 1), "note_never_starts": (1, 2)}
    assert warnings["note_never_starts"]["what"] == "note-off without a note"
    table = spiral("inspect", faulty).out
    assert "Mended while reading" in table and "note-off without a note" in table
    assert spiral("inspect", faulty / "clean.mid", "--json").json["warnings"] == {}
    assert "Mended" not in spiral("inspect", faulty / "clean.mid").out


def test_strict_refuses_what_had_to_be_mended(faulty):
    done = spiral("inspect", faulty, "--strict", "--json")
    assert done.status == 0 and done.json["files"] == 1 and done.json["notes"] == 3
    reasons = {entry["file"].split("/")[-1]: entry["reason"] for entry in done.json["skipped"]}
    assert set(reasons) == {"junk.mid", "stray.mid", "text.mid"}
    assert "bytes between or after the chunks" in reasons["junk.mid"]
    assert "2 x note-off without a note" in reasons["stray.mid"] and "wrong track count" in reasons["stray.mid"]
    assert len(lines_about(done, "left out")) == 3
    assert done.json["warnings"] == spiral("inspect", faulty, "--json").json["warnings"]
    assert failed(spiral("inspect", faulty / "junk.mid", "--strict"), 1, "junk.mid", "had to mend it")


def test_strict_training(music, faulty, tmp_path):
    (music_and_junk := tmp_path / "both").mkdir()
    for piece in music.iterdir():
        (music_and_junk / piece.name).write_bytes(piece.read_bytes())
    (music_and_junk / "junk.mid").write_bytes((faulty / "junk.mid").read_bytes())
    model = tmp_path / "model"
    for flags, skipped, mended in ([], 0, 1), (["--strict"], 1, 0):
        done = spiral("train", music_and_junk, "-o", model, *TINY, *flags)
        assert done.status == 0, done.err
        assert spiral("info", model, "--json").json["data"]["files_skipped"] == skipped
        assert len(lines_about(done, "had to mend it")) == skipped
        assert len(lines_about(done, "1 file was mended")) == mended
    assert failed(spiral("train", faulty / "junk.mid", "-o", model, "--strict", *TINY), 1, "junk.mid", "had to mend it")


@pytest.fixture
def twins(music, tmp_path):
    """The pieces, one of them again byte for byte, and one again with other bytes."""
    folder = tmp_path / "twins"
    folder.mkdir()
    for piece in music.iterdir():
        (folder / piece.name).write_bytes(piece.read_bytes())
    (folder / "z-copy.mid").write_bytes((music / "twinkle.mid").read_bytes())
    (folder / "z-other.mid").write_bytes((music / "greensleeves.mid").read_bytes() + b"junk")
    return folder


def test_duplicates_are_listed(twins, music):
    done = spiral("inspect", twins, "--json")
    assert done.status == 0
    assert [(d["file"].split("/")[-1], d["same_as"].split("/")[-1]) for d in done.json["duplicates"]] == [
        ("z-copy.mid", "twinkle.mid"), ("z-other.mid", "greensleeves.mid")]
    assert len(done.json["skipped"]) == 2 and len(lines_about(done, "the same notes as in")) == 2
    whole = spiral("inspect", music, "--json").json
    for key in "files", "notes", "notes_in_range", "windows":
        assert done.json[key] == whole[key]
    kept = spiral("inspect", twins, "--keep-duplicates", "--json").json
    assert kept["files"] == whole["files"] + 2 and kept["duplicates"] == [] and kept["notes"] > whole["notes"]


def test_training_leaves_duplicates_out(twins, tmp_path):
    model = tmp_path / "model"
    for flags, skipped in ([], 2), (["--keep-duplicates"], 0):
        done = spiral("train", twins, "-o", model, *TINY, *flags)
        assert done.status == 0, done.err
        data = spiral("info", model, "--json").json["data"]
        assert data["files_skipped"] == skipped and data["files"] + data["files_held_out"] == 6 - skipped
        assert len(lines_about(done, "the same notes as in")) == skipped


def test_what_is_validated_on_is_not_trained_on(music, twins, tmp_path):
    model = tmp_path / "model"
    done = spiral("train", twins, "-o", model, *TINY, "--valid", music / "twinkle.mid")
    assert done.status == 0, done.err
    data = spiral("info", model, "--json").json["data"]
    assert data["files"] == 3 and data["files_held_out"] == 1 and data["files_skipped"] == 3
    assert len(lines_about(done, "the same notes as in")) == 3
    assert failed(spiral("train", music, "-o", model, *TINY, "--valid", music), 1, "the same notes as in")
    assert spiral("train", music, "-o", model, *TINY, "--valid", music, "--keep-duplicates").status == 0
