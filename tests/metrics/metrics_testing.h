/* SPDX-License-Identifier: MIT
 *
 * Helpers that make frames and rolls and call the metrics, which must succeed. Include testing.h first.
 */
#ifndef SPIRAL_TESTS_METRICS_METRICS_TESTING_H
#define SPIRAL_TESTS_METRICS_METRICS_TESTING_H

#include "base/rng.h"
#include "spiral/metrics.h"

#define assert_near(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static const spiral_helix helix = {{1.3, 0, 0, 0, 0, 0}, .5};

static inline spiral_keys keys_of(const int *keys) { /* ends with -1 */
    spiral_keys set = {{0, 0}};
    for (; *keys >= 0; keys++) spiral_keys_set(&set, *keys, 1);
    return set;
}
#define KEYS(...) keys_of((const int[]){__VA_ARGS__, -1})

static inline spiral_keys random_keys(spiral__rng *rng, double density) {
    spiral_keys set = {{0, 0}};
    for (int p = 0; p < SPIRAL_KEY_COUNT; p++) spiral_keys_set(&set, p, spiral__rng_uniform(rng) < density);
    return set;
}

/* A roll over planes that the caller owns. */
static inline spiral_roll roll_over(spiral_keys *sounding, spiral_keys *onsets, size_t frames) {
    return (spiral_roll){.grid = {.kind = SPIRAL_GRID_SECONDS, .frame_us = 10000},
                         .frames = frames,
                         .sounding = sounding,
                         .onsets = onsets};
}

#define NO_COUNTS ((spiral_metrics_counts){.struct_size = sizeof(spiral_metrics_counts)})

static inline void succeeds(spiral_status status, const spiral_error *err) {
    if (status != SPIRAL_OK) fail_msg("%s", err->text);
}

static inline void add_frames(spiral_metrics_counts *counts, const spiral_keys *target,
                              const spiral_keys *predicted, size_t T) {
    spiral_error err = {0};
    succeeds(spiral_metrics_add_frames(counts, target, predicted, T, &err), &err);
}

static inline void add_notes(spiral_metrics_counts *counts, const spiral_roll *target,
                             const spiral_roll *predicted, double tolerance_s) {
    spiral_error err = {0};
    succeeds(spiral_metrics_add_notes(counts, target, predicted, tolerance_s, &err), &err);
}

static inline void add_helix(spiral_metrics_counts *counts, const spiral_helix *h, const spiral_keys *target,
                             const spiral_keys *predicted, size_t T) {
    spiral_error err = {0};
    succeeds(spiral_metrics_add_helix(counts, h, target, predicted, T, &err), &err);
}

static inline void add_counts(spiral_metrics_counts *counts, const spiral_metrics_counts *more) {
    spiral_error err = {0};
    succeeds(spiral_metrics_counts_add(counts, more, &err), &err);
}

static inline spiral_metrics ratios_of(const spiral_metrics_counts *counts) {
    spiral_metrics metrics = {.struct_size = sizeof metrics};
    spiral_error err = {0};
    succeeds(spiral_metrics_from_counts(counts, &metrics, &err), &err);
    return metrics;
}

#endif
