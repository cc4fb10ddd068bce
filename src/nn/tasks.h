/* SPDX-License-Identifier: MIT
 *
 * How the rows of a batch are cut into tasks, and the parallel-for that runs them.
 *
 * A batch is cut into shards of SPIRAL__SHARD rows, the last one shorter. Their number does not depend on the
 * number of threads, and no two tasks add to the same numbers, so results are bit-identical for any number of
 * threads.
 */
#ifndef SPIRAL_NN_TASKS_H
#define SPIRAL_NN_TASKS_H

#include "base/par.h"

enum { SPIRAL__SHARD = 64 };

static inline size_t spiral__shard_count(size_t rows) { return (rows + SPIRAL__SHARD - 1) / SPIRAL__SHARD; }
static inline size_t spiral__shard_begin(size_t shard) { return shard * SPIRAL__SHARD; }
static inline size_t spiral__shard_rows(size_t rows, size_t shard) {
    size_t left = rows - shard * SPIRAL__SHARD;
    return left < SPIRAL__SHARD ? left : SPIRAL__SHARD;
}

/* As spiral__par_for, with denormal numbers as zero inside the tasks (simd/denormal.h). Each thread's
 * floating-point mode is restored when its task ends. */
void spiral__nn_par_for(spiral__pool *pool, size_t n, void (*task)(void *context, size_t i, int worker),
                        void *context);

#endif
