# SPDX-License-Identifier: MIT
"""Checks of arguments, with and without PyTorch: an error names the argument, its value and what is allowed."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["as_number", "check_flag", "check_number", "check_options", "check_weight_shape", "check_whole", "said"]

WHOLE = ("low", "blur_radius")  # the options of a loss that are whole numbers


def said(value: Any) -> str:
    """A value in a message: as it is written, if that is short, else its type."""
    plain = value is None or isinstance(value, (str, numbers.Real))
    return repr(value) if plain and len(repr(value)) <= 40 else f"a {type(value).__name__}"


def check_whole(name: str, value: Any, hint: str = "") -> None:
    """TypeError: the value is not a whole number; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is {said(value)}: must be a whole number{hint}")


def check_number(name: str, value: Any, hint: str = "") -> None:
    """TypeError: the value is not a real number; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {said(value)}: must be a number{hint}")


def as_number(name: str, value: Any) -> float:
    """The value as a float, also that of an array or tensor of one number. TypeError: there is none."""
    try:
        if not isinstance(value, (str, bytes)):
            return float(value)
    except (TypeError, ValueError, RuntimeError):
        pass
    raise TypeError(f"{name} is {said(value)}: must be a number")


def check_flag(name: str, value: Any) -> None:
    """TypeError: the value is neither True nor False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} is {said(value)}: must be True or False")


def check_options(options: Mapping[str, Any], hints: Mapping[str, str]) -> None:
    """TypeError: an option of a loss is not of its type; `hints` end the errors of single options."""
    for name, value in options.items():
        if name in ("kind", "reduction"):
            if not isinstance(value, str):
                usual = "mean" if name == "reduction" else "spiral"
                raise TypeError(f"{name} is {said(value)}: must be a name, such as {usual!r}")
        elif name == "from_logits":
            check_flag(name, value)
        elif type(value) is not int and (type(value) is not float or name in WHOLE):
            (check_whole if name in WHOLE else check_number)(name, value, hints.get(name, ""))


def check_weight_shape(weight: Sequence[int], shape: Sequence[int]) -> None:
    """ValueError: a sample_weight of that shape does not broadcast to an input of that shape."""
    missing = len(shape) - len(weight)
    if missing >= 0 and all(n in (1, m) for n, m in zip(weight, shape[missing:])):
        return
    hint = ""
    if tuple(weight) == tuple(shape[:1]):
        hint = f"; one weight for each roll is sample_weight[:{', None' * (len(shape) - 1)}]"
    raise ValueError(f"sample_weight has shape {tuple(weight)}: must broadcast to {tuple(shape)}{hint}")
