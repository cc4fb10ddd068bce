/* SPDX-License-Identifier: MIT
 *
 * Standard error as a terminal (see terminal.h).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "terminal.h"

static int is_set(const char *variable) {
    const char *value = getenv(variable);
    return value && *value;
}

int cli_terminal(void) {
    const char *kind = getenv("TERM");
    return isatty(STDERR_FILENO) && !(kind && !strcmp(kind, "dumb"));
}

int cli_terminal_colors(void) { return cli_terminal() && !is_set("NO_COLOR"); }

int cli_terminal_width(void) {
    struct winsize size;
    return !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col > 0 ? size.ws_col : 80;
}

double cli_now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
