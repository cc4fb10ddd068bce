# SPDX-License-Identifier: MIT
"""The note-by-note decoder of the C program as a torch.nn.Module, in the same model file.

    decoder = Decoder.load("model.safetensors")
    decoder.nats(sounding, onsets)      # of every frame of a piece, given the frames before

Cells are decided frame after frame and, within a frame, from the lowest key to the highest. `features` gives what is
read for each cell; the layers are nn.GRU's equations along time and a dense head. Parameters have the names and shapes
of the file. Written from src/decode/features.h in another way than the C code: each tests the other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from . import _safetensors

__all__ = ["Decoder", "features"]

Array = npt.NDArray[Any]
Path = Union[str, "os.PathLike[str]"]
LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
CLASS_LAGS = (2, 4, 8, 16)
FADES = (0.8, 0.94, 0.98, 0.995)
RARE = 0.005
HEARD = 0.02
SKETCH_BOUNDS = (0.02, 0.05, 0.12, 0.27, 0.5, 0.73, 0.88, 0.95)
PREFIX = "notes."


def _near(a: Array, below: int, above: int, outside: float = 0) -> Array:
    """(T, P) -> (T, P, below + above + 1): the numbers at p - below .. p + above."""
    padded = np.pad(a, ((0, 0), (max(below, 0), max(above, 0))), constant_values=outside)
    windows = np.lib.stride_tricks.sliding_window_view(padded, below + above + 1, axis=1)
    return windows[:, : a.shape[1]].astype(np.float32)


def _one_hot(index: Array, n: int, where: Optional[Array] = None) -> Array:
    hot = np.zeros((*index.shape, n), np.float32)
    np.put_along_axis(hot, np.clip(index, 0, n - 1)[..., None].astype(np.int64), 1, -1)
    return hot if where is None else hot * where[..., None]


def _shifted(a: Array, frames: int) -> Array:
    """Frame t holds frame t + frames of a, or zeros."""
    out = np.zeros_like(a)
    if frames < 0:
        out[-frames:] = a[:frames]
    else:
        out[: len(a) - frames] = a[frames:]
    return out


def _classes(a: Array) -> Array:
    """(T, P) -> (T, 12): sums over the keys of each class p mod 12."""
    out = np.zeros((len(a), 12), np.float32)
    for p in range(a.shape[1]):
        out[:, p % 12] += a[:, p]
    return out


def _from_p(classes: Array, P: int) -> Array:
    """(T, 12) -> (T, P, 12): counted from the class of p upward."""
    return np.stack([np.roll(classes, -(p % 12), axis=1) for p in range(P)], axis=1)


def _age_class(age: Array) -> Array:
    return np.searchsorted((1, 2, 3, 4, 6, 8, 12, 16), age)


def _past(sounding: Array, starts: Array) -> tuple[Array, Array, Array]:
    """Before each frame: ages (T, P), fading means (3, T, P), shares of the past in which keys sounded (T, P)."""
    T, P = sounding.shape
    ages, means = np.zeros((T, P), int), np.zeros((4, T, P), np.float32)
    age, mean = np.zeros(P, int), np.zeros((4, P), np.float32)
    fade = np.array(FADES, np.float32)[:, None]
    whole, wholes = np.zeros(1, np.float32), np.ones((T, 1), np.float32)
    for t in range(T):
        ages[t], means[:, t] = age, mean
        if t:
            wholes[t] = whole
        age = np.where(sounding[t], np.where(starts[t], 1, age + 1), 0)
        mean = mean * fade + np.where(sounding[t], 1 - fade, np.float32(0))
        whole = whole * fade[3] + (1 - fade[3])
    return ages, means[:3], means[3] / wholes


def _usual(x: dict[str, Any]) -> list[Array]:
    """USUAL, USUAL_BELOW, USUAL_ABOVE, UNUSUAL."""
    usual = x["past"][2]
    T, P = usual.shape
    is_usual, keys = usual >= RARE, np.arange(P)
    any_usual = np.broadcast_to(is_usual.any(1, keepdims=True), (T, P))
    until = np.cumsum(usual, 1, dtype=np.float32)
    below = np.concatenate([np.zeros((T, 1), np.float32), until[:, :-1]], 1)
    lowest, highest = np.argmax(is_usual, 1)[:, None], P - 1 - np.argmax(is_usual[:, ::-1], 1)[:, None]
    groups = [_near(usual, 2, 2) * any_usual[..., None]]
    for share in (below, until[:, -1:] - until):
        groups.append(_one_hot((2 * share + np.float32(0.5)).astype(int), 12, any_usual))
    for apart in (lowest - keys, keys - highest):
        groups.append(_one_hot(np.minimum(apart, 13) - 1, 13, any_usual & (apart > 0)))
    return groups


def _voices(a: Array) -> tuple[Array, Array]:
    """The sounding keys of each frame from the lowest up, (T, P), and how many they are."""
    order = np.argsort(~a, axis=1, kind="stable")
    return order, a.sum(1)


def _sketch(sketch: Array, near: int, onset: int) -> list[Array]:
    """SKETCH_NEAR, SKETCH_ONSET, SKETCH_CLASS."""
    heard = np.where(sketch > HEARD, sketch, 0)
    T, planes, P = sketch.shape
    classes = np.zeros((T, P, 18), np.float32)
    for i in range(planes):
        classes[..., 9 * i : 9 * i + 9] = _one_hot(np.searchsorted(SKETCH_BOUNDS, sketch[:, i], side="right"), 9)
    onsets = _near(heard[:, 1], onset, onset) if planes == 2 else np.zeros((T, P, 2 * onset + 1), np.float32)
    return [_near(heard[:, 0], near, near), onsets, classes]


def _given_begins(begins: Array, lags: tuple[int, ...]) -> Array:
    """GIVEN_BEGINS: (T, P, 1 + lags)."""
    any_begins: Array = np.asarray(begins.any(1))
    rows = np.stack([any_begins, *(_shifted(any_begins, lag) for lag in lags)], -1)
    return np.broadcast_to(rows[:, None].astype(np.float32), (*begins.shape, len(lags) + 1))


def _given_above(known: Array, here: Array) -> Array:
    """GIVEN_ABOVE: (T, P, 38), semitones to the lowest key of `here` at or above p."""
    T, P = here.shape
    keys = np.where(here, np.arange(P), P + 99)
    above = np.minimum.accumulate(keys[:, ::-1], 1)[:, ::-1] - np.arange(P)
    row = np.where(above > P, 0, np.minimum(above, 36) + 1)
    return _one_hot(row, 38, np.broadcast_to(known.any(1, keepdims=True), (T, P)))


def _later_classes(here: Array, lags: tuple[int, ...]) -> list[Array]:
    """The pitch classes of later frames from p upward, (T, P, 12) each."""
    return [_from_p(_classes(_shifted(here, lag)) > 0, here.shape[1]) for lag in lags]


def _recurrent(x: dict[str, Any]) -> list[Array]:
    sounding, starts, low, bar = x["sounding"], x["starts"], x["low"], x["bar"]
    T, P = sounding.shape
    before, begins = _shifted(sounding, -1), _shifted(starts, -1)
    ages, means, usual = x["past"]
    count, keys = before.sum(1), np.arange(P)
    frame = [_one_hot(np.minimum(count, 8), 9)]
    if bar:
        frame.append(_one_hot(np.arange(T) % bar, bar))
    pitch = np.broadcast_to(((low + keys - 60) / 24).astype(np.float32), (T, P))

    def spread(rows: Array) -> Array:
        return np.broadcast_to(rows[:, None], (T, P, rows.shape[1]))

    old = _one_hot(_age_class(ages), 9, ages > 0)
    age = np.concatenate([np.pad(old, ((0, 0), (1, 1), (0, 0)))[:, d : d + P] for d in range(3)], -1)
    bass, top = np.argmax(before, 1)[:, None], P - 1 - np.argmax(before[:, ::-1], 1)[:, None]
    any_before = np.broadcast_to((count > 0)[:, None], (T, P))
    given = np.zeros((T, P, 1 + 25 + 7 + 5 + 130 + 8 + 11 + 12 + 48 + 38), np.float32)
    if x["known"] is not None:
        known, here = x["known"], x["known"] & sounding
        silent = _near(known & ~sounding, 2, 2, True)
        later = [_near(_shifted(here, lag), 6, 6) for lag in LAGS]
        same = [
            _shifted(a, lag)[..., None].astype(np.float32)
            for lag in LAGS[:4]
            for a in (known & ~sounding, here & starts)
        ]
        parts = [np.ones((T, P, 1)), _near(here, 12, 12), _near(here & starts, 3, 3), silent, *later, *same]
        parts += [
            _given_begins(here & starts, LAGS),
            *_later_classes(here, (0, *CLASS_LAGS)),
            _given_above(known, here),
        ]
        given = np.concatenate(parts, -1)
    sketch = np.zeros((T, P, 1 + 13 + 5 + 18 + 20 + 2), np.float32)
    if x["sketch"] is not None:
        s = x["sketch"]
        heard, zero = np.where(s > HEARD, s, 0), np.zeros((T, P, 5), np.float32)
        later = []
        for lag in (1, 2):
            ahead = _shifted(heard, lag)
            both = [_near(ahead[:, i], 2, 2) if i < s.shape[1] else zero for i in range(2)]
            later.append(np.stack(both, -1).reshape(T, P, 10))
        total = np.cumsum(s[:, 0], 1)
        sums = np.stack([total - s[:, 0], total[:, -1:] - total], -1) / 4
        sketch = np.concatenate([np.ones((T, P, 1)), *_sketch(s, 6, 2), *later, sums], -1)
    fading = [_from_p(_classes(m), P) for m in means]
    return [
        _near(before, 12, 12),
        _near(begins, 12, 12),
        _from_p(_classes(before) > 0, P),
        *map(spread, frame),
        np.stack([pitch, pitch * pitch], -1),
        age,
        *fading,
        spread(old.max(1)),
        _one_hot(np.clip(keys - bass, -1, 36) + 1, 38, any_before),
        _one_hot(np.clip(top - keys, -1, 36) + 1, 38, any_before),
        given,
        sketch,
        _from_p(_classes(usual), P),
    ]


def _motions(x: dict[str, Any], n: Array) -> list[Array]:
    """EXPECTED, MOTION, PARALLEL, PARALLEL_VOICES; n (T, P): decided keys below p."""
    sounding, starts = x["sounding"], x["starts"]
    T, P = sounding.shape
    before, keys = _shifted(sounding, -1), np.broadcast_to(np.arange(P), (T, P))
    (was, count), (now, _) = _voices(before), _voices(sounding)

    def at(voices: Array, index: Array) -> Array:
        return np.take_along_axis(voices, np.clip(index, 0, P - 1), 1)

    parts = []
    for i in (-1, 0, 1):
        there = (n + i >= 0) & (n + i < count[:, None])
        parts.append(_one_hot(np.where(there, np.clip(at(was, n + i) - keys, -13, 12) + 13, 26), 27))
    for voice in (n - 1, np.zeros_like(n)):
        key = at(now, voice)
        moved = key - at(was, voice)
        move = np.where((moved == 0) & np.take_along_axis(starts, key, 1), 25, np.clip(moved, -12, 12) + 12)
        parts.append(_one_hot(np.where(voice < count[:, None], move, 27), 28, n > 0))
    parallel = np.zeros((T, P, 60), np.float32)
    for i, interval in enumerate((7, 12, 19, 24)):
        for d in [d for d in range(-7, 8) if d]:
            for p in range(max(interval, interval - d, -d), min(P, P - d)):
                k = p - interval
                parallel[:, p, 15 * i + d + 7] = starts[:, k] & before[:, k + d] & before[:, p + d]
    voices, undecided = np.zeros((T, P, 2), np.float32), (n < count[:, None]) & (at(was, n) != keys)
    for j in range(int(n.max(initial=0))):
        other, other_from, start = now[:, j : j + 1], was[:, j : j + 1], at(was, n)
        apart = (keys - other) % 12
        hit = undecided & (j < n) & (other != other_from) & (apart == (start - other_from) % 12)
        hit &= ((apart == 0) | (apart == 7)) & ((keys > start) == (other > other_from))
        for row, wanted in enumerate((0, 7)):
            voices[..., row] += hit & (apart == wanted)
        undecided &= ~hit
    return [*parts, parallel, voices]


def _head(x: dict[str, Any]) -> list[Array]:
    sounding, starts, bar = x["sounding"], x["starts"], x["bar"]
    T, P = sounding.shape
    n = np.cumsum(sounding, 1) - sounding
    classes = np.zeros((T, P, 12), np.float32)
    for p in range(P):
        for k in range(p):
            classes[:, p, (k - p) % 12] = np.maximum(classes[:, p, (k - p) % 12], sounding[:, k])
    fading = [_from_p(_classes(m), P) for m in x["past"][1]]
    position = [np.broadcast_to(_one_hot(np.arange(T) % bar, bar)[:, None], (T, P, bar))] if bar else []
    given = np.zeros((T, P, 1 + 49 + 25 + 5 + 12 + 20 + 5 + 24 + 38 + 9), np.float32)
    if x["known"] is not None:
        known, here = x["known"], x["known"] & sounding
        above = np.zeros((T, P, 12), np.float32)
        for p in range(P):
            for k in range(p, P):
                above[:, p, (k - p) % 12] = np.maximum(above[:, p, (k - p) % 12], here[:, k])
        later = [_near(_shifted(here, lag), 2, 2) for lag in LAGS[:4]]
        silent = _near(known & ~sounding, 2, 2, True)
        parts = [np.ones((T, P, 1)), _near(here, 24, 24), _near(here & starts, 12, 12), silent, above, *later]
        count = np.cumsum(here[:, ::-1], 1)[:, ::-1]
        parts += [_given_begins(here & starts, LAGS[:4]), *_later_classes(here, CLASS_LAGS[:2])]
        parts += [_given_above(known, here), _one_hot(np.minimum(count, 8), 9)]
        given = np.concatenate(parts, -1)
    sketch = np.zeros((T, P, 1 + 13 + 5 + 18), np.float32)
    if x["sketch"] is not None:
        sketch = np.concatenate([np.ones((T, P, 1)), *_sketch(x["sketch"], 6, 2)], -1)
    return [
        _near(sounding, 36, -1)[..., ::-1],
        _near(starts, 24, -1)[..., ::-1],
        classes,
        _one_hot(np.minimum(n, 8), 9),
        *_motions(x, n),
        *fading,
        *position,
        given,
        sketch,
        _from_p(_classes(x["past"][2]), P),
        *_usual(x),
    ]


def features(
    sounding: Array,
    onsets: Optional[Array] = None,
    known: Optional[Array] = None,
    sketch: Optional[Array] = None,
    *,
    low: int,
    bar: int,
) -> tuple[Tensor, Tensor]:
    """What the recurrent layer and the head read of each cell of a piece from its first frame, (T, P, features) each.

    Args:
        sounding: (T, P), the keys low .. low + P - 1.
        onsets: (T, P); None: one plane, a key begins where it sounds and did not before.
        known: (T, P), the cells that are given; None: none.
        sketch: (T, planes, P), probabilities; None: none.
        low: the MIDI number of the lowest key.
        bar: frames of a bar; 0: no bars.

    Shape:
        - output: of the recurrent layer (T, P, R) and of the head (T, P, S), float32; R and S do not depend on P.

    Example:
        >>> recurrent, head = features(np.zeros((8, 5)), low=60, bar=16)
        >>> recurrent.shape[:2] == head.shape[:2] == (8, 5)
        True
    """
    cells = np.asarray(sounding, bool)
    starts = cells & (~_shifted(cells, -1) if onsets is None else np.asarray(onsets, bool))
    x = {
        "sounding": cells,
        "starts": starts,
        "known": None if known is None else np.asarray(known, bool),
        "sketch": None if sketch is None else np.asarray(sketch, np.float32),
        "past": _past(cells, starts),
        "low": low,
        "bar": bar,
    }
    return tuple(
        torch.from_numpy(np.concatenate(groups, -1).astype(np.float32)) for groups in (_recurrent(x), _head(x))
    )  # type: ignore[return-value]


class Decoder(torch.nn.Module):
    """Features of cells -> logits of sounding and, with two planes, of beginning if it sounds.

    Args:
        config: the fields of the model file's config; those of the rolls and `decoder`, the number of units.

    Shape:
        - input: what `features` returns, (T, P, R) and (T, P, S); state (P, H), None: zeros.
        - output: logits (T, P, planes), and the state after the last frame, (P, H).

    Example:
        >>> config = {"grid": "beats", "steps_per_quarter": 4, "decoder": 8, "planes": 2, "low": 60, "high": 64}
        >>> decoder = Decoder(config)
        >>> logits, state = decoder(*features(np.zeros((8, 5)), low=60, bar=decoder.bar))
        >>> logits.shape, state.shape
        (torch.Size([8, 5, 2]), torch.Size([5, 8]))
        >>> decoder.nats(np.zeros((8, 5)), np.zeros((8, 5))).shape
        torch.Size([8])
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        self.bar = 4 * int(config["steps_per_quarter"]) if config["grid"] == "beats" else 0
        H, self.planes = int(config["decoder"]), int(config["planes"])
        if H < 1:
            raise ValueError(f"decoder is {H}: the model has no decoder")
        P = int(config["high"]) - int(config["low"]) + 1
        probe = features(np.zeros((1, P)), low=int(config["low"]), bar=self.bar)
        shapes = {
            "recurrent_rows": (probe[0].shape[-1], 3 * H),
            "recurrent_weight": (H, 3 * H),
            "recurrent_input_bias": (3 * H,),
            "recurrent_state_bias": (3 * H,),
            "head_rows": (probe[1].shape[-1], H),
            "head_0_weight": (H, H),
            "head_0_bias": (H,),
            "head_1_weight": (H, H),
            "head_1_bias": (H,),
            "out_weight": (H, self.planes),
            "out_bias": (self.planes,),
        }
        for name, shape in shapes.items():
            inputs = 64 if name.endswith("rows") else H
            start = (torch.rand(shape) * 2 - 1) / inputs**0.5 if len(shape) == 2 else torch.zeros(shape)
            self.register_parameter(name, torch.nn.Parameter(start))
        self._parameters["out_bias"].data -= 2  # type: ignore[union-attr]
        self._arrays: dict[str, Array] = {}
        self._metadata: dict[str, str] = {}

    @staticmethod
    def _in_file(name: str) -> str:
        return PREFIX + name.replace("_", ".", 1).replace("head.0_", "head.0.").replace("head.1_", "head.1.")

    def forward(
        self,
        recurrent: Tensor,
        head: Tensor,
        state: Optional[Tensor] = None,
        scale: Sequence[Optional[Tensor]] = (None, None),
        dropout: Sequence[Union[Tensor, float]] = (1.0, 1.0, 1.0),
    ) -> tuple[Tensor, Tensor]:
        """Features (T, P, ...) and the state (P, H) before -> logits (T, P, planes), state after.

        scale: multiplies the rows of the two sparse matrices. dropout: multiplies the states as the head reads them,
        and the two layers of the head, (T, 1 or P, H) each.
        """
        w = dict(self.named_parameters())
        H = w["recurrent_weight"].shape[0]
        rows = [w[n] if s is None else w[n] * s[:, None] for n, s in zip(("recurrent_rows", "head_rows"), scale)]
        h = recurrent.new_zeros(recurrent.shape[1], H) if state is None else state
        states = []
        for x in recurrent @ rows[0] + w["recurrent_input_bias"]:
            s = h @ w["recurrent_weight"] + w["recurrent_state_bias"]
            r, z = torch.sigmoid(x[:, :H] + s[:, :H]), torch.sigmoid(x[:, H : 2 * H] + s[:, H : 2 * H])
            c = torch.tanh(x[:, 2 * H :] + r * s[:, 2 * H :])
            h = (1 - z) * c + z * h
            states.append(h)
        read = torch.stack(states) * dropout[0]
        y = F.silu(read @ w["head_0_weight"] + head @ rows[1] + w["head_0_bias"]) * dropout[1]
        y = F.silu(y @ w["head_1_weight"] + w["head_1_bias"]) * dropout[2]
        return y @ w["out_weight"] + w["out_bias"], h

    @staticmethod
    def frame_nats(
        logits: Tensor, sounding: Array, onsets: Optional[Array] = None, known: Optional[Array] = None
    ) -> Tensor:
        """Nats of the cells of each frame that are not given, (T,), from logits (T, P, planes)."""
        on = torch.as_tensor(np.asarray(sounding, np.float32))
        nats = F.binary_cross_entropy_with_logits(logits[..., 0], on.to(logits), reduction="none")
        if onsets is not None:
            begins = torch.as_tensor(np.asarray(onsets, np.float32)).to(logits)
            nats = nats + on * F.binary_cross_entropy_with_logits(logits[..., 1], begins, reduction="none")
        if known is not None:
            nats = nats * torch.as_tensor(1 - np.asarray(known, np.float32))
        return nats.sum(1)

    @torch.no_grad()
    def nats(self, sounding: Array, onsets: Optional[Array] = None) -> Tensor:
        """Nats of each frame of a piece given the frames before, (T,); sounding and onsets (T, P)."""
        if (onsets is None) != (self.planes == 1):
            raise ValueError(
                f"onsets is {'missing' if onsets is None else 'given'}: the model has {self.planes} plane(s)"
            )
        read = features(sounding, onsets, low=int(self.config["low"]), bar=self.bar)
        return self.frame_nats(self(*read)[0], sounding, onsets)

    # ---- files ---------------------------------------------------------------------------------------------------

    @classmethod
    def load(cls, path: Path) -> Decoder:
        """The decoder of a model file. ValueError: it is not a model, or has no decoder."""
        arrays, metadata = _safetensors.load(path)
        try:
            config = json.loads(metadata["spiral"])
            decoder = cls(config)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{os.fspath(path)}: not a model with a decoder: {error}") from None
        for name, parameter in decoder.named_parameters():
            array = arrays.get(cls._in_file(name))
            if array is None or array.size != parameter.numel():
                raise ValueError(f"{os.fspath(path)}: tensor {cls._in_file(name)} is missing or of another shape")
            parameter.data.copy_(torch.from_numpy(array).reshape(parameter.shape))
        decoder._arrays, decoder._metadata = dict(arrays), dict(metadata)
        return decoder

    def save(self, path: Path) -> None:
        """Writes the model file that was loaded, with the decoder's weights as they are now."""
        if not self._arrays:
            raise ValueError("the decoder was not loaded from a file: there is no model to save it in")
        own = {self._in_file(n): p.detach().cpu().float().numpy() for n, p in self.named_parameters()}
        _safetensors.save(path, {**self._arrays, **own}, self._metadata)
