/* SPDX-License-Identifier: MIT
 *
 * The overview and --help, and the loop that prints all verbs in a format. The other formats: man.c,
 * completion.c.
 */
#include <stdio.h>
#include <string.h>

#include "printer.h"
#include "help.h"
#include "messages.h"
#include "spiral/spiral.h"

enum { HELP_WIDTH = 96, HELP_INDENT = 23 };

const char *const cli_formats[] = {"help", "man", "bash", "zsh", "fish", NULL};

const char cli_first_steps[] = "  spiral sample -n 4 -o new/\n"
                               "  spiral render new/sample-1.mid -o sample-1.wav\n"
                               "  spiral train my_midi/ -o model.safetensors --time 5min\n"
                               "  spiral sample model.safetensors -n 4 -o mine/\n";

const char cli_about_model[] =
    "MODEL is the path of a model file, or the name of a model that ships with the program. Where help\n"
    "says [MODEL] it may be left out; the default is \"chorales\", which writes four-part chorales.\n";

static const char *dashes(const cli_flag *f) { return f->name[1] ? "--" : "-"; }
static int is_hidden(const cli_flag *f) { return !f->help; }

/* The choices and the default of a flag as " (a, b; default a)" or " (default 5)"; empty if it has neither.
 */
static void describe_values(const cli_flag *f, char *text, size_t size) {
    size_t used = 0;
    *text = 0;
    switch (f->kind) {
    case CLI_SWITCH: return;
    case CLI_CHOICE:
        for (const char *const *c = f->choices; *c && used < size; c++)
            used += (size_t)snprintf(text + used, size - used, "%s%s", c == f->choices ? " (" : ", ", *c);
        if (used < size) snprintf(text + used, size - used, "; default %s)", f->choices[*(int *)f->value]);
        return;
    case CLI_INT:
        if (*(int64_t *)f->value >= 0)
            snprintf(text, size, " (default %lld)", (long long)*(int64_t *)f->value);
        return;
    case CLI_REAL:
        if (*(double *)f->value >= 0) snprintf(text, size, " (default %g)", *(double *)f->value);
        return;
    case CLI_TIME:
        if (*(double *)f->value >= 0)
            snprintf(text, size, " (default %s)", cli_duration(*(double *)f->value));
        return;
    case CLI_TEXT:
    case CLI_PATH:
        if (*(const char **)f->value) snprintf(text, size, " (default %s)", *(const char **)f->value);
        return;
    }
}

/* ---- help ---- */

int cli_print_overview(void) {
    printf("spiral %s - trains an autoencoder on a folder of MIDI files and generates new music with it\n\n"
           "  spiral VERB [flags] ARGUMENTS\n\n",
           spiral_version());
    for (const cli_verb *v = cli_verbs; v->name; v++)
        printf("  %-12s %-16s %s\n", v->name, v->arguments, v->summary);
    printf(
        "\n%s\nEvery verb takes --json, --quiet, --threads N and --help, which lists its flags and gives an\n"
        "example. First steps:\n\n%s",
        cli_about_model, cli_first_steps);
    return cli_flush();
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

static void print_help_flag(const cli_verb *v, const cli_flag *f, const char *values) {
    (void)v;
    char left[64], right[640];
    snprintf(left, sizeof left, "%s%s %s", dashes(f), f->name, f->placeholder ? f->placeholder : "");
    snprintf(right, sizeof right, "%s%s", f->help, values);
    printf("  %-*s ", HELP_INDENT - 3, left);
    print_wrapped(right);
}

static void print_help_begin(const cli_verb *v) {
    printf("spiral %s [flags] %s\n\n  %c%s.\n\n", v->name, v->arguments, v->summary[0] - 'a' + 'A',
           v->summary + 1);
}

static void print_help_end(const cli_verb *v) {
    if (strstr(v->arguments, "MODEL")) printf("\n%s", cli_about_model);
    printf("\nExample:\n  %s\n", v->example);
}

static const printer help_printer = {NULL, print_help_begin, print_help_flag, print_help_end, NULL, NULL};

/* ---- documents ---- */

/* In the order of enum cli_format. */
static const printer *const printers[] = {&help_printer, &man_printer, &bash_printer, &zsh_printer,
                                          &fish_printer};

static void print_flags(const cli_verb *verb, const cli_flag *flags, int format) {
    char values[320];
    for (; flags->name; flags++) {
        if (is_hidden(flags)) continue;
        describe_values(flags, values, sizeof values);
        printers[format]->flag(verb, flags, values);
    }
}

int cli_print_verb(const cli_verb *verb, const cli_flag *flags, const cli_flag *common, int format) {
    const printer *p = printers[format];
    int is_last = !verb[1].name;
    p->begin(verb);
    print_flags(verb, flags, format);
    if (!p->common) print_flags(verb, common, format);
    p->end(verb);
    if (p->common && is_last) {
        p->common();
        print_flags(verb, common, format);
    }
    return cli_flush();
}

int cli_print_document(int format) {
    if (printers[format]->header) printers[format]->header();
    for (const cli_verb *v = cli_verbs; v->name; v++) {
        char name[32], flag[] = "--_format", value[8];
        snprintf(name, sizeof name, "%s", v->name);
        snprintf(value, sizeof value, "%s", cli_formats[format]);
        int status = v->run(v, 3, (char *[]){name, flag, value, NULL});
        if (status != CLI_DONE) return status;
    }
    if (printers[format]->footer) printers[format]->footer();
    return cli_flush();
}
