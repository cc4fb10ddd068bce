# SPDX-License-Identifier: MIT
"""The losses as Triton kernels: value and gradient in one launch. Numbers in brackets are equations of docs/math.md.

`loss_kernel` processes tiles of FRAMES frames: load, sigmoid, cross-entropy, blur of both rolls, divergence,
transposed blur, chain rule, store. Triton needs powers of two, so the keys of a tile are split into CHUNKS of such
widths. The bins of the blur are processed BINS at a time, to limit the number of registers.

A blur is a matrix product. Tensor cores multiply fp16 numbers, whose 11 significant bits are not enough. So each factor
is the sum of two fp16 numbers (22 bits), and three of the four products are added in float32.

For the range of fp16, cells and matrix are multiplied by SCALE and the slopes of the divergence by SLOPE_SCALE, powers
of two. The caller scales `kl_offset`, `term` and `slope_term` accordingly. With ROW_SCALE each frame is also scaled by
powers of two that depend on its largest sample weight and its largest slope.

Read next: `_triton_launch`, which launches the kernels.
"""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["INTERPRETED", "SCALE", "loss_kernel", "scale_kernel"]


@triton.jit
def _nothing():  # type: ignore[no-untyped-def]
    pass


# With TRITON_INTERPRET=1 kernels run as Python code on the CPU, where PTX instructions do not exist.
INTERPRETED = not isinstance(_nothing, triton.JITFunction)
_PTX: tl.constexpr = tl.constexpr(not INTERPRETED)
_OUTSIDE: tl.constexpr = tl.constexpr(
    -60000.0
)  # logit of cells outside the batch: finite in float16, and exp(-60000) is 0
_EPSILON: tl.constexpr = tl.constexpr(2.0**-24)  # least argument of a logarithm (9)
_MAX_LOGIT: tl.constexpr = tl.constexpr(1e20)  # as in _cells.py; other cells make their frame NaN
_MAX_WEIGHT: tl.constexpr = tl.constexpr(1e6)
_LEAST_FACTOR: tl.constexpr = tl.constexpr(0.05)  # (19)
SCALE: tl.constexpr = tl.constexpr(2.0**14)  # cells and matrices are at most 2, fp16 numbers at most 65,504
_LOG2_E: tl.constexpr = tl.constexpr(1.4426950408889634)
_LN_2: tl.constexpr = tl.constexpr(0.6931471805599453)


@triton.jit
def _reciprocal(x):
    """1 / x, error one unit in the last place; x is a normal number."""
    # is_pure=False: otherwise Triton repeats this and all that depends on it once per layout of a tile.
    if _PTX:
        return tl.inline_asm_elementwise(
            "rcp.approx.ftz.f32 $0, $1;", "=r,r", [x], dtype=tl.float32, is_pure=False, pack=1
        )
    else:
        return 1.0 / x


@triton.jit
def _log_approximate(x):
    """log(x) of a normal number: absolute error 2e-7 for x in [1/2, 2], relative error 2e-7 elsewhere."""
    if _PTX:
        log2 = tl.inline_asm_elementwise(
            "lg2.approx.ftz.f32 $0, $1;", "=r,r", [x], dtype=tl.float32, is_pure=False, pack=1
        )
    else:
        log2 = tl.log2(x)
    return log2 * _LN_2


@triton.jit
def _log(x):
    """log(x) of a normal number, relative error 1.5e-7: x = 2^n (1 + f), |f| <= 1/3, and a minimax polynomial in f."""
    bits = x.to(tl.int32, bitcast=True)
    exponent = ((bits - 0x3F2AAAAB) >> 23) << 23
    f = (bits - exponent).to(tl.float32, bitcast=True) - 1.0
    p = 0.13604962825775146 * f - 0.15047162771224976
    p = p * f + 0.14083652198314667
    p = p * f - 0.16481956839561462
    p = p * f + 0.20005689561367035
    p = p * f - 0.2500419020652771
    p = p * f + 0.33333292603492737
    p = p * f - 0.49999985098838806
    return exponent.to(tl.float32) * (2.0**-23 * _LN_2) + (f * f * p + f)


