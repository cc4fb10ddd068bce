/* SPDX-License-Identifier: MIT
 *
 * Shell completions: spiral --completion bash, zsh or fish. They are made and installed by the build.
 */
#include <stdio.h>
#include <string.h>

#include "printer.h"

static const char *dashes(const cli_flag *f) { return f->name[1] ? "--" : "-"; }
static int takes_path(const cli_flag *f) { return f->kind == CLI_PATH; }

/* Text inside single quotes of a shell; a backslash goes before each character of `special`. */
static void print_quoted(const char *text, const char *special) {
    for (; *text; text++)
        if (*text == '\'')
            printf("'\\''");
        else
            printf("%s%c", strchr(special, *text) ? "\\" : "", *text);
}

static void print_choices(const cli_flag *f) {
    for (const char *const *c = f->choices; *c; c++) printf("%s%s", c == f->choices ? "" : " ", *c);
}

/* bash: a function for each verb sets `flags`, or, after a flag with a value, `words` or `files`. */
static void print_bash_flag(const cli_verb *v, const cli_flag *f, const char *values) {
    (void)v;
    (void)values;
    printf("    flags+=' %s%s'\n", dashes(f), f->name);
    if (f->kind == CLI_SWITCH) return;
    printf("    [ \"$1\" = '%s%s' ] && value=1", dashes(f), f->name);
    if (takes_path(f)) printf(" files=1");
    if (f->kind == CLI_CHOICE) {
        printf(" words='");
        print_choices(f);
        printf("'");
    }
    printf("\n");
}

static void print_bash_header(void) {
    printf("# bash completion for spiral; made by spiral --completion bash\n");
}
static void print_bash_begin(const cli_verb *v) { printf("_spiral_%s() {\n", v->name); }
static void print_bash_end(const cli_verb *v) {
    (void)v;
    printf("    return 0\n}\n");
}

static void print_bash_footer(void) {
    printf("_spiral() {\n"
           "    local flags= value= files= words= word=\"${COMP_WORDS[COMP_CWORD]}\"\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ] || { [ \"$COMP_CWORD\" -eq 2 ] && [ \"${COMP_WORDS[1]}\" = help "
           "]; }; then\n"
           "        COMPREPLY=($(compgen -W '");
    for (const cli_verb *v = cli_verbs; v->name; v++) printf("%s ", v->name);
    printf("help --version' -- \"$word\"))\n"
           "        return\n"
           "    fi\n"
           "    declare -F \"_spiral_${COMP_WORDS[1]}\" >/dev/null || return\n"
           "    \"_spiral_${COMP_WORDS[1]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"\n"
           "    if [ -n \"$words\" ]; then\n"
           "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "    elif [ -z \"$value\" ] && [ \"${word#-}\" != \"$word\" ]; then\n"
           "        COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n"
           "    elif [ -z \"$value\" ] || [ -n \"$files\" ]; then\n"
           "        compopt -o filenames 2>/dev/null\n"
           "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
           "    fi\n"
           "}\n"
           "complete -F _spiral spiral\n");
}

/* zsh: a function for each verb calls _arguments with its flags. */
static void print_zsh_flag(const cli_verb *v, const cli_flag *f, const char *values) {
    (void)v;
    (void)values;
    printf(" \\\n        '%s%s%s[", dashes(f), f->name, f->kind == CLI_SWITCH ? "" : f->name[1] ? "=" : "+");
    print_quoted(f->help, "[]\\");
    printf("]");
    if (f->kind != CLI_SWITCH) {
        printf(":");
        print_quoted(f->placeholder, ":\\");
        printf(":");
    }
    if (takes_path(f)) printf("_files");
    if (f->kind == CLI_CHOICE) {
        printf("(");
        print_choices(f);
        printf(")");
    }
    printf("'");
}

static void print_zsh_header(void) { printf("#compdef spiral\n"); }
static void print_zsh_begin(const cli_verb *v) { printf("_spiral_%s() {\n    _arguments", v->name); }
static void print_zsh_end(const cli_verb *v) {
    printf(" \\\n        '*:");
    print_quoted(v->arguments, ":\\");
    printf(":_files'\n}\n");
}

static void print_zsh_footer(void) {
    printf("_spiral() {\n"
           "    local -a verbs\n"
           "    verbs=(\n");
    for (const cli_verb *v = cli_verbs; v->name; v++) {
        printf("        '%s:", v->name);
        print_quoted(v->summary, ":\\");
        printf("'\n");
    }
    printf("        'help:print the flags of a verb'\n"
           "    )\n"
           "    if (( CURRENT == 2 )) || { (( CURRENT == 3 )) && [[ $words[2] == help ]] }; then\n"
           "        _describe verb verbs\n"
           "    elif (( $+functions[_spiral_$words[2]] )); then\n"
           "        local verb=$words[2]\n"
           "        shift words\n"
           "        (( CURRENT-- ))\n"
           "        _spiral_$verb\n"
           "    fi\n"
           "}\n"
           "if [ \"$funcstack[1]\" = _spiral ]; then _spiral \"$@\"; else compdef _spiral spiral; fi\n");
}

/* fish: a line for each flag of each verb. */
static void print_fish_flag(const cli_verb *v, const cli_flag *f, const char *values) {
    (void)values;
    printf("complete -c spiral -n '__fish_seen_subcommand_from %s' -%c %s", v->name, f->name[1] ? 'l' : 's',
           f->name);
    if (f->kind != CLI_SWITCH) printf(takes_path(f) ? " -r -F" : " -x");
    if (f->kind == CLI_CHOICE) {
        printf(" -a '");
        print_choices(f);
        printf("'");
    }
    printf(" -d '");
    print_quoted(f->help, "\\");
    printf("'\n");
}

static void print_fish_header(void) {
    printf("# fish completion for spiral; made by spiral --completion fish\n");
}
static void print_fish_begin(const cli_verb *v) {
    printf("complete -c spiral -n __fish_use_subcommand -f -a %s -d '", v->name);
    print_quoted(v->summary, "\\");
    printf("'\n");
}
static void print_fish_end(const cli_verb *v) { (void)v; }

const printer bash_printer = {print_bash_header, print_bash_begin, print_bash_flag, print_bash_end,
                              print_bash_footer};
const printer zsh_printer = {print_zsh_header, print_zsh_begin, print_zsh_flag, print_zsh_end,
                             print_zsh_footer};
const printer fish_printer = {print_fish_header, print_fish_begin, print_fish_flag, print_fish_end, NULL};
