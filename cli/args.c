/* SPDX-License-Identifier: MIT
 *
 * Flags: getopt_long behind a table that also makes the help.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { MAX_FLAGS = 48, FIRST_LONG = 256, HELP_WIDTH = 96, HELP_INDENT = 23 };

static int is_short(const cli_flag *f) { return f->name[1] == 0; }

/* The default of a flag as " (default 5)", or nothing. */
static void describe_default(const cli_flag *f, char *text, size_t size) {
    *text = 0;
    if (f->kind == CLI_CHOICE) {
        size_t used = 0;
        for (const char *const *c = f->choices; *c && used < size; c++)
            used += (size_t)snprintf(text + used, size - used, "%s%s", c == f->choices ? " (" : ", ", *c);
        if (used < size) snprintf(text + used, size - used, "; default %s)", f->choices[*(int *)f->value]);
    } else if (f->kind == CLI_INT && *(int64_t *)f->value >= 0) {
        snprintf(text, size, " (default %lld)", (long long)*(int64_t *)f->value);
    } else if (f->kind == CLI_REAL && *(double *)f->value >= 0) {
        snprintf(text, size, " (default %g)", *(double *)f->value);
    } else if (f->kind == CLI_TIME && *(double *)f->value >= 0) {
        snprintf(text, size, " (default %s)", cli_duration(*(double *)f->value));
    } else if (f->kind == CLI_TEXT && *(const char **)f->value) {
        snprintf(text, size, " (default %s)", *(const char **)f->value);
    }
}

/* Prints words, broken into lines that start at HELP_INDENT. */
static void print_wrapped(const char *text) {
    int at = HELP_INDENT;
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (at > HELP_INDENT && at + 1 + n > HELP_WIDTH) {
            printf("\n%*s", HELP_INDENT, "");
            at = HELP_INDENT;
        } else if (at > HELP_INDENT) {
            putchar(' ');
        }
        printf("%.*s", n, text);
        at += n + 1;
        text += n + (text[n] != 0);
    }
    printf("\n");
}

static void print_flag(const cli_flag *f) {
    char left[64], right[640], value[320];
    snprintf(left, sizeof left, "%s%s %s", is_short(f) ? "-" : "--", f->name,
             f->placeholder ? f->placeholder : "");
    describe_default(f, value, sizeof value);
    snprintf(right, sizeof right, "%s%s", f->help, value);
    printf("  %-*s ", HELP_INDENT - 3, left);
    print_wrapped(right);
}

static int print_help(const cli_flag *flags) {
    const cli_verb *v = cli_current();
    printf("spiral %s %s [flags]\n\n  %s.\n\n", v->name, v->arguments, v->summary);
    for (; flags->name; flags++) print_flag(flags);
    printf("  %-20s one JSON object on standard output, and nothing else there\n"
           "  %-20s nothing but errors, and the report of a verb that only reports\n"
           "  %-20s threads (default 0: one per processor)\n\nExample:\n  %s\n",
           "--json", "--quiet", "--threads N", v->example);
    return cli_flush();
}

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
    const char *dashes = is_short(f) ? "-" : "--";
    if (f->kind == CLI_TIME)
        return cli_usage("%s%s \"%s\": must be a time of %s to %s, like 120s, 10ms or 5min", dashes, f->name,
                         text, cli_duration(f->low), cli_duration(f->high));
    return cli_usage("%s%s \"%s\": must be a%s number from %.10g to %.10g", dashes, f->name, text,
                     f->kind == CLI_INT ? " whole" : "", f->low, f->high);
}

/* Words of version 0.1 that still work; they are not listed. */
static const struct {
    const char *flag, *old, *now;
} old_words[] = {
    {"preset", "seed", "36x36"},
    {"loss", "seed_hard", "argmax_distance"},
    {"loss", "seed_hard_circular", "argmax_distance_circular"},
    {"loss", "seed_mask", "distance_mask"},
    {"loss", "seed_mask_circular", "distance_mask_circular"},
};

