/* SPDX-License-Identifier: MIT
 *
 * The loops declared in loss_kernels.h, compiled once per element type and instruction set. Elementwise loops
 * are left to the compiler's vectoriser; the Toeplitz product and the sums use the compiler's vector types,
 * so that their accumulators stay in registers.
 */
#include <string.h>

#include "simd/isa.h"
#include "simd/loss_kernels.h"
#include "simd/transpose.h"
#include "simd/vmath.h"

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif

enum {
    TILE = SPIRAL__TILE_BYTES / sizeof(real),    /* frames in a tile */
    VECTORS = SPIRAL__TILE_BYTES / VECTOR_BYTES, /* vectors in a row */
    SUMS = TILE * sizeof(double) / VECTOR_BYTES, /* vectors of double for a row's frames */
    SUM_ROWS = 4, /* costs are added up in the element type over this many rows, then in double: a cost is not
                     more exact than that */
};
typedef real vector __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef real narrow_vector
    __attribute__((vector_size(VECTOR_BYTES * sizeof(real) / sizeof(double)), may_alias));
typedef double double_vector __attribute__((vector_size(VECTOR_BYTES)));
typedef uint64_t word_vector __attribute__((vector_size(16), may_alias));

/* How many of the n frames, from frame c on, are adjacent in memory. */
static size_t adjacent_frames(size_t c, size_t n, const real *const *frame) {
    size_t end = c + 1;
    while (end < n && frame[end] == frame[c] + (end - c)) end++;
    return end - c;
}

static inline void copy(size_t n, const real *from, real *to) {
    size_t i = 0;
    for (; i + SIDE <= n; i += SIDE) memcpy(to + i, from + i, 16);
    for (; i < n; i++) to[i] = from[i];
}

/* For keys that are not adjacent in memory. Frames that are adjacent in memory are adjacent in a row of the
 * tile. */
static void load_rows(size_t P, size_t n, const real *const *frame, ptrdiff_t stride, real *rows) {
    for (size_t c = 0, run; c < n; c += run) {
        run = adjacent_frames(c, n, frame);
        const real *from = frame[c];
        for (size_t p = 0; p < P; p++) copy(run, from + (ptrdiff_t)p * stride, rows + p * TILE + c);
    }
    for (size_t p = 0; p < P && n < TILE; p++)
        for (size_t c = n; c < TILE; c++) rows[p * TILE + c] = rows[p * TILE + n - 1];
}

static void store_rows(size_t P, size_t n, const real *rows, real *const *frame, ptrdiff_t stride) {
    for (size_t c = 0, run; c < n; c += run) {
        run = adjacent_frames(c, n, (const real *const *)frame);
        real *to = frame[c];
        for (size_t p = 0; p < P; p++) copy(run, rows + p * TILE + c, to + (ptrdiff_t)p * stride);
    }
}

static void load(size_t P, size_t n, const real *const *frame, ptrdiff_t stride, real *rows) {
    if (stride != 1) {
        load_rows(P, n, frame, stride, rows);
        return;
    }
    for (size_t c = 0; c < TILE; c += FRAMES) {
        const real *in[FRAMES];
        for (size_t i = 0; i < FRAMES; i++) in[i] = frame[c + i < n ? c + i : n - 1];
        size_t p = 0;
        for (; p + SIDE <= P; p += SIDE) {
            frames_vector x[SIDE];
            for (size_t i = 0; i < SIDE; i++) x[i] = load_parts(in, i, p);
            transpose(x);
            for (size_t i = 0; i < SIDE; i++) *(frames_vector *)(rows + (p + i) * TILE + c) = x[i];
        }
        for (; p < P; p++)
            for (size_t i = 0; i < FRAMES; i++) rows[p * TILE + c + i] = in[i][p];
    }
}

