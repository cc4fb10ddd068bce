# SPDX-License-Identifier: MIT
"""The losses as functions of tensors. `losses` has the same as modules.

Each function checks its arguments, brings the tensors into the order (B, T, P) by views, and calls the C kernels (CPU),
the Triton kernels (NVIDIA GPUs) or plain PyTorch (other devices).
"""

from __future__ import annotations

import functools
import importlib.util
from typing import Any, Optional, Union

import torch
from torch import Tensor

from . import _cells, _names, _op, _reference
from ._arguments import check_number, check_options, check_weight_shape
from ._plan import Options
from .helix import HelixLike, as_helix

__all__ = [
    "apply",
    "argmax_distance",
    "channel_loss",
    "distance_mask",
    "helix_gaussian",
    "spiral_energy",
    "spiral_loss",
    "weighted_bce",
]

BACKENDS = ("auto", "native", "triton", "torch")
HAS_TRITON = importlib.util.find_spec("triton") is not None
MAX_POS_WEIGHT = 1e6
PosWeight = Union[float, Tensor, None]
_HINTS = {
    "lambd": "; weights of cells are passed to the call as sample_weight, the weight of sounding cells as pos_weight"
}


def __getattr__(name: str) -> Any:
    if name in _names.CLASSES:
        _names.warn(name, _names.CLASSES[name])
        return globals()[_names.CLASSES[name]]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def make_options(helix: HelixLike = "chromatic", **options: Any) -> Options:
    """`Options` with the geometry written out. TypeError: an option is not of its type; the values are checked by C."""
    geometry = as_helix(helix)
    check_options(options, _HINTS if isinstance(options.get("lambd"), Tensor) else {})
    make: Any = Options if _op._compiling() else _kept_options
    made: Options = make(radii=geometry.radii, octave=geometry.octave, **options)
    return made


# Functions called twice with the same arguments get one object, by which a repeated call is found quickly.
_kept_options = functools.lru_cache(maxsize=256, typed=True)(Options)


def check_arguments(
    pitch_dim: Optional[int], time_dim: Optional[int], backend: str, check: Optional[bool], pos_weight: PosWeight
) -> None:
    """Raises TypeError or ValueError for arguments that are wrong for every input."""
    for name, dim in (("pitch_dim", pitch_dim), ("time_dim", time_dim)):
        if dim is not None and (not isinstance(dim, int) or isinstance(dim, bool)):
            raise TypeError(f"{name} is a {type(dim).__name__}: must be a whole number or None")
    if pitch_dim is not None and pitch_dim == time_dim:
        raise ValueError(f"pitch_dim is {pitch_dim} and time_dim {time_dim}: must be two different dimensions")
    if backend not in BACKENDS:
        raise ValueError(f"backend is {backend!r}: must be one of {', '.join(BACKENDS)}")
    if check is not None and not isinstance(check, bool):
        raise TypeError(f"check is a {type(check).__name__}: must be True, False or None")
    if pos_weight is None:
        return
    if isinstance(pos_weight, Tensor):
        if pos_weight.dim() > 1 or pos_weight.is_complex():
            raise ValueError(
                f"pos_weight has shape {tuple(pos_weight.shape)}: must be one number, or (keys,), one for each key"
            )
        if pos_weight.requires_grad:
            raise ValueError("pos_weight requires a gradient, and the loss has none with respect to it")
        if pos_weight.device.type != "cpu" or _op._compiling():
            return
        values = pos_weight.reshape(-1).tolist()
    else:
        check_number("pos_weight", pos_weight)
        values = [pos_weight]
    for value in values:
        if not 0 <= value <= MAX_POS_WEIGHT:
            raise ValueError(f"pos_weight is {value:g}: must be 0 to {MAX_POS_WEIGHT:g}")


