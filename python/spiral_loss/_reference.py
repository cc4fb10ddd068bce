# SPDX-License-Identifier: MIT
"""The losses in plain PyTorch: for devices without C kernels, and for derivatives of any order.

docs/math.md again, equation by equation, on tensors (G, B, T, P): G groups that are reduced apart. Slower than the
kernels; tests compare the two: 1e-10 in float64, the bound of equation 32 in float32. Cells are checked by `_cells`.
Read next: `_op`, the kernels.
"""

from __future__ import annotations

import contextlib
import functools
import math
import operator
from typing import Any, Callable, Optional, Tuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ._plan import Options
from ._tables import on_device

__all__ = ["loss"]

F_ = TypeVar("F_", bound=Callable[..., Any])
EPSILON = 2.0**-24  # no logarithm of a probability below this (9)
LEAST_FACTOR = 0.05  # (19)


Table = Tuple[float, ...]  # by interval or by number of frames, from 0 on
Geometry = Tuple[Tuple[float, ...], float]  # radii, octave


def _constant(f: F_) -> F_:
    """A table of numbers: made once, and a constant to torch.compile."""
    cached = functools.lru_cache(maxsize=256)(f)

    @functools.wraps(f)
    def table(*args: Any) -> Any:
        return cached(*args)

    # What torch.compiler.assume_constant_result sets, which would import the compiler here and now. A torch that
    # does not know it traces the arithmetic, to the same numbers.
    table._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return table  # type: ignore[return-value]


def _distances(geometry: Geometry, count: int) -> Table:  # (2)
    radii, octave = geometry
    chords = [
        [2 * r * math.sin(math.pi / 12 * (m * d % 12)) for m, r in enumerate(radii, 1)] + [octave * d / 12]
        for d in range(count)
    ]
    return tuple(math.hypot(*c) for c in chords)


@_constant
def _profile(geometry: Geometry, blur: float, reach: int) -> Table:  # (10)
    shape = [math.exp(-d / blur) for d in _distances(geometry, reach + 1)]
    return tuple(s / (2 * sum(shape) - shape[0]) for s in shape)


@_constant
def _time_profile(kind: str, tau: float, frames: int) -> Table:  # (25), (28)
    if tau == 0:
        return tuple(float(k == 0) for k in range(frames))
    gain = math.tanh(0.5 / tau) if kind == "spiral" else 1.0
    return tuple(gain * math.exp(-k / tau) for k in range(frames))


def _phi(u: float, b: float) -> float:
    """(u + b) log((u + b) / b) - u, without cancellation."""
    x = -u / (u + b)
    if abs(x) > 2.0**-4:
        return (u + b) * (x - math.log1p(x))
    return (u + b) * sum((-x) ** n / n for n in range(2, 17))


@_constant
def _unit(profile: Table, time_profile: Table, kl_offset: float) -> float:  # (13), (27); both sides of both tables
    return sum(
        (2 - (k == 0)) * (2 - (j == 0)) * _phi(s * t, kl_offset)
        for k, s in enumerate(profile)
        for j, t in enumerate(time_profile)
    )


@_constant
def _kernel(geometry: Geometry, kind: str, sigma: float, keys: int) -> Table:  # (17), (18)
    if kind == "energy":
        return tuple(2 * math.exp(-d / 2) for d in _distances(geometry, keys))
    return tuple(2 * math.exp(-((d / sigma) ** 2) / 2) for d in _distances(geometry, keys))


@_constant
def _nearness(geometry: Geometry, keys: int) -> Table:  # 1 - min(D/D0, 1), (20)
    farthest = max(_distances(geometry, 12))
    return tuple(1 - min(d / farthest, 1) for d in _distances(geometry, keys))


@_constant
def channel_profile(geometry: Geometry, blur: float, reach: int) -> Table:  # (33)
    distances = _distances(geometry, reach + 1)
    nearest = min(distances[1:])
    shape = [0.0] + [math.exp(-min((d - nearest) / blur, 60.0)) for d in distances[1:]]
    return tuple(s / (2 * sum(shape)) for s in shape)


