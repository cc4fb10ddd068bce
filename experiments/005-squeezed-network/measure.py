# SPDX-License-Identifier: MIT
"""Does the runs of the experiment (see run.sh) that are missing, one row of results.csv for each trained network.

    measure.py PROGRAM MUSIC OUT
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from clean_chorales import files
from paired import Runs

LATENTS = (4, 8, 16)
LAMBDAS = (1, 4, 16, 64)
STEPS, HIDDEN = 500, 128
SCORES = {  # column: where it is in the JSON of `spiral eval`
    "f1": ("frame", "f1"), "note_f1": ("note", "f1"), "chroma_f1": ("chroma", "f1"), "spiral_error": ("spiral_error",),
    "substitution": ("substitution",), "octave_share": ("octave_share",), "bce_nats": ("bce_nats",)}  # fmt: skip
KEY = ("latent", "loss", "seed")
VALUES = tuple(SCORES) + tuple("clean_" + name for name in SCORES)


def losses():
    """(name, flags of `spiral train`). Alone, lambda is 1: AdamW's steps do not depend on the scale of a loss."""
    yield "bce", ("--loss", "bce")
    for helix in ("chromatic", "tonnetz"):
        yield f"{helix}-alone", ("--loss", "spiral", "--helix", helix, "--bce", "0")
        for weight in LAMBDAS:
            yield f"{helix}-{weight}", ("--loss", "spiral", "--helix", helix, "--lambda", str(weight))


def scores(program, model, music):
    text = subprocess.run([program, "eval", model, *music, "--threads", "1", "--quiet", "--json"],
                          check=True, capture_output=True, text=True).stdout  # fmt: skip
    found = {}
    for name, keys in SCORES.items():
        value = json.loads(text)
        for key in keys:
            value = value[key]
        found[name] = value if value is not None else 0.0
    return found


def run(program, music, out, latent, name, flags, seed):
    model = out / f"{name}.{latent}.{seed}.safetensors"
    subprocess.run(
        [program, "train", music / "train", "--valid", music / "valid", "--preset", "bar", "--decoder", "0",
         "--latent", str(latent), "--hidden", str(HIDDEN), *flags, "--steps", str(STEPS), "--seed", str(seed), "--threads", "1", "-o", model,
         "--quiet"], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    everything, clean = files(music / "test")
    row = scores(program, model, everything)
    row.update({"clean_" + key: value for key, value in scores(program, model, clean).items()})
    model.unlink()
    return row


def main():
    program, music, out = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
    runs = Runs(out / "results.csv", KEY, VALUES)
    plan = [(latent, name, seed, flags) for seed in os.environ.get("SEEDS", "1 2 3 4 5").split()
            for latent in LATENTS for name, flags in losses()]  # fmt: skip
    left = [p for p in plan if not runs.done(*p[:3])]
    out.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        waiting = {pool.submit(run, program, music, out, p[0], p[1], p[3], p[2]): p for p in left}
        for done in concurrent.futures.as_completed(waiting):
            key = waiting[done][:3]
            runs.add(key, done.result())
            print(f"{sum(runs.done(*p[:3]) for p in plan)} of {len(plan)} runs done: latent {key[0]}, {key[1]}, seed {key[2]}", file=sys.stderr)
    order = [name for name, _ in losses()]
    runs.sort(lambda row: (int(row["latent"]), order.index(row["loss"]), int(row["seed"])))


if __name__ == "__main__":
    main()
