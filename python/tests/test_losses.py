# SPDX-License-Identifier: MIT
"""The losses on tensors: values, gradients, layouts, types, weights, and refused arguments."""

import math

import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402

import spiral_loss as sl  # noqa: E402
from spiral_loss import functional  # noqa: E402

KINDS = ("bce", "spiral", "energy", "gauss", "weighted_bce", "channel", "distance_mask", "distance_mask_circular")
HARD = ("argmax_distance", "argmax_distance_circular")
TIMED = ("spiral", "energy", "gauss")
REDUCTIONS = ("none", "sum", "mean", "per_note")
MODULES = (sl.SpiralLoss, sl.SpiralEnergy, sl.HelixGaussian, sl.WeightedBCE, sl.ChannelLoss, sl.DistanceMask)


def options(kind, **numbers):
    return functional.make_options(kind=kind, **{"lambd": 2.0, "bce": 0.5, "low": 40, **numbers})


def rolls(*shape, dtype=torch.float64, seed=0, from_logits=True, spread=4.0):
    """Predictions and targets (..., P, T), with silence in the first two frames and a full one at the end."""
    g = torch.Generator().manual_seed(seed)
    z = spread * torch.randn(*shape, generator=g, dtype=torch.float64)
    t = (torch.rand(*shape, generator=g, dtype=torch.float64) < 0.12).double()
    t[..., :2] = 0
    t[..., -1] = 1
    return (z if from_logits else z.sigmoid()).to(dtype), t.to(dtype)


def weights(*shape, dtype=torch.float64):
    """Weights of cells between 0 and 2, of which a third are 0, and all of one frame."""
    g = torch.Generator().manual_seed(5)
    w = 2 * torch.rand(*shape, generator=g, dtype=torch.float64) * (torch.rand(*shape, generator=g) < 0.67)
    w[..., 1] = 0
    return w.to(dtype)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("from_logits", [True, False], ids=["logits", "probabilities"])
@pytest.mark.parametrize("kind", KINDS + HARD)
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-10), (torch.float32, 1e-6)], ids=["f64", "f32"])
def test_kernels_and_torch_path_give_the_same_numbers(dtype, bound, kind, from_logits, reduction):
    for tau in (0.0, 1.5) if kind in TIMED else (0.0,):
        for weight in (None, weights(3, 30, 9)):
            z, t = rolls(3, 30, 9, from_logits=from_logits)
            o = options(kind, reduction=reduction, from_logits=from_logits, time_blur=tau)
            z, t = z.to(dtype), t.to(dtype)  # the definition gets the same rounded numbers
            exact = z.double().clone().requires_grad_(kind not in HARD)
            wanted = functional.apply(o, exact, t.double(), weight, backend="torch")
            ours = z.clone().requires_grad_(kind not in HARD and not (tau and reduction == "none"))
            value = functional.apply(o, ours, t, None if weight is None else weight.to(dtype), backend="native")
            scale = 30 if reduction == "sum" else 1  # the bound is for one frame; errors of frames add up
            assert ((value - wanted).abs() <= scale * bound * (1 + wanted.abs())).all()
            if ours.requires_grad:
                wanted.sum().backward()
                value.sum().backward()
                assert (ours.grad - exact.grad).abs().max() <= 2 * bound * (1 + exact.grad.abs().max())


