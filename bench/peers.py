# SPDX-License-Identifier: MIT
"""What others do with the same rolls: functions of (B, T, P) float32 arrays that give value and gradient.

Good faith: each peer is used the way its manual says is fast, with everything that does not depend on the rolls
made beforehand. What is measured and printed: bench_loss.py.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F

REACH, BLUR, FLOOR, RADIUS, OCTAVE = 24, 0.5, 0.02, 1.3, 0.5  # the library's defaults


def distance(semitones):
    k = np.asarray(semitones, float)
    return np.sqrt(2 * RADIUS**2 * (1 - np.cos(2 * np.pi * k / 12)) + (OCTAVE * k / 12) ** 2)


def profile():
    s = np.exp(-distance(np.arange(-REACH, REACH + 1)) / BLUR)
    return s / s.sum()


def unit():
    s = profile()
    return float(np.sum((s + FLOOR) * np.log((s + FLOOR) / FLOOR) - s))


def blur_matrix(keys):
    s, matrix = profile(), np.zeros((keys, keys + 2 * REACH), np.float32)
    for p in range(keys):
        matrix[p, p : p + 2 * REACH + 1] = s
    return torch.from_numpy(matrix)


def helix_points(keys):
    p = np.arange(keys)
    return np.stack([RADIUS * np.cos(2 * np.pi * p / 12), RADIUS * np.sin(2 * np.pi * p / 12), OCTAVE * p / 12], 1)


def with_gradient(loss):
    """loss(z, t) -> scalar tensor, as a function of arrays that gives (value, gradient)."""
    def call(pred, target):
        z = torch.from_numpy(pred).requires_grad_()
        value = loss(z, torch.from_numpy(target))
        value.backward()
        return value.item(), z.grad.numpy()
    return call


def formula(blur):
    """BCE + spiral KL; blur: (B, T, P) tensor to its blurred (B, T, P + 2 reach)."""
    scale = 1 / unit()

    def loss(z, t):
        with torch.no_grad():
            u = blur(t) + FLOOR
        v = blur(torch.sigmoid(z)) + FLOOR
        kl = (u * torch.log(u / v) - u + v).sum()
        return F.binary_cross_entropy_with_logits(z, t, reduction="sum") + scale * kl
    return loss


def by_matmul(keys):
    matrix = blur_matrix(keys)
    return lambda x: x @ matrix


def by_conv1d():
    weight = torch.from_numpy(profile().astype(np.float32))[None, None]
    return lambda x: F.conv1d(x.reshape(-1, 1, x.shape[-1]), weight, padding=2 * REACH)


def torch_eager(keys, how="matmul"):
    return with_gradient(formula(by_matmul(keys) if how == "matmul" else by_conv1d()))


def torch_compiled(keys, threads):
    import torch._inductor.config as inductor
    torch._dynamo.reset()
    inductor.cpp.threads = threads
    return with_gradient(torch.compile(formula(by_matmul(keys)), dynamic=False, fullgraph=True))


def torch_bce():
    return with_gradient(lambda z, t: F.binary_cross_entropy_with_logits(z, t, reduction="sum"))


def torch_bce_compiled(threads):
    import torch._inductor.config as inductor
    inductor.cpp.threads = threads
    return with_gradient(torch.compile(
        lambda z, t: F.binary_cross_entropy_with_logits(z, t, reduction="sum"), dynamic=False, fullgraph=True))


def masses(z, t):
    """Frames as distributions over keys, a little everywhere so that silence is one too."""
    a, b = torch.sigmoid(z) + 1e-6, t + 1e-6
    return a / a.sum(-1, keepdim=True), b / b.sum(-1, keepdim=True)


def geomloss(keys):
    """SamplesLoss with its default blur on the points of the helix, a problem per frame, in one batch."""
    from geomloss import SamplesLoss
    points = torch.from_numpy(helix_points(keys).astype(np.float32))
    diameter = float(distance(np.arange(keys)).max())
    sinkhorn = SamplesLoss("sinkhorn", p=2, blur=0.05, diameter=diameter, backend="tensorized")

    def loss(z, t):
        a, b = masses(z.reshape(-1, keys), t.reshape(-1, keys))
        x = points.expand(len(a), -1, -1)
        return sinkhorn(a, x, b, x).sum()
    return with_gradient(loss)


def pot(keys, reg=0.1, iterations=100):
    """ot.batch.solve_batch in the log domain: POT's own way to many small problems. Its envelope gradient is for
    the cost only; of those for the masses the one through the last step is the cheapest."""
    from ot.batch import solve_batch
    cost = torch.from_numpy((distance(np.subtract.outer(np.arange(keys), np.arange(keys))) ** 2).astype(np.float32))

    def loss(z, t):
        a, b = masses(z.reshape(-1, keys), t.reshape(-1, keys))
        found = solve_batch(cost.expand(len(a), -1, -1), reg, a, b, max_iter=iterations, tol=1e-5,
                            method="log_sinkhorn", grad="last_step")
        return found.value.sum()
    return with_gradient(loss)


def question_loop(low=48):
    """The loss the question began with: the loudest keys of two frames, a frame at a time. It has no gradient."""
    def call(pred, target):
        total = 0.0
        for y_roll, t_roll in zip(pred, target):
            for y, t in zip(y_roll, t_roll):
                q, p = int(np.argmax(y)) + low, int(np.argmax(t)) + low
                turn, rise = 30 * 10 * (p % 12 - q % 12), 5 * (p // 12 - q // 12)
                total += math.sqrt(turn**2 + rise**2)
        return total, None
    return call
