# SPDX-License-Identifier: MIT
"""The exceptions of the library, one for each of its statuses.

`Error` is the base of all. The others are made from the list in include/spiral/status.h when the library is loaded:
BadArgument, BadFormat, TooBig, NotAFiniteNumber and NoData are ValueErrors, OutOfMemory a MemoryError,
InputOutputError an OSError, NotSupported a NotImplementedError, Interrupted a RuntimeError. Each has `status`, and
`offset`, the byte of the input at which the fault was seen, or -1.
"""

from __future__ import annotations

from ._library import ERRORS, Error

__all__ = ["Error"]  # and the names of the list


def __getattr__(name: str) -> type[Error]:
    for error in ERRORS.values():
        if error.__name__ == name:
            return error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return ["Error", *(error.__name__ for error in ERRORS.values())]
