/* SPDX-License-Identifier: MIT
 *
 * What the two halves of the Standard MIDI File reader share: midi_read.c walks the chunks, midi_track.c the
 * events of one track.
 */
#ifndef SPIRAL_MUSIC_MIDI_READ_H
#define SPIRAL_MUSIC_MIDI_READ_H

#include "spiral/midi.h"

/* A tempo or a metre as it is met: value is us_per_quarter, or numerator << 8 | log2 denominator. `order` is
 * its place in the file, so that of several at one tick the last counts. */
typedef struct spiral__change {
    int64_t at_ticks;
    uint32_t order, value;
} spiral__change;

typedef struct spiral__changes {
    spiral__change *items;
    size_t count, capacity;
} spiral__changes;

#define SPIRAL__SLOTS (16 * 128) /* channel << 7 | key */

/* Open notes wait in one queue per slot, linked through off_ticks: queues hold 1 + a note's index, 0 ends
 * them. All queues are empty between tracks. */
typedef struct spiral__reader {
    spiral_midi *midi;
    spiral_error *err;
    size_t note_capacity, note_limit; /* limit: no file of this size holds more notes */
    size_t open_notes;
    spiral__changes tempos, meters;
    const unsigned char *listed; /* `starts` counts from here */
    uint32_t *starts; /* (start_count + 1) where tracks can begin, and the end; NULL: not asked yet */
    size_t start_count;
    uint32_t first[SPIRAL__SLOTS], last[SPIRAL__SLOTS]; /* last is meaningful while first is not 0 */
} spiral__reader;

/* Reads the events of one track from at to end, its time starting at *ticks; leaves the time of its end in
 * *ticks and the first byte it did not read in *stop. NO_MEMORY. */
spiral_status spiral__midi_track(spiral__reader *reader, const unsigned char *at, const unsigned char *end,
                                 uint16_t track, int64_t *ticks, const unsigned char **stop);

/* Appends a tempo or a metre. NO_MEMORY. */
spiral_status spiral__changes_add(spiral__changes *changes, int64_t at_ticks, uint32_t value,
                                  spiral_error *err);

static inline void spiral__midi_warn(spiral__reader *reader, spiral_midi_warning warning) {
    reader->midi->warnings[warning]++;
}

#endif
