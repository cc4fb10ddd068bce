/* SPDX-License-Identifier: MIT
 *
 * The loops declared in nn_kernels.h in plain C, compiled once per instruction set (isa.h). The compiler
 * vectorises the inner loops; arrays do not overlap unless said.
 */
#include <math.h>
#include <string.h>

#include "simd/nn_kernels.h"
#include "simd/vmath.h"

static void add(size_t n, const float *restrict x, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void subtract(size_t n, const float *restrict x, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] -= x[i];
}

/* A strip of all rows is summed in registers. The loads of different rows do not wait for each other. */
static void add_differences(size_t pairs, const spiral__row_pair *pair, size_t n, float *restrict y) {
    enum { VECTOR = 16, VECTORS = 4, STRIP = VECTOR * VECTORS };
    typedef float vector __attribute__((vector_size(VECTOR * sizeof(float)), aligned(sizeof(float))));
    size_t j = 0;
    for (; j + STRIP <= n; j += STRIP) {
        vector sum[VECTORS];
        memcpy(sum, y + j, sizeof sum);
        for (size_t r = 0; r < pairs; r++) {
            const vector *plus = (const vector *)(const void *)(pair[r].plus + j);
            const vector *minus = (const vector *)(const void *)(pair[r].minus + j);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) sum[v] = (sum[v] + plus[v]) - minus[v];
        }
        memcpy(y + j, sum, sizeof sum);
    }
    for (; j < n; j++) {
        float sum = y[j];
        for (size_t r = 0; r < pairs; r++) sum = (sum + pair[r].plus[j]) - pair[r].minus[j];
        y[j] = sum;
    }
}

/* Sums over a row have LANES partial sums, enough for the widest vectors, and so a fixed order. */
enum { LANES = 16 };

static float row_sum(size_t n, const float *x) {
    float lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++) lane[k] += x[i + k];
    for (; i < n; i++) sum += x[i];
    for (size_t k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

static float row_dot(size_t n, const float *x, const float *y) {
    float lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++) lane[k] += x[i + k] * y[i + k];
    for (; i < n; i++) sum += x[i] * y[i];
    for (size_t k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

static void norm_silu_forward(size_t rows, size_t n, float *pre, size_t pre_stride,
                              const float *restrict gain, const float *restrict shift, float *inverse,
                              float *out, size_t out_stride) {
    for (size_t r = 0; r < rows; r++) {
        float *restrict x = pre + r * pre_stride;
        float *restrict y = out + r * out_stride;
        float mean = row_sum(n, x) / (float)n;
        for (size_t i = 0; i < n; i++) x[i] -= mean;
        float inv = 1.0f / sqrtf(row_dot(n, x, x) / (float)n + 1e-5f);
        inverse[r] = inv;
        for (size_t i = 0; i < n; i++) {
            x[i] *= inv;
            float a = gain[i] * x[i] + shift[i];
            y[i] = a * spiral__sigmoid_f32(a);
        }
    }
}

static void norm_silu_backward(size_t rows, size_t n, float *xs, size_t x_stride, const float *restrict gain,
                               const float *restrict shift, const float *inverse, const float *dout,
                               size_t dout_stride, float *restrict dgain, float *restrict dshift) {
    for (size_t r = 0; r < rows; r++) {
        float *restrict x = xs + r * x_stride;
        const float *restrict dy = dout + r * dout_stride;
        float lane_d[LANES] = {0}, lane_dx[LANES] = {0}, mean_d = 0, mean_dx = 0;
        /* dx = gain da, its mean and its mean times x, in one pass; da goes to dgain and dshift */
        for (size_t i0 = 0; i0 < n; i0 += LANES) {
            size_t width = n - i0 < LANES ? n - i0 : LANES;
            for (size_t k = 0; k < width; k++) {
                size_t i = i0 + k;
                float a = gain[i] * x[i] + shift[i], s = spiral__sigmoid_f32(a);
                float da = dy[i] * s * (1.0f + a * (1.0f - s));
                dgain[i] += da * x[i];
                dshift[i] += da;
                lane_d[k] += da * gain[i];
                lane_dx[k] += da * gain[i] * x[i];
            }
        }
        for (size_t k = 0; k < LANES; k++) mean_d += lane_d[k], mean_dx += lane_dx[k];
        mean_d /= (float)n;
        mean_dx /= (float)n;
        for (size_t i = 0; i < n; i++) {
            float a = gain[i] * x[i] + shift[i], s = spiral__sigmoid_f32(a);
            float da = dy[i] * s * (1.0f + a * (1.0f - s));
            x[i] = inverse[r] * (da * gain[i] - mean_d - x[i] * mean_dx);
        }
    }
}

static void fill_rows(size_t rows, size_t n, const float *bias, float *y, size_t stride) {
    for (size_t r = 0; r < rows; r++) memcpy(y + r * stride, bias, n * sizeof *y);
}

static void column_sums(size_t rows, size_t n, const float *dy, size_t stride, float *db) {
    enum { TILE = 64 };
    for (size_t j = 0; j < n; j += TILE) {
        double sum[TILE] = {0};
        size_t width = n - j < TILE ? n - j : TILE;
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < width; i++) sum[i] += dy[r * stride + j + i];
        for (size_t i = 0; i < width; i++) db[j + i] += (float)sum[i];
    }
}

static void adamw(size_t n, const spiral__adamw *step, float *restrict param, float *restrict grad,
                  float *restrict m, float *restrict v) {
    const spiral__adamw s = *step;
    for (size_t i = 0; i < n; i++) {
        float g = grad[i] * s.scale;
        m[i] = s.beta1 * m[i] + (1.0f - s.beta1) * g;
        v[i] = s.beta2 * v[i] + (1.0f - s.beta2) * g * g;
        float update = m[i] * s.correct1 / (sqrtf(v[i] * s.correct2) + s.epsilon);
        param[i] -= s.rate * (update + s.decay * param[i]);
        grad[i] = 0.0f;
    }
}

static double square_sum(size_t n, const float *x) {
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++) lane[k] += (double)x[i + k] * x[i + k];
    for (; i < n; i++) sum += (double)x[i] * x[i];
    for (size_t k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

extern const spiral__nn_kernels SPIRAL_TABLE(spiral__nn_kernels);
const spiral__nn_kernels SPIRAL_TABLE(spiral__nn_kernels) = {
    add,       subtract,    add_differences, norm_silu_forward, norm_silu_backward,
    fill_rows, column_sums, adamw,           square_sum,
};
