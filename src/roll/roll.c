/* SPDX-License-Identifier: MIT
 *
 * Making, checking and freeing rolls. Notes to roll: roll_from_midi.c; roll to notes: midi_from_roll.c.
 */
#include <stdlib.h>

#include "base/error.h"
#include "roll/roll_check.h"

static spiral_status check_grid(spiral_grid grid, spiral_error *err) {
    if (grid.kind != SPIRAL_GRID_SECONDS && grid.kind != SPIRAL_GRID_BEATS)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "grid kind %d is neither seconds nor beats",
                            (int)grid.kind);
    if (grid.kind == SPIRAL_GRID_SECONDS && (grid.frame_us < 1000 || grid.frame_us > 1000000))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "frame_us %d is not within 1000..1000000",
                            (int)grid.frame_us);
    if (grid.kind == SPIRAL_GRID_BEATS && (grid.steps_per_quarter < 1 || grid.steps_per_quarter > 96))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "steps_per_quarter %d is not within 1..96",
                            (int)grid.steps_per_quarter);
    return SPIRAL_OK;
}

spiral_status spiral__roll_check(spiral_grid grid, uint64_t frames, spiral_error *err) {
    SPIRAL_TRY(check_grid(grid, err));
    if (frames <= SPIRAL_ROLL_FRAMES_MAX) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_TOO_BIG, -1, "a roll of %llu frames is longer than the limit, %zu",
                        (unsigned long long)frames, SPIRAL_ROLL_FRAMES_MAX);
}

spiral_status spiral_roll_create(spiral_grid grid, size_t frames, int onsets, spiral_roll *roll,
                                 spiral_error *err) {
    *roll = (spiral_roll){0};
    SPIRAL_TRY(spiral__roll_check(grid, frames, err));
    size_t capacity = frames ? frames : 1;
    spiral_keys *sounding = calloc(capacity, sizeof *sounding);
    spiral_keys *starts = onsets ? calloc(capacity, sizeof *starts) : NULL;
    if (!sounding || (onsets && !starts)) {
        free(sounding);
        free(starts);
        return spiral__no_memory(err, capacity * sizeof *sounding);
    }
    *roll = (spiral_roll){grid, 120, frames, sounding, starts};
    return SPIRAL_OK;
}

void spiral_roll_clear(spiral_roll *roll) {
    if (!roll) return;
    free(roll->sounding);
    free(roll->onsets);
    *roll = (spiral_roll){0};
}

double spiral_roll_frame_s(const spiral_roll *roll) {
    if (roll->grid.kind == SPIRAL_GRID_SECONDS) return roll->grid.frame_us * 1e-6;
    return 60 / (roll->quarters_per_min * roll->grid.steps_per_quarter);
}
