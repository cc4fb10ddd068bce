/* SPDX-License-Identifier: MIT
 *
 * Holding out a part of a corpus to validate on: whole files, so that no piece is on both sides.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/corpus.h"

static size_t fit_files(const spiral_corpus *c) {
    size_t fit = 0;
    for (size_t i = 0; i < c->count; i++) fit += !c->entries[i].skipped;
    return fit;
}

/* Moves each every-th fit file, the last of each group, from c to held. */
static void move_files(spiral_corpus *c, size_t every, spiral_corpus *held) {
    size_t kept = 0, fit = 0;
    for (size_t i = 0; i < c->count; i++) {
        int in_corpus = !c->entries[i].skipped;
        fit += (size_t)in_corpus;
        if (in_corpus && fit % every == 0)
            held->entries[held->count++] = c->entries[i];
        else
            c->entries[kept++] = c->entries[i];
    }
    c->count = kept;
}

/* One piece only: its last tenth becomes the held-out file, of the same name. */
static spiral_status cut_file(spiral_corpus *c, spiral_corpus *held, spiral_error *err) {
    spiral__corpus_entry *e = c->entries;
    while (e->skipped) e++;
    size_t tail = e->roll.frames / 10;
    if (tail < (size_t)c->T)
        return spiral__fail(err, SPIRAL_NO_DATA, -1,
                            "%s: its %zu columns are too few to hold some out for validation, %d are needed",
                            e->path, e->roll.frames, 10 * c->T);
    spiral__corpus_entry *h = &held->entries[0];
    *h = *e;
    h->path = strdup(e->path);
    h->roll.sounding = h->roll.onsets = NULL;
    spiral_status status = spiral_roll_create(e->roll.grid, tail, e->roll.onsets != NULL, &h->roll, err);
    if (status != SPIRAL_OK || !h->path) {
        free(h->path);
        spiral_roll_clear(&h->roll);
        return status != SPIRAL_OK ? status : spiral__no_memory(err, strlen(e->path) + 1);
    }
    held->count = 1;
    h->roll.quarters_per_min = e->roll.quarters_per_min;
    size_t begin = e->roll.frames - tail;
    memcpy(h->roll.sounding, e->roll.sounding + begin, tail * sizeof *h->roll.sounding);
    if (h->roll.onsets) memcpy(h->roll.onsets, e->roll.onsets + begin, tail * sizeof *h->roll.onsets);
    e->roll.frames = begin;
    spiral__corpus_count_windows(h, (size_t)c->T);
    spiral__corpus_count_windows(e, (size_t)c->T);
    return SPIRAL_OK;
}

spiral_status spiral_corpus_split(spiral_corpus *c, size_t every, spiral_corpus **held_out,
                                  spiral_error *err) {
    if (every < 2)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "every %zu-th file is held out, must be 2 or more",
                            every);
    spiral_corpus *held = calloc(1, sizeof *held);
    if (held) held->entries = calloc(c->count + 1, sizeof *held->entries);
    if (!held || !held->entries) {
        spiral_corpus_destroy(held);
        return spiral__no_memory(err, c->count * sizeof *held->entries);
    }
    held->T = c->T;
    size_t fit = fit_files(c);
    spiral_status status = SPIRAL_OK;
    if (fit < 2)
        status = cut_file(c, held, err);
    else
        move_files(c, fit < every ? fit : every, held);
    if (status == SPIRAL_OK) status = spiral__corpus_index(c, err);
    if (status == SPIRAL_OK) status = spiral__corpus_index(held, err);
    if (status != SPIRAL_OK) {
        spiral_corpus_destroy(held);
        return status;
    }
    *held_out = held;
    return SPIRAL_OK;
}
