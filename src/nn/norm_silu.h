/* SPDX-License-Identifier: MIT
 *
 * Layer normalisation (Ba, Kiros, Hinton 2016) followed by SiLU, as one layer. Of each row of n numbers
 *     x = (pre - mean) / sqrt(variance + 1e-5),   a = gain x + shift,   y = a sigmoid(a).
 * Rows lie a stride of floats apart and are independent of each other except in dgain and dshift.
 */
#ifndef SPIRAL_NN_NORM_SILU_H
#define SPIRAL_NN_NORM_SILU_H

#include <stddef.h>

/* pre (rows, n) is overwritten with x; inverse[r] = 1 / sqrt(variance + 1e-5) of row r. Backward needs both.
 */
void spiral__norm_silu_forward(size_t rows, size_t n, float *pre, size_t pre_stride,
                               const float *gain /* (n) */, const float *shift /* (n) */,
                               float *inverse /* (rows) */, float *y, size_t y_stride);
/* x (rows, n), as forward left it, is overwritten with dpre; dgain and dshift are added to. */
void spiral__norm_silu_backward(size_t rows, size_t n, float *x, size_t x_stride, const float *gain /* (n) */,
                                const float *shift /* (n) */, const float *inverse /* (rows) */,
                                const float *dy, size_t dy_stride, float *dgain /* (n) */,
                                float *dshift /* (n) */);

#endif