def _by_interval(costs: Tensor, rows: int, columns: int, shift: int) -> Tensor:
    """The matrix (rows, columns) of costs[|column - row - shift|]; costs end with a 0, which is all that follows."""
    at = torch.arange(columns, device=costs.device) - torch.arange(rows, device=costs.device)[:, None] - shift
    return costs[at.abs().clamp(max=costs.shape[0] - 1)]


def _vector(costs: Table, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor((*costs, 0.0), dtype=dtype, device=device)


@on_device
def blur_matrix(
    dtype: torch.dtype, device: torch.device, geometry: Geometry, blur: float, reach: int, keys: int, bins: int
) -> Tensor:  # (10)
    """(keys, bins), of which the first keys + 2 reach hold something."""
    return _by_interval(_vector(_profile(geometry, blur, reach), dtype, device), keys, bins, reach)


@on_device
def kernel_matrix(
    dtype: torch.dtype, device: torch.device, geometry: Geometry, kind: str, sigma: float, keys: int
) -> Tensor:  # (17), (18)
    return _by_interval(_vector(_kernel(geometry, kind, sigma, keys), dtype, device), keys, keys, 0)


@on_device
def channel_matrix(
    dtype: torch.dtype, device: torch.device, geometry: Geometry, blur: float, reach: int, keys: int
) -> Tensor:  # (34)
    """A transposed, (keys, keys): row p says to which keys of the labels note p may move; rows sum to 1."""
    profile = _vector(channel_profile(geometry, blur, reach), torch.float64, device)
    moved = _by_interval(profile, keys, keys, 0)
    return (moved / moved.sum(1, keepdim=True).clamp(min=1e-300)).to(dtype)


@on_device
def _time_vector(dtype: torch.dtype, device: torch.device, kind: str, tau: float, frames: int) -> Tensor:
    return _vector(_time_profile(kind, tau, frames), dtype, device)


def _sizes(x: Tensor) -> tuple[int, int]:
    """T and P, from which tables are made: plain numbers also in a compiled call."""
    return operator.index(x.shape[-2]), operator.index(x.shape[-1])


def _at_least(value: Tensor, least: float) -> Tensor:
    """max(value, least) with the slope of value everywhere (9)."""
    return value + (value.clamp(min=least) - value).detach()


def _cross_entropy(o: Options, z: Tensor, t: Tensor, present: float, absent: Tensor | float) -> Tensor:  # (8), (9)
    if o.from_logits:
        off = F.softplus(z, threshold=1e9) if z.dtype == torch.float64 else F.softplus(z, threshold=60)
        on = off - z
    else:
        on, off = -torch.log(_at_least(z, EPSILON)), -torch.log(_at_least(1 - z, EPSILON))
    return present * t * on + absent * (1 - t) * off


def _spiral(o: Options, y: Tensor, t: Tensor) -> Tensor:  # (11) to (14), (24) to (27)
    T, P = _sizes(y)
    W = o.blur_radius
    M = math.ceil(8 * o.time_blur)  # (26)
    profile = _profile((o.radii, o.octave), o.blur_length, W)
    unit = _unit(profile, _time_profile(o.kind, o.time_blur, M + 1), o.kl_offset)
    along_pitch = blur_matrix(y.dtype, y.device, (o.radii, o.octave), o.blur_length, W, P, P + 2 * W)
    blurred = [x @ along_pitch for x in (y, t)]
    if M:
        along_time = _by_interval(_time_vector(y.dtype, y.device, o.kind, o.time_blur, T + M), T + 2 * M, T, -M)
        blurred = [along_time @ x for x in blurred]
    v, u = blurred
    x = (v - u) / (u + o.kl_offset)
    frames = ((u + o.kl_offset) * (x - torch.log1p(x))).sum(-1) / unit
    if not M:
        return frames
    inner = frames[..., M : M + T]
    t_index = torch.arange(T, device=y.device)
    first, last = (t_index == 0).to(y.dtype), (t_index == T - 1).to(y.dtype)
    return inner + frames[..., :M].sum(-1, keepdim=True) * first + frames[..., M + T :].sum(-1, keepdim=True) * last


def _quadratic(o: Options, y: Tensor, t: Tensor) -> Tensor:  # (15), (28)
    T, P = _sizes(y)
    d = y - t
    product = d @ kernel_matrix(y.dtype, y.device, (o.radii, o.octave), o.kind, o.sigma, P)
    if o.time_blur > 0:
        product = _by_interval(_time_vector(y.dtype, y.device, o.kind, o.time_blur, T), T, T, 0) @ product
    return 0.5 * (d * product).sum(-1)


def channel_cost(o: Options, z: Tensor, t: Tensor, w: Optional[Tensor], kept: Tensor, moved: Tensor) -> Tensor:
    """(35) to (37), values of frames: kept (), is 1 - eta, moved (P, P) eta times A transposed."""
    y = torch.sigmoid(z) if o.from_logits else z
    absent = torch.sigmoid(-z) if o.from_logits else 1 - z
    share = 1 - kept
    arriving = torch.minimum((y if w is None else y * w.clamp(max=1)) @ moved, share)  # (36)
    v, not_v = kept * y + arriving, kept * absent + (share - arriving)
    if not o.from_logits:
        cost = -(t * torch.log(_at_least(v, EPSILON)) + (1 - t) * torch.log(_at_least(not_v, EPSILON)))
    else:
        # The logarithm of the smaller probability; beyond the reach of exp, the logit itself continues it.
        tiny, reach = (1e-300, 690.0) if z.dtype == torch.float64 else (1e-30, 69.0)
        on, gone = v.clamp(min=tiny), not_v.clamp(min=tiny)
        rare = on < gone
        ratio = torch.where(rare, on, gone) / torch.where(rare, gone, on)
        own = torch.where(z < 0, kept * y >= arriving, kept * absent >= share - arriving)
        surprise = torch.where((z.abs() > reach) & own, z.abs() - torch.log(kept), -torch.log(ratio))
        cost = torch.log1p(ratio) + torch.where(rare, t, 1 - t) * surprise
    return (cost if w is None else w * cost).sum(-1)


def _channel(o: Options, z: Tensor, t: Tensor, w: Optional[Tensor]) -> Tensor:
    _, P = _sizes(z)
    eta = o.eta if P > 1 else 0.0
    matrix = channel_matrix(z.dtype, z.device, (o.radii, o.octave), o.blur_length, o.blur_radius, P)
    return channel_cost(o, z, t, w, torch.full((), 1 - eta, dtype=z.dtype, device=z.device), eta * matrix)


def _absent_factors(o: Options, t: Tensor, w: Optional[Tensor]) -> Tensor:  # (20)
    _, P = _sizes(t)
    sounding = t if w is None else t * w.clamp(max=1)
    most = torch.zeros_like(t)
    for interval, near in enumerate(_nearness((o.radii, o.octave), P)):
        if near > 0:
            up = F.pad(sounding[..., : P - interval], (interval, 0))
            down = F.pad(sounding[..., interval:], (0, interval))
            most = torch.maximum(most, near * torch.maximum(up, down))
    return LEAST_FACTOR + 1 - most


def _loudest(x: Tensor, w: Optional[Tensor]) -> tuple[Tensor, Tensor]:
    """The first loudest key of each frame among those with a weight above 0, and whether there is one."""
    if w is None:
        return x.argmax(-1), torch.ones(x.shape[:-1], dtype=torch.bool, device=x.device)
    return x.masked_fill(~(w > 0), -math.inf).argmax(-1), (w > 0).any(-1)


def _circular(steps: Tensor) -> Tensor:
    return torch.minimum(steps % 12, 12 - steps % 12)


def _argmax_distance(o: Options, z: Tensor, t: Tensor, w: Optional[Tensor]) -> Tensor:  # (22), (23)
    (p, there), (q, _) = _loudest(t, w), _loudest(z, w)
    p, q = p + o.low, q + o.low
    steps = (p % 12 - q % 12).abs()
    steps = _circular(steps) if o.kind.endswith("circular") else steps
    turn, rise = o.coil_radius * o.coil_degrees * steps, o.coil_rise * (p // 12 - q // 12)
    return torch.sqrt((turn * turn + rise * rise).to(z.dtype)) * there


def _distance_mask(o: Options, y: Tensor, t: Tensor, w: Optional[Tensor]) -> Tensor:  # (21), (23)
    m, there = _loudest(t, w)
    interval = (torch.arange(y.shape[-1], device=y.device) - m[..., None]).abs()
    steps = _circular(interval) if o.kind.endswith("circular") else interval % 12
    mask = o.coil_radius * steps + o.coil_rise * (interval // 12)
    return (mask.to(y.dtype) * y).sum(-1) * there


Channel = Callable[[Options, Tensor, Tensor, Optional[Tensor]], Tensor]  # values of frames, as `_channel`


def _frames(o: Options, z: Tensor, t: Tensor, w: Optional[Tensor], channel: Channel) -> Tensor:
    """The values of frames, (G, B, T)."""
    value = torch.zeros(z.shape[:-1], dtype=z.dtype, device=z.device)

    def weighted(x: Tensor) -> Tensor:
        return x if w is None else w * x

    if o.bce > 0:
        value = value + o.bce * weighted(_cross_entropy(o, z, t, 1.0, 1.0)).sum(-1)
    if o.lambd == 0 or o.kind == "bce":
        return value
    if o.kind == "weighted_bce":
        return value + o.lambd * weighted(_cross_entropy(o, z, t, 1.0, _absent_factors(o, t, w))).sum(-1)
    if o.kind == "channel":
        return value + o.lambd * channel(o, z, t, w)
    if o.kind.startswith("argmax_distance"):
        return value + o.lambd * _argmax_distance(o, z, t, w)
    y = weighted(torch.sigmoid(z) if o.from_logits else z)
    if o.kind.startswith("distance_mask"):
        return value + o.lambd * _distance_mask(o, y, t, w)
    geometric = _spiral if o.kind == "spiral" else _quadratic
    return value + o.lambd * geometric(o, y, weighted(t))


def _reduce(o: Options, frames: Tensor, t: Tensor, w: Optional[Tensor]) -> Tensor:  # (29)
    if o.reduction == "none":
        return frames
    total = frames.sum((-2, -1))
    if o.reduction == "per_note":
        return total / (t if w is None else w * t).sum((-3, -2, -1)).clamp(min=1)
    if o.reduction == "mean" and w is not None:
        return total / (w > 0).any(-1).sum((-2, -1)).clamp(min=1)
    return total / (frames.shape[-2] * frames.shape[-1]) if o.reduction == "mean" else total


def extra_of_positives(
    options: Options, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor], pos_weight: Tensor
) -> Tensor:
    """What pos_weight, which broadcasts to (G, B, T, P), adds to a loss: as `loss`."""
    factor = options.bce + (options.lambd if options.kind == "weighted_bce" else 0.0)
    cost = factor * _cross_entropy(options, pred, (pos_weight - 1) * target, 1.0, 0.0)
    frames = (cost if sample_weight is None else sample_weight * cost).sum(-1)
    return _reduce(options, frames, target, sample_weight)


def loss(
    options: Options, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor], channel: Channel = _channel
) -> Tensor:
    """Values (G,), or (G, B, T) with reduction "none", of tensors (G, B, T, P) of one floating type."""
    where = pred.device.type
    # Products of single precision stay single precision; a device without autocast has nothing to switch off.
    with contextlib.nullcontext() if where == "meta" else torch.autocast(where, enabled=False):
        return _reduce(options, _frames(options, pred, target, sample_weight, channel), target, sample_weight)
