# SPDX-License-Identifier: MIT
"""The C library: finding and loading it, and turning its statuses into exceptions.

What each call means is written in include/spiral/; the modules beside this one declare the calls they use.
Read next: `_plan`, the loss calls.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pathlib
import sys
import sysconfig
from typing import Any

__all__ = ["ERRORS", "C", "Error", "Failure", "call", "declare", "library_path"]

NAME = "libspiral_loss" + (".dylib" if sys.platform == "darwin" else ".so")
BESIDE = ".spiral_loss.mesonpy.libs"


def library_path() -> pathlib.Path:
    """Where the shared library is: $SPIRAL_LOSS_LIBRARY, beside the package (wheel), or in the build folder (editable)."""
    chosen = os.environ.get("SPIRAL_LOSS_LIBRARY")
    if chosen:
        return pathlib.Path(chosen)
    package = pathlib.Path(__file__).resolve().parent
    places = [package.parent / BESIDE / NAME, pathlib.Path(sysconfig.get_path("platlib")) / BESIDE / NAME]
    built = importlib.util.find_spec("spiral_loss._built")
    if built is not None and built.origin is not None:
        places.append(pathlib.Path(built.origin).resolve().parent / NAME)
    for place in places:
        if place.exists():
            return place
    searched = ", ".join(map(str, places))
    raise ImportError(f"{NAME} is not at any of: {searched}; install the package: pip install ./python")


class Failure(ctypes.Structure):
    """spiral_error: what a call says when it fails."""

    _fields_ = (("status", ctypes.c_int), ("offset", ctypes.c_int64), ("text", ctypes.c_char * 256))


C = ctypes.CDLL(str(library_path()))


def declare(name: str, result: Any, *arguments: Any) -> Any:
    """The C function of that name, with its types."""
    function = getattr(C, name)
    function.restype, function.argtypes = result, arguments
    return function


class Error(Exception):
    """A call of the library failed. `status` is its number, `offset` the byte of the input or -1."""

    status = 0
    offset = -1


_version = declare("spiral_version", ctypes.c_char_p)


def version() -> str:
    """The version of the C library that is loaded."""
    text: bytes = _version()
    return text.decode()


_status_name = declare("spiral_status_message", ctypes.c_char_p, ctypes.c_int)
# What Python users expect to catch; a status that is not named here is somebody's wrong value.
_BUILTIN: dict[str, type[Exception]] = {
    "out of memory": MemoryError,
    "input/output error": OSError,
    "not supported": NotImplementedError,
    "interrupted": RuntimeError,
}


def _make_errors() -> dict[int, type[Error]]:
    """A class for each status but 0, named after the library's own words: "bad format" is BadFormat."""
    errors: dict[int, type[Error]] = {}
    unknown, status = _status_name(-1), 1
    while (text := _status_name(status)) != unknown:
        words = text.decode()
        name = "".join(word.capitalize() for word in words.replace("/", " ").split())
        bases = (Error, _BUILTIN.get(words, ValueError))
        errors[status] = type(name, bases, {"__module__": "spiral_loss.errors", "status": status, "__doc__": words})
        status += 1
    return errors


ERRORS = _make_errors()


def call(function: Any, *arguments: Any) -> None:
    """Calls a function whose last parameter is a spiral_error and that returns a status; raises if it failed."""
    failure = Failure()
    status = function(*arguments, ctypes.byref(failure))
    if status:
        error = ERRORS.get(status, Error)(failure.text.decode("utf-8", "replace"))
        error.offset = failure.offset
        raise error
