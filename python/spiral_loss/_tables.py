# SPDX-License-Identifier: MIT
"""Constant tables as tensors: made once for each set of options, type and device, then cached.

A copy from the host in each call would synchronize with the device, and a CUDA graph could not record it.
"""

from __future__ import annotations

import functools
import threading
from typing import Any, Callable, List, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

__all__ = ["in_new_thread", "on_device"]

Make = Callable[..., Tensor]  # of dtype, device and hashable arguments
T = TypeVar("T")


def in_new_thread(make: Callable[[], T], device: torch.device) -> T:
    """What `make` returns, called in a new thread; it holds tensors on the device that are to be kept.

    Transforms and modes of the caller (torch.func, inference_mode, autocast) are thread-local, and so is the memory
    pool that torch.compile gives its CUDA graphs: what is kept must not depend on the former nor lie in the latter.
    """
    made: List[Any] = []

    def run() -> None:
        try:
            made.append(make())
            if device.type == "cuda":
                torch.cuda.synchronize(device)  # the caller's stream may be another one
        except Exception as error:  # raised below, where the caller sees it
            made.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(made[0], Exception):
        raise made[0]
    return made[0]  # type: ignore[no-any-return]


def _table(make: Make, dtype: torch.dtype, device: torch.device, *arguments: Any) -> Tensor:
    if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            "spiral_loss: the first call with these options makes tables, which a CUDA graph cannot record: call the "
            "loss once before the capture"
        )
    return in_new_thread(lambda: make(dtype, device, *arguments), device)


def _compiling() -> bool:
    return hasattr(torch, "compiler") and hasattr(torch.compiler, "is_compiling") and torch.compiler.is_compiling()


def on_device(make: Make) -> Make:
    """Caches the tensors that `make` returns. Under torch.compile or a dispatch mode they are made in each call."""
    kept = functools.lru_cache(maxsize=256)(functools.partial(_table, make))

    @functools.wraps(make)
    def table(dtype: torch.dtype, device: torch.device, *arguments: Any) -> Tensor:
        if _compiling() or _get_current_dispatch_mode() is not None:
            return make(dtype, device, *arguments)
        return kept(dtype, device, *arguments)

    return table
