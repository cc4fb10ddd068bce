/* SPDX-License-Identifier: MIT
 *
 * Windows: T frames cut from a roll, (planes * T) key sets, the plane of sounding keys first.
 */
#ifndef SPIRAL_DATA_WINDOW_H
#define SPIRAL_DATA_WINDOW_H

#include "spiral/data.h"

/* Copies the T frames of a roll from `begin` on to window, transposed by `semitones`. Frames beyond the
 * roll's end are silent. */
void spiral__window_cut(const spiral_roll *roll, size_t begin, int T, int semitones,
                        spiral_keys *window /* (planes * T) */);

/* Nonzero if no key from low to high sounds in the first plane. */
int spiral__window_is_silent(const spiral_keys *window, int T, int low, int high);

/* The cells as floats, 0 or 1: rows key sets (planes * T), the keys low .. low + P - 1 of each. */
void spiral__window_floats(const spiral_keys *window, size_t rows, int low, int P, float *x /* (rows, P) */);

/* One window of training: a random position of the corpus, transposed by -transpose..transpose semitones at
 * random. A pure function of seed and stream. Returns the index of its file. */
size_t spiral__window_draw(const spiral_corpus *corpus, int transpose, uint64_t seed, uint64_t stream,
                           spiral_keys *window);

#endif