@triton.jit
def _log1p(e):
    """log(1 + e) for e in [0, 1], relative error 1.8e-7: a minimax polynomial."""
    p = 0.005232691299170256 * e - 0.029505226761102676
    p = p * e + 0.07822593301534653
    p = p * e - 0.13663244247436523
    p = p * e + 0.19106006622314453
    p = p * e - 0.2484298199415207
    p = p * e + 0.3331909775733948
    p = p * e - 0.4999949336051941
    p = p * e + 0.9999999403953552
    return e * p


@triton.jit
def _zeros(ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    return tl.zeros([ROWS, COLUMNS], tl.float32)


@triton.jit
def _group(array, group, stride, VECTOR: tl.constexpr):
    return array + tl.multiple_of(group * stride, VECTOR)


@triton.jit
def _frame_at(frame, T, roll_stride, frame_stride, FLAT: tl.constexpr):
    if FLAT:
        return frame.to(tl.int64) * frame_stride
    else:
        return (frame // T).to(tl.int64) * roll_stride + (frame % T).to(tl.int64) * frame_stride


@triton.jit
def _places(array, inside, keys, FIRST: tl.constexpr, WIDTH: tl.constexpr, TIME_LAST: tl.constexpr,
            VECTOR: tl.constexpr):  # fmt: skip
    """Pointers to the cells of a chunk of keys, and a mask of those in the batch: (frames, keys), with TIME_LAST
    (keys, frames). `array`: pointer, offsets of the frames, stride of the keys."""
    key = FIRST + tl.arange(0, WIDTH)
    if TIME_LAST:
        at = array[1][None, :] + key[:, None] * array[2]
        exists = inside[None, :] & (key < keys)[:, None]
    else:
        at = array[1][:, None] + key[None, :] * array[2]
        exists = inside[:, None] & (key < keys)[None, :]
    if VECTOR > 1:
        at = tl.max_contiguous(tl.multiple_of(at, (1, VECTOR)), (1, VECTOR))
        exists = tl.max_constancy(exists, (1, VECTOR))
    return array[0] + at, exists


@triton.jit
def _load(array, inside, keys, other, FIRST: tl.constexpr, WIDTH: tl.constexpr, TIME_LAST: tl.constexpr,
          VECTOR: tl.constexpr):  # fmt: skip
    pointers, exists = _places(array, inside, keys, FIRST, WIDTH, TIME_LAST, VECTOR)
    return tl.load(pointers, mask=exists, other=other).to(tl.float32)


@triton.jit
def _frames_first(x, TIME_LAST: tl.constexpr):
    if TIME_LAST:
        return tl.trans(x)
    else:
        return x


@triton.jit
def _by_frame(x, TIME_LAST: tl.constexpr):
    """Numbers per frame in a shape that broadcasts to cells."""
    if TIME_LAST:
        return x[None, :]
    else:
        return x[:, None]


@triton.jit
def _sum(x, KEYS: tl.constexpr, PER_FRAME: tl.constexpr):
    """The sum over dimension KEYS with PER_FRAME, else the sum of all elements."""
    if PER_FRAME:
        return tl.sum(x, KEYS)
    else:
        return tl.sum(x)


@triton.jit
def _factor(x):
    """A factor of a product as two parts; their sum is x to 22 bits."""
    high = x.to(tl.float16)
    return high, (x - high.to(tl.float32)).to(tl.float16)


@triton.jit
def _block(matrix, row, ROWS: tl.constexpr, column, COLUMNS: tl.constexpr):
    """A block of a matrix as a factor. `matrix`: pointers to its two parts, and its width."""
    at = (row + tl.arange(0, ROWS))[:, None] * matrix[2] + (column + tl.arange(0, COLUMNS))[None, :]
    return tl.load(matrix[0] + at), tl.load(matrix[1] + at)


@triton.jit
def _transposed(factor):
    return tl.trans(factor[0]), tl.trans(factor[1])


@triton.jit
def _multiply_add(a, b, sum, EXACT: tl.constexpr):
    """sum + a b, small products first. EXACT: the second part of a is 0."""
    if not EXACT:
        sum = tl.dot(a[1], b[0], sum)
    sum = tl.dot(a[0], b[1], sum)
    return tl.dot(a[0], b[0], sum)


@triton.jit
def _power_of_two(x):
    """The largest power of two that is at most x, a normal number, and its reciprocal."""
    exponent = x.to(tl.int32, bitcast=True) & 0x7F800000
    return exponent.to(tl.float32, bitcast=True), (0x7F000000 - exponent).to(tl.float32, bitcast=True)


@triton.jit
def _sigmoid(z):
    """exp(-|z|), sigma(z) and sigma(-z) (4)."""
    e = tl.exp2(tl.abs(z) * -_LOG2_E)
    s = _reciprocal(1.0 + e)
    return e, tl.where(z >= 0, s, e * s), tl.where(z >= 0, e * s, s)


@triton.jit
def _cross_entropy(z, t, positive, negative, y, rest, e, LOGITS: tl.constexpr):
    """Cost and slope of positive t (-log y) + negative (1 - t) (-log(1 - y)) (8), (9), (19).

    rest: 1 - y; e: exp(-|z|)."""
    if LOGITS:
        both = _log1p(e)
        cost = positive * t * (tl.maximum(-z, 0.0) + both) + negative * (1.0 - t) * (tl.maximum(z, 0.0) + both)
        return cost, negative * (1.0 - t) * y - positive * t * rest
    else:
        on = tl.maximum(y, _EPSILON)
        off = tl.maximum(rest, _EPSILON)
        cost = -(positive * t * _log(on) + negative * (1.0 - t) * _log(off))
        return cost, negative * (1.0 - t) * _reciprocal(off) - positive * t * _reciprocal(on)


@triton.jit
def _plain_cross_entropy(z, t, y, rest, e, LOGITS: tl.constexpr):
    """The same with both factors 1."""
    if LOGITS:
        return tl.maximum(z, 0.0) - z * t + _log1p(e), y - t
    else:
        return _cross_entropy(z, t, 1.0, 1.0, y, rest, e, LOGITS)


@triton.jit
def _nearest(target, sample_weight, nearness, inside, keys, FRAMES: tl.constexpr, FIRST: tl.constexpr,
             WIDTH: tl.constexpr, TIME_LAST: tl.constexpr, WEIGHTED: tl.constexpr):  # fmt: skip
    """max over p of t_p min(w_p, 1) nearness(q - p) for the keys q of a chunk (20)."""
    most = _zeros(WIDTH, FRAMES) if TIME_LAST else _zeros(FRAMES, WIDTH)
    key = FIRST + tl.arange(0, WIDTH)
    for p in range(keys):
        played = tl.load(target[0] + target[1] + p * target[2], mask=inside, other=0).to(tl.float32)
        if WEIGHTED:
            w = tl.load(sample_weight[0] + sample_weight[1] + p * sample_weight[2], mask=inside, other=0).to(tl.float32)
            played = tl.where(w == 0.0, 0.0, played * tl.minimum(w, 1.0))
        near = tl.load(nearness + 127 + key - p)
        if TIME_LAST:
            most = tl.maximum(most, near[:, None] * played[None, :])
        else:
            most = tl.maximum(most, near[None, :] * played[:, None])
    return most


@triton.jit
def _cells(arrays, nearness, inside, keys, cross, positive, term, FRAMES: tl.constexpr, FIRST: tl.constexpr,
           WIDTH: tl.constexpr, KIND: tl.constexpr, LOGITS: tl.constexpr, CROSS: tl.constexpr, WEIGHTED: tl.constexpr,
           TIME_LAST: tl.constexpr, VECTORS: tl.constexpr):  # fmt: skip
    """What depends on single cells of a chunk: cost and slope of the cross-entropy (8), (9), (19); w y and w t (7);
    w dy/dz (5); w. A cell out of range has a target of NaN, so that its frame is NaN."""
    z = _load(arrays[0], inside, keys, _OUTSIDE if LOGITS else 0.0, FIRST, WIDTH, TIME_LAST, VECTORS[0])
    t = _load(arrays[1], inside, keys, 0, FIRST, WIDTH, TIME_LAST, VECTORS[1])
    if WEIGHTED:  # a cell of weight 0 may hold anything, and 0 times NaN is NaN
        w = _load(arrays[2], inside, keys, 0, FIRST, WIDTH, TIME_LAST, VECTORS[2])
        z = tl.where(w == 0.0, 0.0, z)
        t = tl.where(w == 0.0, 0.0, t)
        t = tl.where((w >= 0.0) & (w <= _MAX_WEIGHT), t, float("nan"))
    lowest: tl.constexpr = -_MAX_LOGIT if LOGITS else 0.0
    highest: tl.constexpr = _MAX_LOGIT if LOGITS else 1.0
    t = tl.where((t >= 0.0) & (t <= 1.0) & (z >= lowest) & (z <= highest), t, float("nan"))
    if LOGITS:
        e, y, rest = _sigmoid(z)
        dy = y * rest
    else:
        e, y, rest = z, z, 1.0 - z
        dy = tl.full(z.shape, 1.0, tl.float32)
    if KIND == "weighted_bce":
        near = _nearest(arrays[1], arrays[2], nearness, inside, keys, FRAMES, FIRST, WIDTH, TIME_LAST, WEIGHTED)
        cost, slope = _cross_entropy(z, t, positive, cross + term * (_LEAST_FACTOR + 1.0 - near), y, rest, e, LOGITS)
    elif CROSS:
        cost, slope = _plain_cross_entropy(z, t, y, rest, e, LOGITS)
        cost *= cross
        slope *= cross
    else:
        cost = tl.zeros_like(z)
        slope = tl.zeros_like(z)
    if WEIGHTED:
        return cost * w, slope * w, y * w, t * w, dy * w, w
    else:
        return cost, slope, y, t, dy, dy


@triton.jit
def _divergence(u, v, kl_offset, SLOPE_SCALE: tl.constexpr):
    """SLOPE_SCALE (v - u) / v' (14) and u' log(u'/v') - u' + v' (12), where u' = u + kl_offset, v' = v + kl_offset."""
    scale: tl.constexpr = 1.0 / SLOPE_SCALE
    d = v - u
    slope = d * _reciprocal(v * scale + kl_offset * scale)
    x = slope * scale  # u'/v' = 1 - x
    # The terms cancel for small x. There: v' times the series of x + (1 - x) log(1 - x), relative error 1e-6.
    series = d * x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 12.0 + x * (1.0 / 20.0))))
    ratio = tl.maximum(1.0 - x, 1e-30)
    return slope, tl.where(tl.abs(x) < 0.0625, series, d + (u + kl_offset) * _log_approximate(ratio))


