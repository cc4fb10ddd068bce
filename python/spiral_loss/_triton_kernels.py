# SPDX-License-Identifier: MIT
"""The losses as Triton kernels: value and gradient in one launch. Numbers in brackets are equations of docs/math.md.

`loss_kernel` takes FRAMES frames of a batch at a time: load, sigmoid, cross-entropy, blur of both rolls, divergence,
the transposed blur, chain rule, store. Keys are cut into CHUNKS whose widths are powers of two, as Triton wants them.
The bins of the blur are visited BINS at a time, so that registers need not hold all of them.

A blur is a matrix product. Tensor cores multiply numbers of 11 bits, which is too few. PRODUCT says what is done:

    "fp16x3"  each factor is the sum of two fp16 numbers, 22 bits; three of the four products are added in float32.
    "tf32x3"  the same with tf32, which has the range of float32, at half the rate.
    "ieee"    float32 multiply-adds.

To use fp16's range, cells and the matrix are multiplied by SCALE and the slopes of the divergence by SLOPE_SCALE,
powers of two. The caller scales `floor`, `term` and `slope_term` to match. With ROW_SCALE each frame has powers of
two of its own besides, made of its largest weight and its largest slope: for weights above 1 and small floors.

Nothing here knows PyTorch's autograd. Read next: `_triton`, which launches the kernels.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

__all__ = ["INTERPRETED", "loss_kernel", "scale_kernel"]


@triton.jit
def _nothing():  # type: ignore[no-untyped-def]
    pass


# With TRITON_INTERPRET=1 a kernel is Python code on the CPU, without the instructions of a GPU.
INTERPRETED = not isinstance(_nothing, triton.JITFunction)
_PTX: tl.constexpr = tl.constexpr(not INTERPRETED)
_OUTSIDE: tl.constexpr = tl.constexpr(-60000.0)  # the logit of a cell outside of the batch: float16 has it, exp is 0
_EPSILON: tl.constexpr = tl.constexpr(2.0**-24)  # no logarithm of a probability below this (9)
_STRAY_FLOOR: tl.constexpr = tl.constexpr(0.05)  # (19)
_LOG2_E: tl.constexpr = tl.constexpr(1.4426950408889634)
_LN_2: tl.constexpr = tl.constexpr(0.6931471805599453)


@triton.jit
def _reciprocal(x):
    """1 / x, error one unit in the last place; x is a normal number."""
    # Not pure on purpose, here and below: Triton computes a pure chain again for each layout that needs its result.
    if _PTX:
        return tl.inline_asm_elementwise(
            "rcp.approx.ftz.f32 $0, $1;", "=r,r", [x], dtype=tl.float32, is_pure=False, pack=1
        )
    else:
        return 1.0 / x


@triton.jit
def _log_approximate(x):
    """log(x) of a normal number: absolute error 2e-7 for x in [1/2, 2], relative error 2e-7 outside."""
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
def _frame_at(frame, T, roll_stride, frame_stride, FLAT: tl.constexpr):
    if FLAT:
        return frame.to(tl.int64) * frame_stride
    else:
        return (frame // T).to(tl.int64) * roll_stride + (frame % T).to(tl.int64) * frame_stride


@triton.jit
def _places(frame_at, inside, key_stride, keys, FIRST: tl.constexpr, WIDTH: tl.constexpr, TIME_LAST: tl.constexpr,
            VECTOR: tl.constexpr):  # fmt: skip
    """Where the cells of one chunk of keys lie, and which of them exist: (frames, keys), or turned with TIME_LAST."""
    key = FIRST + tl.arange(0, WIDTH)
    if TIME_LAST:
        at = frame_at[None, :] + key[:, None] * key_stride
        exists = inside[None, :] & (key < keys)[:, None]
    else:
        at = frame_at[:, None] + key[None, :] * key_stride
        exists = inside[:, None] & (key < keys)[None, :]
    if VECTOR > 1:
        at = tl.max_contiguous(tl.multiple_of(at, (1, VECTOR)), (1, VECTOR))
        exists = tl.max_constancy(exists, (1, VECTOR))
    return at, exists


@triton.jit
def _frames_first(x, TIME_LAST: tl.constexpr):
    if TIME_LAST:
        return tl.trans(x)
    else:
        return x


@triton.jit
def _sum_keys(x, TIME_LAST: tl.constexpr):
    return tl.sum(x, 0 if TIME_LAST else 1)


@triton.jit
def _factor(x, PRODUCT: tl.constexpr):
    """A factor of a product, in parts."""
    if PRODUCT == "fp16x3":
        high = x.to(tl.float16)
        return high, (x - high.to(tl.float32)).to(tl.float16)
    else:
        return x, x


@triton.jit
def _block(matrix, row, ROWS: tl.constexpr, column, COLUMNS: tl.constexpr, WIDTH: tl.constexpr):
    """A block of a matrix in memory."""
    at = (row + tl.arange(0, ROWS))[:, None] * WIDTH + (column + tl.arange(0, COLUMNS))[None, :]
    return tl.load(matrix + at)


@triton.jit
def _blocks(high, low, row, ROWS: tl.constexpr, column, COLUMNS: tl.constexpr, WIDTH: tl.constexpr,
            PRODUCT: tl.constexpr):  # fmt: skip
    block = _block(high, row, ROWS, column, COLUMNS, WIDTH)
    if PRODUCT == "fp16x3":
        return block, _block(low, row, ROWS, column, COLUMNS, WIDTH)
    else:
        return block, block


@triton.jit
def _power_of_two(x):
    """The largest power of two that is at most x, a normal number, and its reciprocal."""
    exponent = x.to(tl.int32, bitcast=True) & 0x7F800000
    return exponent.to(tl.float32, bitcast=True), (0x7F000000 - exponent).to(tl.float32, bitcast=True)


@triton.jit
def _by_frame(x, TIME_LAST: tl.constexpr):
    """A number per frame, to be multiplied with cells."""
    if TIME_LAST:
        return x[None, :]
    else:
        return x[:, None]


@triton.jit
def _multiply_add(a, b, sum, EXACT: tl.constexpr, PRODUCT: tl.constexpr):
    """sum + a b, small products first. EXACT: the lower part of a is 0."""
    if PRODUCT == "fp16x3":
        if not EXACT:
            sum = tl.dot(a[1], b[0], sum)
        sum = tl.dot(a[0], b[1], sum)
        return tl.dot(a[0], b[0], sum)
    else:
        return tl.dot(a[0], b[0], sum, input_precision=PRODUCT)


@triton.jit
def _transposed(block):
    return tl.trans(block[0]), tl.trans(block[1])


@triton.jit
def _sigmoid(z):
    """e = exp(-|z|), sigma(z) and sigma(-z) (4)."""
    e = tl.exp2(tl.abs(z) * -_LOG2_E)
    s = _reciprocal(1.0 + e)
    return e, tl.where(z >= 0, s, e * s), tl.where(z >= 0, e * s, s)


@triton.jit
def _cross_entropy(z, t, hit, stray, y, rest, e, LOGITS: tl.constexpr):
    """hit t (-log y) + stray (1 - t) (-log(1 - y)), and its slope (8), (9), (19); rest is 1 - y."""
    if LOGITS:
        both = _log1p(e)
        cost = hit * t * (tl.maximum(-z, 0.0) + both) + stray * (1.0 - t) * (tl.maximum(z, 0.0) + both)
        return cost, stray * (1.0 - t) * y - hit * t * rest
    else:
        on = tl.maximum(y, _EPSILON)
        off = tl.maximum(rest, _EPSILON)
        cost = -(hit * t * _log(on) + stray * (1.0 - t) * _log(off))
        return cost, stray * (1.0 - t) * _reciprocal(off) - hit * t * _reciprocal(on)


@triton.jit
def _plain_cross_entropy(z, t, y, rest, e, LOGITS: tl.constexpr):
    """The same with hit and stray 1."""
    if LOGITS:
        return tl.maximum(z, 0.0) - z * t + _log1p(e), y - t
    else:
        return _cross_entropy(z, t, 1.0, 1.0, y, rest, e, LOGITS)


@triton.jit
def _nearest(target, weight, nearness, target_at, target_stride, weight_at, weight_stride, inside, keys,
             FRAMES: tl.constexpr, FIRST: tl.constexpr, WIDTH: tl.constexpr, TIME_LAST: tl.constexpr,
             WEIGHTED: tl.constexpr):  # fmt: skip
    """max over p of t_p min(w_p, 1) nearness(q - p) for the keys q of a chunk (20)."""
    most = _zeros(WIDTH, FRAMES) if TIME_LAST else _zeros(FRAMES, WIDTH)
    key = FIRST + tl.arange(0, WIDTH)
    for p in range(keys):
        sounding = tl.load(target + target_at + p * target_stride, mask=inside, other=0.0).to(tl.float32)
        if WEIGHTED:
            w = tl.load(weight + weight_at + p * weight_stride, mask=inside, other=0.0).to(tl.float32)
            sounding *= tl.minimum(w, 1.0)
        near = tl.load(nearness + 127 + key - p)
        if TIME_LAST:
            most = tl.maximum(most, near[:, None] * sounding[None, :])
        else:
            most = tl.maximum(most, near[None, :] * sounding[:, None])
    return most


@triton.jit
def _divergence(u, v, floor, SLOPE_SCALE: tl.constexpr):
    """SLOPE_SCALE (v - u) / (v + floor), and u' log(u'/v') - u' + v' with u' = u + floor, v' = v + floor (12), (14)."""
    scale: tl.constexpr = 1.0 / SLOPE_SCALE
    d = v - u
    slope = d * _reciprocal(v * scale + floor * scale)
    x = slope * scale  # u'/v' = 1 - x
    # For small x the terms cancel; then v' times the series of x + (1 - x) log(1 - x), relative error 1e-6.
    series = d * x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 12.0 + x * (1.0 / 20.0))))
    ratio = tl.maximum(1.0 - x, 1e-30)
    return slope, tl.where(tl.abs(x) < 0.0625, series, d + (u + floor) * _log_approximate(ratio))


