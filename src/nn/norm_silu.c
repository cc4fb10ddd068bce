/* SPDX-License-Identifier: MIT
 *
 * Layer normalisation and SiLU (see norm_silu.h). The loops are in simd/nn_kernels.c.
 */
#include "nn/norm_silu.h"
#include "simd/nn_kernels.h"

void spiral__norm_silu_forward(size_t rows, size_t n, float *pre, size_t pre_stride, const float *gain,
                               const float *shift, float *inverse, float *y, size_t y_stride) {
    spiral__nn_kernels_get()->norm_silu_forward(rows, n, pre, pre_stride, gain, shift, inverse, y, y_stride);
}

void spiral__norm_silu_backward(size_t rows, size_t n, float *x, size_t x_stride, const float *gain,
                                const float *shift, const float *inverse, const float *dy, size_t dy_stride,
                                float *dgain, float *dshift) {
    spiral__nn_kernels_get()->norm_silu_backward(rows, n, x, x_stride, gain, shift, inverse, dy, dy_stride,
                                                 dgain, dshift);
}
