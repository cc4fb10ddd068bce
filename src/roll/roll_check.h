/* SPDX-License-Identifier: MIT
 *
 * What a valid grid and length are, for both ways between notes and columns.
 */
#ifndef SPIRAL_MUSIC_ROLL_CHECK_H
#define SPIRAL_MUSIC_ROLL_CHECK_H

#include "spiral/roll.h"

/* BAD_ARG for a grid out of range, TOO_BIG for too many columns. */
spiral_status spiral__roll_check(spiral_grid grid, size_t columns, spiral_error *err);

#endif
