/* SPDX-License-Identifier: MIT
 *
 * Watching a training: a line that is redrawn on a terminal, plain lines elsewhere, a log of JSON lines.
 */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "progress.h"

enum { BAR = 20, LINE = 240, LOG_LINES = 200 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

void progress_catch(progress *w) {
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, &w->before_int);
    sigaction(SIGTERM, &action, &w->before_term);
}

void progress_release(progress *w) {
    sigaction(SIGINT, &w->before_int, NULL);
    sigaction(SIGTERM, &w->before_term, NULL);
    if (w->drawn >= 0 && w->terminal) fputc('\n', stderr);
}

static int is_set(const char *variable) {
    const char *value = getenv(variable);
    return value && *value;
}

void progress_init(progress *w, const cli_common *common, FILE *log) {
    const char *kind = getenv("TERM");
    *w = (progress){.common = common, .log = log, .drawn = -1};
    w->terminal = isatty(STDERR_FILENO) && !(kind && !strcmp(kind, "dumb"));
    w->color = w->terminal && !is_set("NO_COLOR");
}

static void write_log(FILE *log, const spiral_train_progress *p) {
    json_t *line = json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "step", (json_int_t)p->step, "steps",
                             (json_int_t)p->steps, "seconds", cli_number(p->seconds), "windows_per_second",
                             cli_number(p->windows_per_s), "train_loss", cli_number(p->train_loss), "rate",
                             cli_number(p->learning_rate));
    if (p->train_kl > 0) json_object_set_new(line, "kl_nats", cli_number(p->train_kl));
    if (p->event == SPIRAL_TRAIN_VALID) {
        json_object_set_new(line, "valid_loss", cli_number(p->valid_loss));
        json_object_set_new(line, "valid_f1", cli_number(p->valid_f1));
        json_object_set_new(line, "valid_exact", cli_number(p->valid_exact));
        json_object_set_new(line, "best_step", json_integer((json_int_t)p->best_step));
    }
    json_dumpf(line, log, JSON_COMPACT | JSON_PRESERVE_ORDER);
    fputc('\n', log);
    fflush(log);
    json_decref(line);
}

/* What one reads first comes first: a narrow terminal cuts the end off. */
static void describe(const spiral_train_progress *p, char *text, size_t size) {
    int n = snprintf(text, size, "%3.0f %%  %s left  loss %.3f", 100 * (double)p->step / (double)p->steps,
                     cli_duration(ceil(p->eta_s)), p->train_loss);
    if (p->best_step > 0)
        n += snprintf(text + n, size - (size_t)n, "  held out: loss %.3f F1 %.4f exact %.1f %%",
                      p->valid_loss, p->valid_f1, 100 * p->valid_exact);
    snprintf(text + n, size - (size_t)n, "  step %s  %s windows/s", cli_thousands((uint64_t)p->step),
             cli_thousands((uint64_t)p->windows_per_s));
}

static int terminal_width(void) {
    struct winsize size;
    return !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col > 0 ? size.ws_col : 80;
}

static void draw(const progress *w, const spiral_train_progress *p) {
    char text[LINE], bar[BAR + 1];
    describe(p, text, sizeof text);
    if (!w->terminal) {
        fprintf(stderr, "%s\n", text);
        return;
    }
    int room = terminal_width() - 1, full = (int)(BAR * (double)p->step / (double)p->steps);
    int with_bar = room >= BAR + 24;
    memset(bar, '=', BAR);
    memset(bar + full, ' ', (size_t)(BAR - full));
    bar[BAR] = 0;
    fprintf(stderr, "\r\033[K");
    if (with_bar) fprintf(stderr, "%s[%s]%s ", w->color ? "\033[36m" : "", bar, w->color ? "\033[0m" : "");
    fprintf(stderr, "%.*s", with_bar ? room - BAR - 3 : room, text);
    fflush(stderr);
}

int progress_watch(void *context, const spiral_train_progress *p) {
    progress *w = context;
    int valid = p->event == SPIRAL_TRAIN_VALID, last = p->step == p->steps;
    if (w->log && (valid || p->step >= w->next_logged)) {
        write_log(w->log, p);
        w->next_logged = p->step + (p->steps < LOG_LINES ? 1 : p->steps / LOG_LINES);
    }
    int due = w->terminal ? p->seconds - w->drawn > 0.1 || w->drawn < 0 || last : valid;
    if (due && !w->common->quiet) {
        draw(w, p);
        w->drawn = p->seconds;
    }
    return interrupted;
}
