# SPDX-License-Identifier: MIT
"""spiral inspect: what is counted, kept, lost, repaired and left out."""
import pytest
from program import failed, lines_with, mthd, mtrk, one_note, spiral


@pytest.fixture
def known(tmp_path):
    """Ten notes on frames of 10 ms (division 50 at 120 quarters a minute: a tick is 10 ms), and their known counts."""
    def note(on, off, key, channel=0):
        return [(on, 0x90 | channel, key, 80), (off, 0x80 | channel, key, 0)]
    events = [*note(0, 10, 60), *note(10, 20, 60),  # the second begins where the first ends: merged
              *note(0, 5, 64), *note(0, 5, 64, 1),  # twice in one frame
              *note(30, 40, 72), *note(30, 40, 36), *note(30, 40, 100), *note(30, 40, 101),  # one too low, two too high
              *note(50, 51, 50), *note(60, 70, 35, 9)]  # one frame long; a drum
    body, now = b"", 0
    for at, status, key, velocity in sorted(events, key=lambda e: (e[0], e[1] & 0x10, e[1])):
        body += bytes([at - now, status, key, velocity])
        now = at
    path = tmp_path / "known.mid"
    path.write_bytes(mthd(1, division=50) + mtrk(body))
    return path


@pytest.fixture
def pedalled(tmp_path):
    """A note of a sixteenth, held by the pedal for a whole quarter."""
    path = tmp_path / "pedalled.mid"
    path.write_bytes(mthd(1) + mtrk(bytes([0, 0xB0, 64, 127, 0, 0x90, 60, 80, 120, 0x80, 60, 0]) + b"\x82\x68" + bytes([0xB0, 64, 0])))
    return path


def test_faults_are_counted_by_kind(faulty):
    done = spiral("inspect", faulty, "--json")
    assert done.status == 0 and done.json["files"] == 3
    warnings = done.json["warnings"]
    assert {key: (w["files"], w["events"]) for key, w in warnings.items()} == {
        "header": (1, 1), "unknown_chunk": (1, 1), "note_never_starts": (1, 2)}
    assert warnings["note_never_starts"]["what"] == "note-off without a note"
    table = spiral("inspect", faulty).out
    assert "Repaired while reading" in table and "note-off without a note" in table
    assert spiral("inspect", faulty / "correct.mid", "--json").json["warnings"] == {}
    assert "Repaired" not in spiral("inspect", faulty / "correct.mid").out


def test_strict_leaves_repaired_files_out(faulty):
    done = spiral("inspect", faulty, "--strict", "--json")
    assert done.status == 0 and done.json["files"] == 1 and done.json["notes"] == 3
    reasons = {entry["file"].split("/")[-1]: entry["reason"] for entry in done.json["skipped"]}
    assert set(reasons) == {"tail.mid", "note-off.mid", "text.mid"}
    assert "bytes between or after the chunks" in reasons["tail.mid"]
    assert "2 x note-off without a note" in reasons["note-off.mid"] and "wrong track count" in reasons["note-off.mid"]
    assert len(lines_with(done, "left out")) == 3
    assert done.json["warnings"] == spiral("inspect", faulty, "--json").json["warnings"]
    assert failed(spiral("inspect", faulty / "tail.mid", "--strict"), 1, "tail.mid", "the reader had to")


def test_duplicates_are_listed_and_left_out(duplicated, music):
    done = spiral("inspect", duplicated, "--json")
    assert done.status == 0
    assert [(d["file"].split("/")[-1], d["same_as"].split("/")[-1]) for d in done.json["duplicates"]] == [
        ("z-copy.mid", "twinkle.mid"), ("z-tail.mid", "greensleeves.mid")]
    assert len(done.json["skipped"]) == 2 and len(lines_with(done, "2 files with the same notes")) == 1
    whole = spiral("inspect", music, "--json").json
    for key in "files", "notes", "notes_in_range", "windows":
        assert done.json[key] == whole[key]
    kept = spiral("inspect", duplicated, "--keep-duplicates", "--json").json
    assert kept["files"] == whole["files"] + 2 and kept["duplicates"] == [] and kept["notes"] > whole["notes"]


