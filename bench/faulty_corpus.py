# SPDX-License-Identifier: MIT
"""Compares training on a corpus of correct files with training on the same corpus and one file of each fault.

    python bench/faulty_corpus.py FOLDER [--files 300] [--seeds 3] [--steps 400]

FOLDER has MIDI files (default: SPIRAL_DATA). Every n-th file is for validation, the others for training; each seed trains
once without and once with the faulty files. Prints the validation scores, the differences between seeds, and the lines that
`train` prints about the files. Fails if the faulty files change the mean score by more than the seeds do, or if more than a
dozen lines name them.
"""
import argparse
import gzip
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = os.environ.get("SPIRAL_PROGRAM", str(SOURCE / "build" / "cli" / "spiral"))
sys.path.insert(0, str(SOURCE / "tests" / "cli"))
import field_files  # noqa: E402


def write_faults(folder):
    """Writes one file of each fault: those of field_files, and files that are not MIDI, cut off, converted, linked or compressed."""
    sound = field_files.SOUND
    files = {f"{name}.mid".replace(":", ""): fault for name, (fault, _) in field_files.FAULTS.items()}
    files.update({
        "empty.mid": b"", "text.mid": b"no music at all", "header.mid": sound[:14], "cut off.mid": sound[:60],
        "utf-8.mid": sound.decode("latin-1").encode(), "without bytes above 127.mid": bytes(b & 127 for b in sound),
        "drums.mid": field_files.smf(field_files.note(40, channel=9) + field_files.END),
        "no notes.mid": field_files.smf(field_files.END), "gzip.mid.gz": gzip.compress(sound)[:-9], "no ending": sound,
    })  # fmt: skip
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "nowhere.mid").symlink_to("missing")
    os.mkfifo(folder / "pipe.mid")
    return len(files) + 2


def train(paths, valid, seed, steps, model):
    """(validation loss, F1, lines that train prints)"""
    done = subprocess.run(
        [PROGRAM, "train", *paths, "--valid", valid, "-o", model, "--steps", str(steps), "--seed", str(seed), "--hidden", "64",
         "--decoder", "0", "--preset", "bar"], capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr)
    info = json.loads(subprocess.run([PROGRAM, "info", model, "--json"], capture_output=True, check=True).stdout)
    best = min(info["training"]["history"], key=lambda entry: entry["valid"])
    return best["valid"], best["f1"], done.stderr.splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=os.environ.get("SPIRAL_DATA"))
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    given = parser.parse_args()
    if not given.folder:
        parser.error("FOLDER or SPIRAL_DATA must name MIDI files")
    found = sorted(pathlib.Path(given.folder).rglob("*.mid"))
    if len(found) < given.files + 10:
        parser.error(f"{given.folder} has {len(found)} MIDI files: {given.files + 10} are needed")
    with tempfile.TemporaryDirectory() as temporary:
        folders = {name: pathlib.Path(temporary) / name for name in ("correct", "faults", "valid")}
        for folder in folders.values():
            folder.mkdir()
        chosen = [found[i * len(found) // (given.files + given.files // 10)] for i in range(given.files + given.files // 10)]
        for i, path in enumerate(chosen):
            shutil.copy(path, folders["valid" if i % 11 == 10 else "correct"] / f"{i:04}.mid")
        faults = write_faults(folders["faults"])
        count = len(list(folders["correct"].iterdir()))
        print(f"{count} correct files for training, {faults} faulty ones, {len(chosen) - count} for validation; {given.steps} steps")
        scores = {"without": [], "with": []}
        for seed in range(1, given.seeds + 1):
            for name, paths in (("without", [folders["correct"]]), ("with", [folders["correct"], folders["faults"]])):
                loss, f1, lines = train(paths, folders["valid"], seed, given.steps, os.path.join(temporary, "model"))
                scores[name].append(loss)
                print(f"  seed {seed}, {name:7} faults: valid loss {loss:8.3f}, F1 {f1:.4f}", flush=True)
        lines = [line for line in lines if str(folders["faults"]) in line]
        mean = {name: statistics.mean(losses) for name, losses in scores.items()}
        noise = max(max(losses) - min(losses) for losses in scores.values())
        print(f"mean without {mean['without']:.3f}, with {mean['with']:.3f}; seeds differ by up to {noise:.3f}")
        print(f"{len(lines)} lines name faulty files:")
        for line in lines:
            print("  " + line.replace(str(folders["faults"]) + "/", "")[:150])
    return abs(mean["with"] - mean["without"]) > noise or len(lines) > 12


if __name__ == "__main__":
    sys.exit(main())
