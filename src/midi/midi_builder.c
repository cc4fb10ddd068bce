/* SPDX-License-Identifier: MIT
 *
 * Collecting the notes, tempos, metres and pedals of a file and putting them in order (see midi_builder.h).
 */
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "midi/midi_builder.h"
#include "midi/note_order.h"
#include "midi/tempo.h"

/* No event that is kept takes less than three bytes of the file, and most notes take eight: on, off and their
 * delta times. */
enum { EVENT_BYTES_MIN = 3, NOTE_BYTES_USUAL = 8 };

spiral_status spiral__midi_builder_init(spiral__midi_builder *builder, spiral_midi *midi, size_t size,
                                        spiral_error *err) {
    *builder = (spiral__midi_builder){.midi = midi, .err = err};
    builder->note_capacity = size / NOTE_BYTES_USUAL + 1;
    midi->notes = malloc(builder->note_capacity * sizeof *midi->notes);
    return midi->notes ? SPIRAL_OK : spiral__no_memory(err, builder->note_capacity * sizeof *midi->notes);
}

void spiral__midi_builder_clear(spiral__midi_builder *builder) {
    free(builder->tempos.items);
    free(builder->meters.items);
    free(builder->pedals.items);
}

static size_t larger_capacity(size_t count, size_t rest) {
    size_t most = rest / EVENT_BYTES_MIN + 1;
    return count + (count < most ? count : most);
}

/* ---- notes ---- */

spiral_status spiral__midi_builder_grow_notes(spiral__midi_builder *b, size_t rest) {
    size_t capacity = larger_capacity(b->note_capacity, rest);
    spiral_note *notes = realloc(b->midi->notes, capacity * sizeof *notes);
    if (!notes) return spiral__no_memory(b->err, capacity * sizeof *notes);
    b->midi->notes = notes;
    b->note_capacity = capacity;
    return SPIRAL_OK;
}

void spiral__midi_builder_end_track(spiral__midi_builder *b, int64_t at_ticks) {
    for (unsigned slot = 0; slot < SPIRAL__SLOT_COUNT && b->open_notes; slot++)
        while (b->first[slot]) {
            spiral__midi_builder_warn(b, SPIRAL_MIDI_WARN_NOTE_NEVER_ENDS);
            spiral__midi_builder_note_off(b, at_ticks, slot);
        }
}

/* Frees the unused end of the array, and sorts. */
static spiral_status finish_notes(spiral__midi_builder *b) {
    spiral_midi *midi = b->midi;
    if (midi->note_count == 0) {
        free(midi->notes);
        midi->notes = NULL;
        return SPIRAL_OK;
    }
    spiral_note *notes = realloc(midi->notes, midi->note_count * sizeof *notes);
    if (notes) midi->notes = notes;
    return spiral__notes_sort(midi->notes, midi->note_count, b->err);
}

/* ---- tempos, metres, pedals ---- */

