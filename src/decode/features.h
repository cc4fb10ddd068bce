/* SPDX-License-Identifier: MIT
 *
 * The input of the note-by-note decoder. Cells are decided frame after frame and, within a frame, from the
 * lowest key to the highest. Each cell has two lists of sparse features: one for the recurrent layer, which
 * sees the frames before, and one for the head, which also sees the cells of this frame that lie below. A
 * feature is a row of a weight matrix and a value, usually 1; the layer's input is the sum of the rows.
 *
 * Keys p are counted from the lowest of the roll, 0 .. P - 1. Nearly all features are relative to p, so that
 * the weights are the same for every key.
 */
#ifndef SPIRAL_DECODE_FEATURES_H
#define SPIRAL_DECODE_FEATURES_H

#include "simd/recurrent_kernels.h" /* spiral__entry */
#include "spiral/roll.h"

/* A feature belongs to a cell, to all keys of a pitch class (p mod 12), or to all keys of a frame. Sums of
 * rows that many keys share are computed once. */
typedef enum spiral__scope { SPIRAL__FRAME, SPIRAL__PITCH_CLASS, SPIRAL__KEY, SPIRAL__SCOPES } spiral__scope;

typedef enum spiral__reader { SPIRAL__RECURRENT, SPIRAL__HEAD, SPIRAL__READERS } spiral__reader;

/* Radii in semitones, and how many later frames are read. */
enum {
    SPIRAL__BAR = -1, /* as many rows as a bar has frames; none on a grid without bars */
    SPIRAL__LAGS = 10 /* later frames t + 1, 2, 3, 4, 6, 8, 12, 16, 24, 32 */
};

/* The groups of features: X(id, reader, scope, rows). In the comments "before" is frame t - 1. The order is
 * that of the rows in the weight matrices. */
