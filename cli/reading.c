/* SPDX-License-Identifier: MIT
 *
 * Progress of reading many files (see reading.h).
 */
#include <math.h>
#include <stdio.h>

#include "messages.h"
#include "reading.h"
#include "terminal.h"

static const double FIRST_S = 1, REDRAW_S = 0.1, LINE_S = 10;

void cli_reading_begin(cli_reading *r, const cli_common *common, const char *what) {
    *r = (cli_reading){.common = common, .what = what, .terminal = cli_terminal(), .begin_s = cli_now_s()};
    r->next_s = r->begin_s + (r->terminal ? FIRST_S : LINE_S);
}

int cli_reading_report(void *context, size_t done, size_t count) {
    cli_reading *r = context;
    const double now = cli_now_s();
    if (r->common->quiet || now < r->next_s || done == count) return 0;
    const double left_s = (now - r->begin_s) / (double)done * (double)(count - done);
    char text[120];
    snprintf(text, sizeof text, "%s: %s of %s files, %s left", r->what, cli_thousands(done),
             cli_thousands(count), cli_duration(ceil(left_s)));
    if (r->terminal) {
        fprintf(stderr, "\r\033[K%.*s", cli_terminal_width() - 1, text);
        fflush(stderr);
    } else {
        cli_note(r->common, "%s", text);
    }
    r->drawn = 1;
    r->next_s = now + (r->terminal ? REDRAW_S : LINE_S);
    return 0;
}

void cli_reading_end(cli_reading *r) {
    if (!r->drawn || !r->terminal) return;
    fprintf(stderr, "\r\033[K");
    fflush(stderr);
}
