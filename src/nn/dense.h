/* SPDX-License-Identifier: MIT
 *
 * The dense layer y = x W + b, forward and backward. x is (rows, in), W (in, out), b (out), y (rows, out),
 * all row-major; rows of x and y lie a stride of floats apart, W has no gaps.
 *
 * No function keeps state, allocates or starts a thread. Rows are independent of each other except in the
 * gradients of W and b, which are sums over rows in their order.
 */
#ifndef SPIRAL_NN_DENSE_H
#define SPIRAL_NN_DENSE_H

#include <stddef.h>

/* y = x W + b; b may be NULL: y = x W. */
void spiral__dense_forward(size_t rows, size_t in, size_t out, const float *x, size_t x_stride,
                           const float *W /* (in, out) */, const float *b /* (out) */, float *y,
                           size_t y_stride);
/* y += x W */
void spiral__dense_forward_add(size_t rows, size_t in, size_t out, const float *x, size_t x_stride,
                               const float *W /* (in, out) */, float *y, size_t y_stride);

/* dx = dy W' */
void spiral__dense_backward_input(size_t rows, size_t in, size_t out, const float *dy, size_t dy_stride,
                                  const float *W /* (in, out) */, float *dx, size_t dx_stride);
/* dx += dy W' */
void spiral__dense_backward_input_add(size_t rows, size_t in, size_t out, const float *dy, size_t dy_stride,
                                      const float *W /* (in, out) */, float *dx, size_t dx_stride);
/* dW += x' dy. A task that owns rows i .. i + n - 1 of W passes x + i, n for `in`, and dW + i * out. */
void spiral__dense_backward_weight(size_t rows, size_t in, size_t out, const float *x, size_t x_stride,
                                   const float *dy, size_t dy_stride, float *dW /* (in, out) */);
/* db += the sum of the rows of dy, in double precision inside. */
void spiral__dense_backward_bias(size_t rows, size_t out, const float *dy, size_t dy_stride,
                                 float *db /* (out) */);

#endif
