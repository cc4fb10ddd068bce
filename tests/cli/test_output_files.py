# SPDX-License-Identifier: MIT
"""Output files: if one cannot be written, no file is lost and no temporary file is left."""
import os
import stat

import pytest
from program import failed, latents, read_model, spiral, tree, write_model

# Files of each kind that are overwritten.
OLD = {"out.mid": b"MThd old", "out.wav": b"RIFF\0\0\0\0WAVE", "out.png": b"\x89PNG\r\n\x1a\n", "out.svg": b"<?xml old",
       "out.pdf": b"%PDF old", "out.npy": b"\x93NUMPY old", "out.pack": b"\x89SPCORP\nold"}
WRITERS = ["reconstruct", "render mid", "render wav", "render png", "render svg", "render pdf", "encode npy", "pack pack", "train"]


def writers(model, tune):
    """Command lines that write one file each; its name must be appended."""
    return {"reconstruct": ["reconstruct", model, tune, "-o"], "render mid": ["render", tune, "-o"],
            "render wav": ["render", tune, "-o"], "render png": ["render", tune, "-o"],
            "render svg": ["render", tune, "-o"], "render pdf": ["render", tune, "-o"],
            "encode npy": ["encode", model, tune, "-o"], "pack pack": ["pack", tune, "-o"],
            "train": ["train", tune, "--steps", "3", "--decoder", "0", "--hidden", "8", "-o"]}


def name_for(writer):
    return "out." + (writer.split()[1] if " " in writer else "mid")


def fill(folder):
    """Fills the disk, so that no block is free."""
    with open(folder / "ballast", "wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(4096)):
                pass
        except OSError:
            pass


@pytest.mark.parametrize("writer", WRITERS)
def test_output_that_cannot_be_written_is_named(writer, model, tune, tmp_path):
    line, name = writers(model, tune)[writer], name_for(writer)
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "folder.d" / name).mkdir(parents=True)
    before = tree(tmp_path)
    for path in (tmp_path / "missing" / name, tmp_path / "file" / name, tmp_path / "folder.d" / name,
                 f"/proc/self/{name}", tmp_path / ("x" * 300 + name)):
        done = spiral(*line, path)
        if "draws no pictures" in done.err:
            pytest.skip("built without cairo")
        assert failed(done, 1, name, "cannot write")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("writer", ["sample", "interpolate"])
def test_folder_that_cannot_be_created_is_named(writer, model, tune, tmp_path):
    line = ["sample", model, "-n", "2"] if writer == "sample" else ["interpolate", model, tune, tune]
    (tmp_path / "file").write_bytes(b"kept")
    for path in (tmp_path / "a" / "b", tmp_path / "file", tmp_path / "file" / "x", "/proc/nothing"):
        assert failed(spiral(*line, "-o", path), 1, path, "cannot create the folder")
    assert failed(spiral(*line, "-o", "-", cwd=tmp_path), 2, "standard output")
    assert tree(tmp_path) == {"file": b"kept"}


@pytest.mark.parametrize("ending", ["wav", "PNG", "svg", "pdf"])
def test_verbs_that_write_midi_refuse_endings_of_render(ending, model, tune, tmp_path):
    for line in (["sample"], ["continue", tune], ["fill", tune], ["harmonize", tune], ["vary", tune], ["decode", tune],
                 ["interpolate", tune, tune], ["reconstruct", tune]):
        done = spiral(line[0], model, *line[1:], "-o", f"x.{ending}", cwd=tmp_path)
        assert failed(done, 2, f"-o x.{ending}: {line[0]} writes MIDI files; spiral render makes sound and pictures of them")
    assert list(tmp_path.iterdir()) == []


def test_verb_that_fails_leaves_no_folder_that_it_made(model, tmp_path):
    """The model's latents were not measured, which shows when the folder has been made. A folder that was there before stays."""
    header, tensors = read_model(model)
    begin, end = header["latents.density"]["data_offsets"]
    tensors[begin:end] = bytes(end - begin)
    write_model(tmp_path / "model", header, tensors)
    (tmp_path / "old").mkdir()
    for folder in ("new", "old"):
        assert failed(spiral("sample", tmp_path / "model", "-o", folder, cwd=tmp_path), 1, "latents is unknown")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "old"]


