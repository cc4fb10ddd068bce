/* SPDX-License-Identifier: MIT
 *
 * One voice of one section of a text score: bars of notes or chords -> notes in ticks from the section's
 * start. Lines, header and the order of sections: score_lines.h, score.c. Words: score_word.h.
 */
#ifndef SPIRAL_SCORE_SCORE_PART_H
#define SPIRAL_SCORE_SCORE_PART_H

#include "spiral/midi.h"
#include "score/score_word.h"

typedef struct spiral__score_notes {
    spiral_note *at; /* (count), owned */
    size_t count, capacity;
} spiral__score_notes;

typedef struct spiral__score_bar {
    int64_t start_ticks; /* from the section's start */
    size_t first_note;   /* its notes are first_note .. count - 1 */
    int tied;            /* it continues a note of the bar before */
} spiral__score_bar;

/* What a part needs to know, and how far it has been read. The caller sets the first block and zeroes the
 * rest.
 */
typedef struct spiral__score_part {
    const char *text;                   /* the whole score, for line numbers */
    spiral__word name;                  /* of the voice */
    const signed char *key;             /* (7) */
    const spiral__score_figure *figure; /* NULL: a voice of notes */
    int low;                            /* the lowest bass note of chord names */
    uint16_t track;
    uint8_t channel, velocity;
    int64_t bar_ticks, pickup_ticks, last_ticks; /* pickup and last: 0 if they are whole bars */
    int meter[2];
    int bars;                   /* in all lines of this part */
    spiral__score_notes *notes; /* appended to */
    spiral_error *err;

    int bar;               /* number of bars read */
    int64_t at_ticks;      /* end of the last entry */
    spiral__score_bar now; /* the current bar */
    int64_t length_ticks;  /* as last written in this line, 0: not yet */
    int octave;            /* as last written in this line, -1: not yet */
    int triplet;
    int ties;                /* number of entries of tie that are not 0 */
    size_t tie[128];         /* by pitch: 1 + index of the note that is tied to the next entry, or 0 */
    const char *tie_at;      /* the last entry with a tie */
    uint8_t altered[7 * 10]; /* by octave and step: had a sign in this bar */
} spiral__score_part;

/* The next bar of a line: *bar is the text before the next bar line, *rest the text after it. Returns 0 when
 * there is none. */
int spiral__score_bar_next(spiral__word *rest, spiral__word *bar);

/* Reads one line of the part, without the voice's name. */
spiral_status spiral__score_part_line(spiral__score_part *part, spiral__word line);
/* Ends the part: FORMAT if a tie leads out of the section. */
spiral_status spiral__score_part_end(spiral__score_part *part);

#endif
