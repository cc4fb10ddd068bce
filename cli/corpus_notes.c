/* SPDX-License-Identifier: MIT
 *
 * Messages about the files of a corpus (see corpus_notes.h). In a large corpus thousands of files may be left
 * out for the same reason, so files are counted by reason.
 */
#include <stdio.h>
#include <string.h>

#include "corpus_notes.h"
#include "messages.h"

enum {
    GROUPS_MAX = 8, /* lines about different reasons */
    NAMED_MAX = 3   /* files named in a line */
};

/* Files with one reason. */
typedef struct group {
    const spiral_corpus_file *first;
    size_t count;
    char names[600]; /* "a.mid, b.mid" */
} group;

static const char *name_of(const spiral_corpus_file *f) {
    return strcmp(f->path, "-") ? f->path : "standard input";
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* Whether two reasons differ at most in their numbers. */
static int same_reason(const char *a, const char *b) {
    for (;;) {
        while (is_digit(*a)) a++;
        while (is_digit(*b)) b++;
        if (*a != *b) return 0;
        if (!*a) return 1;
        a++, b++;
    }
}

static void add_path(group *g, const char *path) {
    const size_t used = strlen(g->names), room = sizeof g->names - used;
    if (g->count++ < NAMED_MAX && strlen(path) + 3 < room)
        snprintf(g->names + used, room, "%s%s", used ? ", " : "", path);
}

static void add_file(group *g, const spiral_corpus_file *f) {
    if (!g->count) g->first = f;
    add_path(g, name_of(f));
}

/* What follows the names of a group's files if not all are named. */
static const char *more(const group *g) { return g->count > NAMED_MAX ? ", ..." : ""; }

void cli_note_skipped(const spiral_files *files, const cli_common *common) {
    group groups[SPIRAL_SKIPPED_COUNT] = {{0}};
    for (size_t i = 0; i < spiral_files_skipped_count(files); i++) {
        spiral_skipped kind;
        const char *path = spiral_files_get_skipped(files, i, &kind);
        if (common->verbose)
            cli_note(common, "%s: %s; skipped", path, spiral_skipped_name(kind));
        else
            add_path(&groups[kind], path);
    }
    for (int kind = 0; kind < SPIRAL_SKIPPED_COUNT; kind++) {
        const group *g = &groups[kind];
        if (g->count)
            cli_note(common, "%s x %s; skipped: %s%s", cli_thousands(g->count),
                     spiral_skipped_name((spiral_skipped)kind), g->names, more(g));
    }
}

static void note_duplicates(const group *g, const cli_common *common) {
    if (g->count == 1)
        cli_note(common, "%s: %s; left out", name_of(g->first), g->first->left_out);
    else if (g->count)
        cli_note(common, "%s files with the same notes as an earlier file; left out: %s%s",
                 cli_thousands(g->count), g->names, more(g));
}

static void note_group(const group *g, const cli_common *common) {
    if (g->count == 1)
        cli_note(common, "%s: %s; left out", name_of(g->first), g->first->left_out);
    else
        cli_note(common, "%s files: %s; left out: %s%s", cli_thousands(g->count), g->first->left_out,
                 g->names, more(g));
}

void cli_note_left_out(const spiral_corpus *corpus, const cli_common *common) {
    group duplicates = {0}, groups[GROUPS_MAX] = {{0}};
    size_t n = 0, others = 0;
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++) {
        const spiral_corpus_file *f = spiral_corpus_get_file(corpus, i);
        size_t k = 0;
        if (!f->left_out) continue;
        if (common->verbose) {
            cli_note(common, "%s: %s; left out", name_of(f), f->left_out);
            continue;
        }
        if (f->same_as) {
            add_file(&duplicates, f);
            continue;
        }
        while (k < n && !same_reason(groups[k].first->left_out, f->left_out)) k++;
        if (k == GROUPS_MAX) {
            others++;
            continue;
        }
        n += k == n;
        add_file(&groups[k], f);
    }
    for (size_t k = 0; k < n; k++) note_group(&groups[k], common);
    if (others)
        cli_note(common, "%s more file%s left out for other reasons; spiral inspect --verbose names all",
                 cli_thousands(others), others == 1 ? "" : "s");
    note_duplicates(&duplicates, common);
}

void cli_note_cut(const spiral_corpus *corpus, const cli_common *common) {
    group cut = {0};
    uint64_t stretches = 0, frames = 0;
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++) {
        const spiral_corpus_file *f = spiral_corpus_get_file(corpus, i);
        if (f->left_out || !f->report->stretches_cut) continue;
        add_file(&cut, f);
        stretches += f->report->stretches_cut;
        frames += f->report->frames_cut;
        if (common->verbose)
            cli_note(common, "%s: %s frames cut out of %s long stretches in which no note begins or ends",
                     name_of(f), cli_thousands(f->report->frames_cut),
                     cli_thousands(f->report->stretches_cut));
    }
    if (!cut.count || common->verbose) return;
    cli_note(common,
             "%s file%s: %s frames cut out of %s long stretch%s in which no note begins or ends: %s%s",
             cli_thousands(cut.count), cut.count == 1 ? "" : "s", cli_thousands(frames),
             cli_thousands(stretches), stretches == 1 ? "" : "es", cut.names, more(&cut));
}
