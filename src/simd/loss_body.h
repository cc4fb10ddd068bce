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
typedef REAL NAME(narrow)
    __attribute__((vector_size(VECTOR_BYTES * sizeof(REAL) / sizeof(double)), may_alias));
typedef double NAME(wide) __attribute__((vector_size(VECTOR_BYTES)));

/* Columns from c on, of n, that lie side by side. */
static size_t NAME(run)(size_t c, size_t n, const REAL *const *column) {
    size_t end = c + 1;
    while (end < n && column[end] == column[c] + (end - c)) end++;
    return end - c;
}

static inline void NAME(copy)(size_t n, const REAL *from, REAL *to) {
    size_t i = 0;
    for (; i + NAME(SIDE) <= n; i += NAME(SIDE)) memcpy(to + i, from + i, 16);
    for (; i < n; i++) to[i] = from[i];
}

/* Rows of keys in memory are rows of the tile. */
static void NAME(load_rows)(size_t P, size_t n, const REAL *const *column, ptrdiff_t stride, REAL *rows) {
    enum { TILE = NAME(TILE) };
    for (size_t c = 0, run; c < n; c += run) {
        run = NAME(run)(c, n, column);
        const REAL *from = column[c];
        for (size_t p = 0; p < P; p++) NAME(copy)(run, from + (ptrdiff_t)p * stride, rows + p * TILE + c);
    }
    for (size_t p = 0; p < P && n < TILE; p++)
        for (size_t c = n; c < TILE; c++) rows[p * TILE + c] = rows[p * TILE + n - 1];
}

static void NAME(store_rows)(size_t P, size_t n, const REAL *rows, REAL *const *column, ptrdiff_t stride) {
    for (size_t c = 0, run; c < n; c += run) {
        run = NAME(run)(c, n, (const REAL *const *)column);
        REAL *to = column[c];
        for (size_t p = 0; p < P; p++) NAME(copy)(run, rows + p * NAME(TILE) + c, to + (ptrdiff_t)p * stride);
    }
}

static void NAME(load)(size_t P, size_t n, const REAL *const *column, ptrdiff_t stride, REAL *rows) {
    enum { SIDE = NAME(SIDE), COLUMNS = NAME(COLUMNS), TILE = NAME(TILE) };
    if (stride != 1) {
        NAME(load_rows)(P, n, column, stride, rows);
        return;
    }
    for (size_t c = 0; c < TILE; c += COLUMNS) {
        const REAL *in[COLUMNS];
        for (size_t i = 0; i < COLUMNS; i++) in[i] = column[c + i < n ? c + i : n - 1];
        size_t p = 0;
        for (; p + SIDE <= P; p += SIDE) {
            NAME(rows) x[SIDE];
            for (size_t i = 0; i < SIDE; i++) x[i] = NAME(join)(in, i, p);
            NAME(turn)(x);
            for (size_t i = 0; i < SIDE; i++) *(NAME(rows) *)(rows + (p + i) * TILE + c) = x[i];
        }
        for (; p < P; p++)
            for (size_t i = 0; i < COLUMNS; i++) rows[p * TILE + c + i] = in[i][p];
    }
}

static void NAME(store)(size_t P, size_t n, const REAL *rows, REAL *const *column, ptrdiff_t stride) {
    enum { SIDE = NAME(SIDE), COLUMNS = NAME(COLUMNS), TILE = NAME(TILE) };
    if (stride != 1) {
        NAME(store_rows)(P, n, rows, column, stride);
        return;
    }
    for (size_t c = 0; c < n; c += COLUMNS) {
        size_t p = 0;
        for (; c + COLUMNS <= n && p + SIDE <= P; p += SIDE) {
            NAME(rows) x[SIDE];
            for (size_t i = 0; i < SIDE; i++) x[i] = *(const NAME(rows) *)(rows + (p + i) * TILE + c);
            NAME(turn)(x);
            for (size_t i = 0; i < SIDE; i++) NAME(part)(x[i], column + c, i, p);
        }
        for (; p < P; p++)
            for (size_t i = 0; i < COLUMNS && c + i < n; i++) column[c + i][p] = rows[p * TILE + c + i];
    }
}