static void store(size_t P, size_t n, const real *rows, real *const *frame, ptrdiff_t stride) {
    if (stride != 1) {
        store_rows(P, n, rows, frame, stride);
        return;
    }
    for (size_t c = 0; c < n; c += FRAMES) {
        size_t p = 0;
        for (; c + FRAMES <= n && p + SIDE <= P; p += SIDE) {
            frames_vector x[SIDE];
            for (size_t i = 0; i < SIDE; i++) x[i] = *(const frames_vector *)(rows + (p + i) * TILE + c);
            transpose(x);
            for (size_t i = 0; i < SIDE; i++) store_parts(x[i], frame + c, i, p);
        }
        for (; p < P; p++)
            for (size_t i = 0; i < FRAMES && c + i < n; i++) frame[c + i][p] = rows[p * TILE + c + i];
    }
}

/* total[c] += factor * part[c], and part becomes 0. */
static inline __attribute__((always_inline)) void add_to_sums(real *part, double factor, double *total) {
    for (size_t c = 0; c < TILE; c++) {
        total[c] += factor * (double)part[c];
        part[c] = 0;
    }
}

static inline real_bits max_bits(real_bits a, real_bits b) { return a > b ? a : b; }

static inline void prefetch_row(const spiral__next_tile *next, size_t p) {
    for (int i = 0; i < 3; i++)
        for (size_t line = 0; line < SPIRAL__TILE_BYTES; line += 64)
            __builtin_prefetch((const void *)(next[i].address + p * next[i].step + line));
}

/* One loop for all combinations of options: where it is inlined, the flags are constants and their branches
 * disappear. The outputs are parameters, not only in the struct, because compilers use restrict only on
 * parameters.
 *
 * The cross-entropy is cost = -positive t log y - negative (1 - t) log(1 - y). From logits, -log y = max(-z,
 * 0) + log(1 + e) and -log(1 - y) = max(z, 0) + log(1 + e) with e = exp(-|z|): sums of numbers that are not
 * negative, so that a cell that is right and confident costs almost nothing.
 *
 * A number is in 0 .. limit if its bits, read as an integer, are at most those of the limit: negative numbers
 * and NaN have larger ones. Adding 0 turns -0 into 0. */
static inline __attribute__((always_inline)) int
cell_terms_with(const spiral__cell_args *args, real *restrict y_out, real *restrict t_out,
                real *restrict slope_out, real *restrict dcost_out, double factor, double *restrict sums,
                const int logits, const int weighted, const int cross, const int class_weights) {
    const size_t P = args->P;
    const real positive = args->positive_weight;
    const real *const pred = args->pred, *const target = args->target, *const weight = args->weight;
    const real *const negative_weight = args->negative_weight;
    const spiral__next_tile *next = args->next;
    const real one = 1, epsilon = (real)SPIRAL__LOSS_EPSILON;
    const real limit = (real)SPIRAL__LOSS_MAX_LOGIT;
    const real weight_scale = (real)(SPIRAL__LOSS_MAX_LOGIT / SPIRAL__LOSS_MAX_WEIGHT);
    real_bits most[TILE] = {0}, any = 0;
    real part[TILE] = {0};
    if (logits) /* in a loop of its own, see divergence */
        for (size_t i = 0; i < P * TILE; i++) y_out[i] = spiral__exp_down(-spiral__abs(pred[i]));
    for (size_t p = 0; p < P; p++) {
        prefetch_row(next, p);
        for (size_t c = 0; c < TILE; c++) {
            const size_t i = p * TILE + c;
            real z = pred[i], t = target[i], w = one, y, slope, cost = 0, dcost = 0;
            real_bits largest = spiral__bits(t * limit + 0);
            if (weighted) {
                w = weight[i];
                largest = max_bits(largest, spiral__bits(w * weight_scale + 0));
            }
            if (logits) {
                real size = spiral__abs(z);
                largest = max_bits(largest, spiral__bits(size));
                real e = y_out[i], s = one / (one + e), es = e * s;
                y = z < 0 ? es : s;
                slope = es * s;
                if (cross) {
                    real both = spiral__log1p01_short(e), off = z > 0 ? z : 0, on = z < 0 ? 0 : one;
                    real negative = class_weights ? negative_weight[i] : one;
                    cost = class_weights ? positive * t * ((z < 0 ? -z : 0) + both) +
                                               negative * (one - t) * (off + both)
                                         : (on - t) * z + both; /* both parts are >= 0 */
                    dcost =
                        class_weights ? negative * (one - t) * y - positive * t * (z < 0 ? s : es) : y - t;
                }
            } else {
                largest = max_bits(largest, spiral__bits(z * limit + 0));
                y = z;
                slope = one;
                if (cross) {
                    real on = z > epsilon ? z : epsilon, off = one - z > epsilon ? one - z : epsilon;
                    real negative = class_weights ? negative_weight[i] : one;
                    cost = -(positive * t * spiral__log(on) + negative * (one - t) * spiral__log(off));
                    dcost = negative * (one - t) / off - positive * t / on;
                }
            }
            most[c] = max_bits(most[c], largest);
            y_out[i] = weighted ? w * y : y;
            if (weighted) t_out[i] = w * t;
            slope_out[i] = weighted ? w * slope : slope;
            if (cross) {
                part[c] += weighted ? w * cost : cost;
                dcost_out[i] = weighted ? w * dcost : dcost;
            }
        }
        if (cross && (p % SUM_ROWS == SUM_ROWS - 1 || p + 1 == P)) add_to_sums(part, factor, sums);
    }
    for (size_t c = 0; c < TILE; c++) any |= most[c] > spiral__bits(limit);
    return any != 0;
}

