# SPDX-License-Identifier: MIT
"""MIDI files and scores that are missing, damaged or odd: one line that names file and reason, status 1, nothing left behind."""
import os
import random

import pytest
from program import failed, lines_with, mthd, mtrk, one_note, spiral, tree

BAD_MIDI = {
    "empty": (b"", "the file is empty"),
    "text": (b"hello, world\n", "not a MIDI file"),
    "header only": (b"MThd", "ends after 4 of the 14 bytes"),
    "no tracks": (mthd(0), "no notes"),
    "no notes": (mthd(1) + mtrk(b""), "no notes"),
    "riff": (b"RIFF\x10\0\0\0WAVEfmt " + bytes(8), "MIDI"),
    "zeros": (bytes(100), "not a MIDI file"),
}
NEEDS_A_PIECE = ["inspect", "train", "eval", "reconstruct", "interpolate", "loss", "render"]


def with_piece(verb, model, piece, tune, folder):
    """A command line of the verb whose piece is `piece`."""
    return {
        "inspect": ["inspect", piece],
        "train": ["train", piece, "-o", folder / "m", "--steps", "3", "--decoder", "0"],
        "eval": ["eval", model, piece],
        "reconstruct": ["reconstruct", model, piece, "-o", folder / "r.mid"],
        "interpolate": ["interpolate", model, tune, piece, "-o", folder / "i"],
        "loss": ["loss", piece, tune],
        "render": ["render", piece, "-o", folder / "r.wav"],
    }[verb]


@pytest.mark.parametrize("verb", NEEDS_A_PIECE)
@pytest.mark.parametrize("kind", BAD_MIDI)
def test_bad_midi_is_named_with_the_reason(verb, kind, model, tune, tmp_path):
    content, reason = BAD_MIDI[kind]
    bad = tmp_path / "bad.mid"
    bad.write_bytes(content)
    before = tree(tmp_path)
    if verb == "loss" and reason == "no notes":
        reason = "has no note"
    assert failed(spiral(*with_piece(verb, model, bad, tune, tmp_path)), 1, bad, reason)
    assert tree(tmp_path) == before
    assert not (tmp_path / "i").exists()


@pytest.mark.parametrize("verb", NEEDS_A_PIECE)
def test_missing_file_is_named(verb, model, tune, tmp_path):
    missing = tmp_path / "no such.mid"
    assert failed(spiral(*with_piece(verb, model, missing, tune, tmp_path)), 1, missing, "No such file or directory")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["inspect", "train", "eval"])
