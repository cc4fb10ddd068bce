# SPDX-License-Identifier: MIT
"""Launching the Triton kernels: tables, compile-time constants, strides. Autograd is in `_triton`.

A `Call` is made once for each set of shapes, strides and types, and decides everything that follows from them; calling
it only fills in pointers. For small batches the kernel takes a few microseconds, so the time of the host counts: Triton
compiles the kernel, but its launcher is called directly, with addresses instead of tensors. Triton's launch hooks
(triton.knobs.runtime.launch_enter_hook) do not see these launches; profilers that read CUPTI do.
Read next: `_triton_kernels`.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from . import _plan, _reference
from ._plan import Options
from ._tables import in_new_thread, on_device
from ._triton_kernels import INTERPRETED, SCALE, loss_kernel, scale_kernel

__all__ = ["Call", "Plan", "Scale", "Strides", "Tiling", "fold", "loadable", "plan", "tiling", "unsupported"]

_KINDS = {"bce": "bce", "spiral": "spiral", "energy": "quadratic", "gauss": "quadratic", "weighted_bce": "weighted_bce"}
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)
# Types whose values in [0, 1] one fp16 number holds exactly.
_EXACT = (torch.float16, torch.bfloat16, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
# Types that the kernel loads; targets and weights of other types are converted first.
_LOADED = (torch.float32, torch.float64, *_EXACT)
_KEYS = 128  # tables are made for the largest number of keys; smaller ones use a part of them
_MOST_FRAMES = 2**31 - 128  # frames and tiles are numbered in 32 bits
_SCALE: float = SCALE.value
_SCALED = 4096  # numbers that scale_kernel multiplies at once
_WORKSPACE = 4096  # float64 numbers
Strides = Tuple[int, int, int, int]  # of groups, rolls, frames and keys, in elements
Types = Tuple[torch.dtype, torch.dtype, Optional[torch.dtype]]  # of input, target and sample_weight
Grid = Tuple[int, int, int]

_stream: Callable[[int], int] = getattr(torch._C, "_cuda_getCurrentRawStream", lambda index: 0)
_current_device: Callable[[], int] = getattr(torch._C, "_cuda_getDevice", lambda: 0)
_capturing: Callable[[], bool] = torch.cuda.is_current_stream_capturing


def unsupported(options: Options, input: Tensor) -> Optional[str]:
    """The part of such a call that the kernels do not implement; None if they implement all of it."""
    device = input.device
    if device.type != "cuda" and not (INTERPRETED and device.type == "cpu"):
        return f"tensors on {device}"
    if input.dtype not in _FLOATS:
        return f"tensors of {input.dtype}"
    if options.kind not in _KINDS:
        return options.kind
    if options.time_blur > 0 and _KINDS[options.kind] in ("spiral", "quadratic"):
        return "time_blur"
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
    """The blur from keys to bins (10), as many bins as any `Tiling` needs; or the kernel of keys (17), (18)."""
    geometry = (o.radii, o.octave)
    if o.kind == "spiral":
        return _reference.blur_matrix(dtype, device, geometry, o.blur_length, o.blur_radius, _KEYS, _width(o))
    return _reference.kernel_matrix(dtype, device, geometry, o.kind, o.sigma, _KEYS)


def _width(o: Options) -> int:
    return _round_up(_KEYS + 2 * o.blur_radius, 32) if o.kind == "spiral" else _KEYS


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


def _tables(o: Options, kind: str, device: torch.device) -> Tuple[Tensor, Tensor, Tensor]:
    """matrix, matrix_low and nearness."""
    nothing = _nothing(torch.float32, device)
    if kind == "weighted_bce":
        return nothing, nothing, _nearness(torch.float32, device, (o.radii, o.octave))
    if kind == "bce":
        return nothing, nothing, nothing
    geometry = Options(
        kind=o.kind, radii=o.radii, octave=o.octave, blur_length=o.blur_length, blur_radius=o.blur_radius, sigma=o.sigma
    )
    high, low = (_matrix_part(torch.float16, device, geometry, part) for part in (False, True))
    return high, low, nothing


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


class Tiling(NamedTuple):
    """How the work is divided."""

    frames: int  # of a tile, a power of two from 16 on
    bins: int  # of a block of the blur, 16 or 32
    warps: int  # of a program
    registers: Optional[int]  # of a thread, at most; None: as many as the compiler wants
    programs: int  # that run on a multiprocessor at once
    stages: int  # blocks of the blur's matrix in shared memory: with 2 the next one is copied in the meantime


def tiling(kind: str, keys: int) -> Tiling:
    """A matrix instruction of sm_90 takes 64 rows and 4 warps. For 48 keys and fewer a tile fits into 168 registers of
    a thread, so three programs run on a multiprocessor at once."""
    stages = 2 if kind == "spiral" else 1
    if keys <= 48:
        return Tiling(64, 32, 4, 168, 3, stages)
    return Tiling(64, 32, 4, None, 2, stages)


class Plan(NamedTuple):
    """The variant of loss_kernel for one set of options, types and layouts; independent of the device."""

    kind: str
    constants: Tuple[Any, ...]  # the constexpr arguments
    settings: Dict[str, int]  # of the compiler
    bins: int
    scales: Tuple[float, float, float]  # of kl_offset, term and slope_term
    tiling: Tiling


def plan(
    options: Options,
    keys: int,
    types: Types,
    gradient: bool,
    flat: bool,
    time_last: bool,
    vectors: Tuple[int, int, int],
) -> Plan:
    """`flat`: frame i of the batch is at i times one stride. `time_last`: neighbouring frames are adjacent in memory,
    else neighbouring keys. `vectors`: numbers of cells of input, target and sample_weight in one load."""
    weighted = types[2] is not None
    kind = _KINDS[options.kind] if options.lambd > 0 else "bce"
    tile = tiling(kind, keys)
    # The range of fp16 does not hold sample weights up to 1e6, nor slopes of the divergence, -1 / kl_offset to 1, if
    # kl_offset is small.
    row_scale = (weighted and kind in ("spiral", "quadratic")) or (kind == "spiral" and options.kl_offset < 2.0**-10)
    scale = _SCALE if kind in ("spiral", "quadratic") else 1.0
    slope_scale, unit, bins = 1.0, 1.0, 0
    if kind == "spiral":
        bins = _round_up(keys + 2 * options.blur_radius, tile.bins)
        profile = _reference._profile((options.radii, options.octave), options.blur_length, options.blur_radius)
        unit = 1 / _reference._unit(profile, (1.0,), options.kl_offset)
        if not row_scale:
            slope_scale = 2.0 ** (15 + min(0, math.floor(math.log2(options.kl_offset))))
    of_slopes = slope_scale if kind == "spiral" and not row_scale else scale
    count = {"per_note": "notes", "mean": "frames" if weighted else ""}.get(options.reduction, "")
    constants = (
        kind, options.from_logits, options.bce > 0, weighted, options.reduction == "none", count, gradient,
        types[1] in _EXACT and not weighted, flat, time_last, vectors, tile.frames,
        _chunks(keys, 32 if kind == "quadratic" else _KEYS), tile.bins, _width(options), slope_scale, row_scale,
    )  # fmt: skip
    settings = {"num_warps": tile.warps, "num_stages": tile.stages, "enable_fp_fusion": True}
    if tile.registers is not None:
        settings["maxnreg"] = tile.registers
    scales = (scale * scale, unit / (scale * scale), unit / (scale * of_slopes))
    return Plan(kind, constants, settings, bins, scales, tile)


# Launches.


class _Kernel(NamedTuple):
    """A compiled kernel on a device: run(*grid, stream, function, metadata, None, None, None, *arguments) launches it.
    The three are for Triton's launch hooks; arguments are those of the kernel, addresses instead of arrays."""

    run: Callable[..., None]
    function: int
    metadata: Any


