/* SPDX-License-Identifier: MIT
 *
 * When a note falls silent whose key comes up while the sustain pedal is down (see pedal.h).
 *
 * Two lists of times are made: when each channel's pedal moves, and when each key of each channel is struck.
 * Both are in order of time, so two binary searches find what ends a note.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/search.h"
#include "midi/midi_check.h"
#include "midi/note_order.h"
#include "midi/pedal.h"

enum { CHANNELS = 16, SLOTS = CHANNELS * 128 /* channel << 7 | key */ };

/* Times in groups: group g is at_ticks[begin[g] .. begin[g + 1]), in order of time. */
typedef struct groups {
    size_t *begin;     /* (groups + 1) */
    int64_t *at_ticks; /* owned, or NULL */
} groups;

typedef struct tick_search {
    const int64_t *at_ticks;
    int64_t ticks;
} tick_search;

static int not_before(const void *context, size_t i) {
    const tick_search *s = context;
    return s->at_ticks[i] >= s->ticks;
}

/* The index of the group's first time that is not before `ticks`; begin[group + 1] if there is none. */
static size_t first_from(const groups *g, size_t group, int64_t ticks) {
    const size_t begin = g->begin[group];
    const tick_search s = {g->at_ticks + begin, ticks};
    return begin + spiral__search(g->begin[group + 1] - begin, not_before, &s);
}

/* Turns the counts in begin[1 .. count] into starts, begin[g + 1] for group g: filling the groups moves each
 * start to the group's end, which is where the next one begins. */
static void begin_filling(size_t *begin, size_t count) {
    for (size_t g = 1; g <= count; g++) begin[g] += begin[g - 1];
    memmove(begin + 1, begin, count * sizeof *begin);
    begin[0] = 0;
}

/* A group per channel: its pedal goes down at the first time, up at the second, and so on. */
static spiral_status list_pedals(const spiral_midi *midi, groups *g, spiral_error *err) {
    const spiral_pedal *p = midi->pedals;
    g->at_ticks = malloc(midi->pedal_count * sizeof *g->at_ticks);
    if (!g->at_ticks) return spiral__no_memory(err, midi->pedal_count * sizeof *g->at_ticks);
    for (int fill = 0; fill < 2; fill++) {
        unsigned down = 0; /* a bit per channel */
        for (size_t i = 0; i < midi->pedal_count; i++) {
            unsigned c = p[i].channel;
            if ((down >> c & 1) == p[i].down) continue;
            down ^= 1u << c;
            if (fill)
                g->at_ticks[g->begin[c + 1]++] = p[i].at_ticks;
            else
                g->begin[c + 1]++;
        }
        if (!fill) begin_filling(g->begin, CHANNELS);
    }
    return SPIRAL_OK;
}

static size_t slot(const spiral_note *note) { return (size_t)note->channel << 7 | note->pitch; }

/* A group per channel and key: when the key is struck. */
static spiral_status list_strikes(const spiral_note *notes, size_t n, groups *g, spiral_error *err) {
    g->at_ticks = malloc(n * sizeof *g->at_ticks);
    if (!g->at_ticks) return spiral__no_memory(err, n * sizeof *g->at_ticks);
    for (size_t i = 0; i < n; i++) g->begin[slot(&notes[i]) + 1]++;
    begin_filling(g->begin, SLOTS);
    for (size_t i = 0; i < n; i++) g->at_ticks[g->begin[slot(&notes[i]) + 1]++] = notes[i].on_ticks;
    return SPIRAL_OK;
}

static int64_t silent_at(const spiral_note *note, const groups *pedals, const groups *strikes, int64_t end) {
    size_t up = first_from(pedals, note->channel, note->off_ticks);
    if ((up - pedals->begin[note->channel]) % 2 == 0) return note->off_ticks; /* the pedal is up */
    int64_t at = up < pedals->begin[note->channel + 1] ? pedals->at_ticks[up] : end;
    /* + 1: a note of zero length does not end itself */
    int64_t from = note->off_ticks + (note->off_ticks == note->on_ticks);
    size_t again = first_from(strikes, slot(note), from);
    if (again < strikes->begin[slot(note) + 1] && strikes->at_ticks[again] < at)
        at = strikes->at_ticks[again];
    return at > note->off_ticks ? at : note->off_ticks;
}

spiral_status spiral__pedal_hold(const spiral_midi *midi, const spiral_note *sorted, spiral_note **held,
                                 spiral_error *err) {
    size_t n = midi->note_count, pedal_begin[CHANNELS + 1] = {0}, strike_begin[SLOTS + 1] = {0};
    groups pedals = {pedal_begin, NULL}, strikes = {strike_begin, NULL};
    spiral_note *notes = malloc(n * sizeof *notes);
    spiral_status status =
        notes ? list_pedals(midi, &pedals, err) : spiral__no_memory(err, n * sizeof *notes);
    if (status == SPIRAL_OK) status = list_strikes(sorted, n, &strikes, err);
    for (size_t i = 0; status == SPIRAL_OK && i < n; i++) {
        notes[i] = sorted[i];
        notes[i].off_ticks = silent_at(&sorted[i], &pedals, &strikes, midi->end_ticks);
    }
    free(pedals.at_ticks);
    free(strikes.at_ticks);
    if (status != SPIRAL_OK) return free(notes), status;
    *held = notes;
    return SPIRAL_OK;
}

spiral_status spiral_midi_apply_pedal(spiral_midi *midi, spiral_error *err) {
    const spiral_note *sorted;
    spiral_note *copy, *held = NULL;
    SPIRAL_TRY(spiral__midi_check(midi, err));
    if (midi->note_count && midi->pedal_count) {
        SPIRAL_TRY(spiral__notes_sorted(midi, &sorted, &copy, err));
        spiral_status status = spiral__pedal_hold(midi, sorted, &held, err);
        free(copy);
        if (status == SPIRAL_OK) status = spiral__notes_sort(held, midi->note_count, err);
        if (status != SPIRAL_OK) return free(held), status;
        free(midi->notes);
        midi->notes = held;
    }
    free(midi->pedals);
    midi->pedals = NULL;
    midi->pedal_count = 0;
    return SPIRAL_OK;
}
