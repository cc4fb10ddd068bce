/* SPDX-License-Identifier: MIT
 *
 * What is taken out of a corpus once its files are read: those the MIDI reader had to mend, and those whose
 * notes another file has already. Not here: why a file could not be read (corpus.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "data/corpus.h"

/* The file stays in the list, without its roll. */
static spiral_status leave_out(spiral__corpus_entry *e, const char *reason, spiral_error *err) {
    e->skipped = strdup(reason);
    if (!e->skipped) return spiral__no_memory(err, strlen(reason) + 1);
    spiral_roll_clear(&e->roll);
    e->windows = e->windows_empty = 0;
    return SPIRAL_OK;
}

/* Closes a sifting: something must be left. */
static spiral_status finish(spiral_corpus *c, size_t left_out, size_t *told, spiral_error *err) {
    char room[SPIRAL__PATH_TEXT];
    size_t left = 0;
    for (size_t i = 0; i < c->count; i++) left += !c->entries[i].skipped;
    if (told) *told = left_out;
    SPIRAL_TRY(spiral__corpus_index(c, err));
    if (left) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_NO_DATA, -1, "%s: %s%s", spiral__error_path(c->entries[0].path, room),
                        c->entries[0].skipped, c->count > 1 ? " (nor is any other file fit)" : "");
}

spiral_status spiral_corpus_drop_repaired(spiral_corpus *c, size_t *count, spiral_error *err) {
    static const char refused[] = "the reader had to mend it: ";
    char reason[sizeof refused + 1024] = "";
    size_t left_out = 0;
    for (size_t i = 0; i < c->count; i++) {
        spiral__corpus_entry *e = &c->entries[i];
        memcpy(reason, refused, sizeof refused);
        spiral_midi_warnings_text(e->warnings, reason + sizeof refused - 1,
                                  sizeof reason - sizeof refused + 1);
        if (e->skipped || !reason[sizeof refused - 1]) continue;
        SPIRAL_TRY(leave_out(e, reason, err));
        left_out++;
    }
    return finish(c, left_out, count, err);
}

/* A roll without the silence before its first note. */
typedef struct print {
    uint64_t hash;
    size_t order, silence; /* columns before the first note */
    spiral__corpus_entry *entry;
} print;

static size_t leading_silence(const spiral_roll *roll) {
    size_t t = 0;
    while (t < roll->frames && !(roll->sounding[t].word[0] | roll->sounding[t].word[1])) t++;
    return t;
}

static uint64_t hash_plane(uint64_t hash, const spiral_keys *plane, size_t columns) {
    for (size_t t = 0; t < columns; t++) {
        hash = spiral__mix(hash ^ plane[t].word[0]) + UINT64_C(0x9e3779b97f4a7c15);
        hash = spiral__mix(hash ^ plane[t].word[1]) + UINT64_C(0x9e3779b97f4a7c15);
    }
    return hash;
}

static print make_print(spiral__corpus_entry *e, size_t order) {
    const spiral_roll *roll = &e->roll;
    size_t silence = leading_silence(roll), columns = roll->frames - silence;
    uint64_t hash = hash_plane(spiral__mix(columns), roll->sounding + silence, columns);
    if (roll->onsets) hash = hash_plane(hash, roll->onsets + silence, columns);
    return (print){hash, order, silence, e};
}

static int by_hash(const void *left, const void *right) {
    const print *a = left, *b = right;
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static int same_notes(const print *a, const print *b) {
    const spiral_roll *x = &a->entry->roll, *y = &b->entry->roll;
    size_t columns = x->frames - a->silence;
    if (a->hash != b->hash || columns != y->frames - b->silence || !x->onsets != !y->onsets) return 0;
    return !memcmp(x->sounding + a->silence, y->sounding + b->silence, columns * sizeof *x->sounding) &&
           (!x->onsets ||
            !memcmp(x->onsets + a->silence, y->onsets + b->silence, columns * sizeof *x->onsets));
}

/* The prints of the files that are in the corpus, from *order on. */
static void add_prints(const spiral_corpus *c, print *prints, size_t *order) {
    for (size_t i = 0; c && i < c->count; i++)
        if (!c->entries[i].skipped) {
            prints[*order] = make_print(&c->entries[i], *order);
            ++*order;
        }
}

/* Prints of one hash are in order, so an earlier file of the same notes stands before; most often it is the
 * first, for those between are left out. */
static print *find_earlier(print *prints, size_t i) {
    size_t first = i;
    while (first > 0 && prints[first - 1].hash == prints[i].hash) first--;
    for (; first < i; first++)
        if (!prints[first].entry->skipped && same_notes(&prints[first], &prints[i])) return &prints[first];
    return NULL;
}

static spiral_status drop(print *prints, size_t count, size_t own, size_t *left_out, spiral_error *err) {
    char reason[SPIRAL__PATH_TEXT + 32], room[SPIRAL__PATH_TEXT];
    for (size_t i = 0; i < count; i++) {
        print *earlier = prints[i].order < own ? NULL : find_earlier(prints, i);
        spiral__corpus_entry *e = prints[i].entry;
        if (!earlier) continue;
        const char *path = earlier->entry->path;
        e->same_as = strdup(path);
        if (!e->same_as) return spiral__no_memory(err, strlen(path) + 1);
        snprintf(reason, sizeof reason, "the same notes as in %s", spiral__error_path(path, room));
        SPIRAL_TRY(leave_out(e, reason, err));
        ++*left_out;
    }
    return SPIRAL_OK;
}

spiral_status spiral_corpus_drop_duplicates(spiral_corpus *c, const spiral_corpus *of, size_t *count,
                                            spiral_error *err) {
    size_t room = c->count + (of ? of->count : 0) + 1, n = 0, left_out = 0;
    print *prints = calloc(room, sizeof *prints);
    if (!prints) return spiral__no_memory(err, room * sizeof *prints);
    add_prints(of, prints, &n);
    size_t own = n;
    add_prints(c, prints, &n);
    qsort(prints, n, sizeof *prints, by_hash);
    spiral_status status = drop(prints, n, own, &left_out, err);
    free(prints);
    return status == SPIRAL_OK ? finish(c, left_out, count, err) : status;
}
