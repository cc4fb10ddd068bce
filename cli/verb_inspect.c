/* SPDX-License-Identifier: MIT
 *
 * spiral inspect: what the files contain, and what presets, time grids and key ranges keep and lose of it,
 * before any training.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "flags.h"
#include "json.h"
#include "load.h"
#include "messages.h"
#include "roll_options.h"

enum { SETTINGS_MAX = 4 }; /* the one asked for and the presets */

/* Sums over the files. */
typedef struct totals {
    size_t files, skipped, windows, windows_empty, frames, transposed;
    int least_move, most_move; /* semitones, of the files transposed */
    size_t files_repaired[SPIRAL_MIDI_WARNING_COUNT];
    uint64_t sounding, repaired[SPIRAL_MIDI_WARNING_COUNT];
    double seconds;
    spiral_roll_report notes;
} totals;

/* A way to make rolls, and what it keeps and loses of the music. */
typedef struct setting {
    const char *name;
    spiral_roll_options options;
    int frames; /* of a window */
    totals t;
    char reason[256]; /* why nothing is left, or "" */
} setting;

static void add_repaired(totals *t, const spiral_corpus_file *f) {
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++) {
        t->repaired[i] += f->warnings[i];
        t->files_repaired[i] += f->warnings[i] != 0;
    }
}

static void add_notes(totals *t, const spiral_roll_report *r) {
    t->notes.notes += r->notes;
    t->notes.notes_drums += r->notes_drums;
    t->notes.notes_low += r->notes_low;
    t->notes.notes_high += r->notes_high;
    t->notes.notes_kept += r->notes_kept;
    t->notes.notes_folded += r->notes_folded;
    t->notes.notes_held += r->notes_held;
    t->notes.notes_short += r->notes_short;
    t->notes.onsets_merged += r->onsets_merged;
    t->notes.notes_doubled += r->notes_doubled;
    if (!r->transposed_by) return;
    if (!t->transposed || r->transposed_by < t->least_move) t->least_move = r->transposed_by;
    if (!t->transposed || r->transposed_by > t->most_move) t->most_move = r->transposed_by;
    t->transposed++;
}

static void add_file(totals *t, const spiral_corpus_file *f, const spiral_roll *roll) {
    t->files += !f->left_out;
    t->skipped += f->left_out != NULL;
    add_repaired(t, f);
    if (f->left_out && f->report->notes_kept)
        return; /* left out by --strict or as a duplicate: none of its notes count */
    add_notes(t, f->report);
    if (f->left_out) return;
    t->seconds += f->seconds;
    t->frames += f->frames;
    t->windows += f->windows;
    t->windows_empty += f->windows_silent;
    for (size_t i = 0; i < roll->frames; i++) t->sounding += (uint64_t)spiral_keys_count(roll->sounding[i]);
}

static void add_corpus(totals *t, const spiral_corpus *corpus) {
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++)
        add_file(t, spiral_corpus_get_file(corpus, i), spiral_corpus_get_roll(corpus, i));
}

static double share(size_t part, size_t whole) { return whole ? (double)part / (double)whole : 0; }

/* Notes whose onset can be read from the roll. */
static size_t onsets_kept(const spiral_roll_report *n) {
    return n->notes_kept - n->onsets_merged - n->notes_doubled;
}

/* The note F1 of an exact copy of the roll: precision 1, and the notes whose onset the roll lost are missed.
 */
static double best_f1(const spiral_roll_report *n) {
    double recall = share(onsets_kept(n), n->notes);
    return 2 * recall / (1 + recall);
}

/* ---- JSON ---- */

/* Adds a file and the remark about it, if there is one. */
static void add_remark(json_t *list, const char *path, const char *key, const char *remark) {
    if (remark)
        json_array_append_new(list, json_pack("{s:o, s:o}", "file", cli_text(path), key, cli_text(remark)));
}

