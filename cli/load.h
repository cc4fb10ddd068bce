/* SPDX-License-Identifier: MIT
 *
 * Loads corpora and pieces (models: models.h). Each call returns -1, or the exit status after printing why it
 * failed; the caller frees what it loads.
 */
#ifndef SPIRAL_CLI_LOAD_H
#define SPIRAL_CLI_LOAD_H

#include "models.h"
#include "roll_flags.h"
#include "spiral/data.h"
#include "spiral/model.h"

/* Reads the files of corpora; "-", standard input, may be one of them. Prints what was skipped. Free with
 * spiral_files_destroy. */
int cli_load_files(char **paths, int count, const cli_common *common, spiral_files **files);
/* Reads a corpus of all files; prints what was left out or cut. Silence is cut as train does by default.
 * frames: of a window. */
int cli_load_corpus(char **paths, int count, const spiral_roll_options *options, int frames,
                    const cli_common *common, spiral_corpus **corpus);
/* Makes a corpus without the files that CLI_FILTER_FLAGS exclude: repaired ones with --strict, and duplicates
 * of files in it or in `of` (may be NULL) without --keep-duplicates. Prints what was left out or cut. */
int cli_make_corpus(const cli_roll_flags *flags, const spiral_files *files,
                    const spiral_roll_options *options, int frames, const spiral_corpus *of,
                    const cli_common *common, spiral_corpus **corpus);
/* The same, but prints nothing and returns the library's status. */
spiral_status cli_try_corpus(const cli_roll_flags *flags, const spiral_files *files,
                             const spiral_roll_options *options, int frames, const spiral_corpus *of,
                             const cli_common *common, spiral_corpus **corpus, spiral_error *err);
/* Prints how many files of the corpora (b may be NULL) the MIDI reader repaired. */
void cli_note_repaired(const cli_common *common, const spiral_corpus *a, const spiral_corpus *b);
/* Loads a MIDI file, or a text score if the name ends in .txt; prints what was repaired, or with --strict
 * refuses it. */
int cli_load_piece(const char *path, const cli_common *common, spiral_midi *midi);
/* Says what a piece contains and the result does not. done: what the verb does with the rest of it. counts:
 * spiral_midi.not_kept. */
void cli_note_not_kept(const cli_common *common, const char *path, const char *done, const uint32_t *counts);
/* Whether the note is percussion for the model. */
int cli_is_drum(const spiral_model_config *config, const spiral_note *note);
/* Loads a piece as a roll with the model's options; prints how many of its notes were left out or moved. */
int cli_load_roll(const spiral_model *model, const char *path, const cli_common *common, spiral_roll *roll);
/* The same with the notes, which the verb writes again as they are, and the report of the roll. The caller
 * frees both, also after a failure. */
int cli_load_midi_and_roll(const spiral_model *model, const char *path, const cli_common *common,
                           spiral_midi *midi, spiral_roll *roll, spiral_roll_report *report);

#endif
