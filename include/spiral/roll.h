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

#define SPIRAL_KEY_COUNT       128
#define SPIRAL_ROLL_FRAMES_MAX ((size_t)1 << 26) /* a week at 10 ms; one GiB a plane */

typedef struct spiral_keys {
    uint64_t word[2];
} spiral_keys;

typedef enum spiral_grid_kind { SPIRAL_GRID_SECONDS, SPIRAL_GRID_BEATS } spiral_grid_kind;

/* What one column means. */
typedef struct spiral_grid {
    spiral_grid_kind kind;
    int32_t frame_us;          /* SECONDS: microseconds per column, 1000 .. 1000000 (the seed: 10000) */
    int32_t steps_per_quarter; /* BEATS: columns per quarter note, 1 .. 96 (sixteenths: 4) */
} spiral_grid;

typedef struct spiral_roll {
    spiral_grid grid;
    double quarters_per_min; /* BEATS: tempo to write it with (the source's mean tempo); SECONDS: unused */
    size_t frames;           /* T */
    spiral_keys *sounding;   /* (frames), owned: the keys that sound */
    spiral_keys *onsets;     /* (frames), owned, or NULL: one plane. From notes, an onset's key also sounds in
                                frames and a key that begins to sound has its onset; for planes that do not
                                come from notes, see spiral_keys_starts */
} spiral_roll;

/* What the way from notes to columns kept and lost. Counts are notes. */
typedef struct spiral_roll_report {
    size_t notes;         /* in the file, drums left out: kept + low + high */
    size_t notes_drums;   /* left out: channel 10; 0 when drums are asked for */
    size_t notes_kept;    /* inside low..high, the folded ones too */
    size_t notes_low;     /* left out: below low */
    size_t notes_high;    /* left out: above high */
    size_t notes_folded;  /* kept, but moved by octaves; 0 unless out_of_range is FOLD */
    int transposed_by;    /* semitones all notes were moved by; 0 unless out_of_range is FIT */
    size_t notes_held;    /* kept, and sounding longer because of the pedal; 0 unless it is asked for */
    size_t notes_short;   /* kept, but shorter than one column: drawn as one column */
    size_t onsets_merged; /* kept, but the same key sounds in the column before their first: without an onset
                             plane they cannot be told from its continuation. 0 with an onset plane */
    size_t notes_doubled; /* kept, but they start in the same column as an earlier note of the same key */
} spiral_roll_report;

/* What happens to notes outside low..high. X(name, word) */
#define SPIRAL_OUT_OF_RANGE_LIST(X)                                                                 \
    X(DROP, "drop") /* they are left out */                                                         \
    X(FOLD, "fold") /* each is moved by as few octaves as bring it inside; if none do, left out */  \
    X(FIT, "fit")   /* all notes are moved by the fewest semitones that leave the fewest out; up if \
                       both ways serve */

typedef enum spiral_out_of_range {
#define SPIRAL_X(name, word) SPIRAL_OUT_OF_RANGE_##name,
    SPIRAL_OUT_OF_RANGE_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL_OUT_OF_RANGE_COUNT
} spiral_out_of_range;

/* "drop", "fold", "fit"; static storage, never NULL. */
SPIRAL_API const char *spiral_out_of_range_name(spiral_out_of_range what);

typedef struct spiral_roll_options {
    spiral_grid grid;
    int low, high; /* keys kept, 0 <= low <= high <= 127 */
    int onsets;    /* nonzero: two planes */
    int drums;     /* nonzero: keep channel 10 */
    int pedal;     /* nonzero: the sustain pedal holds notes; else a note ends with its key */
    spiral_out_of_range out_of_range; /* percussion that is kept is neither folded nor transposed */
} spiral_roll_options;

SPIRAL_API spiral_roll_options spiral_roll_options_default(void); /* the seed: 48..83, 10 ms, one plane */

