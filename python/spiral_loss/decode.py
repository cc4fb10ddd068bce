# SPDX-License-Identifier: MIT
"""Notes from probabilities: the set of lowest expected energy on the helix (docs/math.md, section 13).

As include/spiral/decode.h. For any transcription or roll network. NumPy is enough; tensors are accepted too.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from ._library import Failure, call, declare
from .helix import Helix, HelixLike, HelixStruct, as_helix

__all__ = ["SHORT_RANGED", "min_risk"]

SHORT_RANGED = Helix((1.3,), 4.0)  # semitones are near, octaves are not


class _Options(ctypes.Structure):
    """spiral_min_risk_options."""

    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("helix", HelixStruct),
        ("scale", ctypes.c_double),
        ("time_blur", ctypes.c_double),
    )


_void, _size, _int = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
_min_risk = declare(
    "spiral_decode_min_risk", _int, ctypes.POINTER(_Options), _void, _size, _int, _int, ctypes.c_float, _void, _void,
    ctypes.POINTER(Failure),
)  # fmt: skip


def min_risk(
    logits: Any, *, scale: float = 1.0, helix: HelixLike = SHORT_RANGED, time_blur: float = 0.0, low: int = 0
) -> Any:
    """The sounding keys: those of lowest expected energy x'Kx/2 - x'Ky, with y = scale * sigmoid(logits).

    A threshold cannot know that .45 on C and .45 on C sharp mean one note; this can. The search is greedy, from several
    starts (C, on the calling thread), and never ends with a higher risk than the threshold y > 1/2.

    Args:
        logits: an array or a tensor of floats, on any device.
        scale: factor of the probabilities, 0.01 to 100: the larger, the more notes. Choose it on validation data.
        helix: the geometry of K = 2 exp(-D / 2).
        time_blur: frames over which K falls to 1/e along time, 0 to 100; 0: each frame alone.
        low: MIDI number of the first key; nothing but the limit low + keys <= 128 depends on it.

    Raises:
        ValueError: a shape or an option is out of its range.

    Shape:
        - logits: (*, keys, frames), or (keys, frames); keys is 1 to 128.
        - output: that of the logits, of bools: an array, or a tensor on their device.

    Example:
        >>> import numpy as np
        >>> logits = np.full((36, 1), -9.0)
        >>> logits[[12, 13], 0] = -0.2  # two keys, .45 each
        >>> int(min_risk(logits).sum())
        1
    """
    tensor = logits if hasattr(logits, "detach") else None
    array = np.asarray(logits if tensor is None else tensor.detach().float().cpu().numpy())
    if array.ndim < 2 or array.dtype.kind not in "fiu":
        raise ValueError(
            f"logits have shape {array.shape} and type {array.dtype}: must be (*, keys, frames) of numbers"
        )
    keys, frames = array.shape[-2:]
    geometry = as_helix(helix)
    options = _Options(
        ctypes.sizeof(_Options), HelixStruct((ctypes.c_double * 6)(*geometry.radii), geometry.octave), scale, time_blur
    )
    out = np.zeros(array.shape, bool)
    rolls = array.reshape(-1, keys, frames) if array.size else array.reshape(0, keys, frames)
    found = out.reshape(rolls.shape)
    words = np.zeros((frames, 2), np.uint64)
    for roll, to in zip(rolls, found):
        cells = np.ascontiguousarray(roll.T, np.float32)
        call(_min_risk, ctypes.byref(options), cells.ctypes.data, frames, low, keys, 0.0, words.ctypes.data, None)
        bits: npt.NDArray[np.uint8] = np.unpackbits(words.view(np.uint8).reshape(-1, 16), axis=1, bitorder="little")
        to[...] = bits[:, low : low + keys].T
    if tensor is None:
        return out
    import torch

    return torch.from_numpy(out).to(tensor.device)