/* total += factor * part, and part is 0 again. Costs are added up in the element type over SUM_ROWS rows,
 * then in double: a cost is no more exact than that. */
enum { NAME(SUM_ROWS) = 4 };
static inline __attribute__((always_inline)) void NAME(widen)(REAL *part, double factor, double *total) {
    for (size_t c = 0; c < NAME(TILE); c++) {
        total[c] += factor * (double)part[c];
        part[c] = 0;
    }
}

static inline BITS NAME(larger)(BITS a, BITS b) { return a > b ? a : b; }

static inline void NAME(ask)(const spiral__ahead *ahead, size_t p) {
    for (int i = 0; i < 3; i++)
        for (size_t line = 0; line < SPIRAL__TILE_BYTES; line += 64)
            __builtin_prefetch((const void *)(ahead[i].at + p * ahead[i].step + line));
}

/* One loop for every mixture of options; the flags are constants wherever it is inlined. Cross-entropy is
 * cost = -hit t log y - stray (1 - t) log(1 - y), from logits with -log y = max(-z, 0) + log(1 + e) and
 * -log(1 - y) = max(z, 0) + log(1 + e), e = exp(-|z|): sums of what is not negative, for a right and sure
 * cell costs next to nothing. A number is in 0 .. limit if its bits, as an integer, are at most the limit's:
 * those of what is negative or NaN are larger. Adding 0 makes -0 one of them. */
static inline __attribute__((always_inline)) int
NAME(cells_as)(size_t P, REAL hit, const REAL *restrict pred, const REAL *restrict target,
               const REAL *restrict weight, const REAL *restrict stray, REAL *restrict y_out,
               REAL *restrict t_out, REAL *restrict slope_out, REAL *restrict dcost_out, double factor,
               double *restrict sums, const spiral__ahead *ahead, const int logits, const int weighted,
               const int cross, const int strays) {
    enum { TILE = NAME(TILE) };
    const REAL one = 1, epsilon = (REAL)SPIRAL__LOSS_EPSILON;
    const BITS top_one = NAME(spiral__bits)(1), top_weight = NAME(spiral__bits)(SPIRAL__LOSS_MAX_WEIGHT);
    const BITS top_logit = NAME(spiral__bits)((REAL)SPIRAL__LOSS_MAX_LOGIT);
    BITS most_pred[TILE] = {0}, most_target[TILE] = {0}, most_weight[TILE] = {0}, any = 0;
    REAL part[TILE] = {0};
    for (size_t p = 0; p < P; p++) {
        NAME(ask)(ahead, p);
        for (size_t c = 0; c < TILE; c++) {
            const size_t i = p * TILE + c;
            REAL z = pred[i], t = target[i], w = one, y, slope, cost = 0, dcost = 0;
            most_target[c] = NAME(larger)(most_target[c], NAME(spiral__bits)(t + 0));
            if (weighted) {
                w = weight[i];
                most_weight[c] = NAME(larger)(most_weight[c], NAME(spiral__bits)(w + 0));
            }
            if (logits) {
                REAL size = ABS(z);
                most_pred[c] = NAME(larger)(most_pred[c], NAME(spiral__bits)(size));
                REAL e = NAME(spiral__exp_down)(-size), s = one / (one + e), es = e * s;
                y = z < 0 ? es : s;
                slope = es * s;
                if (cross) {
                    REAL both = NAME(spiral__log1p01_short)(e), on = z < 0 ? -z : 0, off = z > 0 ? z : 0;
                    REAL r = strays ? stray[i] : one;
                    cost = strays ? hit * t * (on + both) + r * (one - t) * (off + both)
                                  : t * on + (one - t) * off + both;
                    dcost = strays ? r * (one - t) * y - hit * t * (z < 0 ? s : es) : y - t;
                }
            } else {
                most_pred[c] = NAME(larger)(most_pred[c], NAME(spiral__bits)(z + 0));
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
                part[c] += weighted ? w * cost : cost;
                dcost_out[i] = weighted ? w * dcost : dcost;
            }
        }
        if (cross && (p % NAME(SUM_ROWS) == NAME(SUM_ROWS) - 1 || p + 1 == P))
            NAME(widen)(part, factor, sums);
    }
    const BITS top_pred = logits ? top_logit : top_one;
    for (size_t c = 0; c < TILE; c++)
        any |= most_target[c] > top_one || most_weight[c] > top_weight || most_pred[c] > top_pred;
    return any != 0;
}

