# SPDX-License-Identifier: MIT
"""Decoding by the lowest expected energy: arguments and results. The search itself is tested in tests/decode/."""

import itertools

import numpy as np
import pytest

import spiral_loss as sl
from spiral_loss import decode


def test_it_finds_the_set_of_least_risk():
    generator = np.random.default_rng(0)
    kernel = np.array([[2 * np.exp(-decode.SHORT_RANGED.distance(p, q) / 2) for q in range(7)] for p in range(7)])
    sets = np.array(list(itertools.product((0, 1), repeat=7)), float)
    right = 0
    for _ in range(200):
        logits = generator.normal(size=7) * 2 - 1
        y = 1 / (1 + np.exp(-logits))
        risk = 0.5 * ((sets @ kernel) * sets).sum(1) - sets @ (kernel @ y)
        found = decode.min_risk(logits[:, None])[:, 0].astype(float)
        right += 0.5 * found @ kernel @ found - found @ kernel @ y <= risk.min() + 1e-5
    assert right >= 198


def test_arrays_and_tensors_give_the_same():
    torch = pytest.importorskip("torch")
    logits = np.random.default_rng(1).normal(size=(2, 3, 40, 9)).astype(np.float32) * 2 - 2
    array, tensor = decode.min_risk(logits), decode.min_risk(torch.from_numpy(logits).requires_grad_())
    assert array.dtype == bool
    assert tensor.dtype == torch.bool
    assert array.shape == logits.shape
    assert (tensor.numpy() == array).all()
    assert (decode.min_risk(logits[1, 2]) == array[1, 2]).all()
    assert (decode.min_risk(logits, low=60) == array).all()
    assert (decode.min_risk(logits, time_blur=1.0) != array).any()
    assert decode.min_risk(logits, scale=2.0).sum() > array.sum() > decode.min_risk(logits, scale=0.5).sum()


@pytest.mark.parametrize(
    ("options", "what"),
    [({"scale": 0.0}, "scale is 0"), ({"time_blur": -1.0}, "time_blur is -1"), ({"low": 100}, "40 keys from 100 on")],
)
def test_options_out_of_range_are_refused(options, what):
    with pytest.raises(ValueError, match=what):
        decode.min_risk(np.zeros((40, 3)), **options)
    with pytest.raises(ValueError, match="must be"):
        decode.min_risk(np.zeros(40))
    assert sl.decode is decode
