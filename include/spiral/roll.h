/* SPDX-License-Identifier: MIT
 *
 * Piano rolls: notes on a grid of frames, one bit per key.
 *
 * A frame is one time step. It has 128 keys (MIDI numbers) in two uint64_t: key p is bit p % 64 of word
 * p / 64. A roll has a plane `sounding` (the key sounds in this frame) and, on request, a plane `onsets` (a
 * note begins in this frame). Without onsets, a note that is struck again without a gap becomes one long
 * note.
 */
#ifndef SPIRAL_ROLL_H
#define SPIRAL_ROLL_H

#include "midi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SPIRAL_KEY_COUNT       128
#define SPIRAL_ROLL_FRAMES_MAX ((size_t)1 << 26) /* a week at 10 ms; 1 GiB per plane */

/* A roll made from notes has at most SPIRAL_ROLL_FRAMES_BASE + notes kept * SPIRAL_ROLL_FRAMES_PER_NOTE
 * frames (64 MiB per plane, and 256 KiB a note), so that a small file with a wrong time cannot use up the
 * memory. At 10 ms that is 11 hours and 164 s a note. */
#define SPIRAL_ROLL_FRAMES_BASE     ((size_t)1 << 22)
#define SPIRAL_ROLL_FRAMES_PER_NOTE ((size_t)1 << 14)

/* A set of keys. */
typedef struct spiral_keys {
    uint64_t word[2];
} spiral_keys;

typedef enum spiral_grid_kind { SPIRAL_GRID_SECONDS, SPIRAL_GRID_BEATS } spiral_grid_kind;

/* The length of a frame. The field of the other kind is ignored. */
typedef struct spiral_grid {
    spiral_grid_kind kind;
    int32_t frame_us;          /* SECONDS: microseconds per frame, 1000 .. 1000000 */
    int32_t steps_per_quarter; /* BEATS: frames per quarter note, 1 .. 96 (sixteenths: 4) */
} spiral_grid;

/* Zero-initialise it, or let a call below fill it; free it with spiral_roll_clear. */
typedef struct spiral_roll {
    spiral_grid grid;
    double quarters_per_min; /* BEATS: the tempo it is written with (from notes: their mean tempo); SECONDS:
                                unused */
    size_t frames;           /* T */
    spiral_keys *sounding;   /* (T), owned: the keys that sound */
    spiral_keys *onsets;     /* (T), owned, or NULL: one plane. In a roll made from notes a key has its onset
                                bit exactly where a note begins; for other bits, see spiral_keys_starts */
} spiral_roll;

/* What spiral_roll_from_midi kept and left out. Counts are notes, unless they say otherwise. */
typedef struct spiral_roll_report {
    size_t struct_size;   /* sizeof(spiral_roll_report), set by the caller */
    size_t notes;         /* in the file, notes_drums not counted: kept + low + high */
    size_t notes_drums;   /* left out: percussion; 0 when drums are asked for */
    size_t notes_kept;    /* inside low..high, the folded ones too */
    size_t notes_low;     /* left out: below low */
    size_t notes_high;    /* left out: above high */
    size_t notes_folded;  /* kept, but moved by octaves; 0 unless out_of_range is FOLD */
    int transposed_by;    /* semitones that all notes were moved by; 0 unless out_of_range is FIT */
    size_t notes_held;    /* kept, and lengthened by the pedal; 0 unless the pedal is asked for */
    size_t notes_short;   /* kept, but shorter than one frame: lengthened to one frame */
    size_t onsets_merged; /* kept, but the same key sounds in the frame before: without an onset plane the
                             note becomes part of the earlier one. 0 with an onset plane */
    size_t notes_doubled; /* kept, but they begin in the same frame as an earlier note of the same key */
    size_t stretches_cut; /* stretches without a change that were cut to unchanged_frames_max */
    uint64_t frames_cut;  /* frames removed by this */
} spiral_roll_report;

