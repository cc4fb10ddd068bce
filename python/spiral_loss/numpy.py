# SPDX-License-Identifier: MIT
"""Value and gradient of every loss on NumPy arrays, without PyTorch."""

from __future__ import annotations

from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from . import _names
from ._arguments import check_options, check_weight_shape, check_whole
from ._plan import Array, Options, Plan, cost_table, plan
from .errors import NotAFiniteNumber
from .helix import HelixLike, as_helix

__all__ = ["interval_costs", "value_and_grad"]

Values = Union[float, npt.NDArray[np.float64]]


def _options(helix: HelixLike, options: dict[str, Any]) -> Options:
    geometry = as_helix(helix)
    check_options(options, {})
    kind = options.get("kind")
    if kind in _names.KINDS:
        _names.warn(f"kind {kind!r}", repr(_names.KINDS[kind]), level=4)
        options = {**options, "kind": _names.KINDS[kind]}
    return Options(radii=geometry.radii, octave=geometry.octave, **options)


def _canonical(array: npt.NDArray[Any], dims: tuple[int, int]) -> npt.NDArray[Any]:
    """The array as (B, T, P): a view where its strides allow it."""
    moved = np.moveaxis(array, dims, (-2, -1))
    return moved.reshape(-1, *moved.shape[-2:])


