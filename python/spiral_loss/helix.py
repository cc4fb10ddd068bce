# SPDX-License-Identifier: MIT
"""The pitch helix: the distance between two keys (docs/math.md, section 1)."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Union

import numpy as np
import numpy.typing as npt

from ._arguments import as_number, said
from ._library import Failure, call, declare

__all__ = ["PRESETS", "Helix", "HelixLike", "as_helix"]


class HelixStruct(ctypes.Structure):
    """spiral_helix."""

    _fields_ = (("radii", ctypes.c_double * 6), ("octave", ctypes.c_double))


_helix, _error = ctypes.POINTER(HelixStruct), ctypes.POINTER(Failure)
_from_name = declare("spiral_helix_from_name", ctypes.c_int, ctypes.c_char_p, _helix, _error)
_from_costs = declare("spiral_helix_from_costs", ctypes.c_int, ctypes.c_double, ctypes.c_double, _helix, _error)
_check = declare("spiral_helix_check", ctypes.c_int, _helix, _error)
_distance = declare("spiral_helix_distance", ctypes.c_double, _helix, ctypes.c_int)


@dataclasses.dataclass(frozen=True)
class Helix:
    """A geometry of pitch: key p at a height of `octave` p / 12, its pitch class on up to six circles.

    The distance of two keys d semitones apart is (docs/math.md, equation 2)

        D(d)^2 = sum_m 2 radii[m-1]^2 (1 - cos(2 pi m d / 12)) + (octave d / 12)^2.

    Args:
        radii: one to six numbers, 0 to 1000, the largest at least 1e-6; those left out are 0. `radii[0]` makes
            semitones near, `radii[4]` fifths, `radii[3]` major and `radii[2]` minor thirds.
        octave: what an octave costs in distance, 1e-6 to 1000.

    Raises:
        TypeError: one is not a number.
        ValueError: a number is outside its range.

    >>> Helix.preset("chromatic").distance(60, 72)
    0.5
    """

    radii: tuple[float, ...] = (1.3, 0.0, 0.0, 0.0, 0.0, 0.0)
    octave: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.radii, str) or not isinstance(self.radii, Iterable):
            raise TypeError(f"radii is {said(self.radii)}: must be one to six numbers")
        radii = tuple(as_number(f"radii[{i}]", r) for i, r in enumerate(self.radii))
        if not 1 <= len(radii) <= 6:
            raise ValueError(f"helix has {len(radii)} radii: must be 1 to 6")
        object.__setattr__(self, "radii", radii + (0.0,) * (6 - len(radii)))
        object.__setattr__(self, "octave", as_number("octave", self.octave))
        call(_check, self.struct())

    @classmethod
    def preset(cls, name: str) -> Helix:
        """One of `PRESETS`.

        The costs of chromatic, fifths, tonnetz and mixed are about the same on average. octaves is for `ChannelLoss`
        with its default blur_length and labels that are an octave off.
        """
        struct = HelixStruct()
        call(_from_name, str(name).encode(), ctypes.byref(struct))
        return cls(tuple(struct.radii), struct.octave)

    @classmethod
    def from_costs(cls, octave: float, semitone: float) -> Helix:
        """The chromatic helix on which, in missed notes of `SpiralEnergy`, those two mistakes cost that much.

        Both must be above 0 and below 2, the cost of one missed and one extra note.
        """
        struct = HelixStruct()
        call(_from_costs, as_number("octave", octave), as_number("semitone", semitone), ctypes.byref(struct))
        return cls(tuple(struct.radii), struct.octave)

    def struct(self) -> HelixStruct:
        """The same for the C calls."""
        return HelixStruct((ctypes.c_double * 6)(*self.radii), self.octave)

    def distance(self, a: int, b: int) -> float:
        """D(b - a): the distance of two keys, MIDI numbers."""
        return float(_distance(ctypes.byref(self.struct()), int(b) - int(a)))

    def table(self, keys: int = 128) -> npt.NDArray[np.float64]:
        """Distances of all pairs of `keys` keys, (keys, keys), in distance units."""
        if keys < 1:
            raise ValueError(f"keys is {keys}: must be 1 or more")
        by_interval = np.array([self.distance(0, d) for d in range(keys)])
        at = np.arange(keys)
        table: npt.NDArray[np.float64] = by_interval[np.abs(at[:, None] - at[None, :])]
        return table


PRESETS: dict[str, Helix] = {
    name: Helix.preset(name) for name in ("chromatic", "fifths", "tonnetz", "mixed", "octaves")
}
HelixLike = Union[str, Helix, Sequence[float]]


def as_helix(helix: HelixLike) -> Helix:
    """A preset's name, a `Helix`, or radii with the octave 0.5."""
    if isinstance(helix, Helix):
        return helix
    if isinstance(helix, str):
        return PRESETS[helix] if helix in PRESETS else Helix.preset(helix)
    if isinstance(helix, Iterable):
        return Helix(tuple(helix))
    raise TypeError(f"helix is {said(helix)}: must be a preset's name, a Helix, or one to six radii")
