/* SPDX-License-Identifier: MIT
 *
 * From ticks to positions on a grid of frames, exactly.
 */
#ifndef SPIRAL_ROLL_FRAME_MAP_H
#define SPIRAL_ROLL_FRAME_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "spiral/roll.h"

/* A position is numerator / denominator frames from the start. The numerator is a piecewise linear function
 * of the tick: from each segment's at_ticks on it grows by `rate` per tick. Numerators stay below 2^62 up to
 * SPIRAL_MIDI_TICKS_MAX. */
typedef struct spiral__frame_segment {
    int64_t at_ticks, rate;
    int64_t start; /* the numerator at at_ticks */
} spiral__frame_segment;

typedef struct spiral__frame_map {
    int64_t denominator;
    size_t count;                    /* >= 1; the first segment begins at tick 0 */
    spiral__frame_segment *segments; /* (count) by at_ticks, owned */
} spiral__frame_map;

/* The map of *midi and grid, both valid (spiral__midi_check, spiral__roll_check). NO_MEMORY. */
spiral_status spiral__frame_map_create(const spiral_midi *midi, spiral_grid grid, spiral__frame_map *map,
                                       spiral_error *err);
void spiral__frame_map_destroy(spiral__frame_map *map);

/* The numerator at `ticks`. *segment, 0 at first, is where the search begins and is left where it ended, so
 * that calls in order of time take a few steps each. */
int64_t spiral__frame_map_at(const spiral__frame_map *map, int64_t ticks, size_t *segment);

#endif
