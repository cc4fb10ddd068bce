/* SPDX-License-Identifier: MIT
 *
 * Counts of notes: which notes of two rolls match, when an onset may be a little early or late. Where notes
 * end does not matter. Not here: counts of single frames (frames.c).
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "metrics/counts.h"
#include "roll/roll_check.h"

/* The onsets of a roll by key: those of key k are frame[begin[k] .. begin[k + 1]), ascending. */
typedef struct onset_list {
    size_t begin[SPIRAL_KEY_COUNT + 1];
    size_t *frame; /* owned */
} onset_list;

/* Goes through the onsets in order of frames. frame is NULL: counts those of key k in place[k + 1]; else
 * stores each at frame[place[k]++]. */
static void count_or_store_onsets(const spiral_roll *roll, size_t *place, size_t *frame) {
    for (size_t t = 0; t < roll->frames; t++) {
        spiral_keys starts = spiral_keys_starts(t ? &roll->sounding[t - 1] : NULL, &roll->sounding[t],
                                                roll->onsets ? &roll->onsets[t] : NULL);
        for (int w = 0; w < 2; w++)
            for (uint64_t bits = starts.word[w]; bits; bits &= bits - 1) {
                int key = 64 * w + __builtin_ctzll(bits);
                if (frame)
                    frame[place[key]++] = t;
                else
                    place[key + 1]++;
            }
    }
}

static spiral_status list_onsets(const spiral_roll *roll, onset_list *list, spiral_error *err) {
    *list = (onset_list){0};
    count_or_store_onsets(roll, list->begin, NULL);
    for (int k = 0; k < SPIRAL_KEY_COUNT; k++) list->begin[k + 1] += list->begin[k];
    size_t place[SPIRAL_KEY_COUNT], bytes = (list->begin[SPIRAL_KEY_COUNT] + 1) * sizeof *list->frame;
    list->frame = malloc(bytes);
    if (!list->frame) return spiral__no_memory(err, bytes);
    for (int k = 0; k < SPIRAL_KEY_COUNT; k++) place[k] = list->begin[k];
    count_or_store_onsets(roll, place, list->frame);
    return SPIRAL_OK;
}

/* The greatest number of pairs (a_i, b_j) at most `tolerance` frames apart, each onset in at most one pair.
 * Both lists are ascending.
 *
 * Let a and b be the earliest onsets that are left. If they are within tolerance, some largest set of pairs
 * contains (a, b). Take any largest set: one of the two is in it, or (a, b) could be added. If it has (a,
 * b') or (a', b) only, that pair can be replaced by (a, b). If it has both, then a' - b' <= a' - b <=
 * tolerance and b' - a' <= b' - a <= tolerance, so (a, b) and (a', b') are two pairs as well. If a and b
 * are not within tolerance, the earlier one is too early for the whole other list and can be left out. */
static uint64_t count_matches(const size_t *a, size_t n, const size_t *b, size_t m, size_t tolerance) {
    uint64_t pairs = 0;
    for (size_t i = 0, j = 0; i < n && j < m;) {
        size_t apart = a[i] > b[j] ? a[i] - b[j] : b[j] - a[i];
        if (apart <= tolerance) {
            pairs++, i++, j++;
        } else if (a[i] < b[j]) {
            i++;
        } else {
            j++;
        }
    }
    return pairs;
}

/* The tolerance in frames: the largest k <= limit whose length, rounded to 0.1 ms, is within tolerance_s. */
static size_t tolerance_in_frames(double frame_s, double tolerance_s, size_t limit) {
    double estimate = floor(tolerance_s / frame_s);
    if (!(estimate < (double)limit)) return limit;
    size_t k = (size_t)estimate;
    while (k < limit && nearbyint((double)(k + 1) * frame_s * 1e4) / 1e4 <= tolerance_s) k++;
    while (k > 0 && nearbyint((double)k * frame_s * 1e4) / 1e4 > tolerance_s) k--;
    return k;
}

static spiral_status check_rolls(const spiral_roll *target, const spiral_roll *predicted, double tolerance_s,
                                 spiral_error *err) {
    if (!(tolerance_s >= 0) || !isfinite(tolerance_s))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "onset tolerance %g s is not a number >= 0",
                            tolerance_s);
    if (!spiral__grid_equal(&target->grid, &predicted->grid))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the two rolls are on different grids");
    double frame_s = spiral_roll_frame_s(target);
    if (!(frame_s > 0) || !isfinite(frame_s))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "frame length %g s is not a number > 0", frame_s);
    return SPIRAL_OK;
}

spiral_status spiral_metrics_add_notes(spiral_metrics_counts *counts, const spiral_roll *target,
                                       const spiral_roll *predicted, double tolerance_s, spiral_error *err) {
    spiral_metrics_counts sum;
    onset_list t, p;
    SPIRAL_TRY(spiral__metrics_counts_read(counts, &sum, err));
    SPIRAL_TRY(check_rolls(target, predicted, tolerance_s, err));
    SPIRAL_TRY(list_onsets(target, &t, err));
    spiral_status status = list_onsets(predicted, &p, err);
    if (status != SPIRAL_OK) return free(t.frame), status;
    size_t longest = target->frames > predicted->frames ? target->frames : predicted->frames;
    size_t tolerance = tolerance_in_frames(spiral_roll_frame_s(target), tolerance_s, longest);
    for (int k = 0; k < SPIRAL_KEY_COUNT; k++)
        sum.matched_notes += count_matches(t.frame + t.begin[k], t.begin[k + 1] - t.begin[k],
                                           p.frame + p.begin[k], p.begin[k + 1] - p.begin[k], tolerance);
    sum.target_notes += t.begin[SPIRAL_KEY_COUNT];
    sum.predicted_notes += p.begin[SPIRAL_KEY_COUNT];
    free(t.frame);
    free(p.frame);
    spiral__metrics_counts_write(&sum, counts);
    return SPIRAL_OK;
}
