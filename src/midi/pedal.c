/* SPDX-License-Identifier: MIT
 *
 * The sustain pedal: when a note that is let go falls silent.
 *
 * Ticks are listed twice: when each channel's pedal moved, and when each key was struck. Both lists are in
 * order of time, so a note looks up the two events that can end it. Read next: roll.c, which draws the notes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/search.h"
#include "midi/notes.h"
#include "midi/pedal.h"

enum { CHANNELS = 16, SLOTS = CHANNELS * 128 };

/* Ticks in groups: group g is at[begin[g] .. begin[g + 1]), in order of time. */
typedef struct groups {
    size_t *begin; /* (groups + 1) */
    int64_t *at;   /* owned, or NULL */
} groups;

typedef struct tick_search {
    const int64_t *at;
    int64_t ticks;
} tick_search;

static int not_before(const void *context, size_t i) {
    const tick_search *s = context;
    return s->at[i] >= s->ticks;
}

/* The first of the group's ticks that is not before `ticks`, as an index of at. */
static size_t first_from(const groups *g, size_t group, int64_t ticks) {
    const size_t begin = g->begin[group];
    const tick_search s = {g->at + begin, ticks};
    return begin + spiral__search(g->begin[group + 1] - begin, not_before, &s);
}

/* Counts in begin[1 ..] become the places where the groups begin; filling them moves each to its end. */
static void open_groups(size_t *begin, size_t count) {
    for (size_t g = 1; g <= count; g++) begin[g] += begin[g - 1];
    memmove(begin + 1, begin, count * sizeof *begin);
    begin[0] = 0;
}

/* A group per channel: its pedal goes down at the first tick, up at the second, and so on. */
static spiral_status list_pedals(const spiral_midi *midi, groups *g, spiral_error *err) {
    const spiral_pedal *p = midi->pedals;
    g->at = malloc(midi->pedal_count * sizeof *g->at);
    if (!g->at) return spiral__no_memory(err, midi->pedal_count * sizeof *g->at);
    for (int fill = 0; fill < 2; fill++) {
        unsigned down = 0; /* a bit per channel */
        for (size_t i = 0; i < midi->pedal_count; i++) {
            unsigned c = p[i].channel;
            if ((down >> c & 1) == p[i].down) continue;
            down ^= 1u << c;
            if (fill)
                g->at[g->begin[c + 1]++] = p[i].at_ticks;
            else
                g->begin[c + 1]++;
        }
        if (!fill) open_groups(g->begin, CHANNELS);
    }
    return SPIRAL_OK;
}

static size_t slot(const spiral_note *note) { return (size_t)note->channel << 7 | note->pitch; }

/* A group per channel and key: when it is struck. */
static spiral_status list_strikes(const spiral_note *notes, size_t n, groups *g, spiral_error *err) {
    g->at = malloc(n * sizeof *g->at);
    if (!g->at) return spiral__no_memory(err, n * sizeof *g->at);
    for (size_t i = 0; i < n; i++) g->begin[slot(&notes[i]) + 1]++;
    open_groups(g->begin, SLOTS);
    for (size_t i = 0; i < n; i++) g->at[g->begin[slot(&notes[i]) + 1]++] = notes[i].on_ticks;
    return SPIRAL_OK;
}

/* When a note falls silent whose key comes up at off_ticks. */
static int64_t silent_at(const spiral_note *note, const groups *pedals, const groups *strikes, int64_t end) {
    size_t up = first_from(pedals, note->channel, note->off_ticks);
    if ((up - pedals->begin[note->channel]) % 2 == 0) return note->off_ticks; /* the pedal is up */
    int64_t at = up < pedals->begin[note->channel + 1] ? pedals->at[up] : end;
    /* a note of no length does not end itself */
    int64_t from = note->off_ticks + (note->off_ticks == note->on_ticks);
    size_t again = first_from(strikes, slot(note), from);
    if (again < strikes->begin[slot(note) + 1] && strikes->at[again] < at) at = strikes->at[again];
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
    free(pedals.at);
    free(strikes.at);
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
