/* SPDX-License-Identifier: MIT
 *
 * A spiral_midi while it is read: notes with their open note-ons, channel events, and lists of tempos,
 * metres, pedals and percussion settings that grow track by track. It reads no bytes: track_reader.c finds
 * the events, midi_read.c the tracks. Which note-off ends which note: pairing.c; what is percussion:
 * percussion.c.
 */
#ifndef SPIRAL_MIDI_MIDI_BUILDER_H
#define SPIRAL_MIDI_MIDI_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "midi/pairing.h"
#include "midi/percussion.h"
#include "midi/timed_events.h"
#include "spiral/midi.h"

/* The pedals that an event moves. */
enum {
    SPIRAL__SUSTAIN_BIT = 1 << SPIRAL_PEDAL_SUSTAIN,
    SPIRAL__SOSTENUTO_BIT = 1 << SPIRAL_PEDAL_SOSTENUTO,
    SPIRAL__PEDAL_BITS = SPIRAL__SUSTAIN_BIT | SPIRAL__SOSTENUTO_BIT
};

/* How much the builder held when a track began. */
typedef struct spiral__builder_state {
    size_t notes, events, tempos, meters, pedals, percussion, offs, all_offs;
    bool had_name, had_text;
    uint32_t warnings[SPIRAL_MIDI_WARNING_COUNT], not_kept[SPIRAL_MIDI_NOT_KEPT_COUNT];
} spiral__builder_state;

typedef struct spiral__midi_builder {
    spiral_midi *midi; /* being filled */
    spiral_error *err;
    size_t note_capacity, event_capacity;
    spiral__timed_events tempos, meters, pedals;
    spiral__percussion percussion;
    /* of the current track: */
    spiral__open_notes *open; /* those of the current port */
    spiral__open_notes first_open;
    spiral__open_notes *other_open[SPIRAL_MIDI_TRACK_PORTS_MAX - 1]; /* (other_count), owned */
    int other_count;                                                 /* allocated */
    int other_used;                                                  /* of them by this track */
    spiral__builder_state begin;                                     /* .notes: the first note of the track */
    int64_t last_off_ticks;                                          /* of the track, or -1 */
    spiral__unpaired unpaired;                                       /* of all tracks */
} spiral__midi_builder;

static inline void spiral__midi_builder_warn(spiral__midi_builder *builder, spiral_midi_warning warning) {
    builder->midi->warnings[warning]++;
}

/* An event that is skipped. */
static inline void spiral__midi_builder_count_not_kept(spiral__midi_builder *builder,
                                                       spiral_midi_not_kept kind) {
    builder->midi->not_kept[kind]++;
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
    spiral__open_notes *open = b->open;
    spiral_note *notes = b->midi->notes;
    uint32_t i = (uint32_t)++b->midi->note_count;
    notes[i - 1] = (spiral_note){.on_ticks = at_ticks,
                                 .off_ticks = 0,
                                 .track = track,
                                 .channel = (uint8_t)(slot >> 7),
                                 .pitch = (uint8_t)(slot & 127),
                                 .velocity = (uint8_t)velocity,
                                 .port = open->port};
    if (open->first[slot])
        notes[open->last[slot] - 1].off_ticks = i;
    else
        open->first[slot] = i;
    open->last[slot] = i;
    open->count++;
    return SPIRAL_OK;
}

/* A note-off: ends the oldest open note of the slot. false: there is none. */
static inline bool spiral__midi_builder_note_off(spiral__midi_builder *b, int64_t at_ticks, unsigned slot) {
    spiral__open_notes *open = b->open;
    uint32_t i = open->first[slot];
    if (i == 0) return false;
    b->last_off_ticks = at_ticks;
    open->first[slot] = (uint32_t)b->midi->notes[i - 1].off_ticks;
    b->midi->notes[i - 1].off_ticks = at_ticks;
    open->count--;
    return true;
}

/* A note-off for which there was no open note; one on another track may be found for it later. */
spiral_status spiral__midi_builder_unpaired_off(spiral__midi_builder *builder, size_t rest, int64_t at_ticks,
                                                unsigned slot);

/* The events that follow in this track are for `port`. false: the track has too many ports. NO_MEMORY in
 * *status. */
bool spiral__midi_builder_port(spiral__midi_builder *builder, unsigned port, spiral_status *status);

/* All notes off or all sound off: ends the open notes of a channel of the current port, and, later, those on
 * other tracks for which no note-off is found. */
spiral_status spiral__midi_builder_all_off(spiral__midi_builder *builder, size_t rest, int64_t at_ticks,
                                           unsigned channel);

void spiral__midi_builder_begin_track(spiral__midi_builder *builder);

/* Takes back everything since the track began, so that it can be read again. */
void spiral__midi_builder_undo_track(spiral__midi_builder *builder);

/* Whether a note of the track has not ended. */
bool spiral__midi_builder_has_open_notes(const spiral__midi_builder *builder);

/* The end of a track at `at_ticks`. Its open notes wait for note-offs on other tracks. */
spiral_status spiral__midi_builder_end_track(spiral__midi_builder *builder, int64_t at_ticks);

spiral_status spiral__midi_builder_tempo(spiral__midi_builder *builder, size_t rest, int64_t at_ticks,
                                         uint32_t us_per_quarter);
spiral_status spiral__midi_builder_meter(spiral__midi_builder *builder, size_t rest, int64_t at_ticks,
                                         unsigned numerator, unsigned log2_denominator);
/* Pedals of one channel of the current port go down or come up. pedals: SPIRAL__..._BIT, one or both. */
spiral_status spiral__midi_builder_pedal(spiral__midi_builder *builder, size_t rest, int64_t at_ticks,
                                         uint16_t track, unsigned channel, unsigned pedals, bool down);

/* A controller, program change or pitch bend for the current port; spiral_channel_event says which. */
spiral_status spiral__midi_builder_event(spiral__midi_builder *builder, size_t rest, int64_t at_ticks,
                                         uint16_t track, unsigned status, unsigned first, unsigned second);

/* The start of another sequence of a file of format 2 at `at_ticks`: with its own tempo and metre, which its
 * own events replace, with pedals up and percussion as in General MIDI. */
spiral_status spiral__midi_builder_begin_sequence(spiral__midi_builder *builder, size_t rest,
                                                  int64_t at_ticks, uint16_t track);

/* Pairs what is left over and sorts everything into *midi: of several tempos or metres at one tick the last
 * one in the file is kept, of pedal events those that change their channel's pedal. */
spiral_status spiral__midi_builder_finish(spiral__midi_builder *builder);

#endif
