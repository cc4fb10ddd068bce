/* SPDX-License-Identifier: MIT
 *
 * Progress of a training: lines for people on standard error, and a log of JSON lines.
 */
#ifndef SPIRAL_CLI_PROGRESS_H
#define SPIRAL_CLI_PROGRESS_H

#include "flag_types.h"
#include "spiral/train.h"

/* The log: one JSON object a line for some reports. A line that cannot be written whole is not written at
 * all. */
typedef struct progress_log {
    int fd; /* -1: none */
    const char *path;
    int64_t lines_lost;
} progress_log;

typedef struct progress {
    const cli_common *common;
    const char *state_path; /* where the training is saved, for messages */
    progress_log *log;
    int timed; /* the training ends after a given time */
    int terminal, color;
    double drawn_s;               /* when the line was last drawn; -1: never */
    int64_t next_logged;          /* step of the next report that is logged */
    spiral_train_network network; /* of the last report */
    int calibrates;               /* whether the last report was of the calibration */
} progress;

/* Opens a log, emptied or, with `append`, as it is. Returns -1 or the exit status. */
int progress_log_open(progress_log *log, const char *path, int append);
/* Closes it. Returns -1, or CLI_FAILED after printing that lines are missing. */
int progress_log_close(progress_log *log);

void progress_init(progress *progress, const cli_common *common, const char *state_path, progress_log *log,
                   int timed);
/* Ends the line on the terminal. */
void progress_end(progress *progress);
/* A spiral_train_callback; context is the progress. Returns nonzero after a signal. */
int progress_report(void *context, const spiral_train_progress *report);

#endif
