# SPDX-License-Identifier: MIT
"""Names of version 0.1: accepted in version 0.2 with a DeprecationWarning, then removed.

The names are those of the C headers. One is spelt otherwise, because `lambda` is a keyword of Python: the factor of a
loss is `lambd`, as in torch.nn.Softshrink and torch.optim.ASGD.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any, Callable, TypeVar

__all__ = ["ARGUMENTS", "CLASSES", "KINDS", "renamed", "warn"]

F = TypeVar("F", bound=Callable[..., Any])

# Arguments of the losses.
ARGUMENTS = {
    "weight": "lambd",
    "floor": "kl_offset",
    "blur": "blur_length",
    "reach": "blur_radius",
    "time_tolerance": "time_blur",
}
CLASSES = {
    "SeedHard": "ArgmaxDistance",
    "SeedMask": "DistanceMask",
    "seed_hard": "argmax_distance",
    "seed_mask": "distance_mask",
}
KINDS = {
    "seed_hard": "argmax_distance",
    "seed_hard_circular": "argmax_distance_circular",
    "seed_mask": "distance_mask",
    "seed_mask_circular": "distance_mask_circular",
}


def warn(old: str, new: str, level: int = 2) -> None:
    """Warns about a name; level 2 is the caller of the function that calls this."""
    warnings.warn(f"{old} is now called {new}", DeprecationWarning, stacklevel=level + 1)


def renamed(**names: str) -> Callable[[F], F]:
    """Lets a function take keyword arguments by their old names, old=new."""
    pairs = tuple(names.items())

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for old, new in pairs:
                if old in kwargs:
                    if new in kwargs:
                        raise TypeError(f"{old} is the old name of {new}: pass {new} alone")
                    warn(f"the argument {old}", new)
                    kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call  # type: ignore[return-value]

    return decorate