static int cell_terms(const spiral__cell_args *args) {
#define CASE(logits, weighted, cross_entropy, class_weights)                                               \
    if (!args->from_logits == !logits && !args->weight == !weighted && !args->cross == !cross_entropy &&   \
        !args->negative_weight == !class_weights)                                                          \
        return cell_terms_with(args, args->y, args->t, args->slope, args->dcost, args->factor, args->sums, \
                               logits, weighted, cross_entropy, class_weights);
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
    return 1; /* class weights without cross-entropy: no caller wants them */
}

/* Whether any bit of a vector is set. That includes -0: it is then multiplied, which changes nothing. */
static inline int any_bit(const vector *v) {
#if defined(__AVX512F__)
    const __m512i x = _mm512_loadu_si512(v);
    return _mm512_test_epi32_mask(x, x) != 0;
#elif defined(__AVX__)
    const __m256i x = _mm256_loadu_si256((const __m256i *)v);
    return !_mm256_testz_si256(x, x);
#else
    const word_vector x = *(const word_vector *)v;
    return (x[0] | x[1]) != 0;
#endif
}

static size_t nonzero_rows(size_t n_rows, const real *rows, int *index) {
    size_t n = 0;
    for (size_t r = 0; r < n_rows; r++) {
        int any = 0;
        for (size_t j = 0; j < VECTORS; j++) any |= any_bit((const vector *)rows + r * VECTORS + j);
        index[n] = (int)r;
        n += (size_t)any;
    }
    return n;
}

/* The sums of a Toeplitz product: BLOCK output rows, two vectors wide, that stay in registers while the input
 * rows are read one by one. A coefficient that has been broadcast is used for both vectors. */
enum { BLOCK = SPIRAL__ROW_BLOCK };
typedef struct block_sums {
    vector row[BLOCK][2];
} block_sums;

/* Adds an input row to the sums of the rows from .. end - 1 of the block; c are the coefficients. The empty
 * asm hides from the compiler that the next row has the same coefficients, one place further: gcc would move
 * them from register to register instead of loading them, which is slower. */
static inline __attribute__((always_inline)) void add_row(block_sums *sum, const vector *in, const real *c,
                                                          int from, int end) {
    const vector in0 = in[0], in1 = in[1];
    __asm__("" : "+r"(c));
    for (int i = from; i < end; i++) {
        sum->row[i][0] += c[i] * in0;
        sum->row[i][1] += c[i] * in1;
    }
}

static inline __attribute__((always_inline)) void store_sums(const block_sums *sum, vector *to) {
    for (int i = 0; i < BLOCK; i++) {
        to[i * VECTORS] = sum->row[i][0];
        to[i * VECTORS + 1] = sum->row[i][1];
    }
}

/* One block of output rows, o .. o + BLOCK - 1. Of the input rows that have coefficients there, the first and
 * the last BLOCK - 1 have them for some of the output rows only: the triangles. Where an end of x cuts one
 * off, or the two overlap, its rows are multiplied by the zeros around the table. */