static void not_read_json(json_t *json, const spiral_files *files) {
    json_t *list = json_array();
    for (size_t i = 0; i < spiral_files_skipped_count(files); i++) {
        spiral_skipped kind;
        const char *path = spiral_files_get_skipped(files, i, &kind);
        add_remark(list, path, "reason", spiral_skipped_name(kind));
    }
    json_object_set_new(json, "not_read", list);
}

static void remarks_json(json_t *json, const spiral_corpus *corpus) {
    json_t *skipped = json_array(), *duplicates = json_array(), *cut = json_array();
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++) {
        const spiral_corpus_file *f = spiral_corpus_get_file(corpus, i);
        add_remark(skipped, f->path, "reason", f->left_out);
        add_remark(duplicates, f->path, "same_as", f->same_as);
        if (!f->left_out && f->report->stretches_cut)
            json_array_append_new(cut, json_pack("{s:o, s:I, s:I}", "file", cli_text(f->path), "stretches",
                                                 (json_int_t)f->report->stretches_cut, "frames",
                                                 (json_int_t)f->report->frames_cut));
    }
    json_object_set_new(json, "skipped", skipped);
    json_object_set_new(json, "duplicates", duplicates);
    json_object_set_new(json, "cut", cut);
}

/* A warning's name in the library's list, in small letters. */
static const char *warning_key(int i, char key[40]) {
    static const char *const names[] = {
#define SPIRAL_X(name, text) #name,
        SPIRAL_MIDI_WARNING_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
    size_t n = 0;
    for (; names[i][n] && n < 39; n++) key[n] = (char)tolower((unsigned char)names[i][n]);
    key[n] = 0;
    return key;
}

static json_t *warnings_json(const totals *t) {
    json_t *warnings = json_object();
    char key[40];
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++)
        if (t->repaired[i])
            json_object_set_new(
                warnings, warning_key(i, key),
                json_pack("{s:s, s:I, s:I}", "what", spiral_midi_warning_name((spiral_midi_warning)i),
                          "files", (json_int_t)t->files_repaired[i], "events", (json_int_t)t->repaired[i]));
    return warnings;
}

static json_t *options_json(const setting *s) {
    const spiral_roll_options *o = &s->options;
    json_t *grid = o->grid.kind == SPIRAL_GRID_SECONDS
                       ? json_pack("{s:i}", "frame_us", (int)o->grid.frame_us)
                       : json_pack("{s:i}", "steps_per_quarter", (int)o->grid.steps_per_quarter);
    return json_pack("{s:o, s:i, s:i, s:i, s:i, s:b, s:b, s:i, s:s}", "grid", grid, "low", o->low, "high",
                     o->high, "frames", s->frames, "planes", o->onsets ? 2 : 1, "pedal", o->pedal, "drums",
                     o->drums, "drum_channels", (int)o->drum_channels, "out_of_range",
                     spiral_out_of_range_name(o->out_of_range));
}

static json_t *counts_json(const totals *t) {
    const spiral_roll_report *n = &t->notes;
    const struct {
        const char *key;
        size_t count;
    } counts[] = {
        {"files", t->files},
        {"notes", n->notes},
        {"notes_in_range", n->notes_kept},
        {"notes_below", n->notes_low},
        {"notes_above", n->notes_high},
        {"notes_folded", n->notes_folded},
        {"files_transposed", t->transposed},
        {"notes_drums", n->notes_drums},
        {"notes_held", n->notes_held},
        {"notes_short", n->notes_short},
        {"onsets_merged", n->onsets_merged},
        {"notes_doubled", n->notes_doubled},
        {"onsets_kept", onsets_kept(n)},
        {"windows", t->windows},
        {"windows_empty", t->windows_empty},
    };
    json_t *json = json_object();
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        json_object_set_new(json, counts[i].key, json_integer((json_int_t)counts[i].count));
    json_object_set_new(json, "seconds", json_real(t->seconds));
    json_object_set_new(json, "onsets_lost", json_real(share(n->notes_kept - onsets_kept(n), n->notes_kept)));
    json_object_set_new(json, "note_f1_ceiling", json_real(best_f1(n)));
    json_object_set_new(json, "polyphony", json_real(share(t->sounding, t->frames)));
    return json;
}

