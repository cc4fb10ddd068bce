/* SPDX-License-Identifier: MIT
 *
 * Roll -> notes, such that drawing the notes gives the roll again (see roll.h, spiral_midi_from_roll).
 *
 * A column is a whole number of ticks, so every edge lies on the grid exactly, and the notes of one key never
 * overlap: the file says what the bits said.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "roll/roll_check.h"
#include "midi/tempo.h"

enum { VELOCITY = 80, DIVISION_GOAL = 480 };

/* How columns are told in MIDI: columns per quarter, ticks per column, the quarter's length. */
typedef struct timing {
    int columns_per_quarter, ticks_per_column;
    int32_t us_per_quarter;
} timing;

/* SECONDS: the number of columns that come nearest to half a second are called a quarter; 10 ms columns make
 * 120 bpm. Then as many ticks a column as bring a quarter to 480 ticks or just above. */
static spiral_status choose_timing(const spiral_roll *roll, timing *t, spiral_error *err) {
    if (roll->grid.kind == SPIRAL_GRID_SECONDS) {
        int us = roll->grid.frame_us, near = (SPIRAL__TEMPO_DEFAULT + us / 2) / us;
        t->columns_per_quarter = near > 1 ? near : 1;
        t->us_per_quarter = t->columns_per_quarter * us;
    } else {
        double us = round(60e6 / roll->quarters_per_min);
        if (!(us >= 1 && us <= SPIRAL__TEMPO_MAX))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%g quarters a minute are not within 3.5763..6e7",
                                roll->quarters_per_min);
        t->columns_per_quarter = roll->grid.steps_per_quarter;
        t->us_per_quarter = (int32_t)us;
    }
    t->ticks_per_column = (DIVISION_GOAL + t->columns_per_quarter - 1) / t->columns_per_quarter;
    return SPIRAL_OK;
}

static spiral_keys starts_at(const spiral_roll *roll, size_t c) {
    return spiral_keys_starts(c ? &roll->sounding[c - 1] : NULL, &roll->sounding[c],
                              roll->onsets ? &roll->onsets[c] : NULL);
}

static size_t count_notes(const spiral_roll *roll) {
    size_t n = 0;
    for (size_t c = 0; c < roll->frames; c++) {
        spiral_keys starts = starts_at(roll, c);
        n += (size_t)__builtin_popcountll(starts.word[0]) + (size_t)__builtin_popcountll(starts.word[1]);
    }
    return n;
}

/* Notes begin in order of time and key, which is their sorted order. A note's end moves on while it sounds.
 */
static void trace_notes(const spiral_roll *roll, int64_t ticks_per_column, spiral_note *notes) {
    size_t current[SPIRAL_KEY_COUNT] = {0}, n = 0; /* the note a key sounds in, while it sounds */
    for (size_t c = 0; c < roll->frames; c++) {
        spiral_keys starts = starts_at(roll, c);
        int64_t on = (int64_t)c * ticks_per_column, off = on + ticks_per_column;
        for (int w = 0; w < 2; w++)
            for (uint64_t left = roll->sounding[c].word[w]; left; left &= left - 1) {
                int key = 64 * w + __builtin_ctzll(left);
                if (spiral_keys_get(&starts, key)) {
                    current[key] = n;
                    notes[n++] = (spiral_note){on, off, 0, 0, (uint8_t)key, VELOCITY};
                } else
                    notes[current[key]].off_ticks = off;
            }
    }
}

spiral_status spiral_midi_from_roll(const spiral_roll *roll, spiral_midi *midi, spiral_error *err) {
    timing t = {0};
    *midi = (spiral_midi){0};
    SPIRAL_TRY(spiral__roll_check(roll->grid, roll->frames, err));
    SPIRAL_TRY(choose_timing(roll, &t, err));
    size_t n = count_notes(roll);
    midi->tempos = malloc(sizeof *midi->tempos);
    midi->notes = n ? malloc(n * sizeof *midi->notes) : NULL;
    if (!midi->tempos || (n && !midi->notes)) {
        spiral_midi_clear(midi);
        return spiral__no_memory(err, sizeof *midi->tempos + n * sizeof *midi->notes);
    }
    trace_notes(roll, t.ticks_per_column, midi->notes);
    midi->note_count = n;
    midi->tempos[0] = (spiral_tempo){0, t.us_per_quarter, 0};
    midi->tempo_count = 1;
    midi->ticks_per_quarter = t.columns_per_quarter * t.ticks_per_column;
    midi->tracks = 1;
    midi->end_ticks = (int64_t)roll->frames * t.ticks_per_column;
    return SPIRAL_OK;
}
