# SPDX-License-Identifier: MIT
"""Nothing is lost without a word: faults, duplicates and notes out of range, as inspect and train tell them."""
import os

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
        "header": (1, 1), "unknown_chunk": (1, 1), "note_never_starts": (1, 2)}
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


def test_strict_in_every_verb_that_reads_music(model, tune, faulty, tmp_path):
    """A file that has to be mended is named with its faults and read; with --strict it is refused."""
    stray, out = faulty / "stray.mid", tmp_path / "out.mid"
    for line in (["eval", model, stray], ["loss", tune, stray], ["loss", stray, tune], ["reconstruct", model, stray, "-o", out],
                 ["interpolate", model, tune, stray, "-o", tmp_path], ["render", stray, "-o", out],
                 ["render", tune, "--against", stray, "-o", tmp_path / "out.svg"],
                 ["sample", model, "--against", stray, "-o", tmp_path]):
        done = spiral(*line)
        assert done.status == 0, (line, done.err)
        assert len(lines_about(done, "mended while reading")) == 1, (line, done.err)
        for path in tmp_path.glob("*.mid"):
            path.unlink()
        assert failed(spiral(*line, "--strict"), 1, "stray.mid", "had to mend it", "2 x note-off without a note"), line
        assert not list(tmp_path.glob("*.mid"))
        clean = [tune if arg is stray else arg for arg in line]
        done = spiral(*clean, "--strict")
        assert done.status == 0 and not lines_about(done, "mend"), (clean, done.err)


def test_all_that_is_written_is_read_without_a_warning(model, vae, tune, other, source, tmp_path):
    for score in sorted((source / "data" / "scores").glob("*.txt")):
        assert spiral("render", score, "-o", tmp_path / (score.stem + ".mid")).status == 0
    assert spiral("reconstruct", model, tune, "-o", tmp_path / "back.mid").status == 0
    assert spiral("sample", model, "-n", "3", "-o", tmp_path).status == 0
    assert spiral("sample", vae, "-n", "3", "--seed", "9", "--length", "3s", "-o", tmp_path / "vae").status == 0
    assert spiral("interpolate", model, tune, other, "-n", "3", "-o", tmp_path / "way").status == 0
    written = list(tmp_path.rglob("*.mid"))
    assert len(written) > 40
    done = spiral("inspect", tmp_path, "--strict", "--keep-duplicates", "--preset", "36x36", "--low", "0", "--high", "127", "--json")
    assert done.status == 0 and done.json["warnings"] == {}
    silent = [entry for entry in done.json["skipped"] if "no notes" not in entry["reason"]]
    assert silent == [] and done.json["files"] + len(done.json["skipped"]) == len(written)


@pytest.fixture
def known(tmp_path):
    """Ten notes in columns of 10 ms (division 50 at 120 a minute: a tick is 10 ms) whose fate on the seed's roll is known."""
    def note(on, off, key, channel=0):
        return [(on, 0x90 | channel, key, 80), (off, 0x80 | channel, key, 0)]
    events = [*note(0, 10, 60), *note(10, 20, 60),  # the second begins where the first ends: merged
              *note(0, 5, 64), *note(0, 5, 64, 1),  # twice in one column
              *note(30, 40, 72), *note(30, 40, 36), *note(30, 40, 100), *note(30, 40, 101),  # one too low, two too high
              *note(50, 51, 50), *note(60, 70, 35, 9)]  # one column long; a drum
    body, now = b"", 0
    for at, status, key, velocity in sorted(events, key=lambda e: (e[0], e[1] & 0x10, e[1])):
        body += bytes([at - now, status, key, velocity])
        now = at
    path = tmp_path / "known.mid"
    path.write_bytes(mthd(1, division=50) + mtrk(body))
    return path


def test_what_a_preset_keeps_and_loses(known):
    done = spiral("inspect", known, "--preset", "36x36", "--json").json
    assert {key: done[key] for key in ("notes", "notes_in_range", "notes_below", "notes_above", "notes_drums", "notes_short",
                                       "onsets_merged", "notes_doubled", "onsets_kept", "notes_folded", "windows")} == {
        "notes": 9, "notes_in_range": 6, "notes_below": 1, "notes_above": 2, "notes_drums": 1, "notes_short": 0,
        "onsets_merged": 1, "notes_doubled": 1, "onsets_kept": 4, "notes_folded": 0, "windows": 2}
    assert done["onsets_lost"] == pytest.approx(2 / 6)
    # a flawless copy tells 4 notes, all of them right, of 9: precision 1, recall 4/9
    assert done["note_f1_ceiling"] == pytest.approx(2 * (4 / 9) / (1 + 4 / 9))
    folded = spiral("inspect", known, "--preset", "36x36", "--out-of-range", "fold", "--json").json
    assert folded["notes_in_range"] == 9 and folded["notes_folded"] == 3 and folded["notes_below"] == 0
    fit = spiral("inspect", known, "--preset", "36x36", "--low", "40", "--high", "76", "--out-of-range", "fit", "--json").json
    assert fit["files_transposed"] == 1 and fit["notes_in_range"] == 7 and fit["notes_above"] == 2
    two = spiral("inspect", known, "--preset", "36x36", "--planes", "2", "--json").json
    assert two["onsets_merged"] == 0 and two["onsets_kept"] == 5
    slow = spiral("inspect", known, "--preset", "36x36", "--grid", "100ms", "--json").json
    assert slow["notes_short"] == 3 and slow["windows"] == 1


