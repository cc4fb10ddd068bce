# SPDX-License-Identifier: MIT
"""The verbs that write music with the note-by-note decoder: sample, continue, fill, harmonize, vary, interpolate,
reconstruct, decode. Given notes keep their ticks and velocities."""
import hashlib
import re
import shlex
import struct

import mido
import pytest
from program import failed, is_music, mthd, mtrk, read_model, spiral, text_of, tree, write_model


def given_notes(path):
    """Every note as (on, off, channel, key, velocity) in ticks."""
    notes, sounding, now = [], {}, 0
    for message in mido.merge_tracks(mido.MidiFile(path).tracks):
        now += message.time
        if message.type == "note_on" and message.velocity > 0:
            sounding.setdefault((message.channel, message.note), []).append((now, message.velocity))
        elif message.type in ("note_on", "note_off"):
            on, velocity = sounding[message.channel, message.note].pop(0)
            notes.append((on, now, message.channel, message.note, velocity))
    return sorted(notes)


def event(delta, *message):
    """An event after `delta` ticks, below 16,384."""
    return bytes([delta >> 7 | 0x80, delta & 127]) + bytes(message)


@pytest.fixture
def uneven(tmp_path):
    """A file that a roll cannot represent: notes off the grid, velocities, two channels, drums, a key out of range, tempos."""
    events = [(0, bytes([0xFF, 0x51, 3, 0x09, 0x27, 0xC0])), (0, bytes([0xFF, 0x58, 4, 4, 2, 24, 8]))]
    for i in range(24):
        on, key = i * 250 + 7 * (i % 3), 60 + (i * 5) % 13
        events += [(on, bytes([0x90 | i % 2, key, 40 + i])), (on + 190 + i, bytes([0x80 | i % 2, key, 0]))]
    events += [(100, bytes([0x99, 36, 100])), (160, bytes([0x89, 36, 0])), (3100, bytes([0x90, 3, 90])),
               (3400, bytes([0x80, 3, 0])), (1880, bytes([0x90, 66, 70])), (1915, bytes([0x80, 66, 0])),
               (3845, bytes([0x90, 64, 70])), (3880, bytes([0x80, 64, 0])), (2000, bytes([0xFF, 0x51, 3, 0x07, 0xA1, 0x20]))]
    events.sort(key=lambda e: e[0])
    now, body = 0, b""
    for at, message in events:
        body += event(at - now, *message)
        now = at
    path = tmp_path / "uneven.mid"
    path.write_bytes(mthd(1) + mtrk(body))
    return path


def entry(done):
    assert done.status == 0, done.err
    (one,) = done.json["files"]
    return one


KEYS = {"path", "notes", "seconds", "seed", "nats_per_frame", "tries", "faults", "nearest_training_passage"}


def test_sample_writes_music(any_decoder_model, tmp_path):
    done = spiral("sample", any_decoder_model, "-n", "3", "--seed", "5", "--length", "4bars", "-o", tmp_path, "--json")
    assert done.status == 0, done.err
    config = spiral("info", any_decoder_model, "--json").json["config"]
    assert [f["seed"] for f in done.json["files"]] == [5, 6, 7]
    for file in done.json["files"]:
        assert set(file) == KEYS
        assert len(is_music(file["path"], config["low"], config["high"])) == file["notes"]
        assert file["nats_per_frame"] > 0 and file["tries"] >= 1
    assert len(set(tree(tmp_path).values())) == 3


def test_same_seed_gives_the_same_bytes_for_any_number_of_threads(decoder_model, tune, tmp_path):
    for name, threads in (("a", "1"), ("b", "3")):
        for verb in (["sample", decoder_model], ["continue", decoder_model, tune], ["harmonize", decoder_model, tune],
                     ["fill", decoder_model, tune, "--from", "2bars"], ["vary", decoder_model, tune]):
            done = spiral(*verb, "-n", "3", "-o", tmp_path / name, "--threads", threads)
            assert done.status == 0, done.err
    assert len(tree(tmp_path / "a")) == 15
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.parametrize("verb, flags", [
    ("sample", ["--key", "Eb minor", "--density", "1", "--tempo", "90", "--length", "3bars"]),
    ("sample", ["--temperature", "0.7", "--length", "9s"]),
    ("continue", ["--key", "F#", "--density", "-1", "--tries", "2", "--length", "3bars", "--only-new"]),
    ("fill", ["--from", "1bars", "--to", "2bars", "--low", "50", "--high", "70", "--tries", "1"]),
    ("harmonize", ["--voices", "around", "--temperature", "1.2", "--tries", "3"])])
