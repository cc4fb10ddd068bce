# SPDX-License-Identifier: MIT
"""The rules for cells, on tensors (G, B, T, P): which values are allowed, and what is done about others.

The C kernels check the cells they read. These functions give the same errors for the other implementations. A cell
whose sample weight is 0 is never examined: it may hold anything.
"""

from __future__ import annotations

import math
from typing import Any, Optional

import torch
from torch import Tensor

from .errors import NotAFiniteNumber

__all__ = ["left_out", "mark", "refuse", "refuse_in_graph"]

MAX_LOGIT, MAX_WEIGHT = 1e20, 1e6


def _limits(from_logits: bool) -> tuple[str, float, float]:
    return ("logit", -MAX_LOGIT, MAX_LOGIT) if from_logits else ("probability", 0.0, 1.0)


def _bad(from_logits: bool, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor]) -> Tensor:
    """Whether a cell is out of range, (G, B, T, P)."""
    _, low, high = _limits(from_logits)
    good = (pred >= low) & (pred <= high) & (target >= 0) & (target <= 1)
    if sample_weight is not None:
        good = (good | (sample_weight == 0)) & (sample_weight >= 0) & (sample_weight <= MAX_WEIGHT)
    return ~good


def left_out(x: Tensor, sample_weight: Optional[Tensor]) -> Tensor:
    """x with 0 in the cells of weight 0, so that NaN there does not spread: 0 times NaN is NaN."""
    return x if sample_weight is None else torch.where(sample_weight == 0, torch.zeros_like(x), x)


def refuse(from_logits: bool, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor]) -> None:
    """Raises NotAFiniteNumber for the first cell that is out of range. Waits for the device."""
    bad = _bad(from_logits, pred, target, sample_weight)
    if not bool(bad.any()):
        return
    group, b, t, p = torch.nonzero(bad)[0].tolist()
    at = (group, b, t, p)
    arrays = [
        (pred, *_limits(from_logits)),
        (target, "target", 0.0, 1.0),
        (sample_weight, "sample_weight", 0.0, MAX_WEIGHT),
    ]
    for array, name, low, high in arrays:
        value = 0.0 if array is None else float(array[at])
        rounded = torch.tensor([low, high], dtype=pred.dtype).tolist()  # 1e20 is not a float32
        if array is not None and not rounded[0] <= value <= rounded[1]:
            number = "" if math.isfinite(value) else "a number from "
            raise NotAFiniteNumber(f"{name} at (b {b}, t {t}, p {p}) is {value:g}: must be {number}{low:g} to {high:g}")


def mark(
    from_logits: bool, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor]
) -> tuple[Tensor, Tensor, Optional[Tensor], Tensor]:
    """The tensors with 0 in the cells that are out of range, and (G, B, T): 1, or NaN in a frame with such a cell.

    Multiplied by it, the loss and its gradient are NaN. Does not wait for the device.
    """
    bad = _bad(from_logits, pred.detach(), target, sample_weight)
    factor = torch.ones_like(bad[..., 0], dtype=pred.dtype).masked_fill(bad.any(-1), math.nan)
    given = (pred, target, sample_weight)
    y, t, w = (None if x is None else torch.where(bad, torch.zeros_like(x), x) for x in given)
    assert y is not None
    assert t is not None
    return y, t, w, factor


# The check as an operator, for torch.compile and torch.func. Its result, zeros, is added to the loss; otherwise a
# compiler would remove it.


def _refused(pred: Tensor, target: Tensor, sample_weight: Optional[Tensor], from_logits: bool) -> Tensor:
    refuse(from_logits, pred, target, sample_weight)
    return pred.new_zeros(pred.shape[:1])


def _operator() -> Any:
    if not hasattr(torch.library, "custom_op"):
        return None
    schema = "(Tensor pred, Tensor target, Tensor? sample_weight, bool from_logits) -> Tensor"
    op = torch.library.custom_op("spiral_loss::refuse", _refused, mutates_args=(), schema=schema)
    op.register_fake(lambda pred, target, sample_weight, from_logits: pred.new_empty(pred.shape[:1]))

    def batched(info: Any, in_dims: Any, *args: Any) -> Any:
        from ._op import _fold

        folded = [_fold(x, d, info.batch_size) for x, d in zip(args[:3], in_dims[:3])]
        return op(*folded, args[3]).reshape(info.batch_size, -1), 0

    if hasattr(op, "register_vmap"):
        op.register_vmap(batched)
    return op


_op = _operator()


def refuse_in_graph(from_logits: bool, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor]) -> Tensor:
    """`refuse` for a call that is compiled or transformed: zeros (G,) to add to the loss."""
    if _op is None:
        return pred.new_zeros(pred.shape[:1])
    zeros: Tensor = _op(pred.detach(), target, sample_weight, from_logits)
    return zeros
