/* SPDX-License-Identifier: MIT
 *
 * spiral inspect: what is in the files, and what a grid and a range keep and lose, before any training.
 */
#include <ctype.h>

#include "cli.h"

/* Keys of the reader's warnings in JSON, to be written small. */
static const char *const warning_keys[] = {
#define SPIRAL_X(name, text) #name,
    SPIRAL_MIDI_WARNING_LIST(SPIRAL_X)
#undef SPIRAL_X
};

typedef struct totals {
    size_t files, skipped, windows, windows_empty, columns;
    size_t files_mended[SPIRAL_MIDI_WARNING_COUNT];
    uint64_t sounding, mended[SPIRAL_MIDI_WARNING_COUNT];
    double seconds;
    spiral_roll_report notes;
} totals;

static void add_file(totals *t, const spiral_corpus_file *f, const spiral_roll *roll) {
    t->files += !f->skipped;
    t->skipped += f->skipped != NULL;
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++) {
        t->mended[i] += f->warnings[i];
        t->files_mended[i] += f->warnings[i] != 0;
    }
    if (f->skipped && f->report.notes_kept) return; /* a file that was sifted out, notes and all */
    t->notes.notes += f->report.notes;
    t->notes.notes_drums += f->report.notes_drums;
    t->notes.notes_low += f->report.notes_low;
    t->notes.notes_high += f->report.notes_high;
    if (f->skipped) return;
    t->seconds += f->seconds;
    t->columns += f->columns;
    t->windows += f->windows;
    t->windows_empty += f->windows_empty;
    t->notes.notes_kept += f->report.notes_kept;
    t->notes.notes_short += f->report.notes_short;
    t->notes.onsets_merged += f->report.onsets_merged;
    t->notes.notes_doubled += f->report.notes_doubled;
    for (size_t c = 0; c < roll->columns; c++)
        t->sounding += (uint64_t)(__builtin_popcountll(roll->frames[c].word[0]) +
                                  __builtin_popcountll(roll->frames[c].word[1]));
}

static json_t *skipped_json(const spiral_corpus *corpus) {
    json_t *list = json_array();
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++) {
        spiral_corpus_file f = spiral_corpus_get_file(corpus, i);
        if (f.skipped)
            json_array_append_new(
                list, json_pack("{s:o, s:o}", "file", cli_text(f.path), "reason", cli_text(f.skipped)));
    }
    return list;
}

static json_t *duplicates_json(const spiral_corpus *corpus) {
    json_t *list = json_array();
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++) {
        spiral_corpus_file f = spiral_corpus_get_file(corpus, i);
        if (f.same_as)
            json_array_append_new(
                list, json_pack("{s:o, s:o}", "file", cli_text(f.path), "same_as", cli_text(f.same_as)));
    }
    return list;
}

static json_t *warnings_json(const totals *t) {
    json_t *warnings = json_object();
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++) {
        char key[40];
        size_t n = 0;
        for (; warning_keys[i][n] && n + 1 < sizeof key; n++)
            key[n] = (char)tolower((unsigned char)warning_keys[i][n]);
        key[n] = 0;
        if (t->mended[i])
            json_object_set_new(
                warnings, key,
                json_pack("{s:s, s:I, s:I}", "what", spiral_midi_warning_name((spiral_midi_warning)i),
                          "files", (json_int_t)t->files_mended[i], "events", (json_int_t)t->mended[i]));
    }
    return warnings;
}

static double share(size_t part, size_t whole) { return whole ? (double)part / (double)whole : 0; }