def _dims(input: Tensor, pitch_dim: Optional[int], time_dim: Optional[int]) -> tuple[int, int]:
    n = input.dim()
    if n == 2 and pitch_dim is None and time_dim is None:
        raise ValueError(
            f"input has shape {tuple(input.shape)}: must be (B, keys, frames); for a single roll without a batch "
            "pass pitch_dim=-2, or pitch_dim=-1 and time_dim=-2"
        )
    pitch, time = -2 if pitch_dim is None else pitch_dim, -1 if time_dim is None else time_dim
    for name, dim in (("pitch_dim", pitch), ("time_dim", time)):
        if not -n <= dim < n:
            raise ValueError(f"{name} is {dim}: must be {-n} to {n - 1} for an input of shape {tuple(input.shape)}")
    if pitch % n == time % n:
        raise ValueError(f"pitch_dim is {pitch} and time_dim {time}: must be two different dimensions")
    return pitch % n, time % n


def _check_dense(name: str, tensor: Any) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} is a {type(tensor).__name__}: must be a torch.Tensor")
    if tensor.is_nested:
        raise TypeError(
            f"{name} is a nested tensor: must be a dense one; pad it (torch.nested.to_padded_tensor) and give the "
            "padding the sample_weight 0"
        )
    if tensor.layout is not torch.strided:
        raise TypeError(f"{name} has layout {tensor.layout}: must be torch.strided; pass {name}.to_dense()")


def _check_tensor(name: str, tensor: Any, input: Tensor) -> None:
    _check_dense(name, tensor)
    if tensor.is_complex():
        raise TypeError(f"{name} is of {tensor.dtype}: must be of floats, whole numbers or bools")
    if tensor.requires_grad:
        raise ValueError(f"{name} requires a gradient, and the loss has none with respect to it: pass {name}.detach()")
    if tensor.device != input.device:
        raise ValueError(f"{name} is on {tensor.device}: must be on {input.device}, where the input is")


def _check_all(input: Any, target: Any, sample_weight: Any, options: Options, pitch: int) -> None:
    keys = input.shape[pitch]
    if keys < 1 or keys > 128 or options.low + keys > 128:
        raise ValueError(
            f"low is {options.low} and dimension {pitch} of the input has {keys} keys: must be 1 or more keys, and the "
            f"highest, MIDI number {options.low + keys - 1}, must be at most 127"
        )
    _check_tensor("target", target, input)
    if target.shape != input.shape:
        raise ValueError(f"target has shape {tuple(target.shape)}: must be that of the input, {tuple(input.shape)}")
    if sample_weight is None:
        return
    _check_tensor("sample_weight", sample_weight, input)
    check_weight_shape(sample_weight.shape, input.shape)


def _canonical(tensor: Tensor, pitch: int, time: int) -> Tensor:
    """(1, B, T, P), a view wherever the leading dimensions fold into one."""
    moved = tensor.movedim((time, pitch), (-2, -1))
    return moved.reshape(1, -1, moved.shape[-2], moved.shape[-1])


def _choose(backend: str, input: Tensor, options: Options) -> str:
    """The backend of a call: "native", "triton" or "torch"."""
    # With a time blur frames share their cells, so values of single frames need the full chain rule.
    entangled = options.reduction == "none" and options.time_blur > 0 and input.requires_grad
    if backend == "native" and (input.device.type != "cpu" or entangled):
        why = "a gradient of single frames with time_blur" if entangled else f"tensors on {input.device}"
        raise ValueError(f'backend is "native", which has no {why}: use "auto"')
    if backend == "triton" or (backend == "auto" and input.device.type == "cuda" and HAS_TRITON):
        why = _no_triton() or _triton().unsupported(options, input)
        if why is None:
            return "triton"
        if backend == "triton":
            raise ValueError(f'backend is "triton", which has no {why}: use "auto"')
    return "torch" if backend == "torch" or input.device.type != "cpu" or entangled else "native"


