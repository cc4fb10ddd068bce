/* SPDX-License-Identifier: MIT
 *
 * The loops of loss_kern.h for one element type; included by loss_kern.c twice, with REAL, BITS, NAME,
 * and ABS set, hence no guard. Elementwise loops are left to the compiler's vectoriser; the Toeplitz
 * product and the sums keep their accumulators in registers by the compiler's vector types.
 */

enum {
    NAME(TILE) = SPIRAL__TILE_BYTES / sizeof(REAL),
    NAME(VECTORS) = SPIRAL__TILE_BYTES / VECTOR_BYTES,
    NAME(SUMS) = NAME(TILE) * sizeof(double) / VECTOR_BYTES,
};
typedef REAL NAME(vec) __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef REAL NAME(part) __attribute__((vector_size(VECTOR_BYTES * sizeof(REAL) / sizeof(double)), may_alias));
typedef double NAME(wide) __attribute__((vector_size(VECTOR_BYTES)));

static int NAME(adjacent)(size_t n, const REAL *const *column) {
    if (n < NAME(TILE)) return 0;
    for (size_t c = 1; c < n; c++)
        if (column[c] != column[0] + c) return 0;
    return 1;
}

static void NAME(load)(size_t P, size_t n, const REAL *const *column, ptrdiff_t stride, REAL *rows) {
    enum { SIDE = NAME(SIDE), TILE = NAME(TILE) };
    if (NAME(adjacent)(n, column)) {
        for (size_t p = 0; p < P; p++)
            memcpy(rows + p * TILE, column[0] + (ptrdiff_t)p * stride, SPIRAL__TILE_BYTES);
        return;
    }
    for (size_t c = 0; c < TILE; c += SIDE) {
        const REAL *in[SIDE];
        for (size_t i = 0; i < SIDE; i++) in[i] = column[c + i < n ? c + i : n - 1];
        size_t p = 0;
        for (; stride == 1 && p + SIDE <= P; p += SIDE) {
            const REAL *from[SIDE];
            REAL *to[SIDE];
            for (size_t i = 0; i < SIDE; i++) from[i] = in[i] + p, to[i] = rows + (p + i) * TILE + c;
            NAME(transpose)(from, to);
        }
        for (; p < P; p++)
            for (size_t i = 0; i < SIDE; i++) rows[p * TILE + c + i] = in[i][(ptrdiff_t)p * stride];
    }
}

static void NAME(store)(size_t P, size_t n, const REAL *rows, REAL *const *column, ptrdiff_t stride) {
    enum { SIDE = NAME(SIDE), TILE = NAME(TILE) };
    if (NAME(adjacent)(n, (const REAL *const *)column)) {
        for (size_t p = 0; p < P; p++)
            memcpy(column[0] + (ptrdiff_t)p * stride, rows + p * TILE, SPIRAL__TILE_BYTES);
        return;
    }
    for (size_t c = 0; c < n; c += SIDE) {
        size_t p = 0;
        for (; stride == 1 && c + SIDE <= n && p + SIDE <= P; p += SIDE) {
            const REAL *from[SIDE];
            REAL *to[SIDE];
            for (size_t i = 0; i < SIDE; i++) from[i] = rows + (p + i) * TILE + c, to[i] = column[c + i] + p;
            NAME(transpose)(from, to);
        }
        for (; p < P; p++)
            for (size_t i = 0; i < SIDE && c + i < n; i++)
                column[c + i][(ptrdiff_t)p * stride] = rows[p * TILE + c + i];
    }
}

/* One loop for every mixture of options; the flags are constants wherever it is inlined. Cross-entropy is
 * cost = -hit t log y - stray (1 - t) log(1 - y), from logits with -log y = max(-z, 0) + log(1 + e) and
 * -log(1 - y) = max(z, 0) + log(1 + e), e = exp(-|z|): sums of what is not negative, for a right and sure
 * cell costs next to nothing. */
