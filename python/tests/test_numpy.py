# SPDX-License-Identifier: MIT
"""The NumPy interface: value and gradient on arrays of any layout, against differences and a table of docs/math.md."""

import re

import numpy as np
import pytest
from conftest import SOURCE

from spiral_loss import numpy as sn

KINDS = ("bce", "spiral", "energy", "gauss", "weighted_bce", "channel", "distance_mask", "distance_mask_circular")


def rolls(*shape, dtype=np.float64, seed=0):
    g = np.random.default_rng(seed)
    return g.normal(0, 2, shape).astype(dtype), (g.random(shape) < 0.15).astype(dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_is_the_slope_of_the_value(kind):
    z, t = rolls(2, 6, 4)
    w = np.linspace(0, 2, 6)[:, None]
    arguments = {"kind": kind, "lambd": 1.5, "low": 50, "reduction": "per_note"}
    value, grad = sn.value_and_grad(z, t, w, **arguments)
    h = 1e-6
    for at in np.ndindex(z.shape):
        z[at] += h
        above, none = sn.value_and_grad(z, t, w, need_grad=False, **arguments)
        z[at] -= 2 * h
        below, _ = sn.value_and_grad(z, t, w, need_grad=False, **arguments)
        z[at] += h
        assert none is None
        assert abs((above - below) / (2 * h) - grad[at]) < 1e-7 * (1 + abs(grad[at]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layouts_do_not_matter(dtype):
    z, t = rolls(3, 2, 20, 8, dtype=dtype)
    value, grad = sn.value_and_grad(z, t)
    assert grad.dtype == dtype
    for turn, dims in (((0, 1, 3, 2), (-1, -2)), ((2, 3, 0, 1), (0, 1)), ((2, 0, 1, 3), (0, 3))):
        zt, tt = z.transpose(turn), t.transpose(turn)
        for a, b in ((zt, tt), (zt.copy(), tt)):
            v, g = sn.value_and_grad(a, b, pitch_dim=dims[0], time_dim=dims[1])
            assert v == pytest.approx(value, rel=1e-7)  # rolls may come in another order
            assert np.allclose(g, grad.transpose(turn), rtol=1e-6, atol=1e-9)
    frames, _ = sn.value_and_grad(z, t, reduction="none")
    assert frames.shape == (3, 2, 8)
    assert frames.mean() == pytest.approx(value, rel=1e-6)
    turned, _ = sn.value_and_grad(
        z.transpose(2, 3, 0, 1), t.transpose(2, 3, 0, 1), reduction="none", pitch_dim=0, time_dim=1
    )
    assert np.array_equal(turned, frames.transpose(2, 0, 1))


def test_the_same_as_the_tensors():
    torch = pytest.importorskip("torch")
    import spiral_loss as sl

    z, t = rolls(4, 36, 36, dtype=np.float32)
    x = torch.from_numpy(z).requires_grad_()
    loss = sl.SpiralLoss(helix="tonnetz", time_blur=1.5)(x, torch.from_numpy(t))
    loss.backward()
    value, grad = sn.value_and_grad(z, t, helix="tonnetz", time_blur=1.5)
    assert np.float32(value) == loss.item()
    assert np.array_equal(grad, x.grad.numpy())


@pytest.mark.parametrize(
    "row", ["substitute", "insert", "substitute, fifths", "substitute, tonnetz", "substitute, mixed"]
)
@pytest.mark.parametrize("page", ["docs/math.md", "python/README.md"])
def test_interval_table_of_the_pages(page, row):
    text = (SOURCE / page).read_text()
    cells = re.search(rf"^\| {row} \|(.*)\|$", text, re.MULTILINE)[1].split("|")
    helix = row.partition(", ")[2] or "chromatic"
    substitute, insert = sn.interval_costs(25, helix=helix)
    ours = insert if row == "insert" else substitute
    wanted = [float(c) for c in cells]
    assert np.allclose(ours[[*range(1, 13), 24]], wanted, atol=0.0051)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"pred": np.zeros((3, 4), int)}, TypeError, "pred is of int64: must be float32 or float64"),
        ({"pred": np.zeros(3)}, ValueError, r"pred has shape \(3,\)"),
        (
            {"pred": np.zeros((3, 4)), "target": np.zeros((3, 4))},
            ValueError,
            r"pred has shape \(3, 4\): must be \(B, keys, frames\)",
        ),
        ({"target": np.zeros((1, 3, 5))}, ValueError, r"target has shape \(1, 3, 5\)"),
        ({"pitch_dim": 2}, ValueError, "two different dimensions"),
        ({"time_dim": 3}, ValueError, "time_dim is 3"),
        ({"low": 126}, ValueError, "low is 126"),
        ({"pred": np.full((1, 3, 4), np.nan)}, ValueError, "logit at .* nan"),
        ({"kind": "fancy"}, ValueError, '"fancy": not one of'),
        ({"colour": 1}, TypeError, "colour"),
        ({"kind": 3}, TypeError, "kind is 3: must be a name, such as 'spiral'"),
        ({"lambd": "2"}, TypeError, "lambd is '2': must be a number"),
        ({"helix": None}, TypeError, "helix is None: must be a preset's name"),
        ({"pitch_dim": "keys"}, TypeError, "pitch_dim is 'keys': must be a whole number"),
        ({"sample_weight": np.ones(7)}, ValueError, r"weight has shape \(7,\): must broadcast to \(1, 3, 4\)$"),
        ({"sample_weight": np.ones((1, 1, 3, 4))}, ValueError, "must broadcast"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(arguments, error, sentence):
    given = {"pred": np.zeros((1, 3, 4)), "target": np.zeros((1, 3, 4)), **arguments}
    with pytest.raises(error, match=sentence):
        sn.value_and_grad(given.pop("pred"), given.pop("target"), **given)
    with pytest.raises(ValueError, match="intervals is 0"):
        sn.interval_costs(0)


def test_cells_of_weight_0_may_hold_anything():
    z, t = rolls(2, 6, 4)
    w = np.ones((2, 6, 4))
    w[0, 3, 2] = w[1, :, 1] = 0
    wanted = sn.value_and_grad(z, t, w)
    z[0, 3, 2], t[1, :, 1] = np.nan, -100
    value, grad = sn.value_and_grad(z, t, w)
    assert value == wanted[0]
    assert np.array_equal(grad, wanted[1])


def test_an_empty_batch():
    z = np.zeros((0, 6, 4))
    assert np.isnan(sn.value_and_grad(z, z)[0])
    value, grad = sn.value_and_grad(z, z, reduction="sum")
    assert value == 0
    assert grad.shape == z.shape
    assert sn.value_and_grad(z, z, reduction="none")[0].shape == (0, 4)
    assert sn.value_and_grad(np.zeros((2, 6, 0)), np.zeros((2, 6, 0)), reduction="none")[0].shape == (2, 0)


def test_names_of_version_0_1_warn_and_work():
    z, t = rolls(2, 6, 4)
    with pytest.warns(DeprecationWarning, match="time_tolerance is now called time_blur"):
        value, _ = sn.value_and_grad(z, t, time_tolerance=1.0)
    assert value == sn.value_and_grad(z, t, time_blur=1.0)[0]
    with pytest.warns(DeprecationWarning, match="kind 'seed_mask' is now called 'distance_mask'"):
        value, _ = sn.value_and_grad(z, t, kind="seed_mask")
    assert value == sn.value_and_grad(z, t, kind="distance_mask")[0]