@triton.jit
def _spiral(y, t, matrix, bins, kl_offset, wide, narrow, FRAMES: tl.constexpr, CHUNKS: tl.constexpr,
            BINS: tl.constexpr, PER_FRAME: tl.constexpr, GRADIENT: tl.constexpr, EXACT_TARGET: tl.constexpr,
            WEIGHTED: tl.constexpr, SLOPE_SCALE: tl.constexpr, ROW_SCALE: tl.constexpr):  # fmt: skip
    """The divergence of the blurred rolls and its gradient per chunk (11), (12), (14). y, t: factors per chunk."""
    value = tl.zeros([FRAMES], tl.float32) if PER_FRAME else 0.0
    g = ()
    for c in tl.static_range(len(CHUNKS)):
        g = g + (_zeros(FRAMES, CHUNKS[c][1]),)
    scaled_offset = (narrow * kl_offset)[:, None] if WEIGHTED and ROW_SCALE else kl_offset
    for bin in range(0, bins, BINS):
        u = _zeros(FRAMES, BINS)
        v = _zeros(FRAMES, BINS)
        blur = ()
        for c in tl.static_range(len(CHUNKS)):
            blur = blur + (_block(matrix, CHUNKS[c][0], CHUNKS[c][1], bin, BINS),)
            v = _multiply_add(y[c], blur[c], v, False)
            u = _multiply_add(t[c], blur[c], u, EXACT_TARGET)
        slope, divergence = _divergence(u, v, scaled_offset, SLOPE_SCALE)
        value += _sum(divergence * wide[:, None] if WEIGHTED and ROW_SCALE else divergence, 1, PER_FRAME)
        if GRADIENT:
            large, small = _power_of_two(tl.maximum(tl.max(tl.abs(slope), 1), 1e-30))
            x = _factor(slope * (small * SCALE)[:, None] if ROW_SCALE else slope)
            sums = ()
            for c in tl.static_range(len(CHUNKS)):
                back = _transposed(blur[c])
                if ROW_SCALE:
                    part = _multiply_add(x, back, _zeros(FRAMES, CHUNKS[c][1]), False)
                    sums = sums + (g[c] + part * large[:, None],)
                else:
                    sums = sums + (_multiply_add(x, back, g[c], False),)
            g = sums
    return value, g


