# SPDX-License-Identifier: MIT
"""The losses as functions of tensors. `losses` has the same as modules.

Every function checks its arguments, brings the tensors into the order (B, T, P) by views, and calls the C kernels
(CPU) or the plain PyTorch path (other devices).
"""

from __future__ import annotations

import importlib.util
from typing import Any, Optional

import torch
from torch import Tensor

from . import _op, _reference
from ._plan import Options
from .helix import HelixLike, as_helix

__all__ = [
    "apply",
    "helix_gaussian",
    "seed_hard",
    "seed_mask",
    "spiral_energy",
    "spiral_loss",
    "weighted_bce",
]

BACKENDS = ("auto", "native", "triton", "torch")
HAS_TRITON = importlib.util.find_spec("triton") is not None


def make_options(helix: HelixLike = "chromatic", time_tolerance: float = 0.0, **numbers: Any) -> Options:
    """`Options` with the geometry written out."""
    geometry = as_helix(helix)
    return Options(radii=geometry.radii, octave=geometry.octave, time_blur=float(time_tolerance), **numbers)


def _dims(input: Tensor, pitch_dim: int, time_dim: int) -> tuple[int, int]:
    n = input.dim()
    for name, dim in (("pitch_dim", pitch_dim), ("time_dim", time_dim)):
        if not -n <= dim < n:
            raise ValueError(f"{name} is {dim}: must be {-n} to {n - 1} for an input of shape {tuple(input.shape)}")
    if pitch_dim % n == time_dim % n:
        raise ValueError(f"pitch_dim is {pitch_dim} and time_dim {time_dim}: must be two different dimensions")
    return pitch_dim % n, time_dim % n


def _check(name: str, tensor: Any, input: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} is a {type(tensor).__name__}: must be a torch.Tensor")
    if tensor.is_complex():
        raise TypeError(f"{name} is of {tensor.dtype}: must be of floats, whole numbers or bools")
    if tensor.requires_grad:
        raise ValueError(f"{name} requires a gradient, and the loss has none with respect to it: pass {name}.detach()")
    if tensor.device != input.device:
        raise ValueError(f"{name} is on {tensor.device}: must be on {input.device}, where the input is")


def _check_all(input: Any, target: Any, weight: Any, options: Options, pitch: int) -> None:
    if 0 in input.shape:
        raise ValueError(f"input has shape {tuple(input.shape)}: no dimension may be 0")
    keys = input.shape[pitch]
    if keys > 128 or options.low + keys > 128:
        raise ValueError(
            f"low is {options.low} and dimension {pitch} of the input has {keys} keys: the highest, MIDI number "
            f"{options.low + keys - 1}, must be at most 127"
        )
    _check("target", target, input)
    if target.shape != input.shape:
        raise ValueError(f"target has shape {tuple(target.shape)}: must be that of the input, {tuple(input.shape)}")
    if weight is None:
        return
    _check("weight", weight, input)
    missing = input.dim() - weight.dim()
    if missing < 0 or any(n not in (1, m) for n, m in zip(weight.shape, input.shape[missing:])):
        raise ValueError(f"weight has shape {tuple(weight.shape)}: must broadcast to {tuple(input.shape)}")


def _canonical(tensor: Tensor, pitch: int, time: int) -> Tensor:
    """(1, B, T, P), a view wherever the leading dimensions fold into one."""
    moved = tensor.movedim((time, pitch), (-2, -1))
    return moved.reshape(1, -1, moved.shape[-2], moved.shape[-1])


def _choose(backend: str, input: Tensor, options: Options) -> str:
    """The backend of a call: "native", "triton" or "torch"."""
    # With a time blur columns share their cells, so values column by column need the full chain rule.
    entangled = options.reduction == "none" and options.time_blur > 0 and input.requires_grad
    if backend == "native" and (input.device.type != "cpu" or entangled):
        why = "a gradient of single columns with time_tolerance" if entangled else f"tensors on {input.device}"
        raise ValueError(f'backend is "native", which has no {why}: use "auto"')
    if backend not in BACKENDS:
        raise ValueError(f"backend is {backend!r}: must be one of {', '.join(BACKENDS)}")
    if backend == "triton" or (backend == "auto" and input.device.type == "cuda" and HAS_TRITON):
        why = "triton, which is not installed" if not HAS_TRITON else _triton().unsupported(options, input)
        if why is None:
            return "triton"
        if backend == "triton":
            raise ValueError(f'backend is "triton", which has no {why}: use "auto"')
    return "torch" if backend == "torch" or input.device.type != "cpu" or entangled else "native"


