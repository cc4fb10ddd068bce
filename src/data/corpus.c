/* SPDX-License-Identifier: MIT
 *
 * Corpora: a roll of every file, made in parallel, in the order of the files; a file that is left out has a
 * reason.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/par.h"
#include "base/sized.h"
#include "data/corpus.h"

/* Consecutive windows: those that have a note, and those that have none. */
static void count_windows(spiral__corpus_entry *e, size_t T) {
    const spiral_roll *roll = &e->roll;
    e->file.windows = e->file.windows_silent = 0;
    for (size_t begin = 0; begin < roll->frames; begin += T) {
        int any = 0;
        for (size_t t = begin; t < begin + T && t < roll->frames; t++)
            any |= spiral_keys_any(roll->sounding[t]);
        e->file.windows += any != 0;
        e->file.windows_silent += any == 0;
    }
}

void spiral__corpus_entry_update(spiral__corpus_entry *e, int T) {
    e->file.path = e->path;
    e->file.left_out = e->left_out;
    e->file.same_as = e->same_as;
    e->file.report = &e->report;
    e->file.warnings = e->warnings;
    e->file.frames = e->roll.frames;
    count_windows(e, (size_t)T);
}

void spiral__corpus_entry_clear_roll(spiral__corpus_entry *e) {
    if (e->mapped)
        e->roll = (spiral_roll){0};
    else
        spiral_roll_clear(&e->roll);
    e->mapped = 0;
}

spiral_status spiral__corpus_leave_out(spiral__corpus_entry *e, const char *reason, int T,
                                       spiral_error *err) {
    e->left_out = strdup(reason);
    if (!e->left_out) return spiral__no_memory(err, strlen(reason) + 1);
    spiral__corpus_entry_clear_roll(e);
    spiral__corpus_entry_update(e, T);
    return SPIRAL_OK;
}

size_t spiral__corpus_files_left(const spiral_corpus *c) {
    size_t left = 0;
    for (size_t i = 0; i < c->count; i++) left += !c->entries[i].left_out;
    return left;
}

static spiral_status fail_with_first_reason(const spiral_corpus *c, spiral_status status, spiral_error *err) {
    char path_text[SPIRAL__PATH_TEXT];
    return spiral__fail(err, status, -1, "%s: %s%s",
                        spiral__error_path(spiral__input_name(c->entries[0].path), path_text),
                        c->entries[0].left_out, c->count > 1 ? " (no other file can be used either)" : "");
}

spiral_status spiral__corpus_check_files_left(const spiral_corpus *c, spiral_error *err) {
    return spiral__corpus_files_left(c) ? SPIRAL_OK : fail_with_first_reason(c, SPIRAL_NO_DATA, err);
}

/* ---- making a corpus ---- */

typedef struct rolling {
    spiral_corpus *corpus;
    const spiral_files *files;
    const spiral_roll_options *options;
    spiral_status *status; /* (count) */
} rolling;

/* Why a roll is empty. */
static spiral_status fail_empty(const spiral_roll_report *r, const spiral_roll_options *options,
                                spiral_error *err) {
    if (!r->notes)
        return spiral__fail(err, SPIRAL_NO_DATA, -1,
                            r->notes_drums ? "it has drums only, no pitches" : "it has no notes");
    return spiral__fail(err, SPIRAL_NO_DATA, -1, "none of its %zu notes is a pitch from %d to %d", r->notes,
                        options->low, options->high);
}

/* The seconds of a file's music that its roll covers: without what was cut out of the roll. Of the time after
 * the roll's end, where notes out of range may be, at most the length to which silence is cut counts. */
static double seconds_used(double seconds, const spiral_roll *roll, const spiral_roll_report *report,
                           const spiral_roll_options *options) {
    const spiral_grid *grid = &roll->grid;
    const double frame_s = grid->kind == SPIRAL_GRID_SECONDS
                               ? grid->frame_us * 1e-6
                               : 60 / (roll->quarters_per_min * grid->steps_per_quarter); /* its mean */
    const double kept = (double)roll->frames * frame_s, cut = (double)report->frames_cut * frame_s;
    const double behind_max = options->unchanged_frames_max * frame_s;
    const double behind = fmax(0, seconds - cut - kept);
    if (options->unchanged_frames_max && behind > behind_max) return kept + behind_max;
    return fmax(0, seconds - cut);
}

