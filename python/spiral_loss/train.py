# SPDX-License-Identifier: MIT
"""The training of `spiral train` with PyTorch, on one process or many: the same windows, schedule and model file.

    python -m spiral_loss.train my_midi/ -o model.safetensors --steps 20000
    torchrun --nproc-per-node=8 -m spiral_loss.train corpus.pack -o model.safetensors --steps 200000 --bf16

The C library reads the music, draws each step's windows, validates, and saves and resumes the training; PyTorch
computes the steps. N processes share each batch, so they train on the same windows as one process; docs/scale.md says
how that scales. Flags are those of `spiral train`. libspiral-net must be installed (`make install`), which the package
does not contain. Read next: `_train_options`, `_trainer`, then `_decoder_steps`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Optional

try:
    import numpy as np
    import torch
    import torch.distributed as dist
    from torch import Tensor
    from torch.nn.parallel import DistributedDataParallel

    from . import _train_options as options
    from . import _trainer
    from .errors import Error
    from .model import Autoencoder
except (ImportError, OSError) as error:  # OSError: SPIRAL_LOSS_LIBRARY names a file that cannot be loaded
    if __name__ != "__main__":
        raise
    why = "needs PyTorch: pip install torch" if getattr(error, "name", None) == "torch" else error
    sys.exit(f"spiral_loss.train: {why}")

__all__ = ["main"]

VALIDATIONS, SYNC_EVERY, TRIAL_STEPS = 20, 20, 1_000_000
AUTOENCODER, DECODER = 0, 1  # spiral_train_network


# ---- steps ---------------------------------------------------------------------------------------------------------


class _Windows(torch.nn.Module):
    """The autoencoder with its posterior's noise given: windows -> logits and KL terms."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, windows: Tensor, noise: Optional[Tensor]) -> tuple[Tensor, Optional[Tensor]]:
        mean, log_variance = self.model.posterior(windows)
        if log_variance is None or noise is None:
            return self.model.decode(mean), None
        logits = self.model.decode(mean + torch.exp(0.5 * log_variance) * noise)
        return logits, Autoencoder.kl(mean, log_variance)


def cells(words: np.ndarray, low: int, keys: int, device: torch.device) -> Tensor:
    """Key sets (..., 2) of words -> (..., keys) of ones and zeros; the bits are sent to the device, not the cells."""
    if device.type == "cpu":
        bits = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=-1, bitorder="little")
        return torch.from_numpy(bits[..., low : low + keys]).float()
    key = torch.arange(low, low + keys, device=device)
    sets = torch.from_numpy(words.view(np.int64)).to(device, non_blocking=True)
    return (sets[..., key >> 6] >> (key & 63) & 1).float()


class Network:
    """A network's trained tensors between C's arrays and PyTorch, and AdamW on them."""

    def __init__(self, trainer: _trainer.Trainer, parameters: Mapping[str, Tensor], decay: float, beta2: float) -> None:
        self.trainer, self.parameters, places = trainer, parameters, trainer.places()
        self.places = {name: places[name] for name in parameters}
        groups: tuple[list[Tensor], list[Tensor]] = ([], [])
        for name, parameter in parameters.items():
            groups[not self.places[name][3]].append(parameter)
        on_gpu = next(iter(parameters.values())).device.type == "cuda"
        self.optimizer = torch.optim.AdamW(
            [{"params": groups[0], "weight_decay": decay}, {"params": groups[1], "weight_decay": 0.0}],
            lr=torch.tensor(0.0) if on_gpu else 0.0, betas=(0.9, beta2), eps=1e-8, fused=on_gpu or None,
        )  # fmt: skip

    def _copy(self, array: Any, tensors: Mapping[str, Tensor], to_torch: bool) -> None:
        for name, tensor in tensors.items():
            begin, rows, columns, _ = self.places[name]
            view = array[begin : begin + rows * columns]
            if to_torch:
                tensor.data.copy_(torch.from_numpy(view.copy()).reshape(tensor.shape))
            else:
                view[:] = tensor.detach().float().cpu().numpy().reshape(-1)

    def pull(self, step: int) -> None:
        """Weights and moments as they are in C, before step number `step`."""
        weights, *moments = self.trainer.arrays()
        self._copy(weights, self.parameters, True)
        for name, parameter in self.parameters.items():
            state = self.optimizer.state[parameter]
            fused = parameter.device.type == "cuda"
            state["step"] = torch.tensor(float(step), device=parameter.device if fused else "cpu")
            for key, array in zip(("exp_avg", "exp_avg_sq"), moments):
                state[key] = torch.empty_like(parameter)
                self._copy(array, {name: state[key]}, True)

    def push(self) -> None:
        """Weights and moments to C."""
        weights, *moments = self.trainer.arrays()
        self._copy(weights, self.parameters, False)
        for key, array in zip(("exp_avg", "exp_avg_sq"), moments):
            self._copy(array, {n: self.optimizer.state[p][key] for n, p in self.parameters.items()}, False)
        self.trainer.update()

    def step(self, rate: float) -> None:
        """AdamW."""
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


