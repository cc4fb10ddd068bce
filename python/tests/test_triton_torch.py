# SPDX-License-Identifier: MIT
"""The Triton kernels inside PyTorch: hooks, compile, export, functorch, DDP (see triton_cases.py)."""

import concurrent.futures
import copy

import pytest

torch = pytest.importorskip("torch")
from triton_cases import DEVICE, GPU, gpu_only, gradient, needs_op, rolls, weights  # noqa: E402

import spiral_loss as sl  # noqa: E402
from spiral_loss import _triton  # noqa: E402


def test_hooks_see_and_change_gradients():
    z, t = rolls(3, 36, 12)
    loss = sl.SpiralLoss(backend="triton")
    _, grad = gradient(loss, z, t)
    x, seen = z.clone().requires_grad_(), []
    value = loss(x, t)
    value.register_hook(lambda by: 3 * by)
    x.register_hook(lambda g: seen.append(g.clone()))
    x.register_post_accumulate_grad_hook(lambda x: setattr(x, "grad", 2 * x.grad))
    value.backward()
    assert torch.allclose(seen[0], 3 * grad, rtol=1e-6)
    assert torch.allclose(x.grad, 6 * grad, rtol=1e-6)


def test_hooks_of_saved_tensors_may_replace_the_gradient():
    z, t = rolls(3, 36, 12)
    loss = sl.SpiralLoss(backend="triton")
    _, grad = gradient(loss, z, t)
    for pack, unpack, near in (
        (lambda g: g, lambda g: g, 1e-6),
        (lambda g: g.to("cpu", copy=True), lambda g: g.to(DEVICE), 1e-6),
        (lambda g: g.double(), lambda g: g, 1e-6),
        (lambda g: g.mT.contiguous(), lambda g: g.mT, 1e-6),
        (lambda g: (g * 65536).half(), lambda g: g / 65536, 1e-3),
    ):
        x = z.clone().requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            value = loss(x, t)
        value.backward(torch.tensor(-2.0, device=DEVICE))
        assert x.grad.dtype == torch.float32
        assert (x.grad + 2 * grad).abs().max() <= 2 * near * grad.abs().max()


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoints(reentrant):
    z, t = rolls(3, 36, 12)
    loss = sl.SpiralLoss(backend="triton")
    wanted, grad = gradient(loss, z, t)
    x = z.clone().requires_grad_()
    value = torch.utils.checkpoint.checkpoint(loss, x, t, use_reentrant=reentrant)
    (3 * value).backward()
    assert torch.equal(value, wanted)
    assert torch.allclose(x.grad, 3 * grad, rtol=1e-6)


def test_second_and_forward_derivatives_are_refused():
    z, t = rolls(2, 12, 8)
    loss = sl.SpiralLoss(backend="triton")
    x = z.clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(x, t), x, create_graph=True)
    assert torch.allclose(g, gradient(loss, z, t)[1])
    with pytest.raises(RuntimeError, match='first derivatives only; .* backend="torch"'):
        g.sum().backward()
    with pytest.raises(RuntimeError, match="first derivatives only"):
        torch.func.jacrev(torch.func.grad(loss))(z, t)
    with pytest.raises(NotImplementedError, match='no forward-mode derivatives .* backend="torch"'):
        torch.func.jacfwd(loss)(z, t)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(z, torch.ones_like(z))
        with pytest.raises(NotImplementedError, match="no forward-mode derivatives"):
            loss(dual, t)


def test_gradients_accumulate_over_parts_of_a_batch():
    z, t = rolls(8, 36, 12)
    whole, parts = z.clone().requires_grad_(), z.clone().requires_grad_()
    loss = sl.SpiralLoss(backend="triton")
    loss(whole, t).backward()
    for i in range(0, 8, 2):
        (loss(parts[i : i + 2], t[i : i + 2]) / 4).backward()
    assert torch.allclose(whole.grad, parts.grad, rtol=1e-5, atol=1e-9)


class Step(torch.nn.Module):
    """A layer followed by the loss, as in a training script."""

    def __init__(self, loss):
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.loss = torch.nn.Linear(12, 12).to(DEVICE), loss

    def forward(self, z, t):
        return self.loss(self.layer(z) * 2, t)


@needs_op
@pytest.mark.parametrize("arguments", [{}, {"pitch_dim": -1, "time_dim": -2}, {"reduction": "none"}])
def test_compile_fullgraph_forward_and_backward(arguments):
    z, t = rolls(4, 12, 12)
    step = Step(sl.SpiralLoss(backend="triton", **arguments))
    wanted = gradient(step, z, t)
    torch._dynamo.reset()
    value, grad = gradient(torch.compile(step, fullgraph=True), z, t)
    assert torch.allclose(value, wanted[0], rtol=1e-5)
    assert torch.allclose(grad, wanted[1], rtol=1e-4, atol=1e-7)


@needs_op
def test_compile_with_weights_and_per_note():
    z, t = rolls(4, 12, 12)
    mask = torch.arange(12, device=DEVICE) < 9
    torch._dynamo.reset()

    def f(z, t):
        return sl.spiral_loss(z, t.bool(), reduction="per_note", sample_weight=mask, backend="triton") ** 2

    wanted = gradient(f, z, t)
    value, grad = gradient(torch.compile(f, fullgraph=True), z, t)
    assert torch.allclose(value, wanted[0], rtol=1e-5)
    assert torch.allclose(grad, wanted[1], rtol=1e-4, atol=1e-7)


