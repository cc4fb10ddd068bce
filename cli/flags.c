/* SPDX-License-Identifier: MIT
 *
 * Parses flags with getopt_long, from the verb's table. How the table is printed: help.c.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flags.h"
#include "help.h"
#include "messages.h"

enum { MAX_FLAGS = 48, MAX_COMMON = 8, FIRST_LONG = 256 };

/* Spellings of version 0.1 that still work; help does not show them. */
static const struct { const char *old, *now; } old_flags[] = {{"columns", "frames"}, {"code", "latent"}};
enum { OLD_FLAGS = sizeof old_flags / sizeof *old_flags };

static const struct {
    const char *flag, *old, *now;
} old_choices[] = {
    {"preset", "seed", "36x36"},
    {"loss", "seed_mask", "distance_mask"},
    {"loss", "seed_mask_circular", "distance_mask_circular"},
};

static int is_short(const cli_flag *f) { return f->name[1] == 0; }
static const char *dashes(const cli_flag *f) { return is_short(f) ? "-" : "--"; }

/* ---- values ---- */

static int parse_seconds(const char *text, double *seconds) {
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"min", 60}, {"h", 3600}};
    char *end;
    double number = strtod(text, &end);
    if (end == text || !isfinite(number)) return -1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(end, units[i].unit)) {
            *seconds = number * units[i].seconds;
            return 0;
        }
    return -1;
}

int cli_length(const char *text, double *seconds, double *bars) {
    char *end;
    *bars = *seconds = 0;
    double number = strtod(text, &end);
    if (end != text && isfinite(number) && number > 0 && (!strcmp(end, "bars") || !strcmp(end, "bar"))) {
        *bars = number;
        return 0;
    }
    return parse_seconds(text, seconds) || *seconds <= 0 ? -1 : 0;
}

static int out_of_range(const cli_flag *f, const char *text) {
    if (f->kind == CLI_TIME)
        return cli_usage("%s%s \"%s\": must be a time from %s to %s, like 120s, 10ms or 5min", dashes(f),
                         f->name, text, cli_duration(f->low), cli_duration(f->high));
    return cli_usage("%s%s \"%s\": must be a%s number from %.10g to %.10g", dashes(f), f->name, text,
                     f->kind == CLI_INT ? " whole" : "", f->low, f->high);
}

static int store_choice(const cli_flag *f, const char *text) {
    char list[256] = "";
    const char *word = text;
    for (size_t i = 0; i < sizeof old_choices / sizeof *old_choices; i++)
        if (!strcmp(f->name, old_choices[i].flag) && !strcmp(text, old_choices[i].old))
            word = old_choices[i].now;
    for (int i = 0; f->choices[i]; i++) {
        if (!strcmp(word, f->choices[i])) {
            *(int *)f->value = i;
            return -1;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", f->choices[i]);
    }
    return cli_usage("--%s \"%s\": must be one of %s", f->name, text, list);
}

static int store_text(const cli_flag *f, const char *text) {
    if (!*text) return cli_usage("%s%s \"\": a value is missing", dashes(f), f->name);
    if (!strncmp(text, "--", 2))
        return cli_usage("%s%s: a value is missing before %s", dashes(f), f->name, text);
    *(const char **)f->value = text;
    return -1;
}

static int store_int(const cli_flag *f, const char *text) {
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end || errno || (double)n < f->low || (double)n > f->high)
        return out_of_range(f, text);
    *(int64_t *)f->value = n;
    return -1;
}

static int store_real(const cli_flag *f, const char *text) {
    char *end;
    double x = strtod(text, &end);
    if (end == text || *end || !(x >= f->low && x <= f->high)) return out_of_range(f, text);
    *(double *)f->value = x;
    return -1;
}

static int store_time(const cli_flag *f, const char *text) {
    double seconds;
    if (parse_seconds(text, &seconds) || !(seconds >= f->low && seconds <= f->high))
        return out_of_range(f, text);
    *(double *)f->value = seconds;
    return -1;
}

/* Stores the value of one flag; returns -1 or the exit status. */
static int store(const cli_flag *f, const char *text) {
    switch (f->kind) {
    case CLI_SWITCH: *(int *)f->value = 1; return -1;
    case CLI_TEXT:
    case CLI_PATH: return store_text(f, text);
    case CLI_CHOICE: return store_choice(f, text);
    case CLI_INT: return store_int(f, text);
    case CLI_REAL: return store_real(f, text);
    case CLI_TIME: return store_time(f, text);
    }
    return -1;
}