class AutoencoderSteps(Network):
    """Steps of the autoencoder."""

    def __init__(self, trainer: _trainer.Trainer, a: argparse.Namespace, device: torch.device) -> None:
        self.arguments, self.device = a, device
        model = Autoencoder(options.config(trainer.config)).to(device)
        super().__init__(trainer, dict(model.named_parameters()), a.decay, 0.99)
        self.loss = options.torch_loss(a).to(device)
        module: Any = _Windows(model)
        if world() > 1:
            module = DistributedDataParallel(module, device_ids=[device.index] if device.type == "cuda" else None)
        self.module = torch.compile(module) if a.compile else module
        share = [a.batch * r // world() for r in range(world() + 1)]
        self.first, self.rows = share[rank()], share[rank() + 1] - share[rank()]
        self.pull(int(trainer.state().step))

    def gradient(self) -> tuple[Tensor, Tensor]:
        """Adds the gradient of the next step; its loss and KL term, of this process's share, per window of all."""
        c, a = self.trainer.config, self.arguments
        words, noise = self.trainer.draw_windows(self.first, self.rows)
        windows = cells(words, c.low, c.high - c.low + 1, self.device)
        drawn = None if noise is None else torch.from_numpy(noise).to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=a.bf16):
            logits, kl = self.module(windows, drawn)
        loss = self.loss(logits.float().flatten(0, 1), windows.flatten(0, 1)) / a.batch
        objective, divergence = loss, loss.new_zeros(())
        if kl is not None:
            divergence = kl.float().sum() / a.batch
            objective = loss + a.beta * torch.where(kl > a.free_bits, kl, 0.0).float().sum() / a.batch
        (objective * world()).backward()  # DistributedDataParallel divides by it
        return (loss + a.beta * divergence).detach(), divergence.detach()

    def after_step(self, step: int) -> None:
        """Nothing to do: a step changes nothing but weights and moments."""

    def collect_states(self) -> None:
        """Nothing to do: the autoencoder has no state between steps."""

    def size(self) -> int:
        """Windows of a step, of all processes."""
        return int(self.arguments.batch)


# ---- the loop ------------------------------------------------------------------------------------------------------


def rank() -> int:
    """The number of this process."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """The number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def _barrier() -> None:
    if dist.is_initialized():
        dist.barrier()


def _agree(value: float) -> float:
    """The value of rank 0, on every process."""
    if not dist.is_initialized():
        return value
    shared = [value]
    dist.broadcast_object_list(shared, 0)
    return shared[0]


