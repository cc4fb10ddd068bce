/* SPDX-License-Identifier: MIT
 *
 * Reading a corpus: every file on its own, in parallel, kept in order; what is left out says why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/search.h"
#include "base/par.h"
#include "base/paths.h"
#include "data/corpus.h"

static const char *const ENDINGS[] = {".mid", ".midi", ".kar", ".rmi", NULL};

typedef struct reading {
    spiral_corpus *corpus;
    const spiral_roll_options *options;
    spiral_status *status; /* (count) */
} reading;

void spiral__window_cut(const spiral_roll *roll, size_t begin, int T, int semitones, spiral_keys *window) {
    for (int plane = 0; plane < (roll->onsets ? 2 : 1); plane++) {
        const spiral_keys *from = plane ? roll->onsets : roll->sounding;
        for (size_t t = begin; t < begin + (size_t)T; t++)
            *window++ = t < roll->frames ? spiral_keys_transpose(from[t], semitones) : (spiral_keys){{0, 0}};
    }
}

int spiral__window_empty(const spiral_keys *window, int T, int low, int high) {
    const spiral_keys mask = spiral_keys_range(low, high);
    uint64_t any = 0;
    for (int t = 0; t < T; t++)
        any |= (window[t].word[0] & mask.word[0]) | (window[t].word[1] & mask.word[1]);
    return !any;
}

void spiral__corpus_count_windows(spiral__corpus_entry *e, size_t T) {
    e->windows = e->windows_empty = 0;
    for (size_t begin = 0; begin < e->roll.frames; begin += T) {
        uint64_t any = 0;
        for (size_t t = begin; t < begin + T && t < e->roll.frames; t++)
            any |= e->roll.sounding[t].word[0] | e->roll.sounding[t].word[1];
        e->windows++;
        e->windows_empty += !any;
    }
}

/* Why nothing of a file is left on the roll. */
static spiral_status say_empty(const spiral_roll_report *r, const spiral_roll_options *options,
                               spiral_error *err) {
    if (!r->notes)
        return spiral__fail(err, SPIRAL_NO_DATA, -1,
                            r->notes_drums ? "it holds drums only, no pitches" : "it holds no notes");
    return spiral__fail(err, SPIRAL_NO_DATA, -1, "none of its %zu notes is a pitch from %d to %d", r->notes,
                        options->low, options->high);
}

static spiral_status read_entry(spiral__corpus_entry *e, const spiral_roll_options *options, size_t T,
                                spiral_error *err) {
    spiral_midi midi = {0};
    SPIRAL_TRY(spiral_midi_load(e->path, &midi, err));
    memcpy(e->warnings, midi.warnings, sizeof e->warnings);
    e->seconds = spiral_midi_seconds(&midi, midi.end_ticks);
    e->report.struct_size = sizeof e->report;
    spiral_status status = spiral_roll_from_midi(&midi, options, &e->roll, &e->report, err);
    if (status == SPIRAL_OK && !e->roll.frames) status = say_empty(&e->report, options, err);
    spiral_midi_clear(&midi);
    if (status == SPIRAL_OK) spiral__corpus_count_windows(e, T);
    return status;
}

static void read_task(void *context, size_t i, int worker) {
    (void)worker;
    const reading *r = context;
    spiral__corpus_entry *e = &r->corpus->entries[i];
    spiral_error err = {.text = ""};
    r->status[i] = read_entry(e, r->options, (size_t)r->corpus->T, &err);
    if (r->status[i] == SPIRAL_OK) return;
    const char *reason = err.text; /* without the path, which stands beside it */
    char room[SPIRAL__PATH_TEXT];
    const char *path = spiral__error_path(e->path, room);
    size_t n = strlen(path);
    if (!strncmp(reason, path, n) && !strncmp(reason + n, ": ", 2)) reason += n + 2;
    e->skipped = strdup(reason);
    spiral_roll_clear(&e->roll);
}

/* What stands in the way: no file at all, or none that is fit. */
static spiral_status check_result(const spiral_corpus *c, const spiral_status *status, const char *first_path,
                                  spiral_error *err) {
    char room[SPIRAL__PATH_TEXT];
    if (!c->count)
        return spiral__fail(err, SPIRAL_NO_DATA, -1, "%s: no .mid, .midi, .kar or .rmi file in it",
                            spiral__error_path(first_path, room));
    size_t fit = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (status[i] == SPIRAL_NO_MEMORY || (status[i] != SPIRAL_OK && !c->entries[i].skipped))
            return spiral__no_memory(err, 0);
        fit += status[i] == SPIRAL_OK;
    }
    if (fit) return SPIRAL_OK;
    return spiral__fail(err, c->count == 1 ? status[0] : SPIRAL_NO_DATA, -1, "%s: %s%s",
                        spiral__error_path(c->entries[0].path, room), c->entries[0].skipped,
                        c->count > 1 ? " (nor is any other file fit)" : "");
}

