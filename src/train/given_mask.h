/* SPDX-License-Identifier: MIT
 *
 * Which cells of a piece the decoder is given in training, so that the same weights fill gaps, continue,
 * harmonise and keep chosen notes.
 */
#ifndef SPIRAL_TRAIN_GIVEN_MASK_H
#define SPIRAL_TRAIN_GIVEN_MASK_H

#include "base/rng.h"
#include "spiral/roll.h"

/* Draws one of these kinds and sets known (frames) to the cells of keys low .. high that are given:
 *     .30  whole frames, in stretches of 4 to 64 frames with gaps as long
 *     .25  the highest sounding key of each frame and all above
 *     .08  the lowest sounding key and all below
 *     .10  one voice: the r-th sounding key from below, r = 0 .. 3, its sounding cell alone
 *     .10  a range of 8 to 30 keys, or all keys but these
 *     .12  single notes, each with the same probability of .05 to .6
 *     .05  the highest key as above, and whole frames as above */
void spiral__given_mask_draw(spiral__rng *rng, const spiral_keys *sounding,
                             const spiral_keys *onsets /* NULL: one plane */, size_t frames, int low,
                             int high, spiral_keys *known);

#endif
