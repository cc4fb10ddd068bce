/* SPDX-License-Identifier: MIT
 *
 * Helpers that read a text score and compare its notes with a text. Include testing.h first.
 */
#ifndef SPIRAL_TESTS_SCORE_SCORE_TESTING_H
#define SPIRAL_TESTS_SCORE_SCORE_TESTING_H

#include "spiral/score.h"

#define PLAIN "title T\nmeter 4/4\nkey C major\ntempo 4 = 120\n" /* lines 1 to 4 of a score */
#define HEAD  PLAIN "voice a\nvoice b\n"                         /* its music begins in line 7 */

/* Reads from a copy of exactly this size, so that a sanitizer detects a read beyond the end. */
static inline spiral_status read_text(const char *text, spiral_midi *midi, spiral_error *err) {
    size_t size = strlen(text);
    char *copy = malloc(size + !size);
    assert_non_null(copy);
    memcpy(copy, text, size);
    spiral_status status = spiral_score_read(copy, size, midi, err);
    free(copy);
    return status;
}

static inline spiral_midi read_good(const char *text) {
    spiral_midi midi;
    spiral_error err = {0};
    if (read_text(text, &midi, &err)) fail_msg("%s", err.text);
    return midi;
}

/* The notes are written "on+length:key" in sixteenths or, after a 't', in ticks. */
static inline void assert_notes(const char *text, const char *expected) {
    spiral_midi midi = read_good(text);
    char got[2048] = "";
    for (size_t i = 0, used = 0; i < midi.note_count; i++) {
        long long on = midi.notes[i].on_ticks, length = midi.notes[i].off_ticks - on;
        int ticks = on % 120 || length % 120;
        used += (size_t)snprintf(got + used, sizeof got - used, "%s%s%lld+%lld:%d", i ? " " : "",
                                 ticks ? "t" : "", ticks ? on : on / 120, ticks ? length : length / 120,
                                 midi.notes[i].pitch);
        assert_true(used < sizeof got);
    }
    spiral_midi_clear(&midi);
    assert_string_equal(got, expected);
}

#endif