spiral_status spiral_corpus_create(const char *const *paths, size_t count, const spiral_roll_options *options,
                                   int T, int threads, spiral_corpus **out, spiral_error *err) {
    if (T < 1 || T > 512)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "columns of a window is %d, must be 1 to 512", T);
    spiral__paths list = {0};
    spiral_status status = SPIRAL_OK;
    for (size_t i = 0; i < count && status == SPIRAL_OK; i++)
        status = spiral__paths_add(&list, paths[i], ENDINGS, err);
    spiral_corpus *c = status == SPIRAL_OK ? calloc(1, sizeof *c) : NULL;
    spiral_status *each = calloc(list.count + 1, sizeof *each);
    spiral__pool *pool = NULL;
    if (status == SPIRAL_OK) {
        if (c) c->entries = calloc(list.count + 1, sizeof *c->entries);
        status = c && c->entries && each ? spiral__pool_create(threads, &pool, err)
                                         : spiral__no_memory(err, list.count * sizeof *c->entries);
    }
    if (status == SPIRAL_OK) {
        c->T = T;
        c->count = list.count;
        for (size_t i = 0; i < c->count; i++) {
            c->entries[i].path = list.path[i]; /* taken over */
            list.path[i] = NULL;
        }
        spiral__par_for(pool, c->count, read_task, &(reading){c, options, each});
        status = check_result(c, each, count ? paths[0] : "no path", err);
    }
    if (status == SPIRAL_OK) status = spiral__corpus_index(c, err);
    spiral__pool_destroy(pool);
    spiral__paths_clear(&list);
    free(each);
    if (status != SPIRAL_OK) {
        spiral_corpus_destroy(c);
        return status;
    }
    *out = c;
    return SPIRAL_OK;
}

void spiral_corpus_destroy(spiral_corpus *c) {
    if (!c) return;
    for (size_t i = 0; i < c->count; i++) {
        free(c->entries[i].path);
        free(c->entries[i].skipped);
        free(c->entries[i].same_as);
        spiral_roll_clear(&c->entries[i].roll);
    }
    free(c->entries);
    free(c->first_position);
    free(c);
}

size_t spiral_corpus_file_count(const spiral_corpus *corpus) { return corpus->count; }

spiral_corpus_file spiral_corpus_get_file(const spiral_corpus *corpus, size_t index) {
    const spiral__corpus_entry *e = &corpus->entries[index];
    return (spiral_corpus_file){e->path,   e->seconds,  e->roll.frames, e->windows, e->windows_empty,
                                e->report, e->warnings, e->skipped,     e->same_as};
}

const spiral_roll *spiral_corpus_get_roll(const spiral_corpus *corpus, size_t index) {
    return corpus->entries[index].skipped ? NULL : &corpus->entries[index].roll;
}

spiral_status spiral__corpus_check(const spiral_corpus *c, const spiral_model_config *config,
                                   spiral_error *err) {
    const spiral_grid *a = &config->roll.grid;
    for (size_t i = 0; i < c->count; i++) {
        const spiral__corpus_entry *e = &c->entries[i];
        const spiral_grid *b = &e->roll.grid;
        if (e->skipped) continue;
        if (!e->roll.onsets != !config->roll.onsets)
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s: its roll has %d planes, the model's windows %d",
                                e->path, e->roll.onsets ? 2 : 1, config->roll.onsets ? 2 : 1);
        if (a->kind != b->kind ||
            (a->kind == SPIRAL_GRID_SECONDS ? a->frame_us != b->frame_us
                                            : a->steps_per_quarter != b->steps_per_quarter))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s: the grid of its roll is not the model's",
                                e->path);
    }
    return SPIRAL_OK;
}

/* A window may start at each column from which it stays inside the roll; a short roll has one place. */
spiral_status spiral__corpus_index(spiral_corpus *c, spiral_error *err) {
    size_t *first = calloc(c->count + 1, sizeof *first);
    if (!first) return spiral__no_memory(err, (c->count + 1) * sizeof *first);
    for (size_t i = 0; i < c->count; i++) {
        size_t columns = c->entries[i].roll.frames, T = (size_t)c->T;
        first[i + 1] = first[i] + (columns == 0 ? 0 : columns <= T ? 1 : columns - T + 1);
    }
    free(c->first_position);
    c->first_position = first;
    c->positions = first[c->count];
    return SPIRAL_OK;
}

typedef struct position_search {
    const size_t *first_position;
    size_t position;
} position_search;

static int begins_later(const void *context, size_t i) {
    const position_search *s = context;
    return s->first_position[i] > s->position;
}

size_t spiral__corpus_locate(const spiral_corpus *c, size_t position, size_t *column) {
    const position_search s = {c->first_position + 1, position}; /* first_position[0] is 0 */
    size_t file = spiral__search(c->count - 1, begins_later, &s);
    *column = position - c->first_position[file];
    return file;
}
