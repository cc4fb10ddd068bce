/* SPDX-License-Identifier: MIT
 *
 * JSON results: each verb prints one object.
 */
#ifndef SPIRAL_CLI_JSON_H
#define SPIRAL_CLI_JSON_H

#include <jansson.h>

#include "flag_types.h"
#include "spiral/metrics.h"
#include "spiral/statistics.h"

/* The calls that make a result are not checked: they get the memory that they need (json_memory.h). */

/* A JSON number; null if x is not finite. */
json_t *cli_number(double x);
/* A JSON string; of text that is not UTF-8, every byte above 0x7f becomes "\xHH". */
json_t *cli_text(const char *text);
/* All metrics; the keys are in docs/cli.md. */
json_t *cli_metrics_json(const spiral_metrics *m);
/* All statistics, by their names in statistics.h. */
json_t *cli_statistics_json(const spiral_statistics *s);
/* Prints the result if --json asks for it. Takes ownership of it in any case. Returns the exit status:
 * CLI_FAILED if standard output cannot be written (full disk, closed pipe). */
int cli_finish(const cli_common *common, json_t *result);
/* Whether a verb that writes files should print a line for people on standard output. */
static inline int cli_prints_text(const cli_common *common) { return !common->json && !common->quiet; }

#endif
