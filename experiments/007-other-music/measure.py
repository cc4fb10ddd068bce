# SPDX-License-Identifier: MIT
"""Trains and measures a model of each set of music; table.py prints the results. Called by run.sh.

    measure.py ROOT DATA OUT [PART...]

The result of a part is kept as OUT/PART.json and not measured again.
"""
import json
import pathlib
import shutil
import subprocess
import sys

from spiral_loss import midi

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from parts import run_parts

ROOT, DATA, OUT = map(pathlib.Path, sys.argv[1:4])
SPIRAL = ROOT / "build" / "cli" / "spiral"
GIVEN = 20  # test files that are continued and filled
SAMPLES = 32
STATISTICS = ("clashes", "triads", "onsets_per_frame", "scale_consistency", "polyphony", "pitch_class_entropy",
              "groove_consistency", "empty_beat_rate")
# set: the folder of the files. File i, sorted by path, goes to the list that has i % every. length: of samples; new: of continuations;
# gap: the two ends of the gap that is filled, as arguments of the program; ends: the same in quarters or seconds.
BEATS = {"length": "8bars", "new": "4bars", "gap": ("2bars", "4bars"), "ends": (8, 16)}
SECONDS = {"length": "8s", "new": "4s", "gap": ("4s", "8s"), "ends": (4, 8)}
PARTS = {
    "nottingham": {"set": "nottingham-gpl3", "every": 30, "train": (0, 3, 6, 10, 13, 16), "valid": (5,), "test": (9, 19, 29),
                   "flags": ["--preset", "bar", "--hidden", 64, "--latent", 24, "--steps", 400, "--decoder-steps", 2000]} | BEATS,
    "piano": {"set": "piano-midi-de-ccbysa", "every": 60, "train": (0, 10, 20, 30, 40, 50), "valid": (4,),
              "test": (7, 17, 27, 37, 47, 57),
              "flags": ["--preset", "bar", "--low", 21, "--high", 108, "--hidden", 64, "--latent", 24, "--steps", 300,
                        "--decoder-steps", 2000]} | BEATS,
    "seconds": {"set": "piano-midi-de-ccbysa", "every": 120, "train": (0, 20, 40, 60, 80, 100), "valid": (4,), "test": (7, 47),
                "flags": ["--preset", "36x36", "--hidden", 64, "--latent", 16, "--steps", 300, "--decoder-steps",
                          2000]} | SECONDS,
}
DRAWN = 16  # quarters, or 8 seconds, of a test piece and of two samples are drawn in the picture


def spiral(*args):
    """The JSON result of the program, and what it wrote to standard error."""
    done = subprocess.run([SPIRAL, *map(str, args), "--json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"measure.py: spiral {' '.join(map(str, args))}: {done.stderr}")
    return json.loads(done.stdout), done.stderr


def split(part, folder):
    """Copies the files of a part to train/, valid/ and test/."""
    for i, path in enumerate(sorted((DATA / part["set"]).rglob("*.mid"))):
        at = i % part["every"]
        for name in (k for k in ("train", "valid", "test") if at in part[k]):
            (folder / name).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name / f"{i:04}-{path.name}")


def statistics_of(a, b):
    result = spiral("compare", a, "--with", b)[0]["statistics"]
    return {k: {s: result[k].get(s) for s in STATISTICS} for k in ("a", "b")}


def given_notes(song, beats, ends):
    """The notes that end before the gap or begin after it, as tuples without the track; all notes if `ends` is None."""
    at = (lambda ticks: ticks / song.ticks_per_quarter) if beats else song.seconds
    key = ("start_ticks", "end_ticks", "pitch", "velocity", "channel")
    return {tuple(int(n[k]) for k in key) for n in song.notes
            if ends is None or at(n["end_ticks"]) <= ends[0] or at(n["start_ticks"]) >= ends[1]}


def notes_of(path, beats):
    """[key, begin, end] of the first notes, in quarters or in seconds."""
    song, end = midi.read(path), DRAWN if beats else DRAWN / 2
    unit = (1 / song.ticks_per_quarter) if beats else 1
    fields = ("start_ticks", "end_ticks") if beats else ("start", "end")
    notes = ([int(n["pitch"]), *(round(float(n[f]) * unit, 3) for f in fields)] for n in song.notes if not n["drum"])
    return [[key, begin, min(off, end)] for key, begin, off in notes if begin < end]


def measure(part, folder):
    if not (folder / "test").exists():
        split(part, folder)
    model, train, test = folder / "model.safetensors", folder / "train", folder / "test"
    if not (folder / "train.json").exists():
        trained = spiral("train", train, "--valid", folder / "valid", *part["flags"], "--seed", 1, "-o", model)[0]
        (folder / "train.json").write_text(json.dumps(trained))
    trained = json.loads((folder / "train.json").read_text())
    result = {"files": {k: len(list((folder / k).glob("*.mid"))) for k in ("train", "valid", "test")}, "train": trained}
    result["likelihood"] = {k: spiral("eval", model, folder / k)[0]["likelihood"] for k in ("valid", "test")}
    samples, warnings = spiral("sample", model, "-n", SAMPLES, "--length", part["length"], "-o", folder / "samples",
                               "--against", train)
    shares = sorted(f["nearest_training_passage"]["share"] for f in samples["files"] if f["nearest_training_passage"])
    result["samples"] = statistics_of(folder / "samples", test) | {
        "nearest": shares, "above_limit": warnings.count("a passage is like"),
        "faults": sum(bool(f["faults"]) for f in samples["files"])}
    beats = part["length"].endswith("bars")
    drawn = [sorted(test.glob("*.mid"))[0], *(folder / "samples" / f"sample-{i}.mid" for i in (1, 2))]
    result["rolls"] = [notes_of(path, beats) for path in drawn]
    result["given"] = {"files": 0, "changed": {"fill": 0, "continue": 0}}
    for path in sorted(test.glob("*.mid"))[:GIVEN]:
        result["given"]["files"] += 1
        song = midi.read(path)
        for verb, flags, ends in (("fill", ["--from", part["gap"][0], "--to", part["gap"][1]], part["ends"]),
                                  ("continue", ["--length", part["new"]], None)):
            (folder / verb).mkdir(exist_ok=True)
            spiral(verb, model, path, *flags, "-o", folder / verb / path.name)
            written = given_notes(midi.read(folder / verb / path.name), True, None)
            result["given"]["changed"][verb] += not given_notes(song, beats, ends) <= written
    return result


run_parts(OUT, {name: ("training and measuring", lambda name=name: measure(PARTS[name], OUT / name)) for name in PARTS}, sys.argv[4:])
