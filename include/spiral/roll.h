/* SPDX-License-Identifier: MIT
 *
 * Piano rolls: notes on a grid of columns, one bit per key.
 *
 * A column holds 128 keys in two uint64_t: key p is bit p % 64 of word p / 64. A roll has a plane of frames
 * (the key sounds during this column) and, on request, a plane of onsets (a note starts at this column);
 * without onsets, a note that is struck again without a gap becomes one long note.
 */
#ifndef SPIRAL_ROLL_H
#define SPIRAL_ROLL_H

#include "midi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SPIRAL_KEYS 128

typedef struct spiral_column {
    uint64_t word[2];
} spiral_column;

typedef enum spiral_grid_kind { SPIRAL_GRID_SECONDS, SPIRAL_GRID_BEATS } spiral_grid_kind;

/* What one column means. */
typedef struct spiral_grid {
    spiral_grid_kind kind;
    int32_t column_us;         /* SECONDS: microseconds per column, 1000 .. 1000000 (the seed: 10000) */
    int32_t steps_per_quarter; /* BEATS: columns per quarter note, 1 .. 96 (sixteenths: 4) */
} spiral_grid;

typedef struct spiral_roll {
    spiral_grid grid;
    double quarters_per_min; /* BEATS: tempo to write it with (the source's mean tempo); SECONDS: unused */
    size_t columns;
    spiral_column *frames; /* (columns), owned */
    spiral_column *onsets; /* (columns), owned, or NULL: one plane; an onset's key also sounds in frames */
} spiral_roll;

/* What the way from notes to columns kept and lost. Counts are notes. */
typedef struct spiral_roll_report {
    size_t notes;         /* in the file, drums left out */
    size_t notes_drums;   /* left out: channel 10 */
    size_t notes_kept;    /* inside low..high */
    size_t notes_low;     /* left out: below low */
    size_t notes_high;    /* left out: above high */
    size_t notes_short;   /* kept, but shorter than one column: drawn as one column */
    size_t onsets_merged; /* kept, but they start in a column where the same key already sounds and, without
                             an onset plane, cannot be told from its continuation */
    size_t notes_doubled; /* kept, but they start in the same column as another note of the same key */
} spiral_roll_report;

typedef struct spiral_roll_options {
    spiral_grid grid;
    int low, high; /* keys kept, 0 <= low <= high <= 127 */
    int onsets;    /* nonzero: two planes */
    int drums;     /* nonzero: keep channel 10 */
} spiral_roll_options;

SPIRAL_API spiral_roll_options spiral_roll_options_default(void); /* the seed: 48..83, 10 ms, one plane */

/* Notes -> roll (overwrites *roll; free with spiral_roll_clear). A note sounds in the columns
 * round(on) .. round(off) - 1, at least one; column 0 starts at tick 0. The roll ends with its last note.
 * report may be NULL. TOO_BIG: more than 2^26 columns. A file without a note in range gives 0 columns and
 * SPIRAL_OK. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_roll_from_midi(const spiral_midi *midi,
                                                                 const spiral_roll_options *options,
                                                                 spiral_roll *roll,
                                                                 spiral_roll_report *report,
                                                                 spiral_error *err);
/* Roll -> notes (overwrites *midi; free with spiral_midi_clear), velocity 80, track and channel 0. Exact:
 * spiral_roll_from_midi with the same grid gives the same bits (trailing silence aside). */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_from_roll(const spiral_roll *roll, spiral_midi *midi,
                                                                 spiral_error *err);

/* A silent roll of `columns` columns. quarters_per_min 120. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_roll_create(spiral_grid grid, size_t columns, int onsets,
                                                              spiral_roll *roll, spiral_error *err);
SPIRAL_API void spiral_roll_clear(spiral_roll *roll); /* frees what it owns; NULL and empty are fine */

/* Length of one column in seconds (BEATS: at quarters_per_min). */
SPIRAL_API double spiral_roll_column_s(const spiral_roll *roll);

static inline int spiral_column_get(const spiral_column *c, int key) {
    return (int)(c->word[key >> 6] >> (key & 63)) & 1;
}
static inline void spiral_column_set(spiral_column *c, int key, int on) {
    uint64_t bit = (uint64_t)1 << (key & 63);
    c->word[key >> 6] = on ? c->word[key >> 6] | bit : c->word[key >> 6] & ~bit;
}

/* The column in which just the keys low..high sound, 0 <= low <= high <= 127. */
static inline spiral_column spiral_column_mask(int low, int high) {
    spiral_column c;
    for (int w = 0; w < 2; w++) {
        int from = low - 64 * w, to = high - 64 * w; /* bits of this word */
        uint64_t below = from <= 0 ? 0 : from > 63 ? ~(uint64_t)0 : ((uint64_t)1 << from) - 1;
        uint64_t upto = to < 0 ? 0 : to >= 63 ? ~(uint64_t)0 : ((uint64_t)2 << to) - 1;
        c.word[w] = upto & ~below;
    }
    return c;
}

/* The column moved up by semitones (down if negative), -127..127; what leaves 0..127 is gone. */
static inline spiral_column spiral_column_transpose(spiral_column c, int semitones) {
    spiral_column r = {{0, 0}};
    int n = semitones < 0 ? -semitones : semitones;
    if (n == 0) return c;
    if (semitones > 0) {
        r.word[1] = n < 64 ? c.word[1] << n | c.word[0] >> (64 - n) : c.word[0] << (n - 64);
        r.word[0] = n < 64 ? c.word[0] << n : 0;
    } else {
        r.word[0] = n < 64 ? c.word[0] >> n | c.word[1] << (64 - n) : c.word[1] >> (n - 64);
        r.word[1] = n < 64 ? c.word[1] >> n : 0;
    }
    return r;
}

#ifdef __cplusplus
}
#endif
#endif
