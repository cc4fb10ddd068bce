/* SPDX-License-Identifier: MIT
 *
 * Which note-off ends which note, in damaged files as well as in valid ones.
 *
 * Notes are paired per track, port, channel and key: first in, first out. While a track is read this is done
 * at once (midi_builder.h). A key that has notes left over at the end of its track, or when all notes of its
 * channel are ended, has lost a note-off or has a note-on too many; then its notes are paired again, going
 * back from the end: a note-on for which no later note-off is left has none. So a lost or duplicated event
 * changes only one note, and those after it end where they should. Notes that are still left over are paired
 * across tracks, as by a player, which merges the tracks before it plays them. No note ends before one of its
 * key that began before it: that cannot be written.
 */
#ifndef SPIRAL_MIDI_PAIRING_H
#define SPIRAL_MIDI_PAIRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spiral/midi.h"

#define SPIRAL__SLOT_COUNT (16 * 128) /* a slot is channel << 7 | key */

/* The open notes of one port in the track that is being read. Those of a slot are a queue, linked through
 * off_ticks: first, last and each off_ticks hold 1 + the index of a note, 0 ends the queue. All queues are
 * empty between two tracks. */
typedef struct spiral__open_notes {
    uint32_t first[SPIRAL__SLOT_COUNT], last[SPIRAL__SLOT_COUNT]; /* last is valid while first is not 0 */
    uint32_t begin[16]; /* by channel: the first note since the track began or its notes were all ended */
    size_t count;       /* of open notes */
    uint8_t port;
} spiral__open_notes;

/* Notes that wait for a note-off on another track, and what may end them. Zero-initialise it. */
typedef struct spiral__unpaired {
    /* Indices. Until its note-off is found, off_ticks of such a note is where its key is struck again on its
     * track, or, if it is not, -1 - the end of the track's music. */
    uint32_t *notes; /* (note_count) of (note_capacity), owned */
    size_t note_count, note_capacity;
    uint64_t
        *offs; /* (off_count) of (off_capacity), owned: port, channel, key, ticks from the highest bits */
    size_t off_count, off_capacity;
    uint64_t *all_offs; /* likewise, port, channel, ticks: all notes off */
    size_t all_off_count, all_off_capacity;
} spiral__unpaired;

void spiral__unpaired_clear(spiral__unpaired *unpaired);

/* A note-off without an open note. rest: see growth.h. NO_MEMORY. */
spiral_status spiral__unpaired_add_off(spiral__unpaired *unpaired, size_t rest, unsigned port, unsigned slot,
                                       int64_t at_ticks, spiral_error *err);
/* All notes of a channel are ended. NO_MEMORY. */
spiral_status spiral__unpaired_add_all_off(spiral__unpaired *unpaired, size_t rest, unsigned port,
                                           unsigned channel, int64_t at_ticks, spiral_error *err);

/* Pairs the open notes of a channel of the current track and ends those that remain at `at_ticks`. NO_MEMORY.
 */
spiral_status spiral__pairing_end_channel(spiral__open_notes *open, spiral_midi *midi, unsigned channel,
                                          int64_t at_ticks, spiral_error *err);

/* Pairs the open notes of all channels and moves those that remain to *unpaired. music_end_ticks: where the
 * music of the track ends. NO_MEMORY. */
spiral_status spiral__pairing_end_track(spiral__open_notes *open, spiral_midi *midi, int64_t music_end_ticks,
                                        spiral__unpaired *unpaired, spiral_error *err);

/* Ends all unpaired notes and counts the repairs: by note-offs and ends of all notes on other tracks, if
 * across_tracks, else where their keys are struck again or with the music. Removes dropped notes from *midi.
 * Notes must not have been sorted yet. NO_MEMORY. */
spiral_status spiral__pairing_finish(spiral__unpaired *unpaired, spiral_midi *midi, bool across_tracks,
                                     spiral_error *err);

#endif
