# SPDX-License-Identifier: MIT
"""How the Triton kernels are launched: tables, memory, repeated calls, streams, graphs (see triton_cases.py)."""

import collections
import itertools
import json
import pathlib
import random
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
from triton_cases import DEVICE, GPU, REDUCTIONS, gpu_only, gradient, rolls, weights  # noqa: E402

import spiral_loss as sl  # noqa: E402
from spiral_loss import _triton, _triton_launch, functional  # noqa: E402


def test_cells_are_loaded_by_fours_only_where_they_are_adjacent_and_aligned():
    rng = random.Random(1)
    found = collections.Counter()
    for _ in range(2000):
        shape = [rng.choice([1, 2, 3, 4, 8, 12]) for _ in range(4)]
        order, strides, step = rng.sample(range(4), 4), [0] * 4, 1
        for dim in order:
            strides[dim], step = step, step * shape[dim] * rng.choice([1, 1, 1, 2])
        if rng.random() < 0.3:
            strides[rng.randrange(4)] = 0
        time_last = rng.random() < 0.5
        width = _triton_launch._vector(tuple(strides), time_last, shape[3], shape[2], 4)
        found[width] += 1
        if width == 1:
            continue
        inner, outer = (2, 3) if time_last else (3, 2)
        assert shape[inner] % 4 == 0
        for rest in itertools.product(range(shape[0]), range(shape[1]), range(shape[outer])):
            for i in range(0, shape[inner], 4):
                at = [
                    sum(n * s for n, s in zip(rest, (strides[0], strides[1], strides[outer]))) + k * strides[inner]
                    for k in range(i, i + 4)
                ]
                assert at == list(range(at[0], at[0] + 4))
                assert at[0] % 4 == 0
    assert min(found[1], found[4]) > 100


def test_backward_multiplies_by_what_comes_from_above():
    z, t = rolls(3, 36, 12)
    loss = sl.SpiralLoss(backend="triton")
    _, grad = gradient(loss, z, t)
    x = z.clone().requires_grad_()
    value = loss(x, t)
    for factor in (1.0, 3.0, -2.0):  # the graph is kept, so the gradient must be too
        (g,) = torch.autograd.grad(factor * value, x, retain_graph=True)
        assert torch.allclose(g, factor * grad, rtol=1e-6)
    value.backward()
    assert torch.equal(x.grad, grad)
    with pytest.raises(RuntimeError, match="second time"):
        value.backward()
    x.grad = None
    (loss(x, t) + 2 * loss(x, t)).backward()
    assert torch.allclose(x.grad, 3 * grad, rtol=1e-6)
    (g,) = torch.autograd.grad(loss(x, t), x, torch.tensor([1.0, -2.0], device=DEVICE), is_grads_batched=True)
    assert torch.allclose(g, torch.stack([grad, -2 * grad]), rtol=1e-6)
    frames = sl.SpiralLoss(backend="triton", reduction="none")(x, t)
    by = torch.linspace(-1, 2, frames.numel(), device=DEVICE).view(frames.shape)
    (g,) = torch.autograd.grad(frames, x, by)
    exact = sl.SpiralLoss(backend="torch", reduction="none")
    wanted = gradient(lambda z: by * exact(z, t.double()), z.double())[1]
    assert (g - wanted).abs().max() <= 2e-6 * wanted.abs().max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_backward_multiplies_by_the_number_of_notes_and_frames_too(dtype):
    z, t = rolls(3, 36, 12, dtype=dtype)
    w = weights(3, 36, 12)
    for reduction, more in (("per_note", ()), ("mean", (w,))):
        loss = sl.SpiralLoss(reduction=reduction, backend="triton")
        exact = sl.SpiralLoss(reduction=reduction, backend="torch")
        wanted = gradient(exact, z.double(), t.double(), *(w.double() for w in more))[1]
        most = (2e-6 if dtype == torch.float32 else 1e-3) * wanted.abs().max()
        x = z.clone().requires_grad_()
        value = loss(x, t, *more)
        for factor, keep in ((1.0, True), (-3.0, True), (-3.0, False)):
            (g,) = torch.autograd.grad(value, x, torch.tensor(factor, device=DEVICE), retain_graph=keep)
            assert g.dtype == dtype
            assert (g - factor * wanted).abs().max() <= abs(factor) * most


def test_backward_gives_away_the_memory_that_the_kernel_wrote():
    z, t = rolls(3, 36, 12)
    loss = sl.SpiralLoss(backend="triton")
    x = z.clone().requires_grad_()
    value = loss(x, t)
    (kept,) = value.grad_fn.saved_tensors[:1]
    at = kept.data_ptr()
    del kept
    value.backward()
    assert x.grad.data_ptr() == at
    first = x.grad.clone()
    loss(x, t).backward()  # accumulates
    assert torch.equal(x.grad, 2 * first)


