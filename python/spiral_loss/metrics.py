# SPDX-License-Identifier: MIT
"""How good is it: scores of predicted rolls, with the update / compute / reset habit of torchmetrics.

    error = SpiralError()
    error.update(logits, roll)        # any number of batches; tensors or arrays
    error.compute()

Counts are made by the C library (include/spiral/metrics.h) and add up exactly: `merge` another process' metric, or
sum `state()` over processes. PyTorch is not needed.
"""

from __future__ import annotations

import ctypes
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from ._library import Failure, call, declare
from .helix import HelixLike, HelixStruct, as_helix
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
_MEASURES = [
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
    _fields_ = (("struct_size", ctypes.c_size_t), *((n, ctypes.c_double) for n in _MEASURES))


_counts, _void, _size = ctypes.POINTER(_Counts), ctypes.c_void_p, ctypes.c_size_t
_error, _status = ctypes.POINTER(Failure), ctypes.c_int
_add_frames = declare("spiral_metrics_add_frames", _status, _counts, _void, _void, _size, _error)
_add_helix = declare(
    "spiral_metrics_add_helix", _status, _counts, ctypes.POINTER(HelixStruct), _void, _void, _size, _error
)
_add = declare("spiral_metrics_counts_add", _status, _counts, _counts, _error)
_ratios = declare("spiral_metrics_from_counts", _status, _counts, ctypes.POINTER(_Ratios), _error)

Result = TypeVar("Result")
Self = TypeVar("Self", bound="Metric[Any]")


def _array(x: Any) -> npt.NDArray[Any]:
    """A tensor of any device, or anything like an array."""
    if hasattr(x, "detach"):
        x = x.detach()
        x = x.float() if x.dtype.is_floating_point else x
        x = x.cpu().numpy()
    return np.asarray(x)


class Metric(Generic[Result]):
    """Counts of pairs of rolls.

    Args:
        threshold: a predicted cell sounds above it: 0 suits logits, 0.5 probabilities. Bools are taken as they are.
        low: MIDI number of key 0; low + keys <= 128.
        pitch_dim: the dimension of keys.
        time_dim: the dimension of columns.
    """

    def __init__(self, threshold: float = 0.0, low: int = 48, pitch_dim: int = -2, time_dim: int = -1) -> None:
        if pitch_dim == time_dim:
            raise ValueError(f"pitch_dim is {pitch_dim} and time_dim {time_dim}: must be two different dimensions")
        self.threshold, self.low, self.pitch_dim, self.time_dim = threshold, low, pitch_dim, time_dim
        self._counts = _Counts(ctypes.sizeof(_Counts))

    def _words(self, x: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
        """(B, T, 2) words of C columns."""
        moved = np.moveaxis(x, (self.time_dim, self.pitch_dim), (-2, -1))
        columns, keys = moved.shape[-2:]
        if self.low < 0 or self.low + keys > 128:
            raise ValueError(f"low is {self.low} with {keys} keys: the highest MIDI number must be at most 127")
        return pack(moved.reshape(-1, keys), self.low).reshape(-1, columns, 2)

    def update(self, pred: Any, target: Any) -> None:
        """Adds a batch: `pred` of logits, probabilities or bools, `target` of the same shape, sounding above 0.5."""
        y, t = _array(pred), _array(target)
        if y.shape != t.shape or y.ndim < 2:
            raise ValueError(f"pred has shape {y.shape} and target {t.shape}: must be equal, two dimensions or more")
        if y.dtype.kind == "f" and np.isnan(y).any():
            raise ValueError("pred holds NaN: must be numbers")
        predicted = self._words(y if y.dtype == bool else y > self.threshold)
        right = self._words(t if t.dtype == bool else t > 0.5)
        self._add(np.ascontiguousarray(right), np.ascontiguousarray(predicted))

    def _add(self, target: npt.NDArray[np.uint64], predicted: npt.NDArray[np.uint64]) -> None:
        for t, y in zip(target, predicted):
            call(_add_frames, ctypes.byref(self._counts), t.ctypes.data, y.ctypes.data, len(t))

    def _ratios(self) -> dict[str, float]:
        measures = _Ratios(ctypes.sizeof(_Ratios))
        call(_ratios, ctypes.byref(self._counts), ctypes.byref(measures))
        return {name: getattr(measures, name) for name in _MEASURES}

    def compute(self) -> Result:
        """The score of all that was added since the last reset; a ratio without a denominator is 0."""
        raise NotImplementedError

    def __call__(self, pred: Any, target: Any) -> Result:
        """Adds a batch and gives the score of that batch alone."""
        before, self._counts = self._counts, _Counts(ctypes.sizeof(_Counts))
        try:
            self.update(pred, target)
            return self.compute()
        finally:
            call(_add, ctypes.byref(before), ctypes.byref(self._counts))
            self._counts = before

    def reset(self) -> None:
        """Forgets what was added."""
        self._counts = _Counts(ctypes.sizeof(_Counts))

    def merge(self: Self, other: Self) -> None:
        """Adds what another metric has counted."""
        call(_add, ctypes.byref(self._counts), ctypes.byref(other._counts))

    def state(self) -> npt.NDArray[np.float64]:
        """The counts as numbers that may be summed over processes; `load_state` takes the sum."""
        return np.array([float(getattr(self._counts, n)) for n in _COUNTS])

    def load_state(self, state: npt.ArrayLike) -> None:
        """Replaces the counts."""
        for name, value in zip(_COUNTS, np.asarray(state, np.float64)):
            setattr(self._counts, name, float(value) if name in _REALS else round(value))


class SpiralError(Metric[float]):
    """Missed notes per target note on the helix: a note left out counts 1, one played off by its distance, below 2.

    `hard=False` is the spiral energy (docs/math.md, equation 30), `hard=True` pairs wrong with missing notes so that
    the sum of distances is least (equation 31). The other arguments are those of `Metric`.
    """

    def __init__(self, helix: HelixLike = "chromatic", hard: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.helix, self.hard = as_helix(helix), hard

    def _add(self, target: npt.NDArray[np.uint64], predicted: npt.NDArray[np.uint64]) -> None:
        columns = target.shape[0] * target.shape[1]
        helix = ctypes.byref(self.helix.struct())
        call(_add_helix, ctypes.byref(self._counts), helix, target.ctypes.data, predicted.ctypes.data, columns)

    def compute(self) -> float:
        """The error, 0 or more."""
        return self._ratios()["helix_distance" if self.hard else "spiral_error"]


class OctaveShare(Metric[float]):
    """The share of substituted notes that only miss the octave, 0 to 1. Arguments: `Metric`."""

    def compute(self) -> float:
        """The share; 0 if nothing was substituted."""
        return self._ratios()["octave_share"]


class MultiPitch(Metric["dict[str, float]"]):
    """The scores of mir_eval.multipitch under its names, and "F1", "Chroma F1" and "Exact Windows".

    A note is a sounding cell; a window is one roll of a batch. Arguments: `Metric`.
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

    def compute(self) -> dict[str, float]:
        """All scores by name."""
        ratios = self._ratios()
        return {name: ratios[ours] for name, ours in self.NAMES.items()}