@_reference._constant
def _no_triton() -> Optional[str]:
    """Why the Triton kernels cannot be imported; None if they can."""
    if not HAS_TRITON:
        return "triton, which is not installed"
    import triton

    version = tuple(int(n) for n in triton.__version__.split(".")[:2])
    return None if version >= (3, 4) else f"kernels for Triton {triton.__version__}, only for 3.4 and newer"


def _triton() -> Any:
    """The Triton path, imported when first asked for: importing Triton is slow."""
    global _module
    if _module is None:
        from . import _triton as module

        _module = module
    return _module


_module: Any = None


def _empty(options: Options, input: Tensor, pitch: int) -> Tensor:
    """The loss of a batch without frames, as PyTorch's losses: sum 0, mean NaN; differentiable."""
    frames = input.sum(pitch, dtype=torch.float64 if input.dtype == torch.float64 else torch.float32)
    if options.reduction == "none":
        return frames
    return frames.mean() if options.reduction == "mean" else frames.sum()


def _in_graph() -> bool:
    """Whether torch.compile or a transform of torch.func is active: then no value of a tensor may be read."""
    return _op._compiling() or torch._C._are_functorch_transforms_active()


def _of_key(pos_weight: PosWeight, y: Tensor) -> Tensor:
    """pos_weight for tensors (G, B, T, P)."""
    of_key = torch.as_tensor(pos_weight, dtype=y.dtype, device=y.device)
    if of_key.dim() and of_key.shape[0] not in (1, y.shape[-1]):
        raise ValueError(
            f"pos_weight has shape {tuple(of_key.shape)}: must be one number, or ({y.shape[-1]},), one for each key"
        )
    return of_key


def apply(
    options: Options,
    input: Tensor,
    target: Tensor,
    sample_weight: Optional[Tensor] = None,
    *,
    pitch_dim: Optional[int] = None,
    time_dim: Optional[int] = None,
    backend: str = "auto",
    check: Optional[bool] = None,
    pos_weight: PosWeight = None,
    channel: Optional[_reference.Channel] = None,
) -> Tensor:
    """Any loss of docs/math.md; what the other functions call. Arguments and errors: `spiral_loss`.

    channel replaces the kind channel with one that has parameters of its own, for the backend "torch".
    """
    if _module is not None and not check and pos_weight is None and not _op._compiling():
        repeated: Optional[Tensor] = _module.repeated(
            options, input, target, sample_weight, pitch_dim, time_dim, backend
        )
        if repeated is not None:
            return repeated
    _check_dense("input", input)
    if not input.is_floating_point():
        raise TypeError(f"input is of {input.dtype}: must be of floats (logits, or probabilities)")
    check_arguments(pitch_dim, time_dim, backend, check, pos_weight)
    pitch, time = _dims(input, pitch_dim, time_dim)
    _check_all(input, target, sample_weight, options, pitch)
    if input.numel() == 0:
        return _empty(options, input, pitch)
    chosen = _choose(backend, input, options)
    if chosen == "triton" and not check and pos_weight is None:
        kernels = _triton()
        if kernels.plain(input, target, sample_weight):
            result: Tensor = kernels.eager(options, input, target, sample_weight, pitch_dim, time_dim, backend)
            return result
    value = _of_canonical(options, input, target, sample_weight, pitch, time, chosen, check, pos_weight, channel)
    if options.reduction != "none":
        return value
    leading = [n for dim, n in enumerate(input.shape) if dim not in (pitch, time)]
    return value.reshape(*leading, -1).movedim(-1, time - (pitch < time))


