/* SPDX-License-Identifier: MIT
 *
 * Ticks as time, exactly: a ruler lays fractions along the ticks of a file.
 */
#ifndef SPIRAL_MUSIC_TEMPO_H
#define SPIRAL_MUSIC_TEMPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spiral/midi.h"
#include "spiral/roll.h"

#define SPIRAL__TEMPO_DEFAULT 500000   /* microseconds per quarter where no tempo is given: 120 bpm */
#define SPIRAL__TEMPO_MAX     0xffffff /* three bytes */

/* ticks_per_s as frames per second (24, 25, 29 for 30000/1001, 30) and ticks per frame (1..255); false if it
 * is no such product. */
bool spiral__smpte(double ticks_per_s, int *frames, int *ticks_per_frame);
/* The other way: frames (24, 25, 29, 30) times ticks_per_frame, as a rate. */
double spiral__smpte_rate(int frames, int ticks_per_frame);

/* Fills at_s of every tempo. *midi must be valid but for those. */
void spiral__tempo_fill(spiral_midi *midi);

/* A position is numerator / denominator columns; the numerator grows by `rate` a tick from each mark on.
 * Numerators stay below 2^62 up to SPIRAL_MIDI_TICKS_MAX. */
typedef struct spiral__mark {
    int64_t at_ticks, rate, start; /* start: the numerator at at_ticks */
} spiral__mark;
typedef struct spiral__ruler {
    int64_t denominator;
    size_t count;        /* >= 1; the first mark is at tick 0 */
    spiral__mark *marks; /* (count), owned, sorted by at_ticks */
} spiral__ruler;

/* The ruler of grid on a valid *midi (spiral__midi_check). A valid grid is the caller's duty. NO_MEMORY. */
spiral_status spiral__ruler_create(const spiral_midi *midi, spiral_grid grid, spiral__ruler *ruler,
                                   spiral_error *err);
void spiral__ruler_destroy(spiral__ruler *ruler);
/* The numerator at `ticks`. *near, 0 at first, is where the search begins and is left where it ended: going
 * through a file in order costs no more than a few steps each. */
int64_t spiral__ruler_at(const spiral__ruler *ruler, int64_t ticks, size_t *near);

#endif
