/* SPDX-License-Identifier: MIT
 *
 * Which cells of a piece the decoder is given in training, so that one set of weights can fill gaps,
 * continue, harmonise and keep chosen notes.
 */
#ifndef SPIRAL_TRAIN_GIVEN_MASK_H
#define SPIRAL_TRAIN_GIVEN_MASK_H

#include "base/rng.h"
#include "spiral/roll.h"

/* Draws one of these kinds, with these probabilities, and sets known (frames) to the cells of keys low ..
 * high that are given: .26  whole frames: stretches of 4 to 64 frames, with gaps of 4 to 64 frames .32  the
 * highest sounding key of each frame and all keys above it .07  the lowest sounding key of each frame and all
 * keys below it .09  one voice: in each frame the r-th sounding key from below, r = 0 .. 3, and no other cell
 *     .09  a range of 8 to 30 keys, or all keys outside the range
 *     .12  single notes, each with the same probability of .05 to .6
 *     .05  the first two kinds together */
void spiral__given_mask_draw(spiral__rng *rng, const spiral_keys *sounding,
                             const spiral_keys *onsets /* NULL: one plane */, size_t frames, int low,
                             int high, spiral_keys *known);

#endif
