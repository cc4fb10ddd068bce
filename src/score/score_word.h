/* SPDX-License-Identifier: MIT
 *
 * The words of a text score: lengths, note names, keys, chord names, dynamics and figures, each turned into
 * numbers. A reader takes its part off the front of the word and returns NULL, or, when the word is wrong,
 * one clause that says what is allowed. What a line or a bar is, is score.c's business.
 */
#ifndef SPIRAL_MUSIC_SCORE_WORD_H
#define SPIRAL_MUSIC_SCORE_WORD_H

#include <stddef.h>
#include <stdint.h>

#define SPIRAL__SCORE_QUARTER      480 /* ticks; every length and triplet below is a whole number of them */
#define SPIRAL__SCORE_WHOLE        (4 * SPIRAL__SCORE_QUARTER)
#define SPIRAL__SCORE_CHORD        16 /* notes one voice strikes at once */
#define SPIRAL__SCORE_FIGURE_STEPS 64

/* The characters at .. end - 1 of the text; readers move at forward. */
typedef struct spiral__word {
    const char *at, *end;
} spiral__word;

/* A note name as written: sign and octave may be left out. */
typedef struct spiral__score_tone {
    int step;   /* 0 = c .. 6 = b */
    int sign;   /* semitones, -2 .. 2; valid if signed_ */
    int octave; /* 0 .. 9, or -1: as before */
    int signed_;
} spiral__score_tone;

typedef struct spiral__score_chord {
    int count;
    uint8_t pitch[SPIRAL__SCORE_CHORD]; /* ascending for chord names, as written for spelled ones */
} spiral__score_chord;

#define SPIRAL__FIGURE_ALL   0xffffu /* '*' */
#define SPIRAL__FIGURE_UPPER 0xfffeu /* '+' */

/* A left-hand pattern: lines that run side by side, each a loop of steps. */
typedef struct spiral__score_figure {
    int count;
    struct {
        int64_t ticks;
        int line;       /* steps of one line stand together, lines ascend from 0 */
        unsigned notes; /* bit k: note k of the chord, the lowest is 0; 0: rest */
    } step[SPIRAL__SCORE_FIGURE_STEPS];
} spiral__score_figure;

/* "4." -> ticks. */
const char *spiral__word_length(spiral__word *w, int64_t *ticks);
/* "c#5" */
const char *spiral__word_tone(spiral__word *w, spiral__score_tone *tone);
/* MIDI number of a tone in a key; alter: (7) semitones of the key signature per step. May leave 0..127. */
int spiral__score_pitch(const spiral__score_tone *tone, const signed char *alter, int octave);
/* tonic "Eb" and mode "minor" -> alter (7). */
const char *spiral__score_key(spiral__word tonic, spiral__word mode, signed char *alter);
/* "F#m7/C#" -> its bass, the lowest such note from `low` on, and above it the chord in close position
 * (docs/score.md). */
const char *spiral__word_chord(spiral__word *w, int low, spiral__score_chord *chord);
/* "mf" -> velocity, or 0. */
int spiral__score_velocity(spiral__word w);
/* "4:1 + +" -> figure. */
const char *spiral__score_figure_read(spiral__word text, spiral__score_figure *figure);

static inline int spiral__is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
/* The next word of *rest, ended by blanks; empty when there is none. */
spiral__word spiral__word_next(spiral__word *rest);
spiral__word spiral__word_of(const char *text);
int spiral__word_is(spiral__word w, const char *text);
/* A decimal number of at most six digits; -1 if there is none. */
int spiral__word_number(spiral__word *w);

#endif
