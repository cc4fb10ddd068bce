# SPDX-License-Identifier: MIT
"""Options of a loss, its plan in C, and the one call that gives value and gradient.

No arithmetic here: pointers and strides go to include/spiral/loss.h as they come. Callers: `numpy` with arrays,
`_op` with tensors.
"""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import threading
import weakref
from collections.abc import Sequence

from ._arguments import check_whole
from ._library import Failure, call, declare
from .helix import Helix, HelixStruct

__all__ = ["Array", "Options", "Plan", "cost_table", "plan", "plan_of_threads"]

REDUCTIONS = ("none", "sum", "mean", "per_note")


class OptionsStruct(ctypes.Structure):
    """spiral_loss_options."""

    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("kind", ctypes.c_int),
        ("lambda", ctypes.c_double),
        ("bce", ctypes.c_double),
        ("from_logits", ctypes.c_int),
        ("reduction", ctypes.c_int),
        ("low", ctypes.c_int),
        ("helix", HelixStruct),
        ("kl_offset", ctypes.c_double),
        ("blur_length", ctypes.c_double),
        ("blur_radius", ctypes.c_int),
        ("sigma", ctypes.c_double),
        ("time_blur", ctypes.c_double),
        ("coil_radius", ctypes.c_double),
        ("coil_rise", ctypes.c_double),
        ("coil_degrees", ctypes.c_double),
        ("threads", ctypes.c_int),
        ("eta", ctypes.c_double),
    )


class Strides(ctypes.Structure):
    """spiral_strides, in elements."""

    _fields_ = (("b", ctypes.c_ssize_t), ("t", ctypes.c_ssize_t), ("p", ctypes.c_ssize_t))