static inline __attribute__((always_inline)) void toeplitz_block(ptrdiff_t o, const vector *x, ptrdiff_t n_in,
                                                                 const real *table, ptrdiff_t offset,
                                                                 ptrdiff_t length, vector *out) {
    const ptrdiff_t first = o + offset - length + 1, last = o + offset + BLOCK - 1;
    const ptrdiff_t end = last < n_in ? last + 1 : n_in;
    const int lower = length >= BLOCK && first >= 0 && first + BLOCK - 1 <= n_in;
    const int upper = length >= BLOCK && last < n_in && last >= BLOCK - 2;
    const real *c = table + o + offset;
    block_sums sum = {0};
    ptrdiff_t r = first > 0 ? first : 0;
    if (lower) {
        _Pragma("GCC unroll 8") for (int e = 1; e < BLOCK; e++, r++)
            add_row(&sum, x + r * VECTORS, c - r, 0, e);
    }
    for (; r < end - (upper ? BLOCK - 1 : 0); r++) add_row(&sum, x + r * VECTORS, c - r, 0, BLOCK);
    if (upper) {
        _Pragma("GCC unroll 8") for (int e = 1; e < BLOCK; e++, r++)
            add_row(&sum, x + r * VECTORS, c - r, e, BLOCK);
    }
    store_sums(&sum, out);
}

/* Two vectors of frames. */
static void toeplitz_columns(size_t n_out, size_t n_in, const vector *x, const real *table, ptrdiff_t offset,
                             size_t length, vector *out) {
    for (size_t o = 0; o < n_out; o += BLOCK)
        toeplitz_block((ptrdiff_t)o, x, (ptrdiff_t)n_in, table, offset, (ptrdiff_t)length, out + o * VECTORS);
}

static void toeplitz(size_t n_out, size_t n_in, const real *x, const real *table, ptrdiff_t offset,
                     size_t length, real *out) {
    for (size_t j = 0; j < VECTORS; j += 2)
        toeplitz_columns(n_out, n_in, (const vector *)x + j, table, offset, length, (vector *)out + j);
}

/* The rows of one vector of frames that are not all 0, ascending; returns how many there are. */
static size_t sounding_rows(size_t n_rows, const vector *x, unsigned char *index) {
    size_t n = 0;
    for (size_t r = 0; r < n_rows; r++) {
        index[n] = (unsigned char)r;
        n += (size_t)any_bit(x + r * VECTORS);
    }
    return n;
}

/* `rows` output rows of a Toeplitz product, one vector wide, of the n input rows in index; c is the
 * coefficient of input row 0 in the first output row. */
static inline __attribute__((always_inline)) void sparse_block(const int rows, const vector *x, size_t n,
                                                               const unsigned char *index, const real *c,
                                                               vector *out) {
    vector sum[2 * BLOCK] = {{0}};
    for (size_t k = 0; k < n; k++) {
        const vector in = x[(size_t)index[k] * VECTORS];
        const real *at = c - index[k];
        __asm__("" : "+r"(at));
        for (int i = 0; i < rows; i++) sum[i] += at[i] * in;
    }
    for (int i = 0; i < rows; i++) out[i * VECTORS] = sum[i];
}

/* One vector of frames, from the n input rows in index. */
static void sparse_column(size_t n_out, const vector *x, size_t n, const unsigned char *index,
                          const real *table, ptrdiff_t offset, size_t length, vector *out) {
    size_t from = 0, to = 0; /* the rows with coefficients in the present block: index[from .. to) */
    for (size_t o = 0, rows; o < n_out; o += rows, out += rows * VECTORS) {
        rows = n_out - o > BLOCK ? 2 * BLOCK : BLOCK;
        const ptrdiff_t last = (ptrdiff_t)(o + rows) - 1 + offset;
        const ptrdiff_t first = (ptrdiff_t)o + offset - (ptrdiff_t)length + 1;
        while (from < n && index[from] < first) from++;
        while (to < n && index[to] <= last) to++;
        const real *const c = table + (ptrdiff_t)o + offset;
        if (rows == BLOCK)
            sparse_block(BLOCK, x, to - from, index + from, c, out);
        else
            sparse_block(2 * BLOCK, x, to - from, index + from, c, out);
    }
}

