/* SPDX-License-Identifier: MIT
 *
 * The dense matrix product in blocks (Goto and van de Geijn 2008), compiled once per instruction set:
 *
 *     a block of A, BLOCK x DEPTH or less, is packed to fit into the second-level cache,
 *     a panel of B, DEPTH x COLS, is packed to fit into the first-level cache,
 *     a tile of C, ROWS x COLS, is summed in registers: COLS is three vectors; ROWS * 3 sums, three loads and
 *     one broadcast fill the register file.
 *
 * With the compiler's vector types the tile stays in registers; compilers turn plain loops into code that
 * spills it.
 */
#include <string.h>

#include "simd/gemm_kernel.h"

#if defined(__AVX512F__)
enum { LANES = 16, ROWS = 8 };
#elif defined(__AVX__)
enum { LANES = 8, ROWS = 4 };
#elif defined(__aarch64__)
enum { LANES = 4, ROWS = 8 };
#else
enum { LANES = 4, ROWS = 4 };
#endif
enum { VECTORS = 3, COLS = VECTORS * LANES, DEPTH = 192, BLOCK = 128, STACK_BLOCK = 64 };

_Static_assert((BLOCK + COLS) * DEPTH <= SPIRAL__GEMM_SCRATCH,
               "a block and a panel fit into the scratch memory");

typedef float vector __attribute__((vector_size(LANES * sizeof(float))));
typedef float loose_vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));