@pytest.mark.parametrize("layout", [(-2, -1), (-1, -2), (0, 2)], ids=["BPT", "BTP", "PBT"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradcheck(kind, layout):
    pitch, time = layout
    z, t = rolls(2, 7, 5, spread=1.5)
    w = weights(2, 7, 5)
    arranged = [x.movedim((1, 2), (pitch, time)) if pitch != -2 else x for x in (z, t, w)]
    for reduction in ("none", "mean"):
        for weight in (None, arranged[2]):
            for tau in (0.0, 0.8) if kind in TIMED else (0.0,):
                o = options(kind, reduction=reduction, time_blur=tau, low=50)
                x = arranged[0].detach().clone().requires_grad_()

                def f(x, o=o, weight=weight):
                    value = functional.apply(o, x, arranged[1], weight, pitch_dim=pitch, time_dim=time)
                    return (value * torch.linspace(-2, 3, value.numel(), dtype=x.dtype).reshape(value.shape)).sum()

                assert torch.autograd.gradcheck(f, (x,), eps=1e-6, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_gradcheck_from_probabilities(kind):
    y, t = rolls(2, 7, 5, from_logits=False, spread=1.0)
    o = options(kind, from_logits=False, low=50)
    assert torch.autograd.gradcheck(
        lambda y: -3 * functional.apply(o, y, t), (y.requires_grad_(),), eps=1e-7, atol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_gradgradcheck_of_the_torch_path(kind):
    z, t = rolls(1, 6, 4, spread=1.0)
    o = options(kind, low=50, time_blur=0.7 if kind in TIMED else 0.0)
    f = lambda z: functional.apply(o, z, t, backend="torch")  # noqa: E731
    assert torch.autograd.gradgradcheck(f, (z.requires_grad_(),))


def test_second_derivatives_of_the_kernels_are_refused_in_one_sentence():
    z, t = rolls(2, 12, 5)
    z.requires_grad_()
    (g,) = torch.autograd.grad(sl.SpiralLoss()(z, t), z, create_graph=True)
    with pytest.raises(RuntimeError, match='first derivatives only; .* backend="torch"'):
        g.sum().backward()


@pytest.mark.parametrize("module", MODULES)
def test_layouts_and_strides_do_not_matter(module):
    z, t = rolls(4, 3, 24, 10, dtype=torch.float32)
    base = module()
    wanted = base(z, t)
    turned = module(pitch_dim=-1, time_dim=-2)
    assert torch.equal(turned(z.mT, t.mT), wanted)
    assert torch.equal(turned(z.mT.contiguous(), t.mT), wanted)
    assert torch.equal(base(z.contiguous(memory_format=torch.channels_last), t), wanted)
    assert torch.equal(module(pitch_dim=0, time_dim=1)(z.permute(2, 3, 0, 1), t.permute(2, 3, 0, 1)), wanted)
    wide = torch.zeros(4, 3, 48, 20)
    wide[:, :, ::2, ::2] = z
    assert torch.equal(base(wide[:, :, ::2, ::2], t), wanted)
    x = wide.requires_grad_()
    base(x[:, :, ::2, ::2], t).backward()
    y = z.clone().requires_grad_()
    base(y, t).backward()
    assert torch.equal(x.grad[:, :, ::2, ::2], y.grad)
    assert x.grad.count_nonzero() == y.grad.count_nonzero()


def test_batches_are_means_of_their_rolls():
    z, t = rolls(5, 2, 20, 8, dtype=torch.float32)
    loss = sl.SpiralLoss(reduction="none")
    frames = loss(z, t)
    assert frames.shape == (5, 2, 8)
    assert torch.equal(frames[3, 1], sl.SpiralLoss(reduction="none", pitch_dim=-2)(z[3, 1], t[3, 1]))
    assert torch.allclose(sl.SpiralLoss()(z, t), frames.mean())
    assert sl.SpiralLoss(reduction="none", pitch_dim=0)(z[0, 0], t[0, 0]).shape == (8,)
    assert sl.SpiralLoss(reduction="none", pitch_dim=-1, time_dim=0)(
        z.permute(3, 0, 1, 2), t.permute(3, 0, 1, 2)
    ).shape == (8, 5, 2)


def test_without_a_kind_it_is_binary_cross_entropy():
    z, t = rolls(3, 36, 36, dtype=torch.float32)
    ours = sl.SpiralLoss(lambd=0.0, reduction="sum")(z, t)
    assert torch.allclose(ours, F.binary_cross_entropy_with_logits(z, t, reduction="sum"), rtol=1e-6)


def test_octave_costs_less_than_the_wrong_note():
    loss = sl.SpiralLoss(bce=0.0, from_logits=False, reduction="sum")
    t = torch.zeros(1, 36, 1)
    t[0, 12] = 1

    def cost(*keys):
        y = torch.zeros(1, 36, 1)
        y[0, list(keys)] = 1
        return float(loss(y, t))

    assert cost(12) == 0
    assert math.isclose(cost(), 1.0, rel_tol=1e-5)
    assert cost(24) < cost(13) < cost(14) < cost(18)
    assert cost(12, 24) < cost(12, 18)
    substitute, insert = loss.interval_costs(13)
    assert math.isclose(cost(24), substitute[12], rel_tol=1e-5)
    assert math.isclose(cost(12, 18), insert[6], rel_tol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    z, t = rolls(3, 36, 12, dtype=dtype)
    x = z.clone().requires_grad_()
    value = sl.SpiralLoss()(x, t)
    value.backward()
    y = z.float().requires_grad_()
    wanted = sl.SpiralLoss()(y, t.float())
    wanted.backward()
    assert value.dtype == torch.float32
    assert torch.equal(value, wanted)
    assert x.grad.dtype == dtype
    assert torch.equal(x.grad, y.grad.to(dtype))


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.float64])
def test_targets_of_any_type(kind):
    z, t = rolls(2, 36, 12, dtype=torch.float32)
    assert torch.equal(sl.SpiralLoss()(z, t.to(kind)), sl.SpiralLoss()(z, t))


def test_weights_broadcast_and_leave_cells_out():
    z, t = rolls(3, 20, 8)
    mask = torch.ones(8, dtype=torch.bool)
    mask[5:] = False
    for module in MODULES:
        loss = module()
        x = z.clone().requires_grad_()
        value = loss(x, t, mask)
        value.backward()
        assert torch.allclose(value, loss(z[..., :5], t[..., :5]), rtol=1e-12)
        assert x.grad[..., 5:].count_nonzero() == 0
        assert torch.equal(loss(z, t, mask.expand(3, 20, 8).contiguous().double()), value)
    keys = torch.linspace(0.5, 1.5, 20, dtype=torch.float64)[:, None]
    assert torch.equal(sl.SpiralLoss()(z, t, keys), sl.SpiralLoss()(z, t, keys.expand(3, 20, 8).clone()))


def test_a_weight_of_one_dimension_is_one_for_each_frame():
    z, t = rolls(8, 20, 8)  # as many rolls as frames
    w = torch.linspace(0.5, 1.5, 8, dtype=torch.float64)
    loss = sl.SpiralLoss()
    assert torch.equal(loss(z, t, w), loss(z, t, w.expand(8, 20, 8).clone()))
    of_rolls = w[:, None, None].expand(8, 20, 8).clone()
    assert torch.equal(loss(z, t, w[:, None, None]), loss(z, t, of_rolls))
    assert not torch.equal(loss(z, t, w), loss(z, t, of_rolls))


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_the_mean_divides_by_the_frames_with_a_weight_above_0(backend):
    z, t = rolls(3, 20, 8)
    w = torch.tensor([2.0, 1e-9, 0.0], dtype=torch.float64)[:, None, None]
    mean, total = (sl.SpiralLoss(reduction=r, backend=backend)(z, t, w) for r in ("mean", "sum"))
    assert torch.allclose(mean, total / 16, rtol=1e-12)


def test_the_mean_is_the_number_of_keys_times_that_of_cross_entropy():
    z, t = rolls(3, 20, 8)
    assert torch.allclose(sl.SpiralLoss(lambd=0.0)(z, t), 20 * F.binary_cross_entropy_with_logits(z, t), rtol=1e-12)


def test_gradients_accumulate():
    z, t = rolls(8, 36, 12, dtype=torch.float32)
    whole, parts = z.clone().requires_grad_(), z.clone().requires_grad_()
    loss = sl.SpiralLoss()
    loss(whole, t).backward()
    for i in range(0, 8, 2):
        (loss(parts[i : i + 2], t[i : i + 2]) / 4).backward()
    assert torch.allclose(whole.grad, parts.grad, rtol=1e-5, atol=1e-9)


def test_no_gradient_is_made_where_none_is_wanted():
    z, t = rolls(2, 36, 12)
    assert not sl.SpiralLoss()(z, t).requires_grad
    with torch.no_grad():
        assert not sl.SpiralLoss()(z.clone().requires_grad_(), t).requires_grad
    assert not sl.ArgmaxDistance()(z.clone().requires_grad_(), t).requires_grad


def test_overlapping_windows_as_input():
    long, t = rolls(36, 64, dtype=torch.float64)
    x = long.clone().requires_grad_()
    loss = sl.SpiralLoss(reduction="sum", pitch_dim=-2)
    loss(x.unfold(1, 16, 8).movedim(1, 0), t.unfold(1, 16, 8).movedim(1, 0)).backward()
    y = long.clone().requires_grad_()
    sum(loss(y[:, i : i + 16], t[:, i : i + 16]) for i in range(0, 49, 8)).backward()
    assert torch.allclose(x.grad, y.grad, rtol=1e-12)


def test_meta_device_takes_the_torch_path():
    z = torch.empty(4, 36, 36, device="meta")
    assert sl.SpiralLoss(reduction="none")(z, z).shape == (4, 36)
    with pytest.raises(ValueError, match='backend is "native"'):
        sl.SpiralLoss(backend="native")(z, z)


def test_columns_with_time_tolerance_have_a_gradient():
    z, t = rolls(2, 12, 6)
    with pytest.raises(ValueError, match="gradient of single frames with time_blur"):
        sl.SpiralLoss(time_blur=1.0, reduction="none", backend="native")(z.requires_grad_(), t)
    frames = sl.SpiralLoss(time_blur=1.0, reduction="none")(z, t)
    whole = sl.SpiralLoss(time_blur=1.0, reduction="sum", backend="native")(z, t)
    assert torch.allclose(frames.sum(), whole, rtol=1e-12)


Z, T = torch.zeros(2, 36, 10), torch.zeros(2, 36, 10)
NAN = torch.full((2, 36, 10), math.nan)


def nested():
    return torch.nested.nested_tensor([Z[0], Z[1, :, :5]], layout=torch.jagged)


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: sl.SpiralLoss()(Z.long(), T), TypeError, "input is of torch.int64: must be of floats"),
        (lambda: sl.SpiralLoss()([1.0], T), TypeError, "input is a list"),
        (lambda: sl.SpiralLoss()(Z, [1.0]), TypeError, "target is a list"),
        (lambda: sl.SpiralLoss()(Z, T.to(torch.complex64)), TypeError, "target is of torch.complex64"),
        (lambda: sl.SpiralLoss()(Z, T[:1]), ValueError, r"target has shape \(1, 36, 10\): must be .* \(2, 36, 10\)"),
        (lambda: sl.SpiralLoss()(Z[0, 0], T[0, 0]), ValueError, "pitch_dim is -2: must be -1 to 0"),
        (lambda: sl.SpiralLoss(pitch_dim=1, time_dim=-2)(Z, T), ValueError, "two different dimensions"),
        (lambda: sl.SpiralLoss(pitch_dim=1, time_dim=1), ValueError, "pitch_dim is 1 and time_dim 1"),
        (lambda: sl.SpiralLoss(time_dim=3)(Z, T), ValueError, "time_dim is 3: must be -3 to 2"),
        (lambda: sl.SpiralLoss(low=100)(Z, T), ValueError, "low is 100 .* 36 keys: .* number 135, must be at most 127"),
        (lambda: sl.SpiralLoss()(torch.zeros(1, 129, 2), torch.zeros(1, 129, 2)), ValueError, "129 keys"),
        (lambda: sl.SpiralLoss()(Z[:, :0], T[:, :0]), ValueError, "0 keys: must be 1 or more"),
        (lambda: sl.SpiralLoss()(Z, T.clone().requires_grad_()), ValueError, r"pass target.detach\(\)"),
        (lambda: sl.SpiralLoss()(Z, T, torch.ones(1, requires_grad=True)), ValueError, r"weight.detach\(\)"),
        (lambda: sl.SpiralLoss()(Z, T, torch.ones(7)), ValueError, r"weight has shape \(7,\): must broadcast"),
        (lambda: sl.SpiralLoss()(Z, T, torch.ones(2)), ValueError, r"each roll is sample_weight\[:, None, None\]"),
        (lambda: sl.SpiralLoss()(Z, T, torch.ones(1, 1, 1, 1)), ValueError, "must broadcast"),
        (lambda: sl.SpiralLoss()(NAN, T), ValueError, r"logit at \(b 0, t 0, p 0\) is -?nan: must be a number"),
        (lambda: sl.SpiralLoss()(Z, NAN), ValueError, r"target at .* is -?nan"),
        (lambda: sl.SpiralLoss()(Z, T + 2), ValueError, "target at .* is 2: must be 0 to 1"),
        (lambda: sl.SpiralLoss(from_logits=False)(Z + 2, T), ValueError, "probability at .* is 2: must be 0 to 1"),
        (lambda: sl.SpiralLoss()(Z, T, -torch.ones(1)), ValueError, "sample_weight at .* is -1: must be 0 to"),
        (lambda: sl.SpiralLoss()(Z, T.to("meta")), ValueError, "target is on meta: must be on cpu"),
        (lambda: sl.SpiralLoss(lambd=-1.0), ValueError, "lambda is -1: must be 0 to"),
        (lambda: sl.SpiralLoss(kl_offset=0.0), ValueError, "kl_offset is 0: must be 1e-06 to 1000"),
        (lambda: sl.SpiralLoss(blur_length=math.nan), ValueError, "blur_length is -?nan"),
        (lambda: sl.SpiralLoss(time_blur=101.0), ValueError, "time_blur is 101: must be 0 to 100"),
        (lambda: sl.SpiralLoss(reduction="avg"), ValueError, "reduction is 'avg': must be one of none, sum, mean"),
        (lambda: sl.SpiralLoss(helix="linear"), ValueError, 'helix preset "linear": not one of chromatic'),
        (lambda: sl.SpiralLoss(backend="cuda"), ValueError, "backend is 'cuda': must be one of auto, native, triton"),
        (lambda: sl.Helix((-1.0,)), ValueError, r"radii\[0\] is -1"),
        (lambda: sl.SpiralLoss(helix=None), TypeError, "helix is None: must be a preset's name, a Helix"),
        (lambda: sl.SpiralLoss(helix=(1.0, "2")), TypeError, r"radii\[1\] is '2': must be a number"),
        (lambda: sl.Helix(3.0), TypeError, "radii is 3.0: must be one to six numbers"),
        (lambda: sl.Helix((1.0,), None), TypeError, "octave is None: must be a number"),
        (lambda: sl.Helix.from_costs(0.8, "1"), TypeError, "semitone is '1': must be a number"),
        (lambda: sl.SpiralLoss(reduction=["mean"]), TypeError, "reduction is a list: must be a name, such as 'mean'"),
        (lambda: sl.SpiralLoss()(Z.to_sparse(), T), TypeError, r"layout torch.sparse_coo: .* input.to_dense\(\)"),
        (lambda: sl.SpiralLoss()(Z, T.to_sparse()), TypeError, "target has layout torch.sparse_coo: must be"),
        (lambda: sl.SpiralLoss()(Z, T, T.to_sparse()), TypeError, "sample_weight has layout torch.sparse_coo"),
        (lambda: sl.SpiralLoss()(nested(), T), TypeError, "input is a nested tensor: must be a dense one"),
        (lambda: sl.Helix.from_costs(2.5, 1.0), ValueError, "octave is 2.5"),
        (lambda: sl.WeightedBCE().interval_costs(), NotImplementedError, "weighted_bce has no costs"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_a_sentence(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


def test_functions_and_modules_are_the_same():
    z, t = rolls(2, 36, 10)
    w = weights(2, 36, 10)
    pairs = [
        (sl.SpiralLoss(2.0, 0.5, "tonnetz", 40, 0.05, 0.7, 1.0), sl.spiral_loss,
         {"lambd": 2.0, "bce": 0.5, "helix": "tonnetz", "low": 40, "kl_offset": 0.05,
          "blur_length": 0.7, "time_blur": 1.0}),
        (sl.SpiralEnergy(helix="fifths"), sl.spiral_energy, {"helix": "fifths"}),
        (sl.HelixGaussian(sigma=0.9), sl.helix_gaussian, {"sigma": 0.9}),
        (sl.WeightedBCE(low=30), sl.weighted_bce, {"low": 30}),
        (sl.ChannelLoss(eta=0.4, blur_length=0.35), sl.channel_loss, {"eta": 0.4, "blur_length": 0.35}),
        (sl.DistanceMask(True), sl.distance_mask, {"circular": True}),
        (sl.ArgmaxDistance(low=49), sl.argmax_distance, {"low": 49}),
    ]  # fmt: skip
    for module, function, arguments in pairs:
        assert torch.equal(module(z, t, w), function(z, t, sample_weight=w, **arguments)), function.__name__


def test_argmax_distance_is_the_original_distance():
    t, y = torch.zeros(1, 36, 1), torch.zeros(1, 36, 1)
    t[0, 12], y[0, 11] = 1, 1  # C4 and B3
    hard = sl.ArgmaxDistance(from_logits=False, reduction="sum")
    assert math.isclose(float(hard(y, t)), math.hypot(3300, 5), rel_tol=1e-6)
    assert math.isclose(
        float(sl.ArgmaxDistance(True, from_logits=False, reduction="sum")(y, t)), math.hypot(300, 5), rel_tol=1e-6
    )


def test_modules_say_what_they_are_and_hold_no_state():
    loss = sl.SpiralLoss(lambd=4.0, helix="fifths", pitch_dim=-2, pos_weight=2.0)
    assert repr(loss).startswith("SpiralLoss(lambd=4.0, radii=")
    assert repr(loss).endswith("pitch_dim=-2, pos_weight=2.0)")
    assert not loss.state_dict()


def test_names_of_version_0_1_warn_and_work():
    z, t = rolls(2, 36, 10)
    w = weights(2, 36, 10)
    wanted = sl.SpiralLoss(lambd=2.0, kl_offset=0.1, blur_length=0.7, blur_radius=9, time_blur=1.0)(z, t, w)
    old = {"weight": 2.0, "floor": 0.1, "blur": 0.7, "reach": 9, "time_tolerance": 1.0}
    with pytest.warns(DeprecationWarning, match="the argument floor is now called kl_offset"):
        loss = sl.SpiralLoss(**old)
    with pytest.warns(DeprecationWarning, match="weight is now called sample_weight"):
        assert torch.equal(loss(z, t, weight=w), wanted)
    with pytest.warns(DeprecationWarning, match="weight is now called lambd"):
        assert torch.equal(sl.spiral_loss(z, t, sample_weight=w, **old), wanted)
    with pytest.raises(TypeError, match="weight is the old name of lambd: pass lambd alone"):
        sl.SpiralLoss(weight=2.0, lambd=2.0)
    for module in (sl, sl.losses, sl.functional):
        for before, now in (("SeedHard", "ArgmaxDistance"), ("seed_mask", "distance_mask")):
            if hasattr(module, now):
                with pytest.warns(DeprecationWarning, match=f"{before} is now called {now}"):
                    assert getattr(module, before) is getattr(module, now)
    with pytest.warns(DeprecationWarning, match="radius is now called coil_radius"):
        mask = sl.DistanceMask(radius=2.0, octave=1.0)
    assert torch.equal(mask(z, t), sl.DistanceMask(coil_radius=2.0, coil_rise=1.0)(z, t))


# Arguments that scripts pass: every implementation gives the same answer or message.

PATHS = ("native", "torch", "compiled", "compiled torch")


def on_path(path, z, t, w=None, **arguments):
    backend = "torch" if "torch" in path else "native"
    loss = sl.SpiralLoss(backend=backend, **arguments)
    if path.startswith("compiled"):
        torch._dynamo.reset()
        loss = torch.compile(loss, fullgraph=True, backend="aot_eager")  # Inductor is tested in test_op
    x = z.clone().requires_grad_()
    value = loss(x, t, w)
    value.sum().backward()
    return value.detach(), x.grad


@pytest.mark.parametrize("path", PATHS)
def test_cells_of_weight_0_may_hold_anything(path):
    z, t = rolls(2, 12, 6, dtype=torch.float32)
    w = torch.ones(2, 12, 6)
    w[0, 3, 2] = w[1, :, 4] = 0
    clean_z, clean_t = z.clone(), t.clone()
    clean_z[w == 0] = clean_t[w == 0] = 0
    z[0, 3, 2], z[1, 5, 4] = math.nan, math.inf
    t[1, :, 4] = -100
    for arguments in ({}, {"reduction": "per_note"}, {"pos_weight": 2.0}):
        wanted = on_path("native", clean_z, clean_t, w, **arguments)
        value, grad = on_path(path, z, t, w, **arguments)
        assert torch.allclose(value, wanted[0], rtol=1e-6)
        assert torch.allclose(grad, wanted[1], rtol=1e-5, atol=1e-8)
        assert (grad[w == 0] == 0).all()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda z, t, w: z[1, 3, 2].fill_(math.nan),
            r"logit at \(b 1, t 2, p 3\) is nan: must be a number from -1e\+20",
        ),
        (lambda z, t, w: z[1, 3, 2].fill_(math.inf), r"logit at \(b 1, t 2, p 3\) is inf"),
        (lambda z, t, w: t[1, 3, 2].fill_(64), r"target at \(b 1, t 2, p 3\) is 64: must be 0 to 1"),
        (lambda z, t, w: t[1, 3, 2].fill_(-100), r"target at \(b 1, t 2, p 3\) is -100: must be 0 to 1"),
        (lambda z, t, w: w[1, 3, 2].fill_(-1), r"sample_weight at \(b 1, t 2, p 3\) is -1: must be 0 to 1e\+06"),
    ],
)
def test_cells_out_of_range_are_refused_by_the_same_sentence(path, spoil, sentence):
    z, t = rolls(2, 12, 6, dtype=torch.float32)
    w = torch.ones(2, 12, 6)
    spoil(z, t, w)
    with pytest.raises(ValueError, match=sentence):
        on_path(path, z, t, w)
    value, grad = on_path(path, z, t, w, check=False)
    assert value.isnan()
    assert grad.isnan().any()
    frames, _ = on_path(path, z, t, w, check=False, reduction="none")
    assert frames.isnan().nonzero().tolist() == [[1, 2]]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "change",
    [
        lambda z, t: (z, t.bool()),
        lambda z, t: (z, t.long()),
        lambda z, t: (z, t.bfloat16()),
        lambda z, t: (z.mT.contiguous().mT, t),
        lambda z, t: (z[:1].expand(3, 12, 6), t[:1].expand(3, 12, 6)),
    ],
    ids=["bool", "int64", "bfloat16", "non-contiguous", "expanded"],
)
def test_odd_tensors_give_the_same_on_every_path(path, change):
    z, t = change(*rolls(2, 12, 6, dtype=torch.float32))
    wanted = on_path("native", z.contiguous(), t.float().contiguous())
    value, grad = on_path(path, z, t)
    assert torch.allclose(value, wanted[0], rtol=1e-6)
    assert torch.allclose(grad, wanted[1], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("path", PATHS)
def test_a_batch_without_rolls_gives_what_torch_gives(path):
    z, t = rolls(2, 12, 6, dtype=torch.float32)
    for reduction in ("sum", "mean", "none"):
        value, grad = on_path(path, z[:0], t[:0], reduction=reduction)
        theirs = F.binary_cross_entropy_with_logits(z[:0], t[:0], reduction=reduction)
        wanted = theirs.sum(1) if reduction == "none" else theirs
        assert value.shape == wanted.shape
        assert torch.equal(value.isnan(), wanted.isnan())
        assert grad.shape == (0, 12, 6)
    assert float(on_path(path, z[:0], t[:0], reduction="sum")[0]) == 0
    assert on_path(path, z[..., :0], t[..., :0], reduction="none")[0].shape == (2, 0)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("per_key", [False, True])
def test_pos_weight_is_that_of_torch(path, per_key):
    z, t = rolls(3, 12, 6, dtype=torch.float32)
    w = weights(3, 12, 6, dtype=torch.float32)
    p = torch.linspace(0.0, 4.0, 12) if per_key else torch.tensor(3.0)
    x = z.clone().requires_grad_()
    theirs = F.binary_cross_entropy_with_logits(x, t, w, pos_weight=p[:, None] if per_key else p, reduction="sum")
    theirs.backward()
    value, grad = on_path(path, z, t, w, lambd=0.0, reduction="sum", pos_weight=p)
    assert torch.allclose(value, theirs, rtol=1e-5)
    assert torch.allclose(grad, x.grad, rtol=1e-4, atol=1e-5)
    # pos_weight does not change the spiral term.
    both, spiral = (on_path(path, z, t, w, bce=b, reduction="sum", pos_weight=p)[0] for b in (1.0, 0.0))
    assert torch.allclose(both - spiral, theirs, rtol=1e-4)
    turned = sl.SpiralLoss(lambd=0.0, reduction="sum", pos_weight=p, pitch_dim=-1, time_dim=-2)(z.mT, t.mT, w.mT)
    assert torch.allclose(turned, theirs, rtol=1e-5)


def test_weighted_bce_has_pos_weight():
    z, t = rolls(3, 12, 6)
    twice, once, none = (sl.WeightedBCE(pos_weight=p, reduction="sum")(z, t) for p in (2.0, 1.0, 0.0))
    assert torch.allclose(twice - once, once - none, rtol=1e-12)
    assert torch.allclose(once - none, (t * F.softplus(-z)).sum(), rtol=1e-12)


def test_two_dimensions_are_refused_unless_they_are_named():
    z, t = torch.zeros(2, 1296), torch.zeros(2, 1296)
    for loss in (sl.SpiralLoss(), sl.SpiralLoss(backend="torch"), sl.spiral_loss):
        with pytest.raises(ValueError, match=r"input has shape \(2, 1296\): must be \(B, keys, frames\)"):
            loss(z, t)
    assert sl.SpiralLoss(pitch_dim=0)(z, t) == sl.SpiralLoss()(z[None], t[None])
    assert sl.spiral_loss(z.T, t.T, pitch_dim=-1, time_dim=0) == sl.SpiralLoss()(z[None], t[None])


def test_what_a_training_script_passes_first():
    target = (torch.rand(2, 88, 50) < 0.05).float()
    assert sl.SpiralLoss()(torch.randn(2, 88, 50), target).isfinite()
    assert sl.SpiralLoss()(torch.randn(2, 128, 50), torch.zeros(2, 128, 50)).isfinite()


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: sl.SpiralLoss(torch.tensor([5.0])), TypeError, "lambd is a Tensor: must be a number; .* pos_weight"),
        (lambda: sl.SpiralLoss("2"), TypeError, "lambd is '2': must be a number"),
        (lambda: sl.SpiralLoss(True), TypeError, "lambd is True"),
        (lambda: sl.SpiralLoss(low=0.5), TypeError, "low is 0.5: must be a whole number"),
        (lambda: sl.SpiralLoss(low=-1), ValueError, "low is -1"),
        (lambda: sl.SpiralLoss(blur_radius=2.0), TypeError, "blur_radius is 2.0"),
        (lambda: sl.SpiralLoss(from_logits="no"), TypeError, "from_logits is 'no': must be True or False"),
        (lambda: sl.SpiralLoss(pitch_dim="keys"), TypeError, "pitch_dim is a str"),
        (lambda: sl.SpiralLoss(check=1), TypeError, "check is a int: must be True, False or None"),
        (lambda: sl.SpiralLoss(pos_weight=-1.0), ValueError, "pos_weight is -1: must be 0 to 1e"),
        (lambda: sl.SpiralLoss(pos_weight=math.nan), ValueError, "pos_weight is nan"),
        (lambda: sl.SpiralLoss(pos_weight=torch.ones(3, 1)), ValueError, r"pos_weight has shape \(3, 1\)"),
        (lambda: sl.SpiralLoss(pos_weight=torch.ones(3))(Z, T), ValueError, r"pos_weight has shape \(3,\): .*\(36,\)"),
        (lambda: sl.HelixGaussian(sigma="wide"), TypeError, "sigma is 'wide'"),
        (lambda: sl.ArgmaxDistance(coil_degrees=None), TypeError, "coil_degrees is None"),
        (lambda: sl.spiral_loss(Z, T, backend="cuda"), ValueError, "backend is 'cuda'"),
    ],
)  # fmt: skip
def test_arguments_are_checked_when_they_are_given(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


def test_the_check_is_on_for_the_cpu_and_off_elsewhere():
    bad = torch.full((2, 12, 6), math.nan)
    with pytest.raises(ValueError, match="logit at"):
        sl.SpiralLoss(backend="torch")(bad, torch.zeros(2, 12, 6))
    z = torch.empty(2, 12, 6, device="meta")
    assert sl.SpiralLoss()(z, z).device.type == "meta"  # a check would read values, which meta tensors do not have


@pytest.mark.parametrize("path", ["native", "torch"])
def test_the_largest_logits_are_accepted(path):
    z, t = torch.full((1, 12, 2), 1e20), torch.zeros(1, 12, 2)
    assert on_path(path, z, t, bce=0.0)[0].isfinite()
    t[0, 3, 1] = 2
    with pytest.raises(ValueError, match=r"target at \(b 0, t 1, p 3\) is 2"):
        on_path(path, z, t)
