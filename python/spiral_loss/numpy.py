# SPDX-License-Identifier: MIT
"""Value and gradient of every loss on NumPy arrays, without PyTorch.

>>> import numpy as np
>>> target = np.zeros((1, 36, 36), np.float32); target[0, 12, 4:20] = 1
>>> value, grad = value_and_grad(np.zeros_like(target), target)
"""

from __future__ import annotations

from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from ._plan import Array, Options, cost_table, plan
from .helix import HelixLike, as_helix

__all__ = ["interval_costs", "value_and_grad"]

Values = Union[float, npt.NDArray[np.float64]]


def _options(helix: HelixLike, time_tolerance: float, numbers: dict[str, Any]) -> Options:
    geometry = as_helix(helix)
    return Options(radii=geometry.radii, octave=geometry.octave, time_blur=time_tolerance, **numbers)


def _canonical(array: npt.NDArray[Any], dims: tuple[int, int]) -> npt.NDArray[Any]:
    """The array as (B, T, P): a view where its strides allow it."""
    moved = np.moveaxis(array, dims, (-2, -1))
    return moved.reshape(-1, *moved.shape[-2:])


def _pointer(array: npt.NDArray[Any]) -> Array:
    return Array(array.ctypes.data, [s // array.itemsize for s in array.strides])


def value_and_grad(
    pred: npt.ArrayLike,
    target: npt.ArrayLike,
    sample_weight: Optional[npt.ArrayLike] = None,
    *,
    helix: HelixLike = "chromatic",
    low: int = 48,
    time_tolerance: float = 0.0,
    pitch_dim: int = -2,
    time_dim: int = -1,
    need_grad: bool = True,
    **options: Any,
) -> tuple[Values, Optional[npt.NDArray[Any]]]:
    """A loss and its gradient with respect to `pred` (docs/math.md).

    Args:
        pred: logits, or probabilities with `from_logits=False`; float32 or float64, at least two dimensions.
        target: of the same shape, in [0, 1]; any type.
        sample_weight: weights of cells, 0 to 1e6, of a shape that broadcasts to that of `pred`.
        helix: a preset's name, a `Helix`, or radii.
        low: MIDI number of key 0.
        time_tolerance: length of the blur along time, in columns.
        pitch_dim: the dimension of keys.
        time_dim: the dimension of columns.
        need_grad: whether the gradient is wanted.
        **options: `kind` ("spiral"), `weight`, `bce`, `from_logits`, `reduction` ("mean"), `floor`, `blur`, `reach`,
            `sigma`, `coil_radius`, `coil_rise`, `coil_degrees`.

    Returns:
        The value, a float, or with `reduction="none"` an array of the shape of `pred` without its pitch dimension;
        and the gradient of the (sum of the) value, of the shape and type of `pred`, or None.

    Raises:
        TypeError: `pred` is not of floats.
        ValueError: a shape, an option, or a cell is out of its range; the sentence says which.
    """
    y = np.asarray(pred)
    if y.dtype not in (np.float32, np.float64):
        raise TypeError(f"pred is of {y.dtype}: must be float32 or float64")
    t = np.asarray(target, dtype=y.dtype)
    if y.ndim < 2 or 0 in y.shape:
        raise ValueError(f"pred has shape {y.shape}: must have two dimensions or more, none of them 0")
    if t.shape != y.shape:
        raise ValueError(f"target has shape {t.shape}: must be that of pred, {y.shape}")
    for name, dim in (("pitch_dim", pitch_dim), ("time_dim", time_dim)):
        if not -y.ndim <= dim < y.ndim:
            raise ValueError(f"{name} is {dim}: must be {-y.ndim} to {y.ndim - 1}")
    dims = (time_dim % y.ndim, pitch_dim % y.ndim)
    if dims[0] == dims[1]:
        raise ValueError(f"pitch_dim is {pitch_dim} and time_dim {time_dim}: must be two different dimensions")
    loss = plan(_options(helix, time_tolerance, {"low": low, **options}), y.shape[dims[1]])
    grad = np.empty_like(y) if need_grad else None
    work = [_canonical(a, dims) for a in (y, t)]
    w = None
    if sample_weight is not None:
        w = _canonical(np.broadcast_to(np.asarray(sample_weight, dtype=y.dtype), y.shape), dims)
    # Where leading dimensions do not fold into one, _canonical has copied, and the gradient must be copied back.
    g = None if grad is None else _canonical(grad, dims)
    rolls, columns, _ = work[0].shape
    value = loss.value_grad(
        "f32" if y.dtype == np.float32 else "f64", rolls, columns, _pointer(work[0]), _pointer(work[1]),
        None if w is None else _pointer(w), None if g is None else _pointer(g),
    )  # fmt: skip
    if grad is not None and g is not None and not np.shares_memory(g, grad):
        np.moveaxis(grad, dims, (-2, -1))[...] = g.reshape(np.moveaxis(grad, dims, (-2, -1)).shape)
    if loss.options.reduction != "none":
        return value[0], grad
    moved = np.moveaxis(y, dims, (-2, -1)).shape[:-1]
    return np.moveaxis(np.array(value).reshape(moved), -1, dims[0] - (dims[1] < dims[0])), grad


def interval_costs(
    intervals: int = 13, *, helix: HelixLike = "chromatic", time_tolerance: float = 0.0, **options: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """What each interval costs in missed notes: playing another note instead, and adding one to the right one.

    Args:
        intervals: how many: 0 to `intervals` - 1 semitones, at most 128.
        helix: as in `value_and_grad`.
        time_tolerance: as in `value_and_grad`.
        **options: `kind` ("spiral", "energy" or "gauss"), `floor`, `blur`, `reach`, `sigma`.
    """
    substitute, insert = cost_table(_options(helix, time_tolerance, options), intervals)
    return np.array(substitute), np.array(insert)