/* One vector at a time, because the fewer frames, the more rows are all 0. Where few rows are, two vectors at
 * a time are faster. */
static void toeplitz_sparse(size_t n_out, size_t n_in, const real *x, const real *table, ptrdiff_t offset,
                            size_t length, real *out) {
    unsigned char index[2][SPIRAL__MOST_SPARSE_ROWS];
    for (size_t j = 0; j < VECTORS; j += 2) {
        const vector *const in = (const vector *)x + j;
        vector *const at = (vector *)out + j;
        const size_t n[2] = {sounding_rows(n_in, in, index[0]), sounding_rows(n_in, in + 1, index[1])};
        if (2 * (n[0] + n[1]) > 3 * n_in)
            toeplitz_columns(n_out, n_in, in, table, offset, length, at);
        else
            for (size_t k = 0; k < 2; k++)
                sparse_column(n_out, in + k, n[k], index[k], table, offset, length, at + k);
    }
}

/* For each element: the quotient, the reduction of its logarithm, the polynomial. Each step is done a few
 * rows after the one before, beside the other steps of other rows. If all were done at once, the instructions
 * of a few elements, which wait for each other, would fill the processor's window, and its units would be
 * idle. */
static void divergence(size_t n_rows, real b, real *restrict u, const real *restrict v, double factor,
                       double *sums) {
    enum { LATER = 3, KEPT = 4 };
    real f[KEPT][TILE] __attribute__((aligned(64))), k_ln2[KEPT][TILE] __attribute__((aligned(64)));
    real part[TILE] = {0};
    for (size_t r = 0; r < n_rows + 2 * LATER; r++) {
        if (r < n_rows)
            for (size_t i = r * TILE; i < (r + 1) * TILE; i++) u[i] = (u[i] - v[i]) / (v[i] + b);
        if (r >= LATER && r < n_rows + LATER) {
            const size_t row = r - LATER;
            for (size_t c = 0; c < TILE; c++)
                f[row % KEPT][c] = spiral__entropy_reduce(u[row * TILE + c], &k_ln2[row % KEPT][c]);
        }
        if (r >= 2 * LATER) {
            const size_t row = r - 2 * LATER;
            for (size_t c = 0; c < TILE; c++)
                part[c] += (v[row * TILE + c] + b) *
                           spiral__entropy_from(u[row * TILE + c], f[row % KEPT][c], k_ln2[row % KEPT][c]);
            if (row % SUM_ROWS == SUM_ROWS - 1 || row + 1 == n_rows) add_to_sums(part, factor, sums);
        }
    }
}

static void difference(size_t n_rows, const real *restrict x, const real *restrict y, real *restrict out) {
    for (size_t i = 0; i < n_rows * TILE; i++) out[i] = x[i] - y[i];
}

static void product(size_t n_rows, const real *restrict x, const real *restrict y, real *restrict out) {
    for (size_t i = 0; i < n_rows * TILE; i++) out[i] = x[i] * y[i];
}

static void negative_weights(size_t P, const real *restrict target, const real *restrict weight,
                             const int *index, size_t n, const real *distance, real base, real factor,
                             real *restrict out) {
    for (size_t q = 0; q < P; q++) {
        real least[TILE];
        for (size_t c = 0; c < TILE; c++) least[c] = 1;
        for (size_t k = 0; k < n; k++) {
            const size_t p = (size_t)index[k];
            const real gain = 1 - distance[p < q ? q - p : p - q];
            for (size_t c = 0; c < TILE; c++) {
                real t = target[p * TILE + c];
                if (weight) t *= weight[p * TILE + c] < 1 ? weight[p * TILE + c] : 1;
                real cost = 1 - t * gain;
                least[c] = cost < least[c] ? cost : least[c];
            }
        }
        for (size_t c = 0; c < TILE; c++) out[q * TILE + c] = base + factor * least[c];
    }
}

