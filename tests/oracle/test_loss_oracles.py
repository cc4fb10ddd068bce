# SPDX-License-Identifier: MIT
"""The losses against other libraries.

The equations of docs/math.md in a few lines of PyTorch, differentiated by autograd, which is checked by gradcheck;
SciPy's kl_div and its direct two-dimensional convolution; GeomLoss's Laplacian kernel on points of the helix.
Tests that need PyTorch are skipped without it: `make oracles` installs it.
"""
import ctypes
import itertools
import math
import os
import pathlib

import pytest

np = pytest.importorskip("numpy")
special = pytest.importorskip("scipy.special")
signal = pytest.importorskip("scipy.signal")
try:
    import torch
except ImportError:
    torch = None
try:
    import geomloss
except ImportError:
    geomloss = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed; `make oracles` installs it")
needs_geomloss = pytest.mark.skipif(torch is None or geomloss is None,
                                    reason="GeomLoss or PyTorch is not installed; `make oracles` installs both")

KINDS = "bce spiral energy gauss weighted_bce argmax_distance argmax_distance_circular distance_mask distance_mask_circular".split()
WITH_GRADIENT = [k for k in KINDS if not k.startswith("argmax_distance")]
TIMED = ("spiral", "energy", "gauss")
PRESETS = ("chromatic", "fifths", "tonnetz", "mixed", "octaves")
REDUCTIONS = ("none", "sum", "mean", "per_note")
D64 = ctypes.c_double


class Helix(ctypes.Structure):
    _fields_ = [("radii", D64 * 6), ("octave", D64)]


class Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("kind", ctypes.c_int), ("lambd", D64), ("bce", D64),
                ("from_logits", ctypes.c_int), ("reduction", ctypes.c_int), ("low", ctypes.c_int), ("helix", Helix),
                ("kl_offset", D64), ("blur_length", D64), ("blur_radius", ctypes.c_int), ("sigma", D64), ("time_blur", D64),
                ("coil_radius", D64), ("coil_rise", D64), ("coil_degrees", D64)]


class Strides(ctypes.Structure):
    _fields_ = [("b", ctypes.c_ssize_t), ("t", ctypes.c_ssize_t), ("p", ctypes.c_ssize_t)]


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("offset", ctypes.c_int64), ("text", ctypes.c_char * 256)]


@pytest.fixture(scope="module")
def lib():
    library = ctypes.CDLL(str(pathlib.Path(os.environ.get("SPIRAL_BUILD", "build")) / "libspiral.so"))
    library.spiral_loss_options_default.argtypes = [ctypes.POINTER(Options), ctypes.c_size_t]
    library.spiral_loss_options_default.restype = None
    library.spiral_loss_work_size_f64.restype = ctypes.c_size_t
    library.spiral_loss_work_size_f64.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.spiral_loss_destroy.argtypes = [ctypes.c_void_p]
    array = [ctypes.c_void_p, Strides]
    library.spiral_loss_value_grad_f64.argtypes = (
        [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t] + 3 * array + [ctypes.c_void_p] + array +
        [ctypes.c_void_p, ctypes.POINTER(Error)])
    return library


def make(lib, kind, helix="chromatic", **wanted):
    o = Options()
    lib.spiral_loss_options_default(ctypes.byref(o), ctypes.sizeof(o))
    o.kind = KINDS.index(kind)
    error = Error()
    assert lib.spiral_helix_from_name(helix.encode(), ctypes.byref(o.helix), ctypes.byref(error)) == 0, error.text
    for name, value in wanted.items():
        setattr(o, name, value)
    return o