def test_text_event_makes_the_file_again(decoder_model, tune, tmp_path, verb, flags):
    inputs = [decoder_model] if verb == "sample" else [decoder_model, tune]
    path = entry(spiral(verb, *inputs, "--seed", "9", *flags, "-o", tmp_path / "a", "--json"))["path"]
    (text,) = [text for text in text_of(path) if text.startswith(f"spiral {verb} ")]
    command, digest = re.fullmatch(r"spiral (.*); model sha256 ([0-9a-f]{64})", text).groups()
    assert digest == hashlib.sha256(decoder_model.read_bytes()).hexdigest()
    again = entry(spiral(*shlex.split(command), *inputs, "-o", tmp_path / "b", "--json"))["path"]
    assert open(again, "rb").read() == open(path, "rb").read()
    assert {flag for flag in flags if flag.startswith("--")} <= set(shlex.split(command))


def test_one_file_can_be_named(decoder_model, tmp_path):
    assert entry(spiral("sample", decoder_model, "-o", tmp_path / "x.mid", "--json"))["path"] == str(tmp_path / "x.mid")
    assert list(tree(tmp_path)) == ["x.mid"]
    assert spiral("sample", decoder_model, "-o", "-", "--quiet").raw[:4] == b"MThd"


def test_continue_keeps_every_note_and_adds_later_ones(any_decoder_model, uneven, tmp_path):
    out = entry(spiral("continue", any_decoder_model, uneven, "--length", "4bars", "-o", tmp_path / "c.mid", "--json"))
    old, new = given_notes(uneven), given_notes(out["path"])
    assert [n for n in new if n in old] == old
    added = [n for n in new if n not in old]
    assert added and out["notes"] == len(new)
    end = max(off for _, off, channel, key, _ in old if channel != 9 and key > 20)
    assert min(n[0] for n in added) >= end - 60  # the end of the piece is rounded to a frame
    before, after = mido.MidiFile(uneven), mido.MidiFile(out["path"])
    assert after.ticks_per_beat == before.ticks_per_beat
    meta = [[m.dict() for t in f.tracks for m in t if m.type in ("set_tempo", "time_signature")] for f in (before, after)]
    assert meta[0] == meta[1]


def test_continue_only_new_begins_at_once(decoder_model, tune, tmp_path):
    whole = entry(spiral("continue", decoder_model, tune, "--length", "4bars", "-o", tmp_path / "a.mid", "--json"))
    new = entry(spiral("continue", decoder_model, tune, "--length", "4bars", "--only-new", "-o", tmp_path / "b.mid",
                       "--json"))
    assert whole["notes"] == new["notes"] + len(given_notes(tune))
    assert new["nats_per_frame"] == whole["nats_per_frame"]
    assert mido.MidiFile(new["path"]).length < 12


@pytest.mark.parametrize("line, bars, seconds", [
    ("fill", ["--from", "1bar", "--to", "3bars"], ["--from", "1.5s", "--to", "5s"]),
    ("fill", ["--from", "0.5bars", "--to", "2bars"], ["--from", "750ms", "--to", "3s"]),
    ("continue", ["--length", "2bars"], ["--length", "4s"]),
])
def test_bars_are_those_of_the_piece(line, bars, seconds, any_decoder_model, tmp_path):
    """Two bars of 3/4, then 4/4, at 120 quarters a minute."""
    body = event(0, 0xFF, 0x58, 4, 3, 2, 24, 8)
    for i in range(14):
        body += event(0, 0xFF, 0x58, 4, 4, 2, 24, 8) if i == 6 else b""
        body += event(0, 0x90, 60 + i % 5, 64) + event(480, 0x80, 60 + i % 5, 0)
    piece = tmp_path / "waltz.mid"
    piece.write_bytes(mthd(1) + mtrk(body))
    for name, flags in ("bars.mid", bars), ("seconds.mid", seconds):
        done = spiral(line, any_decoder_model, piece, *flags, "-o", tmp_path / name)
        assert done.status == 0, done.err
    assert given_notes(tmp_path / "bars.mid") == given_notes(tmp_path / "seconds.mid")


