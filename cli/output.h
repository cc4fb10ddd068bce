/* SPDX-License-Identifier: MIT
 *
 * Output files of the verbs. Each call returns -1, or the exit status after printing why it failed.
 */
#ifndef SPIRAL_CLI_OUTPUT_H
#define SPIRAL_CLI_OUTPUT_H

#include <stdint.h>

#include "spiral/roll.h"

enum { CLI_PATH_SIZE = 4096 };

/* Checks that a file can be written at `path`, by creating and removing one beside it. */
int cli_check_writable(const char *path);
/* Creates a folder unless it exists. */
int cli_make_folder(const char *path);
/* Writes "folder/stem-NUMBER.mid" to path[CLI_PATH_SIZE]; NUMBER has at least `digits` digits. */
int cli_numbered_path(char *path, const char *folder, const char *stem, int digits, uint64_t number);
/* Writes a roll as MIDI. text: the file's text event, or NULL. notes, seconds: filled if not NULL. */
int cli_save_roll(const spiral_roll *roll, const char *text, const char *path, size_t *notes,
                  double *seconds);

#endif
