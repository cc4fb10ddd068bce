/* SPDX-License-Identifier: MIT
 *
 * Messages of the program on standard error, and numbers with units for people.
 */
#ifndef SPIRAL_CLI_MESSAGES_H
#define SPIRAL_CLI_MESSAGES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "flag_types.h"
#include "spiral/status.h"
#include "verbs.h"

/* Every message begins with "spiral VERB: ", or "spiral: " while no verb is set. Borrows the name. */
void cli_set_message_verb(const char *name);

/* Print one line on standard error and return CLI_FAILED, or CLI_USAGE. */
__attribute__((format(printf, 1, 2))) int cli_fail(const char *format, ...);
__attribute__((format(printf, 1, 2))) int cli_usage(const char *format, ...);
/* Writes such a line to text[size] instead, with its line feed, for a signal handler; "" if memory runs out.
 */
__attribute__((format(printf, 3, 4))) void cli_keep_message(char *text, size_t size, const char *format, ...);
/* Says how much memory could not be allocated (0: not known) and returns CLI_FAILED. */
int cli_no_memory(size_t bytes);
/* Print the sentence of a library error and return CLI_FAILED. cli_error_in puts `path` before it: for calls
 * whose sentence does not name the file. */
int cli_error(const spiral_error *err);
int cli_error_in(const char *path, const spiral_error *err);
/* Prints one line on standard error, unless --quiet. */
__attribute__((format(printf, 2, 3))) void cli_note(const cli_common *common, const char *format, ...);
/* Says before a long step that it takes about this many bytes; `what` says where or for what, for example "on
 * disk". Prints nothing below 50 MB. */
void cli_note_large(const cli_common *common, const char *path, double bytes, const char *what);
/* Prints text that may hold anything, such as a file name, in one line: control characters and bytes that are
 * not UTF-8 become \xHH. Every name that goes to standard output is printed by this; messages do the same. */
void cli_print_name(FILE *to, const char *text);
/* Flushes standard output. Returns CLI_DONE, or CLI_FAILED after printing why it cannot be written. */
int cli_flush(void);

/* "1,234,567". One of four static buffers, used in turn. */
const char *cli_thousands(uint64_t n);
/* "83 s", "12 min", "1.5 h", "9 days"; same buffers. */
const char *cli_duration(double seconds);

#endif