def test_presets_side_by_side(music):
    done = spiral("inspect", music, "--compare", "--json")
    assert done.status == 0
    compare = done.json["compare"]
    assert list(compare) == ["bar", "36x36", "phrase"]
    for preset, columns, planes in ("bar", 16, 2), ("36x36", 36, 1), ("phrase", 64, 2):
        alone = spiral("inspect", music, "--preset", preset, "--json").json
        assert compare[preset]["columns"] == columns and compare[preset]["planes"] == planes
        assert {key: alone[key] for key in compare[preset]} == compare[preset]
    table = spiral("inspect", music, "--compare").out.splitlines()
    assert table[2].split() == ["bar", "36x36", "phrase"]
    rows = [line for line in table if line.startswith("  ") and "%" in line]
    assert len(rows) > 5 and len({len(line) for line in rows}) == 1  # aligned
    own = spiral("inspect", music, "--compare", "--grid", "1/32", "--json").json
    assert list(own["compare"]) == ["as asked", "36x36", "bar", "phrase"]
    assert "compare" not in spiral("inspect", music, "--json").json


def test_a_preset_that_leaves_nothing_says_so(tmp_path):
    low = tmp_path / "low.mid"
    low.write_bytes(one_note(30))
    done = spiral("inspect", low, "--compare", "--json")
    assert done.status == 0 and "none of its 1 notes" in done.json["compare"]["36x36"]["reason"]
    assert "-" in spiral("inspect", low, "--compare").out


@pytest.fixture
def pedalled(tmp_path):
    """A note of a sixteenth, held by the pedal for a whole quarter."""
    path = tmp_path / "pedalled.mid"
    path.write_bytes(mthd(1) + mtrk(bytes([0, 0xB0, 64, 127, 0, 0x90, 60, 80, 120, 0x80, 60, 0]) + b"\x82\x68" + bytes([0xB0, 64, 0])))
    return path


def test_pedal(pedalled, tmp_path):
    plain, held = (spiral("inspect", pedalled, "--json", *flags).json for flags in ([], ["--pedal"]))
    assert plain["notes_held"] == 0 and held["notes_held"] == 1 and held["pedal"] is True
    assert plain["polyphony"] == 1 and held["polyphony"] == 1
    assert "held by the pedal" in spiral("inspect", pedalled, "--pedal").out
    assert "held by the pedal" not in spiral("inspect", pedalled).out
    sizes = []
    for flags in [], ["--pedal"]:
        out = tmp_path / "out.mid"
        assert spiral("render", pedalled, "-o", out, *flags).status == 0
        sizes.append(spiral("loss", out, out, "--json").status)
        beats = spiral("inspect", out, "--grid", "1/16", "--columns", "1", "--json").json["windows"]
        assert beats == (4 if flags else 1)  # four sixteenths of sound, or one
    assert sizes == [0, 0]


def test_file_names_of_all_kinds(tmp_path):
    for i, name in enumerate(["عربي.mid", "日本語.MID", "#@! 100%s.midi", "a b'c\"d.kar", "-.rmi"]):
        (tmp_path / name).write_bytes(one_note(60 + i))
    (tmp_path / os.fsdecode(b"gbk-\xc4\xe3\xba\xc3.mid")).write_bytes(one_note(70) + b"junk")
    done = spiral("inspect", tmp_path, "--strict", "--json")
    assert done.status == 0 and done.json["files"] == 5
    assert len(done.json["skipped"]) == 1 and "gbk" in done.json["skipped"][0]["file"]


def test_order_does_not_depend_on_threads(faulty, music):
    runs = [spiral("inspect", faulty, music, "--compare", "--threads", n, "--json") for n in (1, 2, 7)]
    assert len({run.raw for run in runs}) == 1 and len({run.err for run in runs}) == 1