static int NAME(cells)(const NAME(spiral__tile) * k) {
#define CASE(logits, weighted, cross_, strays)                                                             \
    if (!k->from_logits == !logits && !k->weight == !weighted && !k->cross == !cross_ &&                   \
        !k->stray == !strays)                                                                              \
        return NAME(cells_as)(k->P, k->hit, k->pred, k->target, k->weight, k->stray, k->y, k->t, k->slope, \
                              k->dcost, k->factor, k->sums, k->ahead, logits, weighted, cross_, strays);
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
    enum { WORDS = SPIRAL__TILE_BYTES / sizeof(word) };
    size_t n = 0;
    for (size_t r = 0; r < n_rows; r++) {
        const word *row = (const word *)(rows + r * NAME(TILE));
        word any = row[0];
        for (int i = 1; i < WORDS; i++) any |= row[i];
        index[n] = (int)r;
        n += (any[0] | any[1]) != 0;
    }
    return n;
}

/* A block of outputs, two vectors wide, stays in registers while the inputs pass by; a coefficient,
 * broadcast, is used twice. */
static void NAME(toeplitz)(size_t n_out, const REAL *x, const int *index, size_t n, const REAL *table,
                           ptrdiff_t offset, size_t length, REAL *out) {
    enum { BLOCK = SPIRAL__ROW_BLOCK, VECTORS = NAME(VECTORS) };
    size_t from = 0, to = 0;
    for (size_t o = 0; o < n_out; o += BLOCK) {
        const ptrdiff_t last = (ptrdiff_t)o + BLOCK - 1 + offset;
        const ptrdiff_t first = (ptrdiff_t)o + offset - (ptrdiff_t)length + 1;
        while (from < n && index[from] < first) from++;
        while (to < n && index[to] <= last) to++;
        for (size_t j = 0; j < VECTORS; j += 2) {
            NAME(vec) sum[BLOCK][2];
            for (int i = 0; i < BLOCK; i++) sum[i][0] = sum[i][1] = (NAME(vec)){0};
            for (size_t k = from; k < to; k++) {
                const NAME(vec) *const in = (const NAME(vec) *)(x + (size_t)index[k] * NAME(TILE)) + j;
                const NAME(vec) in0 = in[0], in1 = in[1];
                const REAL *const c = table + ((ptrdiff_t)o - index[k] + offset);
                for (int i = 0; i < BLOCK; i++) {
                    sum[i][0] += c[i] * in0;
                    sum[i][1] += c[i] * in1;
                }
            }
            NAME(vec) *const to_rows = (NAME(vec) *)(out + o * NAME(TILE)) + j;
            for (int i = 0; i < BLOCK; i++) {
                to_rows[i * VECTORS] = sum[i][0];
                to_rows[i * VECTORS + 1] = sum[i][1];
            }
        }
    }
}

static void NAME(divergence)(size_t n_rows, REAL b, REAL *restrict u, const REAL *restrict v, double factor,
                             double *total) {
    enum { TILE = NAME(TILE) };
    REAL part[TILE] = {0};
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t c = 0; c < TILE; c++) {
            REAL floored = v[r * TILE + c] + b, e = (u[r * TILE + c] - v[r * TILE + c]) / floored;
            u[r * TILE + c] = e;
            part[c] += floored * NAME(spiral__entropy)(e);
        }
        if (r % NAME(SUM_ROWS) == NAME(SUM_ROWS) - 1 || r + 1 == n_rows) NAME(widen)(part, factor, total);
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
        const NAME(narrow) *a = (const NAME(narrow) *)(rows + r * NAME(TILE)), *b = a + SUMS;
        for (int j = 0; j < SUMS; j++) {
            even[j] += __builtin_convertvector(a[j], NAME(wide));
            odd[j] += __builtin_convertvector(b[j], NAME(wide));
        }
    }
    if (r < n_rows) {
        const NAME(narrow) *a = (const NAME(narrow) *)(rows + r * NAME(TILE));
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
        for (size_t i = 0; i < n; i++) out[i] = geo * (slope[i] * dgeo[i]) + 0; /* no -0 */
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