static inline __attribute__((always_inline)) int
NAME(cells_as)(size_t n, REAL hit, const REAL *restrict pred, const REAL *restrict target,
               const REAL *restrict weight, const REAL *restrict stray, REAL *restrict y_out,
               REAL *restrict t_out, REAL *restrict slope_out, REAL *restrict cost_out,
               REAL *restrict dcost_out, const int logits, const int weighted, const int cross,
               const int strays) {
    const REAL one = 1, epsilon = (REAL)SPIRAL__LOSS_EPSILON, max_weight = SPIRAL__LOSS_MAX_WEIGHT;
    const REAL max_logit = (REAL)SPIRAL__LOSS_MAX_LOGIT;
    BITS bad = 0;
    for (size_t i = 0; i < n; i++) {
        REAL z = pred[i], t = target[i], w = one, y, slope, cost = 0, dcost = 0;
        bad |= !((t >= 0) & (t <= 1));
        if (weighted) {
            w = weight[i];
            bad |= !((w >= 0) & (w <= max_weight));
        }
        if (logits) {
            bad |= !(ABS(z) <= max_logit);
            REAL e = NAME(spiral__exp)(-ABS(z)), s = one / (one + e);
            y = z < 0 ? e * s : s;
            slope = e * s * s;
            if (cross) {
                REAL both = NAME(spiral__log1p01)(e), on = z < 0 ? -z : 0, off = z > 0 ? z : 0;
                REAL r = strays ? stray[i] : one;
                cost = strays ? hit * t * (on + both) + r * (one - t) * (off + both)
                              : t * on + (one - t) * off + both;
                dcost = strays ? r * (one - t) * y - hit * t * (z < 0 ? s : e * s) : y - t;
            }
        } else {
            bad |= !((z >= 0) & (z <= 1));
            y = z;
            slope = one;
            if (cross) {
                REAL on = z > epsilon ? z : epsilon, off = one - z > epsilon ? one - z : epsilon;
                REAL r = strays ? stray[i] : one;
                cost = -(hit * t * NAME(spiral__log)(on) + r * (one - t) * NAME(spiral__log)(off));
                dcost = r * (one - t) / off - hit * t / on;
            }
        }
        y_out[i] = weighted ? w * y : y;
        if (weighted) t_out[i] = w * t;
        slope_out[i] = weighted ? w * slope : slope;
        if (cross) {
            cost_out[i] = weighted ? w * cost : cost;
            dcost_out[i] = weighted ? w * dcost : dcost;
        }
    }
    return bad != 0;
}

static int NAME(cells)(const NAME(spiral__tile) * k) {
#define CASE(logits, weighted, cross_, strays)                                                          \
    if (!k->from_logits == !logits && !k->weight == !weighted && !k->cross == !cross_ &&                \
        !k->stray == !strays)                                                                           \
        return NAME(cells_as)(k->P * NAME(TILE), k->hit, k->pred, k->target, k->weight, k->stray, k->y, \
                              k->t, k->slope, k->cost, k->dcost, logits, weighted, cross_, strays);
    CASE(1, 0, 1, 0)
    CASE(1, 0, 0, 0)
    CASE(1, 0, 1, 1)
    CASE(1, 1, 1, 0)
    CASE(1, 1, 0, 0)
    CASE(1, 1, 1, 1)
    CASE(0, 0, 1, 0)
    CASE(0, 0, 0, 0)
    CASE(0, 0, 1, 1)
    CASE(0, 1, 1, 0)
    CASE(0, 1, 0, 0)
    CASE(0, 1, 1, 1)
#undef CASE
    return 1; /* a stray row without cross-entropy: not a mixture there is */
}

/* A row counts as sounding if any of its bits is set: -0 does, which is only slower. */
static size_t NAME(sounding)(size_t n_rows, const REAL *rows, int *index) {
    size_t n = 0;
    for (size_t r = 0; r < n_rows; r++) {
        uint64_t word[SPIRAL__TILE_BYTES / 8];
        memcpy(word, rows + r * NAME(TILE), sizeof word);
        uint64_t any = (word[0] | word[1]) | (word[2] | word[3]);
        any |= (word[4] | word[5]) | (word[6] | word[7]);
        index[n] = (int)r;
        n += any != 0;
    }
    return n;
}

/* A block of outputs stays in registers while the inputs pass by; coefficients are broadcast. */
static void NAME(toeplitz)(size_t n_out, const REAL *x, const int *index, size_t n, const REAL *table,
                           ptrdiff_t offset, size_t length, REAL *out) {
    enum { BLOCK = SPIRAL__ROW_BLOCK, VECTORS = NAME(VECTORS) };
    size_t from = 0, to = 0;
    for (size_t o = 0; o < n_out; o += BLOCK) {
        const ptrdiff_t last = (ptrdiff_t)o + BLOCK - 1 + offset;
        const ptrdiff_t first = (ptrdiff_t)o + offset - (ptrdiff_t)length + 1;
        while (from < n && index[from] < first) from++;
        while (to < n && index[to] <= last) to++;
        for (size_t j = 0; j < VECTORS; j++) {
            NAME(vec) sum[BLOCK];
            for (int i = 0; i < BLOCK; i++) sum[i] = (NAME(vec)){0};
            for (size_t k = from; k < to; k++) {
                const NAME(vec) in = ((const NAME(vec) *)(x + (size_t)index[k] * NAME(TILE)))[j];
                const REAL *const c = table + ((ptrdiff_t)o - index[k] + offset);
                for (int i = 0; i < BLOCK; i++) sum[i] += c[i] * in;
            }
            for (int i = 0; i < BLOCK; i++) ((NAME(vec) *)(out + (o + (size_t)i) * NAME(TILE)))[j] = sum[i];
        }
    }
}

