/* SPDX-License-Identifier: MIT
 *
 * The inner loops of the note-by-note decoder, as a table of functions. They are compiled without fused
 * multiply-add, every sum has the order of its terms, and exp is the library's own: the results are
 * bit-identical on every instruction set, WebAssembly included. Rows of arrays have no gaps.
 */
#ifndef SPIRAL_SIMD_RECURRENT_KERNELS_H
#define SPIRAL_SIMD_RECURRENT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "simd/isa.h"

/* A row of a weight matrix and what it is multiplied by. */
typedef struct spiral__entry {
    uint32_t row;
    float value;
} spiral__entry;

typedef struct spiral__recurrent_kernels {
    /* y (n) += the sum of value * W[row] over the entries, in their order. W (any, n). */
    void (*add_rows)(size_t count, const spiral__entry *entries, const float *W, size_t n, float *y);
    /* dW[row] += value * dy (n) for each entry. */
    void (*scatter_rows)(size_t count, const spiral__entry *entries, const float *dy, size_t n, float *dW);
    /* Y (rows, n) += X (rows, k) W (k, n), the terms of each sum in the order of k. */
    void (*add_product)(size_t rows, size_t k, size_t n, const float *X, const float *W, float *Y);
    /* The gates of a GRU (Cho et al. 2014, with the reset gate after the product, as in cuDNN and PyTorch):
     *     r = sigmoid(x_r + s_r)   z = sigmoid(x_z + s_z)   c = tanh(x_c + r s_c)   out = c + z (h - c)
     * x (rows, 3H) is r | z | c of the input and is overwritten with the gates; s (rows, 3H) is the same of
     * the state h (rows, H). out may be h. */
    void (*gru_forward)(size_t rows, size_t H, float *x, const float *s, const float *h, float *out);
    /* dh (rows, H): the gradient of out, overwritten with that part of the gradient of h that does not go
     * through s. gates, as forward left them, are overwritten with dx, s with ds. */
    void (*gru_backward)(size_t rows, size_t H, float *gates, float *s, const float *h, float *dh);
    /* y = x sigmoid(x), over n floats; y may be x. */
    void (*silu_forward)(size_t n, const float *x, float *y);
    /* dy is overwritten with dx. */
    void (*silu_backward)(size_t n, const float *x, float *dy);
} spiral__recurrent_kernels;

const spiral__recurrent_kernels *spiral__recurrent_kernels_get(void); /* for the current instruction set */

#endif