static json_t *setting_json(const setting *s) {
    json_t *json = s->reason[0] ? json_pack("{s:o}", "reason", cli_text(s->reason)) : counts_json(&s->t);
    json_t *options = options_json(s);
    json_object_update(json, options);
    json_decref(options);
    return json;
}

static json_t *result_json(const setting *settings, size_t count, const spiral_files *files,
                           const spiral_corpus *corpus) {
    json_t *json = setting_json(settings);
    remarks_json(json, corpus);
    not_read_json(json, files);
    json_object_set_new(json, "warnings", warnings_json(&settings[0].t));
    if (count == 1) return json;
    json_t *compared = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(compared, settings[i].name, setting_json(&settings[i]));
    json_object_set_new(json, "compare", compared);
    return json;
}

/* ---- the table ---- */

enum { LABEL = 42, CELL = 20, NUMBER = 11 }; /* three settings fill 100 columns, four 120 */

/* A row, a cell per setting: a number, and what share of `whole` it is, if there is one. A row of zeros is
 * left out if it belongs to a flag. */
typedef struct row {
    const char *label;
    enum { ALWAYS, IF_ANY, APART } when; /* apart: always, and after a blank line */
    size_t n[SETTINGS_MAX], whole[SETTINGS_MAX];
} row;

static void print_texts(const char *label, char texts[][CELL], size_t count) {
    printf("  %-*s", LABEL - 2, label);
    for (size_t i = 0; i < count; i++) printf("%*s %*s", i ? CELL - NUMBER - 1 : 0, "", NUMBER, texts[i]);
    printf("\n");
}

static void print_row(const row *r, const setting *settings, size_t count) {
    char cells[SETTINGS_MAX][CELL] = {""};
    size_t any = 0;
    for (size_t i = 0; i < count; i++) any |= r->n[i];
    if (!any && r->when == IF_ANY) return;
    if (r->when == APART) printf("\n");
    printf("  %-*s", LABEL - 2, r->label);
    for (size_t i = 0; i < count; i++) {
        if (i) printf("%*s", CELL - 1 - (int)strlen(cells[i - 1]), "");
        int used = settings[i].reason[0] ? snprintf(cells[i], CELL, "%*s", NUMBER, "-")
                                         : snprintf(cells[i], CELL, "%*s", NUMBER, cli_thousands(r->n[i]));
        if (!settings[i].reason[0] && r->whole[i])
            snprintf(cells[i] + used, CELL - (size_t)used, " %5.1f %%", 100 * share(r->n[i], r->whole[i]));
        printf(" %s", cells[i]);
    }
    printf("\n");
}

static void print_settings(const setting *s, size_t count) {
    char name[SETTINGS_MAX][CELL], frame[SETTINGS_MAX][CELL], keys[SETTINGS_MAX][CELL],
        window[SETTINGS_MAX][CELL], planes[SETTINGS_MAX][CELL];
    for (size_t i = 0; i < count; i++) {
        const spiral_roll_options *o = &s[i].options;
        snprintf(name[i], CELL, "%s", s[i].name);
        if (o->grid.kind == SPIRAL_GRID_SECONDS)
            snprintf(frame[i], CELL, "%s", cli_duration(o->grid.frame_us * 1e-6));
        else
            snprintf(frame[i], CELL, "1/%d", 4 * (int)o->grid.steps_per_quarter);
        snprintf(keys[i], CELL, "%d to %d", o->low, o->high);
        snprintf(window[i], CELL, "%d frames", s[i].frames);
        snprintf(planes[i], CELL, "%d", o->onsets ? 2 : 1);
    }
    if (count > 1) print_texts("", name, count);
    print_texts("length of a frame", frame, count);
    print_texts("length of a window", window, count);
    print_texts("keys", keys, count);
    print_texts("planes", planes, count);
}

