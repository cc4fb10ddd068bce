/* SPDX-License-Identifier: MIT
 *
 * Scores of notes: which notes of two rolls are the same, when an onset may be a little early or late.
 * Offsets do not count. Not here: scores of single columns (frames.c).
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "spiral/metrics.h"

/* The onsets of a roll, key by key: those of key k are column[first[k] .. first[k + 1]), ascending. */
typedef struct onset_list {
    size_t first[SPIRAL_KEY_COUNT + 1];
    size_t *column; /* owned */
} onset_list;

/* The keys at which a note begins in frame t. */
static spiral_keys starts(const spiral_roll *roll, size_t t) {
    return spiral_keys_starts(t ? &roll->sounding[t - 1] : NULL, &roll->sounding[t],
                              roll->onsets ? &roll->onsets[t] : NULL);
}

/* Calls for every onset in order of columns: counts into slot[k + 1] when column is NULL, else stores at
 * column[slot[k]++]. */
static void walk(const spiral_roll *roll, size_t *slot, size_t *column) {
    for (size_t i = 0; i < roll->frames; i++) {
        spiral_keys c = starts(roll, i);
        for (int w = 0; w < 2; w++)
            for (uint64_t bits = c.word[w]; bits; bits &= bits - 1) {
                int key = 64 * w + __builtin_ctzll(bits);
                if (column)
                    column[slot[key]++] = i;
                else
                    slot[key + 1]++;
            }
    }
}

static spiral_status list_onsets(const spiral_roll *roll, onset_list *list, spiral_error *err) {
    *list = (onset_list){0};
    walk(roll, list->first, NULL);
    for (int k = 0; k < SPIRAL_KEY_COUNT; k++) list->first[k + 1] += list->first[k];
    size_t slot[SPIRAL_KEY_COUNT], bytes = (list->first[SPIRAL_KEY_COUNT] + 1) * sizeof *list->column;
    list->column = malloc(bytes);
    if (!list->column) return spiral__no_memory(err, bytes);
    for (int k = 0; k < SPIRAL_KEY_COUNT; k++) slot[k] = list->first[k];
    walk(roll, slot, list->column);
    return SPIRAL_OK;
}

/* Most pairs (a_i, b_j) at most `reach` columns apart, each onset in one pair; both lists ascending.
 *
 * Let a and b be the earliest free onsets. If they are within reach, some best matching pairs them. Take any
 * best matching: one of the two is in it, or (a, b) could be added. If it has (a, b') or (a', b) only, that
 * pair can become (a, b). If it has both, then a' - b' <= a' - b <= reach and b' - a' <= b' - a <= reach, so
 * (a, b) and (a', b') are allowed and as many. If a and b are not within reach, the earlier one is out of
 * reach of the whole other list, which starts later still, and can be dropped. */
static uint64_t match(const size_t *a, size_t n, const size_t *b, size_t m, size_t reach) {
    uint64_t pairs = 0;
    for (size_t i = 0, j = 0; i < n && j < m;) {
        size_t apart = a[i] > b[j] ? a[i] - b[j] : b[j] - a[i];
        if (apart <= reach) {
            pairs++, i++, j++;
        } else if (a[i] < b[j]) {
            i++;
        } else {
            j++;
        }
    }
    return pairs;
}

/* The tolerance in columns: the largest k whose length, rounded to 0.1 ms, is within tolerance_s. */
static size_t reach_columns(double column_s, double tolerance_s, size_t limit) {
    double guess = floor(tolerance_s / column_s);
    if (!(guess < (double)limit)) return limit;
    size_t k = (size_t)guess;
    while (k < limit && nearbyint((double)(k + 1) * column_s * 1e4) / 1e4 <= tolerance_s) k++;
    while (k > 0 && nearbyint((double)k * column_s * 1e4) / 1e4 > tolerance_s) k--;
    return k;
}

static int same_grid(const spiral_grid *a, const spiral_grid *b) {
    return a->kind == b->kind &&
           (a->kind == SPIRAL_GRID_SECONDS ? a->frame_us == b->frame_us
                                           : a->steps_per_quarter == b->steps_per_quarter);
}

spiral_status spiral_metrics_add_notes(spiral_metrics_counts *counts, const spiral_roll *target,
                                       const spiral_roll *predicted, double tolerance_s, spiral_error *err) {
    if (!(tolerance_s >= 0) || !isfinite(tolerance_s))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "onset tolerance %g s is not a number >= 0",
                            tolerance_s);
    if (!same_grid(&target->grid, &predicted->grid))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the two rolls are on different grids");
    double column_s = spiral_roll_frame_s(target);
    if (!(column_s > 0) || !isfinite(column_s))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "column length %g s is not a number > 0", column_s);
    onset_list t, p;
    SPIRAL_TRY(list_onsets(target, &t, err));
    spiral_status status = list_onsets(predicted, &p, err);
    if (status != SPIRAL_OK) return free(t.column), status;
    size_t longest = target->frames > predicted->frames ? target->frames : predicted->frames;
    size_t reach = reach_columns(column_s, tolerance_s, longest);
    for (int k = 0; k < SPIRAL_KEY_COUNT; k++)
        counts->notes_matched += match(t.column + t.first[k], t.first[k + 1] - t.first[k],
                                       p.column + p.first[k], p.first[k + 1] - p.first[k], reach);
    counts->notes_target += t.first[SPIRAL_KEY_COUNT];
    counts->notes_predicted += p.first[SPIRAL_KEY_COUNT];
    free(t.column);
    free(p.column);
    return SPIRAL_OK;
}
