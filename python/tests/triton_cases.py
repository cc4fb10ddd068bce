# SPDX-License-Identifier: MIT
"""Shared by the tests of the Triton kernels: rolls, options, the comparison with the plain PyTorch path in float64.

The kernels run on a GPU if there is one; otherwise, or with TRITON_INTERPRET=1, on the CPU in Triton's interpreter,
which runs them as Python.
"""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

import spiral_loss as sl  # noqa: E402
from spiral_loss import _op, functional  # noqa: E402
from spiral_loss._triton_kernels import INTERPRETED  # noqa: E402

GPU = not INTERPRETED
DEVICE = "cuda" if GPU else "cpu"
KINDS = ("bce", "spiral", "energy", "gauss", "weighted_bce")
REDUCTIONS = ("none", "sum", "mean", "per_note")
MODULES = (sl.SpiralLoss, sl.SpiralEnergy, sl.HelixGaussian, sl.WeightedBCE)
gpu_only = pytest.mark.skipif(not GPU, reason="needs a GPU")
needs_op = pytest.mark.skipif(not _op.HAS_CUSTOM_OP, reason=f"torch {torch.__version__} has no custom_op")


def options(kind="spiral", **numbers):
    return functional.make_options(kind=kind, **{"lambd": 2.0, "bce": 0.5, "low": 40, **numbers})


def rolls(*shape, seed=0, spread=4.0, density=0.12, from_logits=True, dtype=torch.float32):
    """Predictions and targets (..., P, T), with silence in the first two frames and a full one at the end."""
    g = torch.Generator().manual_seed(seed)
    z = spread * torch.randn(*shape, generator=g)
    t = (torch.rand(*shape, generator=g) < density).float()
    t[..., :2] = 0
    t[..., -1] = 1
    return (z if from_logits else z.sigmoid()).to(DEVICE, dtype), t.to(DEVICE)


def weights(*shape):
    """Weights of cells between 0 and 2, of which a third are 0, and all of one frame."""
    g = torch.Generator().manual_seed(5)
    w = 2 * torch.rand(*shape, generator=g) * (torch.rand(*shape, generator=g) < 0.67)
    w[..., 1] = 0
    return w.to(DEVICE)


def gradient(f, z, *more):
    x = z.detach().clone().requires_grad_()
    value = f(x, *more)
    value.sum().backward()
    return value.detach(), x.grad


def compare(o, z, t, w=None, frames=1):
    """Compares value (within 1e-6 of a frame's) and gradient (2e-6 of the largest, or 1e-6 of a wrong cell's)."""
    exact, exact_grad = gradient(
        lambda z: functional.apply(o, z, t.double(), None if w is None else w.double(), backend="torch"),
        z.double(),
    )
    value, grad = gradient(lambda z: functional.apply(o, z, t, w, backend="triton"), z)
    assert value.dtype == torch.float32
    assert grad.dtype == z.dtype
    assert value.shape == exact.shape
    assert ((value - exact).abs() <= 1e-6 * frames * (1 + exact.abs())).all()
    cell = o.bce / (t.numel() // t.shape[-2] if o.reduction == "mean" else 1)
    assert (grad - exact_grad).abs().max() <= max(2e-6 * exact_grad.abs().max(), 1e-6 * cell)