def test_fill_changes_the_part_and_nothing_else(any_decoder_model, uneven, tmp_path):
    """Notes that are not completely inside are kept, even those outside that the grid rounds into the part. A quarter is 480
    ticks, two bars are 3840."""
    done = spiral("fill", any_decoder_model, uneven, "--from", "1bar", "--to", "2bars", "--low", "62", "--high", "70",
                  "-n", "4", "-o", tmp_path / "out", "--json")
    assert done.status == 0, done.err
    old = given_notes(uneven)
    # Half a frame of either grid, in ticks at either tempo.
    inside = [n for n in old if n[0] >= 1920 + 60 and n[1] < 3840 - 60 and 62 <= n[3] <= 70 and n[2] != 9]
    outside = [n for n in old if n[1] <= 1920 or n[0] >= 3840 or not 62 <= n[3] <= 70 or n[2] == 9]
    stay = [n for n in old if n in outside or n[0] < 1920 - 60 or n[1] >= 3840 + 60]
    assert inside and {66, 64} <= {n[3] for n in outside if n[1] - n[0] == 35}
    results = []
    for file in done.json["files"]:
        new = given_notes(file["path"])
        assert [n for n in new if n in stay] == stay
        added = [n for n in new if n not in old]
        assert all(1920 - 60 <= on and off <= 3840 + 60 and 62 <= key <= 70 for on, off, _, key, _ in added)
        results.append(tuple(added))
    assert len(set(results)) > 1


@pytest.mark.parametrize("voices", ["below", "around"])
def test_harmonize_keeps_the_melody(decoder_model, tune, tmp_path, voices):
    out = entry(spiral("harmonize", decoder_model, tune, "--voices", voices, "--temperature", "1.5", "-o", tmp_path,
                       "--json"))
    old, new = given_notes(tune), given_notes(out["path"])
    assert [n for n in new if n in old] == old
    added = [n for n in new if n not in old]
    assert added
    if voices == "below":
        for on, off, _, key, _ in added:
            assert all(key < low[3] for low in old if low[0] < off and on < low[1])


def channel_events(path):
    """Programs, controllers and pitch bends: (track, ticks, message)."""
    found = []
    for number, track in enumerate(mido.MidiFile(path).tracks):
        now = 0
        for message in track:
            now += message.time
            if message.type in ("program_change", "control_change", "pitchwheel"):
                found.append((number, now, message.copy(time=0)))
    return found


@pytest.mark.parametrize("verb", ["continue", "fill", "harmonize"])
def test_instruments_are_kept(decoder_model, tmp_path, verb):
    """Of three tracks; the second one changes its program, and bends, within the piece."""
    tracks = []
    for channel, program in ((0, 40), (1, 68), (9, 0)):
        b, c, e = (bytes([kind | channel]) for kind in (0xB0, 0xC0, 0xE0))
        events = b"\0" + b + bytes([64, 127, 0, 0, 0, 0, 7, 90, 0, 10, 20]) + b"\0" + c + bytes([program])
        for key in (60, 62, 64, 65) * 4:
            events += bytes([0, 0x90 | channel, key, 80, 120, 0x80 | channel, key, 0]) + b"\0" + e + bytes([0, key])
            events += b"\0" + c + bytes([key])
        tracks.append(mtrk(events))
    path, out = tmp_path / "song.mid", tmp_path / "out.mid"
    path.write_bytes(mthd(3) + b"".join(tracks))
    done = spiral(verb, decoder_model, path, "-o", out)
    assert done.status == 0 and "not written" not in done.err
    kept = channel_events(path)
    assert len(kept) == 3 * (4 + 1 + 2 * 16) and channel_events(out) == kept


@pytest.mark.parametrize("verb", ["continue", "fill", "harmonize"])
def test_notes_outside_the_keys_are_said_to_stay(decoder_model, uneven, tmp_path, verb):
    done = spiral(verb, decoder_model, uneven, "-o", tmp_path / "out.mid")
    assert done.status == 0 and "1 of its " in done.err and "they stay" in done.err
    assert (3100, 3400, 0, 3, 90) in given_notes(tmp_path / "out.mid")
    assert "left out" in spiral("reconstruct", decoder_model, uneven, "-o", tmp_path / "back.mid").err