@triton.jit
def _quadratic(d, matrix, wide, FRAMES: tl.constexpr, CHUNKS: tl.constexpr, WEIGHTED: tl.constexpr,
               ROW_SCALE: tl.constexpr):  # fmt: skip
    """K d per chunk (16). d: factors per chunk."""
    g = ()
    for c in tl.static_range(len(CHUNKS)):
        sum = _zeros(FRAMES, CHUNKS[c][1])
        for k in tl.static_range(len(CHUNKS)):
            kernel = _block(matrix, CHUNKS[k][0], CHUNKS[k][1], CHUNKS[c][0], CHUNKS[c][1])
            sum = _multiply_add(d[k], kernel, sum, False)
        g = g + (sum * wide[:, None] if WEIGHTED and ROW_SCALE else sum,)
    return g


@triton.jit
def _finish(total, norm, value, factor, work, counters, group, COUNTED: tl.constexpr):
    """Stores the sums of this program. The last program of a group adds the sums of all, in order, and stores value."""
    program = tl.program_id(1)
    programs = tl.num_programs(1)
    work += group * programs * 2
    tl.store(work + 2 * program, total)
    tl.store(work + 2 * program + 1, norm)
    tl.debug_barrier()
    if tl.atomic_add(counters + group, 1, sem="acq_rel", scope="gpu") == programs - 1:
        i = tl.arange(0, 256)
        sums = tl.zeros([256], tl.float64)
        norms = tl.zeros([256], tl.float64)
        for first in range(0, programs, 256):
            exists = first + i < programs
            sums += tl.load(work + 2 * (first + i), mask=exists, other=0.0, cache_modifier=".cg")
            norms += tl.load(work + 2 * (first + i) + 1, mask=exists, other=0.0, cache_modifier=".cg")
        result = tl.sum(sums)
        if COUNTED:
            share = 1.0 / tl.maximum(tl.sum(norms), 1.0)
            tl.store(factor + group, share.to(tl.float32))
            result *= share
        tl.store(value + group, result.to(tl.float32))
        tl.store(counters + group, 0)  # as the next launch expects it