@pytest.mark.parametrize("writer", WRITERS)
def test_full_disk_leaves_the_old_file(writer, model, tune, tmp_path, small_disk):
    name = name_for(writer)
    line = writers(model, tune)[writer]
    first = spiral(*line, small_disk / name)
    if "draws no pictures" in first.err:
        pytest.skip("built without cairo")
    (small_disk / name).unlink(missing_ok=True)
    if writer != "train":
        (small_disk / name).write_bytes(OLD[name])
    fill(small_disk)
    before = tree(small_disk)
    done = spiral(*line, small_disk / name, "--quiet")
    assert failed(done, 1, small_disk / name, "No space left on device")
    assert tree(small_disk) == before


@pytest.mark.parametrize("writer", WRITERS)
def test_output_has_the_permissions_of_the_umask(writer, model, tune, tmp_path):
    name = name_for(writer)
    done = spiral(*writers(model, tune)[writer], tmp_path / name)
    if "draws no pictures" in done.err:
        pytest.skip("built without cairo")
    assert done.status == 0, done.err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o666 & ~mask


def test_pipe_as_output_stays_a_pipe(model, tune, tmp_path):
    """Tested with a pipe, not a device: as root, an error would replace the devices of the machine."""
    pipe = tmp_path / "pipe.mid"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    done = spiral("reconstruct", model, tune, "-o", pipe)
    assert done.status == 0, done.err
    assert os.read(reader, 4) == b"MThd"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.lstat().st_mode) and [p.name for p in tmp_path.iterdir()] == ["pipe.mid"]


def test_output_follows_a_symbolic_link(tune, tmp_path):
    target, link = tmp_path / "target.mid", tmp_path / "link.mid"
    target.write_bytes(OLD["out.mid"])
    link.symlink_to(target)
    assert spiral("render", tune, "-o", link).status == 0
    assert link.is_symlink() and target.read_bytes().startswith(b"MThd")


@pytest.mark.parametrize("writer", WRITERS)
def test_file_of_another_kind_or_read_only_is_not_overwritten(writer, model, tune, tmp_path):
    line, name = writers(model, tune)[writer], name_for(writer)
    for content in (b"my thesis", OLD["out.png"] if name == "out.mid" else OLD["out.mid"]):
        (tmp_path / name).write_bytes(content)
        done = spiral(*line, tmp_path / name)
        assert failed(done, 1, name, "not overwritten")
        assert tree(tmp_path) == {name: content}
    (tmp_path / name).write_bytes(b"")
    (tmp_path / name).chmod(0o444)
    assert failed(spiral(*line, tmp_path / name), 1, name, "read-only")
    assert tree(tmp_path) == {name: b""}


@pytest.mark.parametrize("writer", WRITERS)
def test_replaced_file_keeps_its_permissions(writer, model, tune, tmp_path):
    path = tmp_path / name_for(writer)
    path.write_bytes(b"")
    path.chmod(0o604)
    assert spiral(*writers(model, tune)[writer], path).status == 0
    assert path.stat().st_size > 0 and stat.S_IMODE(path.stat().st_mode) == 0o604


def test_no_output_replaces_an_input(model, tune, other, music, tmp_path):
    """Under any name: its own, a link to it, another path."""
    for name, source in (("a.mid", tune), ("sample-1.mid", other), ("step-00.mid", other)):
        (tmp_path / name).write_bytes(source.read_bytes())
    (tmp_path / "link.mid").symlink_to("a.mid")
    os.link(tmp_path / "a.mid", tmp_path / "hard.mid")
    piece, before = tmp_path / "a.mid", tree(tmp_path)
    for name in ("a.mid", "link.mid", "hard.mid", "../" + tmp_path.name + "/a.mid"):
        for line in (["render", piece], ["reconstruct", model, piece]):
            assert failed(spiral(*line, "-o", tmp_path / name), 1, name, "files to read")
    with open(piece, "rb") as opened:
        assert failed(spiral("render", "-", "-o", piece, stdin=opened), 1, "files to read")
    copy = tmp_path / "m.mid"
    copy.write_bytes(model.read_bytes())
    before["m.mid"] = model.read_bytes()
    assert failed(spiral("reconstruct", copy, tune, "-o", copy), 1, "m.mid")
    assert tree(tmp_path) == before


