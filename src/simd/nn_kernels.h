/* SPDX-License-Identifier: MIT
 *
 * The inner loops of the network and its optimiser, as a table of functions. The order of a sum depends on
 * the arguments alone, so results are bit-identical for any number of threads that divide the calls among
 * them.
 */
#ifndef SPIRAL_SIMD_NN_KERNELS_H
#define SPIRAL_SIMD_NN_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "simd/isa.h"

/* The scalars of one AdamW step (Loshchilov and Hutter 2019, algorithm 2). */
typedef struct spiral__adamw {
    float rate;         /* learning rate of this step */
    float beta1, beta2; /* decay of the moments */
    float correct1;     /* 1 / (1 - beta1^step) */
    float correct2;     /* 1 / (1 - beta2^step) */
    float epsilon;
    float decay; /* weight decay of this tensor */
    float scale; /* gradient is multiplied by this first (clipping) */
} spiral__adamw;

/* Two rows of numbers, of which one is added and the other subtracted. */
typedef struct spiral__row_pair {
    const float *plus, *minus;
} spiral__row_pair;

typedef struct spiral__nn_kernels {
    /* y += x, y -= x, over n floats. */
    void (*add)(size_t n, const float *x, float *y);
    void (*subtract)(size_t n, const float *x, float *y);
    /* y = (y + plus) - minus, over n floats, for one pair after the other. */
    void (*add_differences)(size_t pairs, const spiral__row_pair *pair, size_t n, float *y);
    /* Layer normalisation and silu(x) = x sigmoid(x), (rows, n):
     *     x = (pre - mean) / sqrt(var + 1e-5) per row,  a = gain x + shift,  out = a sigmoid(a).
     * pre is overwritten with x; inverse[r] = 1 / sqrt(var + 1e-5) of row r; norm_silu_backward needs both.
     */
    void (*norm_silu_forward)(size_t rows, size_t n, float *pre, size_t pre_stride,
                              const float *gain /* (n) */, const float *shift /* (n) */,
                              float *inverse /* (rows) */, float *out, size_t out_stride);
    /* x is overwritten with dpre; the results are added to dgain and dshift. */
    void (*norm_silu_backward)(size_t rows, size_t n, float *x, size_t x_stride, const float *gain,
                               const float *shift, const float *inverse, const float *dout,
                               size_t dout_stride, float *dgain /* (n) */, float *dshift /* (n) */);
    /* Each row of y becomes bias, for a product that is added to it. */
    void (*fill_rows)(size_t rows, size_t n, const float *bias /* (n) */, float *y, size_t stride);
    /* db += column sums of dy (rows, n), summed in double. */
    void (*column_sums)(size_t rows, size_t n, const float *dy, size_t stride, float *db /* (n) */);
    /* One AdamW step on n parameters; the gradient is set to zero. */
    void (*adamw)(size_t n, const spiral__adamw *step, float *param, float *grad, float *m, float *v);
    /* sum of squares, in double, fixed order */
    double (*square_sum)(size_t n, const float *x);
} spiral__nn_kernels;

/* The table of the current instruction set. */
const spiral__nn_kernels *spiral__nn_kernels_get(void);

#endif
