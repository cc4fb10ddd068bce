# SPDX-License-Identifier: MIT
"""spiral compare."""
import re

import mido
import pytest
from program import SOURCE, failed, one_note, spiral

HEADER = (SOURCE / "include/spiral/statistics.h").read_text()


def listed(name):
    text = re.search(rf"#define {name}\(X\)(.*?[^\\])\n", HEADER, re.S)[1]
    return re.findall(r"X\((\w+)", text)


def save(path, notes):
    """Writes (key, begin, end) in sixteenths."""
    events = sorted([(begin, 1, key) for key, begin, _ in notes] + [(end, 0, key) for key, _, end in notes])
    track, now = mido.MidiTrack(), 0
    for at, on, key in events:
        track.append(mido.Message("note_on" if on else "note_off", note=key, velocity=80, time=(at - now) * 120))
        now = at
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks.append(track)
    midi.save(path)
    return path


def melody(seed, length=80):
    """Notes whose pattern repeats only after a long time."""
    notes, t, x = [], 0, seed
    while t < length:
        x = (x * 1103515245 + 12345) % 2**31
        duration = 1 + (x >> 16) % 4
        notes.append((60 + (x >> 20) % 13, t, t + duration))
        t += duration
    return notes


def test_result_has_the_statistics_of_the_header(music):
    result = spiral("compare", music, "--with", music, "--json").json
    assert result["files"] == {"a": 4, "b": 4}
    for side in ("a", "b"):
        assert list(result["statistics"][side]) == listed("SPIRAL_STATISTICS_LIST")
    assert result["statistics"]["a"] == result["statistics"]["b"]
    assert list(result["overlap"]) == listed("SPIRAL_OVERLAP_LIST")
    assert all(0 < o["area"] <= 1 for o in result["overlap"].values())
    assert all(n["share"] == 1 and n["nearest_file"] == n["file"] for n in result["nearest"])


def test_transposed_passage_is_found(tmp_path):
    theirs = melody(1)
    mine = melody(2, 32) + [(key - 5, t + 32 - 16, end + 32 - 16) for key, t, end in theirs if t >= 16]
    a, b, c = (save(tmp_path / name, notes) for name, notes in
               (("a.mid", mine), ("b.mid", melody(3)), ("c.mid", theirs)))
    nearest, = spiral("compare", a, "--with", b, c, "--json").json["nearest"]
    assert nearest["nearest_file"] == str(c)
    assert nearest["transposition"] == 5
    assert nearest["share"] > .9
    assert nearest["at_quarters"] - nearest["nearest_at_quarters"] == 4


def test_with_takes_one_or_more_paths_and_flags_anywhere(tune, other, music):
    wanted = spiral("compare", tune, "--with", tune, other, "--json").raw
    assert spiral("compare", "--json", tune, "--with", tune, other).raw == wanted
    assert spiral("compare", tune, "--with", tune, "--json", other, "--threads", "1").raw == wanted
    one = spiral("compare", tune, "--with", other, "--json").raw
    assert spiral("compare", tune, f"--with={other}", "--json").raw == one != wanted


def test_wrong_command_lines(tune):
    failed(spiral("compare", tune), 2, "--with")
    failed(spiral("compare", tune, "--with"), 2, "--with", "missing")
    failed(spiral("compare", "--with", tune), 2, "0 arguments")
    failed(spiral("compare", tune, "--with", "-"), 1, "standard input")
    failed(spiral("compare", tune, "--with", "no-such-folder"), 1, "no-such-folder")


@pytest.mark.parametrize("flags", [["--json"], []])
def test_short_pieces_have_no_passage(tmp_path, flags):
    (tmp_path / "short.mid").write_bytes(one_note())
    done = spiral("compare", tmp_path, "--with", tmp_path, *flags)
    assert done.status == 0, done.err
    if not flags:
        assert "No piece of A" in done.out
        return
    assert done.json["nearest"][0]["share"] is None
    assert done.json["statistics"]["a"]["clashes"] is None  # one key at a time: no pairs
    assert done.json["overlap"]["note_count"] == {"area": None, "kl_divergence": None}


def test_text_names_both_sets(music, tune):
    done = spiral("compare", tune, "--with", music)
    assert done.status == 0
    for name in listed("SPIRAL_STATISTICS_LIST") + listed("SPIRAL_OVERLAP_LIST"):
        assert re.search(rf"^  {name} ", done.out, re.M), name
    assert "A: 1 file, B: 4 files" in done.out
    assert "100.0 %" in done.out
