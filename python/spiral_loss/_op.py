# SPDX-License-Identifier: MIT
"""The C kernels as a PyTorch operator on CPU tensors: value and gradient in one call.

`spiral_loss::value_grad` takes (G, B, T, P) tensors, G groups that are reduced apart (vmap adds to G), and gives the
values and, if asked, the gradient of each group's sum: backward only multiplies. torch.compile and torch.export see
the operator; torch.func wants an autograd.Function, so eager calls go through one. Where torch.library.custom_op is
missing, that Function alone is used. Read next: `functional`.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

import torch
from torch import Tensor

from ._plan import Array, Options, plan_of_threads

__all__ = ["HAS_CUSTOM_OP", "value"]

HAS_CUSTOM_OP = hasattr(torch.library, "custom_op")
# What a graph can hold of the options: texts, whole numbers, and these numbers in a list.
_NUMBERS = (
    "lambd", "bce", "octave", "kl_offset", "blur_length", "sigma", "time_blur",
    "coil_radius", "coil_rise", "coil_degrees", "eta",
)  # fmt: skip
_SECOND = (
    "spiral_loss: the kernels give first derivatives only; for a second one (create_graph, hessian) call the loss "
    'with backend="torch"'
)
_FORWARD = (
    "spiral_loss: the kernels have no forward-mode derivatives (jvp, hessian, jacfwd): call the loss with "
    'backend="torch"'
)
_Packed = Tuple[str, str, bool, int, int, "list[float]"]


def _pack(o: Options) -> _Packed:
    return (
        o.kind,
        o.reduction,
        o.from_logits,
        o.low,
        o.blur_radius,
        [getattr(o, n) for n in _NUMBERS] + list(o.radii),
    )


def _unpack(kind: str, reduction: str, from_logits: bool, low: int, blur_radius: int, numbers: list[float]) -> Options:
    named = dict(zip(_NUMBERS, numbers))
    radii = tuple(numbers[len(_NUMBERS) :])
    return Options(
        kind=kind, reduction=reduction, from_logits=from_logits, low=low, blur_radius=blur_radius, radii=radii, **named
    )


def _array(t: Tensor, group: int) -> Array:
    return Array(t.data_ptr() + group * t.stride(0) * t.element_size(), t.stride()[1:])


def _value_grad(
    pred: Tensor,
    target: Tensor,
    sample_weight: Optional[Tensor],
    kind: str,
    reduction: str,
    from_logits: bool,
    low: int,
    blur_radius: int,
    numbers: list[float],
    need_grad: bool,
) -> Tuple[Tensor, Tensor]:
    groups, rolls, frames, keys = pred.shape
    options = _unpack(kind, reduction, from_logits, low, blur_radius, list(numbers))
    loss = plan_of_threads(options, keys, torch.get_num_threads())
    grad = torch.empty_like(pred) if need_grad else pred.new_empty(0)

    values = [
        loss.value_grad(
            "f32" if pred.dtype == torch.float32 else "f64", rolls, frames, _array(pred, g), _array(target, g),
            None if sample_weight is None else _array(sample_weight, g), _array(grad, g) if need_grad else None,
        )
        for g in range(groups)
    ]  # fmt: skip
    shape = (groups, rolls, frames) if reduction == "none" else (groups,)
    return torch.tensor(values, dtype=pred.dtype).reshape(shape), grad


def _save(ctx: Any, inputs: Tuple[Any, ...], output: Tuple[Tensor, Tensor]) -> None:
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[1])


def _backward(ctx: Any, upstream: Optional[Tensor], second: Optional[Tensor]) -> Tuple[Optional[Tensor], ...]:
    if second is not None:
        raise RuntimeError(_SECOND)
    (grad,) = ctx.saved_tensors
    if upstream is not None:
        grad = grad * upstream.reshape(upstream.shape + (1,) * (grad.dim() - upstream.dim()))
    return (None if upstream is None else grad, *(None,) * 9)


def _fold(x: Optional[Tensor], dim: Optional[int], batch: int) -> Optional[Tensor]:
    """(G, ...) with a batch dimension somewhere, or without one, as (batch G, ...)."""
    if x is None:
        return None
    x = x.expand(batch, *x.shape) if dim is None else x.movedim(dim, 0)
    return x.flatten(0, 1)


def _vmap(call: Callable[..., Tuple[Tensor, Tensor]]) -> Callable[..., Any]:
    """The rule of a batched call: the batch joins the groups."""

    def rule(info: Any, in_dims: Tuple[Any, ...], *args: Any) -> Any:
        batch = info.batch_size
        pred, target, sample_weight = (_fold(x, d, batch) for x, d in zip(args[:3], in_dims[:3]))
        assert pred is not None
        need = args[9] or pred.requires_grad  # in grad(vmap(f)) only this level knows
        value, grad = call(pred, target, sample_weight, *args[3:9], need)
        value = value.reshape(batch, -1, *value.shape[1:])
        return (value, grad.reshape(batch, -1, *grad.shape[1:]) if need else grad), (0, 0 if need else None)

    return rule


_call: Callable[..., Tuple[Tensor, Tensor]] = _value_grad
if HAS_CUSTOM_OP:
    _SCHEMA = (
        "(Tensor pred, Tensor target, Tensor? sample_weight, str kind, str reduction, bool from_logits, int low, "
        "int blur_radius, float[] numbers, bool need_grad) -> (Tensor, Tensor)"
    )
    _op = torch.library.custom_op(
        "spiral_loss::value_grad", _value_grad, mutates_args=(), device_types="cpu", schema=_SCHEMA
    )

    @_op.register_fake
    def _(pred: Tensor, target: Tensor, sample_weight: Optional[Tensor], kind: str, reduction: str, *rest: Any) -> Any:
        shape = pred.shape[:3] if reduction == "none" else pred.shape[:1]
        return pred.new_empty(shape), torch.empty_like(pred) if rest[-1] else pred.new_empty(0)

    _op.register_autograd(_backward, setup_context=_save)
    if hasattr(_op, "register_vmap"):
        _op.register_vmap(_vmap(_op))
    _call = _op


class _ValueGrad(torch.autograd.Function):
    @staticmethod
    def forward(*args: Any) -> Tuple[Tensor, Tensor]:
        return _call(*args)

    @staticmethod
    def setup_context(ctx: Any, inputs: Tuple[Any, ...], output: Tuple[Tensor, Tensor]) -> None:
        _save(ctx, inputs, output)

    @staticmethod
    def backward(ctx: Any, *upstream: Optional[Tensor]) -> Tuple[Optional[Tensor], ...]:
        return _backward(ctx, upstream[0], upstream[1])

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise NotImplementedError(_FORWARD)

    @staticmethod
    def vmap(info: Any, in_dims: Tuple[Any, ...], *args: Any) -> Any:
        return _vmap(_apply)(info, in_dims, *args)


_apply: Callable[..., Tuple[Tensor, Tensor]] = _ValueGrad.apply


def _compiling() -> bool:
    return HAS_CUSTOM_OP and torch.compiler.is_compiling()


def value(options: Options, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor]) -> Tensor:
    """Values (G,), or (G, B, T) with reduction "none", of CPU tensors (G, B, T, P), float32 or float64."""
    need_grad = pred.requires_grad and torch.is_grad_enabled()
    call: Callable[..., Tuple[Tensor, Tensor]] = _op if _compiling() else _apply
    result, _ = call(pred, target, sample_weight, *_pack(options), need_grad)
    return result