class Run:
    """A training: its trainer, what it prints, and when it saves."""

    def __init__(self, a: argparse.Namespace, device: torch.device) -> None:
        self.a, self.device, self.begin = a, device, time.monotonic()
        self.state_path = a.output + ".unfinished"
        self.loss = options.c_loss(a)
        corpora = options.corpora(a, rank() == 0)
        self.trainer = _trainer.Trainer(options.c_options(a, self.loss), options.c_config(a, corpora[0]), *corpora)
        self.log = open(a.log, "a" if a.resume else "w") if a.log and rank() == 0 else None  # noqa: SIM115
        self.saved, self.speed = self.begin, 0.0

    def say(self, text: str) -> None:
        """Prints a line, on rank 0 only."""
        if rank() == 0 and not self.a.quiet:
            print(f"spiral_loss.train: {text}", file=sys.stderr, flush=True)

    def share_state(self) -> None:
        """The other processes load rank 0's training from its file."""
        if world() == 1:
            return
        if rank() == 0:
            self.trainer.save(self.state_path)
        _barrier()
        if rank():
            self.trainer.load(self.state_path)
        _barrier()

    def report(self, network: int, valid: _trainer.Validation) -> None:
        """Prints and logs a validation."""
        s, seconds = self.trainer.state(), time.monotonic() - self.begin
        line: dict[str, Any] = {
            "network": ("autoencoder", "decoder")[network], "step": s.step, "steps": s.steps, "seconds": seconds,
            "rate": s.learning_rate, "best_step": s.best_step,
        }  # fmt: skip
        if network == DECODER:
            line.update(frames_per_second=self.speed, train_nats_per_frame=valid.train_nats_per_frame,
                        valid_nats_per_frame=valid.nats_per_frame)  # fmt: skip
            shown = f"nats per frame {valid.train_nats_per_frame:.4f}, valid {valid.nats_per_frame:.4f}"
        else:
            line.update(windows_per_second=self.speed, train_loss=valid.train_loss, kl_nats=valid.train_kl,
                        valid_loss=valid.loss, valid_f1=valid.f1, valid_exact=valid.exact)  # fmt: skip
            shown = f"loss {valid.train_loss:.4f}, valid {valid.loss:.4f}, F1 {valid.f1:.4f}"
        self.say(f"step {s.step} of {s.steps}: {shown}; {self.speed:.0f} {'frames' if network else 'windows'}/s")
        if self.log:
            self.log.write(json.dumps(line) + "\n")
            self.log.flush()

    def loop(self, steps: Any, network: int) -> None:
        """Makes the remaining steps of a network."""
        s = self.trainer.state()
        step, planned, rate = int(s.step), int(s.steps), s.learning_rate
        every = max(planned // s.validations, 1)
        pending: list[tuple[Tensor, Tensor]] = []
        begin, first = time.monotonic(), step
        while step < planned:
            pending.append(steps.gradient())
            steps.step(rate)
            step += 1
            steps.after_step(step)
            due = step % every == 0 or step == planned
            # Losses stay on the device until they are needed, so that steps follow each other without waiting.
            together = due or step % SYNC_EVERY == 0
            loss, kl, save = self.collect(pending) if together else (0.0, 0.0, False)
            self.trainer.count_step(loss, kl)
            rate = self.trainer.state().learning_rate
            if together:
                self.speed = (step - first) * steps.size() / (time.monotonic() - begin)
            if due and rank() == 0:
                steps.push()
                self.report(network, self.trainer.validate())
            if save and step < planned:
                steps.collect_states()
                if rank() == 0:
                    steps.push()
                    self.trainer.save(self.state_path)
                self.saved = time.monotonic()
        if rank() == 0:
            steps.push()

    def collect(self, pending: list[tuple[Tensor, Tensor]]) -> tuple[float, float, bool]:
        """The sums of losses since the last call, of all processes, and whether rank 0 wants to save."""
        wanted = rank() == 0 and time.monotonic() - self.saved > self.a.save_every
        sums = torch.stack([torch.stack([p[i].double() for p in pending]).sum() for i in range(2)])
        sums = torch.cat([sums, sums.new_full((1,), float(wanted))])
        pending.clear()
        if dist.is_initialized():
            dist.all_reduce(sums)
        loss, kl, save = sums.tolist()
        return loss, kl, save > 0

    # ---- how many steps ----

    def steps_that_fit(self, steps: Any, left_s: float) -> int:
        """The number of steps that fit in a time, by timing some; the training must be started again afterwards."""
        for _ in range(3):  # the first are slower
            float(steps.gradient()[0])
            steps.step(0.0)
            self.trainer.count_step(0.0, 0.0)
        begin, count, entered = time.monotonic(), 0, time.monotonic()
        while _agree(time.monotonic() - begin) < min(2.0, 0.03 * left_s) and count < 1000:
            float(steps.gradient()[0])
            steps.step(0.0)
            self.trainer.count_step(0.0, 0.0)
            count += 1
        step_s = (time.monotonic() - begin) / count
        begin = time.monotonic()
        if rank() == 0:
            steps.push()
            self.trainer.validate()
        end = time.monotonic()
        left_s -= end - entered + (VALIDATIONS + 3) * (end - begin)
        return int(_agree(max(1, left_s // step_s)))

    def start(self) -> None:
        """Plans the autoencoder's steps and begins."""
        a, s = self.a, self.trainer.state()
        if a.epochs:
            self.trainer.start(max(1, math.ceil(a.epochs * s.windows_per_epoch / a.batch)))
        elif a.steps:
            self.trainer.start(int(a.steps))
        else:
            self.trainer.start(TRIAL_STEPS)
            seconds = (a.time or 120.0) * (1 - a.decoder_share if a.decoder else 1)
            left = seconds - (time.monotonic() - self.begin)
            self.trainer.start(self.steps_that_fit(AutoencoderSteps(self.trainer, a, self.device), left))

    def start_decoder(self, make: Any) -> None:
        """Plans the decoder's steps and begins; rank 0 has the best weights of the autoencoder."""
        a, s = self.a, self.trainer.state()
        steps = a.decoder_steps or a.steps
        if not steps and a.epochs:
            steps = max(1, math.ceil(a.epochs * s.frames_per_epoch / 128))

        def begin(steps: int) -> None:
            if rank() == 0:
                self.trainer.start_decoder(steps)
            self.share_state()

        begin(int(steps or TRIAL_STEPS))
        if not steps:
            left = (a.time or 120.0) - (time.monotonic() - self.begin)
            begin(self.steps_that_fit(make(self.trainer, a, self.device), left))

    def finish(self) -> None:
        """Completes and saves the model."""
        if rank() == 0:
            self.trainer.finish()
            self.trainer.save(self.a.output)
            if os.path.exists(self.state_path):
                os.unlink(self.state_path)
        _barrier()
        s = self.trainer.state()
        self.say(f"{self.a.output}: valid F1 {s.best_f1:.4f}, {time.monotonic() - self.begin:.0f} s")


def _check_output(a: argparse.Namespace) -> None:
    """Checks that no file is overwritten but a model, and no training that could be resumed."""
    state = a.output + ".unfinished"
    if a.resume and not os.path.exists(state):
        raise SystemExit(f"spiral_loss.train: {state}: no training to resume: there is no such file")
    if not a.resume and os.path.exists(state):
        raise SystemExit(
            f"spiral_loss.train: {state}: a training of this model that is not finished; continue it with --resume, "
            "or remove the file to begin a new one"
        )
    if os.path.exists(a.output):
        with open(a.output, "rb") as file:
            if file.read(9)[8:] not in (b"{", b""):
                raise SystemExit(f"spiral_loss.train: {a.output}: not a model file; it is not overwritten")


def run(a: argparse.Namespace, device: torch.device) -> None:
    """The whole training."""
    from ._decoder_steps import DecoderSteps

    training = Run(a, device)
    if a.resume:
        training.trainer.load(training.state_path)
    else:
        training.start()
    if training.trainer.state().network == AUTOENCODER:
        training.loop(AutoencoderSteps(training.trainer, a, device), AUTOENCODER)
        if a.decoder:
            training.start_decoder(DecoderSteps)
    if training.trainer.state().network == DECODER:
        training.loop(DecoderSteps(training.trainer, a, device), DECODER)
    training.finish()


def main(arguments: Optional[list[str]] = None) -> int:
    """Runs the command line; 0: done, 1: failed."""
    parser = options.parser()
    a = parser.parse_args(arguments)
    if a.eta is not None and a.loss != "channel":
        parser.error(f"--eta {a.eta:g}: only --loss channel has it")
    device = torch.device(a.device)
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", device.index or 0)))
        torch.cuda.set_device(device)
    if a.threads:
        torch.set_num_threads(a.threads)
    if "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", 1)) > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        if rank() == 0:
            _check_output(a)
        _barrier()
        run(a, device)
    except Error as error:
        print(f"spiral_loss.train: {error}", file=sys.stderr)
        return 1
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    return 0


def _exit(status: int) -> None:
    """Ends the process, without the interpreter's own cleaning up if there are several processes.

    DistributedDataParallel keeps the process group after destroy_process_group(), and gloo's threads with it. A thread
    that frees a tensor while the interpreter shuts down ends the process with SIGABRT (PyTorch 2.13), after a training
    that was completed and saved.
    """
    if "RANK" not in os.environ:
        sys.exit(status)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _exit(main())
