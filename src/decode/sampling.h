/* SPDX-License-Identifier: MIT
 *
 * How frames are sampled from the note-by-note decoder: constants that are calibrated on training music, and
 * the rule that uses them.
 *
 * The cells of a frame are drawn one by one. Small errors of their probabilities add up over a long piece:
 * too many changes, too few voices. Therefore a frame that was drawn is kept with probability exp(w), w <= 0,
 * and else drawn again. w is a sum of weights of the events in the frame; they are set so that these events
 * are as frequent in samples as in the training music (spiral_generate_calibrate).
 */
#ifndef SPIRAL_DECODE_SAMPLING_H
#define SPIRAL_DECODE_SAMPLING_H

#include "decode/features.h"

enum {
    SPIRAL__SAMPLING_SIZE = 3030, /* floats in the model */
    SPIRAL__CALIBRATED = 4,       /* version of what the floats mean; those of another version are not used */
    SPIRAL__SETTLED = 16 /* after this frame, the pitch classes heard so far determine which are foreign */
};

/* QUIET: classes of how long ago something happened, or how often. TIMES: these at each place. */
enum { SPIRAL__QUIET = 5, SPIRAL__TIMES = SPIRAL__PLACES * SPIRAL__QUIET };

/* Choices: what happens in one of several ways. In each context, each way has a weight. The list has the
 * number of contexts and of ways.
 * - STARTS: how many keys begin, by the place of the frame in its bar; on a beat also by how long ago a key
 *   last began, elsewhere by the share of half beats on which keys began so far
 * - ECHO: whether a key begins on a half beat or a beat, by whether one did two bars before and four bars
 *   before; on a beat also by whether this beat of the bar most often had no key that begins
 * - CHORD: which kind of chord sounds, by the place, and in the first frame of a piece
 * - MOVE: how the lowest and the highest key move if they do, by their last move; how other keys move
 * - SPACING: semitones between neighbouring sounding keys: the lowest two, the next pair, all others
 * - STRAY: semitones from a voice that begins to its mean; of each of the lowest three voices, of others
 * - REGISTER: the MIDI numbers of the lowest and of the highest key, halved
 * - OUTER: whether the lowest and the highest key begin: no, on another key than before, on the same key; by
 *   the place, and by how long the lowest or highest key of the frame before has sounded */
#define SPIRAL__CHOICE_LIST(X)               \
    X(STARTS, SPIRAL__TIMES, SPIRAL__VOICES) \
    X(ECHO, (1 + 3) * 3 * 3, 2)              \
    X(CHORD, SPIRAL__PLACES + 1, 16)         \
    X(MOVE, 2 * 4 + 1, 12)                   \
    X(SPACING, 3, 16)                        \
    X(STRAY, 4, 16)                          \
    X(REGISTER, 2, SPIRAL_KEY_COUNT / 2)     \
    X(OUTER, 2 * SPIRAL__TIMES, 3)

typedef enum spiral__choice {
#define SPIRAL_X(id, contexts, ways) SPIRAL__##id,
    SPIRAL__CHOICE_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL__CHOICES
} spiral__choice;

#define SPIRAL_X(id, contexts, ways) +(contexts) * (ways)
enum { SPIRAL__WAYS = 0 SPIRAL__CHOICE_LIST(SPIRAL_X) }; /* of all choices and contexts */
#undef SPIRAL_X

/* Where the weights of a choice are: those of a context are adjacent. */
typedef struct spiral__choice_shape {
    int first, contexts, ways;
} spiral__choice_shape;
extern const spiral__choice_shape spiral__choice_shapes[SPIRAL__CHOICES];

/* In a frame: STARTS, ECHO, CHORD, two of REGISTER and of OUTER; VOICES of STRAY, VOICES - 1 of SPACING, and
 * VOICES + 1 of MOVE. */
enum { SPIRAL__CHOSEN_MAX = 7 + 3 * SPIRAL__VOICES };

/* What a frame is written from: the past only; given cells of the same frame; a sketch. Each has weights of
 * its own: under a melody, errors differ and are more frequent. */
typedef enum spiral__basis {
    SPIRAL__FREE,
    SPIRAL__UNDER_GIVEN,
    SPIRAL__SKETCHED,
    SPIRAL__BASES
} spiral__basis;

typedef struct spiral__frame_weights {
    float more[SPIRAL__VOICES];  /* weights, by the class of the frame before: more keys sound than before */
    float fewer[SPIRAL__VOICES]; /* fewer do */
    float way[SPIRAL__WAYS];     /* of choices, around 0 */
    float headroom;              /* subtracted from the sum of these, so that weights above 0 count too */
    float foreign;   /* for each key that begins to sound outside the 7 pitch classes heard most */
    float fresh;     /* for each key that begins to sound and hardly sounded before */
    float clash;     /* for each pair of keys a semitone apart */
    float parallel;  /* for each key that moves in parallel octaves or fifths */
    float new_chord; /* the frame is on a beat, and its pitch classes have not sounded on a beat before */
    float rise;      /* for each semitone that a voice rises; above 0: -rise for each that one falls */
    float again;     /* added to the logit that a key which sounded before begins again */
} spiral__frame_weights;

/* A tensor of the model: floats only. Zeros: never calibrated. */
typedef struct spiral__sampling {
    float calibrated;             /* SPIRAL__CALIBRATED, or 0: all else is 0 */
    float voices_mean, voices_sd; /* keys that sound in a frame of the training music */
    float voices_max;             /* the largest mean over a bar */
    float same_max;               /* frames: the longest stretch without any change */
    float passage_max;            /* spiral_generate_passage_limit; 0: unknown */
    spiral__frame_weights weights[SPIRAL__BASES];
} spiral__sampling;

_Static_assert(sizeof(spiral__sampling) == SPIRAL__SAMPLING_SIZE * sizeof(float), "no gaps");

/* What the rule counts in a frame. */
typedef struct spiral__frame_events {
    int chosen_count, is_first;          /* first: nothing but the ways is counted */
    uint16_t chosen[SPIRAL__CHOSEN_MAX]; /* the ways, as indices of their weights */
    int before, now;                     /* keys that sound */
    int foreign, begins, fresh;
    int clashes;
    int parallels;   /* 0 where the number of keys changes: then it is not known which voice moved where */
    int held, again; /* keys that sound in both frames, and those of them that begin again */
    int on_beat, new_chord; /* new_chord: 0 off the beat */
    int rises, falls;       /* semitones, of all voices; 0 where the number of keys changes */
} spiral__frame_events;

/* Of the frame that is decided. parallels: counted while its keys were decided. */
spiral__frame_events spiral__frame_events_get(const spiral__moment *moment, const spiral__decided *decided,
                                              int parallels);

/* The logarithm of the probability that the frame is kept, at most 0. voices: whether the weights of the
 * number of voices count. */
float spiral__frame_log_weight(const spiral__frame_weights *weights, const spiral__frame_events *events,
                               int voices);

/* The class of a number of keys that sound. */
static inline int spiral__voices_class(int n) { return n < SPIRAL__VOICES ? n : SPIRAL__VOICES - 1; }

#endif
