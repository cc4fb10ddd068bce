/* SPDX-License-Identifier: MIT
 *
 * What the two halves of the Standard MIDI File reader share: midi_read.c walks the chunks, midi_track.c the
 * events of one track.
 */
#ifndef SPIRAL_MUSIC_MIDI_READ_H
#define SPIRAL_MUSIC_MIDI_READ_H

#include "spiral/midi.h"

/* A tempo, a metre or a pedal as it is met: value is us_per_quarter, or numerator << 8 | log2 denominator, or
 * track << 16 | channel << 8 | what happens. `order` is its place in the file: of several tempos or metres at
 * one tick the last counts. */
typedef struct spiral__change {
    int64_t at_ticks;
    uint32_t order, value;
} spiral__change;

typedef struct spiral__changes {
    spiral__change *items;
    size_t count, capacity;
} spiral__changes;

enum { SPIRAL__PEDAL_UP, SPIRAL__PEDAL_DOWN, SPIRAL__PEDALS_UP }; /* the last: those of all channels */

#define SPIRAL__SLOTS (16 * 128) /* channel << 7 | key */

/* Open notes wait in one queue per slot, linked through off_ticks: queues hold 1 + a note's index, 0 ends
 * them. All queues are empty between tracks. */
typedef struct spiral__reader {
    spiral_midi *midi;
    spiral_error *err;
    const unsigned char *end; /* of the file: what is left of it bounds what can still come */
    size_t note_capacity;
    size_t open_notes;
    spiral__changes tempos, meters, pedals;
    const unsigned char *listed; /* `starts` counts from here */
    uint32_t *starts; /* (start_count + 1) where tracks can begin, and the end; NULL: not asked yet */
    size_t start_count;
    uint32_t first[SPIRAL__SLOTS], last[SPIRAL__SLOTS]; /* last is meaningful while first is not 0 */
} spiral__reader;

/* Reads the events of one track from at to end, its time starting at *ticks; leaves the time of its end in
 * *ticks and the first byte it did not read in *stop. NO_MEMORY. */
spiral_status spiral__midi_track(spiral__reader *reader, const unsigned char *at, const unsigned char *end,
                                 uint16_t track, int64_t *ticks, const unsigned char **stop);

/* Appends a tempo, a metre or a pedal, met before `at`. NO_MEMORY. */
spiral_status spiral__changes_add(spiral__reader *reader, spiral__changes *changes, const unsigned char *at,
                                  int64_t at_ticks, uint32_t value);

/* Twice the room for `count` items, but no more than the rest of the file from `at` on can fill: nothing that
 * is kept takes less than three bytes. */
static inline size_t spiral__room(const spiral__reader *reader, const unsigned char *at, size_t count) {
    size_t rest = (size_t)(reader->end - at) / 3 + 1;
    return count + (count < rest ? count : rest);
}

static inline void spiral__midi_warn(spiral__reader *reader, spiral_midi_warning warning) {
    reader->midi->warnings[warning]++;
}

#endif
