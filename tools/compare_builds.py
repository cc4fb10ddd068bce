#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a fixed list of commands with two builds of the program and compares what they write.

    make compare OLD=/path/to/other/build
    tools/compare_builds.py OLD NEW [--keep FOLDER] [--quick]

OLD and NEW are programs, or build folders with cli/spiral in them. Compared byte for byte: MIDI, WAV, PNG and the
tensors of models. Compared as values: JSON results, the JSON in models, and SVG except for cairo's surface numbers. Words
that were renamed are in tools/renamed.txt; the older program, recognized by its --help, is called with the old ones.
Left out are numbers of the clock (seconds, windows_per_second), prose (what, reason), and hashes of model files, whose
JSON may have new keys. What differs for a reason that tools/renamed.txt gives is printed but not counted.
Ends with "N passed, N failed"; exit status 0 if nothing differs.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1]
SCORES = ["twinkle", "greensleeves", "silent-night", "petzold-minuet-g", "bach-prelude-c", "satie-gymnopedie-1"]
NOT_COMPARED = {"seconds", "windows_per_second", "sha256", "what", "reason"}  # clock, hash, prose
REAL_MUSIC = ["midi-odd", "jsb-chorales", "piano-midi-de-ccbysa"]


def read_renamed():
    words = {"flag": {}, "choice": {}, "key": {}, "tensor": {}, "new": {}, "differs": {}}
    for line in (SOURCE / "tools/renamed.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            kind, old, new = line.split(None, 2)
            words[kind][old] = new
    return words


RENAMED = read_renamed()


class Program:
    """One of the two builds."""

    def __init__(self, path, folder):
        path = pathlib.Path(path).resolve()
        self.path = path / "cli/spiral" if path.is_dir() else path
        self.folder = folder
        folder.mkdir(parents=True)
        help_text = self.run("train", "--help").stdout.decode()
        self.old_flags = {new: old for old, new in RENAMED["flag"].items() if f"  {new} " not in help_text}
        self.old_choices = {new: old for old, new in RENAMED["choice"].items()
                            if not re.search(rf"\b{re.escape(new)}\b", help_text)}
        self.missing = [f" {flag} {value}" for flag, value in RENAMED["new"].items() if f"  {flag} " not in help_text]

    def run(self, *arguments):
        return subprocess.run([self.path, *arguments], cwd=self.folder, capture_output=True, stdin=subprocess.DEVNULL)

    def words(self, command):
        """The command in this program's words."""
        for flag in self.missing:
            command = command.replace(flag, "")
        words = [self.old_flags.get(word, word) for word in command.split()]
        return [self.old_choices.get(word, word) if before.startswith("--") else word
                for before, word in zip(["", *words], words)]


def commands(quick):
    """(name, command line) of everything that is run, in order, in each program's own folder."""
    score = SOURCE / "data/scores"
    for name in SCORES:
        yield f"render {name} to MIDI", f"render {score}/{name}.txt -o music/{name}.mid --json"
    piece = "music/greensleeves.mid"
    for ending in ("wav", "png", "svg"):
        yield f"render to {ending}", f"render {piece} -o piece.{ending} --json" + (" --synth additive" if ending == "wav" else "")
    yield "render, compared", f"render {piece} --against music/twinkle.mid -o against.svg"
    yield "render the helix", "render --draw-helix --helix tonnetz -o helix.svg"
    yield "inspect", "inspect music --json"
    yield "inspect --compare", "inspect music --compare --json"
    yield "inspect with flags", "inspect music --json --grid 20ms --frames 24 --low 40 --high 80 --planes 2 --pedal --out-of-range fold"
    for helix in ("chromatic", "mixed"):
        yield f"loss, {helix}", f"loss music/twinkle.mid {piece} --json --helix {helix}"
    small = "--hidden 24 --latent 4 --batch 32 --decoder 0"
    models = {
        "36x36": f"train music --preset 36x36 --steps 30 {small}",
        "bar": f"train music --preset bar --steps 30 {small} --threads 1",
        "phrase": f"train music --preset phrase --steps 12 {small} --threads 3",
        "vae": f"train music --kind vae --steps 30 {small} --layers 2 --loss gauss --helix fifths",
        "mask": f"train music --steps 20 {small} --loss distance_mask --seed 7 --pedal --out-of-range fit",
        "epochs": f"train music --epochs 2 {small} --valid {piece} --transpose 0",
    }
    for name, command in models.items():
        yield f"train {name}", f"{command} -o {name}.safetensors --log {name}.jsonl --json"
    for name in ("36x36", "bar") if quick else models:
        model = f"{name}.safetensors"
        yield f"info {name}", f"info {model} --json"
        yield f"eval {name}", f"eval {model} music --json"
        yield f"reconstruct {name}", f"reconstruct {model} {piece} -o back-{name}.mid --json"
        yield f"sample {name}", f"sample {model} -n 2 --seed 5 --temperature 1.2 --length 6s -o new-{name} --json --against music"
        yield f"interpolate {name}", f"interpolate {model} music/twinkle.mid {piece} -n 3 -o way-{name} --json"
    data = os.environ.get("SPIRAL_DATA")
    for name in REAL_MUSIC if data else []:
        folder = pathlib.Path(data) / name
        if folder.is_dir():
            yield f"inspect {name}", f"inspect {folder} --preset 36x36 --json"
            for number, path in enumerate(sorted(folder.rglob("*.mid"))[:12]):
                if " " not in str(path):
                    yield f"render {name}/{path.name}", f"render {path} -o real-{name}-{number}.mid --json"


# ---- what is compared ----

def tensor_name(name):
    """A tensor's name in the new words; any other text unchanged."""
    first, dot, rest = name.partition(".")
    return RENAMED["tensor"].get(first, first) + dot + rest if dot else name


def plain(value):
    """A JSON value in the new words, without what depends on the clock."""
    if isinstance(value, dict):
        named = {RENAMED["key"].get(key, key): plain(item) for key, item in value.items() if key not in NOT_COMPARED}
        return {key: item for key, item in named.items() if key != "-"}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return RENAMED["key"].get(value, tensor_name(value))
    return value


def differences(old, new, where=""):
    """What differs between two JSON values; keys that only the new one has are ignored."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old:
            if key not in new:
                yield f"{where}/{key} is gone (was {old[key]!r})"
            else:
                yield from differences(old[key], new[key], f"{where}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (a, b) in enumerate(zip(old, new)):
            yield from differences(a, b, f"{where}/{i}")
    elif old != new:
        yield f"{where}: {old!r} -> {new!r}"


def safetensors(path):
    """(JSON metadata, {tensor: (shape, bytes)}) of a model file."""
    content = path.read_bytes()
    size, = struct.unpack_from("<Q", content)
    header = json.loads(content[8:8 + size])
    texts = header.pop("__metadata__", {})
    metadata = {key: json.loads(text) if text.startswith("{") else text for key, text in texts.items()
                if not key.startswith("checksum")}
    return metadata, {name: (entry["shape"], content[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]])
                      for name, entry in header.items()}


def compare_models(old, new):
    (old_json, old_tensors), (new_json, new_tensors) = safetensors(old), safetensors(new)
    old_tensors = {tensor_name(name): tensor for name, tensor in old_tensors.items()}
    for name in sorted(old_tensors.keys() | new_tensors.keys()):
        if old_tensors.get(name) != new_tensors.get(name):
            yield f"tensor {name} differs"
    yield from differences(plain(old_json), plain(new_json), "metadata")


def json_lines(text):
    return [plain(json.loads(line)) for line in text.splitlines()]


def compare_files(old, new):
    if old.suffix == ".safetensors":
        yield from compare_models(old, new)
    elif old.suffix == ".jsonl":
        yield from differences(json_lines(old.read_text()), json_lines(new.read_text()))
    elif old.suffix == ".svg":
        number = re.compile(r"(surface|clip|glyph|mask|pattern|source|linear|radial|image)-?\d+(-\d+)*")
        if number.sub(r"\1", old.read_text()) != number.sub(r"\1", new.read_text()):
            yield "differs"
    elif old.suffix == ".mid":
        hidden = re.compile(rb"model sha256 [0-9a-f]{64}")
        if hidden.sub(b"", old.read_bytes()) != hidden.sub(b"", new.read_bytes()):
            yield "differs"
    elif old.read_bytes() != new.read_bytes():
        yield "differs"


def compare_results(old, new):
    """Exit status and standard output of the same command."""
    if old.returncode != new.returncode:
        yield f"exit status {old.returncode} -> {new.returncode}: {new.stderr.decode()[-200:]}"
    elif old.stdout.startswith(b"{") and new.stdout.startswith(b"{"):
        yield from differences(plain(json.loads(old.stdout)), plain(json.loads(new.stdout)))


def files(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--keep", help="work in this folder and leave it there")
    parser.add_argument("--quick", action="store_true", help="fewer models")
    options = parser.parse_args()
    work = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="compare-"))
    programs = [Program(options.old, work / "old"), Program(options.new, work / "new")]
    passed = failed = 0

    def count(name, found):
        nonlocal passed, failed
        reason = RENAMED["differs"].get(name.replace(" ", "_"))
        if reason:
            print(f"{name}: not compared: {reason}")
            return
        found = list(found)
        passed, failed = passed + (not found), failed + bool(found)
        for line in found[:10]:
            print(f"{name}: {line[:200]}")

    for name, command in commands(options.quick):
        for program in programs:
            (program.folder / "music").mkdir(exist_ok=True)
        old, new = (program.run(*program.words(command)) for program in programs)
        if old.returncode and new.returncode:
            print(f"{name}: both fail: {new.stderr.decode().strip()[-200:]}")
        count(name, compare_results(old, new))
    old_files, new_files = (files(program.folder) for program in programs)
    for path in sorted(old_files | new_files):
        if path in old_files and path in new_files:
            count(str(path), compare_files(programs[0].folder / path, programs[1].folder / path))
        else:
            count(str(path), [f"written by the {'old' if path in old_files else 'new'} program only"])
    if not options.keep:
        shutil.rmtree(work)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
