/* SPDX-License-Identifier: MIT
 *
 * A piece with given notes: its notes stay as they are in the file, only new notes come from a roll.
 */
#ifndef SPIRAL_CLI_GIVEN_H
#define SPIRAL_CLI_GIVEN_H

#include "flag_types.h"
#include "spiral/generate.h"

typedef struct cli_given {
    const char *path;
    spiral_midi midi;   /* as in the file, without the notes that were taken out */
    spiral_roll roll;   /* of these notes, `frames` long */
    int transposed_by;  /* semitones by which the roll is higher than the notes */
    size_t frames;      /* of the whole piece */
    spiral_keys *known; /* (frames), owned; all zero after loading */
} cli_given;

/* Loads a piece. Returns -1 or the exit status after printing why it cannot. */
int cli_given_load(const spiral_model *model, const char *path, const cli_common *common, cli_given *given);
void cli_given_clear(cli_given *given);

/* Makes the roll longer, silent at its end; known (frames) is made again, all zero. Returns -1 or the exit
 * status. */
int cli_given_extend(cli_given *given, size_t frames);

/* Takes out the notes that lie wholly inside frames from .. to - 1 and keys low .. high, half a frame more or
 * less, and makes the other cells of all frames known. Notes that extend beyond an end stay, and so do
 * those that end before the part or begin after it. Returns -1 or the exit status. */
int cli_given_open(const spiral_model *model, size_t from, size_t to, int low, int high, cli_given *given);

/* Puts the given cells into a request, which borrows them. */
void cli_given_request(const cli_given *given, spiral_generate_request *request);

/* The frame at a time after the beginning, rounded: seconds, or bars of the piece's time signatures (4/4
 * where it has none); one of them is 0. */
double cli_given_frame_at(const cli_given *given, double seconds, double bars);
/* The length of a bar at the end of the piece. */
double cli_given_last_bar_quarters(const cli_given *given);

/* Seconds before a frame begins. */
double cli_given_seconds_at(const cli_given *given, size_t frame);

/* Checks `path`, and writes the notes of the file, and those of the roll's open cells on a track of their
 * own. */
int cli_given_save(const cli_given *given, const spiral_roll *roll, const char *text, const char *path,
                   size_t *notes, double *seconds);

/* Says what the file contains and what cli_given_save writes does not. */
void cli_given_note_not_kept(const cli_given *given, const cli_common *common);

#endif
