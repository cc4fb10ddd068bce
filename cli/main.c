/* SPDX-License-Identifier: MIT
 *
 * The program `spiral`: finds the verb and runs it. It sees the public headers (include/spiral/) only, and it
 * alone parses arguments, prints, reads the environment and exits. Read next: verbs.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "json_memory.h"
#include "messages.h"
#include "signals.h"
#include "spiral/spiral.h"

static int print_version(void) {
    printf("spiral %s (%s)\n", spiral_version(), spiral_isa_name());
    return cli_flush();
}

static int run_verb(const char *name, int argc, char **argv) {
    for (const cli_verb *v = cli_verbs; v->name; v++)
        if (!strcmp(name, v->name)) {
            cli_set_message_verb(v->name);
            return v->run(v, argc, argv);
        }
    fprintf(stderr, "spiral: \"");
    cli_print_name(stderr, name);
    fprintf(stderr, "\" is not a verb; the verbs are");
    for (const cli_verb *v = cli_verbs; v->name; v++)
        fprintf(stderr, "%s %s", v == cli_verbs ? "" : ",", v->name);
    fprintf(stderr, "\n");
    return CLI_USAGE;
}

/* spiral --completion SHELL */
static int print_completion(const char *shell) {
    for (int format = FORMAT_BASH; shell && cli_formats[format]; format++)
        if (!strcmp(shell, cli_formats[format])) return cli_print_document(format);
    return cli_usage("--completion: must be followed by bash, zsh or fish");
}

int main(int argc, char **argv) {
    spiral_error err = {.text = ""};
    cli_signals_init();
    cli_json_init();
    if (spiral_isa_set(getenv("SPIRAL_ISA"), &err) != SPIRAL_OK) return cli_usage("SPIRAL_ISA: %s", err.text);
    const char *name = argc > 1 ? argv[1] : "help";
    int help = !strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h");
    if (help && argc < 3) return cli_print_overview();
    if (help) return run_verb(argv[2], 2, (char *[]){argv[2], "--help", NULL});
    if (!strcmp(name, "--version")) return print_version();
    if (!strcmp(name, "--man")) return cli_print_document(FORMAT_MAN);
    if (!strcmp(name, "--completion")) return print_completion(argc > 2 ? argv[2] : NULL);
    return run_verb(name, argc - 1, argv + 1);
}