/* min(w, 1) / w: a weight above 1 counts for the label of its own cell alone. */
static inline real passed_part(const real *weight, size_t i) {
    return weight && weight[i] > 1 ? 1 / weight[i] : 1;
}

static void channel_input(const spiral__channel_args *args, const real *y, real *restrict out) {
    for (size_t p = 0; p < args->P; p++)
        for (size_t i = p * TILE; i < (p + 1) * TILE; i++)
            out[i] = passed_part(args->weight, i) * y[i] * args->inverse_totals[p];
}

/* The probabilities v that a label is there, and 1 - v, from those of the note, own and 1 - own, and of notes
 * that moved here. From logits, with r the smaller of the two divided by the larger, their logarithms are
 * -log(1 + r) and log(r) - log(1 + r), which is exact for a confident label. Below the smallest probability
 * that exp_down gives, the logit itself continues the logarithm. */
static inline __attribute__((always_inline)) void
channel_terms_with(const spiral__channel_args *args, const real *restrict moved, real *restrict g_out,
                   real *restrict weighted_g, const int logits, const int weighted) {
    const size_t P = args->P;
    const real one = 1, eta = args->eta, keep = one - eta;
    const real epsilon = (real)SPIRAL__LOSS_EPSILON;
    const real tiny = sizeof(real) == sizeof(float) ? (real)1e-32 : (real)1e-300;
    const real reach = sizeof(real) == sizeof(float) ? 69 : 690; /* the range of exp_down */
    const real *const pred = args->pred, *const target = args->target, *const weight = args->weight;
    real part[TILE] = {0};
    if (logits) /* in a loop of its own, see divergence */
        for (size_t i = 0; i < P * TILE; i++) g_out[i] = spiral__exp_down(-spiral__abs(pred[i]));
    for (size_t p = 0; p < P; p++) {
        for (size_t c = 0; c < TILE; c++) {
            const size_t i = p * TILE + c;
            const real z = pred[i], t = target[i], w = weighted ? weight[i] : one;
            const real a = moved[i] < one ? moved[i] : one, a_not = one - a;
            real own = z, own_not = one - z, cost, g, least = epsilon;
            if (logits) {
                const real e = g_out[i], s = one / (one + e), es = e * s;
                own = z < 0 ? es : s;
                own_not = z < 0 ? s : es;
                least = tiny;
            }
            const real v = keep * own + eta * a, v_not = keep * own_not + eta * a_not;
            const real on = v > least ? v : least, off = v_not > least ? v_not : least;
            if (logits) {
                const int rare = v < v_not;
                const real per_small = one / (rare ? on : off), per_large = one / (rare ? off : on);
                const real r = (rare ? on : off) * per_large;
                g = (one - t) * (rare ? per_large : per_small) - t * (rare ? per_small : per_large);
                real surprise = -spiral__log_normal(r);
                const real beyond = spiral__abs(z) - reach;
                const int continues =
                    beyond > 0 && (z < 0 ? keep * own >= eta * a : keep * own_not >= eta * a_not);
                surprise += continues ? beyond : 0;
                cost = spiral__log1p01_short(r) + (rare ? t : one - t) * surprise;
            } else {
                cost = -(t * spiral__log(on) + (one - t) * spiral__log(off));
                g = (one - t) / off - t / on;
            }
            g_out[i] = g;
            weighted_g[i] = moved[i] < one ? (weighted ? w * g : g) : 0;
            part[c] += weighted ? w * cost : cost;
        }
        if (p % SUM_ROWS == SUM_ROWS - 1 || p + 1 == P) add_to_sums(part, args->factor, args->sums);
    }
}

static void channel_terms(const spiral__channel_args *args, const real *moved, real *g, real *weighted_g) {
    if (args->from_logits && args->weight)
        channel_terms_with(args, moved, g, weighted_g, 1, 1);
    else if (args->from_logits)
        channel_terms_with(args, moved, g, weighted_g, 1, 0);
    else if (args->weight)
        channel_terms_with(args, moved, g, weighted_g, 0, 1);
    else
        channel_terms_with(args, moved, g, weighted_g, 0, 0);
}

