# SPDX-License-Identifier: MIT
"""Losses for piano rolls: the cost of a wrong note depends on its distance from the right one on the pitch helix.

    from spiral_loss import SpiralLoss
    loss = SpiralLoss()(logits, roll)          # (B, keys, frames); helix, lambda and layout are arguments

The losses, `spiral_loss.model` and `spiral_loss.decoder` need PyTorch. `spiral_loss.numpy`, `spiral_loss.midi`,
`spiral_loss.metrics`, `spiral_loss.decode` and `Helix` need only NumPy: nothing is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import _names

__version__: str  # the C library's; read when it is used

if TYPE_CHECKING:
    from . import decode, decoder, errors, functional, losses, metrics, midi, model, numpy
    from .functional import (
        argmax_distance,
        channel_loss,
        distance_mask,
        helix_gaussian,
        spiral_energy,
        spiral_loss,
        weighted_bce,
    )
    from .helix import Helix
    from .losses import (
        ArgmaxDistance,
        ChannelLoss,
        DistanceMask,
        HelixGaussian,
        LearnedChannelLoss,
        SpiralEnergy,
        SpiralLoss,
        WeightedBCE,
    )

__all__ = [
    "ArgmaxDistance", "ChannelLoss", "DistanceMask", "Helix", "HelixGaussian", "LearnedChannelLoss", "SpiralEnergy",
    "SpiralLoss", "WeightedBCE", "argmax_distance", "channel_loss", "decode", "decoder", "distance_mask", "errors",
    "functional", "helix_gaussian", "losses", "metrics", "midi", "model", "numpy", "spiral_energy",
    "spiral_loss", "weighted_bce",
]  # fmt: skip

_MODULES = ("decode", "decoder", "errors", "functional", "losses", "metrics", "midi", "model", "numpy")


def _import(module: str) -> Any:
    try:
        return importlib.import_module(f".{module}", __name__)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError(f"{__name__}.{module} needs PyTorch: pip install torch", name="torch") from None


def __getattr__(name: str) -> Any:
    if name in _names.CLASSES:
        _names.warn(name, _names.CLASSES[name])
        name = _names.CLASSES[name]
    if name == "__version__":
        version: str = importlib.import_module("._library", __name__).version()
        globals()[name] = version
        return version
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _MODULES:
        return _import(name)
    module = "helix" if name == "Helix" else "losses" if name[0].isupper() else "functional"
    found = getattr(_import(module), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
