/* SPDX-License-Identifier: MIT
 *
 * Sorting notes (see note_order.h): a merge sort that skips what is in order already. Each track of a file is
 * in order of time, so one track takes one pass, and k tracks about log2 k merges.
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

/* For notes of equal order_key. */
static bool rest_before(const spiral_note *a, const spiral_note *b) {
    if (a->track != b->track) return a->track < b->track;
    if (a->off_ticks != b->off_ticks) return a->off_ticks < b->off_ticks;
    if (a->velocity != b->velocity) return a->velocity < b->velocity;
    if (a->port != b->port) return a->port < b->port;
    return a->drum < b->drum;
}

bool spiral__note_before(const spiral_note *a, const spiral_note *b) {
    uint64_t a_key = order_key(a), b_key = order_key(b);
    return a_key != b_key ? a_key < b_key : rest_before(a, b);
}

static void insertion_sort(spiral_note *notes, size_t n) {
    uint64_t key_before = n ? order_key(notes) : 0;
    for (size_t i = 1; i < n; i++) {
        uint64_t key = order_key(&notes[i]);
        if (key > key_before || (key == key_before && !rest_before(&notes[i], &notes[i - 1]))) {
            key_before = key;
            continue;
        }
        spiral_note note = notes[i];
        size_t j = i;
        do notes[j] = notes[j - 1];
        while (--j > 0 && spiral__note_before(&note, &notes[j - 1]));
        notes[j] = note;
    }
}

/* Whether a comes before b, whose order_keys are given. */
static bool key_before(uint64_t a_key, const spiral_note *a, uint64_t b_key, const spiral_note *b) {
    return a_key < b_key || (a_key == b_key && rest_before(a, b));
}

/* Merges the sorted parts left[0 .. n) and right[0 .. m), which follow it at once, into one. spare holds n
 * notes. */
static void merge_up(spiral_note *left, size_t n, const spiral_note *right, size_t m, spiral_note *spare) {
    const spiral_note *end = right + m;
    spiral_note *out = left;
    memcpy(spare, left, n * sizeof *spare);
    uint64_t left_key = order_key(spare), right_key = order_key(right);
    for (;;) {
        if (key_before(right_key, right, left_key, spare)) {
            *out++ = *right++;
            if (right == end) break;
            right_key = order_key(right);
        } else {
            *out++ = *spare++;
            if (--n == 0) return;
            left_key = order_key(spare);
        }
    }
    memcpy(out, spare, n * sizeof *spare);
}

/* The same from the end on. spare holds m notes. */
static void merge_down(spiral_note *left, size_t n, const spiral_note *right, size_t m, spiral_note *spare) {
    const spiral_note *last = left + n - 1, *spare_last = spare + m - 1;
    spiral_note *out = left + n + m - 1;
    memcpy(spare, right, m * sizeof *spare);
    uint64_t left_key = order_key(last), right_key = order_key(spare_last);
    for (;;) {
        if (key_before(right_key, spare_last, left_key, last)) {
            *out-- = *last--;
            if (--n == 0) break;
            left_key = order_key(last);
        } else {
            *out-- = *spare_last--;
            if (--m == 0) return;
            right_key = order_key(spare_last);
        }
    }
    memcpy(left, spare, m * sizeof *spare);
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

/* Merges the sorted notes[0 .. half) and notes[half .. n), neither of which is empty; spare holds as many as
 * the smaller one. */
static void merge(spiral_note *notes, size_t half, size_t n, spiral_note *spare) {
    const halves h = {notes, half};
    if (!spiral__note_before(&notes[half], &notes[half - 1])) return;
    size_t in_place = spiral__search(half, right_comes_first, &h); /* left notes before the first right one */
    if (half - in_place <= n - half)
        merge_up(notes + in_place, half - in_place, notes + half, n - half, spare);
    else
        merge_down(notes + in_place, half - in_place, notes + half, n - half, spare);
}

static void merge_sort(spiral_note *notes, size_t n, spiral_note *spare) {
    if (n <= 16) {
        insertion_sort(notes, n);
        return;
    }
    size_t half = n / 2;
    merge_sort(notes, half, spare);
    merge_sort(notes + half, n - half, spare);
    merge(notes, half, n, spare);
}

/* Where runs of notes begin that are in order of time, as the tracks of a file are, and last n. Returns their
 * number, or 0: there are more than RUNS_MAX. */
enum { RUNS_MAX = 64 };
static size_t find_runs(const spiral_note *notes, size_t n, size_t runs[RUNS_MAX + 1]) {
    size_t count = 1;
    runs[0] = 0;
    for (size_t i = 1; i < n; i++) {
        if (notes[i].on_ticks >= notes[i - 1].on_ticks) continue;
        if (count == RUNS_MAX) return 0;
        runs[count++] = i;
    }
    runs[count] = n;
    return count;
}

/* Sorts each run, then merges neighbours until one is left. */
static void sort_runs(spiral_note *notes, size_t runs[RUNS_MAX + 1], size_t count, spiral_note *spare) {
    for (size_t i = 0; i < count; i++) merge_sort(notes + runs[i], runs[i + 1] - runs[i], spare);
    while (count > 1) {
        size_t merged = 0;
        for (size_t i = 0; i < count; i += 2) {
            size_t begin = runs[i];
            if (i + 1 < count) merge(notes + begin, runs[i + 1] - begin, runs[i + 2] - begin, spare);
            runs[merged++] = begin;
        }
        runs[merged] = runs[count];
        count = merged;
    }
}

spiral_status spiral__notes_sort(spiral_note *notes, size_t n, spiral_error *err) {
    size_t runs[RUNS_MAX + 1];
    if (n <= 16) {
        insertion_sort(notes, n);
        return SPIRAL_OK;
    }
    spiral_note *spare = malloc(n / 2 * sizeof *spare);
    if (!spare) return spiral__no_memory(err, n / 2 * sizeof *spare);
    size_t count = find_runs(notes, n, runs);
    if (count)
        sort_runs(notes, runs, count, spare);
    else
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