# fmt: off
@triton.jit(do_not_specialize=[
    "frames", "T", "keys", "bins", "pred_g", "pred_b", "pred_t", "pred_p", "target_g", "target_b", "target_t",
    "target_p", "sample_weight_g", "sample_weight_b", "sample_weight_t", "sample_weight_p", "grad_g", "grad_b",
    "grad_t", "grad_p",
])
def loss_kernel(
    pred, target, sample_weight,  # (G, B, T, P), any strides: logits or probabilities, targets, weights of cells
    grad,                     # (G, B, T, P), any strides, float32: the gradient of the sum of value
    value,                    # (G, B T) with PER_FRAME, else (G)
    factor,                   # (G): with COUNT, the share of a frame or note, which value contains and grad does not
    work, counters,           # 2 float64 per program; one int32 per group, 0 before and after the launch
    matrix, matrix_low,       # (128, MATRIX_WIDTH): their sum is SCALE times the blur (10) or the kernel (17), (18)
    nearness,                 # (255): 1 - min(D(k) / D0, 1), k = -127 .. 127 (20)
    frames: tl.int32, T: tl.int32, keys: tl.int32, bins: tl.int32,  # frames = B T; bins is a multiple of BINS
    pred_g: tl.int64, pred_b: tl.int64, pred_t: tl.int64, pred_p: tl.int64,
    target_g: tl.int64, target_b: tl.int64, target_t: tl.int64, target_p: tl.int64,
    sample_weight_g: tl.int64, sample_weight_b: tl.int64, sample_weight_t: tl.int64, sample_weight_p: tl.int64,
    grad_g: tl.int64, grad_b: tl.int64, grad_t: tl.int64, grad_p: tl.int64,
    cross: tl.float32,        # factor of the cross-entropy
    positive: tl.float32,     # weighted_bce: factor of the part of target notes
    term: tl.float32,         # factor of the kind's value
    slope_term: tl.float32,   # factor of the kind's slopes
    kl_offset: tl.float32,    # b (11)
    KIND: tl.constexpr, LOGITS: tl.constexpr, CROSS: tl.constexpr, WEIGHTED: tl.constexpr, PER_FRAME: tl.constexpr,
    COUNT: tl.constexpr,      # "", "frames" with a sample weight above 0, or "notes" (29)
    GRADIENT: tl.constexpr, EXACT_TARGET: tl.constexpr,  # the second part of a target is 0
    FLAT: tl.constexpr,       # frame i of the batch is at i times the stride of frames
    TIME_LAST: tl.constexpr,  # neighbouring frames are adjacent in memory, else neighbouring keys
    VECTORS: tl.constexpr,    # cells in one load of pred (and one store of grad), target, sample_weight
    FRAMES: tl.constexpr, CHUNKS: tl.constexpr, BINS: tl.constexpr, MATRIX_WIDTH: tl.constexpr,
    SLOPE_SCALE: tl.constexpr, ROW_SCALE: tl.constexpr,
):
    # fmt: on
    KEYS: tl.constexpr = 0 if TIME_LAST else 1  # the dimension of keys in a tile
    group = tl.program_id(0).to(tl.int64)
    pred = _group(pred, group, pred_g, VECTORS[0])
    target = _group(target, group, target_g, VECTORS[1])
    sample_weight = _group(sample_weight, group, sample_weight_g, VECTORS[2])
    grad = _group(grad, group, grad_g, VECTORS[0])
    total = tl.full((), 0.0, tl.float64)
    norm = tl.full((), 0.0, tl.float64)
    for tile in range(tl.program_id(1), tl.cdiv(frames, FRAMES), tl.num_programs(1)):
        frame = tile * FRAMES + tl.arange(0, FRAMES)
        inside = frame < frames
        arrays = (
            (pred, _frame_at(frame, T, pred_b, pred_t, FLAT), pred_p),
            (target, _frame_at(frame, T, target_b, target_t, FLAT), target_p),
            (sample_weight, _frame_at(frame, T, sample_weight_b, sample_weight_t, FLAT), sample_weight_p),
        )
        part = tl.zeros([FRAMES], tl.float32) if PER_FRAME else 0.0  # of value
        frame_norm = tl.zeros([FRAMES], tl.float32)
        widest = tl.full([FRAMES], 1.0, tl.float32)
        cells = ()
        for c in tl.static_range(len(CHUNKS)):
            cells = cells + (_cells(
                arrays, nearness, inside, keys, cross, positive, term, FRAMES, CHUNKS[c][0], CHUNKS[c][1], KIND, LOGITS,
                CROSS, WEIGHTED, TIME_LAST, VECTORS),)  # fmt: skip
            part += _sum(cells[c][0], KEYS, PER_FRAME)
            if COUNT == "frames":
                frame_norm = tl.maximum(frame_norm, tl.max(cells[c][5], KEYS))
            elif COUNT == "notes":
                frame_norm += tl.sum(cells[c][3], KEYS)
            if WEIGHTED:
                widest = tl.maximum(widest, tl.max(cells[c][5], KEYS))
        # Sample weights of a frame are scaled to at most 2.
        wide, narrow = _power_of_two(widest)
        row_scale = _by_frame(narrow, TIME_LAST) * SCALE if WEIGHTED and ROW_SCALE else SCALE
        y = ()
        t = ()
        if KIND == "spiral":
            for c in tl.static_range(len(CHUNKS)):
                y = y + (_factor(_frames_first(cells[c][2] * row_scale, TIME_LAST)),)
                t = t + (_factor(_frames_first(cells[c][3] * row_scale, TIME_LAST)),)
            value_part, g = _spiral(
                y, t, (matrix, matrix_low, MATRIX_WIDTH), bins, kl_offset, wide, narrow, FRAMES, CHUNKS, BINS,
                PER_FRAME, GRADIENT, EXACT_TARGET, WEIGHTED, SLOPE_SCALE, ROW_SCALE)  # fmt: skip
            part += value_part * term
        elif KIND == "quadratic":
            for c in tl.static_range(len(CHUNKS)):
                y = y + (_factor(_frames_first((cells[c][2] - cells[c][3]) * row_scale, TIME_LAST)),)
            g = _quadratic(y, (matrix, matrix_low, MATRIX_WIDTH), wide, FRAMES, CHUNKS, WEIGHTED, ROW_SCALE)
            for c in tl.static_range(len(CHUNKS)):
                cost = _frames_first(g[c], TIME_LAST) * (cells[c][2] - cells[c][3]) * (0.5 * term)  # (15)
                part += _sum(cost, KEYS, PER_FRAME)
        if GRADIENT:
            to = (grad, _frame_at(frame, T, grad_b, grad_t, FLAT), grad_p)
            for c in tl.static_range(len(CHUNKS)):
                slope = cells[c][1]
                if KIND == "spiral" or KIND == "quadratic":
                    slope += _frames_first(g[c], TIME_LAST) * (cells[c][4] * slope_term)  # (6)
                pointers, exists = _places(to, inside, keys, CHUNKS[c][0], CHUNKS[c][1], TIME_LAST, VECTORS[0])
                tl.store(pointers, slope, mask=exists)
        if PER_FRAME:
            tl.store(value + group * frames + frame, part, mask=inside)
        else:
            total += part.to(tl.float64)
        if COUNT == "frames":
            norm += tl.sum((frame_norm > 0).to(tl.float32)).to(tl.float64)
        elif COUNT == "notes":
            norm += tl.sum(frame_norm).to(tl.float64)
    if not PER_FRAME:
        _finish(total, norm, value, factor, work, counters, group, COUNT != "")


@triton.jit(do_not_specialize=["count"], do_not_specialize_on_alignment=["upstream"])
def scale_kernel(
    out,                      # (count): float32, float16 or bfloat16
    grad,                     # (count): float32
    upstream, factor,         # one float32 each
    count: tl.int64,
    COUNTED: tl.constexpr,    # multiply by factor too
    IN_PLACE: tl.constexpr,   # out is grad: nothing is read or written if the product is 1
    BLOCK: tl.constexpr,
):  # fmt: skip
    """out = grad * upstream, or grad * upstream * factor."""
    by = tl.load(upstream)
    if COUNTED:
        by *= tl.load(factor)
    end = count
    if IN_PLACE:
        end = tl.where(by == 1.0, 0, count)
    for first in range(tl.program_id(0).to(tl.int64) * BLOCK, end, tl.num_programs(0) * BLOCK):
        at = first + tl.arange(0, BLOCK)
        x = tl.load(grad + at, mask=at < count) * by
        tl.store(out + at, x.to(out.dtype.element_ty), mask=at < count)