def _compile(kernel: Any, arguments: Sequence[Any], settings: Dict[str, int]) -> _Kernel:
    """`arguments`: a dtype for an array that begins at a multiple of 16 bytes; any array of that type and alignment for
    another; numbers and constants as in the launch. The current device is the one that will launch."""
    compiled = kernel.warmup(*arguments, grid=(1, 1, 1), **settings)
    run = compiled.run  # loads the kernel onto the device, and so comes before its function
    return _Kernel(run, compiled.function, compiled.packed_metadata)


class _Launcher:
    """A plan on a device."""

    def __init__(self, plan: Plan, options: Options, device: torch.device) -> None:
        self.plan, self.tables = plan, _tables(options, plan.kind, device)
        self.programs = plan.tiling.programs * _processors(device)
        self.kernel: Optional[_Kernel] = None

    def compile(self, types: Sequence[torch.dtype], aligned: bool, numbers: Sequence[Any]) -> _Kernel:
        """`types`: of input, target, sample_weight and gradient. `numbers`: the arguments behind the tables."""
        given = types if aligned else [torch.empty(2, dtype=t)[1:] for t in types]
        work = (torch.float32, torch.float32, torch.float64, torch.int32)
        tables = (t.dtype for t in self.tables)
        arguments = (*given, *work, *tables, *numbers, *self.plan.constants)
        self.kernel = _compile(loss_kernel, arguments, self.plan.settings)
        return self.kernel


