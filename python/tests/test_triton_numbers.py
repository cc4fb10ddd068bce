# SPDX-License-Identifier: MIT
"""Values and gradients of the Triton kernels (see triton_cases.py)."""

import math

import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402
from triton_cases import (  # noqa: E402
    DEVICE,
    GPU,
    INTERPRETED,
    KINDS,
    MODULES,
    REDUCTIONS,
    compare,
    gradient,
    options,
    rolls,
    weights,
)

import spiral_loss as sl  # noqa: E402
from spiral_loss import _triton_launch, functional  # noqa: E402


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("from_logits", [True, False], ids=["logits", "probabilities"])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_those_of_the_torch_path(kind, from_logits, reduction):
    o = options(kind, reduction=reduction, from_logits=from_logits)
    z, t = rolls(3, 36, 28, from_logits=from_logits)
    frames = 84 if reduction == "sum" else 1
    compare(o, z, t, frames=frames)
    compare(o, z, t, weights(3, 36, 28), frames=frames)


@pytest.mark.parametrize(("keys", "frames", "batch"), [(1, 1, 1), (5, 3, 7), (16, 64, 3), (61, 10, 2), (88, 33, 5)])
def test_sizes(keys, frames, batch):
    z, t = rolls(batch, keys, frames)
    compare(options(low=0), z, t)
    compare(options("energy", low=0, reduction="none"), z, t)


@pytest.mark.parametrize("kind", ["spiral", "energy", "weighted_bce"])
def test_all_keys_there_are(kind):
    z, t = rolls(2, 128, 20)
    compare(options(kind, low=0, reduction="sum"), z, t, frames=40)
    compare(options(kind, low=0, reduction="sum"), z, t, weights(2, 128, 20), frames=40)


@pytest.mark.parametrize(
    "numbers",
    [
        {"blur_radius": 1},
        {"blur_radius": 127, "blur_length": 3.0},
        {"kl_offset": 1e-6},
        {"kl_offset": 1e-3, "blur_length": 0.05},
        {"kl_offset": 1000.0},
        {"blur_length": 1000.0},
        {"helix": "tonnetz", "lambd": 1e3, "bce": 0.0},
        {"lambd": 0.0},
        {"kind": "gauss", "sigma": 0.05},
        {"kind": "gauss", "sigma": 1000.0, "bce": 0.0},
        {"kind": "weighted_bce", "helix": "mixed", "bce": 0.0},
    ],
    ids=str,
)
def test_options(numbers):
    o = options(**numbers)
    z, t = rolls(2, 36, 20, spread=2.0)
    frames = 1 + 2 * o.lambd  # the bound is for a weight of 1
    compare(o, z, t, frames=frames)
    compare(o, z, t, weights(2, 36, 20), frames=frames)


@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("spread", [0.0, 1e-3, 30.0])
def test_silence_and_clusters_at_sure_and_unsure_logits(spread, density):
    z, t = rolls(2, 36, 20, spread=spread, density=density)
    compare(options(), z, t)
    compare(options(bce=0.0, reduction="none"), z, t)


def test_targets_between_0_and_1():
    z, t = rolls(2, 36, 20)
    soft = torch.rand(t.shape, generator=torch.Generator().manual_seed(3)).to(DEVICE)
    for kind in KINDS:
        compare(options(kind), z, soft)


@pytest.mark.parametrize("largest", [1e-3, 1.0, 100.0, 1e6])
@pytest.mark.parametrize("kind", ["spiral", "energy"])
def test_weights_of_any_size(kind, largest):
    z, t = rolls(2, 36, 20)
    w = largest * torch.rand(t.shape, generator=torch.Generator().manual_seed(3)).to(DEVICE)
    frames = 40 * max(1, largest)
    compare(options(kind, reduction="sum"), z, t, w, frames=frames)
    w[..., ::2] = 1  # frames whose weights are of another size
    compare(options(kind, reduction="none"), z, t, w, frames=max(1, largest))


