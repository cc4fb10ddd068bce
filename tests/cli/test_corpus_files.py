# SPDX-License-Identifier: MIT
"""Folders of real files: a fault in one file neither ends the run nor uses its memory, and each kind is reported in one line."""
import gzip
import json
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile

import pytest
from program import PROGRAM, SMALL_MODEL, TINY, failed, lines_with, mthd, mtrk, notes_of, one_note, spiral


def vlq(n):
    out = [n & 127]
    while n := n >> 7:
        out.insert(0, n & 127 | 128)
    return bytes(out)


def notes(keys, ticks=240, gap=0):
    return b"".join(vlq(gap) + bytes([0x90, key, 80]) + vlq(ticks) + bytes([0x80, key, 0]) for key in keys)


def wild(hours=40):
    """Sixteen notes, `hours` hours without a note, sixteen notes."""
    keys = range(60, 76)
    silent = notes([60], gap=480 * 2 * 3600 * hours)
    return mthd(1) + mtrk(notes(keys) + silent + notes(keys))


@pytest.mark.parametrize("flags, frames", [
    ([], 8 * 16), (["--longest-silence", "2bars"], 2 * 16), (["--preset", "36x36"], 3000),
    (["--preset", "36x36", "--longest-silence", "500ms"], 50)])
def test_long_silence_is_cut_and_said(flags, frames, tmp_path):
    path = tmp_path / "wild.mid"
    path.write_bytes(wild())
    done = spiral("inspect", path, "--frames", "1", *flags, "--json")
    sound = 33 * (25 if "36x36" in flags else 2)
    assert done.status == 0 and (done.json["windows"], done.json["windows_empty"]) == (sound, frames)
    assert done.json["seconds"] < 60
    [cut] = done.json["cut"]
    assert cut["file"] == str(path) and cut["stretches"] == 1 and cut["frames"] > 100_000
    assert len(lines_with(done, str(path))) == 1 and "cut out of 1 long stretch" in done.err


def test_silence_is_kept_when_asked(tmp_path):
    path = tmp_path / "wild.mid"
    path.write_bytes(wild(1))
    done = spiral("inspect", path, "--frames", "1", "--longest-silence", "none", "--json")
    assert (done.json["windows"], done.json["windows_empty"]) == (33 * 2, 3600 * 8)
    assert done.json["cut"] == [] and done.err == ""


@pytest.mark.parametrize("flags, reason", [
    (["--longest-silence", "30s"], "bars like 8bars"), (["--longest-silence", "0bars"], "bars like 8bars"),
    (["--preset", "36x36", "--longest-silence", "8bars"], "a time like 30s"),
    (["--preset", "36x36", "--longest-silence", "1ms"], "must be 1 to")])
def test_silence_of_the_wrong_unit_is_refused(flags, reason, tune):
    done = spiral("inspect", tune, *flags)
    assert done.status == 2 and reason in done.err


