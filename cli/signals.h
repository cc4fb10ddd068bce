/* SPDX-License-Identifier: MIT
 *
 * Settings of the process that are made once, and signals. SIGINT, SIGTERM and SIGHUP end a verb at once,
 * without leaving temporary files; a training is saved first, and a second signal ends it at once. A signal
 * that the caller ignores (nohup, a job in the background of a script) stays ignored.
 */
#ifndef SPIRAL_CLI_SIGNALS_H
#define SPIRAL_CLI_SIGNALS_H

/* Called once, first. Opens the standard descriptors that are closed, so that no file of ours gets the number
 * of one of them; reading or writing these fails. A closed pipe and a file that exceeds its limit are failed
 * writes, not signals. */
void cli_signals_init(void);

/* From begin to end the first signal only makes cli_signals_received return nonzero. */
void cli_signals_defer_begin(void);
void cli_signals_defer_end(void);
int cli_signals_received(void);

/* A file to remove when a signal ends the program; borrowed until it is set to NULL. */
void cli_signals_remove(const char *path);
/* Between begin and end, if the program crashes or uses more than `seconds` of processor time, it prints this
 * sentence, a line, and ends with status 1: for a library that may cause that. */
void cli_signals_guard_begin(const char *sentence, int seconds);
void cli_signals_guard_end(void);
/* From now on, if a part of a mapped file no longer exists, the program prints this sentence, a line, and
 * ends with status 1. The sentence is borrowed. */
void cli_signals_file_was_cut(const char *sentence);
/* Removes that file and the temporary files, as a signal would: for an end in the middle of the work. */
void cli_signals_remove_files(void);

#endif
