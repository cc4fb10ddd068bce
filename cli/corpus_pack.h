/* SPDX-License-Identifier: MIT
 *
 * Corpus packs as inputs: the files that `spiral pack` writes. Each call returns -1, or the exit status after
 * printing why it failed.
 */
#ifndef SPIRAL_CLI_CORPUS_PACK_H
#define SPIRAL_CLI_CORPUS_PACK_H

#include "roll_flags.h"

/* Opens and checks a pack. frames: of a window, 0: as it was written. */
int cli_open_pack(const char *path, int frames, const cli_common *common, spiral_corpus **corpus);
/* Refuses a pack whose rolls were not made as `options` say. The longest silence does not matter. */
int cli_check_pack_rolls(const char *path, const spiral_corpus *corpus, const spiral_roll_options *options);
/* Refuses flags that say how rolls are made or chosen: a pack has its rolls already. */
int cli_check_pack_flags(const char *path, const cli_roll_flags *flags, const cli_common *common);

#endif
