/* SPDX-License-Identifier: MIT
 *
 * Splitting a corpus into one to train on and one to validate on: by whole files, so that no piece is in
 * both.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/corpus.h"

/* Moves every n-th of the files that are not left out from c to held. */
static void move_files(spiral_corpus *c, size_t every, spiral_corpus *held) {
    size_t kept = 0, seen = 0;
    for (size_t i = 0; i < c->count; i++) {
        int in_corpus = !c->entries[i].left_out;
        seen += (size_t)in_corpus;
        if (in_corpus && seen % every == 0)
            held->entries[held->count++] = c->entries[i];
        else
            c->entries[kept++] = c->entries[i];
    }
    c->count = kept;
}

/* Moves the last `tail` frames of a roll to a roll of its own. */
static spiral_status cut_tail(spiral_roll *roll, size_t tail, spiral_roll *out, spiral_error *err) {
    const size_t begin = roll->frames - tail;
    SPIRAL_TRY(spiral_roll_create(roll->grid, tail, roll->onsets != NULL, out, err));
    out->quarters_per_min = roll->quarters_per_min;
    memcpy(out->sounding, roll->sounding + begin, tail * sizeof *out->sounding);
    if (out->onsets) memcpy(out->onsets, roll->onsets + begin, tail * sizeof *out->onsets);
    roll->frames = begin;
    return SPIRAL_OK;
}

/* Of the one file the last tenth becomes a file of the same name in held. */
static spiral_status cut_file(spiral_corpus *c, spiral_corpus *held, spiral_error *err) {
    spiral__corpus_entry *e = c->entries, *h = held->entries;
    char path_text[SPIRAL__PATH_TEXT];
    while (e->left_out) e++;
    const size_t tail = e->roll.frames / 10;
    if (tail < (size_t)c->T)
        return spiral__fail(err, SPIRAL_NO_DATA, -1,
                            "%s: its %zu frames are too few to hold some out for validation, %d are needed",
                            spiral__error_path(e->path, path_text), e->roll.frames, 10 * c->T);
    char *path = strdup(e->path);
    if (!path) return spiral__no_memory(err, strlen(e->path) + 1);
    spiral_roll roll = {0};
    spiral_status status = cut_tail(&e->roll, tail, &roll, err);
    if (status != SPIRAL_OK) return free(path), status;
    *h = *e;
    h->path = path;
    h->roll = roll;
    h->mapped = 0;
    held->count = 1;
    return SPIRAL_OK;
}

/* part: what the corpus is, for the error. */
static spiral_status finish(spiral_corpus *c, const char *part, spiral_error *err) {
    for (size_t i = 0; i < c->count; i++) spiral__corpus_entry_update(&c->entries[i], c->T);
    SPIRAL_TRY(spiral__corpus_index(c, err));
    if (c->positions) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_NO_DATA, -1, "no note sounds in what is %s", part);
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
    held->options = c->options;
    held->mapping = c->mapping;
    if (held->mapping) held->mapping->users++;
    const size_t files = spiral__corpus_files_left(c);
    spiral_status status = SPIRAL_OK;
    if (files < 2)
        status = cut_file(c, held, err);
    else
        move_files(c, files < every ? files : every, held);
    if (status == SPIRAL_OK)
        status = finish(c, "left to train on after a part is held out for validation", err);
    if (status == SPIRAL_OK) status = finish(held, "held out for validation", err);
    if (status != SPIRAL_OK) {
        spiral_corpus_destroy(held);
        return status;
    }
    *held_out = held;
    return SPIRAL_OK;
}
