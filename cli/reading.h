/* SPDX-License-Identifier: MIT
 *
 * Progress of reading many files, for people on standard error: on a terminal a line that is redrawn and
 * removed at the end, elsewhere a line every 10 s. Nothing if the reading takes less than a second, or with
 * --quiet.
 */
#ifndef SPIRAL_CLI_READING_H
#define SPIRAL_CLI_READING_H

#include <stddef.h>

#include "flag_types.h"

typedef struct cli_reading {
    const cli_common *common;
    const char *what; /* what is done with the files: "reading" */
    int terminal, drawn;
    double begin_s, next_s; /* next: when the next line is due */
} cli_reading;

void cli_reading_begin(cli_reading *reading, const cli_common *common, const char *what);
/* A spiral_files_callback; context is the reading. Returns 0. */
int cli_reading_report(void *context, size_t done, size_t count);
/* Removes the line from the terminal: call before other messages. */
void cli_reading_end(cli_reading *reading);

#endif
