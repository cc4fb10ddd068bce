# SPDX-License-Identifier: MIT
"""The exceptions of the library: one for each status of include/spiral/status.h.

Each is also the built-in exception that Python users expect to catch. The texts say what went wrong: the thing, the
value and the limit.

Example:
    >>> from spiral_loss import errors, midi
    >>> try:
    ...     midi.read(b"not MIDI")
    ... except errors.BadFormat as error:
    ...     print(error.status_name, isinstance(error, ValueError))
    FORMAT True
"""

from __future__ import annotations

__all__ = [
    "BadArgument", "BadFormat", "Error", "InputOutputError", "Interrupted", "NoData", "NotAFiniteNumber",
    "NotSupported", "OutOfMemory", "TooBig",
]  # fmt: skip


class Error(Exception):
    """A call of the library failed; the base of the other classes.

    Attributes:
        status: the number of the status in the C library; 0 for a status that this version does not know.
        status_name: its identifier there.
        offset: the byte of the input at which the fault was seen, or -1.
    """

    status = 0
    status_name = "UNKNOWN"
    offset = -1


class BadArgument(Error, ValueError):
    """The caller's mistake: a value outside its documented range."""

    status, status_name = 1, "BAD_ARG"


class OutOfMemory(Error, MemoryError):
    """An allocation failed; nothing was changed."""

    status, status_name = 2, "NO_MEMORY"


class InputOutputError(Error, OSError):
    """The operating system refused a file."""

    status, status_name = 3, "IO"


class BadFormat(Error, ValueError):
    """The bytes do not have the expected form."""

    status, status_name = 4, "FORMAT"


class NotSupported(Error, NotImplementedError):
    """Valid, but this build or version cannot do it."""

    status, status_name = 5, "UNSUPPORTED"


class TooBig(Error, ValueError):
    """Valid, but beyond a stated limit."""

    status, status_name = 6, "TOO_BIG"


class NotAFiniteNumber(Error, ValueError):
    """NaN, an infinity, or a number outside its range, where a number within it is needed."""

    status, status_name = 7, "NUMERIC"


class NoData(Error, ValueError):
    """Well-formed, but it holds nothing that can be used."""

    status, status_name = 8, "NO_DATA"


class Interrupted(Error, RuntimeError):
    """A callback asked to stop; what was to be saved is saved."""

    status, status_name = 9, "INTERRUPTED"
