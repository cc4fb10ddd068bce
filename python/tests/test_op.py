# SPDX-License-Identifier: MIT
"""The operator inside PyTorch: compile, export, functorch, threads, and torch without custom_op."""

import concurrent.futures
import io

import pytest

torch = pytest.importorskip("torch")

import spiral_loss as sl  # noqa: E402
from spiral_loss import _op  # noqa: E402

needs_op = pytest.mark.skipif(not _op.HAS_CUSTOM_OP, reason=f"torch {torch.__version__} has no custom_op")


def rolls(*shape, dtype=torch.float32):
    g = torch.Generator().manual_seed(1)
    return torch.randn(*shape, generator=g).to(dtype), (torch.rand(*shape, generator=g) < 0.1).to(dtype)


def gradient(loss, z, t, *more):
    x = z.clone().requires_grad_()
    value = loss(x, t, *more)
    value.backward()
    return value.detach(), x.grad


class Step(torch.nn.Module):
    """A layer followed by the loss, as in a training script."""

    def __init__(self, loss):
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.loss = torch.nn.Linear(12, 12), loss

    def forward(self, z, t):
        return self.loss(self.layer(z) * 2, t)


@needs_op
@pytest.mark.parametrize("arguments", [{}, {"time_blur": 1.0}, {"pitch_dim": -1, "time_dim": -2}, {"backend": "torch"}])
def test_compile_fullgraph_forward_and_backward(arguments):
    z, t = rolls(4, 12, 12)
    step = Step(sl.SpiralLoss(**arguments))
    wanted = gradient(step, z, t)
    torch._dynamo.reset()
    compiled = torch.compile(step, fullgraph=True)
    ours = gradient(compiled, z, t)
    assert torch.allclose(ours[0], wanted[0], rtol=1e-5)
    assert torch.allclose(ours[1], wanted[1], rtol=1e-4, atol=1e-7)


@needs_op
def test_compile_of_the_function_with_weights_and_columns():
    z, t = rolls(4, 12, 12)
    mask = torch.arange(12) < 9
    torch._dynamo.reset()

    def f(z, t):
        return sl.spiral_loss(z, t, helix="fifths", lambd=2.0, reduction="none", sample_weight=mask).square().sum()

    ours, wanted = gradient(torch.compile(f, fullgraph=True), z, t), gradient(f, z, t)
    assert torch.allclose(ours[0], wanted[0], rtol=1e-5)
    assert torch.allclose(ours[1], wanted[1], rtol=1e-4, atol=1e-7)


@needs_op
def test_compiled_code_still_says_what_is_wrong():
    z, t = rolls(2, 12, 12)
    torch._dynamo.reset()
    compiled = torch.compile(sl.SpiralLoss(), fullgraph=True)
    compiled(z, t)
    with pytest.raises(ValueError, match="logit at .* nan"):
        compiled(z * float("nan"), t)


@needs_op
def test_export_and_reload(tmp_path):
    z, t = rolls(4, 12, 12)
    step = Step(sl.SpiralLoss(helix="mixed", low=60))
    exported = torch.export.export(step, (z, t))
    assert "spiral_loss.value_grad" in str(exported.graph)
    buffer = io.BytesIO()
    torch.export.save(exported, buffer)
    buffer.seek(0)
    again = torch.export.load(buffer).module()
    assert torch.allclose(again(z, t), step(z, t), rtol=1e-6)


def test_functorch_grad_vmap_and_both():
    z, t = rolls(5, 12, 12, dtype=torch.float64)
    for reduction in ("mean", "sum"):
        loss = sl.SpiralLoss(reduction=reduction, pitch_dim=-2)
        wanted = [gradient(loss, a, b) for a, b in zip(z, t)]
        values, grads = (torch.stack(x) for x in zip(*wanted))
        assert torch.allclose(torch.func.grad(loss)(z[0], t[0]), grads[0], rtol=1e-12)
        assert torch.allclose(torch.func.vmap(loss)(z, t), values, rtol=1e-12)
        assert torch.allclose(torch.func.vmap(torch.func.grad(loss))(z, t), grads, rtol=1e-12)
        assert torch.allclose(torch.func.grad(lambda z, f=loss: torch.func.vmap(f)(z, t).sum())(z), grads, rtol=1e-12)
        shared = torch.func.vmap(loss, in_dims=(0, None))(z, t[0])
        assert torch.allclose(shared[3], loss(z[3], t[0]), rtol=1e-12)


def test_per_sample_gradients_of_a_network():
    z, t = rolls(6, 12, 12)
    layer, loss = torch.nn.Linear(12, 12), sl.SpiralLoss(pitch_dim=-2)
    parameters = dict(layer.named_parameters())

    def one(parameters, z, t):
        return loss(torch.func.functional_call(layer, parameters, z), t)

    each = torch.func.vmap(torch.func.grad(one), in_dims=(None, 0, 0))(parameters, z, t)["weight"]
    assert each.shape == (6, 12, 12)
    layer.zero_grad()
    loss(layer(z[2]), t[2]).backward()
    assert torch.allclose(each[2], layer.weight.grad, rtol=1e-4, atol=1e-7)


