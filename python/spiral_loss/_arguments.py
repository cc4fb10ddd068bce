# SPDX-License-Identifier: MIT
"""Checks of arguments, with and without PyTorch: an error names the argument, its value and what is allowed."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

__all__ = ["check_number", "check_weight_shape", "check_whole"]


def _said(value: Any) -> str:
    """A value in a message: as it is written, if that is short, else its type."""
    plain = value is None or isinstance(value, (str, bool, numbers.Real))
    return repr(value) if plain and len(repr(value)) <= 40 else f"a {type(value).__name__}"


def check_whole(name: str, value: Any, hint: str = "") -> None:
    """TypeError: the value is not a whole number; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is {_said(value)}: must be a whole number{hint}")


def check_number(name: str, value: Any, hint: str = "") -> None:
    """TypeError: the value is not a real number; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {_said(value)}: must be a number{hint}")


def check_weight_shape(weight: Sequence[int], shape: Sequence[int]) -> None:
    """ValueError: a sample_weight of that shape does not broadcast to an input of that shape."""
    missing = len(shape) - len(weight)
    if missing >= 0 and all(n in (1, m) for n, m in zip(weight, shape[missing:])):
        return
    hint = ""
    if tuple(weight) == tuple(shape[:1]):
        hint = f"; one weight for each roll is sample_weight[:{', None' * (len(shape) - 1)}]"
    raise ValueError(f"sample_weight has shape {tuple(weight)}: must broadcast to {tuple(shape)}{hint}")