def test_extreme_logits_have_finite_values_and_gradients():
    z = torch.tensor([-1e20, -200.0, -88.0, -17.0, -0.0, 17.0, 88.0, 200.0, 1e20], device=DEVICE).repeat(4, 1)
    t = torch.zeros_like(z)
    t[2:] = 1
    for kind in KINDS:
        o = options(kind, reduction="none")
        value, grad = gradient(lambda z, o=o: functional.apply(o, z, t, backend="triton", pitch_dim=-2), z)
        exact, exact_grad = gradient(
            lambda z, o=o: functional.apply(o, z, t.double(), backend="torch", pitch_dim=-2),
            z.double().clamp(-1e20, 1e20),
        )
        assert torch.allclose(value.double(), exact, rtol=1e-6)
        assert (grad - exact_grad).abs().max() <= 2e-6 * exact_grad.abs().max()


def test_the_right_roll_costs_nothing():
    _, t = rolls(3, 36, 20)
    for kind in ("spiral", "energy", "gauss"):
        for w in (None, weights(3, 36, 20)):
            o = options(kind, bce=0.0, reduction="none", from_logits=False)
            value, grad = gradient(lambda y, o=o, w=w: functional.apply(o, y, t, w, backend="triton"), t)
            assert not value.any()
            assert not grad.any()


@pytest.mark.parametrize("where", ["input", "target", "weight"])
def test_nan_in_nan_out(where):
    given = {"input": rolls(2, 36, 20)[0], "target": rolls(2, 36, 20)[1], "weight": weights(2, 36, 20)}
    given[where][1, 7, 5] = math.nan
    for kind in KINDS:
        o = options(kind, reduction="none")
        value, grad = gradient(
            lambda z, o=o: functional.apply(o, z, given["target"], given["weight"], backend="triton"), given["input"]
        )
        assert value[1, 5].isnan()
        assert grad[1, :, 5].isnan().any()
        assert value.isnan().sum() == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    z, t = rolls(3, 36, 12, dtype=dtype)
    wanted, wanted_grad = gradient(sl.SpiralLoss(backend="triton"), z.float(), t)
    value, grad = gradient(sl.SpiralLoss(backend="triton"), z, t.to(dtype))
    assert value.dtype == torch.float32
    assert torch.allclose(value, wanted, rtol=1e-6)
    assert grad.dtype == dtype
    # Triton's interpreter converts to bfloat16 by dropping bits.
    near = 2.0**-7 if INTERPRETED and dtype == torch.bfloat16 else 2.0**-8
    assert torch.allclose(grad.float(), wanted_grad, rtol=near, atol=1e-7)
    x = z.clone().requires_grad_()
    (65536 * sl.SpiralLoss(backend="triton")(x, t)).backward()  # loss scaling: the gradient is scaled in float32
    assert torch.allclose(x.grad.float(), 65536 * wanted_grad, rtol=2e-2, atol=1e-4)


@pytest.mark.parametrize(
    "kind", [torch.bool, torch.uint8, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float64]
)
def test_targets_and_weights_of_any_type(kind):
    z, t = rolls(2, 36, 12)
    mask = torch.arange(12, device=DEVICE) < 9
    for module in (sl.SpiralLoss, sl.WeightedBCE):
        loss = module(backend="triton")
        assert torch.equal(loss(z, t.to(kind)), loss(z, t))
        assert torch.equal(loss(z, t.to(kind), mask.to(kind)), loss(z, t, mask.float()))