#define SPIRAL__FEATURE_LIST(X)                                                                              \
    X(BEFORE, RECURRENT, KEY, 25)               /* keys that sound before, p - 12 .. p + 12 */               \
    X(BEFORE_ONSET, RECURRENT, KEY, 25)         /* those that begin before */                                \
    X(BEFORE_CLASS, RECURRENT, PITCH_CLASS, 12) /* pitch classes that sound before, from p upward */         \
    X(BEFORE_COUNT, RECURRENT, FRAME, 9)        /* how many keys sound before: 0 .. 7, more */               \
    X(POSITION, RECURRENT, FRAME, SPIRAL__BAR)  /* the frame's place in the bar */                           \
    X(PITCH, RECURRENT, KEY, 2)                 /* v = (MIDI number - 60) / 24, and v^2 */                   \
    X(AGE, RECURRENT, KEY, 27)                  /* p - 1 .. p + 1: how long it has sounded, 9 classes */     \
    X(TONALITY, RECURRENT, PITCH_CLASS, 36)     /* means of each pitch class, fading by .8, .94, .98 */      \
    X(AGES, RECURRENT, FRAME, 9)                /* a key has sounded 1, 2, 3, 4, -6, -8, -12, -16, more */   \
    X(FROM_BASS, RECURRENT, KEY, 38)            /* semitones above the lowest key that sounds before */      \
    X(TO_TOP, RECURRENT, KEY, 38)               /* semitones below the highest one */                        \
    X(GIVEN, RECURRENT, FRAME, 1)               /* some cells of the piece are given */                      \
    X(GIVEN_NEAR, RECURRENT, KEY, 25)           /* given keys that sound, p - 12 .. p + 12 */                \
    X(GIVEN_ONSET, RECURRENT, KEY, 7)           /* given onsets, p - 3 .. p + 3 */                           \
    X(GIVEN_SILENT, RECURRENT, KEY, 5)          /* keys given as silent, or out of range, p - 2 .. p + 2 */  \
    X(GIVEN_LATER, RECURRENT, KEY, 130)         /* given keys in later frames, p - 6 .. p + 6 */             \
    X(GIVEN_LATER_SAME, RECURRENT, KEY, 8)      /* p itself in later frames 1 .. 4: silent, onset */         \
    X(GIVEN_BEGINS, RECURRENT, FRAME, 11)       /* some given key begins, in this or a later frame */        \
    X(GIVEN_CLASS, RECURRENT, PITCH_CLASS, 12)  /* given pitch classes that sound, from p upward */          \
    X(LATER_CLASS, RECURRENT, PITCH_CLASS, 48)  /* those of the later frames 2, 4, 8, 16 */                  \
    X(GIVEN_ABOVE, RECURRENT, KEY, 38)          /* semitones up to the next given key that sounds */         \
    X(SKETCH, RECURRENT, FRAME, 1)              /* there is a sketch */                                      \
    X(SKETCH_NEAR, RECURRENT, KEY, 13)          /* its probabilities, p - 6 .. p + 6 */                      \
    X(SKETCH_ONSET, RECURRENT, KEY, 5)          /* those of onsets, p - 2 .. p + 2 */                        \
    X(SKETCH_CLASS, RECURRENT, KEY, 18)         /* p's own, sounding and onset, in 9 classes each */         \
    X(SKETCH_LATER, RECURRENT, KEY, 20)         /* frames t + 1, t + 2, p - 2 .. p + 2, both planes */       \
    X(SKETCH_SUM, RECURRENT, KEY, 2)            /* a quarter of the expected keys below p, above p */        \
    X(USUAL_CLASS, RECURRENT, PITCH_CLASS, 12)  /* share of the past in which each pitch class sounded */    \
    X(BELOW, HEAD, KEY, 36)                     /* decided keys that sound, p - 36 .. p - 1 */               \
    X(BELOW_ONSET, HEAD, KEY, 24)               /* those that begin, p - 24 .. p - 1 */                      \
    X(BELOW_CLASS, HEAD, KEY, 12)               /* pitch classes of decided keys, from p upward */           \
    X(BELOW_COUNT, HEAD, KEY, 9)                /* how many decided keys sound */                            \
    X(EXPECTED, HEAD, KEY, 81)                  /* voices n - 1, n, n + 1 before, n decided: motion to p */  \
    X(MOTION, HEAD, KEY, 56)                    /* motion of the last decided voice and of the bass */       \
    X(PARALLEL, HEAD, KEY, 60)                  /* a key 7, 12, 19, 24 below and p both moved by -7 .. 7 */  \
    X(PARALLEL_VOICES, HEAD, KEY, 2)            /* as voice n, p makes parallel octaves; fifths */           \
    X(HEAD_TONALITY, HEAD, PITCH_CLASS, 36)     /* as TONALITY */                                            \
    X(HEAD_POSITION, HEAD, FRAME, SPIRAL__BAR)  /* as POSITION */                                            \
    X(HEAD_GIVEN, HEAD, FRAME, 1)               /* as GIVEN */                                               \
    X(HEAD_GIVEN_NEAR, HEAD, KEY, 49)           /* given keys that sound, p - 24 .. p + 24 */                \
    X(HEAD_GIVEN_ONSET, HEAD, KEY, 25)          /* given onsets, p - 12 .. p + 12 */                         \
    X(HEAD_GIVEN_SILENT, HEAD, KEY, 5)          /* as GIVEN_SILENT */                                        \
    X(HEAD_GIVEN_CLASS, HEAD, KEY, 12)          /* pitch classes given at p and above, from p upward */      \
    X(HEAD_GIVEN_LATER, HEAD, KEY, 20)          /* later frames 1 .. 4, p - 2 .. p + 2 */                    \
    X(HEAD_GIVEN_BEGINS, HEAD, FRAME, 5)        /* as GIVEN_BEGINS, later frames 1 .. 4 */                   \
    X(HEAD_LATER_CLASS, HEAD, PITCH_CLASS, 24)  /* as LATER_CLASS, frames 2 and 4 */                         \
    X(HEAD_GIVEN_ABOVE, HEAD, KEY, 38)          /* as GIVEN_ABOVE */                                         \
    X(HEAD_GIVEN_COUNT, HEAD, KEY, 9)           /* how many given keys sound at p and above: 0 .. 7, more */ \
    X(HEAD_SKETCH, HEAD, FRAME, 1)              /* as SKETCH, and so on */                                   \
    X(HEAD_SKETCH_NEAR, HEAD, KEY, 13)                                                                       \
    X(HEAD_SKETCH_ONSET, HEAD, KEY, 5)                                                                       \
    X(HEAD_SKETCH_CLASS, HEAD, KEY, 18)                                                                      \
    X(HEAD_USUAL_CLASS, HEAD, PITCH_CLASS, 12) /* as USUAL_CLASS */                                          \
    X(USUAL, HEAD, KEY, 5)                     /* share of the past in which p - 2 .. p + 2 sounded */       \
    X(USUAL_BELOW, HEAD, KEY, 12)              /* keys below p in a mean frame of the past: 0, .5 .. 5.5 */  \
    X(USUAL_ABOVE, HEAD, KEY, 12)              /* keys above p */                                            \
    X(UNUSUAL, HEAD, KEY, 26)                  /* p is 1 .. 13 below, or above, all keys that sounded */