static void print_counts(const setting *s, size_t count) {
    enum { ROWS = 14 };
    row rows[ROWS] = {{"notes", ALWAYS},
                      {"kept", ALWAYS},
                      {"left out: too low", ALWAYS},
                      {"left out: too high", ALWAYS},
                      {"kept, moved by octaves (folded)", IF_ANY},
                      {"files transposed to fit", IF_ANY},
                      {"drums, left out", ALWAYS},
                      {"kept, prolonged by the pedal", IF_ANY},
                      {"kept, shorter than a frame", ALWAYS},
                      {"onsets lost: the key still sounds", APART},
                      {"onsets lost: same key and frame", ALWAYS},
                      {"onsets kept, of all notes", ALWAYS},
                      {"windows", APART},
                      {"silent windows, left out", ALWAYS}};
    for (size_t i = 0; i < count; i++) {
        const totals *t = &s[i].t;
        const spiral_roll_report *n = &t->notes;
        const size_t cells[ROWS][2] = {{n->notes, 0},
                                       {n->notes_kept, n->notes},
                                       {n->notes_low, n->notes},
                                       {n->notes_high, n->notes},
                                       {n->notes_folded, n->notes},
                                       {t->transposed, t->files},
                                       {n->notes_drums, 0},
                                       {n->notes_held, n->notes_kept},
                                       {n->notes_short, n->notes_kept},
                                       {n->onsets_merged, n->notes_kept},
                                       {n->notes_doubled, n->notes_kept},
                                       {onsets_kept(n), n->notes},
                                       {t->windows, 0},
                                       {t->windows_empty, t->windows + t->windows_empty}};
        for (int k = 0; k < ROWS; k++) rows[k].n[i] = cells[k][0], rows[k].whole[i] = cells[k][1];
    }
    for (int k = 0; k < ROWS; k++) print_row(&rows[k], s, count);
}

static void print_numbers(const setting *s, size_t count) {
    char f1[SETTINGS_MAX][CELL], sounding[SETTINGS_MAX][CELL];
    for (size_t i = 0; i < count; i++) {
        snprintf(f1[i], CELL, s[i].reason[0] ? "-" : "%.4f", best_f1(&s[i].t.notes));
        snprintf(sounding[i], CELL, s[i].reason[0] ? "-" : "%.2f", share(s[i].t.sounding, s[i].t.frames));
    }
    print_texts("note F1 of an exact copy of the roll", f1, count);
    print_texts("sounding keys per frame", sounding, count);
}

static void print_repaired(const totals *t) {
    for (int i = 0, any = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++) {
        if (t->repaired[i] && !any++) printf("\nRepaired while reading\n  %10s %10s\n", "times", "files");
        if (t->repaired[i])
            printf("  %10s %10s  %s\n", cli_thousands(t->repaired[i]), cli_thousands(t->files_repaired[i]),
                   spiral_midi_warning_name((spiral_midi_warning)i));
    }
}

/* "337 files, 23.2 h of music; 3 left out, 2 of them duplicates"; standard error has the reasons. */
static void print_files(const totals *t, const spiral_corpus *corpus) {
    size_t same = 0;
    for (size_t i = 0; i < spiral_corpus_file_count(corpus); i++)
        same += spiral_corpus_get_file(corpus, i)->same_as != NULL;
    printf("%s file%s, %s of music", cli_thousands(t->files), t->files == 1 ? "" : "s",
           cli_duration(t->seconds));
    if (t->skipped) printf("; %s left out", cli_thousands(t->skipped));
    if (same) printf(", %s of them duplicates", cli_thousands(same));
    printf("\n\n");
}

