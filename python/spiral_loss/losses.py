# SPDX-License-Identifier: MIT
"""The losses as modules: options once, then `loss(input, target)`. `functional` has the same as functions.

loss = SpiralLoss()                       # cross-entropy + spiral, rolls (B, 36, 36) from C3 upward
loss(logits, roll).backward()
"""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

import torch
from torch import Tensor

from ._plan import Options, cost_table, plan
from .functional import BACKENDS, apply, make_options
from .helix import HelixLike

__all__ = ["HelixGaussian", "SeedHard", "SeedMask", "SpiralEnergy", "SpiralLoss", "WeightedBCE"]


class _Loss(torch.nn.Module):
    """What all losses share: checked options, dimensions, the call."""

    options: Options

    def __init__(self, options: Options, pitch_dim: int, time_dim: int, backend: str) -> None:
        super().__init__()
        self._set(options)
        if pitch_dim == time_dim:
            raise ValueError(f"pitch_dim is {pitch_dim} and time_dim {time_dim}: must be two different dimensions")
        if backend not in BACKENDS:
            raise ValueError(f"backend is {backend!r}: must be one of {', '.join(BACKENDS)}")
        self.pitch_dim, self.time_dim, self.backend = pitch_dim, time_dim, backend

    def _set(self, options: Options) -> None:
        plan(options, 1)  # says what is wrong with them
        self.options = options

    def forward(self, input: Tensor, target: Tensor, weight: Optional[Tensor] = None) -> Tensor:
        """The loss.

        Args:
            input: logits (or probabilities), floats, two dimensions or more.
            target: of the same shape, in [0, 1]; floats, whole numbers or bools.
            weight: weights of cells, 0 to 1e6, of a shape that broadcasts to the input's; 0 leaves a cell out.

        Returns:
            A scalar, or with reduction "none" one value per column: the input's shape without its pitch dimension.

        Raises:
            TypeError, ValueError: as `functional.spiral_loss`.
        """
        return apply(
            self.options, input, target, weight,
            pitch_dim=self.pitch_dim, time_dim=self.time_dim, backend=self.backend,
        )  # fmt: skip

    def interval_costs(self, intervals: int = 13) -> tuple[list[float], list[float]]:
        """What each interval costs in missed notes, without cross-entropy: substituted, and added.

        Only for `SpiralLoss`, `SpiralEnergy` and `HelixGaussian`.
        """
        return cost_table(self.options, intervals)

    def extra_repr(self) -> str:
        """What differs from the defaults of the library."""
        usual = Options()
        own = [f"{n}={v!r}" for n, v in vars(self.options).items() if v != getattr(usual, n)]
        return ", ".join([*own, f"pitch_dim={self.pitch_dim}", f"time_dim={self.time_dim}"])


class SpiralLoss(_Loss):
    """bce * BCE + weight * spiral: the loss to train with (docs/math.md, sections 4 and 9).

    Args:
        weight: lambda, the factor of the spiral term; 0 to 1e6. README.md has a table for choosing it.
        bce: factor of the cross-entropy; 0 to 1e6.
        helix: "chromatic", "fifths", "tonnetz", "mixed", a `Helix`, or radii.
        low: MIDI number of key 0; low + keys <= 128.
        floor: how silent silence is; 1e-6 to 1000.
        blur: length of the blur along the helix; above 0, at most 1000.
        time_tolerance: length in columns of a blur along time; 0 to 100.
        from_logits: whether inputs are logits; else probabilities.
        pitch_dim: the dimension of keys.
        time_dim: the dimension of columns.
        reduction: "mean" (per column), "sum", "per_note" or "none".
        reach: semitones the blur reaches to each side; 1 to 127.
        backend: "auto", "native" or "torch"; see `functional.spiral_loss`.

    Raises:
        ValueError: an option is outside its range.
    """

    def __init__(
        self,
        weight: float = 1.0,
        bce: float = 1.0,
        helix: HelixLike = "chromatic",
        low: int = 48,
        floor: float = 0.02,
        blur: float = 0.5,
        time_tolerance: float = 0.0,
        from_logits: bool = True,
        pitch_dim: int = -2,
        time_dim: int = -1,
        reduction: str = "mean",
        *,
        reach: int = 24,
        backend: str = "auto",
    ) -> None:
        options = make_options(
            helix, time_tolerance, weight=weight, bce=bce, low=low, floor=floor, blur=blur, reach=reach,
            from_logits=from_logits, reduction=reduction,
        )  # fmt: skip
        super().__init__(options, pitch_dim, time_dim, backend)