def call(lib, o, pred, target, weight=None):
    """The library's value and gradient; arrays (B, T, P) of doubles."""
    B, T, P = pred.shape
    plan, error = ctypes.c_void_p(), Error()
    assert lib.spiral_loss_create(ctypes.byref(o), P, ctypes.byref(plan), ctypes.byref(error)) == 0, error.text
    size = lib.spiral_loss_work_size_f64(plan, T)
    raw = ctypes.create_string_buffer(size + 64)
    work = ctypes.c_void_p((ctypes.addressof(raw) + 63) // 64 * 64)
    arrays = [None if a is None else np.ascontiguousarray(a, dtype=np.float64) for a in (pred, target, weight)]
    values = np.zeros((B, T) if o.reduction == 0 else (1, 1))
    hard = KINDS[o.kind].startswith("argmax_distance")
    grad = None if hard else np.zeros_like(arrays[0])
    strides = Strides(T * P, P, 1)
    args = itertools.chain.from_iterable((None if a is None else a.ctypes.data, strides) for a in arrays)
    status = lib.spiral_loss_value_grad_f64(plan, B, T, *args, values.ctypes.data,
                                            None if hard else grad.ctypes.data, strides, work, ctypes.byref(error))
    lib.spiral_loss_destroy(plan)
    assert status == 0, error.text
    return (values if o.reduction == 0 else values[0, 0]), grad


def relative(ours, theirs):
    """The largest difference divided by the largest number; 0 if all numbers are 0."""
    apart, size = np.abs(np.asarray(ours) - theirs).max(), np.abs(theirs).max()
    return apart / size if size else apart


# --- the definition, from docs/math.md, in PyTorch; numbers are those of its equations ---

def distance(o, interval):  # (2)
    turns = sum(2 * o.helix.radii[m - 1]**2 * (1 - np.cos(2 * np.pi * m * interval / 12)) for m in range(1, 7))
    return np.sqrt(np.maximum(turns, 0) + (o.helix.octave * interval / 12)**2)


def profile(o):  # (10)
    s = np.exp(-distance(o, np.arange(-o.blur_radius, o.blur_radius + 1)) / o.blur_length)
    return s / s.sum()


def time_profile(o, lags):  # (25)
    if o.time_blur == 0:
        return (np.arange(-lags, lags + 1) == 0).astype(float)
    a = math.exp(-1 / o.time_blur)
    return a**np.abs(np.arange(-lags, lags + 1)) * (1 - a) / (1 + a)


def pad(o):  # (26)
    return math.ceil(8 * o.time_blur)


def missed_note(o):  # (13), (27)
    s = np.outer(time_profile(o, pad(o)), profile(o))
    return np.sum((s + o.kl_offset) * np.log1p(s / o.kl_offset) - s)


def full_blur(o, x):  # (11), (24): x (T, P) -> (T + 2 pad, P + 2 blur_radius)
    lags = x.shape[0] + pad(o)
    kernel = torch.tensor(np.outer(time_profile(o, lags), profile(o)))
    return torch.nn.functional.conv2d(x[None, None], kernel[None, None], padding=(pad(o) + lags, 2 * o.blur_radius))[0, 0]


def kernel_matrix(o, n):  # (17), (18)
    D = distance(o, np.subtract.outer(np.arange(n), np.arange(n)))
    return torch.tensor(2 * np.exp(-D / 2 if KINDS[o.kind] == "energy" else -D**2 / (2 * o.sigma**2)))


def spiral(o, y, t):  # (12)
    u, v = full_blur(o, t) + o.kl_offset, full_blur(o, y) + o.kl_offset
    return torch.sum(u * torch.log(u / v) - u + v) / missed_note(o)


def quadratic(o, y, t):  # (15), (28)
    T, P = y.shape
    lag = np.abs(np.subtract.outer(np.arange(T), np.arange(T)))
    decay = torch.tensor(np.exp(-lag / o.time_blur) if o.time_blur else (lag == 0).astype(float))
    d = y - t
    return torch.sum(d * (decay @ d @ kernel_matrix(o, P))) / 2


def distance_mask(o, y, loudest):  # (21), (23)
    total = 0
    for j, m in enumerate(loudest):
        steps = np.abs(np.arange(y.shape[1]) - m)
        turn = np.minimum(steps % 12, 12 - steps % 12) if KINDS[o.kind].endswith("circular") else steps % 12
        total = total + torch.sum(torch.tensor(o.coil_radius * turn + o.coil_rise * (steps // 12)) * y[j])
    return total


def cross_entropies(o, pred):  # (8), (9): -log y and -log(1 - y)
    if o.from_logits:
        return torch.nn.functional.softplus(-pred), torch.nn.functional.softplus(pred)
    least = 2.0**-24
    return -torch.log(pred.clamp(min=least)), -torch.log((1 - pred).clamp(min=least))


def false_positive_factors(o, t, w):  # (20)
    near = torch.tensor(np.minimum(distance(o, np.subtract.outer(np.arange(t.shape[1]), np.arange(t.shape[1]))) /
                                   distance(o, np.arange(1, 12)).max(), 1))
    cost = 1 - (t * w.clamp(max=1))[:, None, :] * (1 - near)[None]
    return 0.05 + cost.min(dim=2).values.clamp(max=1)


def one_roll(o, pred, t, w):  # (6), (7)
    kind, (on, off) = KINDS[o.kind], cross_entropies(o, pred)
    y = torch.sigmoid(pred) if o.from_logits else pred
    total = o.bce * torch.sum(w * (t * on + (1 - t) * off))
    if kind == "spiral":
        total = total + o.lambd * spiral(o, w * y, w * t)
    elif kind in ("energy", "gauss"):
        total = total + o.lambd * quadratic(o, w * y, w * t)
    elif kind == "weighted_bce":  # (19)
        total = total + o.lambd * torch.sum(w * (t * on + false_positive_factors(o, t, w) * (1 - t) * off))
    elif kind.startswith("distance_mask"):
        audible = torch.where(w > 0, t, torch.full_like(t, -1.0))
        total = total + o.lambd * distance_mask(o, w * y, audible.argmax(dim=1).tolist())
    return total


def reference(o, pred, t, w):  # (29)
    total = sum(one_roll(o, pred[b], t[b], w[b]) for b in range(pred.shape[0]))
    if REDUCTIONS[o.reduction] == "mean":
        return total / max(int((w > 0).any(dim=2).sum()), 1)
    return total / max(float((w * t).sum()), 1) if REDUCTIONS[o.reduction] == "per_note" else total


def rolls(seed, B, T, P, logits, soft=True):
    rng = np.random.default_rng(seed)
    on = rng.random((B, T, P)) < rng.choice([0, 1 / P, 0.15, 0.6], size=(B, T, 1))
    target = on * (rng.random((B, T, P)) if soft else 1.0)
    z = 2.5 * rng.standard_normal((B, T, P)) - 1.5 + 2 * on
    weight = 2 * rng.random((B, T, P)) * (rng.random((B, T, P)) > 0.2) * (rng.random((B, T, 1)) > 0.15)
    return z if logits else 0.01 + 0.98 / (1 + np.exp(-z)), target, weight


@needs_torch
@pytest.mark.parametrize("tau", (0.0, 1.3))
@pytest.mark.parametrize("logits", (0, 1))
@pytest.mark.parametrize("kind", WITH_GRADIENT)
def test_gradients_of_the_definition_pass_gradcheck(lib, kind, logits, tau):
    if tau and kind not in TIMED:
        tau = 0.0
    o = make(lib, kind, from_logits=logits, bce=0.7, lambd=1.3, blur_radius=9, time_blur=tau)
    pred, target, weight = (torch.tensor(a) for a in rolls(3, 1, 3, 8, logits))
    pred.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda z: reference(o, z, target, weight), (pred,), eps=1e-6, atol=1e-5, rtol=1e-4)


@needs_torch
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("logits", (0, 1))
@pytest.mark.parametrize("kind", WITH_GRADIENT)
def test_value_and_gradient_are_those_of_autograd(lib, agree, kind, logits, seed):
    o = make(lib, kind, PRESETS[seed % len(PRESETS)], from_logits=logits, bce=seed % 2 * 0.7, lambd=1.3,
             reduction=1 + seed % 3, low=0, blur_radius=5 + 3 * seed, kl_offset=(0.02, 0.5, 1e-3)[seed % 3],
             blur_length=(0.5, 2.0)[seed % 2], sigma=(0.5, 0.2, 1.0)[seed % 3],
             time_blur=(0.0, 0.8, 2.5)[seed % 3] if kind in TIMED else 0.0)
    pred, target, weight = rolls(seed, 2, 5, (36, 13, 20)[seed % 3], logits, soft=seed % 2)
    if seed % 4 == 3:
        weight = np.ones_like(weight)
    z = torch.tensor(pred, requires_grad=True)
    wanted = reference(o, z, torch.tensor(target), torch.tensor(weight))
    gradient = torch.autograd.grad(wanted, z)[0].numpy()
    value, grad = call(lib, o, pred, target, None if seed % 4 == 3 else weight)
    agree("value, PyTorch", relative(value, wanted.item()), 1e-10)
    agree("gradient, PyTorch's autograd", relative(grad, gradient), 1e-10)


@needs_torch
def test_bce_is_that_of_pytorch(lib, agree):
    pred, target, _ = rolls(5, 3, 20, 36, 1)
    value, grad = call(lib, make(lib, "bce", reduction=1), pred, target)
    z = torch.tensor(pred, requires_grad=True)
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.tensor(target), reduction="sum")
    wanted.backward()
    agree("value, binary_cross_entropy_with_logits", relative(value, wanted.item()), 1e-12)
    agree("gradient, binary_cross_entropy_with_logits", np.abs(grad - z.grad.numpy()).max(), 1e-14)


@pytest.mark.parametrize("circular", (0, 1))
def test_argmax_distance_is_the_formula_of_the_question(lib, circular):
    o = make(lib, "argmax_distance_circular" if circular else "argmax_distance", bce=0.0, reduction=0, low=45)
    pred, target, _ = rolls(6, 2, 50, 40, 1)
    value, _ = call(lib, o, pred, target)
    p, q = target.argmax(2) + 45, pred.argmax(2) + 45
    steps = p % 12 - q % 12
    if circular:
        steps = np.minimum(np.abs(steps), 12 - np.abs(steps))
    assert np.allclose(value, np.hypot(300 * steps, 5 * (p // 12 - q // 12)), rtol=1e-14, atol=0)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kl_offset", (1e-3, 0.02, 1.0))
def test_spiral_is_kl_div_of_blurred_frames(lib, agree, preset, kl_offset):
    """Frames blurred by NumPy's convolution, compared by SciPy's kl_div."""
    o = make(lib, "spiral", preset, bce=0.0, from_logits=0, reduction=0, kl_offset=kl_offset)
    pred, target, _ = rolls(7, 4, 30, 36, 0)
    value, _ = call(lib, o, pred, target)
    s = profile(o)
    for b, j in np.ndindex(4, 30):
        u, v = np.convolve(target[b, j], s) + kl_offset, np.convolve(pred[b, j], s) + kl_offset
        wanted = special.kl_div(u, v).sum() / missed_note(o)
        agree("value, SciPy's kl_div", abs(value[b, j] - wanted) / (1 + wanted), 1e-10)


@pytest.mark.parametrize("tau", (0.3, 1.0, 4.0))
def test_time_blur_is_a_convolution_in_two_dimensions(lib, agree, tau):
    """The loss with time blur by SciPy's direct convolution in two dimensions, and its gradient by direct correlation."""
    o = make(lib, "spiral", bce=0.0, from_logits=0, reduction=1, time_blur=tau)
    pred, target, weight = rolls(8, 1, 17, 24, 0)
    value, grad = call(lib, o, pred, target, weight)
    lags = 17 + pad(o)
    kernel = np.outer(time_profile(o, lags), profile(o))
    crop = slice(lags - pad(o), lags + 17 + pad(o))
    u, v = (signal.convolve2d((weight * x)[0], kernel)[crop] + o.kl_offset for x in (target, pred))
    wanted = special.kl_div(u, v).sum() / missed_note(o)
    agree("value with time blur, SciPy's convolve2d", relative(value, wanted), 1e-10)
    back = signal.correlate2d(1 - u / v, kernel)[lags + pad(o):lags + pad(o) + 17, 2 * o.blur_radius:2 * o.blur_radius + 24]
    gradient = weight[0] * back / missed_note(o)
    agree("gradient with time blur, SciPy's correlate2d", relative(grad[0], gradient), 1e-10)


@needs_geomloss
@pytest.mark.parametrize("preset", PRESETS)
def test_energy_is_twice_geomloss_laplacian(lib, agree, preset):
    """Twice GeomLoss's kernel loss <d, exp(-D/2) d> / 2 on the points of the helix. GeomLoss replaces D/2 below 1e-4, even
    that between a point and itself, by 1e-4; otherwise the two agree."""
    o = make(lib, "energy", preset, bce=0.0, from_logits=0, reduction=0)
    P, frames = 36, 40
    pred, target, _ = rolls(9, 1, frames, P, 0)
    value, grad = call(lib, o, pred, target)
    key = np.arange(P)
    circles = [o.helix.radii[m - 1] * f(2 * np.pi * m * key / 12) for m in range(1, 7) for f in (np.cos, np.sin)]
    points = torch.tensor(np.stack(circles + [o.helix.octave * key / 12], axis=1))
    loss = geomloss.SamplesLoss("laplacian", blur=2, backend="tensorized")
    clamped = 1 - math.exp(-1e-4)  # the kernel of a point and itself is smaller by this in GeomLoss
    for j in range(frames):
        y = torch.tensor(pred[0, j], requires_grad=True)
        theirs = 2 * loss(y, points, torch.tensor(target[0, j]), points)
        gradient = torch.autograd.grad(theirs, y)[0].numpy()
        d = pred[0, j] - target[0, j]
        agree("value, GeomLoss as it is", relative(value[0, j], theirs.item()), 2e-4)
        agree("value, GeomLoss with its clamp", relative(value[0, j] - clamped * (d @ d), theirs.item()), 1e-10)
        agree("gradient, GeomLoss with its clamp", relative(grad[0, j] - 2 * clamped * d, gradient), 1e-10)
