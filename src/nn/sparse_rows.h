/* SPDX-License-Identifier: MIT
 *
 * A layer whose input is sparse: y = the sum of value * W[row] over the input's entries. Units (rows of y)
 * are added one after another with their entries; forward and backward then run over all units.
 */
#ifndef SPIRAL_NN_SPARSE_ROWS_H
#define SPIRAL_NN_SPARSE_ROWS_H

#include "simd/recurrent_kernels.h"
#include "spiral/status.h"

/* The entries of a batch of units. */
typedef struct spiral__sparse_rows {
    size_t units, max;      /* added; that fit */
    size_t each;            /* entries that a unit may have */
    spiral__entry *entries; /* owned */
    size_t *begin;          /* (max + 1) of each unit in entries; owned */
} spiral__sparse_rows;

/* NO_MEMORY. */
spiral_status spiral__sparse_rows_create(size_t max, size_t each, spiral__sparse_rows *rows,
                                         spiral_error *err);
void spiral__sparse_rows_clear(spiral__sparse_rows *rows);

static inline void spiral__sparse_rows_reset(spiral__sparse_rows *rows) { rows->units = 0; }
/* Room for the entries of the next unit; call _add with how many were written. */
static inline spiral__entry *spiral__sparse_rows_next(const spiral__sparse_rows *rows) {
    return rows->entries + rows->begin[rows->units];
}
static inline void spiral__sparse_rows_add(spiral__sparse_rows *rows, size_t count) {
    rows->begin[rows->units + 1] = rows->begin[rows->units] + count;
    rows->units++;
}

/* y (units, n) += the sums. W (any, n). */
void spiral__sparse_rows_forward(const spiral__sparse_rows *rows, size_t n, const float *W, float *y);
/* dW += the products, in the order of the units. dy (units, n). */
void spiral__sparse_rows_backward(const spiral__sparse_rows *rows, size_t n, const float *dy, float *dW);

#endif