class SpiralEnergy(_Loss):
    """bce * BCE + weight * energy (docs/math.md, section 5): the form to report with; blind to where a note is added.

    Arguments as for `SpiralLoss`, less floor, blur and reach.
    """

    def __init__(
        self,
        weight: float = 1.0,
        bce: float = 1.0,
        helix: HelixLike = "chromatic",
        low: int = 48,
        time_tolerance: float = 0.0,
        from_logits: bool = True,
        pitch_dim: int = -2,
        time_dim: int = -1,
        reduction: str = "mean",
        *,
        backend: str = "auto",
    ) -> None:
        options = make_options(
            helix, time_tolerance, kind="energy", weight=weight, bce=bce, low=low, from_logits=from_logits,
            reduction=reduction,
        )  # fmt: skip
        super().__init__(options, pitch_dim, time_dim, backend)


class HelixGaussian(SpiralEnergy):
    """bce * BCE + weight * gauss (docs/math.md, section 5), with `sigma` the width of the kernel in distance units.

    sigma is above 0, at most 1000; the other arguments are those of `SpiralEnergy`.
    """

    def __init__(self, weight: float = 1.0, bce: float = 1.0, *, sigma: float = 0.5, **arguments: Any) -> None:
        super().__init__(weight, bce, **arguments)
        self._set(dataclasses.replace(self.options, kind="gauss", sigma=sigma))


class WeightedBCE(_Loss):
    """bce * BCE + weight * cross-entropy whose strays cost by their distance (docs/math.md, section 6).

    Cheap and convex in the logits, but not proper. Arguments as for `SpiralLoss`, less floor, blur, reach and
    time_tolerance; `bce` is 0 unless asked for.
    """

    def __init__(
        self,
        weight: float = 1.0,
        bce: float = 0.0,
        helix: HelixLike = "chromatic",
        low: int = 48,
        from_logits: bool = True,
        pitch_dim: int = -2,
        time_dim: int = -1,
        reduction: str = "mean",
        *,
        backend: str = "auto",
    ) -> None:
        options = make_options(
            helix,
            kind="weighted_bce",
            weight=weight,
            bce=bce,
            low=low,
            from_logits=from_logits,
            reduction=reduction,
        )
        super().__init__(options, pitch_dim, time_dim, backend)


class SeedMask(_Loss):
    """The original answer's mask around the target's loudest key (docs/math.md, section 7). Silence is its optimum.

    Args:
        circular: whether pitch classes go around, so that B is one step from C.
        radius: cost of a step of the pitch class.
        octave: cost of an octave.
        weight: factor; 0 to 1e6.
        bce: factor of the cross-entropy; 0 to 1e6.
        low: MIDI number of key 0.
        from_logits: whether inputs are logits; else probabilities.
        pitch_dim: the dimension of keys.
        time_dim: the dimension of columns.
        reduction: as for `SpiralLoss`.
        backend: as for `SpiralLoss`.
    """

    _kind = "seed_mask"

    def __init__(
        self,
        circular: bool = False,
        radius: float = 10.0,
        octave: float = 5.0,
        weight: float = 1.0,
        bce: float = 0.0,
        low: int = 48,
        from_logits: bool = True,
        pitch_dim: int = -2,
        time_dim: int = -1,
        reduction: str = "mean",
        *,
        backend: str = "auto",
    ) -> None:
        options = make_options(
            kind=self._kind + ("_circular" if circular else ""), weight=weight, bce=bce, low=low,
            from_logits=from_logits, reduction=reduction,
            coil_radius=radius, coil_rise=octave,
        )  # fmt: skip
        super().__init__(options, pitch_dim, time_dim, backend)


class SeedHard(SeedMask):
    """The original question's distance of the loudest keys (docs/math.md, section 7). A metric: no gradient.

    `semitone` is degrees per semitone; the other arguments are those of `SeedMask`, less bce.
    """

    _kind = "seed_hard"

    def __init__(
        self,
        circular: bool = False,
        radius: float = 10.0,
        octave: float = 5.0,
        semitone: float = 30.0,
        **arguments: Any,
    ) -> None:
        super().__init__(circular, radius, octave, bce=0.0, **arguments)
        self._set(dataclasses.replace(self.options, coil_degrees=semitone))

    def forward(self, input: Tensor, target: Tensor, weight: Optional[Tensor] = None) -> Tensor:
        """The distance; it does not depend on the input in a way that could be differentiated."""
        return super().forward(input.detach(), target, weight)
