/* SPDX-License-Identifier: MIT
 *
 * Messages about the files of a corpus: a line for each reason, or with --verbose a line for each file.
 */
#ifndef SPIRAL_CLI_CORPUS_NOTES_H
#define SPIRAL_CLI_CORPUS_NOTES_H

#include "flag_types.h"
#include "spiral/data.h"

/* Entries of folders that are not read. */
void cli_note_skipped(const spiral_files *files, const cli_common *common);
/* The files that are not in the corpus. */
void cli_note_left_out(const spiral_corpus *corpus, const cli_common *common);
/* The files in which stretches without a change were cut. */
void cli_note_cut(const spiral_corpus *corpus, const cli_common *common);

#endif
