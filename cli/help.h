/* SPDX-License-Identifier: MIT
 *
 * Descriptions of the program for people and shells, all made from the verb list and the verbs' flag tables:
 * --help, the man page, and completions for bash, zsh and fish.
 */
#ifndef SPIRAL_CLI_HELP_H
#define SPIRAL_CLI_HELP_H

#include "flag_types.h"
#include "verbs.h"

enum cli_format { FORMAT_HELP, FORMAT_MAN, FORMAT_BASH, FORMAT_ZSH, FORMAT_FISH };
extern const char *const cli_formats[]; /* names, in the order of the enum; ends with NULL */

/* Prints the overview: every verb with its summary. Returns the exit status. */
int cli_print_overview(void);
/* Prints one verb's flags in a format; `common` are the flags that all verbs take. Flags without help text
 * are hidden. Returns the exit status. */
int cli_print_verb(const cli_verb *verb, const cli_flag *flags, const cli_flag *common, int format);
/* Prints the whole man page or completion script. Runs each verb to get its flags. Returns the exit status.
 */
int cli_print_document(int format);

#endif