def test_second_derivatives_with_functorch():
    z, t = rolls(4, 3, dtype=torch.float64)
    native, plain = sl.SpiralLoss(pitch_dim=-2), sl.SpiralLoss(backend="torch", pitch_dim=-2)
    with pytest.raises(RuntimeError, match="first derivatives only"):
        torch.func.jacrev(torch.func.grad(native))(z, t)
    assert torch.func.hessian(plain)(z, t).shape == (4, 3, 4, 3)


def test_forward_mode_derivatives():
    z, t = rolls(4, 3, dtype=torch.float64)
    for transform in (torch.func.jacfwd, torch.func.hessian):
        with pytest.raises(NotImplementedError, match='no forward-mode derivatives .* backend="torch"'):
            transform(sl.SpiralLoss(pitch_dim=-2))(z, t)
    plain = sl.SpiralLoss(backend="torch", pitch_dim=-2)
    assert torch.allclose(torch.func.jacfwd(plain)(z, t), torch.func.grad(sl.SpiralLoss(pitch_dim=-2))(z, t))


@needs_op
def test_compiled_functorch():
    z, t = rolls(3, 12, 12)
    torch._dynamo.reset()
    loss, plain = sl.SpiralLoss(pitch_dim=-2), sl.SpiralLoss(backend="torch", pitch_dim=-2)
    assert torch.allclose(torch.compile(torch.func.vmap(loss), fullgraph=True)(z, t), torch.func.vmap(loss)(z, t))
    compiled = torch.compile(torch.func.grad(plain), fullgraph=True)
    assert torch.allclose(compiled(z[0], t[0]), torch.func.grad(loss)(z[0], t[0]), rtol=1e-4, atol=1e-7)


def test_threads_share_a_loss():
    z, t = rolls(64, 36, 36)
    loss = sl.SpiralLoss()
    wanted = gradient(loss, z, t)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for value, grad in pool.map(lambda _: gradient(loss, z, t), range(16)):
            assert torch.equal(value, wanted[0])
            assert torch.equal(grad, wanted[1])


def test_modules_can_be_copied_and_pickled():
    import copy
    import pickle

    z, t = rolls(2, 36, 36)
    loss = sl.SpiralLoss(helix="tonnetz", time_blur=0.5)
    for again in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(again(z, t), loss(z, t))


OLD_TORCH = """
import torch
import torch._dynamo  # this torch itself uses what is deleted here
del torch.library.custom_op
import spiral_loss as sl
from spiral_loss import _op
assert not _op.HAS_CUSTOM_OP
g = torch.Generator().manual_seed(1)
z, t = torch.randn(3, 9, 7, generator=g, dtype=torch.float64), (torch.rand(3, 9, 7, generator=g) < .2).double()
loss = sl.SpiralLoss(time_blur=1.0, pitch_dim=-2)
assert torch.autograd.gradcheck(lambda z: 2 * loss(z, t), (z.requires_grad_(),))
z = z.detach()
assert torch.allclose(torch.func.vmap(torch.func.grad(loss))(z, t)[1], torch.func.grad(loss)(z[1], t[1]))
print(float(loss(z, t)))
"""


def test_torch_without_custom_op_falls_back_to_a_function(python):
    g = torch.Generator().manual_seed(1)
    z, t = (
        torch.randn(3, 9, 7, generator=g, dtype=torch.float64),
        (torch.rand(3, 9, 7, generator=g) < 0.2).double(),
    )
    assert float(python(OLD_TORCH)) == float(sl.SpiralLoss(time_blur=1.0)(z, t))


def test_the_check_of_the_torch_path_under_transforms():
    z, t = rolls(5, 12, 12, dtype=torch.float64)
    loss = sl.SpiralLoss(backend="torch", pitch_dim=-2)
    assert torch.allclose(torch.func.vmap(loss)(z, t), torch.func.vmap(sl.SpiralLoss(pitch_dim=-2))(z, t))
    t[2, 3, 4] = 64
    for transform in (torch.func.vmap, lambda f: torch.func.vmap(torch.func.grad(f))):
        with pytest.raises(ValueError, match=r"target at \(b 0, t 4, p 3\) is 64"):
            transform(loss)(z, t)


THREADS = """
import torch, spiral_loss as sl
torch.set_num_threads({threads})
g = torch.Generator().manual_seed(1)
z, t = torch.randn(600, 36, 36, generator=g), (torch.rand(600, 36, 36, generator=g) < 0.1).float()
for reduction in ("mean", "sum", "per_note", "none"):
    x = z.clone().requires_grad_()
    value = sl.SpiralLoss(reduction=reduction)(x, t)
    value.sum().backward()
    print(value.double().sum().item().hex(), x.grad.double().sum().item().hex(), x.grad.abs().max().item().hex())
    print(hash(x.grad.numpy().tobytes()), hash(value.detach().numpy().tobytes()))
"""


def test_results_are_the_same_bits_for_any_number_of_threads(python):
    runs = {python(THREADS.format(threads=n), PYTHONHASHSEED="0") for n in (1, 2, 3, 5)}
    assert len(runs) == 1


def test_threads_are_used_and_may_be_forked():
    import os

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        z, t = rolls(600, 36, 36)
        loss = sl.SpiralLoss()
        wanted = loss(z, t)
        assert len(os.listdir("/proc/self/task")) > 1
        child = os.fork()
        if child == 0:  # like a worker of a DataLoader
            os._exit(0 if torch.equal(loss(z, t), wanted) else 1)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        torch.set_num_threads(before)
