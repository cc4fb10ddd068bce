/* SPDX-License-Identifier: MIT
 *
 * The cells that are known when voices are to be written under a melody.
 */
#ifndef SPIRAL_DECODE_GIVEN_TOP_H
#define SPIRAL_DECODE_GIVEN_TOP_H

#include "spiral/roll.h"

/* Adds to known (frames) the highest key that sounds in each frame and all keys above it, within low .. high.
 * In a silent frame the last highest key counts, or, before the first sound, the first one. */
void spiral__give_top(int low, int high, const spiral_keys *sounding, size_t frames, spiral_keys *known);

#endif
