# SPDX-License-Identifier: MIT
"""Bad input: one sentence that names the file and the reason, status 1, and nothing left behind."""
import json
import os
import random
import stat

import pytest
from program import failed, mthd, mtrk, one_note, spiral, tree

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
        "train": ["train", piece, "-o", folder / "m", "--steps", "3"],
        "eval": ["eval", model, piece],
        "reconstruct": ["reconstruct", model, piece, "-o", folder / "r.mid"],
        "interpolate": ["interpolate", model, tune, piece, "-o", folder / "i"],
        "loss": ["loss", piece, tune],
        "render": ["render", piece, "-o", folder / "r.wav"],
    }[verb]


@pytest.mark.parametrize("verb", NEEDS_A_PIECE)
@pytest.mark.parametrize("kind", BAD_MIDI)
def test_a_bad_piece_is_named(verb, kind, model, tune, tmp_path):
    content, reason = BAD_MIDI[kind]
    bad = tmp_path / "bad.mid"
    bad.write_bytes(content)
    before = tree(tmp_path)
    if verb == "loss" and reason == "no notes":
        reason = "holds no note"
    assert failed(spiral(*with_piece(verb, model, bad, tune, tmp_path)), 1, bad, reason)
    assert tree(tmp_path) == before
    assert not (tmp_path / "i").exists()


@pytest.mark.parametrize("verb", NEEDS_A_PIECE)
def test_a_path_that_is_not_there(verb, model, tune, tmp_path):
    missing = tmp_path / "no such.mid"
    assert failed(spiral(*with_piece(verb, model, missing, tune, tmp_path)), 1, missing, "No such file or directory")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["inspect", "train", "eval"])