/* What happens to notes outside low..high. X(id, name) */
#define SPIRAL_OUT_OF_RANGE_LIST(X)                                                                          \
    X(DROP, "drop") /* they are left out */                                                                  \
    X(FOLD, "fold") /* each is moved inside by as few octaves as possible, or left out if it fits in none */ \
    X(FIT, "fit")   /* all notes are moved by the semitones that leave the fewest out; of several, by        \
                       the fewest, upwards if both directions are equal */

typedef enum spiral_out_of_range {
#define SPIRAL_X(id, name) SPIRAL_OUT_OF_RANGE_##id,
    SPIRAL_OUT_OF_RANGE_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL_OUT_OF_RANGE_COUNT
} spiral_out_of_range;

/* "drop", "fold", "fit"; "unknown" for other values. Static storage. */
SPIRAL_API const char *spiral_out_of_range_name(spiral_out_of_range what);

typedef struct spiral_roll_options {
    size_t struct_size; /* sizeof(spiral_roll_options), set by spiral_roll_options_default */
    spiral_grid grid;
    int low, high; /* keys kept, 0 <= low <= high <= 127 */
    int onsets;    /* nonzero: two planes */
    int drums;     /* nonzero: keep percussion */
    int pedal;     /* nonzero: the sustain and sostenuto pedals hold notes; else a note ends with its key */
    spiral_out_of_range out_of_range; /* percussion that is kept is neither folded nor transposed */
    uint32_t drum_channels; /* the channels that are percussion, 1 << channel for each, on all ports, whatever
                               the file says; 0: as the file says (spiral_note_is_drum) */
    int unchanged_frames_max; /* a stretch of more frames in which no note begins or ends, silent or not, is
                                 cut to this many; 0: none is cut */
} spiral_roll_options;

/* Fills struct_size bytes of *options and sets the field: keys 48..83, frames of 10 ms, one plane, without
 * drums, pedal and notes out of range, and with all stretches uncut. These are the rolls of the preset 36x36.
 */
SPIRAL_API void spiral_roll_options_default(spiral_roll_options *options, size_t struct_size);

/* Notes -> roll (overwrites *roll; free with spiral_roll_clear). A note sounds in the frames
 * round(on) .. round(off) - 1, at least one; frame 0 begins at tick 0, halves round up, and the arithmetic is
 * exact. The roll ends with its last note. options->pedal: as spiral_midi_apply_pedal (midi.h). On a grid of
 * beats, files of SMPTE time have 120 quarters a minute. report may be NULL. BAD_ARG: an option, a
 * struct_size or a field of *midi is out of range; TOO_BIG: more than SPIRAL_ROLL_FRAMES_MAX frames, or more
 * than a roll of so few notes may have; NO_MEMORY. *roll is then empty. A file without a note in range gives
 * 0 frames and SPIRAL_OK. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_roll_from_midi(const spiral_midi *midi,
                                                                 const spiral_roll_options *options,
                                                                 spiral_roll *roll,
                                                                 spiral_roll_report *report,
                                                                 spiral_error *err);
/* Roll -> notes (overwrites *midi; free with spiral_midi_clear), velocity 80, track and channel 0; a frame is
 * a whole number of ticks. A note begins where spiral_keys_starts says so and ends before the next frame in
 * which its key is silent or begins again. spiral_roll_from_midi with the same grid, all keys and as many
 * planes gives the same sounding bits, and the starts as onset bits (except for silence at the end): so a
 * roll made from notes is reproduced bit for bit. BAD_ARG: a grid out of range or, for BEATS, a tempo that
 * MIDI cannot express; TOO_BIG; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_from_roll(const spiral_roll *roll, spiral_midi *midi,
                                                                 spiral_error *err);

/* A silent roll of T = `frames` frames (0 is allowed), quarters_per_min 120; onsets nonzero: two planes.
 * BAD_ARG, TOO_BIG, NO_MEMORY: *roll is empty. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_roll_create(spiral_grid grid, size_t frames, int onsets,
                                                              spiral_roll *roll, spiral_error *err);
/* Frees what *roll owns and zeroes it. NULL and zeroed structs are accepted. */
SPIRAL_API void spiral_roll_clear(spiral_roll *roll);

