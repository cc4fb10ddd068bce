# SPDX-License-Identifier: MIT
"""Losses for piano rolls that know what "nearly the right note" means.

    from spiral_loss import SpiralLoss
    loss = SpiralLoss()(logits, roll)          # (B, keys, columns); helix, lambda and layout are arguments

The losses and `spiral_loss.model` need PyTorch. `spiral_loss.numpy`, `spiral_loss.midi`, `spiral_loss.metrics` and
`Helix` need NumPy alone: nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__: str  # the C library's; read when it is asked for

if TYPE_CHECKING:
    from . import errors, functional, losses, metrics, midi, model, numpy
    from .functional import helix_gaussian, seed_hard, seed_mask, spiral_energy, spiral_loss, weighted_bce
    from .helix import Helix
    from .losses import HelixGaussian, SeedHard, SeedMask, SpiralEnergy, SpiralLoss, WeightedBCE

__all__ = [
    "Helix", "HelixGaussian", "SeedHard", "SeedMask", "SpiralEnergy", "SpiralLoss", "WeightedBCE",
    "errors", "functional", "helix_gaussian", "losses", "metrics", "midi", "model", "numpy",
    "seed_hard", "seed_mask", "spiral_energy", "spiral_loss", "weighted_bce",
]  # fmt: skip

_MODULES = ("errors", "functional", "losses", "metrics", "midi", "model", "numpy")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        version: str = importlib.import_module("._library", __name__).version()
        globals()[name] = version
        return version
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    home = "helix" if name == "Helix" else "losses" if name[0].isupper() else "functional"
    found = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