def test_a_repeated_call_checks_what_may_have_changed():
    z, t = rolls(3, 36, 12)
    w = weights(3, 36, 12)
    loss = sl.SpiralLoss(backend="triton")
    wanted = [loss(z, t), loss(z, t, w)]
    assert _triton.repeated(loss.options, z, t, w, None, None, "triton") is not None
    for args, error in (
        ((z, t.clone().requires_grad_()), "target requires a gradient"),
        ((z, t, w.clone().requires_grad_()), "weight requires a gradient"),
        ((z, t[:, :, :11]), "target has shape"),
        ((z, t.to("meta")), "target is on meta"),
        ((z, t, w[:2]), "weight has shape"),
    ):
        with pytest.raises(ValueError, match=error):
            loss(*args)
    for args in ((z, None), (None, t), (z, [1.0]), (z, t, 1.0), (z.long(), t), (z, t.to(torch.complex64))):
        with pytest.raises(TypeError):
            loss(*args)
    with pytest.raises(ValueError, match="backend is"):
        functional.apply(loss.options, z, t, backend="cuda")
    with pytest.raises(ValueError, match="two different dimensions"):
        functional.apply(loss.options, z, t, pitch_dim=-1)
    other = sl.SpiralLoss(blur_length=0.4, backend="triton")
    assert not torch.equal(other(z, t), wanted[0])  # the same tensors, other options
    assert torch.equal(loss(z, t), wanted[0])
    assert torch.equal(loss(z, t, w), wanted[1])
    for _ in range(2):  # new options in each call
        assert torch.equal(sl.spiral_loss(z, t, backend="triton"), wanted[0])
        assert torch.equal(sl.spiral_loss(z, t, blur_length=0.4, backend="triton"), other(z, t))
    x = z.clone().requires_grad_()
    with torch.no_grad():
        assert not loss(x, t).requires_grad
    assert loss(x, t).requires_grad
    assert loss(torch.nn.Parameter(z), t).requires_grad


def test_an_old_triton_is_not_used(monkeypatch):
    import triton

    monkeypatch.setattr(triton, "__version__", "3.1.0")
    why = functional._no_triton.__wrapped__()
    assert why == "kernels for Triton 3.1.0, only for 3.4 and newer"
    monkeypatch.setattr(functional, "_no_triton", lambda: why)
    z, t = rolls(2, 12, 4)
    with pytest.raises(ValueError, match="no kernels for Triton 3.1.0"):
        sl.spiral_loss(z, t, backend="triton", low=41)
    assert torch.isfinite(sl.spiral_loss(z, t, low=41))  # by another backend


def test_arrangements_are_not_kept_without_end(monkeypatch):
    monkeypatch.setattr(_triton, "_MOST", 8)
    loss = sl.SpiralLoss(backend="triton")
    for frames in range(1, 20):
        loss(*rolls(1, 12, frames))
        assert len(_triton._arrangements) <= 8


def test_no_gradient_is_made_where_none_is_wanted():
    z, t = rolls(2, 36, 12)
    loss = sl.SpiralLoss(backend="triton")
    assert not loss(z, t).requires_grad
    with torch.no_grad():
        assert not loss(z.clone().requires_grad_(), t).requires_grad
    with torch.inference_mode():
        inferred = loss(z, t)
    x = z.clone().requires_grad_()  # the tables made for inference are used for training too
    assert torch.equal(loss(x, t), inferred)
    assert not sl.SpiralLoss(backend="torch")(z, t).requires_grad


def test_what_the_kernels_do_not_have_is_refused_by_name_or_goes_the_torch_path():
    z, t = rolls(2, 36, 12)
    for loss, z_, what in [
        (sl.SpiralLoss(backend="triton"), z.double(), "tensors of torch.float64"),
        (sl.SpiralLoss(backend="triton", time_blur=1.0), z, "time_blur"),
        (sl.SpiralEnergy(backend="triton", time_blur=1.0), z, "time_blur"),
        (sl.DistanceMask(backend="triton"), z, "distance_mask"),
        (sl.ArgmaxDistance(backend="triton"), z, "argmax_distance"),
        (sl.SpiralLoss(backend="triton"), torch.empty(2, 36, 12, device="meta"), "tensors on meta"),
    ]:
        with pytest.raises(ValueError, match=f'backend is "triton", which has no {what}: use "auto"'):
            loss(z_, t.to(z_.device))
    for loss in (sl.SpiralLoss(time_blur=1.0), sl.DistanceMask()):
        assert loss(z, t).isfinite()
        assert loss(z.double(), t).isfinite()