/* Length of one frame in seconds (BEATS: at quarters_per_min). */
SPIRAL_API double spiral_roll_frame_s(const spiral_roll *roll);

/* Whether key 0..127 is in the set: 0 or 1. */
static inline int spiral_keys_get(const spiral_keys *keys, int key) {
    return (int)(keys->word[key >> 6] >> (key & 63)) & 1;
}
/* Adds key 0..127 to the set (on nonzero) or removes it. */
static inline void spiral_keys_set(spiral_keys *keys, int key, int on) {
    uint64_t bit = (uint64_t)1 << (key & 63);
    keys->word[key >> 6] = on ? keys->word[key >> 6] | bit : keys->word[key >> 6] & ~bit;
}

/* The number of keys in the set, 0..128. */
static inline int spiral_keys_count(spiral_keys keys) {
    return __builtin_popcountll(keys.word[0]) + __builtin_popcountll(keys.word[1]);
}
/* Whether the set has a key: 0 or 1. */
static inline int spiral_keys_any(spiral_keys keys) { return (keys.word[0] | keys.word[1]) != 0; }
/* The keys that are in both sets. */
static inline spiral_keys spiral_keys_and(spiral_keys a, spiral_keys b) {
    for (int w = 0; w < 2; w++) a.word[w] &= b.word[w];
    return a;
}
/* Whether both sets have the same keys: 0 or 1. */
static inline int spiral_keys_equal(spiral_keys a, spiral_keys b) {
    return a.word[0] == b.word[0] && a.word[1] == b.word[1];
}

/* The keys low..high, 0 <= low <= high <= 127. */
static inline spiral_keys spiral_keys_range(int low, int high) {
    const uint64_t ones = ~(uint64_t)0;
    spiral_keys keys;
    keys.word[0] = low < 64 ? ones << low & ones >> (high < 64 ? 63 - high : 0) : 0;
    keys.word[1] = high >= 64 ? ones >> (127 - high) & ones << (low >= 64 ? low - 64 : 0) : 0;
    return keys;
}

/* The keys moved by -127..127 semitones, up when positive. Keys that leave 0..127 are dropped. */
static inline spiral_keys spiral_keys_transpose(spiral_keys keys, int semitones) {
    int n = semitones < 0 ? -semitones : semitones;
    int from = semitones < 0, to = !from; /* bits move from one word to the other */
    if (n >= 64) {
        keys.word[to] = keys.word[from];
        keys.word[from] = 0;
        n -= 64;
    }
    if (n == 0) return keys;
    if (semitones > 0) {
        keys.word[1] = keys.word[1] << n | keys.word[0] >> (64 - n);
        keys.word[0] <<= n;
    } else {
        keys.word[0] = keys.word[0] >> n | keys.word[1] << (64 - n);
        keys.word[1] >>= n;
    }
    return keys;
}

/* The keys at which a note begins in a frame, for any bits in the two planes: those that sound, and were
 * silent in the frame before (before is NULL: there is none) or have their onset bit set (onsets is NULL: no
 * such plane). An onset bit on a silent key is not a note. */
static inline spiral_keys spiral_keys_starts(const spiral_keys *before, const spiral_keys *sounding,
                                             const spiral_keys *onsets) {
    spiral_keys keys;
    for (int w = 0; w < 2; w++)
        keys.word[w] = sounding->word[w] & (~(before ? before->word[w] : 0) | (onsets ? onsets->word[w] : 0));
    return keys;
}

#ifdef __cplusplus
}
#endif
#endif