def _of_canonical(
    options: Options,
    input: Tensor,
    target: Tensor,
    sample_weight: Optional[Tensor],
    pitch: int,
    time: int,
    chosen: str,
    check: Optional[bool],
    pos_weight: PosWeight,
    channel: Optional[_reference.Channel],
) -> Tensor:
    """The value, () or (B, T), by way of tensors (1, B, T, P)."""
    dtype = torch.float64 if input.dtype == torch.float64 else torch.float32
    y, t = (_canonical(x.to(dtype), pitch, time) for x in (input, target.detach()))
    w = None
    if sample_weight is not None:
        w = _canonical(sample_weight.detach().to(dtype).expand(input.shape), pitch, time)
    if check is None:  # backend="triton" with CPU tensors is Triton's interpreter
        check = input.device.type == "cpu" and chosen != "triton"
    add, factor = None, None
    if check and chosen != "native":  # the C kernels check by themselves
        if _in_graph():
            add = _cells.refuse_in_graph(options.from_logits, y, t, w)
        else:
            _cells.refuse(options.from_logits, y.detach(), t, w)
    elif not check and chosen != "triton":
        y, t, w, factor = _cells.mark(options.from_logits, y, t, w)
    if chosen != "native" or pos_weight is not None:
        y, t = _cells.left_out(y, w), _cells.left_out(t, w)
    if channel is not None:
        value = _reference.loss(options, y, t, w, channel)
    else:
        path = {"torch": _reference.loss, "native": _op.value}[chosen] if chosen != "triton" else _triton().value
        value = path(options, y, t, w)
    if pos_weight is not None:
        value = value + _reference.extra_of_positives(options, y, t, w, _of_key(pos_weight, y))
    if add is not None:
        value = value + add.reshape(-1, *(1,) * (value.dim() - 1))
    if factor is not None:
        value = value * (factor if options.reduction == "none" else factor.mean((-2, -1)))
    return value[0]


@_names.renamed(**_names.ARGUMENTS)
def spiral_loss(
    input: Tensor,
    target: Tensor,
    *,
    lambd: float = 1.0,
    bce: float = 1.0,
    helix: HelixLike = "chromatic",
    low: int = 0,
    kl_offset: float = 0.02,
    blur_length: float = 0.5,
    blur_radius: int = 24,
    time_blur: float = 0.0,
    from_logits: bool = True,
    pitch_dim: Optional[int] = None,
    time_dim: Optional[int] = None,
    reduction: str = "mean",
    sample_weight: Optional[Tensor] = None,
    pos_weight: PosWeight = None,
    backend: str = "auto",
    check: Optional[bool] = None,
) -> Tensor:
    """Cross-entropy plus a divergence of rolls blurred along the pitch helix (docs/math.md, equations 8 to 14).

        bce * BCE(input, target) + lambd * spiral(input, target)

    In the spiral term a missed note costs 1, and another note instead less than 2, by distance: see `interval_costs`.

    Args:
        input: logits within +-1e20, or probabilities in [0, 1] with `from_logits=False`; any strides. float64 is
            computed in float64, all others in float32.
        target: in [0, 1]; floats, whole numbers or bools.
        sample_weight: weights of cells, 0 to 1e6. A cell of weight 0 is ignored, whatever it holds. Shapes are aligned
            at their last dimensions, as everywhere in PyTorch: (frames,) are weights of frames, also if there are as
            many rolls; weights w of rolls, (B,), are passed as w[:, None, None], and weights of keys as w[:, None].
            The cross-entropy of a cell is multiplied by its weight; in the other term both rolls are multiplied by
            it, so that term is not proportional to it. "mean" divides by the number of frames with a weight above 0.
            To multiply the losses of whole rolls, multiply those of their frames: see the second example.
        others: the options of `losses.SpiralLoss`, which says what they mean.

    Returns:
        float64 for a float64 input, else float32. Without frames (an empty batch) the sum is 0 and the mean NaN.

    Raises:
        TypeError: an argument is not a tensor or not of its type, or the input is not of floats.
        ValueError: a shape, an option or a cell is out of its range; target or sample_weight requires a gradient.

    Shape:
        - input: (*, keys, frames), one or more dimensions of a batch, 1 to 128 keys; or as pitch_dim and time_dim say.
        - target: that of the input. sample_weight: any that broadcasts to it.
        - output: (), or with reduction "none" the input's shape without its pitch dimension.

    Example:
        >>> logits, roll = torch.zeros(4, 88, 50, requires_grad=True), torch.zeros(4, 88, 50)
        >>> spiral_loss(logits, roll, lambd=2.0, helix="tonnetz").backward()
        >>> logits.grad.shape
        torch.Size([4, 88, 50])
        >>> w = torch.tensor([1.0, 1.0, 3.0, 0.0])  # of the four rolls
        >>> frames = spiral_loss(logits, roll, reduction="none")  # (4, 50)
        >>> weighted_mean = (frames * w[:, None]).sum() / (w.sum() * frames.shape[1])
    """
    options = make_options(
        helix, lambd=lambd, bce=bce, low=low, kl_offset=kl_offset, blur_length=blur_length, blur_radius=blur_radius,
        time_blur=time_blur, from_logits=from_logits, reduction=reduction,
    )  # fmt: skip
    return apply(
        options, input, target, sample_weight, pitch_dim=pitch_dim, time_dim=time_dim, backend=backend, check=check,
        pos_weight=pos_weight,
    )  # fmt: skip


