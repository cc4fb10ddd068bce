/* SPDX-License-Identifier: MIT
 *
 * Which channels are percussion. General MIDI has it on channel 10 only; a file can say otherwise with system
 * exclusive messages (GS, XG) and bank selects (XG, GM2). Settings are collected while the tracks are read
 * and applied to the sorted notes, since a setting on one track acts on notes of all.
 */
#ifndef SPIRAL_MIDI_PERCUSSION_H
#define SPIRAL_MIDI_PERCUSSION_H

#include "midi/timed_events.h"
#include "spiral/midi.h"

/* Zero-initialise it; spiral__percussion_clear frees it. */
typedef struct spiral__percussion {
    spiral__timed_events settings;
} spiral__percussion;

void spiral__percussion_clear(spiral__percussion *percussion);

/* In the calls below: rest, see growth.h; channels are those of `port`. NO_MEMORY. */

/* A system exclusive message: its size bytes after F0, with or without F7 at the end. Messages that are not
 * about percussion are ignored. */
spiral_status spiral__percussion_sysex(spiral__percussion *percussion, size_t rest, int64_t at_ticks,
                                       unsigned port, const unsigned char *message, size_t size,
                                       spiral_error *err);
/* A bank select (controller 0). */
spiral_status spiral__percussion_bank(spiral__percussion *percussion, size_t rest, int64_t at_ticks,
                                      unsigned port, unsigned channel, unsigned bank, spiral_error *err);
/* Sets all ports back to General MIDI, if there was any setting. */
spiral_status spiral__percussion_reset(spiral__percussion *percussion, size_t rest, int64_t at_ticks,
                                       spiral_error *err);

/* Marks the notes, which must be sorted, whose channel differs from General MIDI in being percussion or not.
 */
void spiral__percussion_mark(spiral__percussion *percussion, spiral_note *notes, size_t count);

#endif