def _triton() -> Any:
    """The Triton path, imported when first asked for: Triton takes its time."""
    global _module
    if _module is None:
        from . import _triton as module

        _module = module
    return _module


_module: Any = None


def apply(
    options: Options,
    input: Tensor,
    target: Tensor,
    weight: Optional[Tensor] = None,
    *,
    pitch_dim: int = -2,
    time_dim: int = -1,
    backend: str = "auto",
) -> Tensor:
    """Any loss of docs/math.md; what the other functions call. Arguments and errors: `spiral_loss`."""
    if not isinstance(input, Tensor):
        raise TypeError(f"input is a {type(input).__name__}: must be a torch.Tensor")
    if not input.is_floating_point():
        raise TypeError(f"input is of {input.dtype}: must be of floats (logits, or probabilities)")
    pitch, time = _dims(input, pitch_dim, time_dim)
    _check_all(input, target, weight, options, pitch)
    chosen = _choose(backend, input, options)
    if chosen == "triton":
        kernels = _triton()
        if kernels.plain(input, target, weight):
            result: Tensor = kernels.eager(options, input, target, weight, pitch, time)
            return result
        path = kernels.value
    else:
        path = _reference.loss if chosen == "torch" else _op.value
    dtype = torch.float64 if input.dtype == torch.float64 else torch.float32
    if weight is not None:
        weight = _canonical(weight.detach().to(dtype).expand(input.shape), pitch, time)
    y, t = (_canonical(x.to(dtype), pitch, time) for x in (input, target.detach()))
    value: Tensor = path(options, y, t, weight)[0]
    if options.reduction != "none":
        return value
    leading = [n for dim, n in enumerate(input.shape) if dim not in (pitch, time)]
    return value.reshape(*leading, -1).movedim(-1, time - (pitch < time))


def spiral_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: float = 1.0,
    bce: float = 1.0,
    helix: HelixLike = "chromatic",
    low: int = 48,
    floor: float = 0.02,
    blur: float = 0.5,
    reach: int = 24,
    time_tolerance: float = 0.0,
    from_logits: bool = True,
    pitch_dim: int = -2,
    time_dim: int = -1,
    reduction: str = "mean",
    sample_weight: Optional[Tensor] = None,
    backend: str = "auto",
) -> Tensor:
    """Cross-entropy plus a divergence of rolls blurred along the pitch helix (docs/math.md, equations 8 to 14).

        bce * BCE(input, target) + weight * spiral(input, target)

    A missed note costs 1 of the spiral term, another note instead less than 2, by its distance: see `interval_costs`.

    Args:
        input: logits within +-1e20, or probabilities in [0, 1] with `from_logits=False`. Two dimensions or more, of
            any strides; dimensions other than keys and columns are a batch. float64 is computed in float64, all else
            in float32.
        target: of the input's shape, in [0, 1]; floats, whole numbers or bools.
        weight: lambda, the factor of the spiral term; 0 to 1e6.
        bce: factor of the cross-entropy; 0 to 1e6.
        helix: a preset's name, a `Helix`, or radii.
        low: MIDI number of key 0; low + keys <= 128.
        floor: b, how silent silence is; 1e-6 to 1000. Smaller makes a missing note dearer than a stray one.
        blur: l, length of the blur along the helix; above 0, at most 1000.
        reach: W, semitones the blur reaches to each side; 1 to 127.
        time_tolerance: tau, length in columns of a blur along time; 0 to 100.
        from_logits: whether the input is logits.
        pitch_dim: the dimension of keys, lowest first.
        time_dim: the dimension of columns.
        reduction: "mean" per column (columns of weight 0 do not count), "sum", "per_note" (divided by the number of
            target notes, at least 1), or "none": one value per column, the input's shape without its pitch dimension.
        sample_weight: weights of cells, 0 to 1e6, of a shape that broadcasts to the input's; 0 leaves a cell out.
        backend: "native" (C kernels: CPU), "triton" (Triton kernels: NVIDIA GPUs; float32, float16 and bfloat16, no
            time_tolerance), both for first derivatives; "torch" (any device, any derivative); or "auto", the first of
            these that can.

    Returns:
        A scalar, or with "none" a tensor of columns; float64 for a float64 input, else float32.

    Raises:
        TypeError: an argument is no tensor, or the input is not of floats.
        ValueError: a shape, a dimension, an option or (kernels only) a cell is out of its range, or NaN; target or
            sample_weight requires a gradient.
    """
    options = make_options(
        helix, time_tolerance, weight=weight, bce=bce, low=low, floor=floor, blur=blur, reach=reach,
        from_logits=from_logits, reduction=reduction,
    )  # fmt: skip
    return apply(options, input, target, sample_weight, pitch_dim=pitch_dim, time_dim=time_dim, backend=backend)


