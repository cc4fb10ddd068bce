/* SPDX-License-Identifier: MIT
 *
 * The words of a text score: lengths, note names, keys, chord names, dynamics and figures, read as numbers. A
 * reader that returns a text moves the word's `at` after what it has read and returns NULL, or, when the
 * word is wrong, one clause that says what is allowed.
 */
#ifndef SPIRAL_SCORE_SCORE_WORD_H
#define SPIRAL_SCORE_SCORE_WORD_H

#include <stddef.h>
#include <stdint.h>

#define SPIRAL__SCORE_QUARTER      480 /* ticks; every length and triplet below is a whole number of them */
#define SPIRAL__SCORE_WHOLE        (4 * SPIRAL__SCORE_QUARTER)
#define SPIRAL__SCORE_CHORD        16 /* notes one voice strikes at once */
#define SPIRAL__SCORE_FIGURE_STEPS 64

/* The characters at .. end - 1 of the text. */
typedef struct spiral__word {
    const char *at, *end;
} spiral__word;

/* A note name as written: sign and octave may be missing. */
typedef struct spiral__score_tone {
    int step;   /* 0 = c .. 6 = b */
    int sign;   /* semitones, -2 .. 2; valid if signed_ is set */
    int octave; /* 0 .. 9, or -1: none */
    int signed_;
} spiral__score_tone;

typedef struct spiral__score_chord {
    int count;
    uint8_t pitch[SPIRAL__SCORE_CHORD]; /* ascending for chord names, as written for spelled ones */
} spiral__score_chord;

#define SPIRAL__FIGURE_ALL   0xffffu /* '*' */
#define SPIRAL__FIGURE_UPPER 0xfffeu /* '+' */

/* A pattern for chords: lines that play at the same time, each a loop of steps. */
typedef struct spiral__score_figure {
    int count;
    struct {
        int64_t ticks;
        int line;       /* 0, 1, ..; the steps of a line are neighbours */
        unsigned notes; /* bit k: note k of the chord from the lowest; 0: rest */
    } step[SPIRAL__SCORE_FIGURE_STEPS];
} spiral__score_figure;

/* "4." -> ticks. */
const char *spiral__word_length(spiral__word *w, int64_t *ticks);
/* "c#5" */
const char *spiral__word_tone(spiral__word *w, spiral__score_tone *tone);
/* MIDI number of a tone in a key; may be outside 0..127. alter: (7) semitones that the key adds to steps. */
int spiral__score_pitch(const spiral__score_tone *tone, const signed char *alter, int octave);
/* tonic "Eb" and mode "minor" -> alter (7). */
const char *spiral__score_key(spiral__word tonic, spiral__word mode, signed char *alter);
/* "F#m7/C#" -> its bass, the lowest such note not below `low`, and above it the chord in close position
 * (docs/score.md). */
const char *spiral__word_chord(spiral__word *w, int low, spiral__score_chord *chord);
/* "mf" -> velocity, or 0. */
int spiral__score_velocity(spiral__word w);
/* "4:1 + +" -> figure. */
const char *spiral__score_figure_read(spiral__word text, spiral__score_figure *figure);

static inline int spiral__is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
/* The next word of *rest, which blanks end; empty when there is none. */
spiral__word spiral__word_next(spiral__word *rest);
spiral__word spiral__word_of(const char *text);
int spiral__word_is(spiral__word w, const char *text);
/* A decimal number of at most six digits; -1 if there is none. */
int spiral__word_number(spiral__word *w);

#endif
