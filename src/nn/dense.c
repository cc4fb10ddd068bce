/* SPDX-License-Identifier: MIT
 *
 * The dense layer (see dense.h): every product is a gemm.
 */
#include "nn/dense.h"
#include "nn/gemm.h"
#include "simd/nn_kernels.h"

void spiral__dense_forward(size_t rows, size_t in, size_t out, const float *x, size_t x_stride,
                           const float *W, const float *b, float *y, size_t y_stride) {
    if (b) spiral__nn_kernels_get()->fill_rows(rows, out, b, y, y_stride);
    spiral__gemm(0, 0, rows, out, in, x, x_stride, W, out, b ? 1 : 0, y, y_stride);
}

void spiral__dense_forward_add(size_t rows, size_t in, size_t out, const float *x, size_t x_stride,
                               const float *W, float *y, size_t y_stride) {
    spiral__gemm(0, 0, rows, out, in, x, x_stride, W, out, 1, y, y_stride);
}

void spiral__dense_backward_input(size_t rows, size_t in, size_t out, const float *dy, size_t dy_stride,
                                  const float *W, float *dx, size_t dx_stride) {
    spiral__gemm(0, 1, rows, in, out, dy, dy_stride, W, out, 0, dx, dx_stride);
}

void spiral__dense_backward_input_add(size_t rows, size_t in, size_t out, const float *dy, size_t dy_stride,
                                      const float *W, float *dx, size_t dx_stride) {
    spiral__gemm(0, 1, rows, in, out, dy, dy_stride, W, out, 1, dx, dx_stride);
}

void spiral__dense_backward_weight(size_t rows, size_t in, size_t out, const float *x, size_t x_stride,
                                   const float *dy, size_t dy_stride, float *dW) {
    spiral__gemm(1, 0, in, out, rows, x, x_stride, dy, dy_stride, 1, dW, out);
}

void spiral__dense_backward_bias(size_t rows, size_t out, const float *dy, size_t dy_stride, float *db) {
    spiral__nn_kernels_get()->column_sums(rows, out, dy, dy_stride, db);
}
