# SPDX-License-Identifier: MIT
"""Shared by the tests of the program: running it, checking failures, making and reading MIDI.

SPIRAL_PROGRAM is the program (default build/cli/spiral), SPIRAL_SOURCE the repository, SPIRAL_DATA a folder of real
MIDI (optional). Everything is written below pytest's temporary folder.
"""
import functools
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess

import mido

SOURCE = pathlib.Path(os.environ.get("SPIRAL_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
PROGRAM = os.environ.get("SPIRAL_PROGRAM", str(SOURCE / "build" / "cli" / "spiral"))
SMALL_MODEL = ["--hidden", "16", "--latent", "4", "--batch", "32", "--decoder", "0"]
TINY = ["--steps", "20", *SMALL_MODEL]
# A background job of a shell ignores some signals, and programs that it starts inherit this.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
SCORES = ["twinkle", "greensleeves", "silent-night", "petzold-minuet-g"]


class Result:
    def __init__(self, status, out, err):
        self.status, self.raw, self.err = status, out, err

    @property
    def out(self):
        return self.raw.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.raw)


def spiral(*args, cwd=None, stdin=None, env=None, timeout=120, program=PROGRAM):
    """Runs the program. stdin: bytes, a file, or nothing. timeout: seconds after which it counts as hanging."""
    source = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin or subprocess.DEVNULL}
    done = subprocess.run([program, *map(as_argument, args)], cwd=cwd, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, env={**os.environ, **(env or {})}, **source)
    return Result(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def as_argument(arg):
    return os.fspath(arg) if isinstance(arg, (str, bytes, os.PathLike)) else str(arg)


@functools.lru_cache
def verbs():
    """{verb: (arguments, summary)} as the overview lists them."""
    return {name: (arguments, summary) for name, arguments, summary
            in re.findall(r"^  (\w+) +([A-Z\[][A-Z. \[\]]*?)  +(\S.*)$", spiral("help").out, re.M)}


@functools.lru_cache
def flags(verb):
    """{flag: placeholder or ""} as --help lists them."""
    return dict(re.findall(r"^  (--?[\w-]+) ([A-Za-z.]*) ", spiral(verb, "--help").out, re.M))


def failed(result, status, *words):
    """Asserts that the run failed with this status, one line on standard error that has the words, and no standard output."""
    lines = result.err.splitlines()
    assert result.status == status, (result.status, result.err)
    assert len(lines) == 1 and lines[0].startswith("spiral"), result.err
    assert not lines[0].endswith("."), result.err
    for word in words:
        assert str(word) in lines[0], (word, result.err)
    assert result.raw == b""
    return True


def lines_with(result, word):
    return [line for line in result.err.splitlines() if word in line]


def tree(folder):
    """All files below a folder and their bytes, to check that no file was added or changed."""
    folder = pathlib.Path(folder)
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---- MIDI ----

def mthd(tracks, division=480, kind=1):
    return b"MThd" + (6).to_bytes(4, "big") + b"".join(n.to_bytes(2, "big") for n in (kind, tracks, division))


def mtrk(events):
    body = events + b"\x00\xff\x2f\x00"
    return b"MTrk" + len(body).to_bytes(4, "big") + body


def one_note(key=60, channel=0, ticks=b"\x83\x60"):
    """A MIDI file of one quarter note."""
    return mthd(1) + mtrk(bytes([0, 0x90 | channel, key, 80]) + ticks + bytes([0x80 | channel, key, 0]))


def notes_of(path):
    """(start, end, key, velocity) in ticks, read by mido; fails on a note that does not end."""
    notes, sounding, now = [], {}, 0
    for message in mido.merge_tracks(mido.MidiFile(path).tracks):
        now += message.time
        if message.type == "note_on" and message.velocity > 0:
            sounding.setdefault((message.channel, message.note), []).append((now, message.velocity))
        elif message.type in ("note_on", "note_off"):
            start, velocity = sounding[message.channel, message.note].pop(0)
            notes.append((start, now, message.note, velocity))
    assert not any(sounding.values()), "a note does not end"
    return notes


def text_of(path):
    return [m.text for track in mido.MidiFile(path).tracks for m in track if m.type == "text"]


def is_music(path, low, high):
    """Asserts that a file has notes, all longer than 0 and within the keys; returns them."""
    notes = notes_of(path)
    assert notes, "empty"
    assert all(end > start and 0 < velocity < 128 and low <= key <= high for start, end, key, velocity in notes)
    return notes


# ---- models ----

def trained(folder, music, *more):
    """A model of 20 steps: it has learned almost nothing, but is complete."""
    path = folder / "model.safetensors"
    done = spiral("train", music, "-o", path, *TINY, *more)
    assert done.status == 0, done.err
    return path


def read_model(path):
    """(JSON header, bytes of the tensors) of a model file, without its checksum. Files of version 0.1 have none, so the
    reader accepts changed ones that write_model writes."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + size])
    for name in "checksum", "checksum_method":
        del header["__metadata__"][name]
    return header, bytearray(content[8 + size:])


def write_model(path, header, tensors):
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + tensors)


@functools.lru_cache
def latents(model, tune):
    """A file of the latents of a piece, in the model's folder."""
    path = pathlib.Path(model).with_suffix(".npy")
    assert spiral("encode", model, tune, "-o", path).status == 0
    return path


# Verbs that need a note-by-note decoder.
DECODER_VERBS = ["continue", "fill", "harmonize", "explore"]
DECODER = ["--decoder", "12", "--decoder-steps", "40"]


def command(verb, model, tune, other, music, folder):
    """The arguments of a command of each verb that ends within a second."""
    return {
        "inspect": [music],
        "pack": [music, "-o", folder / "c.pack"],
        "train": [music, "-o", folder / "m.safetensors", "--steps", "3", "--hidden", "8", "--latent", "2", "--decoder", "12"],
        "info": [model],
        "eval": [model, music],
        "reconstruct": [model, tune, "-o", folder / "r.mid"],
        "sample": [model, "-o", folder, "--length", "2bars", "--against", music],
        "continue": [model, tune, "-o", folder / "c.mid", "--length", "2bars"],
        "fill": [model, tune, "-o", folder, "-n", "2", "--from", "1bar", "--to", "2bars"],
        "harmonize": [model, tune, "-o", folder],
        "vary": [model, tune, "-o", folder],
        "encode": [model, tune, "-o", folder / "l.npy"],
        "decode": [model, latents(model, tune), "-o", folder],
        "interpolate": [model, tune, other, "-o", folder, "-n", "3"],
        "loss": [tune, other],
        "compare": [tune, other, "--with", music],
        "explore": [model, "--against", music, "-o", folder / "page.html"],
        "render": [tune, "-o", folder / "t.mid"],
    }[verb]