/* C (ROWS, COLS) += a' b over depth; a (depth, ROWS) and b (depth, COLS) are packed. */
static void tile(size_t depth, const float *restrict a, const float *restrict b, float *restrict c,
                 size_t c_row) {
    vector sum[ROWS][VECTORS];
    for (int i = 0; i < ROWS; i++)
        for (int v = 0; v < VECTORS; v++) sum[i][v] = (vector){0};
    for (size_t k = 0; k < depth; k++, a += ROWS, b += COLS) {
        vector b0 = *(const vector *)(const void *)b;
        vector b1 = *(const vector *)(const void *)(b + LANES);
        vector b2 = *(const vector *)(const void *)(b + 2 * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++) {
            sum[i][0] += a[i] * b0;
            sum[i][1] += a[i] * b1;
            sum[i][2] += a[i] * b2;
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
        for (int v = 0; v < VECTORS; v++) {
            loose_vector *to = (loose_vector *)(void *)(c + (size_t)i * c_row + (size_t)v * LANES);
            *to = *to + sum[i][v];
        }
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

typedef float four __attribute__((vector_size(16)));
typedef float loose_four __attribute__((vector_size(16), aligned(sizeof(float))));

static four load_four(const float *x) { return *(const loose_four *)(const void *)x; }
static void store_four(float *x, four v) { *(loose_four *)(void *)x = v; }

/* Four rows of x, `stride` apart, become four columns of packed, whose rows are `full` apart. */
static void transpose_strip(size_t depth, size_t full, const float *restrict x, size_t stride,
                            float *restrict packed) {
    size_t k = 0;
    for (; k + 4 <= depth; k += 4) {
        four a = load_four(x + k), b = load_four(x + stride + k);
        four c = load_four(x + 2 * stride + k), d = load_four(x + 3 * stride + k);
        four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), AB = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), CD = __builtin_shufflevector(c, d, 2, 6, 3, 7);
        store_four(packed + k * full, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
        store_four(packed + (k + 1) * full, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
        store_four(packed + (k + 2) * full, __builtin_shufflevector(AB, CD, 0, 1, 4, 5));
        store_four(packed + (k + 3) * full, __builtin_shufflevector(AB, CD, 2, 3, 6, 7));
    }
    for (; k < depth; k++)
        for (size_t i = 0; i < 4; i++) packed[k * full + i] = x[i * stride + k];
}

/* packed (depth, full): element (k, i) from x[k * along_depth + i * along_width], zero from `width` on. */
static inline __attribute__((always_inline)) void pack(size_t depth, size_t width, size_t full,
                                                       const float *restrict x, size_t along_depth,
                                                       size_t along_width, float *restrict packed) {
    if (along_width == 1 && width == full) { /* whole rows: `full` is a constant, so a row is a few vectors */
        for (size_t k = 0; k < depth; k++)
            for (size_t i = 0; i < full; i++) packed[k * full + i] = x[k * along_depth + i];
        return;
    }
    if (width < full) memset(packed, 0, depth * full * sizeof *packed);
    size_t i = 0;
    for (; i + 4 <= width && along_depth == 1; i += 4)
        transpose_strip(depth, full, x + i * along_width, along_width, packed + i);
    for (; i < width; i++)
        for (size_t k = 0; k < depth; k++) packed[k * full + i] = x[k * along_depth + i * along_width];
}

/* A tile at the edge of C: summed in a buffer, of which the part within C is added. */
static void edge_tile(size_t depth, const float *a, const float *b, size_t rows, size_t cols, float *c,
                      size_t c_row) {
    float sum[ROWS * COLS] = {0};
    tile(depth, a, b, sum, COLS);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) c[i * c_row + j] += sum[i * COLS + j];
}

static void block(size_t m, size_t n, size_t depth, const float *a_packed, const float *B, size_t b_row,
                  size_t b_col, float *b_packed, float *C, size_t c_row) {
    for (size_t j = 0; j < n; j += COLS) {
        size_t cols = least(COLS, n - j);
        pack(depth, cols, COLS, B + j * b_col, b_row, b_col, b_packed);
        for (size_t i = 0; i < m; i += ROWS) {
            size_t rows = least(ROWS, m - i);
            float *c = C + i * c_row + j;
            if (rows == ROWS && cols == COLS)
                tile(depth, a_packed + i * DEPTH, b_packed, c, c_row);
            else
                edge_tile(depth, a_packed + i * DEPTH, b_packed, rows, cols, c, c_row);
        }
    }
}

/* ---- one row ----
 *
 * A row of C needs each number of B once: nothing is packed. Each sum has the order that it has in a tile, so
 * the result has the same bits whether a row is computed alone or with others.
 */

/* c += a' B over depth, for some vectors of columns. */
static inline __attribute__((always_inline)) void
row_vectors(int vectors, size_t depth, const float *a, size_t a_col, const float *B, size_t b_row, float *c) {
    vector sum[8];
    for (int v = 0; v < vectors; v++) sum[v] = (vector){0};
    for (size_t k = 0; k < depth; k++)
        for (int v = 0; v < vectors; v++)
            sum[v] += a[k * a_col] * *(const loose_vector *)(const void *)(B + k * b_row + (size_t)v * LANES);
    for (int v = 0; v < vectors; v++) {
        loose_vector *to = (loose_vector *)(void *)(c + (size_t)v * LANES);
        *to = *to + sum[v];
    }
}

/* The same for fewer than LANES columns. A plain loop would be summed without fused multiply-add. */
static void row_tail(size_t columns, size_t depth, const float *a, size_t a_col, const float *B, size_t b_row,
                     float *c) {
    vector sum = {0}, b = {0};
    for (size_t k = 0; k < depth; k++) {
        memcpy(&b, B + k * b_row, columns * sizeof *B);
        sum += a[k * a_col] * b;
    }
    for (size_t j = 0; j < columns; j++) c[j] += sum[j];
}

static void row(size_t n, size_t k, const float *a, size_t a_col, const float *B, size_t b_row, float *c) {
    for (size_t k0 = 0; k0 < k; k0 += DEPTH) {
        const size_t depth = least(DEPTH, k - k0);
        const float *part = a + k0 * a_col, *rows = B + k0 * b_row;
        size_t j = 0;
        for (; j + 8 * LANES <= n; j += 8 * LANES) row_vectors(8, depth, part, a_col, rows + j, b_row, c + j);
        for (; j + LANES <= n; j += LANES) row_vectors(1, depth, part, a_col, rows + j, b_row, c + j);
        if (j < n) row_tail(n - j, depth, part, a_col, rows + j, b_row, c + j);
    }
}

/* C += A B in blocks of `block_rows` rows of A; packed: (block_rows + COLS, DEPTH). */
static void blocks(size_t block_rows, float *packed, size_t m, size_t n, size_t k, const float *A,
                   size_t a_row, size_t a_col, const float *B, size_t b_row, size_t b_col, float *C,
                   size_t c_row) {
    float *a_packed = packed + COLS * DEPTH;
    for (size_t i0 = 0; i0 < m; i0 += block_rows)
        for (size_t k0 = 0; k0 < k; k0 += DEPTH) {
            size_t depth = least(DEPTH, k - k0), rows = least(block_rows, m - i0);
            for (size_t i = 0; i < rows; i += ROWS)
                pack(depth, least(ROWS, rows - i), ROWS, A + (i0 + i) * a_row + k0 * a_col, a_col, a_row,
                     a_packed + i * DEPTH);
            block(rows, n, depth, a_packed, B + k0 * b_row, b_row, b_col, packed, C + i0 * c_row, c_row);
        }
}

/* Not inlined: where there is scratch memory, the stack has no room for these blocks. */
static __attribute__((noinline)) void blocks_on_stack(size_t m, size_t n, size_t k, const float *A,
                                                      size_t a_row, size_t a_col, const float *B,
                                                      size_t b_row, size_t b_col, float *C, size_t c_row) {
    _Alignas(64) float packed[(STACK_BLOCK + COLS) * DEPTH];
    blocks(STACK_BLOCK, packed, m, n, k, A, a_row, a_col, B, b_row, b_col, C, c_row);
}

static void gemm(size_t m, size_t n, size_t k, const float *A, size_t a_row, size_t a_col, const float *B,
                 size_t b_row, size_t b_col, float beta, float *C, size_t c_row, float *scratch) {
    for (size_t i = 0; i < m && beta != 1.0f; i++)
        for (size_t j = 0; j < n; j++) C[i * c_row + j] = beta == 0.0f ? 0.0f : beta * C[i * c_row + j];
    if (m == 1 && b_col == 1)
        row(n, k, A, a_col, B, b_row, C);
    else if (scratch)
        blocks(BLOCK, scratch, m, n, k, A, a_row, a_col, B, b_row, b_col, C, c_row);
    else
        blocks_on_stack(m, n, k, A, a_row, a_col, B, b_row, b_col, C, c_row);
}

/* x and a come from volatile memory, so the compiler cannot know their values. */
static double peak(size_t rounds) {
    enum { SUMS = 12 };
    static volatile float x_seen = 1e-3f, a_seen = 0.999f;
    const vector zero = {0}, x = zero + x_seen, a = zero + a_seen;
    vector sum[SUMS];
    for (int i = 0; i < SUMS; i++) sum[i] = x * (float)i;
    for (size_t k = 0; k < rounds; k++) {
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++) sum[i] = sum[i] * a + x;
    }
    for (int i = 1; i < SUMS; i++) sum[0] += sum[i];
    const volatile float used = sum[0][0];
    (void)used;
    return 2.0 * SUMS * LANES * (double)rounds;
}

extern const spiral__gemm_table SPIRAL_TABLE(spiral__gemm_kernel);
const spiral__gemm_table SPIRAL_TABLE(spiral__gemm_kernel) = {gemm, peak};
