/* SPDX-License-Identifier: MIT
 *
 * Sorting notes (see note_order.h): a merge sort that skips what is in order already. Each track of a file is
 * in order, so one track takes one pass, and k tracks about log2 k merges.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/search.h"
#include "midi/note_order.h"

/* Time, pitch and channel in one number (38, 7 and 4 bits): one comparison decides for nearly all pairs. */
static uint64_t order_key(const spiral_note *n) {
    return (uint64_t)n->on_ticks << 11 | (uint64_t)n->pitch << 4 | n->channel;
}

bool spiral__note_before(const spiral_note *a, const spiral_note *b) {
    uint64_t a_key = order_key(a), b_key = order_key(b);
    if (a_key != b_key) return a_key < b_key;
    if (a->track != b->track) return a->track < b->track;
    if (a->off_ticks != b->off_ticks) return a->off_ticks < b->off_ticks;
    return a->velocity < b->velocity;
}

static void insertion_sort(spiral_note *notes, size_t n) {
    for (size_t i = 1; i < n; i++) {
        if (!spiral__note_before(&notes[i], &notes[i - 1])) continue;
        spiral_note note = notes[i];
        size_t j = i;
        do notes[j] = notes[j - 1];
        while (--j > 0 && spiral__note_before(&note, &notes[j - 1]));
        notes[j] = note;
    }
}

/* Whether notes[half], the first of the right part, comes before note i of the left part. */
typedef struct halves {
    const spiral_note *notes;
    size_t half;
} halves;

static int right_comes_first(const void *context, size_t i) {
    const halves *h = context;
    return spiral__note_before(&h->notes[h->half], &h->notes[i]);
}

/* Merges the sorted notes[0 .. half) and notes[half .. n); spare holds up to half notes. */
static void merge(spiral_note *notes, size_t half, size_t n, spiral_note *spare) {
    const halves h = {notes, half};
    size_t in_place = spiral__search(half, right_comes_first, &h); /* left notes before the first right one */
    spiral_note *out = notes + in_place, *right = notes + half, *end = notes + n;
    size_t left = half - in_place;
    memcpy(spare, out, left * sizeof *spare);
    while (left && right < end) {
        bool take_right = spiral__note_before(right, spare);
        *out++ = take_right ? *right : *spare;
        right += take_right;
        spare += !take_right;
        left -= !take_right;
    }
    memcpy(out, spare, left * sizeof *spare);
}

static void merge_sort(spiral_note *notes, size_t n, spiral_note *spare) {
    if (n <= 16) {
        insertion_sort(notes, n);
        return;
    }
    size_t half = n / 2;
    merge_sort(notes, half, spare);
    merge_sort(notes + half, n - half, spare);
    if (spiral__note_before(&notes[half], &notes[half - 1])) merge(notes, half, n, spare);
}

spiral_status spiral__notes_sort(spiral_note *notes, size_t n, spiral_error *err) {
    if (n <= 16) {
        insertion_sort(notes, n);
        return SPIRAL_OK;
    }
    spiral_note *spare = malloc(n / 2 * sizeof *spare);
    if (!spare) return spiral__no_memory(err, n / 2 * sizeof *spare);
    merge_sort(notes, n, spare);
    free(spare);
    return SPIRAL_OK;
}

spiral_status spiral__notes_sorted(const spiral_midi *midi, const spiral_note **sorted, spiral_note **copy,
                                   spiral_error *err) {
    size_t i = 1, n = midi->note_count;
    *sorted = midi->notes;
    *copy = NULL;
    while (i < n && !spiral__note_before(&midi->notes[i], &midi->notes[i - 1])) i++;
    if (i >= n) return SPIRAL_OK;
    spiral_note *notes = malloc(n * sizeof *notes);
    if (!notes) return spiral__no_memory(err, n * sizeof *notes);
    memcpy(notes, midi->notes, n * sizeof *notes);
    spiral_status status = spiral__notes_sort(notes, n, err);
    if (status != SPIRAL_OK) return free(notes), status;
    *sorted = *copy = notes;
    return SPIRAL_OK;
}