def test_small_files_with_wrong_times_take_no_memory(music, tmp_path):
    """Three files of 45 bytes with times of 16 million quarters; the memory is limited to two gigabytes."""
    for i in range(3):
        body = notes([60 + i], ticks=1, gap=16_000_000)
        (tmp_path / f"far-{i}.mid").write_bytes(mthd(1, division=1) + mtrk(body))
    limit = 2 << 30
    done = subprocess.run([PROGRAM, "inspect", music, tmp_path, "--preset", "36x36", "--low", "0", "--high", "127"],
                          capture_output=True, text=True, timeout=60, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    assert done.returncode == 0, done.stderr
    assert "3 files" in done.stderr and "far-0.mid" in done.stderr


def test_a_file_with_a_wrong_time_changes_no_training(music, tmp_path):
    """The windows are the same except the few of the file itself."""
    path = tmp_path / "wild.mid"
    path.write_bytes(wild())
    alone, both = (spiral("train", *paths, "-o", tmp_path / name, *TINY, "--valid", music) for name, paths in
                   (("a.st", [music, "--keep-duplicates"]), ("b.st", [music, path, "--keep-duplicates"])))
    assert alone.status == 0 and both.status == 0, both.err
    assert len(lines_with(both, "wild.mid")) == 1
    frames = [spiral("info", tmp_path / name, "--json").json["data"]["frames"] for name in ("a.st", "b.st")]
    assert frames[1] - frames[0] == 33 * 2 + 8 * 16


def test_many_faulty_files_are_told_in_a_dozen_lines(music, tmp_path):
    for i in range(40):
        (tmp_path / f"bad-{i}.mid").write_bytes(b"no music at all" if i % 2 else b"")
        (tmp_path / f"copy-{i}.mid").write_bytes(one_note())
        (tmp_path / f"drums-{i}.mid").write_bytes(one_note(40 + i, channel=9))
    done = spiral("inspect", music, tmp_path, "--json")
    assert done.status == 0 and len(done.json["skipped"]) == 119 and len(done.json["duplicates"]) == 39
    lines = done.err.splitlines()
    assert len(lines) == 4 and sum("20 files: " in line for line in lines) == 2
    assert lines_with(done, "39 files with the same notes") and lines_with(done, "40 files: it has drums only")
    every = spiral("inspect", music, tmp_path, "--verbose")
    assert len(every.err.splitlines()) == 119


@pytest.fixture
def odd_folder():
    """A folder with everything that occurs in folders of real music, and a user who is not allowed to read all of it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="spiral-folder-"))
    folder.chmod(0o755)
    (folder / "a.mid").write_bytes(one_note(60))
    (folder / "b.SMF").write_bytes(one_note(61))
    (folder / "c.mid.gz").write_bytes(gzip.compress(one_note(62)))
    (folder / "no-ending").write_bytes(one_note(63))
    (folder / "README").write_text("no music")
    (folder / "nowhere.mid").symlink_to("missing")
    os.mkfifo(folder / "pipe.mid")
    (folder / "closed").mkdir()
    (folder / "closed" / "x.mid").write_bytes(one_note(64))
    (folder / "closed").chmod(0)
    (folder / "listed").mkdir()
    (folder / "listed" / "y.mid").write_bytes(one_note(65))
    (folder / "listed").chmod(0o444)  # its names can be read, its files cannot
    yield folder
    (folder / "closed").chmod(0o755)
    (folder / "listed").chmod(0o755)
    shutil.rmtree(folder)


def as_a_user(*args):
    """Runs the program as a user whose permissions are limited; root may read everything."""
    other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=60, check=False, cwd="/", **other)
    return done.returncode, done.stdout, done.stderr


def test_what_folders_hold_besides_is_skipped_and_counted(odd_folder):
    status, out, err = as_a_user("inspect", odd_folder, "--json")
    result = json.loads(out)
    assert status == 0 and result["files"] == 3 and result["skipped"] == []
    reasons = {os.path.basename(entry["file"]): entry["reason"] for entry in result["not_read"]}
    assert set(reasons) == {"closed", "nowhere.mid", "pipe.mid", "no-ending", "y.mid"}
    lines = err.splitlines()
    assert len(lines) == 5 and all("1 x " in line and "skipped: " in line for line in lines)
    for name, reason in reasons.items():
        assert sum(name in line and reason in line for line in lines) == 1
    verbose = as_a_user("inspect", odd_folder, "--verbose")
    assert verbose[0] == 0 and len(verbose[2].splitlines()) == 5
    status, _, err = as_a_user("inspect", odd_folder / "closed")
    assert status == 1 and "closed: cannot open the folder" in err


def test_files_without_an_ending_and_compressed_ones_are_read_when_named(odd_folder, tmp_path):
    for name in "no-ending", "c.mid.gz":
        done = spiral("inspect", odd_folder / name, "--json")
        assert done.status == 0 and done.json["notes"] == 1
        out = tmp_path / "out.mid"
        assert spiral("render", odd_folder / name, "-o", out).status == 0
        assert [note[2] for note in notes_of(out)] == [{"no-ending": 63, "c.mid.gz": 62}[name]]
    assert failed(spiral("inspect", odd_folder / "pipe.mid"), 1, "is a pipe, not a file")
    assert failed(spiral("inspect", odd_folder / "nowhere.mid"), 1, "No such file")


@pytest.mark.parametrize("content, reason", [
    (gzip.compress(one_note())[:-12], "end too early"), (b"\x1f\x8b\x08junkjunkjunkjunk", "damaged"),
    (gzip.compress(b"text"), "not a MIDI file"), (gzip.compress(bytes((1 << 28) + 1), 9), "when decompressed")])
def test_damaged_gzip_is_refused(content, reason, tmp_path):
    path = tmp_path / "x.mid.gz"
    path.write_bytes(content)
    assert failed(spiral("inspect", path), 1, path, reason)


def test_gzip_of_several_members_and_with_bytes_behind_it(tmp_path):
    path, whole = tmp_path / "x.mid.gz", one_note(60)
    for content in gzip.compress(whole[:20]) + gzip.compress(whole[20:]), gzip.compress(whole) + bytes(30), gzip.compress(whole) + b"tail":
        path.write_bytes(content)
        assert spiral("inspect", path, "--json").json["notes"] == 1


def test_standard_input_is_a_file(tmp_path):
    done = spiral("inspect", "-", "--json", stdin=one_note(60))
    assert done.status == 0 and done.json["notes"] == 1
    assert spiral("inspect", "-", "--json", stdin=gzip.compress(one_note(60))).json == done.json
    assert failed(spiral("inspect", "-", stdin=b"no music"), 1, "standard input: not a MIDI file")
    assert spiral("inspect", "-", "-", stdin=one_note(60)).status == 2


def with_drums(*channels):
    """A melody on channel 1 and a note on each of the channels."""
    events = notes(range(60, 68)) + b"".join(
        bytes([0, 0x90 | c - 1, 40 + c, 80]) + vlq(240) + bytes([0x80 | c - 1, 40 + c, 0]) for c in channels)
    return mthd(1) + mtrk(events)


@pytest.mark.parametrize("what, kept, drums", [
    (None, 9, 1), ("drop", 9, 1), ("keep", 10, 0), ("11", 9, 1), ("10,11", 8, 2), ("12", 10, 0), ("1,10,11", 0, 10)])
def test_drums_are_kept_dropped_or_named(what, kept, drums, tmp_path):
    path = tmp_path / "drums.mid"
    path.write_bytes(with_drums(10, 11))
    done = spiral("inspect", path, "--json", *(["--drums", what] if what else []))
    if kept:
        assert (done.json["notes"], done.json["notes_drums"]) == (kept, drums)
    else:
        assert failed(done, 1, "drums only")


@pytest.mark.parametrize("what", ["0", "17", "10,", ",10", "all", "10;11", "-1", "10 11", "1.5"])
def test_wrong_channels_of_drums_are_refused(what, tune):
    done = spiral("inspect", tune, "--drums", what)
    assert done.status == 2 and "--drums" in done.err and "1 to 16" in done.err


def test_a_model_keeps_the_channels_of_drums(music, tmp_path):
    model, path = tmp_path / "m.st", tmp_path / "drums.mid"
    path.write_bytes(with_drums(10, 11))
    assert spiral("train", music, "-o", model, *TINY, "--drums", "10,11").status == 0
    assert spiral("info", model, "--json").json["config"]["drum_channels"] == 0b11000000000
    assert spiral("reconstruct", model, path, "-o", tmp_path / "r.mid").status == 0
    (tmp_path / "only.mid").write_bytes(one_note(60, channel=10))
    assert failed(spiral("reconstruct", model, tmp_path / "only.mid", "-o", tmp_path / "r.mid"), 1, "drums only")


@pytest.mark.parametrize("flags, collapsed", [(["--beta", "50", "--free-bits", "0"], True), ([], False)])
def test_a_latent_that_says_nothing_is_told(flags, collapsed, music, tmp_path):
    model = tmp_path / "m.st"
    done = spiral("train", music, "-o", model, "--kind", "vae", "--steps", "200", *SMALL_MODEL, *flags)
    assert done.status == 0 and len(lines_with(done, "the latent has collapsed")) == collapsed
    info = spiral("info", model, "--json")
    assert info.json["latent_collapsed"] is collapsed and len(lines_with(info, "the latent has collapsed")) == collapsed


def test_pictures_of_drums_and_losses_of_midi_are_told(tmp_path, source):
    drums, out = tmp_path / "drums.mid", tmp_path / "out.mid"
    drums.write_bytes(one_note(channel=9))
    assert failed(spiral("render", drums, "-o", tmp_path / "x.svg"), 1, drums, "drums only, no pitches")
    assert spiral("render", drums, "-o", out).err == ""  # nothing is lost
    assert spiral("render", source / "data" / "scores" / "twinkle.txt", "-o", out).err == ""


def test_what_is_not_written_or_played_is_counted(tmp_path):
    path = tmp_path / "song.mid"
    events = bytes([0, 0xC0, 40, 0, 0xB0, 7, 80, 0, 0xB0, 64, 127, 0, 0xE0, 0, 64, 0, 0xD0, 9]) + b"\0\xff\5\2la\0\xff\3\4solo"
    path.write_bytes(mthd(2) + mtrk(b"\0\xff\3\5piano\0\xff\6\1A\0\xf0\5\x7e\x7f\x09\1\xf7") + mtrk(events + notes([60])))
    written = "1 x aftertouch; 1 x system exclusive message; 1 x name; 1 x lyric; 1 x marker or cue"
    played = "1 x program change; 1 x controller; 1 x pitch bend; 1 x aftertouch; 1 x system exclusive message"
    assert spiral("render", path, "-o", tmp_path / "out.mid").err == f"spiral render: {path}: not written: {written}\n"
    done = spiral("render", path, "-o", tmp_path / "out.wav", "--synth", "additive")
    assert done.err == f"spiral render: {path}: not played: {played}\n"
    done = spiral("render", path, "-o", tmp_path / "out.wav", "--synth", "fluidsynth")
    played = played.partition("pitch bend; ")[2]
    assert "no SoundFont" in done.err or "without FluidSynth" in done.err or done.err == f"spiral render: {path}: not played: {played}\n"
    assert spiral("render", path, "-o", tmp_path / "out.svg").err == ""


@pytest.mark.parametrize("command", [
    lambda model, folder, out: ["eval", model, folder],
    lambda model, folder, out: ["compare", folder, "--with", folder],
    lambda model, folder, out: ["sample", model, "--against", folder, "-o", out / "x.mid", "--length", "2bars"]])
def test_verbose_names_every_file_where_folders_are_read(command, model, music, tmp_path):
    folder = tmp_path / "folder"
    shutil.copytree(music, folder)
    for i in range(9):
        (folder / f"bad-{i}.mid").write_bytes(b"no music")
        (folder / f"pipe-{i}.mid").symlink_to("missing")
    found = {}
    for flags in [], ["--verbose"]:
        done = spiral(*command(model, folder, tmp_path), *flags)
        assert done.status == 0, done.err
        found[bool(flags)] = {kind: sum(kind in line for line in done.err.splitlines()) for kind in ("bad-", "pipe-")}
    times = 2 if command(0, 0, tmp_path)[0] == "compare" else 1  # the folder is both sets
    assert found == {False: {"bad-": times, "pipe-": times}, True: {"bad-": 9 * times, "pipe-": 9 * times}}