static spiral_status roll_entry(const spiral__file_notes *f, const spiral_roll_options *options,
                                spiral__corpus_entry *e, spiral_error *err) {
    memcpy(e->warnings, f->midi.warnings, sizeof e->warnings);
    e->file.seconds = f->seconds;
    e->path = strdup(f->path);
    if (!e->path) return spiral__no_memory(err, strlen(f->path) + 1);
    if (f->status != SPIRAL_OK) return spiral__fail(err, f->status, -1, "%s", f->reason);
    e->report.struct_size = sizeof e->report;
    SPIRAL_TRY(spiral_roll_from_midi(&f->midi, options, &e->roll, &e->report, err));
    if (!e->roll.frames) return fail_empty(&e->report, options, err);
    e->file.seconds = seconds_used(f->seconds, &e->roll, &e->report, options);
    return SPIRAL_OK;
}

spiral_status spiral__corpus_entry_create(const spiral__file_notes *f, const spiral_roll_options *options,
                                          int T, spiral__corpus_entry *e) {
    spiral_error err = {.text = ""};
    const spiral_status status = roll_entry(f, options, e, &err);
    if (status == SPIRAL_OK)
        spiral__corpus_entry_update(e, T);
    else if (spiral__corpus_leave_out(e, err.text, T, NULL) != SPIRAL_OK)
        return SPIRAL_NO_MEMORY;
    return status;
}

static void roll_task(void *context, size_t i, int worker) {
    (void)worker;
    const rolling *r = context;
    r->status[i] =
        spiral__corpus_entry_create(&r->files->files[i], r->options, r->corpus->T, &r->corpus->entries[i]);
}

static spiral_status check_entries(const spiral_corpus *c, const spiral_status *status, spiral_error *err) {
    for (size_t i = 0; i < c->count; i++) {
        if (status[i] == SPIRAL_NO_MEMORY) return spiral__no_memory(err, 0);
        if (status[i] == SPIRAL_BAD_ARG) return fail_with_first_reason(c, status[i], err);
    }
    if (c->count == 1 && status[0] != SPIRAL_OK) return fail_with_first_reason(c, status[0], err);
    return spiral__corpus_check_files_left(c, err);
}

static spiral_status roll_all(rolling *r, int threads, spiral_error *err) {
    spiral__pool *pool;
    SPIRAL_TRY(spiral__pool_create(threads, &pool, err));
    spiral__par_for(pool, r->corpus->count, roll_task, r);
    spiral__pool_destroy(pool);
    SPIRAL_TRY(check_entries(r->corpus, r->status, err));
    return spiral__corpus_index(r->corpus, err);
}

spiral_status spiral_corpus_create(const spiral_files *files, const spiral_roll_options *options, int frames,
                                   int threads, spiral_corpus **out, spiral_error *err) {
    if (frames < 1 || frames > SPIRAL_WINDOW_FRAMES_MAX)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "frames of a window is %d, must be 1 to %d", frames,
                            SPIRAL_WINDOW_FRAMES_MAX);
    spiral_roll_options known = {0};
    SPIRAL_TRY(spiral__sized_read("roll options", options, sizeof known, &known, sizeof known, err));
    known.struct_size = sizeof known;
    spiral_corpus *c = calloc(1, sizeof *c);
    if (c) c->entries = calloc(files->count + 1, sizeof *c->entries);
    rolling r = {c, files, &known, calloc(files->count + 1, sizeof *r.status)};
    spiral_status status = c && c->entries && r.status
                               ? SPIRAL_OK
                               : spiral__no_memory(err, (files->count + 1) * sizeof *c->entries);
    if (status == SPIRAL_OK) {
        c->T = frames;
        c->options = known;
        c->count = files->count;
        status = roll_all(&r, threads, err);
    }
    free(r.status);
    if (status != SPIRAL_OK) {
        spiral_corpus_destroy(c);
        return status;
    }
    *out = c;
    return SPIRAL_OK;
}

