# SPDX-License-Identifier: MIT
"""Does the channel help in `spiral train`, where the network sees the wrong notes too? Does the runs that are missing (see run.sh).

    autoencoder.py PROGRAM DATA OUT

An autoencoder's labels are its inputs. Autoencoders are trained on chorales with notes an octave off, with each loss, one row of
OUT/autoencoder.csv for each. The threshold is the one that `spiral train` chooses on validation files, which are wrong too. Scores:
frame F1 of the reconstructions of right test chorales and of wrong ones, both against the right ones.
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

import numpy as np
import torch

from spiral_loss import midi
from spiral_loss.model import Autoencoder

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from measure import f1, wrong
from paired import Runs
from plan import AUTOENCODER_KEY, AUTOENCODER_NOISES, AUTOENCODER_VALUES, AUTOENCODERS


PARTS = ("train", "valid", "test")


def make_wrong(noise, seed, data, out):
    """OUT/NOISE.SEED/PART/*.mid: the chorales with wrong notes."""
    folder = out / f"{noise}.{seed}"
    for part in PARTS:
        (folder / part).mkdir(parents=True, exist_ok=True)
        for i, path in enumerate(sorted((data / "jsb-chorales/midi" / part).glob("*.mid"))):
            wrong(midi.read(path), noise, np.random.default_rng([seed, PARTS.index(part), i])).save(folder / part / path.name)
    return folder


def frames(config, paths):
    """The windows of all files, in order: (N, T, keys) of keys that sound, and (N, planes, T, keys) for the network."""
    out = []
    for path in paths:
        roll = midi.read(path).to_roll(steps_per_quarter=config.steps_per_quarter, low=config.low, high=config.high, onsets=True,
                                       out_of_range=config.out_of_range, pedal=config.pedal)  # fmt: skip
        planes = np.stack([roll.sounding, roll.onsets])[: config.planes]
        count = -(-planes.shape[2] // config.frames)
        planes = np.pad(planes, ((0, 0), (0, 0), (0, count * config.frames - planes.shape[2])))
        out.append(planes.reshape(config.planes, config.keys, count, config.frames).transpose(2, 0, 3, 1))
    windows = np.concatenate(out)
    return torch.from_numpy(windows[:, 0] > 0), torch.from_numpy(windows)


@torch.no_grad()
def scores(model, right, moved):
    (wanted, inputs), (copied, others) = (frames(model.config, sorted(p.glob("*.mid"))) for p in (right, moved))
    found, repaired = (torch.cat([model(x[i : i + 256])[:, 0] for i in range(0, len(x), 256)]) > model.threshold
                       for x in (inputs, others))  # fmt: skip
    return {"f1_right": f1(found, wanted), "f1_wrong": f1(repaired, wanted), "f1_copy": f1(copied, wanted)}


def run(program, data, out, noise, loss, seed):
    folder = out / f"{noise}.{seed}"
    model = folder / f"{list(AUTOENCODERS).index(loss)}.safetensors"
    subprocess.run([program, "train", folder / "train", "--valid", folder / "valid", "--preset", "bar", "--decoder", "0",
                    "--latent", "16", "--hidden", "128", *AUTOENCODERS[loss], "--steps", "500", "--seed", str(seed), "--threads", "1",
                    "-o", model, "--quiet"], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    row = scores(Autoencoder.load(model), data / "jsb-chorales/midi/test", folder / "test")
    model.unlink()
    return row


def main():
    program, data, out = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
    torch.set_num_threads(1)
    runs = Runs(out / "autoencoder.csv", AUTOENCODER_KEY, AUTOENCODER_VALUES)
    seeds = [int(s) for s in os.environ.get("SEEDS", "1 2 3 4 5").split()]
    noises, losses = (os.environ.get(name, "").split() for name in ("NOISES", "LOSSES"))
    plan = [(noise, loss, seed) for noise in AUTOENCODER_NOISES for seed in seeds for loss in AUTOENCODERS
            if (not noises or noise in noises) and (not losses or loss in losses)]  # fmt: skip
    left = [p for p in plan if not runs.done(*p)]
    for noise, seed in sorted({(noise, seed) for noise, _, seed in left}):
        make_wrong(noise, seed, data, out)
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        waiting = {pool.submit(run, program, data, out, *p): p for p in left}
        for finished, done in enumerate(concurrent.futures.as_completed(waiting), 1 + len(plan) - len(left)):
            runs.add(waiting[done], done.result())
            print(f"autoencoders: {finished} of {len(plan)} training runs done: {waiting[done]}", file=sys.stderr)
    runs.sort(lambda row: (AUTOENCODER_NOISES.index(row["noise"]), list(AUTOENCODERS).index(row["loss"]), int(row["seed"])))


if __name__ == "__main__":
    main()
