/* SPDX-License-Identifier: MIT
 *
 * Roll -> notes, such that spiral_roll_from_midi reproduces the roll (see roll.h).
 *
 * A frame is a whole number of ticks, so every note begins and ends exactly on the grid, and the notes of one
 * key never overlap.
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "midi/tempo.h"
#include "roll/roll_check.h"

enum { VELOCITY = 80, TICKS_PER_QUARTER_MIN = 480 };

typedef struct timing {
    int frames_per_quarter, ticks_per_frame;
    int32_t us_per_quarter;
} timing;

/* SECONDS: a quarter is the number of frames nearest to half a second; with frames of 10 ms that gives 120
 * quarters a minute. A frame gets as many ticks as a quarter of 480 ticks or a little more needs. */
static spiral_status choose_timing(const spiral_roll *roll, timing *t, spiral_error *err) {
    if (roll->grid.kind == SPIRAL_GRID_SECONDS) {
        int us = roll->grid.frame_us, nearest = (SPIRAL__TEMPO_DEFAULT + us / 2) / us;
        t->frames_per_quarter = nearest > 1 ? nearest : 1;
        t->us_per_quarter = t->frames_per_quarter * us;
    } else {
        double us = round(60e6 / roll->quarters_per_min);
        if (!(us >= 1 && us <= SPIRAL__TEMPO_MAX))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%g quarters a minute are not within 3.5763..6e7",
                                roll->quarters_per_min);
        t->frames_per_quarter = roll->grid.steps_per_quarter;
        t->us_per_quarter = (int32_t)us;
    }
    t->ticks_per_frame = (TICKS_PER_QUARTER_MIN + t->frames_per_quarter - 1) / t->frames_per_quarter;
    return SPIRAL_OK;
}

static spiral_keys starts_at(const spiral_roll *roll, size_t t) {
    return spiral_keys_starts(t ? &roll->sounding[t - 1] : NULL, &roll->sounding[t],
                              roll->onsets ? &roll->onsets[t] : NULL);
}

static size_t count_notes(const spiral_roll *roll) {
    size_t n = 0;
    for (size_t t = 0; t < roll->frames; t++) n += (size_t)spiral_keys_count(starts_at(roll, t));
    return n;
}

/* Fills notes, in order of time and key, which is their sorted order. The end of a note moves on with every
 * frame it sounds in. */
static void list_notes(const spiral_roll *roll, int64_t ticks_per_frame, spiral_note *notes) {
    size_t latest[SPIRAL_KEY_COUNT] = {0}, n = 0; /* index of each key's latest note */
    for (size_t t = 0; t < roll->frames; t++) {
        spiral_keys starts = starts_at(roll, t);
        int64_t on = (int64_t)t * ticks_per_frame, off = on + ticks_per_frame;
        for (int w = 0; w < 2; w++)
            for (uint64_t bits = roll->sounding[t].word[w]; bits; bits &= bits - 1) {
                int key = 64 * w + __builtin_ctzll(bits);
                if (spiral_keys_get(&starts, key)) {
                    latest[key] = n;
                    notes[n++] = (spiral_note){on, off, 0, 0, (uint8_t)key, VELOCITY};
                } else
                    notes[latest[key]].off_ticks = off;
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
    list_notes(roll, t.ticks_per_frame, midi->notes);
    midi->note_count = n;
    midi->tempos[0] = (spiral_tempo){0, t.us_per_quarter, 0};
    midi->tempo_count = 1;
    midi->ticks_per_quarter = t.frames_per_quarter * t.ticks_per_frame;
    midi->tracks = 1;
    midi->end_ticks = (int64_t)roll->frames * t.ticks_per_frame;
    return SPIRAL_OK;
}