static json_t *result_json(const totals *t, const spiral_corpus *corpus, const spiral_roll_options *o,
                           int columns) {
    const spiral_roll_report *n = &t->notes;
    json_t *json =
        json_pack("{s:I, s:o, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:f}", "files",
                  (json_int_t)t->files, "skipped", skipped_json(corpus), "seconds", t->seconds, "notes",
                  (json_int_t)n->notes, "notes_in_range", (json_int_t)n->notes_kept, "notes_below",
                  (json_int_t)n->notes_low, "notes_above", (json_int_t)n->notes_high, "notes_drums",
                  (json_int_t)n->notes_drums, "notes_short", (json_int_t)n->notes_short, "onsets_lost",
                  share(n->onsets_merged + n->notes_doubled, n->notes_kept), "onsets_merged",
                  (json_int_t)n->onsets_merged, "notes_doubled", (json_int_t)n->notes_doubled, "windows",
                  (json_int_t)t->windows, "windows_empty", (json_int_t)t->windows_empty, "polyphony",
                  share(t->sounding, t->columns));
    json_object_set_new(json, "duplicates", duplicates_json(corpus));
    json_object_set_new(json, "warnings", warnings_json(t));
    json_object_set_new(json, "low", json_integer(o->low));
    json_object_set_new(json, "high", json_integer(o->high));
    json_object_set_new(json, "columns", json_integer(columns));
    json_object_set_new(json, "planes", json_integer(o->onsets ? 2 : 1));
    return json;
}

static void print_count(const char *what, size_t n, size_t whole) {
    printf("  %-44s %12s", what, cli_thousands(n));
    if (whole) printf("  %5.1f %%", 100 * share(n, whole));
    printf("\n");
}

static void print_warnings(const totals *t) {
    for (int i = 0, any = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++) {
        if (t->mended[i] && !any++) printf("Mended while reading    times    files\n");
        if (t->mended[i])
            printf("  %26s %8s  %s\n", cli_thousands(t->mended[i]), cli_thousands(t->files_mended[i]),
                   spiral_midi_warning_name((spiral_midi_warning)i));
    }
}

static void print_table(const totals *t, const spiral_roll_options *o, int columns) {
    const spiral_roll_report *n = &t->notes;
    const spiral_grid *g = &o->grid;
    printf("%s file%s, %s of music", cli_thousands(t->files), t->files == 1 ? "" : "s",
           cli_duration(t->seconds));
    if (t->skipped) printf("; %s left out", cli_thousands(t->skipped));
    printf("\nRolled on keys %d to %d, windows of %d columns of ", o->low, o->high, columns);
    if (g->kind == SPIRAL_GRID_SECONDS)
        printf("%s", cli_duration(g->column_us * 1e-6));
    else
        printf("1/%d of a whole note", 4 * g->steps_per_quarter);
    printf(", %s\n", o->onsets ? "frames and onsets" : "frames only");
    print_count("notes", n->notes, 0);
    print_count("kept", n->notes_kept, n->notes);
    print_count("left out: too low", n->notes_low, n->notes);
    print_count("left out: too high", n->notes_high, n->notes);
    print_count("drums, left out", n->notes_drums, 0);
    print_count("kept, but shorter than a column", n->notes_short, n->notes_kept);
    print_count("onsets lost in a note that still sounds", n->onsets_merged, n->notes_kept);
    print_count("onsets lost in one of the same column", n->notes_doubled, n->notes_kept);
    print_count("windows", t->windows, 0);
    print_count("silent windows", t->windows_empty, t->windows);
    printf("  %-44s %12.2f\n", "keys sounding at a time", share(t->sounding, t->columns));
    print_warnings(t);
}

int verb_inspect(int argc, char **argv) {
    cli_rolling rolling = CLI_ROLLING_DEFAULT;
    cli_common common = {0};
    int first, columns;
    const cli_flag flags[] = {CLI_ROLLING_FLAGS(rolling),
                              CLI_SIFTING_FLAGS(rolling),
                              {NULL, CLI_SWITCH, NULL, NULL, NULL, 0, 0, NULL}};
    spiral_roll_options options;
    spiral_corpus *corpus = NULL;
    int status = cli_parse(argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(argc, first, 1, 1 << 20);
    if (status < 0)
        status = cli_roll_options(&rolling, &common, argv + first, argc - first, &options, &columns);
    if (status < 0)
        status = cli_sifted_corpus(&rolling, argv + first, argc - first, &options, columns, NULL, &common,
                                   &corpus);
    if (status >= 0) return status;
    totals t = {0};
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++) {
        spiral_corpus_file f = spiral_corpus_get_file(corpus, i);
        add_file(&t, &f, spiral_corpus_get_roll(corpus, i));
    }
    if (!common.json) print_table(&t, &options, columns);
    status = cli_finish(&common, result_json(&t, corpus, &options, columns));
    spiral_corpus_destroy(corpus);
    return status;
}
