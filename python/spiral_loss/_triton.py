# SPDX-License-Identifier: MIT
"""The Triton kernels as a PyTorch function: float32, float16 and bfloat16 tensors on NVIDIA GPUs.

One launch computes value and gradient. Backward multiplies the gradient by the upstream gradient. For a large tensor
a kernel reads the upstream gradient first, on the device; if it is 1, as in `loss.backward()`, the kernel returns. No
call synchronizes with the device. A CUDA graph can record forward and backward after a first call has compiled the
kernel and made its tables.

Eager calls go through `_Eager`, which takes tensors of any strides. torch.compile, torch.export, torch.func, dispatch
modes and tensor subclasses need an operator: `spiral_loss::value_grad_triton`, on tensors (G, B, T, P), as in `_op`.
Read next: `_triton_launch`.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

from . import _op
from ._plan import Options
from ._triton_launch import Call, fold, loadable, scale_in_place, unsupported

__all__ = ["eager", "plain", "unsupported", "value"]

_LARGE = 1 << 21  # cells; a smaller gradient is always multiplied, which costs the host less
_PLAIN = (torch.Tensor, torch.nn.Parameter)
_keeps_graph: Callable[[], bool] = getattr(
    torch._C._autograd, "_get_current_graph_task_keep_graph", lambda: True
)  # fmt: skip


class _Arrangement:
    """An eager call for tensors of given shapes, strides and types: which of them are copied first, and the `Call`."""

    def __init__(
        self, options: Options, input: Tensor, target: Tensor, sample_weight: Optional[Tensor], pitch: int, time: int,
        need_grad: bool,
    ) -> None:  # fmt: skip
        shape = input.shape
        self.dims, self.pitch, self.time = shape, pitch, time
        given = [input, target] if sample_weight is None else [input, target, sample_weight]
        arranged = [loadable(x).expand(shape) for x in given]
        strides = [fold(shape, x.stride(), pitch, time) for x in arranged]
        self.as_is = [s is not None and loadable(x) is x for x, s in zip(given, strides)]
        self.moved = [s is None for s in strides]
        turned = (0, shape[time] * shape[pitch], shape[pitch], 1)  # strides of a copy in the order (..., T, P)
        all_strides = [turned if s is None else s for s in strides]
        of_sample_weight = None if sample_weight is None else all_strides[2]
        of_grad = None
        self.grad_moved = False
        if need_grad:
            grad = torch.empty_like(input, dtype=torch.float32)
            of_grad = fold(shape, grad.stride(), pitch, time)
            self.grad_moved = of_grad is None
            of_grad = of_grad or turned
        leading = [n for dim, n in enumerate(shape) if dim not in (pitch, time)]
        self.turned_shape = (*leading, shape[time], shape[pitch])
        self.value_shape = self.turned_shape[:-1] if options.reduction == "none" else ()
        self.value_time = time - (pitch < time)
        types = [x.dtype for x in arranged]
        self.call = Call(
            options,
            input.device,
            (1, input.numel() // (shape[time] * shape[pitch]), shape[time], shape[pitch]),
            (types[0], types[1], None if sample_weight is None else types[2]),
            (all_strides[0], all_strides[1], of_sample_weight, of_grad),
        )

    def arrange(self, i: int, x: Tensor) -> Tensor:
        """Input (0), target (1) or sample_weight (2) in a type and layout that the kernel reads."""
        if self.as_is[i]:
            return x
        x = loadable(x)
        if not self.moved[i]:
            return x
        return x.expand(self.dims).movedim((self.time, self.pitch), (-2, -1)).contiguous()

    def empty_gradient(self, input: Tensor) -> Tensor:
        """A float32 tensor of the input's shape, with its strides where the kernel can write them."""
        if self.grad_moved:
            grad = input.new_empty(self.turned_shape, dtype=torch.float32)
            return grad.movedim((-2, -1), (self.time, self.pitch))
        return torch.empty_like(input, dtype=torch.float32)


_arrangements: Dict[Any, _Arrangement] = {}


def _arrangement(
    options: Options,
    input: Tensor,
    target: Tensor,
    sample_weight: Optional[Tensor],
    pitch: int,
    time: int,
    need_grad: bool,
) -> _Arrangement:
    of_sample_weight = (
        None if sample_weight is None else (sample_weight.shape, sample_weight.stride(), sample_weight.dtype)
    )
    key = (
        options, input.shape, input.stride(), input.dtype, input.device, target.stride(), target.dtype,
        of_sample_weight, pitch, time, need_grad,
    )  # fmt: skip
    found = _arrangements.get(key)
    if found is None:
        if len(_arrangements) >= 4096:
            _arrangements.clear()
        found = _arrangements[key] = _Arrangement(options, input, target, sample_weight, pitch, time, need_grad)
    return found


