/* SPDX-License-Identifier: MIT
 *
 * Flags of the verbs: each verb has a table of them, from which parsing, help, man page and shell completions
 * are made.
 */
#ifndef SPIRAL_CLI_FLAGS_H
#define SPIRAL_CLI_FLAGS_H

#include "flag_types.h"
#include "verbs.h"

/* Parses argv[1..] into flags (ended by a NULL name) and *common. Leaves *first at the index of the first
 * argument that is not a flag. Returns -1 to continue, or the exit status: CLI_DONE after --help, CLI_USAGE
 * after a mistake, which it has printed. */
int cli_parse(const cli_verb *verb, int argc, char **argv, const cli_flag *flags, cli_common *common,
              int *first);
/* Returns -1 if the number of arguments is in least..most; else prints the usage and returns CLI_USAGE. */
int cli_count(const cli_verb *verb, int argc, int first, int least, int most);

/* "30s", "500ms", "2min" -> *seconds; "8bars" -> *bars. One is > 0, the other 0. Returns 0, or -1 if `text`
 * is neither or not above 0. */
int cli_length(const char *text, double *seconds, double *bars);

#endif
