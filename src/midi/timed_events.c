/* SPDX-License-Identifier: MIT
 *
 * Filling and sorting a list of events (see timed_events.h).
 */
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "midi/growth.h"
#include "midi/timed_events.h"

spiral_status spiral__timed_events_grow(spiral__timed_events *list, size_t rest, spiral_error *err) {
    size_t capacity = spiral__larger_capacity(list->count ? list->count : 16, rest);
    spiral__timed_event *items = realloc(list->items, capacity * sizeof *items);
    if (!items) return spiral__no_memory(err, capacity * sizeof *items);
    list->items = items;
    list->capacity = capacity;
    return SPIRAL_OK;
}

static int by_time(const void *left, const void *right) {
    const spiral__timed_event *a = left, *b = right;
    if (a->at_ticks != b->at_ticks) return a->at_ticks < b->at_ticks ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

void spiral__timed_events_sort(spiral__timed_events *list) {
    size_t i = 1;
    while (i < list->count && list->items[i].at_ticks >= list->items[i - 1].at_ticks) i++;
    if (i < list->count) qsort(list->items, list->count, sizeof *list->items, by_time);
}

void spiral__timed_events_sort_and_keep_last(spiral__timed_events *list) {
    size_t kept = 0;
    spiral__timed_events_sort(list);
    for (size_t i = 0; i < list->count; i++) {
        bool last = i + 1 == list->count || list->items[i + 1].at_ticks != list->items[i].at_ticks;
        if (last) list->items[kept++] = list->items[i];
    }
    list->count = kept;
}