_OF_CALL = ("sample_weight", "pitch_dim", "time_dim", "backend", "check", "pos_weight")


def _simple(kind: str, input: Tensor, target: Tensor, arguments: dict[str, Any], own: dict[str, Any]) -> Tensor:
    of_call = {k: arguments.pop(k) for k in _OF_CALL if k in arguments}
    options = make_options(kind=kind, **own, **arguments)
    return apply(options, input, target, of_call.pop("sample_weight", None), **of_call)


@_names.renamed(**_names.ARGUMENTS)
def spiral_energy(input: Tensor, target: Tensor, *, lambd: float = 1.0, bce: float = 1.0, **arguments: Any) -> Tensor:
    """Cross-entropy plus the spiral energy, 1/2 d' K d with K = 2 exp(-D/2) (docs/math.md, equations 15 to 17).

    The other arguments are those of `spiral_loss`, less kl_offset, blur_length and blur_radius.

    Shape:
        As `spiral_loss`.

    Example:
        >>> silence, note = torch.zeros(1, 36, 1), torch.zeros(1, 36, 1)
        >>> note[0, 12] = 1
        >>> loss = spiral_energy(silence, note, bce=0.0, from_logits=False, reduction="sum")
        >>> round(float(loss), 4)  # one missed note
        1.0
    """
    return _simple("energy", input, target, arguments, {"lambd": lambd, "bce": bce})


@_names.renamed(**_names.ARGUMENTS)
def helix_gaussian(
    input: Tensor,
    target: Tensor,
    *,
    sigma: float = 0.5,
    lambd: float = 1.0,
    bce: float = 1.0,
    **arguments: Any,
) -> Tensor:
    """Cross-entropy plus the quadratic form with K = 2 exp(-D^2 / 2 sigma^2) (docs/math.md, equations 15 to 18).

    sigma is above 0, at most 1000; the other arguments are those of `spiral_loss`, less kl_offset, blur_length and
    blur_radius.

    Shape:
        As `spiral_loss`.

    Example:
        >>> silence, note = torch.zeros(1, 36, 1), torch.zeros(1, 36, 1)
        >>> note[0, 12] = 1
        >>> loss = helix_gaussian(silence, note, bce=0.0, from_logits=False, reduction="sum")
        >>> round(float(loss), 4)  # one missed note
        1.0
    """
    return _simple("gauss", input, target, arguments, {"sigma": sigma, "lambd": lambd, "bce": bce})