_void, _size, _error = ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(Failure)
_doubles = ctypes.POINTER(ctypes.c_double)
_default = declare("spiral_loss_options_default", None, ctypes.POINTER(OptionsStruct), _size)
_kind = declare("spiral_loss_kind_from_name", ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int), _error)
_create = declare("spiral_loss_create", ctypes.c_int, ctypes.POINTER(OptionsStruct), ctypes.c_int, _void, _error)
_destroy = declare("spiral_loss_destroy", None, _void)
_table = declare("spiral_loss_table", ctypes.c_int, _void, ctypes.c_int, _doubles, _doubles, _error)
_WORK_SIZE, _VALUE_GRAD = {}, {}
for _type in ("f32", "f64"):
    _WORK_SIZE[_type] = declare(f"spiral_loss_work_size_{_type}", _size, _void, _size)
    _VALUE_GRAD[_type] = declare(
        f"spiral_loss_value_grad_{_type}", ctypes.c_int, _void, _size, _size, *(3 * [_void, Strides]), _void, _void,
        Strides, _void, _error,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Options:
    """What a loss is: spiral_loss_options in Python, with the same defaults. Checked when a plan is made."""

    kind: str = "spiral"
    lambd: float = 1.0
    bce: float = 1.0
    from_logits: bool = True
    reduction: str = "mean"
    low: int = 0
    radii: tuple[float, ...] = (1.3, 0.0, 0.0, 0.0, 0.0, 0.0)
    octave: float = 0.5
    kl_offset: float = 0.02
    blur_length: float = 0.5
    blur_radius: int = 24
    sigma: float = 0.5
    time_blur: float = 0.0
    coil_radius: float = 10.0
    coil_rise: float = 5.0
    coil_degrees: float = 30.0
    eta: float = 0.3

    @property
    def helix(self) -> Helix:
        """The geometry."""
        return Helix(self.radii, self.octave)

    def struct(self, threads: int = 1) -> OptionsStruct:
        """The same for the C calls, on that many threads."""
        if self.reduction not in REDUCTIONS:
            raise ValueError(f"reduction is {self.reduction!r}: must be one of {', '.join(REDUCTIONS)}")
        struct = OptionsStruct()
        _default(ctypes.byref(struct), ctypes.sizeof(struct))
        kind = ctypes.c_int()
        call(_kind, self.kind.encode(), ctypes.byref(kind))
        struct.kind, struct.reduction = kind.value, REDUCTIONS.index(self.reduction)
        struct.threads = threads
        struct.helix = HelixStruct((ctypes.c_double * 6)(*self.radii), self.octave)
        for field in dataclasses.fields(self):
            if field.name not in ("kind", "reduction", "radii", "octave"):
                name = "lambda" if field.name == "lambd" else field.name
                setattr(struct, name, getattr(self, field.name))
        return struct


@dataclasses.dataclass(frozen=True)
class Array:
    """An array's address and its strides in elements, in the order (B, T, P). Whoever made it keeps it alive."""

    address: int
    strides: Sequence[int]


_NOTHING = Array(0, (0, 0, 0))
_buffers = threading.local()
_MOST_THREADS = 1024


def _work(size: int) -> int:
    """The address of `size` bytes, aligned to 64, that belong to this thread until its next call."""
    if getattr(_buffers, "size", 0) < size:
        _buffers.bytes, _buffers.size = ctypes.create_string_buffer(size + 63), size
    return (ctypes.addressof(_buffers.bytes) + 63) // 64 * 64


class Plan:
    """A spiral_loss for P keys. Immutable; any number of threads may use it at once.

    With `threads` above 1 it has threads of its own, which wait between calls: results are the same for any number.
    """

    def __init__(self, options: Options, keys: int, threads: int = 1) -> None:
        handle = _void()
        call(_create, ctypes.byref(options.struct(threads)), keys, ctypes.byref(handle))
        self.options, self.keys, self._handle = options, keys, handle
        weakref.finalize(self, _destroy, handle)

    def value_grad(
        self,
        type_: str,
        rolls: int,
        frames: int,
        pred: Array,
        target: Array,
        sample_weight: Array | None,
        grad: Array | None,
    ) -> list[float]:
        """Value, or one per frame with reduction "none", of (B, T, P) arrays of `type_` "f32" or "f64"."""
        count = rolls * frames if self.options.reduction == "none" else 1
        value = (ctypes.c_double * count)()
        weight, grad = sample_weight or _NOTHING, grad or _NOTHING
        work = _work(_WORK_SIZE[type_](self._handle, frames))
        call(
            _VALUE_GRAD[type_], self._handle, rolls, frames,
            pred.address, Strides(*pred.strides), target.address, Strides(*target.strides),
            weight.address or None, Strides(*weight.strides), value,
            grad.address or None, Strides(*grad.strides), work,
        )  # fmt: skip
        return list(value)

    def table(self, intervals: int) -> tuple[list[float], list[float]]:
        """Costs of playing a note 0, 1, ... semitones off, and of adding one, in missed notes."""
        substitute, insert = (ctypes.c_double * intervals)(), (ctypes.c_double * intervals)()
        call(_table, self._handle, intervals, substitute, insert)
        return list(substitute), list(insert)


@functools.lru_cache(maxsize=256)
def plan(options: Options, keys: int) -> Plan:
    """The plan of these options for that many keys, made once."""
    return Plan(options, keys)


@functools.lru_cache(maxsize=8)  # each holds threads
def _plan_of_threads(options: Options, keys: int, threads: int) -> Plan:
    return Plan(options, keys, threads)


def plan_of_threads(options: Options, keys: int, threads: int) -> Plan:
    """The same on up to `threads` threads; small batches stay on the caller's (include/spiral/loss.h)."""
    threads = min(threads, _MOST_THREADS)
    return plan(options, keys) if threads <= 1 else _plan_of_threads(options, keys, threads)


def cost_table(options: Options, intervals: int) -> tuple[list[float], list[float]]:
    """`Plan.table` of options for any number of keys."""
    check_whole("intervals", intervals)
    if not 1 <= intervals <= 128:
        raise ValueError(f"intervals is {intervals}: must be 1 to 128")
    return plan(dataclasses.replace(options, low=0), 1).table(intervals)
