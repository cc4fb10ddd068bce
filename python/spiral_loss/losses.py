# SPDX-License-Identifier: MIT
"""The losses as modules: options once, then `loss(input, target)`. `functional` has them as functions.

Example:
    >>> import torch
    >>> from spiral_loss import SpiralLoss
    >>> loss = SpiralLoss()  # cross-entropy + spiral
    >>> logits, roll = torch.zeros(2, 36, 36, requires_grad=True), torch.zeros(2, 36, 36)
    >>> loss(logits, roll).backward()
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Optional

import torch
from torch import Tensor

from . import _names, _reference
from ._plan import Options, cost_table, plan
from .functional import PosWeight, apply, check_arguments, make_options
from .helix import HelixLike

__all__ = [
    "ArgmaxDistance", "ChannelLoss", "DistanceMask", "HelixGaussian", "LearnedChannelLoss", "SpiralEnergy",
    "SpiralLoss", "WeightedBCE",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _names.CLASSES:
        _names.warn(name, _names.CLASSES[name])
        return globals()[_names.CLASSES[name]]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Loss(torch.nn.Module):
    """What all losses share: checked options, dimensions, the call."""

    options: Options
    pos_weight: Optional[Tensor]

    def __init__(
        self, options: Options, pitch_dim: Optional[int], time_dim: Optional[int], backend: str,
        check: Optional[bool], pos_weight: PosWeight,
    ) -> None:  # fmt: skip
        super().__init__()
        self._set(options)
        check_arguments(pitch_dim, time_dim, backend, check, pos_weight)
        self.pitch_dim, self.time_dim, self.backend, self.check = pitch_dim, time_dim, backend, check
        of_key = None if pos_weight is None else torch.as_tensor(pos_weight, dtype=torch.get_default_dtype())
        # A buffer follows the module to its device; it is an option, so state_dict has no place for it.
        self.register_buffer("pos_weight", of_key, persistent=False)

    def _set(self, options: Options) -> None:
        plan(options, 1)  # raises if an option is out of its range
        self.options = options

    @_names.renamed(weight="sample_weight")
    def forward(self, input: Tensor, target: Tensor, sample_weight: Optional[Tensor] = None) -> Tensor:
        """The loss.

        Args:
            input: logits (or probabilities), floats.
            target: in [0, 1]; floats, whole numbers or bools.
            sample_weight: weights of cells, as `functional.spiral_loss` describes them.

        Raises:
            TypeError, ValueError: as `functional.spiral_loss`.

        Shape:
            As `functional.spiral_loss`.
        """
        return apply(
            self.options, input, target, sample_weight, pitch_dim=self.pitch_dim, time_dim=self.time_dim,
            backend=self.backend, check=self.check, pos_weight=self.pos_weight,
        )  # fmt: skip

    def interval_costs(self, intervals: int = 13) -> tuple[list[float], list[float]]:
        """What each interval costs in missed notes, without cross-entropy: substituted, and added.

        Only for `SpiralLoss`, `SpiralEnergy` and `HelixGaussian`.

        Example:
            >>> substitute, insert = SpiralLoss().interval_costs()
            >>> substitute[12] < substitute[1] < substitute[6]  # octave, semitone, tritone
            True
        """
        return cost_table(self.options, intervals)

    def extra_repr(self) -> str:
        """The options that differ from the defaults of the library."""
        usual = Options()
        own = [f"{n}={v!r}" for n, v in vars(self.options).items() if v != getattr(usual, n)]
        named = [(n, getattr(self, n)) for n in ("pitch_dim", "time_dim", "check")]
        own += [f"{n}={v!r}" for n, v in named if v is not None]
        if self.pos_weight is not None:
            own.append(f"pos_weight={self.pos_weight.tolist()}")
        return ", ".join(own)


class SpiralLoss(_Loss):
    """bce * BCE + lambd * spiral: the loss to train with (docs/math.md, sections 4 and 9).

    With reduction "mean" the loss is that of a frame, a sum over its keys: with lambd=0 it is the number of keys times
    that of `torch.nn.BCEWithLogitsLoss()`, a mean over cells. Other terms that are added to it, such as the KL term of
    a vae, must be those of a frame too: divide a roll's by its frames.

    Args:
        lambd: lambda, the factor of the spiral term; 0 to 1e6. README.md has a table for choosing it.
        bce: factor of the cross-entropy; 0 to 1e6.
        helix: a preset's name ("chromatic", "fifths", "tonnetz", "mixed", "octaves"), a `Helix`, or radii.
        low: MIDI number of key 0; low + keys <= 128. Only `ArgmaxDistance` depends on it.
        kl_offset: b, added to both blurred rolls before they are compared; 1e-6 to 1000. The smaller, the more a
            missed note costs in comparison with an extra one.
        blur_length: l, the distance on the helix over which the blur falls to 1/e; above 0, at most 1000.
        blur_radius: W, semitones of the blur to each side; 1 to 127.
        time_blur: tau, frames over which a blur along time falls to 1/e; 0 to 100, 0 for none.
        from_logits: whether inputs are logits; else probabilities.
        pitch_dim: the dimension of keys, lowest first; None means -2.
        time_dim: the dimension of frames; None means -1. An input of two dimensions is refused if both are None.
        reduction: "mean" (divided by the number of frames with a weight above 0, not by the sum of the weights),
            "sum", "per_note" (divided by the number of target notes, at least 1), or "none": one value per frame.
        pos_weight: factor of the cross-entropy of sounding cells, 0 to 1e6, as in `torch.nn.BCEWithLogitsLoss`: a
            number, or a tensor of one number for each key. Above 1 favours recall, below 1 precision.
        backend: "native" (C kernels: CPU), "triton" (Triton kernels: NVIDIA GPUs; float32, float16 and bfloat16, no
            time_blur), both for first derivatives; "torch" (any device, any derivative); or "auto", the first of
            these that can.
        check: whether a cell that is NaN or out of its range is refused. None: yes on CPU, no elsewhere, because the
            host would have to wait for the device. Without the check NaN gives NaN, and a number out of range gives NaN
            except on the Triton kernels, where the result is undefined.

    Raises:
        TypeError: an option is not of its type.
        ValueError: an option is outside its range.

    Shape:
        - input: (*, keys, frames), one or more dimensions of a batch; other orders by pitch_dim and time_dim.
        - target: that of the input. sample_weight: any that broadcasts to it (see `functional.spiral_loss`).
        - output: (), or with reduction "none" the input's shape without its pitch dimension.

    Example:
        >>> loss = SpiralLoss(lambd=4.0, pos_weight=2.0)
        >>> logits, roll = torch.randn(8, 88, 50), torch.rand(8, 88, 50) < 0.05
        >>> loss(logits, roll).shape
        torch.Size([])
        >>> SpiralLoss(pitch_dim=-1, time_dim=-2, reduction="none")(logits.mT, roll.mT).shape
        torch.Size([8, 50])
    """

    @_names.renamed(**_names.ARGUMENTS)
    def __init__(
        self,
        lambd: float = 1.0,
        bce: float = 1.0,
        helix: HelixLike = "chromatic",
        low: int = 0,
        kl_offset: float = 0.02,
        blur_length: float = 0.5,
        time_blur: float = 0.0,
        from_logits: bool = True,
        pitch_dim: Optional[int] = None,
        time_dim: Optional[int] = None,
        reduction: str = "mean",
        *,
        blur_radius: int = 24,
        backend: str = "auto",
        check: Optional[bool] = None,
        pos_weight: PosWeight = None,
    ) -> None:
        options = make_options(
            helix, lambd=lambd, bce=bce, low=low, kl_offset=kl_offset, blur_length=blur_length,
            blur_radius=blur_radius, time_blur=time_blur, from_logits=from_logits, reduction=reduction,
        )  # fmt: skip
        super().__init__(options, pitch_dim, time_dim, backend, check, pos_weight)


class SpiralEnergy(_Loss):
    """bce * BCE + lambd * energy (docs/math.md, section 5): quadratic, for reports.

    An added note costs the same wherever it is.

    Arguments as for `SpiralLoss`, less kl_offset, blur_length and blur_radius.

    Shape:
        As `SpiralLoss`.

    Example:
        >>> silence, note = torch.zeros(1, 36, 1), torch.zeros(1, 36, 1)
        >>> note[0, 12] = 1
        >>> loss = SpiralEnergy(bce=0.0, from_logits=False, reduction="sum")(silence, note)
        >>> round(float(loss), 4)  # one missed note
        1.0
    """

    @_names.renamed(**_names.ARGUMENTS)
    def __init__(
        self,
        lambd: float = 1.0,
        bce: float = 1.0,
        helix: HelixLike = "chromatic",
        low: int = 0,
        time_blur: float = 0.0,
        from_logits: bool = True,
        pitch_dim: Optional[int] = None,
        time_dim: Optional[int] = None,
        reduction: str = "mean",
        *,
        backend: str = "auto",
        check: Optional[bool] = None,
        pos_weight: PosWeight = None,
    ) -> None:
        options = make_options(
            helix, kind="energy", lambd=lambd, bce=bce, low=low, time_blur=time_blur, from_logits=from_logits,
            reduction=reduction,
        )  # fmt: skip
        super().__init__(options, pitch_dim, time_dim, backend, check, pos_weight)


class HelixGaussian(SpiralEnergy):
    """bce * BCE + lambd * gauss (docs/math.md, section 5), with `sigma` the width of the kernel in distance units.

    sigma is above 0, at most 1000; the other arguments are those of `SpiralEnergy`.

    Shape:
        As `SpiralLoss`.

    Example:
        >>> silence, note = torch.zeros(1, 36, 1), torch.zeros(1, 36, 1)
        >>> note[0, 12] = 1
        >>> loss = HelixGaussian(bce=0.0, sigma=0.3, from_logits=False, reduction="sum")
        >>> round(float(loss(silence, note)), 4)  # one missed note
        1.0
    """

    @_names.renamed(**_names.ARGUMENTS)
    def __init__(self, lambd: float = 1.0, bce: float = 1.0, *, sigma: float = 0.5, **arguments: Any) -> None:
        super().__init__(lambd, bce, **arguments)
        make_options(sigma=sigma)  # checks its type
        self._set(dataclasses.replace(self.options, kind="gauss", sigma=sigma))


class WeightedBCE(_Loss):
    """bce * BCE + lambd * cross-entropy in which extra notes are weighted by distance (docs/math.md, section 6).

    Cheap and convex in the logits, but not proper. Arguments as for `SpiralLoss`, less kl_offset, blur_length,
    blur_radius and time_blur; `bce` is 0 unless given.

    Shape:
        As `SpiralLoss`.

    Example:
        >>> other, octave, roll = (torch.zeros(1, 36, 1) for _ in range(3))
        >>> roll[0, 12], octave[0, [12, 24]], other[0, [12, 18]] = 1, 1, 1
        >>> loss = WeightedBCE(from_logits=False)
        >>> bool(loss(octave, roll) < loss(other, roll))  # an octave is added, or a tritone
        True
    """

    @_names.renamed(**_names.ARGUMENTS)
    def __init__(
        self,
        lambd: float = 1.0,
        bce: float = 0.0,
        helix: HelixLike = "chromatic",
        low: int = 0,
        from_logits: bool = True,
        pitch_dim: Optional[int] = None,
        time_dim: Optional[int] = None,
        reduction: str = "mean",
        *,
        backend: str = "auto",
        check: Optional[bool] = None,
        pos_weight: PosWeight = None,
    ) -> None:
        options = make_options(
            helix, kind="weighted_bce", lambd=lambd, bce=bce, low=low, from_logits=from_logits, reduction=reduction
        )
        super().__init__(options, pitch_dim, time_dim, backend, check, pos_weight)


class ChannelLoss(_Loss):
    """Cross-entropy of the prediction moved along the helix, for labels that are partly wrong (docs/math.md, 12).

    `eta` is the share of the notes that the labels place at another key, 0 to less than 1; the other arguments are
    those of `SpiralLoss`, less kl_offset, time_blur and pos_weight; `bce` is 0 unless given.

    The helix says which mistakes are likely. For labels that are wrong by octaves alone, use `helix="octaves"`: with
    the default blur_length, 99.3 % of what it moves, it moves by one octave.

    Shape:
        As `SpiralLoss`.

    Example:
        >>> played, label = torch.full((1, 36, 1), -6.0), torch.zeros(1, 36, 1)
        >>> played[0, 12], label[0, 24] = 6.0, 1.0  # the label is an octave off
        >>> bool(ChannelLoss(eta=0.3)(played, label) < ChannelLoss(eta=0.0)(played, label))
        True
    """

    def __init__(
        self,
        eta: float = 0.3,
        lambd: float = 1.0,
        bce: float = 0.0,
        helix: HelixLike = "chromatic",
        low: int = 0,
        blur_length: float = 0.5,
        from_logits: bool = True,
        pitch_dim: Optional[int] = None,
        time_dim: Optional[int] = None,
        reduction: str = "mean",
        *,
        blur_radius: int = 24,
        backend: str = "auto",
        check: Optional[bool] = None,
    ) -> None:
        options = make_options(
            helix, kind="channel", eta=eta, lambd=lambd, bce=bce, low=low, blur_length=blur_length,
            blur_radius=blur_radius, from_logits=from_logits, reduction=reduction,
        )  # fmt: skip
        super().__init__(options, pitch_dim, time_dim, backend, check, None)


class LearnedChannelLoss(ChannelLoss):
    """`ChannelLoss` that learns eta, one number for each class of intervals, together with the network.

    The classes are octaves (12, 24, ... semitones), neighbours (1 and 2 semitones) and all others up to blur_radius;
    within a class notes move by the helix. Give `loss.parameters()` to the optimiser too, and read `loss.etas()`. It
    runs in plain PyTorch on every device. Labels alone cannot distinguish a wrong network from wrong labels: in
    experiments/002-wrong-octaves eta fell nearly to 0. Prefer a fixed eta chosen on validation data.

    Args:
        keys: the number of keys of the inputs, 2 to 128.
        eta: where the sum of the three starts; above 0 and less than 1.

    The other arguments are those of `ChannelLoss`, less backend.

    Shape:
        As `SpiralLoss`, with `keys` keys.

    Example:
        >>> loss = LearnedChannelLoss(keys=36, eta=0.1)
        >>> logits, label = torch.zeros(2, 36, 8, requires_grad=True), torch.zeros(2, 36, 8)
        >>> loss(logits, label).backward()
        >>> {name: round(value, 3) for name, value in loss.etas().items()}
        {'octaves': 0.033, 'neighbours': 0.033, 'others': 0.033}
    """

    CLASSES = ("octaves", "neighbours", "others")
    _classes: Tensor
    raw: torch.nn.Parameter

    def __init__(self, keys: int, eta: float = 0.1, **arguments: Any) -> None:
        if not 2 <= keys <= 128:
            raise ValueError(f"keys is {keys}: must be 2 to 128")
        if not 0 < eta < 1:
            raise ValueError(f"eta is {eta:g}: must be above 0 and less than 1")
        if "backend" in arguments:
            raise TypeError("LearnedChannelLoss has no argument backend: it runs in plain PyTorch")
        super().__init__(eta, backend="torch", **arguments)
        o = self.options
        plan(o, keys)  # raises if low + keys is above 128
        of_key = _reference.channel_matrix(
            torch.float64, torch.device("cpu"), (o.radii, o.octave), o.blur_length, o.blur_radius, keys
        )
        interval = (torch.arange(keys)[:, None] - torch.arange(keys)).abs()
        octaves, neighbours = interval % 12 == 0, interval <= 2
        classes = torch.stack([octaves, neighbours, ~(octaves | neighbours)]) * of_key
        classes = classes / classes.sum(2, keepdim=True).clamp(min=1e-300)
        self.register_buffer("_classes", classes.to(torch.get_default_dtype()), persistent=False)
        # The shares are the softmax of 0, for notes that stay, and these.
        self.raw = torch.nn.Parameter(torch.full((3,), math.log(eta / 3 / (1 - eta))))

    def shares(self) -> Tensor:
        """The share of notes that move by each class, (3,), differentiable."""
        return torch.softmax(torch.cat([self.raw.new_zeros(1), self.raw]), 0)[1:]

    def etas(self) -> dict[str, float]:
        """The same as numbers, by the names of the classes."""
        return dict(zip(self.CLASSES, self.shares().tolist()))

    def forward(self, input: Tensor, target: Tensor, sample_weight: Optional[Tensor] = None) -> Tensor:
        """The loss. It has a gradient with respect to the input and to `raw`.

        Shape:
            As `SpiralLoss`, with `keys` keys.
        """
        return apply(
            self.options, input, target, sample_weight, pitch_dim=self.pitch_dim, time_dim=self.time_dim,
            backend="torch", check=self.check, channel=self._channel,
        )  # fmt: skip

    def _channel(self, o: Options, z: Tensor, t: Tensor, w: Optional[Tensor]) -> Tensor:
        keys = self._classes.shape[-1]
        if z.shape[-1] != keys:
            raise ValueError(f"input has {z.shape[-1]} keys: must be {keys}, as this loss was made for")
        shares = self.shares().to(z.dtype)
        moved = (shares[:, None, None] * self._classes.to(z.dtype)).sum(0)
        return _reference.channel_cost(o, z, t, w, 1 - shares.sum(), moved)


_COIL = {**_names.ARGUMENTS, "radius": "coil_radius", "octave": "coil_rise", "semitone": "coil_degrees"}


class DistanceMask(_Loss):
    """The original answer's mask around the target's loudest key (docs/math.md, section 7). Silence is its optimum.

    Args:
        circular: whether pitch classes are circular, so that B is one step from C.
        coil_radius: cost of a step of the pitch class; 0 to 1e6.
        coil_rise: cost of an octave; 0 to 1e6.
        lambd: factor; 0 to 1e6.
        bce: factor of the cross-entropy; 0 to 1e6.
        low: MIDI number of key 0.
        from_logits: whether inputs are logits; else probabilities.
        pitch_dim: as for `SpiralLoss`.
        time_dim: as for `SpiralLoss`.
        reduction: as for `SpiralLoss`.
        backend: as for `SpiralLoss`.
        check: as for `SpiralLoss`.
        pos_weight: as for `SpiralLoss`.

    Shape:
        As `SpiralLoss`.

    Example:
        >>> roll = torch.zeros(1, 36, 1)
        >>> float(DistanceMask(from_logits=False)(roll, roll))
        0.0
    """

    _kind = "distance_mask"

    @_names.renamed(**_COIL)
    def __init__(
        self,
        circular: bool = False,
        coil_radius: float = 10.0,
        coil_rise: float = 5.0,
        lambd: float = 1.0,
        bce: float = 0.0,
        low: int = 0,
        from_logits: bool = True,
        pitch_dim: Optional[int] = None,
        time_dim: Optional[int] = None,
        reduction: str = "mean",
        *,
        backend: str = "auto",
        check: Optional[bool] = None,
        pos_weight: PosWeight = None,
    ) -> None:
        options = make_options(
            kind=self._kind + ("_circular" if circular else ""), lambd=lambd, bce=bce, low=low,
            from_logits=from_logits, reduction=reduction, coil_radius=coil_radius, coil_rise=coil_rise,
        )  # fmt: skip
        super().__init__(options, pitch_dim, time_dim, backend, check, pos_weight)


class ArgmaxDistance(DistanceMask):
    """The original question's distance between the loudest keys (docs/math.md, section 7). A metric: no gradient.

    `coil_degrees` is degrees per semitone; the other arguments are those of `DistanceMask`, less bce and pos_weight.

    Shape:
        As `SpiralLoss`.

    Example:
        >>> one, other = torch.zeros(1, 36, 1), torch.zeros(1, 36, 1)
        >>> one[0, 12], other[0, 24] = 1, 1
        >>> float(ArgmaxDistance()(one, other))  # an octave: one rise of the coil
        5.0
    """

    _kind = "argmax_distance"

    @_names.renamed(**_COIL)
    def __init__(
        self,
        circular: bool = False,
        coil_radius: float = 10.0,
        coil_rise: float = 5.0,
        coil_degrees: float = 30.0,
        **arguments: Any,
    ) -> None:
        super().__init__(circular, coil_radius, coil_rise, bce=0.0, **arguments)
        make_options(coil_degrees=coil_degrees)  # checks its type
        self._set(dataclasses.replace(self.options, coil_degrees=coil_degrees))

    @_names.renamed(weight="sample_weight")
    def forward(self, input: Tensor, target: Tensor, sample_weight: Optional[Tensor] = None) -> Tensor:
        """The distance. It has no gradient.

        Shape:
            As `functional.spiral_loss`.
        """
        return super().forward(input.detach(), target, sample_weight)
