/* SPDX-License-Identifier: MIT
 *
 * Cutting stretches of frames in which nothing changes: a note may begin hours after the others because of
 * one wrong time in the file.
 */
#ifndef SPIRAL_ROLL_FRAME_CUTS_H
#define SPIRAL_ROLL_FRAME_CUTS_H

#include <stddef.h>
#include <stdint.h>

#include "spiral/status.h"

/* Frames from `frame` on, up to the next cut, move `by` frames towards the start. */
typedef struct spiral__frame_cut {
    uint64_t frame, by;
} spiral__frame_cut;

/* Zero-initialised: no cuts. */
typedef struct spiral__frame_cuts {
    spiral__frame_cut *items; /* (count) in order, owned */
    size_t count;
} spiral__frame_cuts;

/* changes: (count) the frames in which notes begin or end, in any order; they are sorted. A stretch between
 * two of them, or before the first, of more than `longest` frames is cut to `longest`. NO_MEMORY. */
spiral_status spiral__frame_cuts_create(uint64_t *changes, size_t count, uint64_t longest,
                                        spiral__frame_cuts *cuts, spiral_error *err);
void spiral__frame_cuts_destroy(spiral__frame_cuts *cuts);

/* Where a frame of `changes` is after the cuts. */
uint64_t spiral__frame_cuts_apply(const spiral__frame_cuts *cuts, uint64_t frame);

#endif
