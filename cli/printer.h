/* SPDX-License-Identifier: MIT
 *
 * A printer writes the verbs and their flags in one format; help.c calls its functions in turn.
 */
#ifndef SPIRAL_CLI_PRINTER_H
#define SPIRAL_CLI_PRINTER_H

#include "flag_types.h"
#include "verbs.h"

typedef struct printer {
    void (*header)(void); /* before the verbs; may be NULL, like footer */
    void (*begin)(const cli_verb *verb);
    /* values: the flag's choices and default for people, as " (a, b; default a)", or "" */
    void (*flag)(const cli_verb *verb, const cli_flag *flag, const char *values);
    void (*end)(const cli_verb *verb);
    void (*footer)(void);
    /* If set, the flags that all verbs take are printed once, after this, at the end; else with each verb. */
    void (*common)(void);
} printer;

extern const printer man_printer, bash_printer, zsh_printer, fish_printer; /* man.c, completion.c */
extern const char cli_first_steps[];                                       /* four commands, a line each */
extern const char cli_about_model[]; /* what MODEL and [MODEL] mean; sentences that end with a newline */

#endif
