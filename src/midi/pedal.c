/* SPDX-License-Identifier: MIT
 *
 * The ends of notes that a pedal holds after their keys come up (see pedal.h).
 *
 * Lists of times are made: when the pedals of each channel move, and when each key of each channel is struck.
 * All are in order of time, so a few binary searches find what ends a note. The ports that notes use are
 * numbered from 0, so that unused ports have no lists.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/search.h"
#include "midi/midi_check.h"
#include "midi/note_order.h"
#include "midi/pedal.h"
#include "midi/tempo.h"

enum { CHANNELS = 16, SLOTS = CHANNELS * 128 /* channel << 7 | key */, PORTS = SPIRAL_MIDI_PORT_MAX + 1 };

/* Times in groups: group g is at_ticks[begin[g] .. begin[g + 1]), in order of time. Both are owned, or NULL.
 */
typedef struct groups {
    size_t *begin; /* (groups + 1) */
    int64_t *at_ticks;
} groups;

typedef struct lists {
    const spiral_midi *midi;
    int port_index[PORTS]; /* 0 .. port_count - 1, or -1: without notes */
    size_t port_count;
    groups pedals[2];  /* by spiral_pedal_kind: a group per port and channel. It goes down at the first time,
                          up at the second, and so on */
    groups strikes;    /* a group per port, channel and key: when the key is struck */
    int64_t end_ticks; /* no note is held longer */
} lists;

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

static spiral_status allocate(groups *g, size_t count, size_t times, spiral_error *err) {
    g->begin = calloc(count + 1, sizeof *g->begin);
    g->at_ticks = malloc((times + 1) * sizeof *g->at_ticks);
    if (g->begin && g->at_ticks) return SPIRAL_OK;
    return spiral__no_memory(err, (count + 1) * sizeof *g->begin + (times + 1) * sizeof *g->at_ticks);
}

/* Turns the counts in begin[1 .. count] into starts, begin[g + 1] for group g: filling the groups moves each
 * start to the group's end, which is where the next one begins. */
static void begin_filling(size_t *begin, size_t count) {
    for (size_t g = 1; g <= count; g++) begin[g] += begin[g - 1];
    memmove(begin + 1, begin, count * sizeof *begin);
    begin[0] = 0;
}

static void index_ports(lists *l, const spiral_note *notes, size_t n) {
    for (int port = 0; port < PORTS; port++) l->port_index[port] = -1;
    for (size_t i = 0; i < n; i++)
        if (l->port_index[notes[i].port] < 0) l->port_index[notes[i].port] = (int)l->port_count++;
}

static size_t channel_group(const lists *l, unsigned port, unsigned channel) {
    return (size_t)l->port_index[port] * CHANNELS + channel;
}

static size_t key_group(const lists *l, const spiral_note *note) {
    return (size_t)l->port_index[note->port] * SLOTS + ((size_t)note->channel << 7 | note->pitch);
}

/* The changes of the pedals of one kind. */
static spiral_status list_pedals(lists *l, unsigned kind, spiral_error *err) {
    const spiral_midi *midi = l->midi;
    groups *g = &l->pedals[kind];
    SPIRAL_TRY(allocate(g, l->port_count * CHANNELS, midi->pedal_count, err));
    for (int fill = 0; fill < 2; fill++) {
        uint16_t down[PORTS] = {0}; /* a bit per channel */
        for (size_t i = 0; i < midi->pedal_count; i++) {
            const spiral_pedal *p = &midi->pedals[i];
            if (p->kind != kind || l->port_index[p->port] < 0 || (down[p->port] >> p->channel & 1) == p->down)
                continue;
            down[p->port] = (uint16_t)(down[p->port] ^ 1u << p->channel);
            size_t *at = &g->begin[channel_group(l, p->port, p->channel) + 1];
            if (fill) g->at_ticks[*at] = p->at_ticks;
            ++*at;
        }
        if (!fill) begin_filling(g->begin, l->port_count * CHANNELS);
    }
    return SPIRAL_OK;
}

static spiral_status list_strikes(lists *l, const spiral_note *notes, size_t n, spiral_error *err) {
    groups *g = &l->strikes;
    SPIRAL_TRY(allocate(g, l->port_count * SLOTS, n, err));
    for (size_t i = 0; i < n; i++) g->begin[key_group(l, &notes[i]) + 1]++;
    begin_filling(g->begin, l->port_count * SLOTS);
    for (size_t i = 0; i < n; i++) g->at_ticks[g->begin[key_group(l, &notes[i]) + 1]++] = notes[i].on_ticks;
    return SPIRAL_OK;
}

/* When a pedal that is down at `ticks` comes up after that; `ticks`, if it is up. *since: when it went down.
 */
static int64_t held_until(const groups *g, size_t group, int64_t ticks, int64_t *since) {
    size_t i = first_from(g, group, ticks);
    if ((i - g->begin[group]) % 2 == 0) return ticks;
    *since = g->at_ticks[i - 1];
    return i < g->begin[group + 1] ? g->at_ticks[i] : INT64_MAX;
}

static int64_t silent_at(const lists *l, const spiral_note *note) {
    size_t group = channel_group(l, note->port, note->channel), slot = key_group(l, note);
    int64_t since = -1, off = note->off_ticks;
    int64_t sostenuto = held_until(&l->pedals[SPIRAL_PEDAL_SOSTENUTO], group, off, &since);
    if (since <= note->on_ticks) sostenuto = off; /* it went down before the key did */
    int64_t at = held_until(&l->pedals[SPIRAL_PEDAL_SUSTAIN], group, off, &since);
    if (sostenuto > at) at = held_until(&l->pedals[SPIRAL_PEDAL_SUSTAIN], group, sostenuto, &since);
    if (at > l->end_ticks) at = l->end_ticks;
    if (at <= off) return off;
    /* + 1: a note of zero length does not end itself */
    size_t again = first_from(&l->strikes, slot, off + (off == note->on_ticks));
    if (again < l->strikes.begin[slot + 1] && l->strikes.at_ticks[again] < at)
        at = l->strikes.at_ticks[again];
    return at > off ? at : off;
}

static spiral_status hold(lists *l, const spiral_note *sorted, spiral_note *notes, spiral_error *err) {
    const spiral_midi *midi = l->midi;
    size_t n = midi->note_count;
    index_ports(l, sorted, n);
    for (unsigned kind = 0; kind < 2; kind++) SPIRAL_TRY(list_pedals(l, kind, err));
    SPIRAL_TRY(list_strikes(l, sorted, n, err));
    l->end_ticks = spiral_midi_music_end(midi) + spiral__whole_note(midi);
    if (midi->end_ticks < l->end_ticks) l->end_ticks = midi->end_ticks;
    for (size_t i = 0; i < n; i++) {
        notes[i] = sorted[i];
        notes[i].off_ticks = silent_at(l, &sorted[i]);
    }
    return SPIRAL_OK;
}

static void free_groups(groups *g) {
    free(g->begin);
    free(g->at_ticks);
}

spiral_status spiral__pedal_hold(const spiral_midi *midi, const spiral_note *sorted, spiral_note **held,
                                 spiral_error *err) {
    lists l = {.midi = midi};
    spiral_note *notes = malloc(midi->note_count * sizeof *notes);
    spiral_status status =
        notes ? hold(&l, sorted, notes, err) : spiral__no_memory(err, midi->note_count * sizeof *notes);
    for (int kind = 0; kind < 2; kind++) free_groups(&l.pedals[kind]);
    free_groups(&l.strikes);
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
