# SPDX-License-Identifier: MIT
"""Steps of the note-by-note decoder: C draws the streams and reads their features, PyTorch computes.

A batch is four streams (src/train/decoder_objective.h); of N processes, process r has those with number r modulo N, so
that more than four do not help. The layers are those of `decoder.Decoder`, on features that are sparse.
"""

from __future__ import annotations

import argparse
from typing import Any, Optional

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from . import _trainer
from .decoder import Decoder
from .train import Network, cells, rank, world

__all__ = ["DecoderSteps"]

DECAY, BETA2, CLIP, MEAN_DECAY, MEAN_EVERY = 0.1, 0.98, 1.0, 0.9995, 4  # of src/train/decoder_training.c
Bag = tuple[Tensor, Tensor, Tensor]  # rows, where each unit begins, values


class _Parts(torch.nn.Module):
    """Parts of S streams -> logits (T, S, P, planes) and the states after each frame, (T, S, P, H).

    dropout (3, T, S, 1, H): factors of the states as the head reads them and of its two layers.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        for name, parameter in Decoder(config).named_parameters():
            self.register_parameter(name, parameter)

    @staticmethod
    def _sum(bags: list[Bag], rows: Tensor, T: int, S: int, P: int, classes: int) -> Tensor:
        """Sums of the features' rows: of each frame, pitch class and key."""
        frame, of_class, key = (F.embedding_bag(i, rows, o, mode="sum", per_sample_weights=v) for i, o, v in bags)
        n = rows.shape[1]
        shared = frame.reshape(T, S, 1, n) + of_class.reshape(T, S, classes, n)
        every = torch.arange(P, device=rows.device) % 12
        return key.reshape(T, S, P, n) + shared[:, :, every]

    def forward(
        self, bags: list[list[Bag]], state: Tensor, dropout: Tensor, T: int, classes: int
    ) -> tuple[Tensor, Tensor]:
        w = dict(self.named_parameters())
        S, P, H = state.shape
        x = self._sum(bags[0], w["recurrent_rows"], T, S, P, classes) + w["recurrent_input_bias"]
        h, states = state, []
        for t in range(T):
            s = h @ w["recurrent_weight"] + w["recurrent_state_bias"]
            r, z = torch.sigmoid(x[t, ..., : 2 * H] + s[..., : 2 * H]).chunk(2, -1)
            h = z * h + (1 - z) * torch.tanh(x[t, ..., 2 * H :] + r * s[..., 2 * H :])
            states.append(h)
        after = torch.stack(states)
        y = self._sum(bags[1], w["head_rows"], T, S, P, classes) + w["head_0_bias"]
        y = F.silu(y + (after * dropout[0]) @ w["head_0_weight"]) * dropout[1]
        y = F.silu(y @ w["head_1_weight"] + w["head_1_bias"]) * dropout[2]
        return y @ w["out_weight"] + w["out_bias"], after