def _pointer(array: npt.NDArray[Any]) -> Array:
    return Array(array.ctypes.data, [s // array.itemsize for s in array.strides])


def _checked(
    pred: npt.ArrayLike, target: npt.ArrayLike, pitch_dim: Optional[int], time_dim: Optional[int]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], tuple[int, int]]:
    """Both arrays, of one type and shape, and their dimensions of frames and keys, from 0."""
    y = np.asarray(pred)
    if y.dtype not in (np.float32, np.float64):
        raise TypeError(f"pred is of {y.dtype}: must be float32 or float64")
    t = np.asarray(target, dtype=y.dtype)
    if y.ndim < 2 or (y.ndim == 2 and pitch_dim is None and time_dim is None):
        raise ValueError(
            f"pred has shape {y.shape}: must be (B, keys, frames); for a single roll without a batch pass pitch_dim=-2"
        )
    if t.shape != y.shape:
        raise ValueError(f"target has shape {t.shape}: must be that of pred, {y.shape}")
    pitch, time = -2 if pitch_dim is None else pitch_dim, -1 if time_dim is None else time_dim
    for name, dim in (("pitch_dim", pitch), ("time_dim", time)):
        check_whole(name, dim)
        if not -y.ndim <= dim < y.ndim:
            raise ValueError(f"{name} is {dim}: must be {-y.ndim} to {y.ndim - 1}")
    dims = (time % y.ndim, pitch % y.ndim)
    if dims[0] == dims[1]:
        raise ValueError(f"pitch_dim is {pitch} and time_dim {time}: must be two different dimensions")
    return y, t, dims


def _call(
    loss: Plan,
    y: npt.NDArray[Any],
    t: npt.NDArray[Any],
    w: Optional[npt.NDArray[Any]],
    grad: Optional[npt.NDArray[Any]],
) -> list[float]:
    """The C kernels on arrays (B, T, P); fills grad. A cell of weight 0 may hold NaN or an infinity."""
    dtype, (rolls, frames, _) = "f32" if y.dtype == np.float32 else "f64", y.shape
    weights, gradient = None if w is None else _pointer(w), None if grad is None else _pointer(grad)
    try:
        return loss.value_grad(dtype, rolls, frames, _pointer(y), _pointer(t), weights, gradient)
    except NotAFiniteNumber:
        if w is None:
            raise
    y, t = (np.where(w == 0, a.dtype.type(0), a) for a in (y, t))
    return loss.value_grad(dtype, rolls, frames, _pointer(y), _pointer(t), weights, gradient)


@_names.renamed(**_names.ARGUMENTS)
def value_and_grad(
    pred: npt.ArrayLike,
    target: npt.ArrayLike,
    sample_weight: Optional[npt.ArrayLike] = None,
    *,
    helix: HelixLike = "chromatic",
    low: int = 0,
    pitch_dim: Optional[int] = None,
    time_dim: Optional[int] = None,
    need_grad: bool = True,
    **options: Any,
) -> tuple[Values, Optional[npt.NDArray[Any]]]:
    """A loss and its gradient with respect to `pred` (docs/math.md).

    Args:
        pred: logits, or probabilities with `from_logits=False`; float32 or float64.
        target: in [0, 1]; any type.
        sample_weight: weights of cells, 0 to 1e6. A cell of weight 0 is ignored, whatever it holds. Shapes are aligned
            at their last dimensions: (frames,) are weights of frames; weights w of rolls, (B,), are passed as
            w[:, None, None]. "mean" divides by the number of frames with a weight above 0, not by the sum of the
            weights.
        helix: a preset's name, a `Helix`, or radii.
        low: MIDI number of key 0; only the kinds argmax_distance depend on it.
        pitch_dim, time_dim: the dimensions of keys and of frames; None means -2 and -1. An array of two dimensions is
            refused if both are None.
        need_grad: whether the gradient is wanted.
        **options: `kind` ("spiral"), `sigma`, `eta`, `coil_radius`, `coil_rise`, `coil_degrees`, and the options that
            `spiral_loss.losses.SpiralLoss` describes.

    Returns:
        The value, with `reduction="none"` an array; and the gradient of the (sum of the) value, of the type of `pred`,
        or None. Without frames (an empty batch) the sum is 0 and the mean NaN.

    Raises:
        TypeError: `pred` is not of floats.
        ValueError: a shape, an option, or a cell is out of its range; the message says which.

    Shape:
        - pred: (*, keys, frames), one or more dimensions of a batch; other orders by pitch_dim and time_dim.
        - target: that of pred. sample_weight: any that broadcasts to it.
        - value: (), or with reduction "none" the shape of pred without its pitch dimension. gradient: that of pred.

    Example:
        >>> import numpy as np
        >>> target = np.zeros((1, 36, 36), np.float32)
        >>> target[0, 12, 4:20] = 1
        >>> value_and_grad(np.zeros_like(target), target)[1].shape
        (1, 36, 36)
    """
    y, t, dims = _checked(pred, target, pitch_dim, time_dim)
    loss = plan(_options(helix, {"low": low, **options}), y.shape[dims[1]])
    grad = np.empty_like(y) if need_grad else None
    if y.size == 0:
        return _empty(loss.options.reduction, y, dims[1]), grad
    w = None
    if sample_weight is not None:
        weights = np.asarray(sample_weight, dtype=y.dtype)
        check_weight_shape(weights.shape, y.shape)
        w = _canonical(np.broadcast_to(weights, y.shape), dims)
    # Where leading dimensions do not fold into one, _canonical copies, and the gradient must be copied back.
    g = None if grad is None else _canonical(grad, dims)
    value = _call(loss, _canonical(y, dims), _canonical(t, dims), w, g)
    if grad is not None and g is not None and not np.shares_memory(g, grad):
        np.moveaxis(grad, dims, (-2, -1))[...] = g.reshape(np.moveaxis(grad, dims, (-2, -1)).shape)
    return (value[0] if loss.options.reduction != "none" else _per_frame(value, y, dims)), grad


def _per_frame(values: list[float], pred: npt.NDArray[Any], dims: tuple[int, int]) -> npt.NDArray[np.float64]:
    """The values of all frames in the shape of pred without its pitch dimension."""
    leading = np.moveaxis(pred, dims, (-2, -1)).shape[:-1]
    return np.moveaxis(np.array(values).reshape(leading), -1, dims[0] - (dims[1] < dims[0]))


def _empty(reduction: str, pred: npt.NDArray[Any], pitch: int) -> Values:
    if reduction == "none":
        return np.zeros(np.delete(pred.shape, pitch))
    return float("nan") if reduction == "mean" else 0.0


@_names.renamed(**_names.ARGUMENTS)
def interval_costs(
    intervals: int = 13, *, helix: HelixLike = "chromatic", **options: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """What each interval costs in missed notes: playing another note instead, and adding one to the right one.

    Args:
        intervals: how many: 0 to `intervals` - 1 semitones, at most 128.
        helix: as in `value_and_grad`.
        **options: `kind` ("spiral", "energy" or "gauss"), `kl_offset`, `blur_length`, `blur_radius`, `time_blur`,
            `sigma`.

    Shape:
        Both results: (intervals,).

    Example:
        >>> substitute, insert = interval_costs()
        >>> bool(substitute[12] < substitute[1] < substitute[6])  # octave, semitone, tritone
        True
    """
    substitute, insert = cost_table(_options(helix, options), intervals)
    return np.array(substitute), np.array(insert)
