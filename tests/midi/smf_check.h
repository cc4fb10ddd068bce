/* SPDX-License-Identifier: MIT
 *
 * One line per case for the tests of the reader: make the file f, say what must come out. Include cmocka.h
 * first.
 */
#ifndef SPIRAL_TESTS_MUSIC_SMF_CHECK_H
#define SPIRAL_TESTS_MUSIC_SMF_CHECK_H

#include <stdlib.h>

#include "smf.h"
#include "smf_text.h"

static smf f; /* the file that a test makes */

static inline spiral_midi read_file(void) {
    spiral_midi midi;
    spiral_error err = {0};
    /* a copy of exactly this size, so that a sanitizer sees a read beyond it */
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

/* Reads f; the warnings and the notes are these. */
static inline void check(const char *warnings, const char *notes) {
    spiral_midi midi = read_file();
    check_text(&midi, warnings, notes);
    spiral_midi_clear(&midi);
}

#endif