static void print_table(const setting *s, size_t count, const spiral_corpus *corpus) {
    const totals *t = &s[0].t;
    print_files(t, corpus);
    print_settings(s, count);
    printf("\n");
    print_counts(s, count);
    print_numbers(s, count);
    if (t->transposed)
        printf("\nFiles were transposed by %+d to %+d semitones\n", t->least_move, t->most_move);
    print_repaired(t);
}

/* ---- the verb ---- */

/* Makes rolls of the files with a preset. If it leaves nothing, the setting gets the reason. */
static int add_preset(const cli_roll_flags *given, int preset, const cli_common *common,
                      const spiral_files *files, setting *s) {
    cli_roll_flags r = *given;
    spiral_corpus *corpus;
    spiral_error err = {.text = ""};
    r.preset = preset;
    r.grid = NULL;
    if (r.longest_silence && strcmp(r.longest_silence, "none"))
        r.longest_silence = NULL; /* it may not fit the preset's grid */
    r.low = r.high = r.frames = r.planes = -1;
    s->name = cli_presets[preset];
    int status = cli_roll_options(&r, common, files, &s->options, &s->frames);
    if (status >= 0) return status;
    spiral_status made = cli_try_corpus(&r, files, &s->options, s->frames, NULL, common, &corpus, &err);
    if (made == SPIRAL_OK)
        add_corpus(&s->t, corpus);
    else if (made == SPIRAL_NO_DATA)
        memcpy(s->reason, err.text, sizeof s->reason);
    else
        return cli_error(&err);
    spiral_corpus_destroy(corpus);
    return -1;
}

static int is_preset(const cli_roll_flags *r) {
    return !r->grid && r->low < 0 && r->high < 0 && r->frames < 0 && r->planes < 0;
}

/* Adds the other presets to the first setting. */
static int add_presets(const cli_roll_flags *given, const cli_common *common, const spiral_files *files,
                       setting *settings, size_t *n) {
    int status = -1;
    for (int preset = 0; cli_presets[preset] && status < 0; preset++)
        if (!is_preset(given) || preset != given->preset)
            status = add_preset(given, preset, common, files, &settings[(*n)++]);
    return status;
}

int verb_inspect(const cli_verb *verb, int argc, char **argv) {
    cli_roll_flags roll_flags = CLI_ROLL_FLAGS_DEFAULT;
    cli_common common = {0};
    int first, compare = 0;
    const cli_flag flags[] = {
        CLI_ROLL_FLAGS(roll_flags),
        CLI_FILTER_FLAGS(roll_flags, common),
        {"compare", CLI_SWITCH, &compare, NULL, "show what each preset keeps and loses, side by side"},
        {NULL}};
    setting settings[SETTINGS_MAX] = {{0}}, *s = settings;
    size_t n = 1;
    spiral_corpus *corpus = NULL;
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(verb, argc, first, 1, 1 << 20);
    if (status >= 0) return status;
    spiral_files *files = NULL;
    s->name = is_preset(&roll_flags) ? cli_presets[roll_flags.preset] : "as given";
    status = cli_check_roll_flags(&roll_flags);
    if (status < 0) status = cli_load_files(argv + first, argc - first, &common, &files);
    if (status < 0) status = cli_roll_options(&roll_flags, &common, files, &s->options, &s->frames);
    if (status < 0)
        status = cli_make_corpus(&roll_flags, files, &s->options, s->frames, NULL, &common, &corpus);
    if (status < 0) add_corpus(&s->t, corpus);
    if (status < 0 && compare) status = add_presets(&roll_flags, &common, files, settings, &n);
    if (status < 0) {
        if (!common.json) print_table(settings, n, corpus);
        status = cli_finish(&common, result_json(settings, n, files, corpus));
    }
    spiral_files_destroy(files);
    spiral_corpus_destroy(corpus);
    return status;
}
