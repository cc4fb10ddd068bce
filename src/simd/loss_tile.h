/* SPDX-License-Identifier: MIT
 *
 * Sizes and limits that the loss kernels and their callers have in common, for both element types.
 */
#ifndef SPIRAL_SIMD_LOSS_TILE_H
#define SPIRAL_SIMD_LOSS_TILE_H

#include <stddef.h>

enum {
    SPIRAL__TILE_BYTES = 128, /* of a row of a tile: 32 frames of f32, 16 of f64, two cache lines */
    SPIRAL__ROW_BLOCK = 6,    /* rows that the Toeplitz product computes at once */
    SPIRAL__TABLE_ZEROS = 2 * SPIRAL__ROW_BLOCK, /* before and after the coefficients of a Toeplitz product */
    SPIRAL__MOST_SPARSE_ROWS = 128,              /* rows of a sparse Toeplitz product */
    SPIRAL__LOSS_MAX_WEIGHT = 1000000,           /* the largest sample weight */
};

/* Rows of a tile that a Toeplitz product is written to: n_rows, rounded up to whole blocks. */
static inline size_t spiral__whole_row_blocks(size_t n_rows) {
    return (n_rows + SPIRAL__ROW_BLOCK - 1) / SPIRAL__ROW_BLOCK * SPIRAL__ROW_BLOCK;
}

/* The largest logit: with the largest weights, costs in f32 stay finite up to it. */
#define SPIRAL__LOSS_MAX_LOGIT 1e20

/* The smallest probability that the logarithms of the cross-entropy take, equation 9 of docs/math.md. */
#define SPIRAL__LOSS_EPSILON 0x1p-24

#endif
