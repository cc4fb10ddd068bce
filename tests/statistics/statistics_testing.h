/* SPDX-License-Identifier: MIT
 *
 * Helpers that make rolls and count them. Include testing.h first.
 */
#ifndef SPIRAL_TESTS_STATISTICS_STATISTICS_TESTING_H
#define SPIRAL_TESTS_STATISTICS_STATISTICS_TESTING_H

#include <math.h>

#include "base/rng.h"
#include "spiral/statistics.h"

#define assert_near(a, b) assert_true(fabs((a) - (b)) < 1e-12)
#define NO_COUNTS         ((spiral_statistics_counts){.struct_size = sizeof(spiral_statistics_counts)})

static inline void succeeds(spiral_status status, const spiral_error *err) {
    if (status != SPIRAL_OK) fail_msg("%s", err->text);
}

/* A silent roll of sixteenths with two planes. */
static inline spiral_roll sixteenths(size_t frames) {
    spiral_roll roll;
    spiral_error err = {0};
    const spiral_grid grid = {SPIRAL_GRID_BEATS, 0, 4};
    succeeds(spiral_roll_create(grid, frames, 1, &roll, &err), &err);
    return roll;
}

/* A note of `key` in the frames begin .. end - 1. */
static inline void add_note(spiral_roll *roll, int key, size_t begin, size_t end) {
    for (size_t t = begin; t < end; t++) spiral_keys_set(&roll->sounding[t], key, 1);
    spiral_keys_set(&roll->onsets[begin], key, 1);
}

static inline spiral_statistics_counts counts_of(const spiral_roll *roll) {
    spiral_statistics_counts counts = NO_COUNTS;
    spiral_error err = {0};
    succeeds(spiral_statistics_add_roll(&counts, roll, 0, 0, &err), &err);
    return counts;
}

static inline spiral_statistics statistics_of(const spiral_statistics_counts *counts) {
    spiral_statistics statistics = {.struct_size = sizeof statistics};
    spiral_error err = {0};
    succeeds(spiral_statistics_from_counts(counts, &statistics, &err), &err);
    return statistics;
}

/* A roll of 24 frames with `notes` notes of random keys, positions and lengths. */
static inline spiral_roll random_roll(spiral__rng *rng, int notes) {
    spiral_roll roll = sixteenths(24);
    for (int i = 0; i < notes; i++) {
        const size_t begin = spiral__rng_below(rng, 20);
        add_note(&roll, 48 + (int)spiral__rng_below(rng, 24), begin, begin + 1 + spiral__rng_below(rng, 4));
    }
    return roll;
}

#endif
