/* SPDX-License-Identifier: MIT
 *
 * From ticks to positions on a grid of frames (see frame_map.h).
 *
 * A tempo is a whole number of microseconds per quarter and a frame rate a small fraction, so positions are
 * fractions of whole numbers. Nothing drifts over a long file, and a note on the border of two frames is
 * known to lie there. Read next: roll_from_midi.c.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/search.h"
#include "midi/tempo.h"
#include "roll/frame_map.h"

/* One segment: on a grid of beats, and in files of SMPTE time, all ticks are the same part of a frame. */
static void map_constant(const spiral_midi *midi, spiral_grid grid, spiral__frame_map *map) {
    int64_t rate = grid.steps_per_quarter, denominator = midi->ticks_per_quarter;
    if (denominator == 0) {
        int frames_per_s = 0, ticks_per_frame = 0;
        spiral__smpte_from_rate(midi->ticks_per_s, &frames_per_s, &ticks_per_frame);
        bool drop = frames_per_s == 29; /* a frame is 1001/30000 s, in microseconds 100100/3 */
        if (grid.kind == SPIRAL_GRID_SECONDS) {
            rate = drop ? 100100 : 1000000;
            denominator = (int64_t)(drop ? 3 : frames_per_s) * ticks_per_frame * grid.frame_us;
        } else {
            rate = (int64_t)(drop ? 1001 : 1) * 2 * grid.steps_per_quarter; /* 2 quarters a second */
            denominator = (int64_t)(drop ? 30000 : frames_per_s) * ticks_per_frame;
        }
    }
    map->segments[0] = (spiral__frame_segment){0, rate, 0};
    map->count = 1;
    map->denominator = denominator;
}

/* Seconds through the tempo map: the numerator is microseconds times ticks_per_quarter. */
static void map_tempos(const spiral_midi *midi, spiral_grid grid, spiral__frame_map *map) {
    spiral__frame_segment segment = {0, SPIRAL__TEMPO_DEFAULT, 0};
    size_t n = 0;
    map->segments[n++] = segment;
    for (size_t i = 0; i < midi->tempo_count; i++) {
        const spiral_tempo *t = &midi->tempos[i];
        segment.start += (t->at_ticks - segment.at_ticks) * segment.rate;
        segment.at_ticks = t->at_ticks;
        segment.rate = t->us_per_quarter;
        if (segment.at_ticks == 0) n = 0;
        map->segments[n++] = segment;
    }
    map->count = n;
    map->denominator = (int64_t)midi->ticks_per_quarter * grid.frame_us;
}

spiral_status spiral__frame_map_create(const spiral_midi *midi, spiral_grid grid, spiral__frame_map *map,
                                       spiral_error *err) {
    bool tempos = grid.kind == SPIRAL_GRID_SECONDS && midi->ticks_per_quarter;
    size_t bytes = (1 + (tempos ? midi->tempo_count : 0)) * sizeof *map->segments;
    map->segments = malloc(bytes);
    if (!map->segments) return spiral__no_memory(err, bytes);
    if (tempos)
        map_tempos(midi, grid, map);
    else
        map_constant(midi, grid, map);
    return SPIRAL_OK;
}

void spiral__frame_map_destroy(spiral__frame_map *map) {
    free(map->segments);
    map->segments = NULL;
}

typedef struct segment_search {
    const spiral__frame_segment *segments;
    int64_t ticks;
} segment_search;

static int segment_is_later(const void *context, size_t i) {
    const segment_search *s = context;
    return s->segments[i].at_ticks > s->ticks;
}

int64_t spiral__frame_map_at(const spiral__frame_map *map, int64_t ticks, size_t *segment) {
    const spiral__frame_segment *s = map->segments;
    size_t low = *segment, high = low + 1, step = 1;
    while (s[low].at_ticks > ticks) { /* ends: the first segment begins at tick 0 */
        high = low;
        low -= step < low ? step : low;
        step *= 2;
    }
    while (high < map->count && s[high].at_ticks <= ticks) {
        low = high;
        high += step < map->count - high ? step : map->count - high;
        step *= 2;
    }
    /* s[low] begins at or before ticks; s[high] begins later, or there is none */
    const segment_search between = {s + low + 1, ticks};
    low += spiral__search(high - low - 1, segment_is_later, &between);
    *segment = low;
    return s[low].start + (ticks - s[low].at_ticks) * s[low].rate;
}