class DecoderSteps(Network):
    """Steps of the decoder."""

    def __init__(self, trainer: _trainer.Trainer, a: argparse.Namespace, device: torch.device) -> None:
        self.arguments, self.device, c = a, device, trainer.config
        self.low, self.keys, self.hidden = c.low, c.high - c.low + 1, c.decoder
        config = {
            "grid": _trainer.GRIDS[c.grid.kind], "steps_per_quarter": c.grid.steps_per_quarter, "decoder": c.decoder,
            "planes": c.planes, "low": c.low, "high": c.high,
        }  # fmt: skip
        parts = _Parts(config).to(device)
        named = {Decoder._in_file(n): p for n, p in parts.named_parameters()}
        super().__init__(trainer, named, DECAY, BETA2)
        module: Any = parts
        if world() > 1:
            module = DistributedDataParallel(module, device_ids=[device.index] if device.type == "cuda" else None)
        self.module: Any = torch.compile(module) if a.compile else module
        self.streams = [s for s in range(_trainer.STREAMS) if s % world() == rank()]
        self.parts: list[_trainer.Part] = []
        self.state: Optional[Tensor] = None  # (streams, P, H); before the first step it is in C
        self.step_now = int(trainer.state().step)
        self.pull(self.step_now)
        mean = trainer.decoder_mean()
        self.mean = {n: p.detach().clone() for n, p in named.items()}
        self._copy(mean, self.mean, True)

    def size(self) -> int:
        """The approximate number of frames in a step of all processes."""
        return 128

    def _bags(self, parts: list[_trainer.Part], reader: int, T: int) -> list[Bag]:
        """Of the three scopes; units in the order (frame, stream, unit), those after a stream's end empty."""
        bags = []
        for scope in range(3):
            each = (1, parts[0].classes, self.keys)[scope]
            lengths = np.zeros((T, len(parts), each), np.int64)
            found = []
            for s, part in enumerate(parts):
                begin, features = _trainer.features_of(part, self.keys, reader, scope)
                lengths[: part.frames, s] = np.diff(begin).reshape(part.frames, each)
                found.append((begin[::each], features))
            rows = [
                features[begin[t] : begin[t + 1]] for t in range(T) for begin, features in found if t + 1 < len(begin)
            ]
            entries = np.concatenate(rows) if rows else np.empty(0, _trainer.FEATURE)
            offsets = np.cumsum(lengths.reshape(-1)) - lengths.reshape(-1)
            bags.append(tuple(
                torch.from_numpy(np.ascontiguousarray(x)).to(self.device, non_blocking=True)
                for x in (entries["row"].astype(np.int64), offsets, entries["value"])
            ))  # fmt: skip
        return bags  # type: ignore[return-value]

    def _planes(self, parts: list[_trainer.Part], field: str, T: int) -> Tensor:
        """Key sets of the streams as cells (T, S, P); missing ones are 0."""
        words = np.zeros((T, len(parts), 2), np.uint64)
        for s, part in enumerate(parts):
            found = _trainer.keys_of(getattr(part, field), part.frames)
            if found is not None:
                words[: part.frames, s] = found
        return cells(words, self.low, self.keys, self.device)

    def _dropout(self, parts: list[_trainer.Part], T: int) -> Tensor:
        """Factors (3, T, S, 1, H); those after a stream's end are 1."""
        factors = np.ones((3, T, len(parts), 1, self.hidden), np.float32)
        for s, part in enumerate(parts):
            for i, address in enumerate(part.dropout):
                if address:
                    values = _trainer._view(address, part.frames * self.hidden, np.float32)
                    factors[i, : part.frames, s, 0] = values.reshape(part.frames, self.hidden)
        return torch.from_numpy(factors).to(self.device)

    def _state(self, parts: list[_trainer.Part]) -> Tensor:
        if self.state is None:
            arrays = [_trainer._view(p.state, self.keys * self.hidden, np.float32) for p in parts]
            self.state = torch.from_numpy(np.stack(arrays)).to(self.device).reshape(-1, self.keys, self.hidden)
        keep = torch.tensor([0.0 if p.begins else 1.0 for p in parts]).to(self.device)
        return self.state * keep[:, None, None]

    def gradient(self) -> tuple[Tensor, Tensor]:
        """Adds the gradient of the next step; nats per frame of all, of this process's streams."""
        self.parts, frames = self.trainer.draw_parts(self.streams)
        own = [self.parts[s] for s in self.streams]
        if not own:  # more processes than streams: its gradient is 0
            zero: Tensor = torch.stack([p.sum() * 0.0 for p in self.module.parameters()]).sum()
            zero.backward()  # type: ignore[no-untyped-call]
            return zero.detach(), zero.detach()
        T = max(p.frames for p in own)
        bags = [self._bags(own, reader, T) for reader in range(2)]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.arguments.bf16):
            logits, states = self.module(bags, self._state(own), self._dropout(own, T), T, own[0].classes)
        ends = torch.tensor([p.frames for p in own])
        self.state = torch.stack([states[end - 1, s] for s, end in enumerate(ends)]).detach().float()
        logits, sounding = logits.float(), self._planes(own, "sounding", T)
        nats = F.binary_cross_entropy_with_logits(logits[..., 0], sounding, reduction="none")
        if self.trainer.config.planes == 2:
            onsets = self._planes(own, "onsets", T)
            nats = nats + sounding * F.binary_cross_entropy_with_logits(logits[..., 1], onsets, reduction="none")
        inside = (torch.arange(T)[:, None] < ends).to(self.device)
        open_cells = (1 - self._planes(own, "known", T)) * inside[..., None]
        loss = (nats * open_cells).sum() / frames
        (loss * world()).backward()  # type: ignore[no-untyped-call]
        return loss.detach(), loss.detach() * 0

    def step(self, rate: float) -> None:
        """Clips the gradient to norm 1; AdamW."""
        torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), CLIP)
        super().step(rate)

    def after_step(self, step: int) -> None:
        """The mean of the weights moves towards them."""
        if (step - 1) % MEAN_EVERY:
            return
        share = 1 - min(MEAN_DECAY, step / (step + 9)) ** MEAN_EVERY
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.values()), list(self.parameters.values()), share)

    def push(self) -> None:
        """Weights, moments, their mean and the states of the streams to C."""
        super().push()
        mean = self.trainer.decoder_mean()
        self._copy(mean, self.mean, False)
        self.trainer.set_decoder_mean(mean)
        if world() == 1:
            self._write_states(self.state, self.streams)

    def _write_states(self, state: Optional[Tensor], streams: list[int]) -> None:
        for s, values in zip(streams, [] if state is None else state.cpu().numpy()):
            _trainer._view(self.parts[s].state, self.keys * self.hidden, np.float32)[:] = values.reshape(-1)

    def collect_states(self) -> None:
        """The states of all streams to the C trainer of every process."""
        if world() == 1:
            return
        shape = (_trainer.STREAMS, self.keys, self.hidden)
        whole = torch.zeros(shape, device=self.device)
        if self.state is not None:
            whole[self.streams] = self.state
        dist.all_reduce(whole)
        self._write_states(whole, list(range(_trainer.STREAMS)))
