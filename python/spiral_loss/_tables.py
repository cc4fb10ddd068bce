# SPDX-License-Identifier: MIT
"""Constant tables as tensors: made once for each set of options, type and device, then kept.

A call that copied them from the host would wait for the device, and could not be recorded in a CUDA graph.
"""

from __future__ import annotations

import functools
import threading
from typing import Any, Callable, Sequence

import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

__all__ = ["on_device"]

Numbers = Sequence[Any]  # floats, or rows of floats


def _make(numbers: Numbers, dtype: torch.dtype, device: torch.device) -> Tensor:
    """A tensor that belongs to no transform, mode or graph of the caller, whoever needs it first.

    Those are all kept by thread, so it is made in a new one.
    """
    if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            "spiral_loss: the first call with these options makes tables, which a CUDA graph cannot record: call the "
            "loss once before the capture"
        )
    made: list[Any] = []

    def run() -> None:
        try:
            made.append(torch.tensor(numbers, dtype=dtype, device=device))
        except Exception as error:  # to be raised in the thread that asked
            made.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(made[0], Exception):
        raise made[0]
    return made[0]  # type: ignore[no-any-return]


def on_device(numbers: Callable[..., Numbers]) -> Callable[..., Tensor]:
    """Turns a function of hashable arguments that gives numbers into one of (dtype, device, *arguments) that gives
    a tensor, and to torch.compile a constant."""

    @functools.lru_cache(maxsize=256)
    def cached(dtype: torch.dtype, device: torch.device, *arguments: Any) -> Tensor:
        return _make(numbers(*arguments), dtype, device)

    @functools.wraps(numbers)
    def table(dtype: torch.dtype, device: torch.device, *arguments: Any) -> Tensor:
        if _get_current_dispatch_mode() is not None:  # fake tensors and the like: not for later callers
            return torch.tensor(numbers(*arguments), dtype=dtype, device=device)
        return cached(dtype, device, *arguments)

    # What torch.compiler.assume_constant_result sets, which would import the compiler here and now.
    table._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return table