def test_counts_of_notes_kept_and_lost(known):
    done = spiral("inspect", known, "--preset", "36x36", "--json").json
    assert {key: done[key] for key in ("notes", "notes_in_range", "notes_below", "notes_above", "notes_drums", "notes_short",
                                       "onsets_merged", "notes_doubled", "onsets_kept", "notes_folded", "windows")} == {
        "notes": 9, "notes_in_range": 6, "notes_below": 1, "notes_above": 2, "notes_drums": 1, "notes_short": 0,
        "onsets_merged": 1, "notes_doubled": 1, "onsets_kept": 4, "notes_folded": 0, "windows": 2}
    assert done["onsets_lost"] == pytest.approx(2 / 6)
    # an exact copy of the roll has 4 of the 9 notes and no others: precision 1, recall 4/9
    assert done["note_f1_ceiling"] == pytest.approx(2 * (4 / 9) / (1 + 4 / 9))
    folded = spiral("inspect", known, "--preset", "36x36", "--out-of-range", "fold", "--json").json
    assert folded["notes_in_range"] == 9 and folded["notes_folded"] == 3 and folded["notes_below"] == 0
    fit = spiral("inspect", known, "--preset", "36x36", "--low", "40", "--high", "76", "--out-of-range", "fit", "--json").json
    assert fit["files_transposed"] == 1 and fit["notes_in_range"] == 7 and fit["notes_above"] == 2
    two = spiral("inspect", known, "--preset", "36x36", "--planes", "2", "--json").json
    assert two["onsets_merged"] == 0 and two["onsets_kept"] == 5
    slow = spiral("inspect", known, "--preset", "36x36", "--grid", "100ms", "--json").json
    assert slow["notes_short"] == 3 and slow["windows"] == 1


def test_compare_shows_every_preset(music):
    done = spiral("inspect", music, "--compare", "--json")
    assert done.status == 0
    compare = done.json["compare"]
    assert list(compare) == ["bar", "36x36", "phrase"]
    for preset, frames, planes in ("bar", 16, 2), ("36x36", 36, 1), ("phrase", 64, 2):
        alone = spiral("inspect", music, "--preset", preset, "--json").json
        assert compare[preset]["frames"] == frames and compare[preset]["planes"] == planes
        assert {key: alone[key] for key in compare[preset]} == compare[preset]
    table = spiral("inspect", music, "--compare").out.splitlines()
    assert table[2].split() == ["bar", "36x36", "phrase"]
    rows = [line for line in table if line.startswith("  ") and "%" in line]
    assert len(rows) > 5 and len({len(line) for line in rows}) == 1  # aligned
    own = spiral("inspect", music, "--compare", "--grid", "1/32", "--json").json
    assert list(own["compare"]) == ["as given", "36x36", "bar", "phrase"]
    assert "compare" not in spiral("inspect", music, "--json").json


def test_compare_gives_a_reason_if_a_preset_keeps_nothing(tmp_path):
    low = tmp_path / "low.mid"
    low.write_bytes(one_note(30))
    done = spiral("inspect", low, "--compare", "--json")
    assert done.status == 0 and "none of its 1 notes" in done.json["compare"]["36x36"]["reason"]
    assert "-" in spiral("inspect", low, "--compare").out


def test_pedal_prolongs_notes(pedalled, tmp_path):
    plain, held = (spiral("inspect", pedalled, "--json", *flags).json for flags in ([], ["--pedal"]))
    assert plain["notes_held"] == 0 and held["notes_held"] == 1 and held["pedal"] is True
    assert plain["polyphony"] == 1 and held["polyphony"] == 1
    assert "prolonged by the pedal" in spiral("inspect", pedalled, "--pedal").out
    assert "prolonged by the pedal" not in spiral("inspect", pedalled).out
    sizes = []
    for flags in [], ["--pedal"]:
        out = tmp_path / "out.mid"
        assert spiral("render", pedalled, "-o", out, *flags).status == 0
        sizes.append(spiral("loss", out, out, "--json").status)
        beats = spiral("inspect", out, "--grid", "1/16", "--frames", "1", "--json").json["windows"]
        assert beats == (4 if flags else 1)  # four sixteenths of sound, or one
    assert sizes == [0, 0]


def test_result_does_not_depend_on_threads(faulty, music):
    runs = [spiral("inspect", faulty, music, "--compare", "--threads", n, "--json") for n in (1, 2, 7)]
    assert len({run.raw for run in runs}) == 1 and len({run.err for run in runs}) == 1