@pytest.mark.parametrize("end, words", [("60bars", "from 60 s to "), ("2min", "from 60 s to 2 min"), ("24bars", None)])
def test_fill_says_that_it_lengthens_the_piece(decoder_model, tune, tmp_path, end, words):
    done = spiral("fill", decoder_model, tune, "--from", "2bars", "--to", end, "-o", tmp_path / "out.mid")
    assert done.status == 0, done.err
    assert ("lengthened" in done.err) == (words is not None) and (words or "") in done.err


@pytest.mark.parametrize("verb", ["continue", "fill", "harmonize"])
def test_what_is_missing_from_the_result_is_told(decoder_model, tmp_path, verb):
    path = tmp_path / "song.mid"
    notes = b"".join(bytes([0, 0x90, key, 80, 120, 0x80, key, 0]) for key in (60, 62, 64, 65) * 4)
    path.write_bytes(mthd(1) + mtrk(bytes([0, 0xD0, 9]) + b"\0\xff\1\1t\0\xff\5\2la" + notes))
    done = spiral(verb, decoder_model, path, "-n", "2", "-o", tmp_path / "out")
    assert done.err == f"spiral {verb}: {path}: not written: 1 x aftertouch; 1 x text; 1 x lyric\n"


def test_a_piece_that_is_filled_to_its_whole_is_new(decoder_model, tune, tmp_path):
    out = entry(spiral("fill", decoder_model, tune, "-o", tmp_path, "--json"))
    assert not set(given_notes(out["path"])) & set(given_notes(tune))


