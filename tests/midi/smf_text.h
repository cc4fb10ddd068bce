/* SPDX-License-Identifier: MIT
 *
 * What was read, as text that a test can state in one line.
 */
#ifndef SPIRAL_TESTS_MUSIC_SMF_TEXT_H
#define SPIRAL_TESTS_MUSIC_SMF_TEXT_H

#include <stdio.h>

#include "spiral/midi.h"

/* Notes as "track:channel pitch/velocity on-off" with ", " between. */
static inline const char *notes_text(const spiral_midi *midi, char *text, size_t room) {
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < midi->note_count && used < room; i++) {
        const spiral_note *n = &midi->notes[i];
        used += (size_t)snprintf(text + used, room - used, "%s%d:%d %d/%d %lld-%lld", i ? ", " : "", n->track,
                                 n->channel, n->pitch, n->velocity, (long long)n->on_ticks,
                                 (long long)n->off_ticks);
    }
    return text;
}

/* Warnings as "NAME count" in the order of the list with ", " between. */
static inline const char *warnings_text(const spiral_midi *midi, char *text, size_t room) {
    static const char *const names[] = {
#define SPIRAL_X(name, text) #name,
        SPIRAL_MIDI_WARNING_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT && used < room; i++)
        if (midi->warnings[i])
            used += (size_t)snprintf(text + used, room - used, "%s%s %u", used ? ", " : "", names[i],
                                     (unsigned)midi->warnings[i]);
    return text;
}

#endif
