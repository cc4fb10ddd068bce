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

from . import errors

__all__ = ["C", "Failure", "call", "declare", "library_path"]

NAME = "libspiral_loss" + (".dylib" if sys.platform == "darwin" else ".so")
BESIDE = ".spiral_loss.mesonpy.libs"


def library_path() -> pathlib.Path:
    """Where the shared library is: $SPIRAL_LOSS_LIBRARY, beside the package, or in an editable install's build."""
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


_version = declare("spiral_version", ctypes.c_char_p)


def version() -> str:
    """The version of the C library that is loaded."""
    text: bytes = _version()
    return text.decode()


# By status. A status that a newer library returns and that is not among them raises Error itself.
_CLASSES: dict[int, type[errors.Error]] = {
    getattr(errors, name).status: getattr(errors, name) for name in errors.__all__
}


def call(function: Any, *arguments: Any) -> None:
    """Calls a function whose last parameter is a spiral_error and that returns a status; raises if it failed."""
    failure = Failure()
    status = function(*arguments, ctypes.byref(failure))
    if status:
        error = _CLASSES.get(status, errors.Error)(failure.text.decode("utf-8", "replace"))
        error.offset = failure.offset
        raise error
