/* SPDX-License-Identifier: MIT
 *
 * A spiral_midi as text of one line, for comparisons, and a spiral_midi written and read again. Include
 * testing.h first.
 */
#ifndef SPIRAL_TESTS_MIDI_MIDI_TEXT_H
#define SPIRAL_TESTS_MIDI_MIDI_TEXT_H

#include "spiral/midi.h"

/* "" for port 0, else " port N". */
static inline void port_text(int port, char *text, size_t size) {
    text[0] = 0;
    if (port) snprintf(text, size, " port %d", port);
}

/* Notes as "track:channel pitch/velocity on-off" with ", " between; followed by " port N", " drum" or
 * " no drum" where these are not as usual. */
static inline const char *notes_text(const spiral_midi *midi, char *text, size_t size) {
    static const char *const drums[] = {"", " drum", " no drum"};
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < midi->note_count && used < size; i++) {
        const spiral_note *n = &midi->notes[i];
        char port[20];
        port_text(n->port, port, sizeof port);
        used += (size_t)snprintf(text + used, size - used, "%s%d:%d %d/%d %lld-%lld%s%s", i ? ", " : "",
                                 n->track, n->channel, n->pitch, n->velocity, (long long)n->on_ticks,
                                 (long long)n->off_ticks, port, drums[n->drum]);
    }
    return text;
}

/* Pedals as "track:channel tick+" (goes down) or "tick-" (comes up) with ", " between; followed by " port N"
 * and " sostenuto" where they are not as usual. */
static inline const char *pedals_text(const spiral_midi *midi, char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < midi->pedal_count && used < size; i++) {
        const spiral_pedal *p = &midi->pedals[i];
        char port[20];
        port_text(p->port, port, sizeof port);
        used += (size_t)snprintf(text + used, size - used, "%s%d:%d %lld%c%s%s", i ? ", " : "", p->track,
                                 p->channel, (long long)p->at_ticks, p->down ? '+' : '-', port,
                                 p->kind == SPIRAL_PEDAL_SOSTENUTO ? " sostenuto" : "");
    }
    return text;
}

/* Channel events as "track tick status data data", in hexadecimal from the status on, with ", " between;
 * followed by " port N". */
static inline const char *events_text(const spiral_midi *midi, char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < midi->event_count && used < size; i++) {
        const spiral_channel_event *e = &midi->events[i];
        char port[20];
        port_text(e->port, port, sizeof port);
        used += (size_t)snprintf(text + used, size - used, "%s%d %lld %02x %02x %02x%s", i ? ", " : "",
                                 e->track, (long long)e->at_ticks, e->status, e->data[0], e->data[1], port);
    }
    return text;
}

/* Warnings as "NAME count" in the order of the list with ", " between. */
static inline const char *warnings_text(const spiral_midi *midi, char *text, size_t size) {
    static const char *const names[] = {
#define SPIRAL_X(name, text) #name,
        SPIRAL_MIDI_WARNING_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT && used < size; i++)
        if (midi->warnings[i])
            used += (size_t)snprintf(text + used, size - used, "%s%s %u", used ? ", " : "", names[i],
                                     (unsigned)midi->warnings[i]);
    return text;
}

/* Writes *midi and reads the bytes. There must be no warning. */
static inline spiral_midi written_and_read(const spiral_midi *midi) {
    size_t size;
    spiral_midi back;
    spiral_error err = {0};
    char text[300];
    if (spiral_midi_size(midi, &size, &err) != SPIRAL_OK) fail_msg("size: %s", err.text);
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    if (spiral_midi_write(midi, bytes, size, &err) != SPIRAL_OK) fail_msg("write: %s", err.text);
    if (spiral_midi_read(bytes, size, &back, &err) != SPIRAL_OK) fail_msg("read: %s", err.text);
    free(bytes);
    assert_string_equal(warnings_text(&back, text, sizeof text), "");
    return back;
}

#endif
