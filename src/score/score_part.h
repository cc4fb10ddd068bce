/* SPDX-License-Identifier: MIT
 *
 * One voice of one section of a text score: bars of notes or chords -> notes in ticks from the section's
 * start. The lines of the file, the header and the order of sections are score.c's business; the words are
 * score_word.h's.
 */
#ifndef SPIRAL_MUSIC_SCORE_PART_H
#define SPIRAL_MUSIC_SCORE_PART_H

#include "spiral/midi.h"
#include "score/score_word.h"

typedef struct spiral__score_notes {
    spiral_note *at; /* (count), owned */
    size_t count, room;
} spiral__score_notes;

typedef struct spiral__score_bar {
    int64_t start_ticks; /* from the section's start */
    size_t first_note;   /* its notes are first_note .. count - 1 */
    int tied;            /* it continues a note of the bar before */
} spiral__score_bar;

/* What a part is told before its first bar, and where it has got to. Set the first block, leave the rest 0.
 */
typedef struct spiral__score_part {
    const char *text;                   /* the whole score, for line numbers */
    spiral__word name;                  /* of the voice */
    const signed char *key;             /* (7) */
    const spiral__score_figure *figure; /* NULL: a voice of notes */
    int low;                            /* the lowest bass of chord names */
    uint16_t track;
    uint8_t channel, velocity;
    int64_t bar_ticks, pickup_ticks, last_ticks; /* pickup and last: 0 if not special */
    int meter[2];
    int bars;                   /* in all lines of this part */
    spiral__score_notes *notes; /* appended to */
    spiral_error *err;

    int bar;               /* bars read */
    int64_t at_ticks;      /* end of the last entry */
    spiral__score_bar now; /* the bar in hand */
    int64_t length_ticks;  /* as last written in this line, 0: not yet */
    int octave;            /* as last written in this line, -1: not yet */
    int triplet;
    int ties;                /* entries of tie that are not 0 */
    size_t tie[128];         /* index + 1 of the note that waits for its continuation, by pitch */
    const char *tie_at;      /* the last entry with a tie */
    uint8_t altered[7 * 10]; /* steps that carried a sign in this bar, by octave */
} spiral__score_part;

/* The bars of a line one after the other: *bar is what stands before the next bar line, *rest what stands
 * behind it. 0 when there is no more. */
int spiral__score_bar_next(spiral__word *rest, spiral__word *bar);

/* Reads one line (behind the voice's name) of the part. */
spiral_status spiral__score_part_line(spiral__score_part *part, spiral__word line);
/* Checks that nothing waits to be continued. */
spiral_status spiral__score_part_end(spiral__score_part *part);

/* FORMAT with the line number of `at` before the sentence. */
__attribute__((format(printf, 4, 5))) spiral_status
spiral__score_fail(spiral_error *err, const char *text, const char *at, const char *format, ...);
/* A word in an error sentence: "%.*s" takes both. Long words are cut. */
#define SPIRAL__WORD(w) (int)((w).end - (w).at > 24 ? 24 : (w).end - (w).at), (w).at

#endif
