/* SPDX-License-Identifier: MIT
 *
 * Helpers that make rolls and describe their content as text. Include testing.h first.
 */
#ifndef SPIRAL_TESTS_ROLL_ROLLS_H
#define SPIRAL_TESTS_ROLL_ROLLS_H

#include "spiral/roll.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static inline spiral_midi midi_of(spiral_note *notes, size_t n) {
    return (spiral_midi){.ticks_per_quarter = 480, .note_count = n, .notes = notes};
}

static inline spiral_roll_options default_options(void) {
    spiral_roll_options options;
    spiral_roll_options_default(&options, sizeof options);
    return options;
}

/* All keys on a grid of beats. */
static inline spiral_roll_options beats(int steps, int onsets) {
    return (spiral_roll_options){.struct_size = sizeof(spiral_roll_options),
                                 .grid = {.kind = SPIRAL_GRID_BEATS, .steps_per_quarter = steps},
                                 .high = 127,
                                 .onsets = onsets};
}

/* report may be NULL; its struct_size is set here. */
static inline spiral_roll roll_of(const spiral_midi *midi, const spiral_roll_options *options,
                                  spiral_roll_report *report) {
    spiral_roll roll;
    spiral_error err = {0};
    if (report) report->struct_size = sizeof *report;
    if (spiral_roll_from_midi(midi, options, &roll, report, &err) != SPIRAL_OK) fail_msg("%s", err.text);
    return roll;
}

/* One key along the frames: '-' silent, '#' sounding, 'O' sounding with an onset, '?' an onset alone. */
static inline const char *key_text(const spiral_roll *roll, int key, char *text) {
    for (size_t t = 0; t < roll->frames; t++) {
        int sounds = spiral_keys_get(&roll->sounding[t], key);
        int onset = roll->onsets && spiral_keys_get(&roll->onsets[t], key);
        text[t] = onset ? (sounds ? 'O' : '?') : sounds ? '#' : '-';
    }
    text[roll->frames] = 0;
    return text;
}

#endif
