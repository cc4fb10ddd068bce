/* SPDX-License-Identifier: MIT
 *
 * For tests of the reader, which make a file and compare what is read with a line of text. Include testing.h
 * first.
 */
#ifndef SPIRAL_TESTS_MIDI_SMF_CHECK_H
#define SPIRAL_TESTS_MIDI_SMF_CHECK_H

#include "midi_text.h"
#include "smf.h"

static smf f; /* the file that a test makes */

static inline spiral_midi read_file(void) {
    spiral_midi midi;
    spiral_error err = {0};
    /* a copy of exactly this size, so that a sanitizer detects a read beyond the end */
    unsigned char *bytes = malloc(f.size);
    memcpy(bytes, f.bytes, f.size);
    spiral_status status = spiral_midi_read(bytes, f.size, &midi, &err);
    free(bytes);
    if (status != SPIRAL_OK) fail_msg("%s", err.text);
    return midi;
}

static inline void check_text(const spiral_midi *midi, const char *warnings, const char *notes) {
    char text[1000];
    assert_string_equal(warnings_text(midi, text, sizeof text), warnings);
    assert_string_equal(notes_text(midi, text, sizeof text), notes);
}

/* Reads f, which must give these warnings and notes. */
static inline void check(const char *warnings, const char *notes) {
    spiral_midi midi = read_file();
    check_text(&midi, warnings, notes);
    spiral_midi_clear(&midi);
}

#endif
