/* SPDX-License-Identifier: MIT
 *
 * A spiral_midi while it is read: notes with their open note-ons, and lists of tempos, metres and pedals that
 * grow track by track. Knows nothing of bytes: track_reader.c finds the events, midi_read.c the tracks.
 */
#ifndef SPIRAL_MIDI_MIDI_BUILDER_H
#define SPIRAL_MIDI_MIDI_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "spiral/midi.h"

/* A tempo, metre or pedal event. value: us_per_quarter; or numerator << 8 | log2(denominator); or
 * track << 16 | channel << 8 | spiral__pedal_action. */
typedef struct spiral__timed_event {
    int64_t at_ticks;
    uint32_t order, value; /* order: position in the file, so that sorting by time keeps it */
} spiral__timed_event;

typedef struct spiral__timed_events {
    spiral__timed_event *items; /* (count) of (capacity), owned */
    size_t count, capacity;
} spiral__timed_events;

typedef enum spiral__pedal_action {
    SPIRAL__PEDAL_UP,
    SPIRAL__PEDAL_DOWN,
    SPIRAL__PEDALS_UP /* of all 16 channels */
} spiral__pedal_action;

#define SPIRAL__SLOT_COUNT (16 * 128) /* a slot is channel << 7 | key */

/* The open notes of a slot are a queue, linked through off_ticks: first, last and each off_ticks hold 1 + the
 * index of a note, 0 ends the queue. All queues are empty between two tracks. */
typedef struct spiral__midi_builder {
    spiral_midi *midi; /* being filled */
    spiral_error *err;
    size_t note_capacity;
    size_t open_notes;
    spiral__timed_events tempos, meters, pedals;
    uint32_t first[SPIRAL__SLOT_COUNT], last[SPIRAL__SLOT_COUNT]; /* last is valid while first is not 0 */
} spiral__midi_builder;

static inline void spiral__midi_builder_warn(spiral__midi_builder *builder, spiral_midi_warning warning) {
    builder->midi->warnings[warning]++;
}

/* Makes *builder ready to fill *midi (zeroed) from a file of `size` bytes. */
spiral_status spiral__midi_builder_init(spiral__midi_builder *builder, spiral_midi *midi, size_t size,
                                        spiral_error *err);
/* Frees what the builder owns. *midi is not touched. */
void spiral__midi_builder_clear(spiral__midi_builder *builder);

/* `rest` in the calls below: the number of bytes of the file that are still to be read. Arrays grow to twice
 * their size, but never beyond what `rest` bytes can fill, so memory stays in proportion to the file. All
 * fallible calls return NO_MEMORY. */

/* Makes the array of notes larger. */
spiral_status spiral__midi_builder_grow_notes(spiral__midi_builder *builder, size_t rest);

/* A note-on, velocity 1..127. This call and the next are inline: reading a file is mostly these two. */
static inline spiral_status spiral__midi_builder_note_on(spiral__midi_builder *b, size_t rest,
                                                         int64_t at_ticks, uint16_t track, unsigned slot,
                                                         unsigned velocity) {
    if (b->midi->note_count == b->note_capacity) SPIRAL_TRY(spiral__midi_builder_grow_notes(b, rest));
    spiral_note *notes = b->midi->notes;
    uint32_t i = (uint32_t)++b->midi->note_count;
    notes[i - 1] = (spiral_note){.on_ticks = at_ticks,
                                 .off_ticks = 0,
                                 .track = track,
                                 .channel = (uint8_t)(slot >> 7),
                                 .pitch = (uint8_t)(slot & 127),
                                 .velocity = (uint8_t)velocity};
    if (b->first[slot])
        notes[b->last[slot] - 1].off_ticks = i;
    else
        b->first[slot] = i;
    b->last[slot] = i;
    b->open_notes++;
    return SPIRAL_OK;
}

/* A note-off: ends the oldest open note of the slot, or counts a warning if there is none. */
static inline void spiral__midi_builder_note_off(spiral__midi_builder *b, int64_t at_ticks, unsigned slot) {
    uint32_t i = b->first[slot];
    if (i == 0) {
        spiral__midi_builder_warn(b, SPIRAL_MIDI_WARN_NOTE_NEVER_STARTS);
        return;
    }
    b->first[slot] = (uint32_t)b->midi->notes[i - 1].off_ticks;
    b->midi->notes[i - 1].off_ticks = at_ticks;
    b->open_notes--;
}

/* The end of a track: ends all open notes and counts a warning for each. */
void spiral__midi_builder_end_track(spiral__midi_builder *builder, int64_t at_ticks);

spiral_status spiral__midi_builder_tempo(spiral__midi_builder *builder, size_t rest, int64_t at_ticks,
                                         uint32_t us_per_quarter);
spiral_status spiral__midi_builder_meter(spiral__midi_builder *builder, size_t rest, int64_t at_ticks,
                                         unsigned numerator, unsigned log2_denominator);
spiral_status spiral__midi_builder_pedal(spiral__midi_builder *builder, size_t rest, int64_t at_ticks,
                                         uint16_t track, unsigned channel, spiral__pedal_action action);

/* Sorts everything into *midi: of several tempos or metres at one tick the last one in the file is kept, of
 * pedal events those that change their channel's pedal. */
spiral_status spiral__midi_builder_finish(spiral__midi_builder *builder);

#endif
