/* SPDX-License-Identifier: MIT
 *
 * From the flags of roll_flags.h and the music to roll options. Separate from the flags because choosing a
 * key range loads the music (load.h), and loading reads the flags.
 */
#ifndef SPIRAL_CLI_ROLL_OPTIONS_H
#define SPIRAL_CLI_ROLL_OPTIONS_H

#include "roll_flags.h"

/* Fills the roll options and the frames of a window. A key range to choose from the music is the smallest one
 * with 99.5 % of the note onsets of the files; if there is none to choose, files may be NULL. Returns -1, or
 * the exit status after printing why. */
int cli_roll_options(const cli_roll_flags *flags, const cli_common *common, const spiral_files *files,
                     spiral_roll_options *options, int *frames);
/* Narrows options->low and high to the range that spiral_corpus_choose_range gives for `all`, whose rolls
 * have all keys; an end that a flag gives is kept. Returns -1, or the exit status after printing why. */
int cli_choose_range(const cli_roll_flags *flags, const spiral_corpus *all, spiral_roll_options *options);

#endif
