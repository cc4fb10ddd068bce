# SPDX-License-Identifier: MIT
"""Other libraries on the same rolls: functions of (B, T, P) float32 arrays that return value and gradient.

Each library is used in the way that its manual recommends for speed, and everything that does not depend on the rolls is
computed beforehand. bench_loss.py measures and prints.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F

BLUR_RADIUS, BLUR_LENGTH, KL_OFFSET, RADIUS, OCTAVE = 24, 0.5, 0.02, 1.3, 0.5  # the library's defaults


def distance(semitones):
    k = np.asarray(semitones, float)
    return np.sqrt(2 * RADIUS**2 * (1 - np.cos(2 * np.pi * k / 12)) + (OCTAVE * k / 12) ** 2)


def profile():
    s = np.exp(-distance(np.arange(-BLUR_RADIUS, BLUR_RADIUS + 1)) / BLUR_LENGTH)
    return s / s.sum()


def unit():
    s = profile()
    return float(np.sum((s + KL_OFFSET) * np.log((s + KL_OFFSET) / KL_OFFSET) - s))


def blur_matrix(keys):
    s, matrix = profile(), np.zeros((keys, keys + 2 * BLUR_RADIUS), np.float32)
    for p in range(keys):
        matrix[p, p : p + 2 * BLUR_RADIUS + 1] = s
    return torch.from_numpy(matrix)


def helix_points(keys):
    p = np.arange(keys)
    return np.stack([RADIUS * np.cos(2 * np.pi * p / 12), RADIUS * np.sin(2 * np.pi * p / 12), OCTAVE * p / 12], 1)


def with_gradient(loss):
    """A function of arrays that returns (value, gradient) of loss(z, t), a scalar tensor."""
    def call(pred, target):
        z = torch.from_numpy(pred).requires_grad_()
        value = loss(z, torch.from_numpy(target))
        value.backward()
        return value.item(), z.grad.numpy()
    return call


def formula(blur):
    """BCE + spiral KL; blur: a function from (B, T, P) to the blurred (B, T, P + 2 BLUR_RADIUS)."""
    scale = 1 / unit()

    def loss(z, t):
        with torch.no_grad():
            u = blur(t) + KL_OFFSET
        v = blur(torch.sigmoid(z)) + KL_OFFSET
        kl = (u * torch.log(u / v) - u + v).sum()
        return F.binary_cross_entropy_with_logits(z, t, reduction="sum") + scale * kl
    return loss


def by_matmul(keys):
    matrix = blur_matrix(keys)
    return lambda x: x @ matrix


def by_conv1d():
    weight = torch.from_numpy(profile().astype(np.float32))[None, None]
    return lambda x: F.conv1d(x.reshape(-1, 1, x.shape[-1]), weight, padding=2 * BLUR_RADIUS)


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
    """Frames as distributions over keys; a small constant makes silence one too."""
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
    """ot.batch.solve_batch in the log domain: POT's method for many small problems. Its envelope gradient is only for the
    cost; of the gradients with respect to the masses, the one through the last step is the fastest."""
    from ot.batch import solve_batch
    cost = torch.from_numpy((distance(np.subtract.outer(np.arange(keys), np.arange(keys))) ** 2).astype(np.float32))

    def loss(z, t):
        a, b = masses(z.reshape(-1, keys), t.reshape(-1, keys))
        found = solve_batch(cost.expand(len(a), -1, -1), reg, a, b, max_iter=iterations, tol=1e-5,
                            method="log_sinkhorn", grad="last_step")
        return found.value.sum()
    return with_gradient(loss)


def question_loop(low=48):
    """The distance of the loudest keys of two frames, in a loop over frames as in the original question. No gradient."""
    def call(pred, target):
        total = 0.0
        for y_roll, t_roll in zip(pred, target):
            for y, t in zip(y_roll, t_roll):
                q, p = int(np.argmax(y)) + low, int(np.argmax(t)) + low
                turn, rise = 30 * 10 * (p % 12 - q % 12), 5 * (p // 12 - q // 12)
                total += math.sqrt(turn**2 + rise**2)
        return total, None
    return call
