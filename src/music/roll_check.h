/* SPDX-License-Identifier: MIT
 *
 * What a valid grid is, for both ways between notes and columns.
 */
#ifndef SPIRAL_MUSIC_ROLL_CHECK_H
#define SPIRAL_MUSIC_ROLL_CHECK_H

#include "spiral/roll.h"

spiral_status spiral__grid_check(spiral_grid grid, spiral_error *err); /* BAD_ARG */

#endif
