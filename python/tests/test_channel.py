# SPDX-License-Identifier: MIT
"""The loss for labels that are partly wrong: its two implementations, its limits, and what it learns."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import spiral_loss as sl  # noqa: E402
import spiral_loss.numpy as sln  # noqa: E402

GEOMETRY = {"helix": sl.Helix([1.3, 0, 0, 0, 0, 0], 0.25), "blur_length": 0.35}


def music(batch=3, keys=36, frames=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    label = (torch.rand(batch, keys, frames, generator=generator) < 0.1).double()
    return torch.randn(batch, keys, frames, generator=generator, dtype=torch.float64) * 3 - 3 + 4 * label, label


@pytest.mark.parametrize("backend", ["native", "torch"])
@pytest.mark.parametrize("target", ["music", "silent", "full"])
def test_without_wrong_labels_it_is_cross_entropy(backend, target):
    logits, label = music()
    label = {"music": label, "silent": label * 0, "full": label * 0 + 1}[target]
    logits[0, :, 0], logits[0, ::3, 1] = 1000.0, -1000.0
    logits = logits.requires_grad_()
    loss = sl.channel_loss(logits, label, eta=0.0, backend=backend, reduction="sum")
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(logits, label, reduction="sum")
    (grad,), (other,) = torch.autograd.grad(loss, logits), torch.autograd.grad(wanted, logits)
    assert torch.allclose(loss, wanted, rtol=1e-12, atol=0)
    assert torch.allclose(grad, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("eta", [0.0, 0.3, 0.95])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradcheck(eta, weighted):
    logits, label = music(1, 13, 4)
    weight = torch.rand(1, 13, 4, dtype=torch.float64) * 2 * (torch.rand(1, 13, 4) < 0.8) if weighted else None
    logits[..., 0] = logits[..., 0].sign() * 12
    label[..., 1], label[..., 2] = 0, 1
    logits.requires_grad_()
    for backend in ("native", "torch"):
        options = {"eta": eta, "sample_weight": weight, "backend": backend, **GEOMETRY}
        assert torch.autograd.gradcheck(lambda z: sl.channel_loss(z, label, **options), logits)  # noqa: B023
    assert torch.autograd.gradgradcheck(lambda z: sl.channel_loss(z, label, eta=eta, backend="torch"), logits)


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_preset_octaves_is_the_helix_measured_in_experiment_002(backend):
    logits, label = music(keys=88)
    loss = sl.ChannelLoss(0.4, helix="octaves", backend=backend)
    measured = sl.ChannelLoss(0.4, helix=sl.Helix([4.0], 0.25), blur_length=0.05, backend=backend)
    assert loss(logits, label).item() == pytest.approx(measured(logits, label).item(), rel=1e-12)
    value = sln.value_and_grad(logits.numpy(), label.numpy(), kind="channel", eta=0.4, bce=0.0, helix="octaves")[0]
    assert value == pytest.approx(loss(logits, label).item(), rel=1e-12)
    # A label an octave off costs less than one a semitone off, which costs as much as a wrong label without a channel.
    note = torch.full((1, 88, 1), -9.0).index_fill(1, torch.tensor([40]), 9.0)
    octave, semitone = (torch.zeros(1, 88, 1).index_fill(1, torch.tensor([40 + d]), 1.0) for d in (12, 1))
    assert loss(note, octave) < 0.3 * loss(note, semitone)


def test_numpy_gives_the_same():
    logits, label = music()
    logits.requires_grad_()
    loss = sl.channel_loss(logits, label, eta=0.4, **GEOMETRY)
    loss.backward()
    value, grad = sln.value_and_grad(
        logits.detach().numpy(), label.numpy(), kind="channel", eta=0.4, bce=0.0, **GEOMETRY
    )
    assert value == pytest.approx(loss.item(), rel=1e-14)
    np.testing.assert_allclose(grad, logits.grad.numpy(), rtol=1e-14)


@pytest.mark.parametrize("eta", [-0.1, 1.0, float("nan")])
def test_eta_out_of_range_is_refused(eta):
    with pytest.raises(ValueError, match="eta is .*: must be at least 0 and less than 1"):
        sl.ChannelLoss(eta=eta)


def test_triton_names_the_backend_that_has_it():
    logits, label = (x.float() for x in music())
    with pytest.raises(ValueError, match="triton"):
        sl.channel_loss(logits, label, backend="triton")


def fit(loss, label, steps=200, extra=()):
    """Minimises the loss over one logit per key, the same in all frames, so only the loss determines the result."""
    logits = torch.zeros(1, label.shape[1], 1, requires_grad=True)
    optimiser = torch.optim.Adam([logits, *extra], lr=0.1)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(logits.expand(label.shape), label).backward()
        optimiser.step()
    return torch.sigmoid(logits.detach())[0, :, 0]


def test_a_note_that_is_often_an_octave_off_is_found():
    generator = torch.Generator().manual_seed(1)
    frames = 1000
    label = torch.zeros(1, 36, frames)
    off = torch.rand(frames, generator=generator) < 0.3
    label[0, 12, ~off] = 1
    label[0, 24, off] = 1
    plain = fit(sl.ChannelLoss(eta=0.0, pitch_dim=1, time_dim=2), label)
    forward = fit(sl.ChannelLoss(eta=0.5, pitch_dim=1, time_dim=2, **GEOMETRY), label)
    assert plain[12] < 0.75
    assert plain[24] > 0.25
    assert forward[12] > 0.95
    assert forward[24] < 0.2


def test_etas_are_learned_where_the_notes_are_known():
    """Each note is certain, so the loss can only learn how the labels were moved."""
    generator = torch.Generator().manual_seed(2)
    frames = 1500
    logits, label = torch.full((1, 48, frames), -8.0), torch.zeros(1, 48, frames)
    note = torch.randint(12, 36, (frames,), generator=generator)
    u = torch.rand(frames, generator=generator)
    up = torch.where(torch.rand(frames, generator=generator) < 0.5, 1, -1)
    heard = torch.where(u < 0.2, note + 12 * up, torch.where(u < 0.3, note + up, note))
    at = torch.arange(frames)
    logits[0, note, at], label[0, heard, at] = 8.0, 1.0
    loss = sl.LearnedChannelLoss(keys=48)
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.1)
    for _ in range(150):
        optimiser.zero_grad()
        loss(logits, label).backward()
        optimiser.step()
    etas = loss.etas()
    assert abs(etas["octaves"] - 0.2) < 0.05
    assert abs(etas["neighbours"] - 0.1) < 0.05
    assert etas["others"] < 0.03


def test_learned_etas_have_a_gradient_that_is_right():
    logits, label = music(1, 14, 3)
    loss = sl.LearnedChannelLoss(keys=14, eta=0.4).double()
    weight = torch.rand(1, 14, 3, dtype=torch.float64)

    def value(z, raw):
        return torch.func.functional_call(loss, {"raw": raw}, (z, label, weight))

    assert torch.autograd.gradcheck(value, (logits.requires_grad_(), loss.raw))
    same = sl.ChannelLoss(eta=0.4)
    assert loss(logits, label).shape == same(logits, label).shape


def test_learned_etas_say_what_is_wrong_with_arguments():
    for keys, eta, what in ((1, 0.1, "keys is 1"), (36, 0.0, "eta is 0"), (36, 1.0, "eta is 1")):
        with pytest.raises(ValueError, match=what):
            sl.LearnedChannelLoss(keys=keys, eta=eta)
    with pytest.raises(ValueError, match="input has 12 keys: must be 36"):
        sl.LearnedChannelLoss(keys=36)(torch.zeros(1, 12, 2), torch.zeros(1, 12, 2))
