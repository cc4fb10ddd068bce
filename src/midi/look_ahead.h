/* SPDX-License-Identifier: MIT
 *
 * Looking ahead in a track whose bytes are wrong, to choose between several places where its next event may
 * begin: from the right one, the events that follow are all valid, and note-offs end notes.
 */
#ifndef SPIRAL_MIDI_LOOK_AHEAD_H
#define SPIRAL_MIDI_LOOK_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "midi/pairing.h"

/* How far it looks. */
#define SPIRAL__LOOK_AHEAD 24

/* Where reading continues: with a delta time, with the status byte of an event whose delta time is known, or
 * with its data bytes under running status. */
typedef enum spiral__resume_at { SPIRAL__AT_DELTA, SPIRAL__AT_STATUS, SPIRAL__AT_DATA } spiral__resume_at;

typedef struct spiral__resume {
    const unsigned char *at;
    spiral__resume_at kind;
} spiral__resume;

/* What may have happened to the bytes between two events. */
typedef enum spiral__slip {
    SPIRAL__SLIP_NONE,
    SPIRAL__SLIP_DATA_LOST,  /* the last data byte: the next event begins one byte before */
    SPIRAL__SLIP_DELTA_LOST, /* the next event begins without a delta time */
    SPIRAL__SLIP_INSERTED,   /* the next event begins one byte later */
    SPIRAL__SLIP_COUNT
} spiral__slip;

/* Where the next event begins if this happened after an event that ends at `at`. */
spiral__resume spiral__resume_after_slip(const unsigned char *at, const unsigned char *end,
                                         spiral__slip slip);

/* The state of the reader. */
typedef struct spiral__look_ahead {
    const unsigned char *end;       /* of the track */
    unsigned running;               /* running status, or 0 */
    const spiral__open_notes *open; /* which notes could be ended; NULL: unknown */
    unsigned status;                /* of the event just read, or 0 */
    int begun,
        ended; /* the slot of a note that it begins, or ends, which `open` does not show yet; -1: none */
} spiral__look_ahead;

typedef struct spiral__look_ahead_result {
    int events; /* up to the first that is not valid; SPIRAL__LOOK_AHEAD if all are valid or the track ends */
    int clipped;      /* of them, events with data bytes above 127 */
    int clipped_offs; /* of them, note-offs that end a note: some programs give all note-offs such a velocity
                       */
    int ended;        /* notes that note-offs among them end */
    int odd; /* note-offs that end no note, notes of the first half that are not ended, and a delta time that
                is far longer than the others */
    int delta_count;
    uint32_t deltas[SPIRAL__LOOK_AHEAD]; /* (delta_count) their delta times */
    uint8_t kinds[SPIRAL__LOOK_AHEAD]; /* (delta_count) the kinds of events before and after each delta time:
                                          delta times often depend on these */
} spiral__look_ahead_result;

/* Whether all events within the look-ahead are valid. */
static inline bool spiral__look_ahead_is_valid(const spiral__look_ahead_result *o) {
    return o->events == SPIRAL__LOOK_AHEAD && o->clipped == 0;
}

/* What reading from there would find. Takes bounded time. */
spiral__look_ahead_result spiral__look_ahead_from(const spiral__look_ahead *track, spiral__resume from);

/* The same with a slip after the first `after` events. */
spiral__look_ahead_result spiral__look_ahead_with_slip(const spiral__look_ahead *track, spiral__resume from,
                                                       int after, spiral__slip slip);

/* Whether a note-off of this channel and key comes, before another note-on of it, among the next events. */
bool spiral__look_ahead_for_off(const spiral__look_ahead *track, spiral__resume from, unsigned slot);

/* The first place in [at, limit) from which all events are valid, beginning with a delta time and a status
 * byte; NULL: there is none. Takes time in proportion to the bytes passed. */
const unsigned char *spiral__look_ahead_for_event(const spiral__look_ahead *track, const unsigned char *at,
                                                  const unsigned char *limit);

/* The length that the standard gives a meta event of this type, or -1: any. */
static inline int spiral__meta_size(unsigned type) {
    switch (type) {
    case 0x20:
    case 0x21: return 1;
    case 0x2f: return 0;
    case 0x51: return 3;
    case 0x54: return 5;
    case 0x58: return 4;
    case 0x59: return 2;
    default: return -1;
    }
}

#endif
