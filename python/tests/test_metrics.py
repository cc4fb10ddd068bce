# SPDX-License-Identifier: MIT
"""Scores: against mir_eval if it is installed, against small cases, and adding the counts of parts."""

import subprocess
import sys
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


def frame(*keys):
    roll = np.zeros((1, 36, 1), bool)
    roll[0, list(keys)] = True
    return roll


def test_spiral_error_of_one_note():
    helix = Helix.preset("chromatic")
    for other in (13, 18, 24):
        distance = helix.distance(12, other)
        assert SpiralError()(frame(other), frame(12)) == pytest.approx(2 * (1 - np.exp(-distance / 2)))
        assert SpiralError(hard=True)(frame(other), frame(12)) == pytest.approx(min(distance, 2))
    assert SpiralError()(frame(), frame(12)) == pytest.approx(1)
    assert SpiralError()(frame(12), frame(12)) == 0
    assert SpiralError(helix="fifths")(frame(19), frame(12)) < SpiralError()(frame(19), frame(12))


def test_octave_share():
    share = OctaveShare()
    share.update(frame(24), frame(12))
    assert share.compute() == 1
    share.update(frame(13), frame(12))
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


def metrics():
    return [MultiPitch(), OctaveShare(), SpiralError(), SpiralError(hard=True), SpiralError(helix="tonnetz", low=30)]


@pytest.mark.parametrize("shape", [(4, 36, 20), (3, 2, 88, 7), (2, 128, 5), (2, 5, 3), (0, 36, 4)])
def test_tensors_count_what_arrays_count(shape):
    torch = pytest.importorskip("torch")
    predicted, target = pair(3, *shape)
    for ours, theirs in zip(metrics(), metrics()):
        if ours.low + shape[-2] > 128:
            continue
        ours.update(torch.from_numpy(predicted), torch.from_numpy(target))
        theirs.update(predicted, target)
        assert ours.state() == pytest.approx(theirs.state(), rel=1e-12, abs=0), type(ours)
        assert ours.compute() == pytest.approx(theirs.compute(), rel=1e-12)


def test_types_of_tensors_do_not_matter():
    torch = pytest.importorskip("torch")
    predicted, target = pair()
    wanted = MultiPitch()(predicted, target)
    logits = torch.where(torch.from_numpy(predicted), 2.0, -2.0).requires_grad_()
    for pred in (logits, logits.bfloat16(), logits.detach().long()):
        for right in (torch.from_numpy(target), torch.from_numpy(target).float(), target):
            assert MultiPitch()(pred, right) == wanted
    assert MultiPitch()(predicted, torch.from_numpy(target)) == wanted
    with pytest.raises(ValueError, match="NaN"):
        MultiPitch()(torch.full((1, 3, 2), float("nan")), torch.zeros(1, 3, 2))


def test_tensors_stay_where_they_are():
    torch = pytest.importorskip("torch")
    from torch.utils._python_dispatch import TorchDispatchMode

    class NoHost(TorchDispatchMode):
        """Raises if the value of a tensor is read."""

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            assert function is not torch.ops.aten._local_scalar_dense.default
            return function(*args, **(kwargs or {}))

    z = torch.empty(8, 36, 20, device="meta")
    for metric in (MultiPitch(), OctaveShare(), SpiralError()):
        with NoHost():
            metric.update(z, z)
            metric.update(z, z)
        assert metric._on_device[0].device.type == "meta"


def test_arrays_take_one_call_of_the_library(monkeypatch):
    from spiral_loss import metrics as module

    calls = []
    monkeypatch.setattr(module, "call", lambda *a, real=module.call: (calls.append(a), real(*a)))
    predicted, target = pair(1, 500, 12, 4)
    metric = MultiPitch()
    metric.update(predicted, target)
    assert len(calls) == 1
    assert metric.state()[module._COUNTS.index("windows")] == 500
    exact = (predicted == target).all(axis=(1, 2)).sum()
    assert metric.state()[module._COUNTS.index("windows_exact")] == exact > 0