/* ---- getopt ---- */

/* What getopt_long reads: the flags of the verb and the common ones, numbered FIRST_LONG + index. */
typedef struct tables {
    cli_flag flags[MAX_FLAGS + 1];
    struct option options[MAX_FLAGS + OLD_FLAGS + 1];
    char letters[2 * MAX_FLAGS + 2];
    int count;
} tables;

static void add_flags(tables *t, const cli_flag *flags) {
    for (; flags->name; flags++) t->flags[t->count++] = *flags;
}

static void make_options(tables *t) {
    struct option *option = t->options;
    char *letter = t->letters;
    *letter++ = ':'; /* makes getopt tell a missing value (':') from an unknown flag ('?') */
    for (int i = 0; i < t->count; i++) {
        const cli_flag *f = &t->flags[i];
        int takes_value = f->kind != CLI_SWITCH;
        *option++ = (struct option){f->name, takes_value, NULL, FIRST_LONG + i};
        for (int k = 0; k < OLD_FLAGS; k++)
            if (!strcmp(f->name, old_flags[k].now))
                *option++ = (struct option){old_flags[k].old, takes_value, NULL, FIRST_LONG + i};
        if (!is_short(f)) continue;
        *letter++ = f->name[0];
        if (takes_value) *letter++ = ':';
    }
    *letter = 0;
}

/* Prints why getopt_long returned ':' or '?' (c) at `word`. */
static int refuse(int c, const char *word, const tables *t) {
    int known = optopt >= FIRST_LONG && optopt < FIRST_LONG + t->count, alike = 0;
    if (c == ':' && known) return cli_usage("--%s: a value is missing", t->flags[optopt - FIRST_LONG].name);
    if (c == ':') return cli_usage("-%c: a value is missing", optopt);
    if (known) return cli_usage("%s: --%s takes no value", word, t->flags[optopt - FIRST_LONG].name);
    if (optopt) return cli_usage("-%c: no such flag; --help lists them", optopt);
    for (int i = 0; i < t->count; i++) alike += !strncmp(word + 2, t->flags[i].name, strcspn(word + 2, "="));
    if (alike > 1) return cli_usage("%s: may mean %d flags; --help lists them", word, alike);
    return cli_usage("%s: no such flag; --help lists them", word);
}

static int parse(const tables *t, int argc, char **argv) {
    int c;
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, t->letters, t->options, NULL)) != -1) {
        if (c == ':' || c == '?') return refuse(c, argv[optind - 1], t);
        int i = c >= FIRST_LONG ? c - FIRST_LONG : 0;
        while (c < FIRST_LONG && !(is_short(&t->flags[i]) && t->flags[i].name[0] == c)) i++;
        int status = store(&t->flags[i], optarg);
        if (status >= 0) return status;
    }
    return -1;
}

int cli_parse(const cli_verb *verb, int argc, char **argv, const cli_flag *flags, cli_common *common,
              int *first) {
    const cli_flag common_flags[MAX_COMMON] = {
        {"json", CLI_SWITCH, &common->json, NULL,
         "print the result as one JSON object on standard output, and nothing else there"},
        {"quiet", CLI_SWITCH, &common->quiet, NULL,
         "print errors only; inspect, info, eval, loss and compare still print their result"},
        {"threads", CLI_INT, &common->threads, "N", "number of threads; 0: one per processor", 0, 1024},
        {"help", CLI_SWITCH, &common->help, NULL, "print this list and exit"},
        {"h", CLI_SWITCH, &common->help},
        {"_format", CLI_CHOICE, &common->format, .choices = cli_formats}, /* for help.c only */
        {NULL}};
    tables t = {.count = 0};
    add_flags(&t, flags);
    add_flags(&t, common_flags);
    make_options(&t);
    int status = parse(&t, argc, argv);
    if (status >= 0) return status;
    if (common->help || common->format != FORMAT_HELP)
        return cli_print_verb(verb, flags, common_flags, common->format);
    for (int i = optind; i < argc; i++)
        if (!*argv[i]) return cli_usage("an argument is empty");
    *first = optind;
    return -1;
}

int cli_count(const cli_verb *verb, int argc, int first, int least, int most) {
    int n = argc - first;
    if (n >= least && n <= most) return -1;
    const char *needed = most ? verb->arguments : "none";
    return cli_usage("%d argument%s given, needed: %s; for example: %s", n, n == 1 ? "" : "s", needed,
                     verb->example);
}
