# SPDX-License-Identifier: MIT
"""Metrics of predicted rolls, used like those of torchmetrics: update, compute, reset.

What is counted, and how: include/spiral/metrics.h. Counts of parts add up to those of the whole exactly. Tensors are
counted on their device, without waiting for it; arrays are counted by the C library. `compute` adds up the counts of
all processes if torch.distributed is initialized, as torchmetrics does. PyTorch is needed only for tensors.

Example:
    >>> import numpy as np
    >>> error = SpiralError()
    >>> roll = np.zeros((4, 36, 36), bool)
    >>> roll[:, 12] = True
    >>> error.update(roll, roll)  # any number of batches; tensors or arrays
    >>> error.compute()
    0.0
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Generic, Optional, TypeVar

import numpy as np
import numpy.typing as npt

from ._arguments import as_number, check_dense, check_whole
from ._library import Failure, call, declare
from .helix import Helix, HelixLike, HelixStruct, as_helix
from .midi import pack

__all__ = ["Metric", "MultiPitch", "OctaveShare", "SpiralError"]

_COUNTS = [
    "frames",
    "target_cells",
    "predicted_cells",
    "true_positives",
    "chroma_true_positives",
    "substitutions",
    "misses",
    "false_alarms",
    "chroma_substitutions",
    "windows",
    "windows_exact",
    "target_notes",
    "predicted_notes",
    "matched_notes",
    "helix_energy",
    "helix_cells",
    "helix_distance",
]
_RATIOS = [
    "precision",
    "recall",
    "f1",
    "accuracy",
    "chroma_precision",
    "chroma_recall",
    "chroma_f1",
    "chroma_accuracy",
    "substitution",
    "miss",
    "false_alarm",
    "total_error",
    "chroma_substitution",
    "chroma_total_error",
    "octave_share",
    "exact_windows",
    "note_precision",
    "note_recall",
    "note_f1",
    "spiral_error",
    "helix_distance",
]


_REALS = ("helix_energy", "helix_distance")


class _Counts(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        *((n, ctypes.c_double if n in _REALS else ctypes.c_uint64) for n in _COUNTS),
    )


class _Ratios(ctypes.Structure):
    _fields_ = (("struct_size", ctypes.c_size_t), *((n, ctypes.c_double) for n in _RATIOS))


_counts, _void, _size = ctypes.POINTER(_Counts), ctypes.c_void_p, ctypes.c_size_t
_error, _status = ctypes.POINTER(Failure), ctypes.c_int
_add_frames = declare("spiral_metrics_add_frames", _status, _counts, _void, _void, _size, _error)
_add_helix = declare(
    "spiral_metrics_add_helix", _status, _counts, ctypes.POINTER(HelixStruct), _void, _void, _size, _error
)
_from_counts = declare("spiral_metrics_from_counts", _status, _counts, ctypes.POINTER(_Ratios), _error)

Result = TypeVar("Result")
Self = TypeVar("Self", bound="Metric[Any]")
Words = npt.NDArray[np.uint64]  # (N, T, 2): spiral_keys
Counts = dict[str, Any]  # of names in _COUNTS; numbers, or tensors of one number

_INTEGERS = [name for name in _COUNTS if name not in _REALS]


def _is_tensor(x: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


class Metric(Generic[Result]):
    """Counts of pairs of rolls; the base of the metrics below.

    Args:
        threshold: a predicted cell sounds above it: 0 suits logits, 0.5 probabilities. Bools are taken as they are.
        low: MIDI number of key 0; low + keys <= 128. No metric depends on it.
        pitch_dim: the dimension of keys; None means -2.
        time_dim: the dimension of frames; None means -1. Rolls of two dimensions are refused if both are None.
        sync_on_compute: whether `compute` adds the counts of all processes when torch.distributed is initialized.
        process_group: the processes; None means all.

    Shape:
        (*, keys, frames), one or more dimensions of a batch; other orders by pitch_dim and time_dim.
    """

    def __init__(
        self,
        threshold: float = 0.0,
        low: int = 0,
        pitch_dim: Optional[int] = None,
        time_dim: Optional[int] = None,
        *,
        sync_on_compute: bool = True,
        process_group: Any = None,
    ) -> None:
        threshold = as_number("threshold", threshold)
        check_whole("low", low)
        for name, dim in (("pitch_dim", pitch_dim), ("time_dim", time_dim)):
            if dim is not None:
                check_whole(name, dim)
        if pitch_dim is not None and pitch_dim == time_dim:
            raise ValueError(f"pitch_dim is {pitch_dim} and time_dim {time_dim}: must be two different dimensions")
        self.threshold, self.low, self.pitch_dim, self.time_dim = threshold, low, pitch_dim, time_dim
        self.sync_on_compute, self.process_group = sync_on_compute, process_group
        self.reset()

    def reset(self) -> None:
        """Sets all counts to 0."""
        self._integers = np.zeros(len(_INTEGERS) + 1, np.int64)  # the last one counts NaN
        self._reals = np.zeros(len(_REALS), np.float64)
        self._on_device: Any = None  # the same two as tensors, or None

    # ---- adding --------------------------------------------------------------------------------------------------

    def update(self, pred: Any, target: Any) -> None:
        """Adds a batch.

        Args:
            pred: logits, probabilities or bools; a tensor of any device or an array.
            target: of the same shape; sounds above 0.5.

        Raises:
            TypeError: a tensor is sparse or nested.
            ValueError: the shapes are not equal, or not those of rolls; pred holds NaN (on a device other than the CPU
                `compute` raises it, because this call does not wait for the device).

        Shape:
            As `Metric`.

        Example:
            >>> metric = OctaveShare()
            >>> metric.update(np.zeros((2, 36, 8)), np.ones((2, 36, 8)))
            >>> metric.compute()
            0.0
        """
        for name, given in (("pred", pred), ("target", target)):
            if _is_tensor(given):
                check_dense(name, given, sys.modules["torch"].strided)
        y: Any = pred.detach() if _is_tensor(pred) else pred
        t: Any = target.detach() if _is_tensor(target) else target
        if _is_tensor(y):
            t = t if _is_tensor(t) else sys.modules["torch"].as_tensor(t, device=y.device)
        else:
            y, t = np.asarray(y), t.cpu().numpy() if _is_tensor(t) else np.asarray(t)
        pitch, time = self._dims(tuple(y.shape), tuple(t.shape))
        if _is_tensor(y):
            self._update_tensors(y.movedim((time, pitch), (-2, -1)), t.movedim((time, pitch), (-2, -1)))
        else:
            self._update_arrays(np.moveaxis(y, (time, pitch), (-2, -1)), np.moveaxis(t, (time, pitch), (-2, -1)))

    def _dims(self, shape: tuple[int, ...], of_target: tuple[int, ...]) -> tuple[int, int]:
        n = len(shape)
        if shape != of_target or n < 2:
            raise ValueError(f"pred has shape {shape} and target {of_target}: must be equal, (B, keys, frames)")
        if n == 2 and self.pitch_dim is None and self.time_dim is None:
            raise ValueError(f"pred has shape {shape}: must be (B, keys, frames); for a single roll pass pitch_dim=-2")
        pitch, time = -2 if self.pitch_dim is None else self.pitch_dim, -1 if self.time_dim is None else self.time_dim
        if not (-n <= pitch < n and -n <= time < n) or pitch % n == time % n:
            raise ValueError(f"pitch_dim is {pitch} and time_dim {time}: must be two dimensions of shape {shape}")
        if self.low < 0 or self.low + shape[pitch] > 128:
            raise ValueError(f"low is {self.low} with {shape[pitch]} keys: the highest MIDI number must be at most 127")
        return pitch % n, time % n

    def _update_arrays(self, y: npt.NDArray[Any], t: npt.NDArray[Any]) -> None:
        if y.dtype.kind == "f" and np.isnan(y).any():
            raise ValueError("pred holds NaN: must be numbers")
        frames, keys = y.shape[-2:]
        predicted, right = (
            np.ascontiguousarray(pack(np.reshape(x if x.dtype == bool else x > limit, (-1, keys)), self.low))
            for x, limit in ((y, self.threshold), (t, 0.5))
        )
        windows = y.size // (frames * keys) if y.size else 0
        counts = self._count_words(right.reshape(windows, frames, 2), predicted.reshape(windows, frames, 2))
        self._integers += [*(int(counts.get(n, 0)) for n in _INTEGERS), 0]
        self._reals += [float(counts.get(n, 0)) for n in _REALS]

    def _update_tensors(self, y: Any, t: Any) -> None:
        torch = sys.modules["torch"]
        with torch.no_grad():
            nan = y.isnan().sum() if y.is_floating_point() else torch.zeros((), dtype=torch.int64, device=y.device)
            if y.device.type == "cpu" and int(nan):
                raise ValueError("pred holds NaN: must be numbers")
            right = (t if t.dtype == torch.bool else t > 0.5).reshape(-1, *t.shape[-2:])
            predicted = (y if y.dtype == torch.bool else y > self.threshold).reshape(-1, *y.shape[-2:])
            counts = self._count_tensors(right, predicted)
            added = [
                torch.stack([torch.as_tensor(counts.get(n, 0), dtype=dtype).to(y.device) for n in names])
                for names, dtype in ((_INTEGERS, torch.int64), (_REALS, self._real(y.device)))
            ]
            added[0] = torch.cat([added[0], nan.reshape(1)])
            if self._on_device is not None:
                added = [x + before.to(x.device) for x, before in zip(added, self._on_device)]
            self._on_device = added

    @staticmethod
    def _real(device: Any) -> Any:
        """The longest type of floats of a device."""
        torch = sys.modules["torch"]
        return torch.float32 if device.type == "mps" else torch.float64

    def _count_words(self, target: Words, predicted: Words) -> Counts:
        """The counts of windows (N, T) of keys, by the C library."""
        windows, frames, _ = target.shape
        counts = _Counts(ctypes.sizeof(_Counts))
        call(_add_frames, ctypes.byref(counts), target.ctypes.data, predicted.ctypes.data, windows * frames)
        exact = (target == predicted).all(axis=(1, 2)).sum()
        return {**{n: getattr(counts, n) for n in _COUNTS}, "windows": windows, "windows_exact": exact}

    def _count_tensors(self, target: Any, predicted: Any) -> Counts:
        """The counts of windows (N, T, P) of bools, on their device. Definitions: src/metrics/frames.c."""
        torch = sys.modules["torch"]
        both = (target & predicted).sum()
        # Cells of one pitch class side by side: (N, T, octaves, 12).
        padding = (0, -target.shape[-1] % 12)
        negatives, positives = (
            torch.nn.functional.pad(x, padding).unflatten(-1, (-1, 12)).sum(-2)
            for x in (target & ~predicted, predicted & ~target)
        )
        octaves = torch.minimum(negatives, positives).sum()
        n, p = negatives.sum(-1), positives.sum(-1)
        substituted = torch.minimum(n, p).sum()
        return {
            "frames": target.shape[0] * target.shape[1],
            "target_cells": both + n.sum(),
            "predicted_cells": both + p.sum(),
            "true_positives": both,
            "chroma_true_positives": both + octaves,
            "substitutions": substituted,
            "chroma_substitutions": substituted - octaves,
            "misses": n.sum() - substituted,
            "false_alarms": p.sum() - substituted,
            "windows": target.shape[0],
            "windows_exact": ((n + p).sum(-1) == 0).sum(),
        }

    # ---- scores --------------------------------------------------------------------------------------------------

    def _totals(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The counts of this process. Waits for the device."""
        integers, reals = self._integers.copy(), self._reals.copy()
        if self._on_device is not None:
            integers += self._on_device[0].cpu().numpy()
            reals += self._on_device[1].cpu().double().numpy()
        return integers, reals

    def _of_all_processes(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        torch = sys.modules.get("torch")
        if torch is None or not torch.distributed.is_available() or not torch.distributed.is_initialized():
            return array
        dist, group = torch.distributed, self.process_group
        device = torch.device("cuda") if "nccl" in str(dist.get_backend(group)) else torch.device("cpu")
        sum_ = torch.from_numpy(array).to(device)
        dist.all_reduce(sum_, group=group)
        result: npt.NDArray[Any] = sum_.cpu().numpy()
        return result

    def _ratios(self, sync: bool) -> dict[str, float]:
        integers, reals = self._totals()
        if sync:
            integers, reals = self._of_all_processes(integers), self._of_all_processes(reals)
        if integers[-1]:
            raise ValueError(f"pred held NaN in {integers[-1]} cells: must be numbers")
        counts, ratios = _Counts(ctypes.sizeof(_Counts)), _Ratios(ctypes.sizeof(_Ratios))
        for name, value in [*zip(_INTEGERS, integers.tolist()), *zip(_REALS, reals.tolist())]:
            setattr(counts, name, value)
        call(_from_counts, ctypes.byref(counts), ctypes.byref(ratios))
        return {name: getattr(ratios, name) for name in _RATIOS}

    def _score(self, ratios: dict[str, float]) -> Result:
        raise NotImplementedError

    def compute(self) -> Result:
        """The score of all that was added since the last reset; a ratio whose denominator is 0 is 0.

        With torch.distributed, of what all processes have added: all of them must call it.
        """
        return self._score(self._ratios(self.sync_on_compute))

    def __call__(self, pred: Any, target: Any) -> Result:
        """Adds a batch and gives the score of that batch in this process alone."""
        before = self._integers, self._reals, self._on_device
        self.reset()
        try:
            self.update(pred, target)
            return self._score(self._ratios(sync=False))
        finally:
            self._integers, self._reals = self._integers + before[0], self._reals + before[1]
            if self._on_device is None:
                self._on_device = before[2]
            elif before[2] is not None:
                self._on_device = [x + y.to(x.device) for x, y in zip(self._on_device, before[2])]

    # ---- counts --------------------------------------------------------------------------------------------------

    def merge(self: Self, other: Self) -> None:
        """Adds what another metric has counted."""
        integers, reals = other._totals()
        self._integers += integers
        self._reals += reals

    def state(self) -> npt.NDArray[np.float64]:
        """The counts of this process as numbers that may be added up; `load_state` takes the sum."""
        integers, reals = self._totals()
        values = {**dict(zip(_INTEGERS, integers)), **dict(zip(_REALS, reals))}
        return np.array([float(values[n]) for n in _COUNTS])

    def load_state(self, state: npt.ArrayLike) -> None:
        """Replaces the counts."""
        values = dict(zip(_COUNTS, np.asarray(state, np.float64)))
        self.reset()
        self._integers[:-1] = [round(values[n]) for n in _INTEGERS]
        self._reals[:] = [values[n] for n in _REALS]


class SpiralError(Metric[float]):
    """Missed notes per target note on the helix: a missing note counts 1, another note instead by distance, below 2.

    Args:
        helix: a preset's name, a `Helix`, or radii.
        hard: False: the spiral energy (docs/math.md, equation 30). True: wrong notes are paired with missing ones so
            that the sum of distances is smallest (equation 31); the C library does that, so tensors of a device are
            copied to the host in each update.
        **arguments: those of `Metric`.

    Shape:
        As `Metric`.

    Example:
        >>> right, wrong = np.zeros((1, 36, 1)), np.zeros((1, 36, 1))
        >>> right[0, 12], wrong[0, 24] = 1, 1
        >>> round(SpiralError()(wrong, right), 3)  # an octave
        0.442
    """

    def __init__(self, helix: HelixLike = "chromatic", hard: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.helix: Helix = as_helix(helix)
        self.hard = hard

    def _count_words(self, target: Words, predicted: Words) -> Counts:
        counts = _Counts(ctypes.sizeof(_Counts))
        frames = target.shape[0] * target.shape[1]
        helix = ctypes.byref(self.helix.struct())
        call(_add_helix, ctypes.byref(counts), helix, target.ctypes.data, predicted.ctypes.data, frames)
        return {n: getattr(counts, n) for n in ("helix_distance" if self.hard else "helix_energy", "helix_cells")}

    def _count_tensors(self, target: Any, predicted: Any) -> Counts:
        if self.hard:
            windows, frames, keys = target.shape
            words = (
                np.ascontiguousarray(pack(x.cpu().numpy().reshape(-1, keys), self.low)).reshape(windows, frames, 2)
                for x in (target, predicted)
            )
            return self._count_words(*words)
        difference = target.to(self._real(target.device)) - predicted.to(self._real(target.device))
        energy = 0.5 * (difference @ self._kernel(target.shape[-1], target.device) * difference).sum()
        return {"helix_energy": energy, "helix_cells": target.sum()}

    def _kernel(self, keys: int, device: Any) -> Any:
        """K of equation 15, (keys, keys)."""
        torch = sys.modules["torch"]
        return torch.as_tensor(2 * np.exp(-self.helix.table(keys) / 2), dtype=self._real(device)).to(device)

    def _score(self, ratios: dict[str, float]) -> float:
        return ratios["helix_distance" if self.hard else "spiral_error"]


class OctaveShare(Metric[float]):
    """The share of substituted notes that are wrong only in the octave, 0 to 1; 0 if nothing was substituted.

    Arguments: those of `Metric`.

    Shape:
        As `Metric`.

    Example:
        >>> right, wrong = np.zeros((1, 36, 1)), np.zeros((1, 36, 1))
        >>> right[0, 12], wrong[0, 24] = 1, 1
        >>> OctaveShare()(wrong, right)
        1.0
    """

    def _score(self, ratios: dict[str, float]) -> float:
        return ratios["octave_share"]


class MultiPitch(Metric["dict[str, float]"]):
    """The scores of mir_eval.multipitch under its names, and "F1", "Chroma F1" and "Exact Windows".

    A note is a sounding cell; a window is one roll of a batch. Arguments: those of `Metric`.

    Shape:
        As `Metric`.

    Example:
        >>> roll = np.ones((1, 36, 1))
        >>> MultiPitch()(roll, roll)["F1"]
        1.0
    """

    NAMES = {  # noqa: RUF012
        "Precision": "precision",
        "Recall": "recall",
        "Accuracy": "accuracy",
        "Substitution Error": "substitution",
        "Miss Error": "miss",
        "False Alarm Error": "false_alarm",
        "Total Error": "total_error",
        "Chroma Precision": "chroma_precision",
        "Chroma Recall": "chroma_recall",
        "Chroma Accuracy": "chroma_accuracy",
        "Chroma Substitution Error": "chroma_substitution",
        "Chroma Miss Error": "miss",
        "Chroma False Alarm Error": "false_alarm",
        "Chroma Total Error": "chroma_total_error",
        "F1": "f1",
        "Chroma F1": "chroma_f1",
        "Exact Windows": "exact_windows",
    }

    def _score(self, ratios: dict[str, float]) -> dict[str, float]:
        return {name: ratios[ours] for name, ours in self.NAMES.items()}
