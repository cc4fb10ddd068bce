/* SPDX-License-Identifier: MIT
 *
 * Standard error as a terminal, for lines that are redrawn.
 */
#ifndef SPIRAL_CLI_TERMINAL_H
#define SPIRAL_CLI_TERMINAL_H

/* Whether standard error is a terminal on which a line can be redrawn. */
int cli_terminal(void);
/* Whether colours are wanted on it (NO_COLOR). */
int cli_terminal_colors(void);
/* Its columns. */
int cli_terminal_width(void);
/* Seconds of a clock that never goes back. */
double cli_now_s(void);

#endif