# (arguments, name of the file OUT). Another word in capitals is the same file as an input, and says what is in it. piece is other music,
# model has a decoder, folder is that of OUT. A file may have the ending of another kind: readers look at the bytes.
SAME = [
    ("render MUSIC -o OUT", "a.mid"), ("render piece --against MUSIC -o OUT", "a.png"), ("render piece --soundfont FONT -o OUT", "a.wav"),
    ("encode model MUSIC -o OUT", "a.npy"), ("encode MODEL piece -o OUT", "a.npy"),
    ("reconstruct model MUSIC -o OUT", "a.mid"), ("reconstruct model MUSIC", "reconstruction.mid"),
    ("reconstruct MODEL piece -o OUT", "a.mid"),
    ("decode model LATENTS", "decode-1.mid"), ("decode model LATENTS -o OUT", "a.mid"),
    ("decode model latents --against MUSIC", "decode-1.mid"), ("decode MODEL latents", "decode-1.mid"),
    ("interpolate model MUSIC piece -n 2", "step-00.mid"), ("interpolate model piece MUSIC -n 2", "step-01.mid"),
    ("interpolate model piece piece -n 2 --against MUSIC", "step-00.mid"), ("interpolate MODEL piece piece -n 2", "step-00.mid"),
    ("sample model --against folder", "sample-1.mid"), ("sample model --against MUSIC -o OUT", "a.mid"),
    ("sample model -n 3 --decode threshold --against MUSIC", "sample-3.mid"), ("sample MODEL -o OUT", "a.mid"),
    *((f"{verb} {words}", name) for verb in ("continue", "fill", "harmonize", "vary") for words, name in (
        ("model MUSIC -o OUT", "a.mid"), ("model MUSIC", f"{verb}-1.mid"), ("model -n 3 MUSIC", f"{verb}-3.mid"),
        ("model piece --against MUSIC", f"{verb}-1.mid"), ("MODEL piece -o OUT", "a.mid"))),
    ("continue model --only-new MUSIC", "continue-1.mid"),
    ("pack MUSIC -o OUT", "a.pack"), ("explore MODEL -o OUT", "a.html"), ("explore model --against MUSIC -o OUT", "a.html"),
    ("train MUSIC --steps 1 -o OUT", "a.mid"), ("train piece --valid MUSIC --steps 1 -o OUT", "a.mid"),
    ("train MUSIC --steps 1 --log OUT -o new", "a.mid"), ("train piece --valid MUSIC --steps 1 --log OUT -o new", "a.mid"),
]


@pytest.mark.parametrize("words, name", SAME)
def test_no_verb_replaces_what_it_reads(words, name, decoder_model, tune, other, tmp_path):
    here = tmp_path / name
    words = words.split()
    contents = {"MUSIC": other.read_bytes(), "MODEL": decoder_model.read_bytes(), "FONT": b"RIFF\0\0\0\0sfbk",
                "LATENTS": latents(decoder_model, tune).read_bytes()}
    places = {"model": decoder_model, "piece": tune, "latents": latents(decoder_model, tune), "folder": tmp_path, "OUT": here}
    here.write_bytes(next((content for word, content in contents.items() if word in words), contents["MUSIC"]))
    before = here.read_bytes()
    done = spiral(*(places.get(word, here if word in contents else word) for word in words), cwd=tmp_path)
    assert done.status == 1 and name in done.err and "cannot write" in done.err, done.err
    assert here.read_bytes() == before
    assert os.listdir(tmp_path) == [name]


def test_dash_is_standard_input_and_output(model, tune, other, tmp_path):
    done = spiral("reconstruct", model, "-", "-o", tmp_path / "r.mid", stdin=tune.read_bytes())
    assert done.status == 0, done.err
    same = spiral("reconstruct", model, tune, "-o", "-")
    assert same.status == 0 and same.raw == (tmp_path / "r.mid").read_bytes()
    assert "frame F1" in same.err
    assert spiral("loss", tune, "-", "--json", stdin=tune.read_bytes()).json["frame"]["f1"] == 1
    assert spiral("render", "-", "-o", tmp_path / "x.mid", stdin=other.read_bytes()).status == 0
    assert spiral("info", "-", "--json", stdin=model.read_bytes()).json == spiral("info", model, "--json").json
    assert failed(spiral("render", "-", "-o", tmp_path / "y.mid", stdin=b"junk"), 1, "standard input", "not a MIDI file")
    assert failed(spiral("loss", "-", tune, stdin=b""), 1, "standard input", "empty")


def test_standard_input_is_read_once(model, tune, tmp_path):
    """A second "-" on a command line is an error of usage, not an empty file."""
    for line in (["loss", "-", "-"], ["compare", "-", "--with", "-"], ["interpolate", model, "-", "-", "-o", "i"],
                 ["render", "-", "--against", "-", "-o", "x.png"], ["train", "-", "--valid", "-", "-o", "m"]):
        assert failed(spiral(*line, cwd=tmp_path, stdin=tune.read_bytes()), 2, "-: standard input can be read only once")
    assert failed(spiral("eval", "-", "-", cwd=tmp_path, stdin=model.read_bytes()), 2, "only once")
    assert tree(tmp_path) == {}
