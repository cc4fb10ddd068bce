/* SPDX-License-Identifier: MIT
 *
 * A text score while it is read: the header's settings, voices and figures, the sections, and the lines of
 * music by section and voice. score_lines.c fills it line by line, score.c turns it into notes.
 */
#ifndef SPIRAL_SCORE_SCORE_LINES_H
#define SPIRAL_SCORE_SCORE_LINES_H

#include "spiral/midi.h"
#include "score/score_error.h"
#include "score/score_part.h"
#include "score/score_word.h"

enum {
    SPIRAL__SCORE_VOICES = 15, /* one MIDI channel each, without the drum channel */
    SPIRAL__SCORE_SECTIONS = 64,
    SPIRAL__SCORE_FIGURES = 64,
    SPIRAL__SCORE_PLAYS = 256 /* sections in the play order */
};

/* Settings of a section. Each section begins with a copy of the header's. */
typedef struct spiral__score_setting {
    int meter[2];
    int64_t bar_ticks, pickup_ticks, last_ticks; /* last_ticks 0: a whole bar */
    signed char key[7];
    int32_t us_per_quarter;
} spiral__score_setting;

typedef struct spiral__score_voice {
    spiral__word name;
    int figure; /* index in figures, -1: a voice of notes */
    int low;
    uint8_t velocity;
} spiral__score_voice;

typedef struct spiral__score_section {
    spiral__word name;
    spiral__score_setting set;
    int has_music, plays;
    int64_t ticks;
    size_t first_note, end_note; /* its notes are spiral__score.notes[first_note .. end_note) */
} spiral__score_section;

typedef struct spiral__named_figure {
    spiral__word name;
    spiral__score_figure steps;
} spiral__named_figure;

typedef struct spiral__score_line {
    int section, voice;
    spiral__word music;
} spiral__score_line;

typedef struct spiral__score {
    const char *text, *end;
    spiral_error *err;
    spiral__score_setting head;
    unsigned seen; /* a bit per keyword that the header has had */
    spiral__word title, from;
    spiral__word play; /* the sections named by the play line; at is NULL: no such line */
    int plays, play_order[SPIRAL__SCORE_PLAYS];
    int voice_count, section_count, figure_count;
    spiral__score_voice voices[SPIRAL__SCORE_VOICES];
    spiral__score_section sections[SPIRAL__SCORE_SECTIONS];
    spiral__named_figure figures[SPIRAL__SCORE_FIGURES];
    size_t line_count, line_capacity;
    spiral__score_line *lines;
    spiral__score_notes notes; /* of all sections, times from the section's start */
} spiral__score;

/* Reads one line of the file, of any kind. */
spiral_status spiral__score_read_line(spiral__score *r, spiral__word text);
spiral_status spiral__score_add_figure(spiral__score *r, spiral__word name, spiral__word steps);
int spiral__score_find_section(const spiral__score *r, spiral__word name); /* -1: there is none */

/* FORMAT with the line number of `at` and the sentence. */
__attribute__((format(printf, 3, 4))) spiral_status
spiral__score_fail_at(const spiral__score *r, const char *at, const char *format, ...);

#endif