typedef enum spiral__feature {
#define SPIRAL_X(id, reader, scope, rows) SPIRAL__##id,
    SPIRAL__FEATURE_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL__FEATURES
} spiral__feature;

/* No cell, pitch class or frame has more features than this. */
enum { SPIRAL__ENTRIES_MAX = 320 };

/* Where the rows of each group begin. */
typedef struct spiral__features {
    int low, P; /* keys low .. low + P - 1 */
    int planes; /* 1: no onset bits; a key begins where it sounds and did not before */
    int bar;    /* frames; 0: no bars */
    uint32_t first_row[SPIRAL__FEATURES];
    uint32_t rows[SPIRAL__READERS];
} spiral__features;

/* 1 <= P, low + P <= 128. */
void spiral__features_init(int low, int P, int planes, int bar, spiral__features *features);
const char *spiral__feature_name(spiral__feature feature); /* "BEFORE_ONSET" */

/* ---- what is known besides the past ---- */

/* What is known of frames begin .. begin + frames - 1 of the piece; nothing is known of the others. All
 * borrowed. */
typedef struct spiral__conditions {
    size_t begin, frames;
    const spiral_keys *known;    /* (frames) the cells that are given; NULL: none */
    const spiral_keys *sounding; /* (frames) where known */
    const spiral_keys *onsets;   /* (frames) where known; NULL with one plane */
    const float *sketch;         /* (frames, planes, P) probabilities; NULL: none */
} spiral__conditions;

/* ---- the past ---- */

/* The means of TONALITY, and a slow one for the features named USUAL, in which frame s of the past has weight
 * .995^(t - 1 - s). */
enum {
    SPIRAL__FADES = 3,
    SPIRAL__SLOW = SPIRAL__FADES,
    SPIRAL__VOICES = 9,      /* classes of the number of keys that sound: 0 .. 7, more */
    SPIRAL__REMEMBERED = 256 /* frames of which it is known whether a key began */
};

/* Where a frame is in its bar: on one of the four beats, half way to the next, elsewhere. On a grid without
 * bars all frames are on the first beat. */
enum { SPIRAL__BEATS = 4, SPIRAL__HALF_BEAT = SPIRAL__BEATS, SPIRAL__BETWEEN, SPIRAL__PLACES };