DISTRIBUTED = """
import os, sys, numpy as np, torch, torch.distributed as dist
from spiral_loss.metrics import MultiPitch, OctaveShare, SpiralError
rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
data = np.load(sys.argv[3])
mine = slice(0, 1) if rank == 0 else slice(1, None)  # unequal shares
for number, kind in enumerate((MultiPitch, OctaveShare, SpiralError)):
    metric, whole, alone = kind(), kind(sync_on_compute=False), kind(sync_on_compute=False)
    y, t = (torch.from_numpy(data[n]) for n in ("predicted", "target"))
    batch = metric(y[mine], t[mine])  # of this process
    alone.update(y[mine], t[mine])
    assert batch == alone.compute()
    whole.update(y, t)
    close = lambda a, b: np.allclose(np.array(list(a.values()) if isinstance(a, dict) else a),
                                     np.array(list(b.values()) if isinstance(b, dict) else b), rtol=1e-12)
    for _ in range(2):  # compute changes nothing
        assert close(metric.compute(), whole.compute()), kind
    assert not close(alone.compute(), whole.compute()), kind
    if rank == 1:
        metric.reset()
    if rank == 0:
        metric.reset()
    metric.update(data["predicted"][mine], data["target"][mine])  # arrays
    assert close(metric.compute(), whole.compute()), kind
empty = MultiPitch()
if rank == 0:
    empty.update(y, t)  # the other process has nothing
assert close(empty.compute(), {**MultiPitch(sync_on_compute=False)(y, t)})
dist.destroy_process_group()
print("equal", flush=True)
os._exit(0)  # a thread of gloo may abort the process while Python shuts down (PyTorch 2.13)
"""


def test_two_processes_compute_the_score_of_all(tmp_path):
    torch = pytest.importorskip("torch")
    if not torch.distributed.is_available():
        pytest.skip("this torch has no torch.distributed")
    predicted, target = pair(7, 6, 36, 20)
    np.savez(tmp_path / "data.npz", predicted=predicted, target=target)
    (tmp_path / "script.py").write_text(DISTRIBUTED)
    runs = [
        subprocess.Popen(
            [sys.executable, tmp_path / "script.py", str(rank), tmp_path / "store", tmp_path / "data.npz"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    for run in runs:
        out, error = run.communicate(timeout=120)
        assert run.returncode == 0, error
        assert out == "equal\n"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: MultiPitch()(np.zeros((2, 3)), np.zeros((2, 4))), r"pred has shape \(2, 3\)"),
        (
            lambda: MultiPitch()(np.zeros((2, 1296)), np.zeros((2, 1296))),
            r"pred has shape \(2, 1296\): must be \(B, keys",
        ),
        (lambda: MultiPitch(low=120)(np.zeros((1, 36, 2)), np.zeros((1, 36, 2))), "low is 120 with 36 keys"),
        (lambda: MultiPitch(pitch_dim=0, time_dim=0), "two different dimensions"),
        (lambda: MultiPitch()(np.full((1, 3, 2), np.nan), np.zeros((1, 3, 2))), "NaN"),
        (lambda: SpiralError(helix="x"), "preset"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_arguments_of_another_type_are_refused_with_a_sentence():
    with pytest.raises(TypeError, match="threshold is 'x': must be a number"):
        MultiPitch(threshold="x")
    with pytest.raises(TypeError, match="low is 0.5: must be a whole number"):
        MultiPitch(low=0.5)
    with pytest.raises(TypeError, match="time_dim is 'frames': must be a whole number"):
        MultiPitch(time_dim="frames")


def test_sparse_tensors_are_refused():
    torch = pytest.importorskip("torch")
    dense = torch.zeros(2, 36, 8)
    for pair, name in (((dense.to_sparse(), dense), "pred"), ((dense, dense.to_sparse()), "target")):
        with pytest.raises(TypeError, match=rf"{name} has layout torch.sparse_coo: .* {name}.to_dense\(\)"):
            MultiPitch().update(*pair)