def test_a_folder_without_midi(verb, model, tune, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("c d e")
    assert failed(spiral(*with_piece(verb, model, folder, tune, tmp_path)), 1, folder, "no .mid, .midi, .kar or .rmi file")


@pytest.mark.parametrize("verb", ["reconstruct", "interpolate", "loss", "render"])
def test_a_folder_where_a_piece_is_needed(verb, model, tune, tmp_path):
    assert failed(spiral(*with_piece(verb, model, tmp_path, tune, tmp_path)), 1, tmp_path, "is a folder, not a file")


@pytest.mark.parametrize("verb", NEEDS_A_PIECE)
def test_a_long_path_does_not_hide_the_reason(verb, model, tune, tmp_path):
    folder = tmp_path / ("d" * 200) / ("é" * 100)
    folder.mkdir(parents=True)
    (folder / "bad.mid").write_bytes(b"no music")
    assert failed(spiral(*with_piece(verb, model, folder / "bad.mid", tune, tmp_path)), 1, "bad.mid: not a MIDI file")
    assert failed(spiral(*with_piece(verb, model, folder / "nope.mid", tune, tmp_path)), 1, "nope.mid", "No such file")


def test_no_note_in_range(model, tmp_path):
    low, drums = tmp_path / "low.mid", tmp_path / "drums.mid"
    low.write_bytes(one_note(key=5))
    drums.write_bytes(one_note(channel=9))
    assert failed(spiral("reconstruct", model, low, "-o", tmp_path / "r.mid"), 1, low, "none of its 1 notes", "range")
    assert failed(spiral("reconstruct", model, drums, "-o", tmp_path / "r.mid"), 1, drums, "drums only")
    assert failed(spiral("eval", model, low), 1, low, "none of its 1 notes")
    assert failed(spiral("inspect", drums), 1, drums, "drums only")
    assert not (tmp_path / "r.mid").exists()


def test_one_bad_file_in_a_folder_is_told_and_left_out(music, tmp_path):
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
    done = spiral("train", tmp_path, "-o", model, "--steps", "3", "--hidden", "8", "--code", "2")
    assert done.status == 0 and done.err.count("left out") == 2
    assert spiral("info", model, "--json").json["data"]["files_skipped"] == 2


def test_a_truncated_piece_is_read_as_far_as_it_goes(tune, tmp_path):
    """At every length: either a sentence, or music and a remark; never a death."""
    whole, cut = tune.read_bytes(), tmp_path / "cut.mid"
    for size in sorted({*range(0, 40), *range(40, len(whole), len(whole) // 40)}):
        cut.write_bytes(whole[:size])
        done = spiral("render", cut, "-o", tmp_path / "out.mid")
        if done.status == 0:
            assert "mended while reading" in done.err and str(cut) in done.err
            assert spiral("inspect", tmp_path / "out.mid").status == 0
        else:
            assert done.status == 1 and str(cut) in done.err.splitlines()[-1]
            assert not (tmp_path / "out.mid").exists()
        (tmp_path / "out.mid").unlink(missing_ok=True)


def test_pieces_with_flipped_bits(tune, tmp_path):
    choose, whole, bad = random.Random(1), tune.read_bytes(), tmp_path / "bad.mid"
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(choose.randint(1, 20)):
            content[choose.randrange(len(content))] = choose.randrange(256)
        bad.write_bytes(content)
        done = spiral("inspect", bad, "--json")
        assert done.status == 0 and done.json["files"] == 1 or failed(done, 1, bad)


@pytest.mark.parametrize("words", ["c d e", "title: none\n\n| ? |", "\x00", ""])
def test_a_bad_score(words, tmp_path):
    score = tmp_path / "bad.txt"
    score.write_text(words)
    assert failed(spiral("render", score, "-o", tmp_path / "x.mid"), 1, score)
    assert not (tmp_path / "x.mid").exists()


# ---- models ----------------------------------------------------------------------------------------------

def model_verbs(model, tune, folder):
    return [["info", model], ["eval", model, tune], ["reconstruct", model, tune, "-o", folder / "r.mid"],
            ["sample", model, "-o", folder / "s"], ["interpolate", model, tune, tune, "-o", folder / "i"]]


def test_every_verb_refuses_what_is_no_model(tune, tmp_path):
    foreign = b'{"weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    cases = {"text": (b"hello", "safetensors"), "empty": (b"", "safetensors"),
             "foreign": (len(foreign).to_bytes(8, "little") + foreign + bytes(8), "not a Spiral model"),
             "midi": (tune.read_bytes(), "safetensors")}
    for name, (content, reason) in cases.items():
        bad = tmp_path / f"{name}.safetensors"
        bad.write_bytes(content)
        before = tree(tmp_path)
        for line in model_verbs(bad, tune, tmp_path):
            assert failed(spiral(*line), 1, bad, reason)
        assert tree(tmp_path) == before
    for line in model_verbs(tmp_path / "nope", tune, tmp_path):
        assert failed(spiral(*line), 1, "nope", "No such file or directory")
    for line in model_verbs(tmp_path, tune, tmp_path):
        assert failed(spiral(*line), 1, tmp_path, "is a folder")


def test_a_truncated_model_is_refused_at_every_length(model, tmp_path):
    whole, cut = model.read_bytes(), tmp_path / "cut.safetensors"
    header = 8 + int.from_bytes(whole[:8], "little")
    sizes = {0, 1, 7, 8, 9, header // 2, header - 1, header, header + 1, len(whole) - 1, len(whole) - 4}
    for size in sorted(sizes | set(range(0, len(whole), len(whole) // 25))):
        cut.write_bytes(whole[:size])
        assert failed(spiral("info", cut), 1, cut)
    cut.write_bytes(whole + b"\0")
    assert failed(spiral("info", cut), 1, cut)


def test_a_model_with_flipped_bytes_is_refused_or_works(model, tmp_path):
    """Never a death, never a file of no sense: a changed weight is still a model, a changed header is not."""
    choose, whole, bad = random.Random(2), model.read_bytes(), tmp_path / "bad.safetensors"
    header = 8 + int.from_bytes(whole[:8], "little")
    for i in range(120):
        content = bytearray(whole)
        for _ in range(choose.randint(1, 3)):
            content[choose.randrange(header if i % 2 else len(content))] ^= 1 << choose.randrange(8)
        bad.write_bytes(content)
        done = spiral("sample", bad, "-o", tmp_path / "s", "--length", "1bar")
        assert done.status == 0 or failed(done, 1, bad)


@pytest.mark.parametrize("key, value", [("frames", 0), ("frames", 10**9), ("low", -1), ("high", 200), ("latent", 0),
                                        ("latent", 5), ("hidden", 17), ("layers", 99), ("planes", 3), ("planes", 1),
                                        ("kind", "gan"), ("grid", "none"), ("steps_per_quarter", 0), ("format", "x")])
def test_a_model_whose_config_lies(key, value, model, tmp_path):
    whole = model.read_bytes()
    size = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8:8 + size])
    config = json.loads(header["__metadata__"]["spiral"])
    assert key in config
    config[key] = value
    header["__metadata__"]["spiral"] = json.dumps(config)
    text = json.dumps(header).encode()
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + size:])
    assert failed(spiral("info", bad), 1, bad)


def test_a_model_with_a_number_that_is_none(model, tmp_path):
    whole = bytearray(model.read_bytes())
    whole[-4:] = b"\x00\x00\xc0\x7f"
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(whole)
    assert failed(spiral("info", bad), 1, bad, "not finite")


# ---- outputs ---------------------------------------------------------------------------------------------

def writers(model, tune):
    """Command lines that write one file each, which is still to be named."""
    return {"reconstruct": ["reconstruct", model, tune, "-o"], "render mid": ["render", tune, "-o"],
            "render wav": ["render", tune, "-o"], "render png": ["render", tune, "-o"],
            "render svg": ["render", tune, "-o"], "render pdf": ["render", tune, "-o"],
            "train": ["train", tune, "--steps", "3", "--hidden", "8", "-o"]}


def name_for(writer):
    return "out." + (writer.split()[1] if " " in writer else "mid")


WRITERS = ["reconstruct", "render mid", "render wav", "render png", "render svg", "render pdf", "train"]


@pytest.mark.parametrize("writer", WRITERS)
def test_outputs_that_cannot_be_written(writer, model, tune, tmp_path):
    line, name = writers(model, tune)[writer], name_for(writer)
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "folder.d" / name).mkdir(parents=True)
    before = tree(tmp_path)
    for path in (tmp_path / "missing" / name, tmp_path / "file" / name, tmp_path / "folder.d" / name,
                 f"/proc/self/{name}", tmp_path / ("x" * 300 + name)):
        done = spiral(*line, path)
        if "no cairo" in done.err:
            pytest.skip("built without cairo")
        assert failed(done, 1, name, "cannot write")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("writer", ["sample", "interpolate"])
def test_folders_that_cannot_be_made(writer, model, tune, tmp_path):
    line = ["sample", model] if writer == "sample" else ["interpolate", model, tune, tune]
    (tmp_path / "file").write_bytes(b"kept")
    for path in (tmp_path / "a" / "b", tmp_path / "file", tmp_path / "file" / "x", "/proc/nothing"):
        assert failed(spiral(*line, "-o", path), 1, path, "cannot make the folder")
    assert failed(spiral(*line, "-o", "-", cwd=tmp_path), 2, "standard output")
    assert tree(tmp_path) == {"file": b"kept"}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(writer, model, tune, tmp_path, small_disk):
    name = name_for(writer)
    line = writers(model, tune)[writer]
    first = spiral(*line, small_disk / name)
    if "no cairo" in first.err:
        pytest.skip("built without cairo")
    (small_disk / name).unlink(missing_ok=True)
    if writer != "train":
        (small_disk / name).write_bytes(b"old")
    fill(small_disk)
    before = tree(small_disk)
    done = spiral(*line, small_disk / name, "--quiet")
    assert failed(done, 1, small_disk / name, "No space left on device")
    assert tree(small_disk) == before


def fill(folder):
    """Leaves no free block."""
    with open(folder / "ballast", "wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(4096)):
                pass
        except OSError:
            pass


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_is_replaced_whole_and_keeps_to_the_umask(writer, model, tune, tmp_path):
    name = name_for(writer)
    done = spiral(*writers(model, tune)[writer], tmp_path / name)
    if "no cairo" in done.err:
        pytest.skip("built without cairo")
    assert done.status == 0, done.err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o666 & ~mask


def test_a_device_is_written_to_and_stays_a_device(model, tune, tmp_path):
    """A pipe stands for it: as root, a mistake here would replace the machine's own devices."""
    pipe = tmp_path / "pipe.mid"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    done = spiral("reconstruct", model, tune, "-o", pipe)
    assert done.status == 0, done.err
    assert os.read(reader, 4) == b"MThd"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.lstat().st_mode) and [p.name for p in tmp_path.iterdir()] == ["pipe.mid"]


def test_a_link_is_followed(tune, tmp_path):
    target, link = tmp_path / "target.mid", tmp_path / "link.mid"
    target.write_bytes(b"old")
    link.symlink_to(target)
    assert spiral("render", tune, "-o", link).status == 0
    assert link.is_symlink() and target.read_bytes().startswith(b"MThd")


def test_an_input_may_be_the_output(tune, tmp_path):
    piece = tmp_path / "a.mid"
    piece.write_bytes(tune.read_bytes())
    assert spiral("render", piece, "-o", piece).status == 0
    assert spiral("loss", tune, piece, "--json").json["frame"]["f1"] == 1


def test_standard_input_and_output(model, tune, other, tmp_path):
    done = spiral("reconstruct", model, "-", "-o", tmp_path / "r.mid", stdin=tune.read_bytes())
    assert done.status == 0, done.err
    same = spiral("reconstruct", model, tune, "-o", "-")
    assert same.status == 0 and same.raw == (tmp_path / "r.mid").read_bytes()
    assert "frame F1" in same.err
    assert spiral("loss", tune, "-", "--json", stdin=tune.read_bytes()).json["frame"]["f1"] == 1
    assert spiral("render", "-", "-o", tmp_path / "x.mid", stdin=other.read_bytes()).status == 0
    assert spiral("info", "-", "--json", stdin=model.read_bytes()).json == spiral("info", model, "--json").json
    assert failed(spiral("render", "-", "-o", tmp_path / "y.mid", stdin=b"junk"), 1, "standard input", "not a MIDI file")
    assert failed(spiral("loss", "-", "-", stdin=tune.read_bytes()), 1, "standard input", "empty")
