# SPDX-License-Identifier: MIT
"""The Triton kernels as a PyTorch function: CUDA tensors of float32, float16 and bfloat16, without a time blur.

A call is one launch for value and gradient. Backward multiplies the gradient by what comes from above; where that is
1, as in `loss.backward()`, one small launch finds that out and writes nothing. No call waits for the device, and a
CUDA graph can record all of it once the first call has compiled the kernel and made its tables.

Eager calls go through `_Eager`, which takes tensors as they come. torch.compile, torch.export and torch.func go
through an operator like that of `_op`, `spiral_loss::value_grad_triton`, on tensors (G, B, T, P).
Read next: `_triton_kernels`.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Callable, List, Optional, Tuple

import torch
import triton
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

from . import _op, _reference
from ._plan import Options
from ._tables import on_device
from ._triton_kernels import INTERPRETED, loss_kernel, scale_kernel

__all__ = ["eager", "transformed", "unsupported", "value"]

_KINDS = {"bce": "bce", "spiral": "spiral", "energy": "quadratic", "gauss": "quadratic", "weighted_bce": "weighted_bce"}
_TYPES = (torch.float32, torch.float16, torch.bfloat16)
# What loss_kernel loads as it is; targets and weights of any other type are converted first.
_LOADED = (*_TYPES, torch.float64, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_EXACT = (torch.float16, torch.bfloat16, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_KEYS = 128  # tables are made for all keys there are; fewer keys use a part of them
_FRAMES, _BINS, _WARPS = 64, 32, 4  # of a tile; tensor cores of sm_90 take 64 rows
_SCALE = 2.0**14
_SMALL = 1 << 21  # cells; a gradient of fewer is multiplied without asking whether by 1
Strides = Tuple[int, int, int, int]  # of groups, rolls, frames and keys, in elements


def unsupported(options: Options, input: Tensor) -> Optional[str]:
    """Why the kernels cannot take such a call; None if they can."""
    if input.device.type != "cuda" and not (INTERPRETED and input.device.type == "cpu"):
        return f"tensors on {input.device}"
    if input.dtype not in _TYPES:
        return f"tensors of {input.dtype}"
    if options.kind not in _KINDS:
        return options.kind
    if options.time_blur > 0 and _KINDS[options.kind] in ("spiral", "quadratic"):
        return "time_tolerance"
    if input.device.type == "cuda" and not _capable(input.device.index):
        return f"kernels for {torch.cuda.get_device_name(input.device)}"
    return None


@functools.lru_cache(maxsize=None)
def _capable(index: int) -> bool:
    """Whether the device has the PTX instructions the kernels use: NVIDIA's Ampere and newer."""
    return torch.version.cuda is not None and torch.cuda.get_device_capability(index) >= (8, 0)


# Tables.


def _toeplitz(profile: Any, columns: int, shift: int, scale: float = 1.0) -> List[List[float]]:
    """(128, columns): scale profile[|column - row - shift|], 0 beyond its end."""
    padded = [scale * x for x in profile] + [0.0]
    return [[padded[min(abs(c - r - shift), len(profile))] for c in range(columns)] for r in range(_KEYS)]