@_names.renamed(**_names.ARGUMENTS)
def weighted_bce(input: Tensor, target: Tensor, *, lambd: float = 1.0, bce: float = 0.0, **arguments: Any) -> Tensor:
    """Cross-entropy in which extra notes are weighted by distance (docs/math.md, equations 19 and 20).

    Cheap and convex in the logits, but not proper: a network that is uncertain between two octaves plays both. The
    other arguments are those of `spiral_loss`, less kl_offset, blur_length, blur_radius and time_blur.

    Shape:
        As `spiral_loss`.

    Example:
        >>> other, octave, roll = (torch.zeros(1, 36, 1) for _ in range(3))
        >>> roll[0, 12], octave[0, [12, 24]], other[0, [12, 18]] = 1, 1, 1
        >>> octave_added, tritone_added = (weighted_bce(x, roll, from_logits=False) for x in (octave, other))
        >>> bool(octave_added < tritone_added)
        True
    """
    return _simple("weighted_bce", input, target, arguments, {"lambd": lambd, "bce": bce})


def channel_loss(
    input: Tensor,
    target: Tensor,
    *,
    eta: float = 0.3,
    lambd: float = 1.0,
    bce: float = 0.0,
    **arguments: Any,
) -> Tensor:
    """Cross-entropy of the prediction moved along the helix, for labels that are partly wrong (docs/math.md, 12).

    The labels are compared with T y, T = (1 - eta) I + eta A, where A moves a note to another key, the more often the
    nearer it is: exp(-D / blur_length), up to blur_radius semitones away. So the prediction remains what was
    played, not what the labels say. `losses.LearnedChannelLoss` learns eta.

    eta is the share of the notes that the labels place at another key, 0 to less than 1; with 0 the loss is
    cross-entropy. The other arguments are those of `spiral_loss`, less kl_offset, time_blur and pos_weight. The backend
    "triton" has no such kernel: "auto" takes "torch" on a GPU.

    Shape:
        As `spiral_loss`.

    Example:
        >>> played, octave, other = (torch.full((1, 36, 1), -6.0) for _ in range(3))
        >>> label = torch.zeros(1, 36, 1)
        >>> played[0, 12], label[0, 24] = 6.0, 1.0  # the label is an octave off
        >>> other[0, 18] = 6.0
        >>> bool(channel_loss(played, label) < channel_loss(other, label))
        True
    """
    return _simple("channel", input, target, arguments, {"eta": eta, "lambd": lambd, "bce": bce})


@_names.renamed(**_names.ARGUMENTS)
def argmax_distance(input: Tensor, target: Tensor, *, circular: bool = False, **arguments: Any) -> Tensor:
    """The original question's distance between the loudest keys (docs/math.md, equations 22 and 23): a metric.

    It has no gradient. Arguments: coil_radius (10), coil_rise (5), coil_degrees (30), lambd, low, from_logits,
    reduction, sample_weight, pitch_dim, time_dim, backend, check.

    Shape:
        As `spiral_loss`.

    Example:
        >>> one, other = torch.zeros(1, 36, 1), torch.zeros(1, 36, 1)
        >>> one[0, 12], other[0, 24] = 1, 1
        >>> float(argmax_distance(one, other))  # an octave: one rise of the coil
        5.0
    """
    kind = "argmax_distance_circular" if circular else "argmax_distance"
    return _simple(kind, input.detach(), target, arguments, {"bce": 0.0})


@_names.renamed(**_names.ARGUMENTS)
def distance_mask(
    input: Tensor, target: Tensor, *, circular: bool = False, bce: float = 0.0, **arguments: Any
) -> Tensor:
    """The original answer's mask around the target's loudest key (docs/math.md, equations 21 and 23).

    For comparisons only: silence is its optimum. Arguments as for `argmax_distance`, less coil_degrees, and bce.

    Shape:
        As `spiral_loss`.

    Example:
        >>> roll = torch.zeros(1, 36, 1)
        >>> roll[0, 12] = 1
        >>> float(distance_mask(roll, roll, from_logits=False))  # the right note costs nothing
        0.0
    """
    kind = "distance_mask_circular" if circular else "distance_mask"
    return _simple(kind, input, target, arguments, {"bce": bce})