@triton.jit
def _finish(total, norm, value, factor, work, counters, group, COUNTED: tl.constexpr):
    """Stores this program's sums; the last program of a group adds up all of them, in order, and stores the result."""
    program = tl.program_id(0)
    programs = tl.num_programs(0)
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
        tl.store(counters + group, 0)  # for the next launch


# fmt: off
@triton.jit(do_not_specialize=[
    "frames", "T", "keys", "bins", "pred_g", "pred_b", "pred_t", "pred_p", "target_g", "target_b", "target_t",
    "target_p", "weight_g", "weight_b", "weight_t", "weight_p", "grad_g", "grad_b", "grad_t", "grad_p",
])
def loss_kernel(
    pred, target, weight,     # (G, B, T, P) by strides; logits or probabilities, targets, weights of cells
    grad,                     # like pred, float32: the gradient of each group's sum
    value,                    # (G, B T) with PER_FRAME, else (G)
    factor,                   # (G): with COUNT, what grad has yet to be multiplied by
    work, counters,           # 2 float64 for each program; an int32 for each group, 0 before and after
    matrix, matrix_low,       # (128, MATRIX_WIDTH): the blur (10) or the kernel (17), (18), in two parts for fp16x3
    nearness,                 # (255): 1 - min(D(k) / D0, 1), k = -127 .. 127 (20)
    frames: tl.int32, T: tl.int32, keys: tl.int32, bins: tl.int32,  # frames = B T; bins: whole blocks of BINS
    pred_g: tl.int64, pred_b: tl.int64, pred_t: tl.int64, pred_p: tl.int64,
    target_g: tl.int64, target_b: tl.int64, target_t: tl.int64, target_p: tl.int64,
    weight_g: tl.int64, weight_b: tl.int64, weight_t: tl.int64, weight_p: tl.int64,
    grad_g: tl.int64, grad_b: tl.int64, grad_t: tl.int64, grad_p: tl.int64,
    cross: tl.float32,        # factor of the cross-entropy
    hit: tl.float32,          # weighted_bce: factor of its half for notes
    term: tl.float32,         # factor of the kind's value
    slope_term: tl.float32,   # factor of the kind's slopes
    floor: tl.float32,        # b (11)
    KIND: tl.constexpr, LOGITS: tl.constexpr, CROSS: tl.constexpr, WEIGHTED: tl.constexpr, PER_FRAME: tl.constexpr,
    COUNT: tl.constexpr,      # "", "frames" that have a weight, or "notes" (29)
    GRADIENT: tl.constexpr, EXACT_TARGET: tl.constexpr,
    FLAT: tl.constexpr,       # frame i of the batch lies at i times the stride of frames
    TIME_LAST: tl.constexpr, PRED_VECTOR: tl.constexpr, TARGET_VECTOR: tl.constexpr, WEIGHT_VECTOR: tl.constexpr,
    FRAMES: tl.constexpr, CHUNKS: tl.constexpr, BINS: tl.constexpr, MATRIX_WIDTH: tl.constexpr,
    PRODUCT: tl.constexpr, SCALE: tl.constexpr, SLOPE_SCALE: tl.constexpr, ROW_SCALE: tl.constexpr,
):
    # fmt: on
    group = tl.program_id(1).to(tl.int64)
    pred += tl.multiple_of(group * pred_g, PRED_VECTOR)
    target += tl.multiple_of(group * target_g, TARGET_VECTOR)
    weight += tl.multiple_of(group * weight_g, WEIGHT_VECTOR)
    grad += tl.multiple_of(group * grad_g, PRED_VECTOR)
    total = tl.full((), 0.0, tl.float64)
    norm = tl.full((), 0.0, tl.float64)
    for tile in range(tl.program_id(0), tl.cdiv(frames, FRAMES), tl.num_programs(0)):
        frame = tile * FRAMES + tl.arange(0, FRAMES)
        inside = frame < frames
        pred_at = _frame_at(frame, T, pred_b, pred_t, FLAT)
        target_at = _frame_at(frame, T, target_b, target_t, FLAT)
        weight_at = _frame_at(frame, T, weight_b, weight_t, FLAT)
        grad_at = _frame_at(frame, T, grad_b, grad_t, FLAT)
        frame_value = tl.zeros([FRAMES], tl.float32)
        frame_norm = tl.zeros([FRAMES], tl.float32)
        widest = tl.full([FRAMES], 1.0, tl.float32)
        cost = 0.0
        ys = ()
        ts = ()
        slopes = ()  # dy/dz, times the cell's weight
        ds = ()      # the gradient of the cross-entropy
        gs = ()      # of the kind, with respect to weight times y
        for c in tl.static_range(len(CHUNKS)):
            at, exists = _places(pred_at, inside, pred_p, keys, CHUNKS[c][0], CHUNKS[c][1], TIME_LAST, PRED_VECTOR)
            z = tl.load(pred + at, mask=exists, other=_OUTSIDE if LOGITS else 0.0).to(tl.float32)
            at, exists = _places(
                target_at, inside, target_p, keys, CHUNKS[c][0], CHUNKS[c][1], TIME_LAST, TARGET_VECTOR)
            t = tl.load(target + at, mask=exists, other=0).to(tl.float32)
            if WEIGHTED:
                at, exists = _places(
                    weight_at, inside, weight_p, keys, CHUNKS[c][0], CHUNKS[c][1], TIME_LAST, WEIGHT_VECTOR)
                w = tl.load(weight + at, mask=exists, other=0).to(tl.float32)
            if LOGITS:
                e, y, rest = _sigmoid(z)
                slope = y * rest
            else:
                e, y, rest = z, z, 1.0 - z
                slope = tl.full(z.shape, 1.0, tl.float32)
            if KIND == "weighted_bce":
                near = _nearest(target, weight, nearness, target_at, target_p, weight_at, weight_p, inside, keys, FRAMES,
                                CHUNKS[c][0], CHUNKS[c][1], TIME_LAST, WEIGHTED)
                part, d = _cross_entropy(z, t, hit, cross + term * (_STRAY_FLOOR + 1.0 - near), y, rest, e, LOGITS)
            elif CROSS:
                part, d = _plain_cross_entropy(z, t, y, rest, e, LOGITS)
                part *= cross
                d *= cross
            else:
                part = tl.zeros_like(z)
                d = tl.zeros_like(z)
            if WEIGHTED:
                part *= w
                d *= w
                y *= w
                t *= w
                slope *= w
            if PER_FRAME:
                frame_value += _sum_keys(part, TIME_LAST)
            else:
                cost += tl.sum(part)
            if COUNT == "frames":
                frame_norm = tl.maximum(frame_norm, tl.max(w, 0 if TIME_LAST else 1))
            elif COUNT == "notes":
                frame_norm += _sum_keys(t, TIME_LAST)
            if WEIGHTED:
                widest = tl.maximum(widest, tl.max(w, 0 if TIME_LAST else 1))
            ds = ds + (d,)
            slopes = slopes + (slope,)
            ys = ys + (y,)
            ts = ts + (t,)
            gs = gs + (_zeros(FRAMES, CHUNKS[c][1]),)
        # Factors of the products: frames first, weights scaled to less than 2.
        wide, narrow = _power_of_two(widest)
        y_factors = ()
        t_factors = ()
        if KIND == "spiral" or KIND == "quadratic":
            for c in tl.static_range(len(CHUNKS)):
                scale = _by_frame(narrow, TIME_LAST) * SCALE if WEIGHTED and ROW_SCALE else SCALE
                if KIND == "spiral":
                    y_factors = y_factors + (_factor(_frames_first(ys[c] * scale, TIME_LAST), PRODUCT),)
                    t_factors = t_factors + (_factor(_frames_first(ts[c] * scale, TIME_LAST), PRODUCT),)
                else:
                    y_factors = y_factors + (_factor(_frames_first((ys[c] - ts[c]) * scale, TIME_LAST), PRODUCT),)
        if KIND == "spiral":
            frame_floor = (narrow * floor)[:, None] if WEIGHTED and ROW_SCALE else floor
            for bin in range(0, bins, BINS):
                u = _zeros(FRAMES, BINS)
                v = _zeros(FRAMES, BINS)
                blur = ()
                for c in tl.static_range(len(CHUNKS)):
                    blur = blur + (_blocks(matrix, matrix_low, CHUNKS[c][0], CHUNKS[c][1], bin, BINS, MATRIX_WIDTH,
                                           PRODUCT),)
                    v = _multiply_add(y_factors[c], blur[c], v, False, PRODUCT)
                    u = _multiply_add(t_factors[c], blur[c], u, EXACT_TARGET, PRODUCT)
                x, divergence = _divergence(u, v, frame_floor, SLOPE_SCALE)
                if PER_FRAME or (WEIGHTED and ROW_SCALE):
                    frame_divergence = tl.sum(divergence, 1) * term
                    frame_value += frame_divergence * wide if WEIGHTED and ROW_SCALE else frame_divergence
                else:
                    cost += tl.sum(divergence) * term
                if GRADIENT:
                    large, small = _power_of_two(tl.maximum(tl.max(tl.abs(x), 1), 1e-30))
                    x_factor = _factor(x * (small * SCALE)[:, None] if ROW_SCALE else x, PRODUCT)
                    sums = ()
                    for c in tl.static_range(len(CHUNKS)):
                        if ROW_SCALE:
                            sums = sums + (gs[c] + large[:, None] * _multiply_add(
                                x_factor, _transposed(blur[c]), _zeros(FRAMES, CHUNKS[c][1]), False, PRODUCT),)
                        else:
                            sums = sums + (_multiply_add(x_factor, _transposed(blur[c]), gs[c], False, PRODUCT),)
                    gs = sums
        elif KIND == "quadratic":
            sums = ()
            for c in tl.static_range(len(CHUNKS)):
                g = gs[c]
                for k in tl.static_range(len(CHUNKS)):
                    g = _multiply_add(y_factors[k], _blocks(matrix, matrix_low, CHUNKS[k][0], CHUNKS[k][1],
                                                            CHUNKS[c][0], CHUNKS[c][1], MATRIX_WIDTH, PRODUCT),
                                      g, False, PRODUCT)
                if WEIGHTED and ROW_SCALE:
                    g *= wide[:, None]
                part = _frames_first(g, TIME_LAST) * (ys[c] - ts[c]) * (0.5 * term)
                if PER_FRAME:
                    frame_value += _sum_keys(part, TIME_LAST)
                else:
                    cost += tl.sum(part)
                sums = sums + (g,)
            gs = sums
        if GRADIENT:
            for c in tl.static_range(len(CHUNKS)):
                g = ds[c]
                if KIND == "spiral" or KIND == "quadratic":
                    g += _frames_first(gs[c], TIME_LAST) * (slopes[c] * slope_term)
                at, exists = _places(grad_at, inside, grad_p, keys, CHUNKS[c][0], CHUNKS[c][1], TIME_LAST, PRED_VECTOR)
                tl.store(grad + at, g, mask=exists)
        if PER_FRAME:
            tl.store(value + group * frames + frame, frame_value, mask=inside)
        elif WEIGHTED and ROW_SCALE:
            cost += tl.sum(frame_value)
        total += cost.to(tl.float64)
        if COUNT == "frames":
            norm += tl.sum((frame_norm > 0).to(tl.float32)).to(tl.float64)
        elif COUNT == "notes":
            norm += tl.sum(frame_norm).to(tl.float64)
    if not PER_FRAME:
        _finish(total, norm, value, factor, work, counters, group, COUNT != "")


@triton.jit
def scale_kernel(grad, upstream, count, BLOCK: tl.constexpr):
    """grad *= upstream, a number in memory. Does nothing where that is 1, as it is in `loss.backward()`."""
    by = tl.load(upstream)
    if by != 1.0:
        for first in range(tl.program_id(0).to(tl.int64) * BLOCK, count, tl.num_programs(0) * BLOCK):
            at = first + tl.arange(0, BLOCK)
            x = tl.load(grad + at, mask=at < count)
            tl.store(grad + at, x * by, mask=at < count)