/* Notes -> roll (overwrites *roll; free with spiral_roll_clear). A note sounds in the columns
 * round(on) .. round(off) - 1, at least one; column 0 starts at tick 0, halves round up, and the arithmetic
 * is exact. The roll ends with its last note. With options->pedal, a note whose key comes up while its
 * channel's pedal is down goes on until the pedal comes up, the same key of the channel is struck again, or
 * the file ends; a pedal that goes down at the very tick of a note-off is too late for it. Beats of a file
 * that counts SMPTE time are at 120 a minute. report may be NULL. BAD_ARG: an option or a field of *midi out
 * of range; TOO_BIG: more than SPIRAL_ROLL_FRAMES_MAX columns; NO_MEMORY; *roll is then empty. A file
 * without a note in range gives 0 columns and SPIRAL_OK. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_roll_from_midi(const spiral_midi *midi,
                                                                 const spiral_roll_options *options,
                                                                 spiral_roll *roll,
                                                                 spiral_roll_report *report,
                                                                 spiral_error *err);
/* Roll -> notes (overwrites *midi; free with spiral_midi_clear), velocity 80, track and channel 0; a column
 * is a whole number of ticks. A note begins where spiral_keys_starts says so and ends before the next
 * column in which its key is silent or begins again. Exact: spiral_roll_from_midi with the same grid, all
 * keys and as many planes gives the same frames, and the starts as onsets (trailing silence aside); so for a
 * roll that comes from notes all bits return. BAD_ARG: a grid or, for BEATS, a tempo that MIDI cannot say. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_from_roll(const spiral_roll *roll, spiral_midi *midi,
                                                                 spiral_error *err);

/* A silent roll of `columns` columns (0 too). quarters_per_min 120. BAD_ARG, TOO_BIG, NO_MEMORY: *roll is
 * empty. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_roll_create(spiral_grid grid, size_t columns, int onsets,
                                                              spiral_roll *roll, spiral_error *err);
SPIRAL_API void spiral_roll_clear(spiral_roll *roll); /* frees what it owns; NULL and empty are fine */

/* Length of one column in seconds (BEATS: at quarters_per_min). */
SPIRAL_API double spiral_roll_frame_s(const spiral_roll *roll);

static inline int spiral_keys_get(const spiral_keys *c, int key) {
    return (int)(c->word[key >> 6] >> (key & 63)) & 1;
}
static inline void spiral_keys_set(spiral_keys *c, int key, int on) {
    uint64_t bit = (uint64_t)1 << (key & 63);
    c->word[key >> 6] = on ? c->word[key >> 6] | bit : c->word[key >> 6] & ~bit;
}

/* The keys low..high, 0 <= low <= high <= 127. */
static inline spiral_keys spiral_keys_range(int low, int high) {
    const uint64_t ones = ~(uint64_t)0;
    spiral_keys c;
    c.word[0] = low < 64 ? ones << low & ones >> (high < 64 ? 63 - high : 0) : 0;
    c.word[1] = high >= 64 ? ones >> (127 - high) & ones << (low >= 64 ? low - 64 : 0) : 0;
    return c;
}

/* Transposed by semitones, up when positive (-127..127); keys that leave 0..127 are dropped. */
static inline spiral_keys spiral_keys_transpose(spiral_keys c, int semitones) {
    int n = semitones < 0 ? -semitones : semitones;
    int from = semitones < 0, to = !from; /* the word that gives bits to the other */
    if (n >= 64) {
        c.word[to] = c.word[from];
        c.word[from] = 0;
        n -= 64;
    }
    if (n == 0) return c;
    if (semitones > 0) {
        c.word[1] = c.word[1] << n | c.word[0] >> (64 - n);
        c.word[0] <<= n;
    } else {
        c.word[0] = c.word[0] >> n | c.word[1] << (64 - n);
        c.word[1] >>= n;
    }
    return c;
}

/* The keys at which a note begins, for any bits in the two planes: a key that sounds begins a note if it was
 * silent in the column before (NULL: there is none) or has its onset bit set (NULL: no onset plane). An onset
 * bit whose key does not sound is no note. */
static inline spiral_keys spiral_keys_starts(const spiral_keys *before, const spiral_keys *frame,
                                             const spiral_keys *onset) {
    spiral_keys c;
    for (int w = 0; w < 2; w++)
        c.word[w] = frame->word[w] & (~(before ? before->word[w] : 0) | (onset ? onset->word[w] : 0));
    return c;
}

#ifdef __cplusplus
}
#endif
#endif