class _Refused(torch.autograd.Function):
    """The identity, whose derivative raises: the kernels have no second derivatives."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor) -> Tensor:
        return grad.view_as(grad)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Tensor:
        raise RuntimeError(_op._SECOND)


class _Eager(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, input: Tensor, target: Tensor, sample_weight: Optional[Tensor], options: Options, pitch: int,
        time: int, need_grad: bool,
    ) -> Tensor:  # fmt: skip
        ctx.set_materialize_grads(False)
        a = _arrangement(options, input, target, sample_weight, pitch, time, need_grad)
        value = torch.empty(a.value_shape, dtype=torch.float32, device=input.device)
        grad = a.empty_gradient(input) if need_grad else None
        factor = a.call(
            a.arrange(0, input),
            a.arrange(1, target),
            None if sample_weight is None else a.arrange(2, sample_weight),
            grad,
            value,
        )
        if need_grad:
            ctx.pitch, ctx.dtype = pitch, input.dtype
            ctx.save_for_backward(grad, factor)
        return value.movedim(-1, a.value_time) if a.value_shape else value

    @staticmethod
    def backward(ctx: Any, *upstream: Optional[Tensor]) -> Tuple[Optional[Tensor], ...]:
        by = upstream[0]
        if by is None:
            return (None,) * 7
        grad, factor = ctx.saved_tensors
        return _multiplied(grad, by if factor is None else by * factor, ctx), None, None, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise NotImplementedError(_op._FORWARD)


def _multiplied(grad: Tensor, by: Tensor, ctx: Any) -> Tensor:
    """The gradient times a scalar, or times a number per frame, in the input's type."""
    if by.dim():
        by = by.unsqueeze(ctx.pitch)
    if torch.is_grad_enabled():  # create_graph
        final: Tensor = _Refused.apply(grad.detach().requires_grad_())  # type: ignore[no-untyped-call]
        return (final * by).to(ctx.dtype)
    if ctx.dtype != torch.float32:
        return torch.mul(grad, by, out=torch.empty_like(grad, dtype=ctx.dtype))
    if _keeps_graph():  # backward may be called again
        return grad * by
    if by.dim() or grad.numel() < _LARGE or not grad.is_cuda:
        return grad.mul_(by)
    scale_in_place(grad, by)
    return grad


def plain(*tensors: Optional[Tensor]) -> bool:
    """Whether a call may pass the memory of these tensors to the kernel directly: no subclass, no lazy negation, and no
    torch.compile, torch.func transform or dispatch mode is active."""
    if _op._compiling() or torch._C._are_functorch_transforms_active() or _get_current_dispatch_mode() is not None:
        return False
    return all(x is None or (type(x) in _PLAIN and not x.is_neg()) for x in tensors)


def eager(
    options: Options, input: Tensor, target: Tensor, sample_weight: Optional[Tensor], pitch: int, time: int
) -> Tensor:  # fmt: skip
    """The loss as `functional.apply` returns it; the arguments are checked, and `plain`."""
    need_grad = input.requires_grad and torch.is_grad_enabled()
    result: Tensor = _Eager.apply(input, target, sample_weight, options, pitch, time, need_grad)  # type: ignore[no-untyped-call]
    return result


# Compiled and transformed calls.


def _value_grad(
    pred: Tensor,
    target: Tensor,
    sample_weight: Optional[Tensor],
    kind: str,
    reduction: str,
    from_logits: bool,
    low: int,
    blur_radius: int,
    numbers: List[float],
    need_grad: bool,
) -> Tuple[Tensor, Tensor]:
    options = _op._unpack(kind, reduction, from_logits, low, blur_radius, list(numbers))
    target, sample_weight = loadable(target), None if sample_weight is None else loadable(sample_weight)
    grad = torch.empty_like(pred) if need_grad else None
    groups, rolls, frames, keys = pred.shape
    strides: Any = [None if x is None else x.stride() for x in (pred, target, sample_weight, grad)]
    types = (pred.dtype, target.dtype, None if sample_weight is None else sample_weight.dtype)
    call = Call(options, pred.device, (groups, rolls, frames, keys), types, strides)
    value = pred.new_empty((groups, rolls, frames) if reduction == "none" else (groups,))
    factor = call(pred, target, sample_weight, grad, value)
    if grad is not None and factor is not None:
        grad.mul_(factor.reshape(-1, 1, 1, 1))
    return value, pred.new_empty(0) if grad is None else grad


_call: Callable[..., Tuple[Tensor, Tensor]] = _value_grad
if _op.HAS_CUSTOM_OP:
    _operator = torch.library.custom_op(
        "spiral_loss::value_grad_triton", _value_grad, mutates_args=(), device_types=("cpu", "cuda"), schema=_op._SCHEMA
    )

    @_operator.register_fake
    def _(pred: Tensor, target: Tensor, sample_weight: Optional[Tensor], kind: str, reduction: str, *rest: Any) -> Any:
        shape = pred.shape[:3] if reduction == "none" else pred.shape[:1]
        return pred.new_empty(shape), torch.empty_like(pred) if rest[-1] else pred.new_empty(0)

    _operator.register_autograd(_op._backward, setup_context=_op._save)
    if hasattr(_operator, "register_vmap"):
        _operator.register_vmap(_op._vmap(_operator))
    _call = _operator


class _Transformed(_op._ValueGrad):
    @staticmethod
    def forward(*args: Any) -> Tuple[Tensor, Tensor]:
        return _call(*args)

    @staticmethod
    def vmap(info: Any, in_dims: Tuple[Any, ...], *args: Any) -> Any:
        return _op._vmap(_apply)(info, in_dims, *args)


_apply: Callable[..., Tuple[Tensor, Tensor]] = _Transformed.apply


def value(options: Options, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor]) -> Tensor:
    """Values (G,), or (G, B, T) with reduction "none", of float32 tensors (G, B, T, P)."""
    need_grad = pred.requires_grad and torch.is_grad_enabled()
    call = _operator if _op._compiling() else _apply
    result: Tensor = call(pred, target, sample_weight, *_op._pack(options), need_grad)[0]
    return result