def test_tables_are_made_once_and_kept():
    z, t = rolls(2, 20, 8)
    for backend in ("triton", "torch"):
        loss = sl.SpiralLoss(blur_length=0.123, backend=backend)
        with torch.inference_mode():
            loss(z, t)
        torch.func.grad(loss)(z, t)
        gradient(loss, z, t)


@gpu_only
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_a_cuda_graph_records_value_and_gradient(backend):
    loss = sl.SpiralLoss(backend=backend)
    z, t = rolls(4, 36, 36)
    static_z, static_t = z.clone().requires_grad_(), t.clone()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):
            static_z.grad = None
            loss(static_z, static_t).backward()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    static_z.grad = None
    with torch.cuda.graph(graph):
        value = loss(static_z, static_t)
        value.backward()
    for seed in (1, 2):
        z, t = rolls(4, 36, 36, seed=seed)
        with torch.no_grad():
            static_z.copy_(z)
            static_t.copy_(t)
        graph.replay()
        wanted, wanted_grad = gradient(loss, z, t)
        assert torch.equal(value, wanted)
        assert torch.equal(static_z.grad, wanted_grad)


@gpu_only
def test_a_capture_before_the_first_call_is_refused_in_one_sentence():
    z, t = rolls(4, 36, 36)
    sl.SpiralLoss()(z, t)
    graph = torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="call the loss once before the capture"), torch.cuda.graph(graph):
        sl.SpiralLoss(blur_length=0.4567)(z, t)
    assert sl.SpiralLoss(blur_length=0.4567)(z, t).isfinite()


@gpu_only
def test_no_call_waits_for_the_device():
    z, t = rolls(4, 36, 36)
    w = weights(4, 36, 36)
    for backend in ("auto", "torch"):
        for reduction in REDUCTIONS:
            loss = sl.SpiralLoss(reduction=reduction, backend=backend)
            gradient(loss, z, t, w)
            torch.cuda.set_sync_debug_mode("error")
            try:
                gradient(loss, z, t, w)
            finally:
                torch.cuda.set_sync_debug_mode("default")


@gpu_only
def test_streams_do_not_share_sums():
    z, t = rolls(512, 36, 36)
    loss = sl.SpiralLoss()
    wanted = loss(z, t)
    streams = [torch.cuda.Stream() for _ in range(4)]
    torch.cuda.synchronize()
    values = []
    for _ in range(10):
        for stream in streams:
            with torch.cuda.stream(stream):
                values.append(loss(z, t))
    torch.cuda.synchronize()
    assert all(torch.equal(v, wanted) for v in values)


@gpu_only
def test_large_gradients_are_multiplied_only_where_needed():
    z, t = rolls(4096, 36, 36)
    loss = sl.SpiralLoss(reduction="sum")
    exact = gradient(sl.SpiralLoss(reduction="sum", backend="torch"), z.double(), t.double())[1]
    for factor in (1.0, 3.0):
        _, grad = gradient(lambda z, f=factor: f * loss(z, t), z)
        assert (grad - factor * exact).abs().max() <= 2e-6 * factor * exact.abs().max()


@gpu_only
def test_auto_takes_the_kernels_on_a_gpu():
    z, t = rolls(4, 36, 36)
    assert functional._choose("auto", z, sl.SpiralLoss().options) == "triton"
    assert functional._choose("auto", z.double(), sl.SpiralLoss().options) == "torch"


@pytest.mark.skipif(GPU, reason="they run on the GPU")
def test_kernels_compile_for_a_gpu_that_is_not_there():
    helper = pathlib.Path(__file__).with_name("build_kernels.py")
    run = subprocess.run([sys.executable, helper, "--json"], capture_output=True, text=True, check=True)
    found = {f["kernel"]: f for f in json.loads(run.stdout)}
    assert len(found) == 10
    for name, f in found.items():
        assert f["shared"] <= 99 * 1024, name  # the size in the smallest of the GPUs
        assert f["spilled"] <= 2048, name
    assert found["spiral, 36 keys"]["registers"] <= 168
    assert found["spiral, 36 keys"]["spilled"] <= 256


@pytest.mark.skipif(GPU, reason="they run on the GPU")
def test_launches_pass_what_triton_would_pass():
    helper = pathlib.Path(__file__).with_name("launch_kernels.py")
    run = subprocess.run([sys.executable, "-W", "ignore", helper], capture_output=True, text=True)
    assert run.stdout.strip() == "ok", run.stderr


def test_the_check_is_made_on_request():
    z, t = rolls(2, 12, 6)
    t[1, 3, 2] = 64
    assert sl.SpiralLoss(backend="triton")(z, t).shape == ()
    for _ in range(2):  # a repeated call takes a shorter way, and must be checked too
        with pytest.raises(ValueError, match=r"target at \(b 1, t 2, p 3\) is 64: must be 0 to 1"):
            sl.SpiralLoss(backend="triton", check=True)(z, t)
