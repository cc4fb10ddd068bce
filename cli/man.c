/* SPDX-License-Identifier: MIT
 *
 * The man page: spiral --man. It is made and installed by the build (cli/meson.build).
 */
#include <stdio.h>

#include "printer.h"
#include "spiral/spiral.h"

static const char *dashes(const cli_flag *f) { return f->name[1] ? "--" : "-"; }

/* Text for troff: hyphens that a reader may copy, no escapes or requests. */
static void print_roff(const char *text) {
    for (const char *c = text; *c; c++)
        if (*c == '-')
            printf("\\-");
        else if (*c == '\\')
            printf("\\e");
        else if ((*c == '.' || *c == '\'') && c == text)
            printf("\\&%c", *c);
        else
            putchar(*c);
}

static void print_man_flag(const cli_verb *v, const cli_flag *f, const char *values) {
    (void)v;
    printf(".TP\n\\fB");
    print_roff(dashes(f));
    print_roff(f->name);
    printf("\\fR%s", f->placeholder ? " \\fI" : "");
    if (f->placeholder) print_roff(f->placeholder);
    printf("%s\n", f->placeholder ? "\\fR" : "");
    print_roff(f->help);
    print_roff(values);
    printf("\n");
}

static void print_man_begin(const cli_verb *v) {
    printf(".SS \"spiral %s [flags] %s\"\n%c", v->name, v->arguments, v->summary[0] - 'a' + 'A');
    print_roff(v->summary + 1);
    printf(".\n");
}

static void print_man_end(const cli_verb *v) {
    printf(".PP\nExample:\n.PP\n.RS\n");
    print_roff(v->example);
    printf("\n.RE\n");
}

static void print_man_header(void) {
    printf(".\\\" Made by spiral --man; do not edit.\n"
           ".TH SPIRAL 1 \"\" \"spiral %s\" \"User Commands\"\n"
           ".SH NAME\nspiral \\- train an autoencoder on MIDI files and generate new music with it\n"
           ".SH SYNOPSIS\n.B spiral\n.I verb\n[flags] [arguments]\n.br\n"
           ".B spiral help\n[\\fIverb\\fR]\n.br\n.B spiral \\-\\-version\n.br\n.B spiral \\-\\-man\n.br\n"
           ".B spiral \\-\\-completion\n.RI { bash | zsh | fish }\n"
           ".SH DESCRIPTION\nEach verb below does one thing. Paths are files or folders; folders are "
           "searched for files "
           "ending in .mid, .midi, .kar, .rmi or .smf, or in these and .gz. Where one file is read or "
           "written, \\- is standard input or "
           "output. "
           "Times take a unit: 10ms, 120s, 5min, 1h.\n.PP\n",
           spiral_version());
    print_roff(cli_about_model);
    printf(".PP\nFirst steps:\n.PP\n.nf\n");
    print_roff(cli_first_steps);
    printf(".fi\n.SH VERBS\n");
}

static void print_man_common(void) { printf(".SS \"Flags of every verb\"\n"); }

static void print_man_footer(void) {
    printf(".SH EXIT STATUS\n"
           ".TP\n0\nThe work is done.\n.TP\n1\nThe work failed; one line on standard error says why.\n"
           ".TP\n2\nThe command line is wrong.\n"
           ".SH ENVIRONMENT\n"
           ".TP\nSPIRAL_ISA\nInstruction set of the inner loops: baseline, avx2, avx512 or auto (the "
           "default: the best "
           "that the processor has). Results may differ in the last bits between instruction sets.\n"
           ".TP\nNO_COLOR\nIf set and not empty, train prints its progress without colour.\n"
           ".SH FILES\nA model is a safetensors file; its tensors and metadata, the MIDI files that are read "
           "and "
           "written, and the keys of the JSON results are described in the folder docs of the sources.\n");
}

const printer man_printer = {print_man_header, print_man_begin,  print_man_flag,
                             print_man_end,    print_man_footer, print_man_common};
