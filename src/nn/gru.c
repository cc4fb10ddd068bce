/* SPDX-License-Identifier: MIT
 *
 * The recurrent layer (see gru.h).
 */
#include "nn/dense.h"
#include "nn/gru.h"
#include "simd/recurrent_kernels.h"

void spiral__gru_forward(size_t steps, size_t rows, size_t H, float *x, const float *U, const float *b,
                         float *h, float *s) {
    const spiral__recurrent_kernels *k = spiral__recurrent_kernels_get();
    for (size_t t = 0; t < steps; t++, x += rows * 3 * H, s += rows * 3 * H, h += rows * H) {
        spiral__dense_forward(rows, H, 3 * H, h, H, U, b, s, 3 * H);
        k->gru_forward(rows, H, x, s, h, h + rows * H);
    }
}

void spiral__gru_backward(size_t steps, size_t rows, size_t H, float *x, const float *U, const float *h,
                          float *s, float *dh, float *dU, float *db) {
    const spiral__recurrent_kernels *k = spiral__recurrent_kernels_get();
    const size_t gates = rows * 3 * H, state = rows * H;
    for (size_t t = steps; t-- > 0;) {
        float *d = dh + t * state;
        k->gru_backward(rows, H, x + t * gates, s + t * gates, h + t * state, d);
        if (!t) break;
        float *before = d - state;
        for (size_t i = 0; i < state; i++) before[i] += d[i];
        spiral__dense_backward_input_add(rows, H, 3 * H, s + t * gates, 3 * H, U, before, H);
    }
    spiral__dense_backward_weight(steps * rows, H, 3 * H, h, H, s, 3 * H, dU);
    spiral__dense_backward_bias(steps * rows, 3 * H, s, 3 * H, db);
}
