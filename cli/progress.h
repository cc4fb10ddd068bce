/* SPDX-License-Identifier: MIT
 *
 * Watching a training (see progress.c).
 */
#ifndef SPIRAL_CLI_PROGRESS_H
#define SPIRAL_CLI_PROGRESS_H

#include <signal.h>

#include "cli.h"

typedef struct progress {
    const cli_common *common;
    FILE *log; /* a line of JSON for each report, or NULL */
    int terminal, color;
    double drawn; /* seconds at which the line was last drawn, or -1 */
    int64_t next_logged;
    struct sigaction before_int, before_term;
} progress;

void progress_init(progress *w, const cli_common *common, FILE *log);
/* Between the two, SIGINT and SIGTERM make progress_watch ask the training to stop. */
void progress_catch(progress *w);
void progress_release(progress *w);
/* A spiral_train_callback; its context is the progress. */
int progress_watch(void *context, const spiral_train_progress *p);

#endif
