/* SPDX-License-Identifier: MIT
 *
 * A list of events with their times, which is filled track by track and then sorted.
 */
#ifndef SPIRAL_MIDI_TIMED_EVENTS_H
#define SPIRAL_MIDI_TIMED_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct spiral__timed_event {
    int64_t at_ticks;
    uint32_t order; /* position in the file, so that sorting by time keeps it */
    uint32_t value; /* its owner says what it means */
} spiral__timed_event;

/* Zero-initialise it; items are freed by the owner. */
typedef struct spiral__timed_events {
    spiral__timed_event *items; /* (count) of (capacity), owned */
    size_t count, capacity;
} spiral__timed_events;

/* Makes space for one more. rest: see growth.h. NO_MEMORY. */
spiral_status spiral__timed_events_grow(spiral__timed_events *list, size_t rest, spiral_error *err);

static inline spiral_status spiral__timed_events_add(spiral__timed_events *list, size_t rest,
                                                     int64_t at_ticks, uint32_t value, spiral_error *err) {
    if (list->count == list->capacity) SPIRAL_TRY(spiral__timed_events_grow(list, rest, err));
    list->items[list->count] = (spiral__timed_event){at_ticks, (uint32_t)list->count, value};
    list->count++;
    return SPIRAL_OK;
}

/* Sorts by time; events of one tick stay in the order of the file. */
void spiral__timed_events_sort(spiral__timed_events *list);

/* The same, and keeps only the last event of each tick. */
void spiral__timed_events_sort_and_keep_last(spiral__timed_events *list);

#endif