/* What is kept of frames 0 .. t - 1 of a piece. A plain value: copies are independent. */
typedef struct spiral__history {
    size_t t;
    spiral_keys sounding, onsets;   /* of frame t - 1; silent for t = 0 */
    uint16_t age[SPIRAL_KEY_COUNT]; /* by p: for how many frames the key has sounded; 0: it does not sound */
    float fade[SPIRAL__FADES + 1][SPIRAL_KEY_COUNT];
    float past;                    /* what the slow mean of a key that always sounded would be: 1 - .995^t */
    uint64_t chords[1 << 12 >> 6]; /* bit s: the pitch classes s (bits p mod 12) sounded on a beat */
    float voice[SPIRAL__VOICES];   /* means of p of the voices from the lowest up; 0: none yet */
    int moved[2]; /* semitones that the lowest and the highest key rose when they last changed; 0: never */
    uint32_t quiet_beats[SPIRAL__BEATS];     /* of a bar: how often no key began on it */
    uint32_t half_beats, half_beat_starts;   /* frames on half beats; those in which a key began */
    uint64_t began[SPIRAL__REMEMBERED / 64]; /* bit t % 64 of [t / 64]: in frame t, counted modulo
                                                SPIRAL__REMEMBERED, a key began */
} spiral__history;

/* The place of frame t. */
static inline int spiral__bar_place(const spiral__features *features, size_t t) {
    const size_t beat = (size_t)features->bar / SPIRAL__BEATS;
    if (!beat) return 0;
    if (t % beat == 0) return (int)(t / beat % SPIRAL__BEATS);
    return 2 * (t % beat) == beat ? SPIRAL__HALF_BEAT : SPIRAL__BETWEEN;
}

void spiral__history_begin(spiral__history *history);
/* Adds frame t. onsets: NULL with one plane. */
void spiral__history_add(const spiral__features *features, spiral__history *history, spiral_keys sounding,
                         const spiral_keys *onsets);

/* ---- a frame and its features ---- */

/* The keys of this frame that are decided and sound, from the lowest up. */
typedef struct spiral__decided {
    int count;
    uint8_t key[SPIRAL_KEY_COUNT];
    spiral_keys sounding, onsets; /* MIDI numbers */
} spiral__decided;

/* What all cells of frame t share. */
typedef struct spiral__moment {
    const spiral__features *features;
    const spiral__history *history;
    const spiral__conditions *conditions;
    const float *scale[SPIRAL__READERS]; /* (rows) a factor for the values of each row; 0: such features are
                                            left out; NULL: all 1 */
    int before_count;
    uint8_t before[SPIRAL_KEY_COUNT]; /* p of the keys that sound before, from the lowest up */
    float tonality[SPIRAL__FADES][12];
    float usual[SPIRAL_KEY_COUNT],
        usual_below[SPIRAL_KEY_COUNT + 1]; /* by p: share of the past; sums below p */
    float usual_class[12];
    int usual_low, usual_high; /* p of the lowest and highest key that sounded; low > high: none did */
    int is_given, has_sketch;
    spiral_keys known, given, given_onsets; /* of this frame; given: known and sounding */
    spiral_keys later[SPIRAL__LAGS], later_known[SPIRAL__LAGS], later_onsets[SPIRAL__LAGS];
    unsigned given_classes, later_classes[SPIRAL__LAGS]; /* bit p mod 12: a given key of this class sounds */
    const float *sketch[3];                              /* of frames t .. t + 2; NULL: none */
} spiral__moment;

/* conditions: NULL: none. All arguments are borrowed as long as the moment is used. */
void spiral__moment_init(const spiral__features *features, const spiral__history *history,
                         const spiral__conditions *conditions, spiral__moment *moment);

/* The features of one unit: p of a key, 0 .. 11 of a pitch class, 0 of the frame. Returns their number. */
size_t spiral__features_recurrent(const spiral__moment *moment, spiral__scope scope, int unit,
                                  spiral__entry *entries /* (SPIRAL__ENTRIES_MAX) */);
/* For SPIRAL__KEY, decided holds the keys below p; it is not used for the others. */
size_t spiral__features_head(const spiral__moment *moment, spiral__scope scope, int unit,
                             const spiral__decided *decided,
                             spiral__entry *entries /* (SPIRAL__ENTRIES_MAX) */);

/* Whether p, as the next voice from below, would move in parallel octaves (1) or fifths (2) with a decided
 * voice; else 0. */
int spiral__moves_in_parallel(const spiral__moment *moment, const spiral__decided *decided, int p);

void spiral__decided_add(const spiral__features *features, spiral__decided *decided, int p, int onset);

#endif