def test_codes_come_and_go_as_numpy_files(any_model, tune, tmp_path):
    """Also of models without the note-by-note decoder."""
    config = spiral("info", any_model, "--json").json["config"]
    done = spiral("encode", any_model, tune, "-o", tmp_path / "l.npy", "--json").json
    data = (tmp_path / "l.npy").read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00" and (10 + struct.unpack("<H", data[8:10])[0]) % 64 == 0
    rows, columns = done["shape"]
    assert columns == config["latent"] and rows == -(-done["frames"] // config["frames"])
    assert len(data) == 10 + struct.unpack("<H", data[8:10])[0] + 4 * rows * columns
    out = spiral("decode", any_model, tmp_path / "l.npy", "-o", tmp_path / "d.mid", "--json")
    assert out.status == 0, out.err


def test_decoder_of_codes_is_that_of_reconstruct(decoder_model, tune, tmp_path):
    spiral("encode", decoder_model, tune, "-o", tmp_path / "l.npy")
    a = spiral("decode", decoder_model, tmp_path / "l.npy", "--temperature", "0", "-o", tmp_path / "d.mid", "--json")
    b = spiral("reconstruct", decoder_model, tune, "-o", tmp_path / "r.mid", "--json")
    assert entry(a)["nats_per_frame"] > 0 and b.json["nats_per_frame"] > 0

    def head(path):  # decode fills up the last window
        return [n for n in given_notes(path) if n[0] < 4 * 1920]
    assert [n[3] for n in head(tmp_path / "d.mid")] == [n[3] for n in head(tmp_path / "r.mid")]


@pytest.mark.parametrize("decode", ["decoder", "threshold"])
def test_vary_goes_further_with_a_larger_amount(tune, tmp_path, decode):
    """With the shipped model, because the latents of an untrained model mean nothing."""
    def distance(amount):
        done = spiral("vary", tune, "--amount", amount, "--temperature", "0", "--decode", decode,
                      "-n", "4", "-o", tmp_path / amount, "--json")
        assert done.status == 0, done.err
        return sum(f["distance"] for f in done.json["files"])
    assert distance("0") < 0.8 * distance("1")
    files = [tree(tmp_path / "0"), tree(tmp_path / "1")]
    assert len(files[0]) == len(files[1]) == 4


def test_against_names_the_nearest_passage(decoder_model, music, tune, tmp_path):
    out = entry(spiral("sample", decoder_model, "--length", "6bars", "-o", tmp_path / "a.mid", "--against", music, "--json"))
    passage = out["nearest_training_passage"]
    assert set(passage) == {"file", "share", "transposition", "frame", "file_frame"} and 0 <= passage["share"] <= 1
    itself = entry(spiral("sample", decoder_model, "--length", "6bars", "-o", tmp_path / "b.mid", "--against",
                          tmp_path / "a.mid", "--json"))
    assert itself["nearest_training_passage"]["share"] == 1


# ---- refusals ----

@pytest.mark.parametrize("verb", ["continue", "fill", "harmonize"])
def test_models_without_decoder_are_refused(model, tune, tmp_path, verb):
    assert failed(spiral(verb, model, tune, "-o", tmp_path), 1, model, "note-by-note decoder")


@pytest.mark.parametrize("flags", [["--key", "C"], ["--density", "1"]])
def test_key_and_density_need_the_decoder(model, tmp_path, flags):
    assert failed(spiral("sample", model, "-o", tmp_path, *flags), 1, "note-by-note decoder")


@pytest.mark.parametrize("key", ["H", "C lydian", "Cx", "minor", "-"])
def test_keys_that_are_none_are_refused(decoder_model, tmp_path, key):
    assert failed(spiral("sample", decoder_model, "-o", tmp_path, "--key", key), 2, "--key", "Ebm")


@pytest.mark.parametrize("flags, words", [
    (["--from", "3bars", "--to", "2bars"], ["--from 3bars", "one frame"]),
    (["--from", "soon"], ["--from", "soon"]),
    (["--to", "-1s"], ["--to"]),
    (["--from", "99999999bars"], ["--from", "frames"]),
    (["--low", "80", "--high", "70"], ["--low 80", "--high 70"]),
    (["--low", "1", "--high", "2"], ["keys of the model"]),
    (["--low", "128"], ["--low", "127"]),
    (["-n", "2", "-o", "x.mid"], ["x.mid", "folder"]),
])
def test_parts_that_cannot_be_are_refused(decoder_model, tune, tmp_path, flags, words):
    assert failed(spiral("fill", decoder_model, tune, *flags, cwd=tmp_path), 2, *words)


@pytest.mark.parametrize("flags", [["--length", "0bars"], ["--length", "-2s"], ["--length", "8"], ["--length", "1e9bars"],
                                   ["--temperature", "11"], ["--tries", "0"], ["--density", "5"], ["-n", "0"]])
def test_bad_flags_of_continue_are_refused(decoder_model, tune, tmp_path, flags):
    assert failed(spiral("continue", decoder_model, tune, "-o", tmp_path, *flags), 2, flags[0])


def npy(header, data=b""):
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@pytest.mark.parametrize("data, word", [
    (b"", "NumPy"), (b"\x93NUMPY\x03\x00", "version"), (b"\x93NUMPY\x01\x00\xff", "header"),
    (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4), }\n"), "float32"),
    (npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 4), }\n"), "Fortran"),
    (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n"), "matrix"),
    (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4, 2), }\n"), "matrix"),
    (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }\n"), "matrix"),
    (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }\n"), "99999999"),
    (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }\n", b"\0" * 15), "ends after 3"),
    (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }\n", b"\0" * 17), "after its 4"),
    (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }\n", b"\0\0\xc0\x7f" * 4), "finite"),
    (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }\n", b"\0" * 12), "3 columns"),
    (npy("{'shape': (1, 4)}"), "header"),
])
def test_damaged_latents_are_refused(model, tmp_path, data, word):
    (tmp_path / "l.npy").write_bytes(data)
    assert failed(spiral("decode", model, tmp_path / "l.npy", "-o", tmp_path / "out.mid"), 1, "l.npy", word)
    assert list(tree(tmp_path)) == ["l.npy"]


def test_models_of_before_calibration_still_sample(decoder_model, tmp_path):
    """A file without the tensor notes.sampling."""
    header, body = read_model(decoder_model)
    begin, end = header.pop("notes.sampling")["data_offsets"]
    for name, tensor in header.items():
        if name != "__metadata__" and tensor["data_offsets"][0] >= end:
            tensor["data_offsets"] = [x - (end - begin) for x in tensor["data_offsets"]]
    old = tmp_path / "old.safetensors"
    write_model(old, header, body[:begin] + body[end:])
    done = spiral("sample", old, "-o", tmp_path / "x.mid", "--json")
    assert done.status == 0, done.err
