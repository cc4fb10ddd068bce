/* SPDX-License-Identifier: MIT
 *
 * Progress of a training: lines for people on standard error, a log of JSON lines, and stopping at a signal.
 */
#ifndef SPIRAL_CLI_PROGRESS_H
#define SPIRAL_CLI_PROGRESS_H

#include <signal.h>
#include <stdio.h>

#include "flags.h"
#include "spiral/train.h"

typedef struct progress {
    const cli_common *common;
    FILE *log; /* one JSON object a line for each report; may be NULL */
    int terminal, color;
    double drawn_s;               /* when the line was last drawn; -1: never */
    int64_t next_logged;          /* step of the next report that is logged */
    spiral_train_network network; /* of the last report */
    struct sigaction before_int, before_term;
} progress;

void progress_init(progress *progress, const cli_common *common, FILE *log);
/* From _catch to _release, SIGINT and SIGTERM make progress_report ask the training to stop. */
void progress_catch(progress *progress);
void progress_release(progress *progress);
/* A spiral_train_callback; context is the progress. Returns nonzero after a signal. */
int progress_report(void *context, const spiral_train_progress *report);

#endif
