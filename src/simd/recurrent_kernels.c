/* SPDX-License-Identifier: MIT
 *
 * The loops declared in recurrent_kernels.h. Sums are vectors over outputs: each output is one sum in a fixed
 * order, however wide the vectors are. The build compiles this file with -ffp-contract=off.
 */
#include "simd/recurrent_kernels.h"
#include "simd/vmath.h"

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

static inline vector load(const float *x) { return *(const vector *)(const void *)x; }
static inline void store(float *x, vector v) { *(vector *)(void *)x = v; }

/* ---- sums of rows ---- */

/* `vectors` vectors of y, held in registers. */
static inline __attribute__((always_inline)) void
add_rows_block(int vectors, size_t count, const spiral__entry *entries, const float *W, size_t n, float *y) {
    vector sum[8];
    for (int v = 0; v < vectors; v++) sum[v] = load(y + v * LANES);
    for (size_t e = 0; e < count; e++) {
        const float *w = W + entries[e].row * n, value = entries[e].value;
        for (int v = 0; v < vectors; v++) sum[v] += value * load(w + v * LANES);
    }
    for (int v = 0; v < vectors; v++) store(y + v * LANES, sum[v]);
}

static void add_rows(size_t count, const spiral__entry *entries, const float *W, size_t n, float *y) {
    size_t j = 0;
    for (; j + 6 * LANES <= n; j += 6 * LANES) add_rows_block(6, count, entries, W + j, n, y + j);
    for (; j + LANES <= n; j += LANES) add_rows_block(1, count, entries, W + j, n, y + j);
    for (; j < n; j++)
        for (size_t e = 0; e < count; e++) y[j] += entries[e].value * W[entries[e].row * n + j];
}

static void scatter_rows(size_t count, const spiral__entry *entries, const float *restrict dy, size_t n,
                         float *restrict dW) {
    for (size_t e = 0; e < count; e++) {
        float *restrict w = dW + entries[e].row * n;
        const float value = entries[e].value;
        for (size_t j = 0; j < n; j++) w[j] += value * dy[j];
    }
}

/* ---- products ---- */

static inline __attribute__((always_inline)) void product_block(int rows, int vectors, size_t k, size_t n,
                                                                const float *X, const float *W, float *Y) {
    vector sum[4][6];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) sum[i][v] = load(Y + (size_t)i * n + (size_t)v * LANES);
    for (size_t j = 0; j < k; j++)
        for (int v = 0; v < vectors; v++) {
            const vector w = load(W + j * n + (size_t)v * LANES);
            for (int i = 0; i < rows; i++) sum[i][v] += X[(size_t)i * k + j] * w;
        }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) store(Y + (size_t)i * n + (size_t)v * LANES, sum[i][v]);
}

static void product_tail(size_t k, size_t n, size_t begin, const float *X, const float *W, float *y) {
    for (size_t j = begin; j < n; j++)
        for (size_t i = 0; i < k; i++) y[j] += X[i] * W[i * n + j];
}

static void add_product(size_t rows, size_t k, size_t n, const float *X, const float *W, float *Y) {
    const size_t whole = n / LANES * LANES;
    size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        size_t j = 0;
        for (; j + 3 * LANES <= n; j += 3 * LANES) product_block(4, 3, k, n, X + r * k, W + j, Y + r * n + j);
        for (; j < whole; j += LANES) product_block(4, 1, k, n, X + r * k, W + j, Y + r * n + j);
        for (size_t i = r; i < r + 4 && whole < n; i++) product_tail(k, n, whole, X + i * k, W, Y + i * n);
    }
    for (; r < rows; r++) {
        size_t j = 0;
        for (; j + 6 * LANES <= n; j += 6 * LANES) product_block(1, 6, k, n, X + r * k, W + j, Y + r * n + j);
        for (; j < whole; j += LANES) product_block(1, 1, k, n, X + r * k, W + j, Y + r * n + j);
        product_tail(k, n, whole, X + r * k, W, Y + r * n);
    }
}

/* ---- the GRU ---- */

static inline float tanh_f32(float x) { return 2.0f * spiral__sigmoid_f32(2.0f * x) - 1.0f; }

static void gru_forward(size_t rows, size_t H, float *x_rows, const float *s_rows, const float *h_rows,
                        float *out_rows) {
    for (size_t row = 0; row < rows; row++) {
        float *restrict x = x_rows + row * 3 * H;
        const float *restrict s = s_rows + row * 3 * H;
        const float *h = h_rows + row * H;
        float *out = out_rows + row * H;
        for (size_t j = 0; j < 2 * H; j++) x[j] = spiral__sigmoid_f32(x[j] + s[j]);
        for (size_t j = 0; j < H; j++) x[2 * H + j] = tanh_f32(x[2 * H + j] + x[j] * s[2 * H + j]);
        for (size_t j = 0; j < H; j++) out[j] = x[2 * H + j] + x[H + j] * (h[j] - x[2 * H + j]);
    }
}

static void gru_backward(size_t rows, size_t H, float *gate_rows, float *s_rows, const float *h_rows,
                         float *dh_rows) {
    for (size_t row = 0; row < rows; row++) {
        float *restrict g = gate_rows + row * 3 * H;
        float *restrict s = s_rows + row * 3 * H;
        const float *restrict h = h_rows + row * H;
        float *restrict dh = dh_rows + row * H;
        for (size_t j = 0; j < H; j++) {
            const float r = g[j], z = g[H + j], c = g[2 * H + j], d = dh[j];
            const float dc = d * (1.0f - z) * (1.0f - c * c);
            const float dz = d * (h[j] - c) * z * (1.0f - z);
            const float dr = dc * s[2 * H + j] * r * (1.0f - r);
            g[j] = s[j] = dr;
            g[H + j] = s[H + j] = dz;
            g[2 * H + j] = dc;
            s[2 * H + j] = dc * r;
            dh[j] = d * z;
        }
    }
}

/* ---- SiLU ---- */

static void silu_forward(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = x[i] * spiral__sigmoid_f32(x[i]);
}

static void silu_backward(size_t n, const float *restrict x, float *restrict dy) {
    for (size_t i = 0; i < n; i++) {
        const float s = spiral__sigmoid_f32(x[i]);
        dy[i] *= s * (1.0f + x[i] * (1.0f - s));
    }
}

extern const spiral__recurrent_kernels SPIRAL_TABLE(spiral__recurrent_kernels);
const spiral__recurrent_kernels SPIRAL_TABLE(spiral__recurrent_kernels) = {
    add_rows, scatter_rows, add_product, gru_forward, gru_backward, silu_forward, silu_backward,
};
