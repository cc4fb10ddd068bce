/* SPDX-License-Identifier: MIT
 *
 * How frames are sampled from the note-by-note decoder: constants that are calibrated on training music, and
 * the rule that uses them.
 *
 * The cells of a frame are drawn one by one. Small errors of their probabilities add up over a long piece:
 * too many changes, too few voices. Therefore a frame that was drawn is kept with probability exp(w), w <= 0,
 * and else drawn again. w is a sum of weights of what happens in the frame; they are set so that samples have
 * the rates of the training music (spiral_generate_calibrate).
 */
#ifndef SPIRAL_DECODE_SAMPLING_H
#define SPIRAL_DECODE_SAMPLING_H

#include "decode/features.h"

enum {
    SPIRAL__SAMPLING_SIZE = 96, /* floats in the model */
    SPIRAL__CALIBRATED = 3,     /* what the floats mean; with another number they are not used */
    SPIRAL__SETTLED = 16        /* from this frame on the pitch classes heard say which are foreign */
};

/* What a frame is written from: the past only; given cells of the same frame; a sketch. Each has weights of
 * its own: under a melody other things go wrong, and more often. */
typedef enum spiral__basis {
    SPIRAL__FREE,
    SPIRAL__UNDER_GIVEN,
    SPIRAL__SKETCHED,
    SPIRAL__BASES
} spiral__basis;

typedef struct spiral__frame_weights {
    float more[SPIRAL__VOICES];  /* weights, by the class of the frame before: more keys sound than before */
    float fewer[SPIRAL__VOICES]; /* fewer do */
    float change[2]; /* the frame is not the one before; above 0: -change if it is; [1]: on a beat */
    float foreign;   /* for each key that begins to sound outside the 7 pitch classes heard most */
    float fresh;     /* for each one that was hardly heard before */
    float kept;      /* for each key that sounds on without an onset where another begins */
    float clash;     /* for each pair of keys a semitone apart */
    float parallel;  /* for each key that moves in parallel octaves or fifths */
    float no_triad;  /* the pitch classes that sound are no major or minor triad */
    float new_chord; /* the frame is on a beat, and they have not sounded on a beat before */
    float stray;     /* for each semitone beyond 4 that a voice begins from its slow mean */
    float rise;      /* for each semitone that a voice rises; above 0: -rise for each that one falls */
    float again;     /* added to the logit that a key which sounded before begins again */
} spiral__frame_weights;

/* A tensor of the model: floats only. Zeros: never calibrated. */
typedef struct spiral__sampling {
    float calibrated;             /* SPIRAL__CALIBRATED, or 0: all else is 0 */
    float voices_mean, voices_sd; /* keys that sound in a frame of the training music */
    float voices_most;            /* the largest mean over a bar */
    float same_most;              /* frames: the longest stretch without any change */
    float passage_most;           /* spiral_generate_passage_limit; 0: unknown */
    spiral__frame_weights weights[SPIRAL__BASES];
} spiral__sampling;

_Static_assert(sizeof(spiral__sampling) == SPIRAL__SAMPLING_SIZE * sizeof(float), "no gaps");

/* What the rule counts in a frame. */
typedef struct spiral__frame_events {
    int before, now; /* keys that sound */
    int changed;     /* some cell differs from the frame before */
    int foreign, begins, fresh;
    int clashes;
    int parallels;    /* 0 where the number of keys changes: then it is not known which voice moved where */
    int held, again;  /* keys that sound in both frames, and those of them that begin again */
    int starts, kept; /* keys that have an onset; if any has, keys that sound on */
    int on_beat, no_triad;
    int new_chord;    /* 0 off the beat */
    int rises, falls; /* semitones, of all voices; 0 where the number of keys changes */
    int strays;       /* semitones, of all voices */
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