def _matrix_numbers(o: Options) -> List[List[float]]:
    geometry = (o.radii, o.octave)
    if o.kind == "spiral":  # (10); bins in whole blocks
        width = -(-(_KEYS + 2 * o.reach) // _BINS) * _BINS
        return _toeplitz(_reference._profile(geometry, o.blur, o.reach), width, o.reach)
    return _toeplitz(_reference._kernel(geometry, o.kind, o.sigma, _KEYS), _KEYS, 0)  # (17), (18)


@on_device
def _matrix(o: Options) -> List[List[float]]:
    return _matrix_numbers(o)


@on_device
def _matrix_part(o: Options, low: bool) -> List[List[float]]:
    """The matrix times _SCALE as a sum of two fp16 numbers: one of them."""
    exact = torch.tensor(_matrix_numbers(o), dtype=torch.float64) * _SCALE
    high = exact.half().double()
    return (exact - high if low else high).tolist()  # type: ignore[no-any-return]


@on_device
def _nearness(geometry: Any) -> List[float]:  # (20)
    near = _reference._nearness(geometry, _KEYS)
    return [*near[:0:-1], *near]


@on_device
def _nothing() -> List[float]:
    """What a kernel gets for an array that it does not use."""
    return [0.0]


# Launching.


def choose_product(options: Options, weighted: bool) -> str:
    """How factors are multiplied. fp16 needs a known range: weights of cells, and slopes at a small floor, have none."""
    if weighted or (options.kind == "spiral" and options.floor < 2.0**-10):
        return "tf32x3"
    return "fp16x3"


def _chunks(keys: int) -> Tuple[Tuple[int, int], ...]:
    """(first key, width): powers of two from 16 on, falling, that add up to the keys rounded up to whole 16."""
    chunks, first = [], 0
    for width in (128, 64, 32, 16):
        if (-(-keys // 16) * 16 - first) & width:
            chunks.append((first, width))
            first += width
    return tuple(chunks)


@dataclasses.dataclass
class _Launcher:
    """loss_kernel for one set of options, types and layouts."""

    constants: Tuple[Any, ...]
    settings: dict[str, Any]
    tables: Tuple[Tensor, Tensor, Tensor]
    bins: int
    scales: Tuple[float, float, float]  # of floor, term and slope_term
    programs: int  # that run on the device at once
    compiled: Any = None

    def __call__(self, grid: Tuple[int, int, int], *arguments: Any) -> None:
        if self.compiled is not None:  # Triton's own look-up takes longer than the launch
            self.compiled[grid](*arguments, *self.constants)
        else:
            self.compiled = loss_kernel[grid](*arguments, *self.constants, **self.settings)


@functools.lru_cache(maxsize=1024)
def _launcher(
    options: Options,
    keys: int,
    device: torch.device,
    types: Tuple[Any, ...],
    gradient: bool,
    time_last: bool,
    vectors: Tuple[int, int, int],
    aligned: bool,
) -> _Launcher:
    """`types` are those of input, target and weight, or None; `aligned` is whether all begin at multiples of 16 bytes,
    for which Triton compiles another kernel."""
    weighted = types[2] is not None
    kind = _KINDS[options.kind] if options.weight > 0 else "bce"
    product = choose_product(options, weighted)
    scale, slope_scale = (_SCALE, 1.0) if product == "fp16x3" else (1.0, 1.0)
    unit, bins, width = 1.0, 0, 0
    dtype = torch.float32
    matrix = low = near = _nothing(dtype, device)
    if kind in ("spiral", "quadratic"):
        only = Options(
            kind=options.kind, radii=options.radii, octave=options.octave, blur=options.blur, reach=options.reach,
            sigma=options.sigma,
        )  # fmt: skip
        if product == "fp16x3":
            matrix, low = (_matrix_part(torch.float16, device, only, part) for part in (False, True))
        else:
            matrix = low = _matrix(dtype, device, only)
        width = matrix.shape[1]
    if kind == "spiral":
        bins = -(-(keys + 2 * options.reach) // _BINS) * _BINS
        profile = _reference._profile((options.radii, options.octave), options.blur, options.reach)
        unit = 1 / _reference._unit(profile, (1.0,), options.floor)
        if product == "fp16x3":  # slopes lie between -1 / floor and 1
            slope_scale = 2.0**15
            while slope_scale > 2.0**15 * options.floor:
                slope_scale /= 2
    if kind == "weighted_bce":
        near = _nearness(dtype, device, (options.radii, options.octave))
    reduction = options.reduction
    count = {"per_note": "notes", "mean": "frames" if weighted else ""}.get(reduction, "")
    constants = (
        kind, options.from_logits, options.bce > 0, weighted, reduction == "none", count, gradient,
        types[1] in _EXACT and not weighted, time_last, *vectors, _FRAMES, _chunks(keys), _BINS, width, product, scale,
        slope_scale,
    )  # fmt: skip
    settings = {"num_warps": _WARPS, "num_stages": 1}
    if keys <= 48:  # then a tile fits into 168 registers, and three programs run on a multiprocessor at once
        settings["maxnreg"] = 168
    scales = (scale * scale, unit / (scale * scale), unit / (scale * (slope_scale if kind == "spiral" else scale)))
    if kind == "weighted_bce":
        scales = (1.0, 1.0, 1.0)
    at_once = 3 if keys <= 48 else 2
    programs = 4 if INTERPRETED else at_once * torch.cuda.get_device_properties(device).multi_processor_count
    return _Launcher(constants, settings, (matrix, low, near), bins, scales, programs)


_workspaces: dict[Tuple[int, int], Tuple[Tensor, Tensor]] = {}
_WORKSPACE = 4096  # float64


def _workspace(input: Tensor, groups: int, programs: int) -> Tuple[Tensor, Tensor]:
    """Numbers for the programs' sums, and counters that are 0. Launches on one stream follow each other, so they may
    share; a graph is replayed on any stream, so what it records has its own."""
    if input.is_cuda and not torch.cuda.is_current_stream_capturing() and 2 * programs * groups <= _WORKSPACE:
        index = input.device.index
        key = (index, torch._C._cuda_getCurrentRawStream(index))
        if key not in _workspaces:
            _workspaces[key] = _new_workspace(input, _WORKSPACE, _WORKSPACE)
        return _workspaces[key]
    return _new_workspace(input, 2 * programs * groups, groups)


def _new_workspace(input: Tensor, sums: int, counters: int) -> Tuple[Tensor, Tensor]:
    return (
        torch.empty(sums, dtype=torch.float64, device=input.device),
        torch.zeros(counters, dtype=torch.int32, device=input.device),
    )


def _vector(strides: Strides, time_last: bool, keys: int, frames: int, bytes_: int) -> int:
    """Cells to load at once along keys or, time_last, frames: 4 where they always lie side by side and aligned."""
    groups, rolls, time, pitch = strides
    inner, outer, count = (time, pitch, frames) if time_last else (pitch, time, keys)
    return 4 if inner == 1 and not (groups | rolls | outer | count) & 3 and bytes_ <= 4 else 1


def _launch(
    options: Options,
    shape: Strides,
    pred: Tensor,
    target: Tensor,
    weight: Optional[Tensor],
    strides: Tuple[Strides, Strides, Strides],
    grad: Optional[Tensor],
    grad_strides: Strides,
) -> Tuple[Tensor, Optional[Tensor]]:
    """Values (G,), or (G, B T) with reduction "none"; fills grad; gives what it has yet to be multiplied by, (G,)."""
    groups, rolls, time, keys = shape
    frames = rolls * time
    if frames > 2**31 - 2 * _FRAMES:
        raise ValueError(f"input has {frames} columns: at most {2**31 - 2 * _FRAMES} in one call of the Triton kernels")
    time_last = strides[0][2] == 1 and strides[0][3] != 1
    arrays = (pred, target, pred if weight is None else weight, pred if grad is None else grad)
    aligned = not (arrays[0].data_ptr() | arrays[1].data_ptr() | arrays[2].data_ptr() | arrays[3].data_ptr()) & 15
    vectors = [1, 1, 1]
    if aligned:
        vectors = [_vector(s, time_last, keys, time, a.element_size()) for s, a in zip(strides, arrays)]
        vectors[0] = min(vectors[0], _vector(grad_strides, time_last, keys, time, 4))
    types = (pred.dtype, target.dtype, None if weight is None else weight.dtype)
    launcher = _launcher(
        options, keys, pred.device, types, grad is not None, time_last, (vectors[0], vectors[1], vectors[2]), aligned
    )
    programs = min(-(-frames // _FRAMES), -(-launcher.programs // groups))
    per_frame = options.reduction == "none"
    value = pred.new_empty((groups, frames) if per_frame else groups, dtype=torch.float32)
    counted = options.reduction == "per_note" or (options.reduction == "mean" and weight is not None)
    factor = torch.empty_like(value) if counted else None
    work, counters = (value, value) if per_frame else _workspace(pred, groups, programs)
    share = 1.0 / frames if options.reduction == "mean" and weight is None else 1.0
    of_floor, of_term, of_slope = launcher.scales
    launcher(
        (programs, groups, 1), *arrays, value, value if factor is None else factor, work, counters, *launcher.tables,
        frames, time, keys, launcher.bins, *strides[0], *strides[1], *strides[2], *grad_strides,
        options.bce * share, (options.bce + options.weight) * share, options.weight * share * of_term,
        options.weight * share * of_slope, options.floor * of_floor,
    )  # fmt: skip
    return value, factor


def _loadable(x: Tensor) -> Tensor:
    if x.dtype in _LOADED:
        return x
    return x.view(torch.uint8) if x.dtype == torch.bool else x.float()


# Eager calls.


def _strides(x: Tensor, pitch: int, time: int) -> Optional[Strides]:
    """Strides of (1, B, T, P), B being all other dimensions; None if no single stride walks through those."""
    sizes, strides = x.shape, x.stride()
    step, extent = 0, 1
    for dim in range(len(sizes) - 1, -1, -1):
        if dim == pitch or dim == time or sizes[dim] == 1:
            continue
        if extent == 1:
            step = strides[dim]
        elif strides[dim] != step * extent:
            return None
        extent *= sizes[dim]
    return 0, step, strides[time] if sizes[time] > 1 else 0, strides[pitch] if sizes[pitch] > 1 else 0


def _arranged(x: Tensor, pitch: int, time: int) -> Tuple[Tensor, Strides]:
    """The tensor, or where it has no such strides a copy, and its strides."""
    x = _loadable(x)
    strides = _strides(x, pitch, time)
    if strides is None:
        x = x.movedim((time, pitch), (-2, -1)).contiguous()
        strides = _contiguous(x.shape)
    return x, strides


def _contiguous(shape: torch.Size) -> Strides:
    return 0, shape[-2] * shape[-1], shape[-1], 1


def _empty_gradient(input: Tensor, pitch: int, time: int) -> Tuple[Tensor, Strides]:
    """float32 of the input's shape, laid out like it where that is possible, and its strides."""
    grad = torch.empty_like(input, dtype=torch.float32)
    strides = _strides(grad, pitch, time)
    if strides is None:
        shape = [n for dim, n in enumerate(input.shape) if dim not in (pitch, time)]
        grad = input.new_empty((*shape, input.shape[time], input.shape[pitch]), dtype=torch.float32)
        strides = _contiguous(grad.shape)
        grad = grad.movedim((-2, -1), (time, pitch))
    return grad, strides


class _Nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: Any) -> None: ...


_NOTHING = _Nothing()


def _current(device: torch.device) -> Any:
    """Makes the device the current one, on which Triton launches."""
    if device.type != "cuda" or device.index == torch.cuda.current_device():
        return _NOTHING
    return torch.cuda.device(device)


_keeps_graph: Optional[Callable[[], bool]] = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", None)


class _Refused(torch.autograd.Function):
    """The gradient, which has none itself."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor) -> Tensor:
        return grad.view_as(grad)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Tensor:
        raise RuntimeError(_op._SECOND)


class _Eager(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, input: Tensor, target: Tensor, weight: Optional[Tensor], options: Options, pitch: int, time: int,
        need_grad: bool,
    ) -> Tensor:  # fmt: skip
        ctx.set_materialize_grads(False)
        pred, of_pred = _arranged(input, pitch, time)
        target, of_target = _arranged(target, pitch, time)
        of_weight: Strides = (0, 0, 0, 0)
        if weight is not None:
            weight, of_weight = _arranged(weight.expand(input.shape), pitch, time)
        grad, of_grad = _empty_gradient(input, pitch, time) if need_grad else (None, of_pred)
        T, P = input.shape[time], input.shape[pitch]
        shape = (1, input.numel() // (T * P), T, P)
        with _current(input.device):
            value, factor = _launch(
                options, shape, pred, target, weight, (of_pred, of_target, of_weight), grad, of_grad
            )
        ctx.pitch, ctx.dtype = pitch, input.dtype
        ctx.save_for_backward(grad, factor)
        if options.reduction != "none":
            return value.reshape(())
        leading = [n for dim, n in enumerate(input.shape) if dim not in (pitch, time)]
        return value.reshape(*leading, T).movedim(-1, time - (pitch < time))

    @staticmethod
    def backward(ctx: Any, *upstream: Optional[Tensor]) -> Tuple[Optional[Tensor], ...]:
        by = upstream[0]
        grad, factor = ctx.saved_tensors
        if by is None or grad is None:
            return (None,) * 7
        return _times(ctx, grad, factor, by), None, None, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise NotImplementedError(_op._FORWARD)


def _times(ctx: Any, grad: Tensor, factor: Optional[Tensor], by: Tensor) -> Tensor:
    if factor is not None:
        by = by * factor.reshape(())
    if by.dim():
        by = by.unsqueeze(ctx.pitch)
    if torch.is_grad_enabled():
        return (_Refused.apply(grad.detach().requires_grad_()) * by).to(ctx.dtype)  # type: ignore[no-untyped-call]
    if ctx.dtype != torch.float32:
        return torch.mul(grad, by, out=torch.empty_like(grad, dtype=ctx.dtype))
    if _keeps_graph is None or _keeps_graph():
        return grad * by
    if by.dim() or grad.numel() < _SMALL:
        return grad.mul_(by)
    with _current(grad.device):
        blocks = 8 * torch.cuda.get_device_properties(grad.device).multi_processor_count
        scale_kernel[(blocks,)](grad, by, grad.numel(), BLOCK=4096)
    return grad


def transformed() -> bool:
    """Whether torch.compile, torch.func or a dispatch mode looks on, which all want to see an operator."""
    return (
        _op._compiling()
        or torch._C._are_functorch_transforms_active()
        or _get_current_dispatch_mode() is not None
    )


def eager(
    options: Options, input: Tensor, target: Tensor, weight: Optional[Tensor], pitch: int, time: int
) -> Tensor:
    """What `functional.apply` gives, of arguments it has checked."""
    need_grad = input.requires_grad and torch.is_grad_enabled()
    result: Tensor = _Eager.apply(input, target, weight, options, pitch, time, need_grad)  # type: ignore[no-untyped-call]
    return result


# Compiled and transformed calls.


def _value_grad(
    pred: Tensor,
    target: Tensor,
    weight: Optional[Tensor],
    kind: str,
    reduction: str,
    from_logits: bool,
    low: int,
    reach: int,
    numbers: List[float],
    need_grad: bool,
) -> Tuple[Tensor, Tensor]:
    options = _op._unpack(kind, reduction, from_logits, low, reach, list(numbers))
    target, weight = _loadable(target), None if weight is None else _loadable(weight)
    grad = torch.empty_like(pred, dtype=torch.float32) if need_grad else None
    strides = [(0, 0, 0, 0) if x is None else x.stride() for x in (pred, target, weight, grad)]
    with _current(pred.device):
        value, factor = _launch(
            options, pred.shape, pred, target, weight, (strides[0], strides[1], strides[2]), grad, strides[3]
        )
    if grad is not None and factor is not None:
        grad.mul_(factor.reshape(-1, 1, 1, 1))
    shape = pred.shape[:3] if reduction == "none" else pred.shape[:1]
    return value.reshape(shape), pred.new_empty(0) if grad is None else grad


_call: Callable[..., Tuple[Tensor, Tensor]] = _value_grad
if _op.HAS_CUSTOM_OP:
    _operator = torch.library.custom_op(
        "spiral_loss::value_grad_triton", _value_grad, mutates_args=(), device_types=("cpu", "cuda"), schema=_op._SCHEMA
    )

    @_operator.register_fake
    def _(pred: Tensor, target: Tensor, weight: Optional[Tensor], kind: str, reduction: str, *rest: Any) -> Any:
        shape = pred.shape[:3] if reduction == "none" else pred.shape[:1]
        return pred.new_empty(shape), torch.empty_like(pred) if rest[-1] else pred.new_empty(0)

    _operator.register_autograd(_op._backward, setup_context=_op._save)
    if hasattr(_operator, "register_vmap"):
        _operator.register_vmap(_op._vmap(_operator))
    _call = _operator


class _Transformed(_op._ValueGrad):
    @staticmethod
    def forward(*args: Any) -> Tuple[Tensor, Tensor]:
        return _call(*args)

    @staticmethod
    def vmap(info: Any, in_dims: Tuple[Any, ...], *args: Any) -> Any:
        return _op._vmap(_apply)(info, in_dims, *args)


_apply: Callable[..., Tuple[Tensor, Tensor]] = _Transformed.apply


def value(options: Options, pred: Tensor, target: Tensor, weight: Optional[Tensor]) -> Tensor:
    """What `_op.value` gives, of float32 tensors (G, B, T, P)."""
    need_grad = pred.requires_grad and torch.is_grad_enabled()
    call = _operator if _op._compiling() else _apply
    result: Tensor = call(pred, target, weight, *_op._pack(options), need_grad)[0]
    return result