def test_folder_without_midi_is_refused(verb, model, tune, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("c d e")
    assert failed(spiral(*with_piece(verb, model, folder, tune, tmp_path)), 1, folder, "no .mid, .midi, .kar, .rmi or .smf file")


@pytest.mark.parametrize("verb", ["reconstruct", "interpolate", "loss", "render"])
def test_folder_instead_of_a_file_is_refused(verb, model, tune, tmp_path):
    assert failed(spiral(*with_piece(verb, model, tmp_path, tune, tmp_path)), 1, tmp_path, "is a folder, not a file")


@pytest.mark.parametrize("verb", NEEDS_A_PIECE)
def test_long_path_does_not_hide_the_reason(verb, model, tune, tmp_path):
    folder = tmp_path / ("d" * 200) / ("é" * 100)
    folder.mkdir(parents=True)
    (folder / "bad.mid").write_bytes(b"no music")
    assert failed(spiral(*with_piece(verb, model, folder / "bad.mid", tune, tmp_path)), 1, "bad.mid: not a MIDI file")
    assert failed(spiral(*with_piece(verb, model, folder / "nope.mid", tune, tmp_path)), 1, "nope.mid", "No such file")


def test_piece_without_a_note_in_range_is_refused(model, tmp_path):
    low, drums = tmp_path / "low.mid", tmp_path / "drums.mid"
    low.write_bytes(one_note(key=5))
    drums.write_bytes(one_note(channel=9))
    assert failed(spiral("reconstruct", model, low, "-o", tmp_path / "r.mid"), 1, low, "none of its 1 notes", "range")
    assert failed(spiral("reconstruct", model, drums, "-o", tmp_path / "r.mid"), 1, drums, "drums only")
    assert failed(spiral("eval", model, low), 1, low, "none of its 1 notes")
    assert failed(spiral("inspect", drums), 1, drums, "drums only")
    assert not (tmp_path / "r.mid").exists()


def test_bad_files_in_a_folder_are_reported_and_left_out(music, tmp_path):
    for piece in music.iterdir():
        (tmp_path / piece.name).write_bytes(piece.read_bytes())
    (tmp_path / "a-bad.mid").write_bytes(b"nonsense")
    (tmp_path / "z-empty.KAR").write_bytes(b"")
    (tmp_path / "readme.txt").write_text("no music")
    whole = spiral("inspect", music, "--json").json
    done = spiral("inspect", tmp_path, "--json")
    assert done.status == 0
    assert [os.path.basename(entry["file"]) for entry in done.json["skipped"]] == ["a-bad.mid", "z-empty.KAR"]
    assert all(entry["reason"] for entry in done.json["skipped"])
    assert {k: v for k, v in done.json.items() if k != "skipped"} == {k: v for k, v in whole.items() if k != "skipped"}
    assert len(done.err.splitlines()) == 2 and done.err.count("left out") == 2
    model = tmp_path / "model"
    done = spiral("train", tmp_path, "-o", model, "--steps", "3", "--hidden", "8", "--latent", "2", "--decoder", "0")
    assert done.status == 0 and done.err.count("left out") == 2
    assert spiral("info", model, "--json").json["data"]["files_skipped"] == 2


def test_midi_cut_at_any_length_is_repaired_or_refused(tune, tmp_path):
    """At every length: notes and a message about the repair, or one line with the reason; never a signal."""
    whole, cut = tune.read_bytes(), tmp_path / "cut.mid"
    for size in sorted({*range(0, 40), *range(40, len(whole), len(whole) // 40)}):
        cut.write_bytes(whole[:size])
        done = spiral("render", cut, "-o", tmp_path / "out.mid")
        if done.status == 0:
            assert "repaired while reading" in done.err and str(cut) in done.err
            assert spiral("inspect", tmp_path / "out.mid").status == 0
        else:
            assert done.status == 1 and str(cut) in done.err.splitlines()[-1]
            assert not (tmp_path / "out.mid").exists()
        (tmp_path / "out.mid").unlink(missing_ok=True)


def test_midi_with_changed_bytes_is_read_or_refused(tune, tmp_path):
    choose, whole, bad = random.Random(1), tune.read_bytes(), tmp_path / "bad.mid"
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(choose.randint(1, 20)):
            content[choose.randrange(len(content))] = choose.randrange(256)
        bad.write_bytes(content)
        done = spiral("inspect", bad, "--json")
        assert done.status == 0 and done.json["files"] == 1 or failed(done, 1, bad)


@pytest.mark.parametrize("words", ["c d e", "title: none\n\n| ? |", "\x00", ""])
def test_bad_score_is_refused(words, tmp_path):
    score = tmp_path / "bad.txt"
    score.write_text(words)
    assert failed(spiral("render", score, "-o", tmp_path / "x.mid"), 1, score)
    assert not (tmp_path / "x.mid").exists()


def test_repaired_piece_is_reported_and_refused_with_strict(model, tune, faulty, tmp_path):
    """A file that has to be repaired is named with its faults and read; with --strict it is refused."""
    repaired, out = faulty / "note-off.mid", tmp_path / "out.mid"
    for line in (["eval", model, repaired], ["loss", tune, repaired], ["loss", repaired, tune], ["reconstruct", model, repaired, "-o", out],
                 ["interpolate", model, tune, repaired, "-o", tmp_path], ["render", repaired, "-o", out],
                 ["render", tune, "--against", repaired, "-o", tmp_path / "out.svg"],
                 ["sample", model, "--against", repaired, "-o", tmp_path]):
        done = spiral(*line)
        assert done.status == 0, (line, done.err)
        assert len(lines_with(done, "repaired while reading")) == 1, (line, done.err)
        for path in tmp_path.glob("*.mid"):
            path.unlink()
        assert failed(spiral(*line, "--strict"), 1, "note-off.mid", "the reader had to", "2 x note-off without a note"), line
        assert not list(tmp_path.glob("*.mid"))
        clean = [tune if arg is repaired else arg for arg in line]
        done = spiral(*clean, "--strict")
        assert done.status == 0 and not lines_with(done, "repair"), (clean, done.err)


def test_file_names_with_any_bytes(tmp_path):
    for i, name in enumerate(["عربي.mid", "日本語.MID", "#@! 100%s.midi", "a b'c\"d.kar", "-.rmi"]):
        (tmp_path / name).write_bytes(one_note(60 + i))
    (tmp_path / os.fsdecode(b"gbk-\xc4\xe3\xba\xc3.mid")).write_bytes(one_note(70) + b"junk")
    done = spiral("inspect", tmp_path, "--strict", "--json")
    assert done.status == 0 and done.json["files"] == 5
    assert len(done.json["skipped"]) == 1 and "gbk" in done.json["skipped"][0]["file"]
