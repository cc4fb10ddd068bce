/* SPDX-License-Identifier: MIT
 *
 * spiral fill: rewrites a part of a piece. Every note that is not wholly inside the part stays.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "flags.h"
#include "messages.h"
#include "variations.h"

typedef struct settings {
    cli_variations v;
    const char *from, *to;
    int64_t low, high;
} settings;

/* The frame of --from or --to. Returns -1 or the exit status. */
static int frame_of(const cli_given *g, const char *flag, const char *text, size_t *frame) {
    double seconds, bars;
    *frame = 0;
    if (!strcmp(text, "0")) return -1;
    if (cli_length(text, &seconds, &bars))
        return cli_usage("%s \"%s\": must be 0, a time like 30s or a number of bars like 2bars", flag, text);
    const double at = cli_given_frame_at(g, seconds, bars);
    if (!(at <= (double)SPIRAL_GENERATE_FRAMES_MAX))
        return cli_usage("%s %s: must be at most %zu frames of the model's grid", flag, text,
                         SPIRAL_GENERATE_FRAMES_MAX);
    *frame = (size_t)at;
    return -1;
}

/* Lengthens the piece to `to` frames, and says so. */
static int lengthen(const cli_writing *w, size_t to, cli_given *g) {
    const char *before = cli_duration(cli_given_seconds_at(g, g->frames));
    const int status = cli_given_extend(g, to);
    if (status < 0)
        cli_note(w->common, "%s: the piece is lengthened from %s to %s", g->path, before,
                 cli_duration(cli_given_seconds_at(g, to)));
    return status;
}

static int open_part(const cli_writing *w, const settings *s, cli_given *g) {
    const spiral_model_config *c = spiral_model_get_config(w->model);
    const int low = s->low < 0 ? c->low : (int)s->low, high = s->high < 0 ? c->high : (int)s->high;
    size_t from, to = g->frames;
    int status = frame_of(g, "--from", s->from, &from);
    if (status < 0 && s->to) status = frame_of(g, "--to", s->to, &to);
    if (status >= 0) return status;
    if (low > high || low > c->high || high < c->low)
        return cli_usage("--low %d --high %d: must be keys of the model, %d to %d, the lower one first", low,
                         high, c->low, c->high);
    if (from >= to)
        return cli_usage("--from %s --to %s: the part must be at least one frame long", s->from,
                         s->to ? s->to : "(the end)");
    if (to > g->frames) status = lengthen(w, to, g);
    if (status < 0)
        status = cli_given_open(w->model, from, to, low > c->low ? low : c->low,
                                high < c->high ? high : c->high, g);
    return status;
}

int verb_fill(const cli_verb *verb, int argc, char **argv) {
    settings s = {.v = CLI_VARIATIONS_DEFAULT, .from = "0", .low = -1, .high = -1};
    cli_common common = {0};
    int first;
    const cli_flag flags[] = {
        CLI_VARIATIONS_FLAGS(s.v),
        {"from", CLI_TEXT, &s.from, "TIME",
         "where the part begins, from the beginning: 0, 10s or 2bars (of the piece's time signatures)"},
        {"to", CLI_TEXT, &s.to, "TIME",
         "where it ends, in the same units; default: the end of the piece, which a later TIME lengthens"},
        {"low", CLI_INT, &s.low, "KEY", "lowest MIDI key of the part", 0, 127},
        {"high", CLI_INT, &s.high, "KEY", "highest MIDI key of the part", 0, 127},
        CLI_VARIATIONS_OUTPUT_FLAG(s.v),
        CLI_STRICT_FLAG(common),
        CLI_VERBOSE_FLAG(common),
        {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_take_model(verb, argc, argv, 1, &first, &s.v.model);
    if (status >= 0) return status;
    cli_writing w;
    cli_given given = {0};
    spiral_generate_request request;
    char text[240];
    status = cli_writing_begin_given(&w, verb, &s.v, &common, argv[first], &given, &request);
    if (status < 0) status = open_part(&w, &s, &given);
    if (status < 0) {
        int n = snprintf(text, sizeof text, "--from %s", s.from);
        if (s.to) n += snprintf(text + n, sizeof text - (size_t)n, " --to %s", s.to);
        if (s.low >= 0) n += snprintf(text + n, sizeof text - (size_t)n, " --low %d", (int)s.low);
        if (s.high >= 0) snprintf(text + n, sizeof text - (size_t)n, " --high %d", (int)s.high);
        cli_given_request(&given, &request);
        status = cli_write_variations(&w, &request, &given, 0, text);
    }
    cli_given_clear(&given);
    return cli_writing_end(&w, status);
}