@needs_op
def test_export():
    z, t = rolls(4, 12, 12)
    step = Step(sl.SpiralLoss(backend="triton"))
    exported = torch.export.export(step, (z, t))
    assert "spiral_loss.value_grad_triton" in str(exported.graph)
    assert torch.allclose(exported.module()(z, t), step(z, t), rtol=1e-6)


def test_functorch_grad_vmap_and_both():
    z, t = rolls(5, 12, 12)
    w = weights(12, 12)
    for reduction in ("mean", "per_note"):
        loss = sl.SpiralLoss(reduction=reduction, backend="triton", pitch_dim=-2)
        wanted = [gradient(loss, a, b) for a, b in zip(z, t)]
        values, grads = (torch.stack(x) for x in zip(*wanted))
        near = {"rtol": 1e-5, "atol": 1e-8}
        assert torch.allclose(torch.func.grad(loss)(z[0], t[0]), grads[0], **near)
        assert torch.allclose(torch.func.vmap(loss)(z, t), values, **near)
        assert torch.allclose(torch.func.vmap(torch.func.grad(loss))(z, t), grads, **near)
        assert torch.allclose(torch.func.grad(lambda z, f=loss: torch.func.vmap(f)(z, t).sum())(z), grads, **near)
        shared = torch.func.vmap(loss, in_dims=(0, None, None))(z, t[0], w)
        assert torch.allclose(shared[3], loss(z[3], t[0], w), **near)


def test_per_sample_gradients_of_a_network():
    z, t = rolls(6, 12, 12)
    layer, loss = torch.nn.Linear(12, 12).to(DEVICE), sl.SpiralLoss(backend="triton", pitch_dim=-2)
    parameters = dict(layer.named_parameters())

    def one(parameters, z, t):
        return loss(torch.func.functional_call(layer, parameters, z), t)

    each = torch.func.vmap(torch.func.grad(one), in_dims=(None, 0, 0))(parameters, z, t)["weight"]
    layer.zero_grad()
    loss(layer(z[2]), t[2]).backward()
    assert torch.allclose(each[2], layer.weight.grad, rtol=1e-4, atol=1e-6)


def test_subclasses_and_negative_views_are_seen():
    z, t = rolls(2, 12, 8)
    loss = sl.SpiralLoss(backend="triton")
    assert torch.allclose(loss(torch._neg_view(z), t), loss(-z, t), rtol=1e-6)
    from torch.testing._internal.two_tensor import TwoTensor

    assert not _triton.plain(TwoTensor(z, z))
    left = []
    torch.func.grad(lambda z: (left.append(z), z.sum())[1])(z)
    for _ in range(2):  # a tensor that outlived its transform
        assert torch.allclose(loss(left[0], t), loss(z, t), rtol=1e-6)


def test_threads_share_a_loss():
    z, t = rolls(8, 36, 36)
    loss = sl.SpiralLoss(backend="triton")
    wanted = gradient(loss, z, t)
    with concurrent.futures.ThreadPoolExecutor(4 if GPU else 1) as pool:
        for value, grad in pool.map(lambda _: gradient(loss, z, t), range(8)):
            assert torch.equal(value, wanted[0])
            assert torch.equal(grad, wanted[1])


def test_modules_can_be_copied_and_pickled():
    import pickle

    z, t = rolls(2, 36, 36)
    loss = sl.SpiralLoss(helix="tonnetz", backend="triton")
    for again in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(again(z, t), loss(z, t))


@gpu_only
@needs_op
def test_compile_with_cuda_graphs():
    z, t = rolls(4, 12, 12)
    step = Step(sl.SpiralLoss())
    torch._dynamo.reset()
    compiled = torch.compile(step, mode="reduce-overhead", fullgraph=True)
    for seed in range(4):  # recorded at the second call or third, then replayed
        z, t = rolls(4, 12, 12, seed=seed)
        step.zero_grad()
        value = compiled(z, t)
        value.backward()
        grad = step.layer.weight.grad.clone()
        step.zero_grad()
        wanted = step(z, t)
        wanted.backward()
        assert torch.allclose(value, wanted, rtol=1e-5)
        assert torch.allclose(grad, step.layer.weight.grad, rtol=1e-4, atol=1e-7)


@gpu_only
def test_ddp_over_nccl(tmp_path):
    z, t = rolls(4, 12, 12)
    step = Step(sl.SpiralLoss())
    wanted = step(z, t)
    wanted.backward()
    grad = step.layer.weight.grad.clone()
    step.zero_grad()
    torch.distributed.init_process_group("nccl", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    try:
        value = torch.nn.parallel.DistributedDataParallel(step, device_ids=[0])(z, t)
        value.backward()
    finally:
        torch.distributed.destroy_process_group()
    assert torch.equal(value, wanted)
    assert torch.allclose(step.layer.weight.grad, grad, rtol=1e-6)


def test_the_first_call_may_be_a_compiled_one(python):
    code = """
import torch, spiral_loss as sl
z, t = torch.randn(2, 12, 8), (torch.rand(2, 12, 8) < 0.2).float()
loss = sl.SpiralLoss(backend="triton")
assert torch.allclose(torch.compile(loss, fullgraph=True, backend="aot_eager")(z, t), loss(z, t))
print("ok")
"""
    if not GPU:
        assert python(code, TRITON_INTERPRET="1").strip() == "ok"