@functools.lru_cache(maxsize=None)
def _processors(device: torch.device) -> int:
    return 1 if INTERPRETED else torch.cuda.get_device_properties(device).multi_processor_count


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

        ValueError: an option is out of range, or there are too many frames.
        """
        groups, rolls, time, keys = shape
        _plan.plan(options, keys)  # raises where an option is out of range
        frames = rolls * time
        if frames > _MOST_FRAMES:
            raise ValueError(f"input has {frames} frames: at most {_MOST_FRAMES} in one call of Triton kernels")
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
        self._types = [types[0], types[1], types[2] or types[0], types[0] if grad is None else torch.float32]
        self._device, self._index = device, device.index or 0
        self._per_frame = options.reduction == "none"
        self.counted = options.reduction == "per_note" or (options.reduction == "mean" and sample_weight is not None)
        of = self._launchers[1]
        self._grid = (groups, min(-(-frames // of.plan.tiling.frames), -(-of.programs // groups)), 1)
        share = 1.0 / frames if options.reduction == "mean" and sample_weight is None else 1.0
        self._numbers = (
            frames, time, keys, of.plan.bins, *(n for s in strides for n in s or (0, 0, 0, 0)),
            options.bce * share, (options.bce + options.lambd) * share, options.lambd * share * of.plan.scales[1],
            options.lambd * share * of.plan.scales[2], options.kl_offset * of.plan.scales[0],
        )  # fmt: skip
        # What follows the arrays in a launch. The two plans differ in the number of cells in a load, a constant.
        self._rest = [(*(t.data_ptr() for t in x.tables), *self._numbers, *x.plan.constants) for x in self._launchers]

    def __call__(
        self, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor], grad: Optional[Tensor], value: Tensor
    ) -> Optional[Tensor]:
        """Writes value, (G,) or with reduction "none" (G, B, T), and grad.

        Returns None, or a factor (G,) that depends on the data; value contains it, grad has yet to be multiplied by it.
        """
        factor = torch.empty_like(value) if self.counted else None
        if INTERPRETED:
            self._interpret(pred, target, sample_weight, grad, value, factor)
        elif _current_device() == self._index:
            self._launch(pred, target, sample_weight, grad, value, factor)
        else:
            with torch.cuda.device(self._index):  # where a kernel is loaded and launched
                self._launch(pred, target, sample_weight, grad, value, factor)
        return factor

    def _launch(
        self, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor], grad: Optional[Tensor], value: Tensor,
        factor: Optional[Tensor],
    ) -> None:  # fmt: skip
        at_pred, at_target, at_value = pred.data_ptr(), target.data_ptr(), value.data_ptr()
        at_sample_weight = at_pred if sample_weight is None else sample_weight.data_ptr()
        at_grad = at_pred if grad is None else grad.data_ptr()
        aligned = not (at_pred | at_target | at_sample_weight | at_grad) & 15
        kernel = self._launchers[aligned].kernel
        if kernel is None:
            kernel = self._launchers[aligned].compile(self._types, aligned, self._numbers)
        stream = _stream(self._index)
        sums = counters = at_value
        if not self._per_frame:
            work = _workspace(self._device, stream, self._grid[0] * self._grid[1])
            sums, counters = work.at_sums, work.at_counters
        kernel.run(
            *self._grid, stream, kernel.function, kernel.metadata, None, None, None,
            at_pred, at_target, at_sample_weight, at_grad, at_value,
            at_value if factor is None else factor.data_ptr(), sums, counters, *self._rest[aligned],
        )  # fmt: skip

    def _interpret(
        self, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor], grad: Optional[Tensor], value: Tensor,
        factor: Optional[Tensor],
    ) -> None:  # fmt: skip
        given = (pred, target, pred if sample_weight is None else sample_weight, pred if grad is None else grad)
        work = _Workspace(self._device, 2 * self._grid[0] * self._grid[1])
        arrays = (*given, value, value if factor is None else factor, work.sums, work.counters)
        launcher = self._launchers[not any(x.data_ptr() & 15 for x in given)]
        loss_kernel[self._grid](*arrays, *launcher.tables, *self._numbers, *launcher.plan.constants)


class _Workspace:
    """Memory for the sums of programs, `count` numbers, and counters that are 0."""

    def __init__(self, device: torch.device, count: int) -> None:
        self.sums = torch.empty(count, dtype=torch.float64, device=device)
        self.counters = torch.zeros(count // 2, dtype=torch.int32, device=device)
        self.at_sums, self.at_counters = self.sums.data_ptr(), self.counters.data_ptr()


_workspaces: Dict[Tuple[int, int], _Workspace] = {}


def _workspace(device: torch.device, stream: int, programs: int) -> _Workspace:
    """Launches on one stream do not overlap, so they share one workspace. A CUDA graph may be replayed on any stream,
    so a recorded launch has a workspace of its own."""
    if _capturing() or 2 * programs > _WORKSPACE:
        return _Workspace(device, 2 * programs)
    found = _workspaces.get((device.index, stream))
    if found is None:
        made: _Workspace = in_new_thread(lambda: _Workspace(device, _WORKSPACE), device)
        found = _workspaces[device.index, stream] = made
    return found


class Scale:
    """Multiplication of a gradient of given size and type by numbers on the device."""

    def __init__(self, device: torch.device, count: int, type_: torch.dtype, counted: bool) -> None:
        """`type_`: of the product. `counted`: there is a factor beside the upstream gradient."""
        self._index, self._type = device.index or 0, type_
        self._grid = (min(8 * _processors(device), -(-count // _SCALED)), 1, 1)
        self._rest = [(count, counted, in_place, _SCALED) for in_place in (False, True)]
        self._kernels: List[Optional[_Kernel]] = [None, None]

    def __call__(self, out: Tensor, grad: Tensor, upstream: Tensor, factor: Optional[Tensor]) -> None:
        """out = grad * upstream * factor, where upstream and factor are one number each and None is 1.

        If out is grad and the product of the numbers is 1, the memory of grad is neither read nor written. out and grad
        are dense, of the same strides, and begin at multiples of 16 bytes.
        """
        if INTERPRETED:
            numbers = (upstream, upstream if factor is None else factor)
            scale_kernel[self._grid](out, grad, *numbers, *self._rest[out is grad])
        elif _current_device() == self._index:
            self._launch(out, grad, upstream, factor)
        else:
            with torch.cuda.device(self._index):
                self._launch(out, grad, upstream, factor)

    def _launch(self, out: Tensor, grad: Tensor, upstream: Tensor, factor: Optional[Tensor]) -> None:
        in_place = out is grad
        rest, kernel = self._rest[in_place], self._kernels[in_place]
        if kernel is None:
            number = torch.float32
            arguments = (self._type, number, number, number, *rest)
            kernel = self._kernels[in_place] = _compile(scale_kernel, arguments, {})
        at_grad, at_upstream = grad.data_ptr(), upstream.data_ptr()
        kernel.run(
            *self._grid, _stream(self._index), kernel.function, kernel.metadata, None, None, None,
            at_grad if in_place else out.data_ptr(), at_grad, at_upstream,
            at_upstream if factor is None else factor.data_ptr(), *rest,
        )  # fmt: skip