static spiral_status add_event(spiral__midi_builder *b, spiral__timed_events *list, size_t rest,
                               int64_t at_ticks, uint32_t value) {
    if (list->count == list->capacity) {
        size_t capacity = larger_capacity(list->count ? list->count : 16, rest);
        spiral__timed_event *items = realloc(list->items, capacity * sizeof *items);
        if (!items) return spiral__no_memory(b->err, capacity * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count] = (spiral__timed_event){at_ticks, (uint32_t)list->count, value};
    list->count++;
    return SPIRAL_OK;
}

spiral_status spiral__midi_builder_tempo(spiral__midi_builder *b, size_t rest, int64_t at_ticks,
                                         uint32_t us_per_quarter) {
    return add_event(b, &b->tempos, rest, at_ticks, us_per_quarter);
}

spiral_status spiral__midi_builder_meter(spiral__midi_builder *b, size_t rest, int64_t at_ticks,
                                         unsigned numerator, unsigned log2_denominator) {
    return add_event(b, &b->meters, rest, at_ticks, numerator << 8 | log2_denominator);
}

spiral_status spiral__midi_builder_pedal(spiral__midi_builder *b, size_t rest, int64_t at_ticks,
                                         uint16_t track, unsigned channel, spiral__pedal_action action) {
    return add_event(b, &b->pedals, rest, at_ticks, (uint32_t)track << 16 | channel << 8 | action);
}

static int by_time(const void *left, const void *right) {
    const spiral__timed_event *a = left, *b = right;
    if (a->at_ticks != b->at_ticks) return a->at_ticks < b->at_ticks ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void sort_by_time(spiral__timed_events *list) {
    size_t i = 1;
    while (i < list->count && list->items[i].at_ticks >= list->items[i - 1].at_ticks) i++;
    if (i < list->count) qsort(list->items, list->count, sizeof *list->items, by_time);
}

/* Sorts by time and keeps the last event of each tick. */
static void sort_and_keep_last(spiral__timed_events *list) {
    size_t kept = 0;
    sort_by_time(list);
    for (size_t i = 0; i < list->count; i++) {
        bool last = i + 1 == list->count || list->items[i + 1].at_ticks != list->items[i].at_ticks;
        if (last) list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

static spiral_status finish_tempos(spiral__midi_builder *b) {
    spiral__timed_events *list = &b->tempos;
    spiral_midi *midi = b->midi;
    if (list->count == 0) return SPIRAL_OK;
    sort_and_keep_last(list);
    midi->tempos = malloc(list->count * sizeof *midi->tempos);
    if (!midi->tempos) return spiral__no_memory(b->err, list->count * sizeof *midi->tempos);
    midi->tempo_count = list->count;
    for (size_t i = 0; i < list->count; i++)
        midi->tempos[i] = (spiral_tempo){list->items[i].at_ticks, (int32_t)list->items[i].value, 0};
    spiral__tempo_fill_seconds(midi);
    return SPIRAL_OK;
}

static spiral_status finish_meters(spiral__midi_builder *b) {
    spiral__timed_events *list = &b->meters;
    spiral_midi *midi = b->midi;
    if (list->count == 0) return SPIRAL_OK;
    sort_and_keep_last(list);
    midi->meters = malloc(list->count * sizeof *midi->meters);
    if (!midi->meters) return spiral__no_memory(b->err, list->count * sizeof *midi->meters);
    midi->meter_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        const spiral__timed_event *e = &list->items[i];
        midi->meters[i] = (spiral_meter){e->at_ticks, (int)(e->value >> 8), 1 << (e->value & 255)};
    }
    return SPIRAL_OK;
}

/* Writes the events that change a channel's pedal to pedals, unless that is NULL; returns their number. */
static size_t list_pedal_changes(const spiral__timed_events *list, spiral_pedal *pedals) {
    size_t n = 0;
    unsigned down = 0; /* a bit per channel */
    for (size_t i = 0; i < list->count; i++) {
        uint32_t value = list->items[i].value, action = value & 255;
        unsigned channel = value >> 8 & 255, last = action == SPIRAL__PEDALS_UP ? 15 : channel;
        for (; channel <= last; channel++) {
            unsigned is_down = action == SPIRAL__PEDAL_DOWN;
            if ((down >> channel & 1) == is_down) continue;
            down ^= 1u << channel;
            if (pedals)
                pedals[n] = (spiral_pedal){list->items[i].at_ticks, (uint16_t)(value >> 16), (uint8_t)channel,
                                           (uint8_t)is_down};
            n++;
        }
    }
    return n;
}

static spiral_status finish_pedals(spiral__midi_builder *b) {
    spiral_midi *midi = b->midi;
    sort_by_time(&b->pedals);
    size_t n = list_pedal_changes(&b->pedals, NULL);
    if (n == 0) return SPIRAL_OK;
    midi->pedals = malloc(n * sizeof *midi->pedals);
    if (!midi->pedals) return spiral__no_memory(b->err, n * sizeof *midi->pedals);
    midi->pedal_count = list_pedal_changes(&b->pedals, midi->pedals);
    return SPIRAL_OK;
}

spiral_status spiral__midi_builder_finish(spiral__midi_builder *b) {
    SPIRAL_TRY(finish_notes(b));
    SPIRAL_TRY(finish_tempos(b));
    SPIRAL_TRY(finish_meters(b));
    return finish_pedals(b);
}
