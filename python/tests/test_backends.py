# SPDX-License-Identifier: MIT
"""PyTorch's checks of operators, for each backend: native, plain PyTorch, and Triton (on a GPU, if there is one)."""

import importlib.util
import os

import pytest

torch = pytest.importorskip("torch")

import spiral_loss as sl  # noqa: E402
from spiral_loss import _op  # noqa: E402

TRITON = pytest.param(
    "triton", marks=pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs Triton")
)


def case(backend, *shape):
    """A device of the backend, logits and a roll."""
    on_gpu = backend == "triton" and torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1"
    device = "cuda" if on_gpu else "cpu"
    g = torch.Generator().manual_seed(1)
    z, t = torch.randn(*shape, generator=g), (torch.rand(*shape, generator=g) < 0.1).float()
    return device, z.to(device), t.to(device)


@pytest.mark.skipif(not _op.HAS_CUSTOM_OP, reason=f"torch {torch.__version__} has no custom_op")
@pytest.mark.parametrize("backend", ["native", TRITON])
def test_opcheck(backend):
    _, z, t = case(backend, 3, 5, 7)
    packed = _op._pack(sl.SpiralLoss().options)
    if backend == "triton":
        from spiral_loss._triton import _operator as operator
    else:
        operator = _op._op
    for need in (False, True):
        torch.library.opcheck(
            operator, (z[None], t[None], None, *packed, need), test_utils=("test_schema", "test_faketensor")
        )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("backend", ["native", "torch", TRITON])
def test_autocast_leaves_the_loss_in_single(backend, dtype):
    device, z, t = case(backend, 4, 12, 12)
    layer = torch.nn.Linear(12, 12).to(device)
    loss = sl.SpiralLoss(backend=backend)
    with torch.autocast(device, dtype=dtype):
        logits = layer(z)
        value = loss(logits, t)
    assert logits.dtype == dtype
    assert value.dtype == torch.float32
    assert torch.allclose(value, loss(logits.float(), t), rtol=1e-6)
    value.backward()
    assert layer.weight.grad.isfinite().all()
    assert layer.weight.grad.count_nonzero() > 0
