# SPDX-License-Identifier: MIT
"""Measures a chorale model, a part at a time; table.py prints the results. Called by run.sh.

    measure.py ROOT MODEL MUSIC OUT [PART...]

A part is a function measure_NAME; its result is kept as OUT/NAME.json and not measured again.
"""
import dataclasses
import json
import pathlib
import subprocess
import sys

import numpy as np
from spiral_loss import midi
from spiral_loss._safetensors import load as load_tensors

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from habits import habits_of
from parts import run_parts

ROOT, MODEL, MUSIC, OUT = map(pathlib.Path, sys.argv[1:5])
SPIRAL = ROOT / "build" / "cli" / "spiral"
SEEDS = (1, 1001, 2001)
SAMPLES = 64
BAR = 16  # frames
STATISTICS = ("clashes", "triads", "four_voices", "onsets_per_frame", "scale_consistency", "parallels", "polyphony",
              "pitch_class_entropy", "groove_consistency", "empty_beat_rate")


def spiral(*args):
    """The JSON result of the program, and what it wrote to standard error."""
    done = subprocess.run([SPIRAL, *map(str, args), "--json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"measure.py: spiral {' '.join(map(str, args))}: {done.stderr}")
    return json.loads(done.stdout), done.stderr


def test_files():
    return sorted((MUSIC / "test").glob("*.mid"))


def config():
    return json.loads(load_tensors(MODEL)[1]["spiral"])


def roll_of(path):
    c = config()
    return midi.read(path).to_roll(steps_per_quarter=BAR // 4, low=c["low"], high=c["high"], onsets=True)


def part_of(roll, begin, end):
    return dataclasses.replace(roll, sounding=roll.sounding[:, begin:end], onsets=roll.onsets[:, begin:end], report=None)


def statistics_of(folder):
    """Statistics of a folder of files and of the test set, and the overlap of their distributions."""
    result = spiral("compare", folder, "--with", MUSIC / "test")[0]
    return {"statistics": {k: result["statistics"]["a"][k] for k in STATISTICS},
            "test": {k: result["statistics"]["b"][k] for k in STATISTICS},
            "overlap": {k: v["area"] for k, v in result["overlap"].items()}}


# ---- likelihood ----

def measure_likelihood():
    """Nats per frame of whole pieces and of the cells that continue, fill and harmonize write, also of the two simple models."""
    return {name: spiral("eval", MODEL, MUSIC / name)[0]["likelihood"] for name in ("valid", "test")}


# ---- samples ----

def draw_samples(seed):
    """The folder, and what the program says about its files."""
    folder = OUT / f"samples-{seed}"
    return folder, spiral("sample", MODEL, "-n", SAMPLES, "--length", "8bars", "--seed", seed, "-o", folder, "--against",
                          MUSIC / "train")


def measure_samples():
    """Statistics of samples, and how similar they are to the training pieces."""
    result = {}
    for seed in SEEDS:
        folder, (files, warnings) = draw_samples(seed)
        files = files["files"]
        result[seed] = statistics_of(folder) | {
            "nearest": sorted(f["nearest_training_passage"]["share"] for f in files),
            "above_limit": warnings.count("a passage is like"),
            "faults": sum(bool(f["faults"]) for f in files), "tries": sum(f["tries"] for f in files)}
    return result


def measure_two_sample():
    """Can a classifier tell the samples of a seed from the test chorales?"""
    result = {}
    for seed in SEEDS:
        done = subprocess.run([sys.executable, "-B", ROOT / "bench" / "two_sample.py", OUT / f"samples-{seed}",
                               MUSIC / "test", "--seeds", "1", "--threads", "1"], capture_output=True, text=True, check=True)
        result[seed] = json.loads(done.stdout)
    return result


def measure_habits():
    """How samples and chorales go on from their own past."""
    folders = {f"seed {seed}": draw_samples(seed)[0] for seed in SEEDS}
    folders |= {f"{name} chorales": MUSIC / name for name in ("test", "train")}
    return {name: habits_of([roll_of(p) for p in sorted(folder.glob("*.mid"))]) for name, folder in folders.items()}


def measure_prior():
    """Statistics of pieces from random latents, written by the decoder and by the threshold."""
    tensors = load_tensors(MODEL)[0]
    mean, factor = np.asarray(tensors["latents.mean"]).reshape(-1), np.asarray(tensors["latents.factor"])
    Z = mean.size
    folder = OUT / "prior"
    (folder / "latents").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for i in range(SAMPLES):
        latents = mean + rng.standard_normal((8, Z)) @ factor.reshape(Z, Z).T
        path = folder / "latents" / f"{i:02}.npy"
        np.save(path, latents.astype(np.float32))
        for way in ("decoder", "threshold"):
            (folder / way).mkdir(exist_ok=True)
            spiral("decode", MODEL, path, "--decode", way, "-o", folder / way / f"{i:02}.mid", "--seed", i + 1)
    return {way: statistics_of(folder / way) for way in ("decoder", "threshold")}


# ---- results that depend on a given file ----

def measure_untouched():
    """Whether fill, harmonize and continue leave every given note unchanged, and the statistics of their results."""
    folder = OUT / "given"
    for name in ("melody", "fill", "harmonize", "continue"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    changed = {"fill": 0, "harmonize": 0, "continue": 0}
    clashes = {}
    for path in test_files():
        song = midi.read(path)
        tracks = np.unique(song.notes["track"])
        top = max(tracks, key=lambda k: song.notes["pitch"][song.notes["track"] == k].mean())
        melody = dataclasses.replace(song, notes=song.notes[song.notes["track"] == top])
        melody.save(folder / "melody" / path.name)
        quarter = song.ticks_per_quarter
        begin, end = 8 * quarter, 16 * quarter
        runs = {"fill": (path, ["--from", "2bars", "--to", "4bars"]),
                "harmonize": (folder / "melody" / path.name, []), "continue": (path, ["--length", "4bars"])}
        for verb, (source, flags) in runs.items():
            out = folder / verb / path.name
            spiral(verb, MODEL, source, *flags, "-o", out)
            notes = midi.read(source).notes
            if verb == "fill":
                notes = notes[(notes["end_ticks"] <= begin) | (notes["start_ticks"] >= end)]
            key = ("start_ticks", "end_ticks", "pitch", "velocity", "channel")
            given = {tuple(int(n[k]) for k in key) for n in notes}
            written = {tuple(int(n[k]) for k in key) for n in midi.read(out).notes}
            changed[verb] += not given <= written
    for verb in changed:
        clashes[verb] = statistics_of(folder / verb)
    return {"files": len(test_files()), "files_with_a_changed_note": changed, "statistics": clashes}


def measure_first_bar():
    """The first bar that `continue` writes after half of a piece; for comparison, the bar before repeated, and a random training bar."""
    rng = np.random.default_rng(1)
    training = [roll_of(p) for p in sorted((MUSIC / "train").glob("*.mid"))]
    folder = OUT / "first_bar"
    ways = ("true", "continue", "repeat", "random", "half")
    for way in ways:
        (folder / way).mkdir(parents=True, exist_ok=True)
    errors = {way: [] for way in ways[1:4]}
    for path in test_files():
        roll = roll_of(path)
        half = roll.sounding.shape[1] // (2 * BAR) * BAR
        if half < BAR or roll.sounding.shape[1] < half + BAR:
            continue
        other = training[rng.integers(len(training))]
        at = int(rng.integers(max(other.sounding.shape[1] // BAR, 1))) * BAR
        rolls = {"true": part_of(roll, half, half + BAR), "half": part_of(roll, 0, half),
                 "repeat": part_of(roll, half - BAR, half),
                 "random": dataclasses.replace(part_of(other, at, at + BAR), quarters_per_min=roll.quarters_per_min)}
        for way, bar in rolls.items():
            bar.onsets[:, 0] |= bar.sounding[:, 0]
            midi.from_roll(bar).save(folder / way / path.name)
        spiral("continue", MODEL, folder / "half" / path.name, "--length", "1bar", "--only-new", "-o",
               folder / "continue" / path.name)
        for way in errors:
            errors[way].append(spiral("loss", folder / "true" / path.name, folder / way / path.name)[0]["spiral_error"])
    return {"pieces": len(errors["repeat"]), "spiral_error": {way: float(np.mean(e)) for way, e in errors.items()},
            "statistics": {way: statistics_of(folder / way)["statistics"] for way in ways[:4]}}


def measure_reconstruction():
    """F1 of test chorales reconstructed by the decoder, and by the threshold from as many latents and from twice as many."""
    e = spiral("eval", MODEL, MUSIC / "test")[0]
    result = {"threshold, a latent per bar": {"frame_f1": e["frame"]["f1"], "note_f1": e["note"]["f1"],
                                              "spiral_error": e["spiral_error"]}}
    for way, name in ("decoder", "decoder, a latent per bar"), ("threshold", "threshold, two latents per bar"):
        runs = [spiral("reconstruct", MODEL, path, "--decode", way, "-o", OUT / "reconstruction.mid")[0]
                for path in test_files()]
        result[name] = {"frame_f1": float(np.mean([r["frame"]["f1"] for r in runs])),
                        "note_f1": float(np.mean([r["note"]["f1"] for r in runs])),
                        "spiral_error": float(np.mean([r["spiral_error"] for r in runs]))}
    return result


PARTS = {name[8:]: (f.__doc__.splitlines()[0], f) for name, f in list(globals().items()) if name.startswith("measure_")}
run_parts(OUT, PARTS, sys.argv[5:])
