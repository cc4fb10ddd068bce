/* SPDX-License-Identifier: MIT
 *
 * The ranges of a grid and of a roll's length.
 */
#ifndef SPIRAL_ROLL_ROLL_CHECK_H
#define SPIRAL_ROLL_ROLL_CHECK_H

#include "spiral/roll.h"

/* BAD_ARG: a field of the grid is out of its range. TOO_BIG: more than SPIRAL_ROLL_FRAMES_MAX frames. */
spiral_status spiral__roll_check(spiral_grid grid, size_t frames, spiral_error *err);

#endif