static int choose(const cli_flag *f, const char *text) {
    char list[256] = "";
    for (size_t i = 0; i < sizeof old_words / sizeof *old_words; i++)
        if (!strcmp(f->name, old_words[i].flag) && !strcmp(text, old_words[i].old)) text = old_words[i].now;
    for (int i = 0; f->choices[i]; i++) {
        if (!strcmp(text, f->choices[i])) {
            *(int *)f->value = i;
            return -1;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", f->choices[i]);
    }
    return cli_usage("--%s \"%s\": not one of %s", f->name, text, list);
}

static int store_text(const cli_flag *f, const char *text) {
    const char *dashes = is_short(f) ? "-" : "--";
    if (!*text) return cli_usage("%s%s \"\": a value is missing", dashes, f->name);
    if (!strncmp(text, "--", 2))
        return cli_usage("%s%s: a value is missing before %s", dashes, f->name, text);
    *(const char **)f->value = text;
    return -1;
}

/* Stores the value of one flag; returns -1 or the exit status. */
static int store(const cli_flag *f, const char *text) {
    char *end;
    double real;
    errno = 0;
    switch (f->kind) {
    case CLI_SWITCH: *(int *)f->value = 1; return -1;
    case CLI_TEXT: return store_text(f, text);
    case CLI_CHOICE: return choose(f, text);
    case CLI_INT: {
        long long n = strtoll(text, &end, 10);
        if (end == text || *end || errno || (double)n < f->low || (double)n > f->high)
            return out_of_range(f, text);
        *(int64_t *)f->value = n;
        return -1;
    }
    case CLI_REAL:
        real = strtod(text, &end);
        if (end == text || *end || !(real >= f->low && real <= f->high)) return out_of_range(f, text);
        *(double *)f->value = real;
        return -1;
    case CLI_TIME:
        if (parse_seconds(text, &real) || !(real >= f->low && real <= f->high)) return out_of_range(f, text);
        *(double *)f->value = real;
        return -1;
    }
    return -1;
}

/* getopt's tables of `count` flags. */
static void make_tables(const cli_flag *flags, int count, struct option *options, char *letters) {
    *letters++ = ':'; /* tell a missing value from an unknown flag */
    for (int i = 0; i < count; i++) {
        int takes = flags[i].kind != CLI_SWITCH;
        options[i] = (struct option){flags[i].name, takes, NULL, FIRST_LONG + i};
        if (!is_short(&flags[i])) continue;
        *letters++ = flags[i].name[0];
        if (takes) *letters++ = ':';
    }
    *letters = 0;
}

/* What getopt did not like, `c` being its ':' or '?'. */
static int refuse(int c, const char *word, const cli_flag *all, int count) {
    int known = optopt >= FIRST_LONG && optopt < FIRST_LONG + count, alike = 0;
    if (c == ':' && known) return cli_usage("--%s: a value is missing", all[optopt - FIRST_LONG].name);
    if (c == ':') return cli_usage("-%c: a value is missing", optopt);
    if (known) return cli_usage("%s: --%s takes no value", word, all[optopt - FIRST_LONG].name);
    if (optopt) return cli_usage("-%c: no such flag; --help lists them", optopt);
    for (int i = 0; i < count; i++) alike += !strncmp(word + 2, all[i].name, strcspn(word + 2, "="));
    if (alike > 1) return cli_usage("%s: may mean %d flags; --help lists them", word, alike);
    return cli_usage("%s: no such flag; --help lists them", word);
}

int cli_parse(int argc, char **argv, const cli_flag *flags, cli_common *common, int *first) {
    cli_flag all[MAX_FLAGS] = {{0}};
    struct option options[MAX_FLAGS + 1] = {{0}};
    char letters[2 * MAX_FLAGS];
    int count = 0, c;
    for (; flags[count].name; count++) all[count] = flags[count];
    all[count++] = (cli_flag){"json", CLI_SWITCH, &common->json, NULL, "", 0, 0, NULL};
    all[count++] = (cli_flag){"quiet", CLI_SWITCH, &common->quiet, NULL, "", 0, 0, NULL};
    all[count++] = (cli_flag){"help", CLI_SWITCH, &common->help, NULL, "", 0, 0, NULL};
    all[count++] = (cli_flag){"h", CLI_SWITCH, &common->help, NULL, "", 0, 0, NULL};
    all[count++] = (cli_flag){"threads", CLI_INT, &common->threads, "N", "", 0, 1024, NULL};
    make_tables(all, count, options, letters);
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        if (c == ':' || c == '?') return refuse(c, argv[optind - 1], all, count);
        int i = c >= FIRST_LONG ? c - FIRST_LONG : 0;
        while (c < FIRST_LONG && !(is_short(&all[i]) && all[i].name[0] == c)) i++;
        int status = store(&all[i], optarg);
        if (status >= 0) return status;
    }
    if (common->help) return print_help(flags);
    for (int i = optind; i < argc; i++)
        if (!*argv[i]) return cli_usage("an argument is empty");
    *first = optind;
    return -1;
}

int cli_count(int argc, int first, int least, int most) {
    int n = argc - first;
    if (n >= least && n <= most) return -1;
    const char *needed = most ? cli_current()->arguments : "none";
    return cli_usage("%d argument%s given, needed: %s; for example: %s", n, n == 1 ? "" : "s", needed,
                     cli_current()->example);
}