def _simple(kind: str, input: Tensor, target: Tensor, arguments: dict[str, Any], numbers: dict[str, Any]) -> Tensor:
    own = {k: arguments.pop(k) for k in ("sample_weight", "pitch_dim", "time_dim", "backend") if k in arguments}
    options = make_options(kind=kind, **{"low": 48, **numbers, **arguments})
    return apply(options, input, target, own.pop("sample_weight", None), **own)


def spiral_energy(input: Tensor, target: Tensor, *, weight: float = 1.0, bce: float = 1.0, **arguments: Any) -> Tensor:
    """Cross-entropy plus the spiral energy, 1/2 d' K d with K = 2 exp(-D/2) (docs/math.md, equations 15 to 17).

    The other arguments are those of `spiral_loss`, less floor, blur and reach.
    """
    return _simple("energy", input, target, arguments, {"weight": weight, "bce": bce})


def helix_gaussian(
    input: Tensor,
    target: Tensor,
    *,
    sigma: float = 0.5,
    weight: float = 1.0,
    bce: float = 1.0,
    **arguments: Any,
) -> Tensor:
    """Cross-entropy plus the quadratic form with K = 2 exp(-D^2 / 2 sigma^2) (docs/math.md, equations 15 to 18).

    sigma is above 0, at most 1000; the other arguments are those of `spiral_loss`, less floor, blur and reach.
    """
    return _simple("gauss", input, target, arguments, {"sigma": sigma, "weight": weight, "bce": bce})


def weighted_bce(input: Tensor, target: Tensor, *, weight: float = 1.0, bce: float = 0.0, **arguments: Any) -> Tensor:
    """Cross-entropy whose strays cost by their distance to the target (docs/math.md, equations 19 and 20).

    Cheap and convex in the logits, but not proper: unsure between two octaves, it plays both. The other arguments
    are those of `spiral_loss`, less floor, blur, reach and time_tolerance.
    """
    return _simple("weighted_bce", input, target, arguments, {"weight": weight, "bce": bce})


def seed_hard(input: Tensor, target: Tensor, *, circular: bool = False, **arguments: Any) -> Tensor:
    """The original question's distance of the loudest keys (docs/math.md, equations 22 and 23): a metric.

    It has no gradient. Arguments: coil_radius (10), coil_rise (5), coil_degrees (30), weight, low, from_logits,
    reduction, sample_weight, pitch_dim, time_dim, backend.
    """
    kind = "seed_hard_circular" if circular else "seed_hard"
    return _simple(kind, input.detach(), target, arguments, {"weight": 1.0, "bce": 0.0})


def seed_mask(input: Tensor, target: Tensor, *, circular: bool = False, bce: float = 0.0, **arguments: Any) -> Tensor:
    """The original answer's mask around the target's loudest key (docs/math.md, equations 21 and 23).

    Kept to measure against: silence is its optimum. Arguments as for `seed_hard`, less coil_degrees, and bce.
    """
    kind = "seed_mask_circular" if circular else "seed_mask"
    return _simple(kind, input, target, arguments, {"weight": 1.0, "bce": bce})
