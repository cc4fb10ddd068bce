# SPDX-License-Identifier: MIT
"""Launching the Triton kernels: tables, compile-time constants, strides. Autograd is in `_triton`.

A `Call` is made once for each set of shapes, strides and types, and decides everything that follows from them; calling
it only fills in pointers. For small batches the kernel takes a few microseconds, so the time of the host counts.
Read next: `_triton_kernels`.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
import triton
from torch import Tensor

from . import _plan, _reference
from ._plan import Options
from ._tables import on_device
from ._triton_kernels import INTERPRETED, loss_kernel, scale_kernel

__all__ = ["Call", "Plan", "Strides", "fold", "loadable", "plan", "scale_in_place", "unsupported"]

_KINDS = {"bce": "bce", "spiral": "spiral", "energy": "quadratic", "gauss": "quadratic", "weighted_bce": "weighted_bce"}
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)
# Types whose values in [0, 1] one fp16 number holds exactly.
_EXACT = (torch.float16, torch.bfloat16, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
# Types that the kernel loads; targets and weights of other types are converted first.
_LOADED = (torch.float32, torch.float64, *_EXACT)
_KEYS = 128  # tables are made for the largest number of keys; smaller ones use a part of them
_FRAMES, _BINS, _WARPS = 64, 32, 4  # of a tile: a matrix instruction of sm_90 takes 64 rows and 4 warps
_SCALE = 2.0**14  # cells and matrices are at most 2, fp16 numbers at most 65,504
_WORKSPACE = 4096  # float64 numbers
_TOO_OLD = tuple(int(n) for n in triton.__version__.split(".")[:2]) < (3, 4)
Strides = Tuple[int, int, int, int]  # of groups, rolls, frames and keys, in elements
Types = Tuple[torch.dtype, torch.dtype, Optional[torch.dtype]]  # of input, target and sample_weight


def unsupported(options: Options, input: Tensor) -> Optional[str]:
    """The part of such a call that the kernels do not implement; None if they implement all of it."""
    device = input.device
    if _TOO_OLD:
        return f"kernels for Triton {triton.__version__}, but for 3.4 and newer"
    if device.type != "cuda" and not (INTERPRETED and device.type == "cpu"):
        return f"tensors on {device}"
    if input.dtype not in _FLOATS:
        return f"tensors of {input.dtype}"
    if options.kind not in _KINDS:
        return options.kind
    if options.time_blur > 0 and _KINDS[options.kind] in ("spiral", "quadratic"):
        return "time_tolerance"
    if device.type == "cuda" and not _capable(device.index):
        return f"kernels for {torch.cuda.get_device_name(device)}"
    return None


@_reference._constant
def _capable(index: int) -> bool:
    """Whether the device has the PTX instructions that the kernels use: NVIDIA, compute capability 8.0 or higher."""
    return torch.version.cuda is not None and torch.cuda.get_device_capability(index) >= (8, 0)


# Tables.


def _round_up(n: int, step: int) -> int:
    return -(-n // step) * step


@on_device
def _matrix(dtype: torch.dtype, device: torch.device, o: Options) -> Tensor:
    """The blur from keys to whole blocks of bins (10), or the kernel of keys and keys (17), (18)."""
    geometry = (o.radii, o.octave)
    if o.kind == "spiral":
        bins = _round_up(_KEYS + 2 * o.blur_radius, _BINS)
        return _reference.blur_matrix(dtype, device, geometry, o.blur_length, o.blur_radius, _KEYS, bins)
    return _reference.kernel_matrix(dtype, device, geometry, o.kind, o.sigma, _KEYS)


@on_device
def _matrix_part(dtype: torch.dtype, device: torch.device, o: Options, low: bool) -> Tensor:
    """One of two fp16 matrices whose sum is the matrix times _SCALE."""
    exact = _matrix(torch.float64, device, o) * _SCALE
    high = exact.to(dtype)
    return (exact - high).to(dtype) if low else high


@on_device
def _nearness(dtype: torch.dtype, device: torch.device, geometry: Any) -> Tensor:  # (20)
    near = _reference._nearness(geometry, _KEYS)
    return torch.tensor([*near[:0:-1], *near], dtype=dtype, device=device)


@on_device
def _nothing(dtype: torch.dtype, device: torch.device) -> Tensor:
    """The argument for a table that the kernel does not use."""
    return torch.zeros(1, dtype=dtype, device=device)


def _tables(o: Options, kind: str, product: str, device: torch.device) -> Tuple[Tensor, Tensor, Tensor]:
    """matrix, matrix_low and nearness."""
    nothing = _nothing(torch.float32, device)
    if kind == "weighted_bce":
        return nothing, nothing, _nearness(torch.float32, device, (o.radii, o.octave))
    if kind == "bce":
        return nothing, nothing, nothing
    geometry = Options(
        kind=o.kind, radii=o.radii, octave=o.octave, blur_length=o.blur_length, blur_radius=o.blur_radius, sigma=o.sigma
    )
    if product == "fp16x3":
        high, low = (_matrix_part(torch.float16, device, geometry, part) for part in (False, True))
        return high, low, nothing
    matrix = _matrix(torch.float32, device, geometry)
    return matrix, matrix, nothing


# Compile-time choices.


def _chunks(keys: int, widest: int) -> Tuple[Tuple[int, int], ...]:
    """(first key, width): powers of two from 16 on, falling, that add up to the keys rounded up to whole 16."""
    chunks: List[Tuple[int, int]] = []
    first, end, width = 0, _round_up(keys, 16), widest
    while first < end:
        while width > end - first:
            width //= 2
        chunks.append((first, width))
        first += width
    return tuple(chunks)


class Plan(NamedTuple):
    """The variant of loss_kernel for one set of options, types and layouts; independent of the device."""

    kind: str
    product: str
    constants: Tuple[Any, ...]  # the constexpr arguments
    settings: Dict[str, int]  # of the compiler
    bins: int
    scales: Tuple[float, float, float]  # of kl_offset, term and slope_term
    programs: int  # that run on a multiprocessor at once


def plan(
    options: Options,
    keys: int,
    types: Types,
    gradient: bool,
    flat: bool,
    time_last: bool,
    vectors: Tuple[int, int, int],
    product: str = "fp16x3",
) -> Plan:
    """`flat`: frame i of the batch is at i times one stride. `time_last`: neighbouring frames are adjacent in memory,
    else neighbouring keys. `vectors`: numbers of cells of input, target and sample_weight in one load."""
    weighted = types[2] is not None
    kind = _KINDS[options.kind] if options.lambd > 0 else "bce"
    fp16 = product == "fp16x3" and kind in ("spiral", "quadratic")
    # The range of fp16 does not hold sample weights up to 1e6, nor slopes of the divergence, -1 / kl_offset to 1, if
    # kl_offset is small.
    row_scale = fp16 and (weighted or (kind == "spiral" and options.kl_offset < 2.0**-10))
    scale, slope_scale, unit, bins, width = _SCALE if fp16 else 1.0, 1.0, 1.0, 0, _KEYS
    if kind == "spiral":
        width = _round_up(_KEYS + 2 * options.blur_radius, _BINS)
        bins = _round_up(keys + 2 * options.blur_radius, _BINS)
        profile = _reference._profile((options.radii, options.octave), options.blur_length, options.blur_radius)
        unit = 1 / _reference._unit(profile, (1.0,), options.kl_offset)
        if fp16 and not row_scale:
            slope_scale = 2.0 ** (15 + min(0, math.floor(math.log2(options.kl_offset))))
    of_slopes = slope_scale if kind == "spiral" and not row_scale else scale
    count = {"per_note": "notes", "mean": "frames" if weighted else ""}.get(options.reduction, "")
    constants = (
        kind, options.from_logits, options.bce > 0, weighted, options.reduction == "none", count, gradient,
        types[1] in _EXACT and not weighted, flat, time_last, vectors, _FRAMES,
        _chunks(keys, 32 if kind == "quadratic" else _KEYS), _BINS, width, product, scale, slope_scale, row_scale,
    )  # fmt: skip
    settings = {"num_warps": _WARPS, "num_stages": 1, "enable_fp_fusion": True}
    if keys <= 48:  # a tile fits into 168 registers per thread, so three programs run on a multiprocessor at once
        settings["maxnreg"] = 168
    scales = (scale * scale, unit / (scale * scale), unit / (scale * of_slopes))
    return Plan(kind, product, constants, settings, bins, scales, 3 if keys <= 48 else 2)


class _Launcher:
    """A plan on a device."""

    def __init__(self, plan: Plan, options: Options, device: torch.device) -> None:
        self.plan, self.tables = plan, _tables(options, plan.kind, plan.product, device)
        processors = 1 if INTERPRETED else torch.cuda.get_device_properties(device).multi_processor_count
        self.programs = plan.programs * processors
        self._compiled: Any = None

    def __call__(self, grid: Tuple[int, int, int], *arguments: Any) -> None:
        if (
            self._compiled is not None
        ):  # skips Triton's look-up of the compiled kernel, which takes longer than a launch
            self._compiled[grid](*arguments, *self.plan.constants)
        else:
            self._compiled = loss_kernel[grid](*arguments, *self.plan.constants, **self.plan.settings)


@functools.lru_cache(maxsize=1024)
def _launcher(options: Options, device: torch.device, aligned: bool, *layout: Any) -> _Launcher:
    """`layout`: the other arguments of `plan`. `aligned`: all arrays begin at multiples of 16 bytes; Triton compiles a
    separate kernel for that."""
    return _Launcher(plan(options, *layout), options, device)


# Calls.


def fold(shape: Sequence[int], strides: Sequence[int], pitch: int, time: int) -> Optional[Strides]:
    """Strides of the view (1, B, T, P), where B is all other dimensions; None if there is no such view."""
    step, extent = 0, 1
    for dim in range(len(shape) - 1, -1, -1):
        if dim in (pitch, time) or shape[dim] == 1:
            continue
        if extent == 1:
            step = strides[dim]
        elif strides[dim] != step * extent:
            return None
        extent *= shape[dim]
    return 0, step, strides[time] if shape[time] > 1 else 0, strides[pitch] if shape[pitch] > 1 else 0


def loadable(x: Tensor) -> Tensor:
    """The tensor as a type that the kernel loads."""
    if x.dtype in _LOADED:
        return x
    return x.view(torch.uint8) if x.dtype == torch.bool else x.float()


def _vector(strides: Strides, time_last: bool, keys: int, frames: int, bytes_: int) -> int:
    """Number of cells in one load along keys, or with time_last along frames: 4 where all groups of 4 are adjacent and
    aligned, else 1."""
    groups, rolls, time, pitch = strides
    inner, outer, count = (time, pitch, frames) if time_last else (pitch, time, keys)
    return 4 if inner == 1 and not (groups | rolls | outer | count) & 3 and bytes_ <= 4 else 1


class Call:
    """A call of the kernel for arrays of given shapes, strides and types."""

    def __init__(
        self,
        options: Options,
        device: torch.device,
        shape: Strides,
        types: Types,
        strides: Tuple[Strides, Strides, Optional[Strides], Optional[Strides]],
    ) -> None:
        """`shape`: (G, B, T, P). `strides`: of input, target, sample_weight and gradient; None for a missing array.

        ValueError: an option is out of range, or there are more than 2^31 - 128 frames.
        """
        groups, rolls, time, keys = shape
        _plan.plan(options, keys)  # raises where an option is out of range
        frames = rolls * time
        if frames > 2**31 - 2 * _FRAMES:
            raise ValueError(f"input has {frames} frames: at most {2**31 - 2 * _FRAMES} in one call of Triton kernels")
        pred, _, sample_weight, grad = strides
        time_last = pred[2] == 1 and pred[3] != 1
        sizes = [0 if t is None else t.itemsize for t in (*types, torch.float32)]
        vectors = [1 if s is None else _vector(s, time_last, keys, time, n) for s, n in zip(strides, sizes)]
        vectors[0] = vectors[0] if grad is None else min(vectors[0], vectors[3])
        flat = all(s is None or s[1] == time * s[2] for s in strides)
        layout = (keys, types, grad is not None, flat, time_last)
        self._launchers = [  # unaligned, aligned
            _launcher(options, device, False, *layout, (1, 1, 1)),
            _launcher(options, device, True, *layout, (vectors[0], vectors[1], vectors[2])),
        ]
        self._device, self._per_frame = device, options.reduction == "none"
        self.counted = options.reduction == "per_note" or (options.reduction == "mean" and sample_weight is not None)
        of = self._launchers[1]
        self._grid = (groups, min(-(-frames // _FRAMES), -(-of.programs // groups)), 1)
        share = 1.0 / frames if options.reduction == "mean" and sample_weight is None else 1.0
        self._numbers = (
            *of.tables, frames, time, keys, of.plan.bins, *(n for s in strides for n in s or (0, 0, 0, 0)),
            options.bce * share, (options.bce + options.lambd) * share, options.lambd * share * of.plan.scales[1],
            options.lambd * share * of.plan.scales[2], options.kl_offset * of.plan.scales[0],
        )  # fmt: skip

    def __call__(
        self, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor], grad: Optional[Tensor], value: Tensor
    ) -> Optional[Tensor]:
        """Writes value, (G,) or with reduction "none" (G, B, T), and grad.

        Returns None, or a factor (G,) that depends on the data; value contains it, grad has yet to be multiplied by it.
        """
        sample_weight = pred if sample_weight is None else sample_weight
        grad = pred if grad is None else grad
        aligned = not (pred.data_ptr() | target.data_ptr() | sample_weight.data_ptr() | grad.data_ptr()) & 15
        factor = torch.empty_like(value) if self.counted else None
        work = (value, value) if self._per_frame else _workspace(self._device, self._grid[0] * self._grid[1])
        arrays = (pred, target, sample_weight, grad, value, value if factor is None else factor, *work)
        if self._device.type != "cuda" or self._device.index == torch.cuda.current_device():
            self._launchers[aligned](self._grid, *arrays, *self._numbers)
        else:
            with torch.cuda.device(self._device):  # where Triton launches
                self._launchers[aligned](self._grid, *arrays, *self._numbers)
        return factor


_workspaces: Dict[Tuple[int, int], Tuple[Tensor, Tensor]] = {}


def _workspace(device: torch.device, programs: int) -> Tuple[Tensor, Tensor]:
    """Memory for the sums of programs, and counters that are 0. Launches on one stream do not overlap, so they share
    one workspace. A CUDA graph may be replayed on any stream, so a recorded launch has a workspace of its own."""
    if device.type != "cuda" or 2 * programs > _WORKSPACE or torch.cuda.is_current_stream_capturing():
        return _new_workspace(device, 2 * programs)
    key = (device.index, torch._C._cuda_getCurrentRawStream(device.index))
    found = _workspaces.get(key)
    if found is None:
        found = _workspaces[key] = _new_workspace(device, _WORKSPACE)
    return found


def _new_workspace(device: torch.device, count: int) -> Tuple[Tensor, Tensor]:
    sums = torch.empty(count, dtype=torch.float64, device=device)
    return sums, torch.zeros(count // 2, dtype=torch.int32, device=device)


def scale_in_place(grad: Tensor, by: Tensor) -> None:
    """grad *= by, a scalar on the device, without reading or writing grad if that is 1. grad is dense in memory."""
    with torch.cuda.device(grad.device):
        blocks = 8 * torch.cuda.get_device_properties(grad.device).multi_processor_count
        scale_kernel[(blocks,)](grad, by, grad.numel(), BLOCK=4096)
