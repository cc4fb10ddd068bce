# SPDX-License-Identifier: MIT
"""Running the program, and what its tests share.

SPIRAL_PROGRAM is the program (default build/cli/spiral), SPIRAL_SOURCE the repository, SPIRAL_DATA a folder of real
MIDI (optional). Everything is written below pytest's temporary folder.
"""
import json
import os
import pathlib
import subprocess

SOURCE = pathlib.Path(os.environ.get("SPIRAL_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
PROGRAM = os.environ.get("SPIRAL_PROGRAM", str(SOURCE / "build" / "cli" / "spiral"))
TINY = ["--steps", "20", "--hidden", "16", "--code", "4", "--batch", "32"]
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


def spiral(*args, cwd=None, stdin=None, env=None, timeout=120):
    """Runs the program; stdin: bytes, a file, or nothing."""
    source = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin or subprocess.DEVNULL}
    done = subprocess.run([PROGRAM, *map(os.fspath, map(as_path, args))], cwd=cwd, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, env={**os.environ, **(env or {})}, **source)
    return Result(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def as_path(arg):
    return arg if isinstance(arg, (str, bytes, os.PathLike)) else str(arg)


def failed(result, status, *words):
    """The run failed with this status and one sentence of the program's that holds the words."""
    lines = result.err.splitlines()
    assert result.status == status, (result.status, result.err)
    assert len(lines) == 1 and lines[0].startswith("spiral"), result.err
    assert not lines[0].endswith("."), result.err
    for word in words:
        assert str(word) in lines[0], (word, result.err)
    assert result.raw == b""
    return True


def tree(folder):
    """All files below a folder and their bytes, to see that nothing was left or damaged."""
    folder = pathlib.Path(folder)
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def mthd(tracks, division=480, kind=1):
    return b"MThd" + (6).to_bytes(4, "big") + b"".join(n.to_bytes(2, "big") for n in (kind, tracks, division))


def mtrk(events):
    body = events + b"\x00\xff\x2f\x00"
    return b"MTrk" + len(body).to_bytes(4, "big") + body


def one_note(key=60, channel=0, ticks=b"\x83\x60"):
    """A MIDI file of one quarter note."""
    return mthd(1) + mtrk(bytes([0, 0x90 | channel, key, 80]) + ticks + bytes([0x80 | channel, key, 0]))


def trained(folder, music, *flags):
    """A model of 20 steps: of no use, but whole."""
    path = folder / "model.safetensors"
    done = spiral("train", music, "-o", path, *TINY, *flags)
    assert done.status == 0, done.err
    return path
