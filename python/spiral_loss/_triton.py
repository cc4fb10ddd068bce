# SPDX-License-Identifier: MIT
"""The Triton kernels as a PyTorch function: float32, float16 and bfloat16 tensors on NVIDIA GPUs.

One launch computes value and gradient. Backward multiplies the gradient by the upstream gradient in one more, which
returns at once if that is 1, as in `loss.backward()`; the host cannot know it without waiting for the device. No call
synchronizes with the device. A CUDA graph can record forward and backward after a first call has compiled the kernel
and made its tables. Backward changes the stored gradient where it cannot be read again: a graph of a backward alone
is to be replayed once for each replay of its forward.

Eager calls go through `_Eager`, which takes tensors of any strides; the second call for tensors of the same shapes,
strides and types is found in a dictionary (`repeated`). torch.compile, torch.export, torch.func, dispatch modes and
tensor subclasses need an operator: `spiral_loss::value_grad_triton`, on tensors (G, B, T, P), as in `_op`.
Read next: `_triton_launch`.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from torch import Tensor

from . import _op
from ._plan import Options
from ._triton_launch import Call, Scale, fold, loadable, unsupported

__all__ = ["eager", "plain", "repeated", "unsupported", "value"]

_PLAIN = (torch.Tensor, torch.nn.Parameter)
_STRIDED = torch.strided
_MOST = 4096  # arrangements that are kept
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
        self.options, self.dims, self.pitch, self.time = options, shape, pitch, time
        self.device, self.dtype, self.need_grad = input.device, input.dtype, need_grad
        given = [input, target] if sample_weight is None else [input, target, sample_weight]
        arranged = [loadable(x).expand(shape) for x in given]
        strides = [fold(shape, x.stride(), pitch, time) for x in arranged]
        self.moved = [s is None for s in strides]
        self.as_is = all(s is not None and loadable(x) is x for x, s in zip(given, strides))
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
        self.scale = Scale(input.device, input.numel(), input.dtype, self.call.counted)

    def arrange(self, i: int, x: Tensor) -> Tensor:
        """Input (0), target (1) or sample_weight (2) in a type and layout that the kernel reads."""
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

    def compute(
        self, input: Tensor, target: Tensor, sample_weight: Optional[Tensor]
    ) -> Tuple[Tensor, Optional[Tensor], Optional[Tensor]]:
        """Value, gradient, and the factor that the gradient lacks."""
        value = torch.empty(self.value_shape, dtype=torch.float32, device=self.device)
        grad = self.empty_gradient(input) if self.need_grad else None
        if not self.as_is:
            input, target = self.arrange(0, input), self.arrange(1, target)
            sample_weight = None if sample_weight is None else self.arrange(2, sample_weight)
        return value, grad, self.call(input, target, sample_weight, grad, value)


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
    def forward(ctx: Any, input: Tensor, target: Tensor, sample_weight: Optional[Tensor], a: _Arrangement) -> Tensor:
        value, grad, factor = a.compute(input, target, sample_weight)
        if grad is not None:
            ctx.set_materialize_grads(False)
            ctx.arrangement, ctx.at = a, grad.data_ptr()
            ctx.save_for_backward(grad, factor)
        return value.movedim(-1, a.value_time) if a.value_shape else value

    @staticmethod
    def backward(ctx: Any, *upstream: Optional[Tensor]) -> Tuple[Optional[Tensor], ...]:
        by = upstream[0]
        if by is None:
            return None, None, None, None
        grad, factor = ctx.saved_tensors
        a: _Arrangement = ctx.arrangement
        if (
            a.value_shape
            or torch.is_grad_enabled()  # create_graph
            or not plain(by)
            or _batched(by)  # is_grads_batched
            or grad.data_ptr() != ctx.at  # hooks of saved tensors put another one in its place
            or grad.dtype != torch.float32
        ):
            return _multiplied(grad, by if factor is None else by * factor, a), None, None, None
        if a.dtype == torch.float32 and not _keeps_graph():  # it cannot be read again
            a.scale(grad, grad, by, factor)
            return grad, None, None, None
        out = torch.empty_like(grad, dtype=a.dtype)
        a.scale(out, grad, by, factor)
        return out, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise NotImplementedError(_op._FORWARD)


def _multiplied(grad: Tensor, by: Tensor, a: _Arrangement) -> Tensor:
    """The gradient times a number, or times a number per frame, in the input's type; by PyTorch's operators."""
    if a.value_shape:
        by = by.unsqueeze(a.pitch)
    if torch.is_grad_enabled():  # create_graph
        grad = _Refused.apply(grad.detach().requires_grad_())  # type: ignore[no-untyped-call]
    return (grad * by).to(a.dtype)


_compiling: Callable[[], bool] = torch.compiler.is_compiling
_dispatch_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack
_transforming: Callable[[], bool] = torch._C._are_functorch_transforms_active
_unwrapped: Callable[[Any], Any] = torch._C._functorch.unwrap_if_dead
_batched: Callable[[Tensor], bool] = torch._C._functorch.is_legacy_batchedtensor


def plain(input: Any, target: Any = None, sample_weight: Any = None) -> bool:
    """Whether a call may pass the memory of these tensors to the kernel directly: dense, no subclass, no lazy
    negation, no tensor that outlived its torch.func transform, and no active torch.compile, torch.func transform or
    dispatch mode.
    """
    if _compiling() or _transforming() or _dispatch_modes():
        return False
    return (
        type(input) in _PLAIN and _unwrapped(input) is input and not input.is_neg() and input.layout is _STRIDED
        and (target is None or (type(target) in _PLAIN and _unwrapped(target) is target and not target.is_neg()
                                and target.layout is _STRIDED))
        and (sample_weight is None or plain(sample_weight))
    )  # fmt: skip


_arrangements: Dict[Any, _Arrangement] = {}
# What torch.autograd.Function.apply comes to where no torch.func transform is active.
_apply: Callable[..., Tensor] = super(torch.autograd.Function, _Eager).apply


def _key(
    options: Options, input: Tensor, target: Tensor, sample_weight: Optional[Tensor],
    pitch_dim: Optional[int], time_dim: Optional[int], backend: str,
) -> Any:  # fmt: skip
    """All that a call depends on except the contents of the tensors, whether target and sample_weight require
    gradients, and where arrays begin. The arrangement keeps the options alive, so their address identifies them."""
    of_sample_weight = None
    if sample_weight is not None:
        of_sample_weight = sample_weight.shape, sample_weight.stride(), sample_weight.dtype, sample_weight.device
    return (
        id(options), input.requires_grad and torch.is_grad_enabled(), input.shape, input.stride(), input.dtype,
        input.device, target.shape, target.stride(), target.dtype, target.device, of_sample_weight, pitch_dim, time_dim,
        backend,
    )  # fmt: skip


def repeated(
    options: Options,
    input: Any,
    target: Any,
    sample_weight: Any,
    pitch_dim: Optional[int],
    time_dim: Optional[int],
    backend: str,
) -> Optional[Tensor]:
    """The loss of a call that was checked before except for the contents of its tensors; None for any other."""
    if not plain(input, target, sample_weight) or target is None:
        return None
    a = _arrangements.get(_key(options, input, target, sample_weight, pitch_dim, time_dim, backend))
    if a is None or target.requires_grad or (sample_weight is not None and sample_weight.requires_grad):
        return None
    return _apply(input, target, sample_weight, a)


def eager(
    options: Options, input: Tensor, target: Tensor, sample_weight: Optional[Tensor],
    pitch_dim: Optional[int], time_dim: Optional[int], backend: str,
) -> Tensor:  # fmt: skip
    """The loss as `functional.apply` returns it; the arguments are checked, and `plain`."""
    need_grad = input.requires_grad and torch.is_grad_enabled()
    n = input.dim()
    pitch, time = (-2 if pitch_dim is None else pitch_dim) % n, (-1 if time_dim is None else time_dim) % n
    a = _Arrangement(options, input, target, sample_weight, pitch, time, need_grad)
    if len(_arrangements) >= _MOST:
        _arrangements.clear()
    _arrangements[_key(options, input, target, sample_weight, pitch_dim, time_dim, backend)] = a
    return _apply(input, target, sample_weight, a)


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
        return _op._vmap(_transformed)(info, in_dims, *args)


_transformed: Callable[..., Tuple[Tensor, Tensor]] = _Transformed.apply


def value(options: Options, pred: Tensor, target: Tensor, sample_weight: Optional[Tensor]) -> Tensor:
    """Values (G,), or (G, B, T) with reduction "none", of float32 tensors (G, B, T, P)."""
    need_grad = pred.requires_grad and torch.is_grad_enabled()
    call = _operator if _op._compiling() else _transformed
    result: Tensor = call(pred, target, sample_weight, *_op._pack(options), need_grad)[0]
    return result
