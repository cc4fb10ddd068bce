/* SPDX-License-Identifier: MIT
 *
 * Leaving files out of a corpus: those that the MIDI reader had to repair, and those that have the same notes
 * as another file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "data/corpus.h"

static spiral_status finish(spiral_corpus *c, size_t left_out, size_t *count, spiral_error *err) {
    if (count) *count = left_out;
    SPIRAL_TRY(spiral__corpus_index(c, err));
    return spiral__corpus_check_files_left(c, err);
}

spiral_status spiral_corpus_drop_repaired(spiral_corpus *c, size_t *count, spiral_error *err) {
    static const char begin[] = "the reader had to repair it: ";
    char reason[sizeof begin + 1024] = "";
    size_t left_out = 0;
    for (size_t i = 0; i < c->count; i++) {
        spiral__corpus_entry *e = &c->entries[i];
        memcpy(reason, begin, sizeof begin);
        if (e->left_out || !spiral_midi_warnings_text(e->warnings, reason + sizeof begin - 1,
                                                      sizeof reason - sizeof begin + 1))
            continue;
        SPIRAL_TRY(spiral__corpus_leave_out(e, reason, c->T, err));
        left_out++;
    }
    return finish(c, left_out, count, err);
}

/* What identifies the notes of a roll: equal notes have equal hashes, whatever the silence before the first
 * note. */
typedef struct fingerprint {
    uint64_t hash;
    size_t order;   /* in which the files are looked at */
    size_t silence; /* frames before the first note */
    spiral__corpus_entry *entry;
} fingerprint;

static size_t leading_silence(const spiral_roll *roll) {
    size_t t = 0;
    while (t < roll->frames && !spiral_keys_any(roll->sounding[t])) t++;
    return t;
}

static uint64_t hash_plane(uint64_t hash, const spiral_keys *plane, size_t frames) {
    for (size_t t = 0; t < frames; t++) {
        hash = spiral__mix(hash ^ plane[t].word[0]) + UINT64_C(0x9e3779b97f4a7c15);
        hash = spiral__mix(hash ^ plane[t].word[1]) + UINT64_C(0x9e3779b97f4a7c15);
    }
    return hash;
}

static fingerprint fingerprint_of(spiral__corpus_entry *e, size_t order) {
    const spiral_roll *roll = &e->roll;
    size_t silence = leading_silence(roll), frames = roll->frames - silence;
    uint64_t hash = hash_plane(spiral__mix(frames), roll->sounding + silence, frames);
    if (roll->onsets) hash = hash_plane(hash, roll->onsets + silence, frames);
    return (fingerprint){hash, order, silence, e};
}

/* Appends the files of a corpus (NULL: none) that are not left out. */
static void add_fingerprints(const spiral_corpus *c, fingerprint *list, size_t *count) {
    for (size_t i = 0; c && i < c->count; i++)
        if (!c->entries[i].left_out) {
            list[*count] = fingerprint_of(&c->entries[i], *count);
            ++*count;
        }
}

static int by_hash_and_order(const void *left, const void *right) {
    const fingerprint *a = left, *b = right;
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static int same_notes(const fingerprint *a, const fingerprint *b) {
    const spiral_roll *x = &a->entry->roll, *y = &b->entry->roll;
    size_t frames = x->frames - a->silence;
    if (a->hash != b->hash || frames != y->frames - b->silence || !x->onsets != !y->onsets) return 0;
    return !memcmp(x->sounding + a->silence, y->sounding + b->silence, frames * sizeof *x->sounding) &&
           (!x->onsets ||
            !memcmp(x->onsets + a->silence, y->onsets + b->silence, frames * sizeof *x->onsets));
}

/* An earlier file with the same notes, or NULL. Equal hashes are neighbours, the earliest file first. */
static const fingerprint *find_earlier(const fingerprint *list, size_t i) {
    size_t first = i;
    while (first > 0 && list[first - 1].hash == list[i].hash) first--;
    for (; first < i; first++)
        if (!list[first].entry->left_out && same_notes(&list[first], &list[i])) return &list[first];
    return NULL;
}

/* Leaves out the duplicates among those files whose order is `own` or more. */
static spiral_status leave_out_duplicates(const fingerprint *list, size_t count, size_t own, int T,
                                          size_t *left_out, spiral_error *err) {
    char reason[SPIRAL__PATH_TEXT + 32], room[SPIRAL__PATH_TEXT];
    for (size_t i = 0; i < count; i++) {
        const fingerprint *earlier = list[i].order < own ? NULL : find_earlier(list, i);
        spiral__corpus_entry *e = list[i].entry;
        if (!earlier) continue;
        const char *path = earlier->entry->path;
        e->same_as = strdup(path);
        if (!e->same_as) return spiral__no_memory(err, strlen(path) + 1);
        snprintf(reason, sizeof reason, "the same notes as in %s", spiral__error_path(path, room));
        SPIRAL_TRY(spiral__corpus_leave_out(e, reason, T, err));
        ++*left_out;
    }
    return SPIRAL_OK;
}

spiral_status spiral_corpus_drop_duplicates(spiral_corpus *c, const spiral_corpus *of, size_t *count,
                                            spiral_error *err) {
    size_t most = c->count + (of ? of->count : 0) + 1, n = 0, left_out = 0;
    fingerprint *list = calloc(most, sizeof *list);
    if (!list) return spiral__no_memory(err, most * sizeof *list);
    add_fingerprints(of, list, &n);
    const size_t own = n;
    add_fingerprints(c, list, &n);
    qsort(list, n, sizeof *list, by_hash_and_order);
    spiral_status status = leave_out_duplicates(list, n, own, c->T, &left_out, err);
    free(list);
    return status == SPIRAL_OK ? finish(c, left_out, count, err) : status;
}
