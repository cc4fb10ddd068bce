#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The speed of python -m spiral_loss.train: windows/s of the autoencoder, frames/s of the decoder, share of the loss.

    bench/train_torch.py CORPUS... [--device cpu] [--seconds 2] [--csv FILE] [--batch N...] [--only NETWORK]
    torchrun --nproc-per-node=2 bench/train_torch.py CORPUS... --device cpu

Each row is one setting: steps run for some seconds after a warm-up. loss_share: time of the loss alone, forward and
backward, on logits of the same shape, divided by that of a step. draw_share: the same for drawing a batch in C.
"""
import argparse
import csv
import os
import platform
import sys
import tempfile
import time

import torch
import torch.distributed as dist
from spiral_loss import train
from spiral_loss._decoder_steps import DecoderSteps

COLUMNS = ("device", "processes", "network", "batch", "units", "options", "cells", "parameters", "ms_per_step", "per_s",
           "loss_share", "draw_share", "cpu_ms_per_step", "load")


def device_name(device):
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_each(work, device, seconds, warm_up=3):
    """The mean wall-clock time and processor time of a call; all processes make the same number of calls."""
    for _ in range(warm_up):
        work()
    wait(device)
    begin = time.perf_counter()
    work()
    wait(device)
    count = int(train._agree(max(3, min(2000, seconds / max(time.perf_counter() - begin, 1e-5)))))
    begin, used = time.perf_counter(), time.process_time()
    for _ in range(count):
        work()
    wait(device)
    return (time.perf_counter() - begin) / count, (time.process_time() - used) / count


def clock_of(device):
    """The clock for shares: on a CPU that of processor time, on which other load has less effect than on wall-clock time."""
    return int(device.type == "cpu")


def loss_alone(steps, device, seconds):
    c = steps.trainer.config
    shape = (steps.rows * c.planes, c.frames, c.high - c.low + 1)
    logits = torch.randn(shape, device=device, requires_grad=True)
    target = (torch.rand(shape, device=device) < 0.05).float()

    def work():
        logits.grad = None
        steps.loss(logits, target).backward()

    return seconds_each(work, device, seconds)[clock_of(device)]


def step_of(steps, trainer):
    def work():
        steps.gradient()
        steps.step(1e-4)
        trainer.count_step(0.0, 0.0)

    return work


def arguments_of(known, output, more):
    return train._parser().parse_args([*known.corpus, "-o", output, "--device", known.device, "--steps", "1000000",
                                       "--threads", str(known.threads), *more])


def row_of(device, a, network, steps, times, per_step, loss_s=None, draw_s=None):
    c, step_s, whole = steps.trainer.config, times[0], times[clock_of(device)]
    return {"device": device_name(device), "processes": train.world(), "network": network, "batch": a.batch,
            "units": a.hidden if network == "autoencoder" else a.decoder,
            "options": " ".join(o for o in ("bf16", "compile") if getattr(a, o)) or "float32",
            "cells": c.planes * c.frames * (c.high - c.low + 1), "parameters": sum(p.numel() for p in steps.parameters.values()),
            "ms_per_step": f"{1e3 * step_s:.3f}", "per_s": f"{per_step / step_s:.0f}",
            "loss_share": "" if loss_s is None else f"{loss_s / whole:.3f}",
            "draw_share": "" if draw_s is None else f"{draw_s / whole:.3f}",
            "cpu_ms_per_step": f"{1e3 * times[1]:.3f}", "load": f"{os.getloadavg()[0]:.1f}"}


def measure_autoencoder(known, device, output, more):
    a = arguments_of(known, output, ["--decoder", "0", *more])
    run = train.Run(a, device)
    run.trainer.start(1000000)
    steps = train.AutoencoderSteps(run.trainer, a, device)
    times = seconds_each(step_of(steps, run.trainer), device, known.seconds)
    draw_s = seconds_each(lambda: run.trainer.draw_windows(steps.first, steps.rows), torch.device("cpu"), 0.2)[clock_of(device)]
    return row_of(device, a, "autoencoder", steps, times, a.batch, loss_alone(steps, device, 0.3), draw_s)


def measure_decoder(known, device, output, more):
    a = arguments_of(known, output, ["--hidden", "32", "--batch", "32", *more])
    run = train.Run(a, device)
    run.trainer.start(1)
    run.trainer.count_step(0.0, 0.0)
    if train.rank() == 0:
        run.trainer.validate()
        run.trainer.start_decoder(1000000)
    run.share_state()
    steps = DecoderSteps(run.trainer, a, device)
    times = seconds_each(step_of(steps, run.trainer), device, known.seconds)
    draw_s = seconds_each(lambda: run.trainer.draw_parts(steps.streams), torch.device("cpu"), 0.2)[clock_of(device)]
    return row_of(device, a, "decoder", steps, times, 128, None, draw_s)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", nargs="+")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--csv")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--batch", type=int, nargs="+", default=[256, 2048, 16384])
    parser.add_argument("--only", choices=("autoencoder", "decoder"))
    known = parser.parse_args()
    device = torch.device(known.device, int(os.environ.get("LOCAL_RANK", 0))) if known.device == "cuda" else torch.device("cpu")
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if known.threads:
        torch.set_num_threads(known.threads)
    gpu = device.type == "cuda"
    options = [[], ["--bf16"], ["--bf16", "--compile"]] if gpu else [[]]
    settings = [(measure_autoencoder, ["--hidden", units, "--batch", str(batch), *o])
                for units in (("512", "2048") if gpu else ("512",)) for batch in known.batch for o in options]
    decoders = [(measure_decoder, ["--decoder", units, *o]) for units in ("96", "256") for o in options[:2]]
    settings = (settings if known.only != "decoder" else []) + (decoders if known.only != "autoencoder" else [])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(train._agree(folder), "model.safetensors")
        for measure, more in settings:
            rows.append(measure(known, device, output, more))
            if train.rank() == 0:
                print(" ".join(f"{k} {v}" for k, v in rows[-1].items() if v != ""), flush=True)
                if known.csv:  # after each row, so that results are kept if time runs out
                    with open(known.csv, "w", newline="") as file:
                        writer = csv.DictWriter(file, COLUMNS)
                        writer.writeheader()
                        writer.writerows(rows)
        if dist.is_initialized():
            dist.barrier()
            dist.destroy_process_group()


if __name__ == "__main__":
    sys.exit(main())