@pytest.mark.parametrize("module", MODULES)
def test_layouts_and_strides_do_not_matter(module):
    z, t = rolls(4, 3, 24, 12)
    base, turned = module(backend="triton"), module(backend="triton", pitch_dim=-1, time_dim=-2)
    wanted, wanted_grad = gradient(base, z, t)

    def check(loss, z, t, back):
        value, grad = gradient(loss, z, t)
        assert torch.allclose(value, wanted, rtol=1e-6)
        assert torch.allclose(back(grad), wanted_grad, rtol=1e-5, atol=1e-9)

    check(turned, z.mT, t.mT, lambda g: g.mT)
    check(turned, z.mT.contiguous(), t.mT, lambda g: g.mT)
    check(turned, z.mT.contiguous(), t.mT.contiguous(), lambda g: g.mT)
    check(base, z.contiguous(memory_format=torch.channels_last), t, lambda g: g)
    between = module(backend="triton", pitch_dim=1, time_dim=3)
    check(between, z.permute(0, 2, 1, 3).contiguous(), t.permute(0, 2, 1, 3), lambda g: g.permute(0, 2, 1, 3))
    first = module(backend="triton", pitch_dim=0, time_dim=1)
    check(first, z.permute(2, 3, 0, 1), t.permute(2, 3, 0, 1).contiguous(), lambda g: g.permute(2, 3, 0, 1))
    memory = torch.empty(z.numel() + 1, device=DEVICE)
    odd = memory[1:].view(z.shape).copy_(z)  # does not begin at a multiple of 16 bytes
    assert torch.allclose(base(odd, t), wanted, rtol=1e-6)
    x = memory.requires_grad_()
    base(x[1:].view(z.shape), t).backward()
    assert torch.allclose(x.grad[1:].view(z.shape), wanted_grad, rtol=1e-5, atol=1e-9)
    wide = torch.zeros(4, 3, 48, 24, device=DEVICE)
    wide[:, :, ::2, ::2] = z
    x = wide.requires_grad_()
    base(x[:, :, ::2, ::2], t).backward()
    assert torch.allclose(x.grad[:, :, ::2, ::2], wanted_grad, rtol=1e-5, atol=1e-9)
    assert x.grad.count_nonzero() == wanted_grad.count_nonzero()


def test_overlapping_and_repeated_windows_as_input():
    long, t = rolls(36, 64)
    loss = sl.SpiralLoss(reduction="sum", backend="triton", pitch_dim=-2)
    x, y = long.clone().requires_grad_(), long.clone().requires_grad_()
    loss(x.unfold(1, 16, 8).movedim(1, 0), t.unfold(1, 16, 8).movedim(1, 0)).backward()
    sum(loss(y[:, i : i + 16], t[:, i : i + 16]) for i in range(0, 49, 8)).backward()
    assert torch.allclose(x.grad, y.grad, rtol=1e-5, atol=1e-7)
    x.grad = y.grad = None
    loss(x.expand(3, 36, 64), t.expand(3, 36, 64)).backward()
    (3 * loss(y, t)).backward()
    assert torch.allclose(x.grad, y.grad, rtol=1e-5, atol=1e-7)


def test_weights_of_any_shape_that_broadcasts():
    z, t = rolls(3, 2, 20, 8)
    w = weights(3, 2, 20, 8)
    for module in MODULES:
        loss = module(backend="triton")
        for some in (w[0, 0, 0], w[0, 0, :, :1], w[0, :, :1, :1], w[:, :1, :1, :1], w[:, :1], w.mT.contiguous().mT):
            wanted, wanted_grad = gradient(loss, z, t, some.expand(z.shape).contiguous())
            value, grad = gradient(loss, z, t, some)
            assert torch.allclose(value, wanted, rtol=1e-6)
            assert torch.allclose(grad, wanted_grad, rtol=1e-5, atol=1e-9)
    nothing = torch.zeros((), device=DEVICE)
    for reduction in REDUCTIONS:
        value, grad = gradient(sl.SpiralLoss(reduction=reduction, backend="triton"), z, t, nothing)
        assert not value.any()
        assert not grad.any()


def test_a_column_has_the_same_value_wherever_it_lies():
    z, t = rolls(5, 2, 20, 8)
    frames = sl.SpiralLoss(reduction="none", backend="triton")(z, t)
    assert frames.shape == (5, 2, 8)
    assert torch.equal(frames[3, 1], sl.SpiralLoss(reduction="none", backend="triton", pitch_dim=-2)(z[3, 1], t[3, 1]))
    assert torch.allclose(sl.SpiralLoss(backend="triton")(z, t), frames.mean(), rtol=1e-6)
    turned = sl.SpiralLoss(reduction="none", pitch_dim=-1, time_dim=0, backend="triton")
    again = turned(z.permute(3, 0, 1, 2), t.permute(3, 0, 1, 2))
    assert torch.allclose(again, frames.permute(2, 0, 1), rtol=1e-6)


def test_repeated_calls_give_the_same_bits():
    z, t = rolls(300 if GPU else 20, 36, 36)
    loss = sl.SpiralLoss(backend="triton")
    wanted, wanted_grad = gradient(loss, z, t)
    for _ in range(5 if GPU else 1):
        value, grad = gradient(loss, z, t)
        assert torch.equal(value, wanted)
        assert torch.equal(grad, wanted_grad)
    assert torch.allclose(wanted, sl.SpiralLoss(backend="torch")(z, t), rtol=1e-5)


