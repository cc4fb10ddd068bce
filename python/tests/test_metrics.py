# SPDX-License-Identifier: MIT
"""Scores: against mir_eval where it is installed, against small cases, and adding up."""

import warnings

import numpy as np
import pytest

from spiral_loss import Helix
from spiral_loss.metrics import MultiPitch, OctaveShare, SpiralError


def pair(seed=0, *shape):
    g = np.random.default_rng(seed)
    shape = shape or (4, 30, 20)
    target = g.random(shape) < 0.1
    predicted = target ^ (g.random(shape) < 0.05)
    return predicted, target


def test_multi_pitch_is_mir_eval():
    mir_eval = pytest.importorskip("mir_eval")
    predicted, target = pair(1, 1, 36, 200)
    times = np.arange(200) * 0.01

    def hertz(roll):
        return [440 * 2 ** ((np.flatnonzero(c) + 48 - 69) / 12) for c in roll[0].T]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = mir_eval.multipitch.evaluate(times, hertz(target), times, hertz(predicted))
    ours = MultiPitch()
    ours.update(predicted, target)
    scores = ours.compute()
    assert set(theirs) < set(scores)
    for name, value in theirs.items():
        assert scores[name] == pytest.approx(value, abs=1e-12), name


def column(*keys):
    roll = np.zeros((36, 1), bool)
    roll[list(keys)] = True
    return roll


def test_spiral_error_of_one_note():
    helix = Helix.preset("chromatic")
    for other in (13, 18, 24):
        distance = helix.distance(12, other)
        assert SpiralError()(column(other), column(12)) == pytest.approx(2 * (1 - np.exp(-distance / 2)))
        assert SpiralError(hard=True)(column(other), column(12)) == pytest.approx(min(distance, 2))
    assert SpiralError()(column(), column(12)) == pytest.approx(1)
    assert SpiralError()(column(12), column(12)) == 0
    assert SpiralError(helix="fifths")(column(19), column(12)) < SpiralError()(column(19), column(12))


def test_octave_share():
    share = OctaveShare()
    share.update(column(24), column(12))
    assert share.compute() == 1
    share.update(column(13), column(12))
    assert share.compute() == 0.5
    share.reset()
    assert share.compute() == 0


@pytest.mark.parametrize("metric", [MultiPitch, SpiralError, OctaveShare])
def test_parts_add_up(metric):
    predicted, target = pair()
    whole, parts, other = metric(), metric(), metric()
    whole.update(predicted, target)
    parts.update(predicted[:1], target[:1])
    other.update(predicted[1:], target[1:])
    parts.merge(other)
    assert parts.compute() == pytest.approx(whole.compute())
    summed = metric()
    summed.load_state(parts.state() - other.state() + other.state())
    assert summed.compute() == pytest.approx(whole.compute())
    again = metric()
    assert again(predicted[:1], target[:1]) != whole.compute() or metric is OctaveShare
    again(predicted[1:], target[1:])
    assert again.compute() == pytest.approx(whole.compute())


def test_layouts_types_and_thresholds_do_not_matter():
    predicted, target = pair()
    wanted = MultiPitch()(predicted, target)
    turned = MultiPitch(pitch_dim=-1, time_dim=-2)
    assert turned(predicted.swapaxes(1, 2), target.swapaxes(1, 2)) == wanted
    assert MultiPitch()(np.where(predicted, 1.5, -0.5), target.astype(np.uint8)) == wanted
    assert MultiPitch(threshold=0.5)(np.where(predicted, 0.7, 0.3), target.astype(float)) == wanted
    torch = pytest.importorskip("torch")
    logits = torch.where(torch.from_numpy(predicted), 2.0, -2.0).requires_grad_()
    assert MultiPitch()(logits, torch.from_numpy(target)) == wanted
    assert MultiPitch()(logits.bfloat16(), torch.from_numpy(target)) == wanted


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: MultiPitch()(np.zeros((2, 3)), np.zeros((2, 4))), r"pred has shape \(2, 3\)"),
        (lambda: MultiPitch()(np.zeros(3), np.zeros(3)), "two dimensions"),
        (lambda: MultiPitch(low=120)(np.zeros((36, 2)), np.zeros((36, 2))), "low is 120 with 36 keys"),
        (lambda: MultiPitch(pitch_dim=0, time_dim=0), "two different dimensions"),
        (lambda: MultiPitch()(np.full((3, 2), np.nan), np.zeros((3, 2))), "NaN"),
        (lambda: SpiralError(helix="x"), "preset"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
