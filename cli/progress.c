/* SPDX-License-Identifier: MIT
 *
 * Progress of a training: one line that is redrawn on a terminal, plain lines elsewhere, and a log of JSON
 * lines.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "json.h"
#include "messages.h"
#include "progress.h"

enum { BAR_WIDTH = 20, LINE_SIZE = 240, LOG_LINES = 200 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

void progress_catch(progress *p) {
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, &p->before_int);
    sigaction(SIGTERM, &action, &p->before_term);
}

void progress_release(progress *p) {
    sigaction(SIGINT, &p->before_int, NULL);
    sigaction(SIGTERM, &p->before_term, NULL);
    if (p->drawn_s >= 0 && p->terminal) fputc('\n', stderr);
}

static int is_set(const char *variable) {
    const char *value = getenv(variable);
    return value && *value;
}

void progress_init(progress *p, const cli_common *common, FILE *log) {
    const char *terminal_kind = getenv("TERM");
    *p = (progress){.common = common, .log = log, .drawn_s = -1};
    p->terminal = isatty(STDERR_FILENO) && !(terminal_kind && !strcmp(terminal_kind, "dumb"));
    p->color = p->terminal && !is_set("NO_COLOR");
}

/* The members of the decoder's lines that are its own. */
static void add_decoder(json_t *line, const spiral_train_progress *r) {
    json_object_set_new(line, "network", json_string("decoder"));
    json_object_set_new(line, "frames_per_second", cli_number(r->frames_per_s));
    json_object_set_new(line, "train_nats_per_frame", cli_number(r->train_nats_per_frame));
    if (r->event != SPIRAL_TRAIN_VALID) return;
    json_object_set_new(line, "valid_nats_per_frame", cli_number(r->valid_nats_per_frame));
    json_object_set_new(line, "best_step", json_integer((json_int_t)r->best_step));
}

static void add_autoencoder(json_t *line, const spiral_train_progress *r) {
    json_object_set_new(line, "network", json_string("autoencoder"));
    json_object_set_new(line, "windows_per_second", cli_number(r->windows_per_s));
    json_object_set_new(line, "train_loss", cli_number(r->train_loss));
    if (r->train_kl > 0) json_object_set_new(line, "kl_nats", cli_number(r->train_kl));
    if (r->event != SPIRAL_TRAIN_VALID) return;
    json_object_set_new(line, "valid_loss", cli_number(r->valid_loss));
    json_object_set_new(line, "valid_f1", cli_number(r->valid_f1));
    json_object_set_new(line, "valid_exact", cli_number(r->valid_exact));
    json_object_set_new(line, "best_step", json_integer((json_int_t)r->best_step));
}

static void write_log(FILE *log, const spiral_train_progress *r) {
    json_t *line =
        json_pack("{s:I, s:I, s:o, s:o}", "step", (json_int_t)r->step, "steps", (json_int_t)r->steps,
                  "seconds", cli_number(r->seconds), "rate", cli_number(r->learning_rate));
    if (r->network == SPIRAL_TRAIN_DECODER)
        add_decoder(line, r);
    else
        add_autoencoder(line, r);
    json_dumpf(line, log, JSON_COMPACT | JSON_PRESERVE_ORDER);
    fputc('\n', log);
    fflush(log);
    json_decref(line);
}

/* The most important numbers come first: a narrow terminal cuts the end off. */
static void describe(const spiral_train_progress *r, char *text, size_t size) {
    int is_decoder = r->network == SPIRAL_TRAIN_DECODER;
    int n = snprintf(text, size, "%s%3.0f %%  %s left  ", is_decoder ? "decoder " : "",
                     100 * (double)r->step / (double)r->steps, cli_duration(ceil(r->eta_s)));
    if (is_decoder)
        n += snprintf(text + n, size - (size_t)n, "%.3f nats per frame", r->train_nats_per_frame);
    else
        n += snprintf(text + n, size - (size_t)n, "loss %.3f", r->train_loss);
    if (r->best_step > 0 && is_decoder)
        n += snprintf(text + n, size - (size_t)n, "  validation: %.3f", r->valid_nats_per_frame);
    else if (r->best_step > 0)
        n += snprintf(text + n, size - (size_t)n, "  validation: loss %.3f F1 %.4f exact %.1f %%",
                      r->valid_loss, r->valid_f1, 100 * r->valid_exact);
    snprintf(text + n, size - (size_t)n, "  step %s  %s %s/s", cli_thousands((uint64_t)r->step),
             cli_thousands((uint64_t)(is_decoder ? r->frames_per_s : r->windows_per_s)),
             is_decoder ? "frames" : "windows");
}

static int terminal_width(void) {
    struct winsize size;
    return !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col > 0 ? size.ws_col : 80;
}

static void draw(const progress *p, const spiral_train_progress *r) {
    char text[LINE_SIZE], bar[BAR_WIDTH + 1];
    describe(r, text, sizeof text);
    if (!p->terminal) {
        fprintf(stderr, "%s\n", text);
        return;
    }
    int width = terminal_width() - 1, full = (int)(BAR_WIDTH * (double)r->step / (double)r->steps);
    int with_bar = width >= BAR_WIDTH + 24;
    memset(bar, '=', BAR_WIDTH);
    memset(bar + full, ' ', (size_t)(BAR_WIDTH - full));
    bar[BAR_WIDTH] = 0;
    fprintf(stderr, "\r\033[K");
    if (with_bar) fprintf(stderr, "%s[%s]%s ", p->color ? "\033[36m" : "", bar, p->color ? "\033[0m" : "");
    fprintf(stderr, "%.*s", with_bar ? width - BAR_WIDTH - 3 : width, text);
    fflush(stderr);
}

int progress_report(void *context, const spiral_train_progress *r) {
    progress *p = context;
    int valid = r->event == SPIRAL_TRAIN_VALID, last = r->step == r->steps;
    if (r->network != p->network) p->next_logged = 0;
    p->network = r->network;
    if (p->log && (valid || r->step >= p->next_logged)) {
        write_log(p->log, r);
        p->next_logged = r->step + (r->steps < LOG_LINES ? 1 : r->steps / LOG_LINES);
    }
    int due = p->terminal ? r->seconds - p->drawn_s > 0.1 || p->drawn_s < 0 || last : valid;
    if (due && !p->common->quiet) {
        draw(p, r);
        p->drawn_s = r->seconds;
    }
    return interrupted;
}