Z, T = torch.zeros(2, 36, 12), torch.zeros(2, 36, 12)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda b, z, t: sl.spiral_loss(z.long(), t, backend=b), TypeError),
        (lambda b, z, t: sl.spiral_loss(z, [1.0], backend=b), TypeError),
        (lambda b, z, t: sl.spiral_loss(z, t.to(torch.complex64), backend=b), TypeError),
        (lambda b, z, t: sl.spiral_loss(z, t[:1], backend=b), ValueError),
        (lambda b, z, t: sl.spiral_loss(z, t, pitch_dim=3, backend=b), ValueError),
        (lambda b, z, t: sl.spiral_loss(z, t, pitch_dim=-1, backend=b), ValueError),
        (lambda b, z, t: sl.spiral_loss(z, t, low=100, backend=b), ValueError),
        (lambda b, z, t: sl.spiral_loss(z, t, low=-1, backend=b), ValueError),
        (lambda b, z, t: sl.spiral_loss(z[:, :0], t[:, :0], backend=b), ValueError),
        (lambda b, z, t: sl.spiral_loss(z, t.clone().requires_grad_(), backend=b), ValueError),
        (lambda b, z, t: sl.spiral_loss(z, t, sample_weight=z.new_ones(7), backend=b), ValueError),
        (lambda b, z, t: sl.spiral_loss(z, t, lambd=-1.0, backend=b), ValueError),
        (lambda b, z, t: sl.spiral_loss(z, t, kl_offset=0.0, backend=b), ValueError),
        (lambda b, z, t: sl.spiral_loss(z, t, blur_radius=0, backend=b), ValueError),
        (lambda b, z, t: sl.spiral_loss(z, t, reduction="avg", backend=b), ValueError),
        (lambda b, z, t: sl.helix_gaussian(z, t, sigma=-1.0, backend=b), ValueError),
    ],
)  # fmt: skip
def test_refusals_are_those_of_the_c_kernels(call, error):
    with pytest.raises(error) as native:
        call("native", Z, T)
    with pytest.raises(error) as ours:
        call("triton", Z.to(DEVICE), T.to(DEVICE))
    assert str(ours.value) == str(native.value)


def test_bce_alone_is_binary_cross_entropy():
    z, t = rolls(3, 36, 36)
    ours = sl.SpiralLoss(lambd=0.0, reduction="sum", backend="triton")(z, t)
    assert torch.allclose(ours, F.binary_cross_entropy_with_logits(z, t, reduction="sum"), rtol=1e-6)
    assert _triton_launch.unsupported(sl.SpiralLoss().options, z) is None


@pytest.mark.parametrize("kind", ["spiral", "energy", "weighted_bce", "bce"])
@pytest.mark.parametrize("reduction", ["mean", "per_note", "none"])
def test_cells_of_weight_0_may_hold_anything(kind, reduction):
    z, t = rolls(2, 12, 6)
    w = torch.ones_like(z)
    w[0, 3, 2] = w[1, :, 4] = 0
    clean_z, clean_t = (torch.where(w == 0, 0.0, x) for x in (z, t))
    wanted = gradient(
        lambda z: functional.apply(options(kind, reduction=reduction), z, clean_t, w, backend="triton").sum(), clean_z
    )
    z[0, 3, 2], z[1, 5, 4], t[1, :, 4] = math.nan, math.inf, -100
    value, grad = gradient(
        lambda z: functional.apply(options(kind, reduction=reduction), z, t, w, backend="triton").sum(), z
    )
    assert torch.equal(value, wanted[0])
    assert torch.equal(grad, wanted[1])
    assert (grad[w == 0] == 0).all()


def test_pos_weight_is_that_of_the_kernels_for_the_cpu():
    z, t = rolls(2, 12, 6)
    ours, theirs = (gradient(sl.SpiralLoss(pos_weight=3.0, backend=b), z, t) for b in ("triton", "torch"))
    assert torch.allclose(ours[0], theirs[0], rtol=1e-6)
    assert torch.allclose(ours[1], theirs[1], rtol=1e-5, atol=1e-7)
