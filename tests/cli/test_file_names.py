# SPDX-License-Identifier: MIT
"""Names of files can have any bytes: they are printed in one line without control characters, and may be as long as the file
system allows."""
import os
import shutil

import pytest
from program import failed, spiral, tree

# Control characters, an escape sequence in bytes and in UTF-8, a byte that is not UTF-8; a letter with an accent, which is kept.
STRANGE = b"a\n\x07\x1b[31m\x7f\xc2\x9b0m\xff\xc3\xa9"
PRINTED = rb"a\x0a\x07\x1b[31m\x7f\xc2\x9b0m\xff" + "é".encode()
PIECES = ["sample", "continue", "fill", "harmonize", "vary", "decode", "interpolate"]


def has_no_control_characters(data):
    return not any(byte < 0x20 and byte != 0x0a or byte == 0x7f for byte in data) and b"\xc2\x9b" not in data and b"\xff" not in data


def named(folder, end=b""):
    return os.fsencode(folder) + b"/" + STRANGE + end


@pytest.fixture(scope="module")
def latents(decoder_model, tune, tmp_path_factory):
    path = tmp_path_factory.mktemp("latents") / "latents.npy"
    assert spiral("encode", decoder_model, tune, "-o", path).status == 0
    return path


def line_of(verb, decoder_model, tune, latents):
    return {"sample": ["sample", decoder_model, "--length", "1bars"], "continue": ["continue", decoder_model, tune, "--length", "1bars"],
            "fill": ["fill", decoder_model, tune, "--to", "1bar"], "harmonize": ["harmonize", decoder_model, tune],
            "vary": ["vary", decoder_model, tune], "decode": ["decode", decoder_model, latents],
            "interpolate": ["interpolate", decoder_model, tune, tune, "-n", "2"]}[verb]


@pytest.mark.parametrize("verb", PIECES)
def test_names_of_pieces_are_printed_escaped(verb, decoder_model, tune, latents, tmp_path):
    done = spiral(*line_of(verb, decoder_model, tune, latents), "-o", named(tmp_path))
    assert done.status == 0, done.err
    assert PRINTED in done.raw and has_no_control_characters(done.raw), done.raw


@pytest.mark.parametrize("end", [b".mid", b".wav", b".svg"])
def test_name_of_a_rendering_is_printed_escaped(end, tune, tmp_path):
    done = spiral("render", tune, "-o", named(tmp_path, end))
    assert "draws no pictures" in done.err or done.raw == os.fsencode(tmp_path) + b"/" + PRINTED + end + b"\n"


def test_other_names_on_standard_output_are_printed_escaped(decoder_model, tune, music, tmp_path):
    shutil.copy(tune, named(tmp_path, b".mid"))
    there = named(tmp_path, b".mid")
    for line in (["train", music, "--steps", "3", "--hidden", "8", "--latent", "2", "--decoder", "0", "-o", named(tmp_path)],
                 ["encode", decoder_model, tune, "-o", named(tmp_path, b".npy")], ["loss", tune, there], ["loss", there, tune],
                 ["compare", there, "--with", tune], ["compare", tune, "--with", there],
                 ["pack", music, "-o", named(tmp_path, b".pack")], ["explore", decoder_model, "-o", named(tmp_path, b".html")]):
        done = spiral(*line)
        assert done.status == 0 or "no page" in done.err, done.err
        assert done.status or PRINTED in done.raw and has_no_control_characters(done.raw), (line, done.raw)


def test_names_in_messages_are_escaped(tune, tmp_path):
    assert failed(spiral("inspect", named(tmp_path)), 1, tmp_path)
    for line in (["inspect", named(tmp_path)], ["render", tune, "-o", named(tmp_path)], [STRANGE], ["info", named(tmp_path)],
                 ["render", tune, "-o", named(tmp_path, b"/x.mid")], ["inspect", b"--" + STRANGE], ["sample", "-n", STRANGE]):
        message = spiral(*line).err.encode()
        assert message.count(b"\n") == 1 and has_no_control_characters(message), message


def test_texts_of_a_model_file_are_escaped(model, tmp_path):
    from program import read_model, write_model
    header, tensors = read_model(model)
    header["__metadata__"]["data"] = '{"\\u001b[2J\\u009b": "\\u009b0m\\u007f"}'
    write_model(tmp_path / "m.safetensors", header, tensors)
    done = spiral("info", tmp_path / "m.safetensors")
    assert done.status == 0 and rb"\x1b[2J\xc2\x9b" in done.raw and has_no_control_characters(done.raw), done.raw


@pytest.mark.parametrize("writer", ["npy", "html", "mid", "pack", "pieces"])
def test_names_may_be_as_long_as_the_file_system_allows(writer, decoder_model, tune, tmp_path):
    end = "." + writer if writer != "pieces" else ""
    path = tmp_path / ("x" * (255 - len(end)) + end)
    line = {"npy": ["encode", decoder_model, tune], "html": ["explore", decoder_model], "mid": ["continue", decoder_model, tune],
            "pack": ["pack", tune], "pieces": ["vary", decoder_model, tune]}[writer]
    done = spiral(*line, "-o", path)
    assert done.status == 0 or "no page" in done.err, done.err
    assert done.status or [name.split("/")[0] for name in tree(tmp_path)] == [path.name]
    longer = tmp_path / ("y" + path.name)
    assert failed(spiral(*line, "-o", longer), 1, "File name too long")