spiral_status spiral_corpus_load(const char *const *paths, size_t count, const spiral_roll_options *options,
                                 int frames, int threads, spiral_corpus **corpus, spiral_error *err) {
    spiral_files *files;
    SPIRAL_TRY(spiral_files_load(paths, count, threads, &files, err));
    spiral_status status = spiral_corpus_create(files, options, frames, threads, corpus, err);
    spiral_files_destroy(files);
    return status;
}

void spiral_corpus_destroy(spiral_corpus *c) {
    if (!c) return;
    for (size_t i = 0; c->entries && i < c->count; i++) {
        free(c->entries[i].path);
        free(c->entries[i].left_out);
        free(c->entries[i].same_as);
        spiral__corpus_entry_clear_roll(&c->entries[i]);
    }
    if (c->mapping && !--c->mapping->users) c->mapping->release(c->mapping);
    free(c->entries);
    free(c->runs);
    free(c);
}

size_t spiral_corpus_file_count(const spiral_corpus *corpus) { return corpus->count; }

const spiral_corpus_file *spiral_corpus_get_file(const spiral_corpus *corpus, size_t index) {
    return &corpus->entries[index].file;
}

const spiral_roll *spiral_corpus_get_roll(const spiral_corpus *corpus, size_t index) {
    return corpus->entries[index].left_out ? NULL : &corpus->entries[index].roll;
}

static void add_report(spiral_roll_report *sum, const spiral_roll_report *r) {
    sum->notes += r->notes;
    sum->notes_drums += r->notes_drums;
    sum->notes_kept += r->notes_kept;
    sum->notes_low += r->notes_low;
    sum->notes_high += r->notes_high;
    sum->notes_folded += r->notes_folded;
    sum->notes_held += r->notes_held;
    sum->notes_short += r->notes_short;
    sum->onsets_merged += r->onsets_merged;
    sum->notes_doubled += r->notes_doubled;
    sum->stretches_cut += r->stretches_cut;
    sum->frames_cut += r->frames_cut;
}

void spiral_corpus_get_report(const spiral_corpus *c, spiral_roll_report *report) {
    spiral_roll_report sum = {.struct_size = sizeof sum};
    for (size_t i = 0; i < c->count; i++)
        if (!c->entries[i].left_out) add_report(&sum, &c->entries[i].report);
    spiral__sized_write(&sum, sizeof sum, report, report->struct_size);
}

const spiral_roll_options *spiral_corpus_get_options(const spiral_corpus *corpus) { return &corpus->options; }

int spiral_corpus_get_frames(const spiral_corpus *corpus) { return corpus->T; }

/* ---- access to a corpus ---- */

int spiral__grids_equal(const spiral_grid *a, const spiral_grid *b) {
    return a->kind == b->kind &&
           (a->kind == SPIRAL_GRID_SECONDS ? a->frame_us == b->frame_us
                                           : a->steps_per_quarter == b->steps_per_quarter);
}

spiral_status spiral__corpus_check(const spiral_corpus *c, const spiral_grid *grid, int planes,
                                   spiral_error *err) {
    for (size_t i = 0; i < c->count; i++) {
        const spiral__corpus_entry *e = &c->entries[i];
        char path_text[SPIRAL__PATH_TEXT];
        if (e->left_out) continue;
        if ((e->roll.onsets ? 2 : 1) != planes)
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s: its roll has %d planes, the model's windows %d",
                                spiral__error_path(e->path, path_text), e->roll.onsets ? 2 : 1, planes);
        if (!spiral__grids_equal(&e->roll.grid, grid))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s: the grid of its roll is not the model's",
                                spiral__error_path(e->path, path_text));
    }
    return SPIRAL_OK;
}
