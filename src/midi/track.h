/* SPDX-License-Identifier: MIT
 *
 * A track while it is read: what track_reader.c and track_repair.c share.
 */
#ifndef SPIRAL_MIDI_TRACK_H
#define SPIRAL_MIDI_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "midi/look_ahead.h"
#include "midi/midi_builder.h"

typedef struct spiral__track {
    spiral__midi_builder *builder;
    const unsigned char *at, *end;
    size_t bytes_after; /* of the file, after end */
    int64_t now;        /* ticks */
    unsigned running;   /* running status, or 0 */
    bool interrupted;   /* by a system exclusive event, after which running status is not valid */
    bool stop;          /* reading, for one of the next three reasons: */
    bool ended;         /* an end-of-track event */
    bool truncated;     /* the track ends in the middle of an event */
    bool damaged;       /* not careful, and a sign of damage was found */
    bool careful;       /* look ahead at each event, since the track is damaged */
    bool has_no_delta;  /* careful: the next event begins without a delta time, at `now` */
    int clear;          /* careful: this many events need no looking ahead */
    uint16_t number;
} spiral__track;

static inline void spiral__track_warn(spiral__track *t, spiral_midi_warning warning) {
    spiral__midi_builder_warn(t->builder, warning);
}

static inline size_t spiral__track_left(const spiral__track *t) { return (size_t)(t->end - t->at); }

/* What is left of the file: it limits the memory that the events to come can need. */
static inline size_t spiral__track_rest_of_file(const spiral__track *t) {
    return spiral__track_left(t) + t->bytes_after;
}

static inline unsigned spiral__slot(unsigned status, unsigned key) { return (status & 15) << 7 | key; }

/* ---- repairs (track_repair.c), for a track that is read carefully. NO_MEMORY ---- */

/* A channel event: its `length` data bytes begin at t->at and may be above 127. Continues where, judging by
 * what follows, the next event begins, which need not be after them. */
spiral_status spiral__track_read_carefully(spiral__track *t, unsigned status, size_t length);

/* A valid channel event. (track_reader.c) */
spiral_status spiral__track_channel_event(spiral__track *t, unsigned status, unsigned first, unsigned second);

/* A system exclusive message that does not end with F7 where its length says. start: after F0; *message:
 * after the length, `size`, which may be too long for the track. Moves t->at to where the next event begins
 * and *message to the first byte of the message; false: there is no event. */
bool spiral__track_find_sysex_end(spiral__track *t, const unsigned char *start, const unsigned char **message,
                                  uint32_t size);

/* Whether a meta event of this type may have this payload. */
bool spiral__track_is_plausible(const spiral__track *t, unsigned type, const unsigned char *data,
                                size_t size);

/* The payload at `data` of a meta event. Corrects *size, which may be too long for the track, by what
 * follows; false: the track has no event after it. */
bool spiral__track_check_meta(spiral__track *t, unsigned type, const unsigned char *data, uint32_t *size);

#endif
