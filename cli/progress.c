/* SPDX-License-Identifier: MIT
 *
 * Progress of a training: one line that is redrawn on a terminal, plain lines elsewhere, and a log of JSON
 * lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "messages.h"
#include "progress.h"
#include "signals.h"
#include "terminal.h"

enum { BAR_WIDTH = 20, LINE_SIZE = 240, LOG_LINES = 200 };

/* ---- the log ---- */

int progress_log_open(progress_log *log, const char *path, int append) {
    log->path = path;
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0666);
    struct stat info;
    int failed = log->fd < 0;
    if (!failed) failed = fcntl(log->fd, F_SETFL, O_APPEND) != 0; /* writes to a pipe wait for its reader */
    if (!failed && !append && !fstat(log->fd, &info) && S_ISREG(info.st_mode))
        failed = ftruncate(log->fd, 0) != 0;
    return failed ? cli_fail("%s: cannot write the log: %s", path, strerror(errno)) : -1;
}

int progress_log_close(progress_log *log) {
    if (log->fd < 0) return -1;
    close(log->fd);
    log->fd = -1;
    if (!log->lines_lost) return -1;
    return cli_fail("%s: %s lines of the log could not be written; the model is complete", log->path,
                    cli_thousands((uint64_t)log->lines_lost));
}

/* Writes the line whole or not at all. Returns whether it is written. */
static int append_line(int fd, const char *line, size_t size) {
    off_t before = lseek(fd, 0, SEEK_END);
    size_t written = 0;
    while (written < size) {
        ssize_t n = write(fd, line + written, size - written);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        written += (size_t)n;
    }
    if (written == size) return 1;
    int why = errno;
    if (written && before >= 0 && ftruncate(fd, before)) why = errno;
    errno = why;
    return 0;
}

/* The members that only lines of the decoder have. */
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

static json_t *report_json(const spiral_train_progress *r) {
    json_t *line =
        json_pack("{s:I, s:I, s:o, s:o}", "step", (json_int_t)r->step, "steps", (json_int_t)r->steps,
                  "seconds", cli_number(r->seconds), "rate", cli_number(r->learning_rate));
    if (r->network == SPIRAL_TRAIN_DECODER)
        add_decoder(line, r);
    else
        add_autoencoder(line, r);
    return line;
}

/* A failure is reported once and does not end the training. */
static void write_log(progress_log *log, const spiral_train_progress *r) {
    json_t *line = report_json(r);
    char *text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(line);
    const size_t size = strlen(text);
    text[size] = '\n'; /* in place of the NUL */
    if (!append_line(log->fd, text, size + 1) && !log->lines_lost++)
        cli_fail("%s: cannot write the log: %s; the training goes on", log->path, strerror(errno));
    free(text);
}

/* ---- for people ---- */

void progress_end(progress *p) {
    if (p->drawn_s >= 0 && p->terminal) fputc('\n', stderr);
}

void progress_init(progress *p, const cli_common *common, const char *state_path, progress_log *log,
                   int timed) {
    *p = (progress){.common = common, .state_path = state_path, .log = log, .timed = timed, .drawn_s = -1};
    p->terminal = cli_terminal();
    p->color = cli_terminal_colors();
}

/* 0..1: of the calibration, of the time, or of this network's steps. The number of steps that fit in a time
 * is planned again and again: their part would go backwards. */
static double part_done(const progress *p, const spiral_train_progress *r) {
    if (r->event == SPIRAL_TRAIN_CALIBRATION) return r->calibrated;
    return p->timed ? r->seconds / (r->seconds + r->eta_s) : (double)r->step / (double)r->steps;
}

/* The most important numbers come first: a narrow terminal cuts the end off. */
static void describe(const progress *p, const spiral_train_progress *r, char *text, size_t size) {
    if (r->event == SPIRAL_TRAIN_CALIBRATION) {
        snprintf(text, size, "calibrating the sampling %3.0f %%  %s left", 100 * part_done(p, r),
                 cli_duration(ceil(r->eta_s)));
        return;
    }
    int is_decoder = r->network == SPIRAL_TRAIN_DECODER;
    int n = snprintf(text, size, "%s%3.0f %%  %s left  ", is_decoder ? "decoder " : "", 100 * part_done(p, r),
                     cli_duration(ceil(r->eta_s)));
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

static void draw(const progress *p, const spiral_train_progress *r) {
    char text[LINE_SIZE], bar[BAR_WIDTH + 1];
    describe(p, r, text, sizeof text);
    if (!p->terminal) {
        fprintf(stderr, "%s\n", text);
        return;
    }
    int width = cli_terminal_width() - 1, full = (int)(BAR_WIDTH * part_done(p, r));
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
    const int valid = r->event == SPIRAL_TRAIN_VALID, calibration = r->event == SPIRAL_TRAIN_CALIBRATION;
    const int last = calibration ? r->calibrated >= 1 : r->step == r->steps;
    if (r->save_error) {
        progress_end(p);
        cli_fail("%s: the training goes on, but could not be saved: %s", p->state_path, r->save_error);
    }
    if (r->network != p->network) p->next_logged = 0;
    p->network = r->network;
    if (p->log->fd >= 0 && !calibration && (valid || r->step >= p->next_logged)) {
        write_log(p->log, r);
        p->next_logged = r->step + (r->steps < LOG_LINES ? 1 : r->steps / LOG_LINES);
    }
    const int first = calibration && !p->calibrates;
    p->calibrates = calibration;
    const int due = p->terminal ? r->seconds - p->drawn_s > 0.1 || p->drawn_s < 0 || last : valid || first;
    if (due && !p->common->quiet) {
        draw(p, r);
        p->drawn_s = r->seconds;
    }
    return cli_signals_received();
}
