/* SPDX-License-Identifier: MIT
 *
 * The hot loops of the losses, over a tile: a handful of columns of a roll side by side, keys downwards, so
 * that the column is the vector dimension. One row of a tile is two cache lines, 32 columns of f32 or 16
 * of f64. Every column is computed by the same operations in the same order wherever it lies in its tile, so
 * results do not depend on how a batch is cut. What the loops mean: loss/batch_body.h.
 */
#ifndef SPIRAL_KERN_LOSS_KERN_H
#define SPIRAL_KERN_LOSS_KERN_H

#include <stddef.h>
#include <stdint.h>

#include "simd/isa.h"

/* Rows that the Toeplitz product makes at once. Its outputs are padded to a multiple of it, its table has
 * that many zeros on both sides. */
enum { SPIRAL__ROW_BLOCK = 6, SPIRAL__TILE_BYTES = 128, SPIRAL__LOSS_MAX_WEIGHT = 1000000 };

static inline size_t spiral__round_up_rows(size_t rows) {
    return (rows + SPIRAL__ROW_BLOCK - 1) / SPIRAL__ROW_BLOCK * SPIRAL__ROW_BLOCK;
}

/* Beyond this a logit is refused: with the largest weights, costs in f32 stay finite below it. */
#define SPIRAL__LOSS_MAX_LOGIT 1e20

/* Probabilities below this are raised to it inside the logarithms of the cross-entropy. */
#define SPIRAL__LOSS_EPSILON 0x1p-24

/* Where the next tile lies in an array: its row p is SPIRAL__TILE_BYTES at `at` + p `step`. The caches are
 * asked for it while this tile is computed; nothing is read, so any address will do. */
typedef struct spiral__ahead {
    uintptr_t at, step;
} spiral__ahead;

#define REAL    float
#define NAME(x) x##_f32
#include "simd/loss_types.h"
#undef REAL
#undef NAME

#define REAL    double
#define NAME(x) x##_f64
#include "simd/loss_types.h"
#undef REAL
#undef NAME

typedef struct spiral__loss_kernel_table {
    spiral__loss_ops_f32 f32;
    spiral__loss_ops_f64 f64;
} spiral__loss_kernel_table;

const spiral__loss_kernel_table *spiral__loss_ops(void); /* of spiral__isa_current() */

#endif
