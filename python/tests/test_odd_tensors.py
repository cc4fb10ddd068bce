# SPDX-License-Identifier: MIT
"""Unusual tensors that training scripts pass by mistake or on purpose: every path gives the same answer or message.

The paths are the C kernels, plain PyTorch, each of them compiled, and the Triton kernels, which run on a GPU or,
without one, as Python. `python test_odd_tensors.py` prints the answers as a table.
"""

import math
import os
import re

import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")
import spiral_loss as sl  # noqa: E402
from spiral_loss.functional import HAS_TRITON  # noqa: E402

B, P, T = 2, 36, 12


def usual():
    g = torch.Generator().manual_seed(3)
    return 4 * torch.randn(B, P, T, generator=g), (torch.rand(B, P, T, generator=g) < 0.1).float()


def with_cell(name, value, weight=None):
    """The usual tensors except for one cell, whose sample weight may be given."""
    given = dict(zip(("input", "target"), usual(), strict=True))
    given["sample_weight"] = torch.ones(B, P, T)
    given[name][1, 7, 5] = value
    if weight is not None:
        given["sample_weight"][1, 7, 5] = weight
    return tuple(given.values())


def changed(change):
    """The usual tensors, changed."""
    return change(*usual())


# name: the arguments of the loss, and its answer: the same as for other arguments, NaN if cells are not checked, or a
# message.
CELL = r"at \(b 1, t 5, p 7\) is "
TENSORS = {
    "NaN logit of weight 0": (with_cell("input", math.nan, 0), with_cell("input", 0, 0)),
    "target -100 of weight 0": (with_cell("target", -100, 0), with_cell("target", 0, 0)),
    "NaN logit": (with_cell("input", math.nan), "logit " + CELL + "nan"),
    "target -100": (with_cell("target", -100), "target " + CELL + "-100: must be 0 to 1"),
    "velocities": (changed(lambda z, t: (z, 64 * t)), r"target at \(b 0, t \d+, p \d+\) is 64: must be 0 to 1"),
    "bool target": (changed(lambda z, t: (z, t.bool())), usual()),
    "int target": (changed(lambda z, t: (z, t.long())), usual()),
    "not contiguous": (changed(lambda z, t: (z.mT.contiguous().mT, t.flip(2).contiguous().flip(2))), usual()),
    "expanded": (changed(lambda z, t: (z, t[:1].expand(B, P, T))), changed(lambda z, t: (z, t[:1].repeat(B, 1, 1)))),
    "bfloat16": (changed(lambda z, t: (z.bfloat16(), t.bfloat16())), changed(lambda z, t: (z.bfloat16().float(), t))),
    "empty batch": (changed(lambda z, t: (z[:0], t[:0])), None),
    "two dimensions": (changed(lambda z, t: (z.flatten(1), t.flatten(1))), r"\(2, 432\): must be \(B, keys"),
    "target requires a gradient": (changed(lambda z, t: (z, t.requires_grad_())), r"pass target.detach\(\)"),
    "sparse target": (changed(lambda z, t: (z, t.to_sparse())), "layout torch.sparse_coo: must be torch.strided"),
    "target on another device": (changed(lambda z, t: (z, t.to("meta"))), "target is on meta: must be on "),
}  # fmt: skip
PATHS = ["native", "torch", "compiled", "compiled torch", *(["triton"] if HAS_TRITON else [])]


def interpreted():
    from spiral_loss._triton_kernels import INTERPRETED

    return INTERPRETED


def answer(path, given, check):
    """(value, gradient), or the message of an error."""
    backend = path.removeprefix("compiled").strip() or "native"
    device = "cuda" if backend == "triton" and not interpreted() else "cpu"
    loss = sl.SpiralLoss(backend=backend, check=check)
    if path.startswith("compiled"):
        torch._dynamo.reset()
        loss = torch.compile(loss, backend="aot_eager")
    z, *more = (x if x.device.type == "meta" else x.to(device) for x in given)
    z = z.clone().requires_grad_() if z.is_contiguous() else z.detach().requires_grad_()
    try:
        value = loss(z, *more)
        value.backward()
    except (ValueError, TypeError) as error:
        return str(error)
    return value.detach().cpu().float(), z.grad.cpu().float()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", TENSORS)
def test_every_path_gives_the_same_answer(name, path):
    given, wanted = TENSORS[name]
    found = answer(path, given, check=True)
    if isinstance(wanted, str):
        assert isinstance(found, str), found
        assert re.search(wanted, found)
        assert "\n" not in found
    elif wanted is None:  # torch's mean of no numbers
        assert found[0].isnan()
        assert found[1].shape == given[0].shape
    else:
        value, grad = answer("torch", wanted, check=True)
        assert found[0].isfinite()
        assert torch.allclose(found[0], value, rtol=1e-5)
        assert torch.allclose(found[1], grad, rtol=1e-4 if given[0].dtype == torch.float32 else 1e-2, atol=1e-6)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["NaN logit", "target -100", "velocities"])
def test_without_a_check_a_cell_out_of_range_gives_nan(name, path):
    value, grad = answer(path, TENSORS[name][0], check=False)
    assert value.isnan()
    assert grad.isnan().any()


OUT_OF_RANGE = [
    ("target", 2.0), ("target", -1.0), ("input", math.inf), ("input", -3e20), ("sample_weight", -1.0),
    ("sample_weight", 2e6), ("sample_weight", math.nan),
]  # fmt: skip


@pytest.mark.skipif(not HAS_TRITON, reason="triton is not installed")
@pytest.mark.parametrize("kind", [sl.SpiralLoss, sl.SpiralEnergy, sl.HelixGaussian, sl.WeightedBCE])
@pytest.mark.parametrize("bad", OUT_OF_RANGE)
def test_triton_marks_the_frame_of_a_cell_out_of_range(kind, bad):
    device = "cpu" if interpreted() else "cuda"
    given = [x.to(device) for x in with_cell(*bad)]
    for bce in (0.0, 1.0):
        frames = kind(backend="triton", reduction="none", bce=bce)(*given)
        assert frames.isnan().nonzero().tolist() == [[1, 5]]


def print_table():
    for name, (given, _) in TENSORS.items():
        print(f"\n{name}")
        for path in PATHS:
            for check in True, False:
                found = answer(path, given, check)
                said = found if isinstance(found, str) else f"{float(found[0]):.6g}"
                print(f"  {path:15} check={check!s:5}  {said}")


if __name__ == "__main__":
    print_table()