static void NAME(divergence)(size_t n_rows, REAL b, REAL *restrict u, REAL *restrict v) {
    for (size_t i = 0; i < n_rows * NAME(TILE); i++) {
        REAL floored = v[i] + b, d = (v[i] - u[i]) / floored;
        u[i] = d;
        v[i] = floored * NAME(spiral__entropy)(-d);
    }
}

static void NAME(difference)(size_t n_rows, const REAL *restrict x, const REAL *restrict y,
                             REAL *restrict out) {
    for (size_t i = 0; i < n_rows * NAME(TILE); i++) out[i] = x[i] - y[i];
}

static void NAME(product)(size_t n_rows, const REAL *restrict x, const REAL *restrict y, REAL *restrict out) {
    for (size_t i = 0; i < n_rows * NAME(TILE); i++) out[i] = x[i] * y[i];
}

static void NAME(nearness)(size_t P, const REAL *restrict target, const REAL *restrict weight,
                           const int *index, size_t n, const REAL *near, REAL floor, REAL factor,
                           REAL *restrict out) {
    enum { TILE = NAME(TILE) };
    for (size_t q = 0; q < P; q++) {
        REAL least[TILE];
        for (size_t c = 0; c < TILE; c++) least[c] = 1;
        for (size_t k = 0; k < n; k++) {
            const size_t p = (size_t)index[k];
            const REAL gain = 1 - near[p < q ? q - p : p - q];
            for (size_t c = 0; c < TILE; c++) {
                REAL t = target[p * TILE + c];
                if (weight) t *= weight[p * TILE + c] < 1 ? weight[p * TILE + c] : 1;
                REAL cost = 1 - t * gain;
                least[c] = cost < least[c] ? cost : least[c];
            }
        }
        for (size_t c = 0; c < TILE; c++) out[q * TILE + c] = floor + factor * least[c];
    }
}

/* Even and odd rows are summed apart: half the wait for the additions. */
static void NAME(sum)(size_t n_rows, const REAL *rows, double factor, double *total) {
    enum { SUMS = NAME(SUMS) };
    NAME(wide) even[SUMS], odd[SUMS];
    for (int j = 0; j < SUMS; j++) even[j] = odd[j] = (NAME(wide)){0};
    size_t r = 0;
    for (; r + 2 <= n_rows; r += 2) {
        const NAME(part) *a = (const NAME(part) *)(rows + r * NAME(TILE)), *b = a + SUMS;
        for (int j = 0; j < SUMS; j++) {
            even[j] += __builtin_convertvector(a[j], NAME(wide));
            odd[j] += __builtin_convertvector(b[j], NAME(wide));
        }
    }
    if (r < n_rows) {
        const NAME(part) *a = (const NAME(part) *)(rows + r * NAME(TILE));
        for (int j = 0; j < SUMS; j++) even[j] += __builtin_convertvector(a[j], NAME(wide));
    }
    double column[NAME(TILE)];
    for (int j = 0; j < SUMS; j++) even[j] += odd[j];
    memcpy(column, even, sizeof column);
    for (size_t c = 0; c < NAME(TILE); c++) total[c] += factor * column[c];
}

static void NAME(chain)(size_t n_rows, const REAL *restrict dcost, REAL cell, const REAL *restrict slope,
                        const REAL *restrict dgeo, REAL geo, REAL *restrict out) {
    const size_t n = n_rows * NAME(TILE);
    if (dcost && dgeo)
        for (size_t i = 0; i < n; i++) out[i] = cell * dcost[i] + geo * (slope[i] * dgeo[i]);
    else if (dcost)
        for (size_t i = 0; i < n; i++) out[i] = cell * dcost[i];
    else if (dgeo)
        for (size_t i = 0; i < n; i++) out[i] = geo * (slope[i] * dgeo[i]);
    else
        memset(out, 0, n * sizeof *out);
}

/* Forwards, f[i] = x[i] + a f[i-1]; backwards, h[i] = f[i] + a h[i+1], begun with what all f beyond the end
 * would have added. Then h = tail times the two-sided sum: every term has x's sign, nothing cancels. */
static void NAME(smooth)(size_t n, size_t width, REAL a, REAL tail, REAL gain, REAL *x) {
    for (size_t i = 1; i < n; i++) {
        const REAL *restrict before = x + (i - 1) * width;
        REAL *restrict at = x + i * width;
        for (size_t p = 0; p < width; p++) at[p] += a * before[p];
    }
    for (size_t p = 0; p < width; p++) x[(n - 1) * width + p] *= tail;
    for (size_t i = n - 1; i-- > 0;) {
        const REAL *restrict after = x + (i + 1) * width;
        REAL *restrict at = x + i * width;
        for (size_t p = 0; p < width; p++) at[p] += a * after[p];
    }
    for (size_t i = 0; i < n * width; i++) x[i] *= gain / tail;
}