static void channel_slope(const spiral__channel_args *args, const real *g, const real *moved,
                          real *restrict out) {
    for (size_t p = 0; p < args->P; p++) {
        const real other = args->eta * args->inverse_totals[p];
        for (size_t i = p * TILE; i < (p + 1) * TILE; i++)
            out[i] = (1 - args->eta) * g[i] + passed_part(args->weight, i) * other * moved[i];
    }
}

/* Even and odd rows have accumulators of their own, so that an addition need not wait for the one before. */
static void frame_sums(size_t n_rows, const real *rows, double factor, double *sums) {
    double_vector even[SUMS], odd[SUMS];
    for (int j = 0; j < (int)SUMS; j++) even[j] = odd[j] = (double_vector){0};
    size_t r = 0;
    for (; r + 2 <= n_rows; r += 2) {
        const narrow_vector *a = (const narrow_vector *)(rows + r * TILE), *b = a + SUMS;
        for (int j = 0; j < (int)SUMS; j++) {
            even[j] += __builtin_convertvector(a[j], double_vector);
            odd[j] += __builtin_convertvector(b[j], double_vector);
        }
    }
    if (r < n_rows) {
        const narrow_vector *a = (const narrow_vector *)(rows + r * TILE);
        for (int j = 0; j < (int)SUMS; j++) even[j] += __builtin_convertvector(a[j], double_vector);
    }
    double frame[TILE];
    for (int j = 0; j < (int)SUMS; j++) even[j] += odd[j];
    memcpy(frame, even, sizeof frame);
    for (size_t c = 0; c < TILE; c++) sums[c] += factor * frame[c];
}

static void chain_rule(size_t n_rows, const real *restrict dcost, real cross_factor,
                       const real *restrict slope, const real *restrict dkind, real kind_factor,
                       real *restrict out) {
    const size_t n = n_rows * TILE;
    if (dcost && dkind)
        for (size_t i = 0; i < n; i++) out[i] = cross_factor * dcost[i] + kind_factor * (slope[i] * dkind[i]);
    else if (dcost)
        for (size_t i = 0; i < n; i++) out[i] = cross_factor * dcost[i];
    else if (dkind)
        for (size_t i = 0; i < n; i++) out[i] = kind_factor * (slope[i] * dkind[i]) + 0; /* never -0 */
    else
        memset(out, 0, n * sizeof *out);
}

/* Forward f[i] = x[i] + a f[i-1], then backward h[i] = f[i] + a h[i+1], where h of the last frame is tail f:
 * what the frames after the last would have contributed. Then h is tail times the two-sided sum. All terms
 * have the sign of x, so nothing cancels. */
static void time_blur(size_t n, size_t width, real a, real tail, real gain, real *x) {
    for (size_t i = 1; i < n; i++) {
        const real *restrict before = x + (i - 1) * width;
        real *restrict at = x + i * width;
        for (size_t p = 0; p < width; p++) at[p] += a * before[p];
    }
    for (size_t p = 0; p < width; p++) x[(n - 1) * width + p] *= tail;
    for (size_t i = n - 1; i-- > 0;) {
        const real *restrict after = x + (i + 1) * width;
        real *restrict at = x + i * width;
        for (size_t p = 0; p < width; p++) at[p] += a * after[p];
    }
    for (size_t i = 0; i < n * width; i++) x[i] *= gain / tail;
}

extern const spiral__loss_kernels SPIRAL_TABLE(spiral__loss_kernels);
const spiral__loss_kernels SPIRAL_TABLE(spiral__loss_kernels) = {
    .load = load,
    .store = store,
    .cell_terms = cell_terms,
    .nonzero_rows = nonzero_rows,
    .toeplitz = toeplitz,
    .toeplitz_sparse = toeplitz_sparse,
    .divergence = divergence,
    .difference = difference,
    .product = product,
    .negative_weights = negative_weights,
    .channel_input = channel_input,
    .channel_terms = channel_terms,
    .channel_slope = channel_slope,
    .frame_sums = frame_sums,
    .chain_rule = chain_rule,
    .time_blur = time_blur,
};
