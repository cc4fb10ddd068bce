/* SPDX-License-Identifier: MIT
 *
 * Grids: their ranges, and comparing them.
 */
#ifndef SPIRAL_ROLL_ROLL_CHECK_H
#define SPIRAL_ROLL_ROLL_CHECK_H

#include "spiral/roll.h"

static inline int spiral__grid_equal(const spiral_grid *a, const spiral_grid *b) {
    return a->kind == b->kind &&
           (a->kind == SPIRAL_GRID_SECONDS ? a->frame_us == b->frame_us
                                           : a->steps_per_quarter == b->steps_per_quarter);
}

/* BAD_ARG: a field of the grid is out of its range. TOO_BIG: more than SPIRAL_ROLL_FRAMES_MAX frames. */
spiral_status spiral__roll_check(spiral_grid grid, uint64_t frames, spiral_error *err);

#endif
