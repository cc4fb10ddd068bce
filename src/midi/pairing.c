/* SPDX-License-Identifier: MIT
 *
 * Pairing note-ons and note-offs again where some are left over (see pairing.h).
 *
 * The steps are linear in the notes of the keys concerned, except for sorting the notes that the tracks leave
 * over.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/search.h"
#include "midi/growth.h"
#include "midi/pairing.h"

enum { TICK_BITS = 38 };

static unsigned slot_of(const spiral_note *note) { return (unsigned)note->channel << 7 | note->pitch; }

/* ---- one key of one track ---- */

/* What happens to notes for which no note-off is found: they end at all_off_ticks, or, if that is negative,
 * are moved to *unpaired or, if they overlap an earlier note of their key, end with the music. */
typedef struct remainder {
    spiral_midi *midi;
    int64_t all_off_ticks, music_end_ticks;
    spiral__unpaired *unpaired; /* with space for them */
} remainder;

/* A dropped note has velocity 0 until it is removed. */
static void drop(spiral_midi *midi, spiral_note *note) {
    note->velocity = 0;
    note->off_ticks = note->on_ticks;
    midi->warnings[SPIRAL_MIDI_WARN_NOTE_DROPPED]++;
}

/* again_ticks: when the key is struck again, negative: it is not. before_ticks: when the note-off comes that
 * ends the latest note before it. A note that began while that one sounds cannot end before it (first in,
 * first out), so it does not wait for a note-off on another track, which could be earlier. */
static void add_remaining(const remainder *r, uint32_t index, int64_t again_ticks, int64_t before_ticks) {
    spiral_note *note = &r->midi->notes[index];
    const bool ends_here = r->all_off_ticks >= 0, overlaps = before_ticks > note->on_ticks;
    if (!ends_here && !overlaps) {
        note->off_ticks = again_ticks >= 0 ? again_ticks : -1 - r->music_end_ticks;
        r->unpaired->notes[r->unpaired->note_count++] = index;
        return;
    }
    if (again_ticks == note->on_ticks) {
        drop(r->midi, note);
        return;
    }
    note->off_ticks = again_ticks >= 0 ? again_ticks : ends_here ? r->all_off_ticks : r->music_end_ticks;
    if (note->off_ticks < before_ticks) note->off_ticks = before_ticks;
    r->midi->warnings[SPIRAL_MIDI_WARN_NOTE_SHORTENED] += again_ticks >= 0;
    r->midi->warnings[SPIRAL_MIDI_WARN_NOTE_NEVER_ENDS] += again_ticks < 0 && !ends_here;
}

/* The notes of one key in order: index[0 .. n), of which the first off_count have note-offs, in order too, by
 * first in, first out. MARK is set in the index of a note that is to have none. */
typedef struct key_notes {
    spiral_note *notes;
    uint32_t *index;
    size_t n, off_count;
} key_notes;
#define MARK UINT32_C(0x80000000)

static bool is_marked(const key_notes *k, size_t i) { return k->index[i] >> 31; }
static spiral_note *note_at(const key_notes *k, size_t i) { return &k->notes[k->index[i] & INT32_MAX]; }
static int64_t on_at(const key_notes *k, size_t i) { return note_at(k, i)->on_ticks; }
static int64_t off_at(const key_notes *k, size_t i) { return note_at(k, i)->off_ticks; }

/* Marks the notes without a note-off: going back in time, a note-on takes a note-off that is not taken by a
 * later one, or has none. At one tick, notes are assumed to end before others begin, unless zero_length.
 * Returns the number of note-offs that no note-on takes, which is 0 if zero_length. */
static size_t mark_notes(const key_notes *k, bool zero_length) {
    size_t j = k->off_count, spare = 0;
    for (size_t i = k->n; i-- > 0;) {
        for (; j > 0 && off_at(k, j - 1) >= on_at(k, i) + !zero_length; j--) spare++;
        if (spare > 0)
            spare--;
        else
            k->index[i] |= MARK;
    }
    return j + spare;
}

static void remove_marks(const key_notes *k) {
    for (size_t i = 0; i < k->n; i++) k->index[i] &= INT32_MAX;
}

/* A marked note begins a stretch in which the key never falls silent: up to `end`, where the next marked note
 * or the last note is. Any other note of the stretch may be the one without a note-off instead. earlier: the
 * number of marked notes before. In a stretch of overlapping notes, the lengths show which one it is: they
 * are even only if the right one is left out. Returns its position; `first`, unless another makes the lengths
 * far more even. */
static size_t most_even(const key_notes *k, size_t first, size_t end, size_t earlier) {
    enum { NOTES_MIN = 8, MUCH = 4 };
    if (end - first < NOTES_MIN) return first;
    const double n = (double)(end - first - 1);
    double sum = 0, squares = 0, best;
    for (size_t i = first + 1; i < end; i++) { /* without the first, each has the note-off before its own */
        double length = (double)(off_at(k, i - earlier - 1) - on_at(k, i));
        sum += length;
        squares += length * length;
    }
    best = (squares - sum * sum / n) / MUCH;
    size_t position = first;
    for (size_t i = first; i + 1 < end; i++) { /* note i has its own note-off, and note i + 1 none */
        double own = (double)(off_at(k, i - earlier) - on_at(k, i));
        double next = (double)(off_at(k, i - earlier) - on_at(k, i + 1));
        sum += own - next;
        squares += own * own - next * next;
        double variance = squares - sum * sum / n;
        if (variance >= best) continue;
        best = variance;
        position = i + 1;
    }
    return position;
}

static void move_marks(const key_notes *k) {
    size_t end, earlier = 0;
    for (size_t first = 0; first < k->n; first = end) {
        end = first + 1;
        if (!is_marked(k, first)) continue;
        while (end < k->n && !is_marked(k, end)) end++;
        k->index[first] &= INT32_MAX;
        k->index[most_even(k, first, end, earlier++)] |= MARK;
    }
}

/* Gives the note-offs to the notes that are not marked, first in, first out. In place: a note gets its own
 * note-off or an earlier one, which has not been overwritten yet when going back in time. */
static void pair_key(const key_notes *k, const remainder *r) {
    size_t given = k->off_count;
    if (mark_notes(k, false) > 0) {
        remove_marks(k);
        mark_notes(k, true);
    }
    move_marks(k);
    for (size_t i = k->n; i-- > 0;) {
        if (!is_marked(k, i)) {
            note_at(k, i)->off_ticks = off_at(k, --given);
            continue;
        }
        k->index[i] &= INT32_MAX;
        add_remaining(r, k->index[i], i + 1 < k->n ? on_at(k, i + 1) : -1, given ? off_at(k, given - 1) : 0);
    }
}

/* ---- the keys of one track that have open notes ---- */

typedef struct channels {
    unsigned from, to;
} channels;

static bool is_listed(const spiral__open_notes *open, const spiral_note *note, size_t i, channels c) {
    return note->port == open->port && note->channel >= c.from && note->channel <= c.to &&
           i >= open->begin[note->channel] && open->first[slot_of(note)];
}

/* Lists the notes of the keys that have open notes, key by key: open->last[slot] becomes the end of the
 * slot's part of the list. */
static spiral_status list_notes(spiral__open_notes *open, const spiral_midi *midi, channels c,
                                uint32_t **index, spiral_error *err) {
    size_t from = midi->note_count;
    uint32_t n = 0;
    for (unsigned channel = c.from; channel <= c.to; channel++)
        if (open->begin[channel] < from) from = open->begin[channel];
    for (unsigned slot = c.from << 7; slot < (c.to + 1) << 7; slot++) open->last[slot] = 0;
    for (size_t i = from; i < midi->note_count; i++)
        if (is_listed(open, &midi->notes[i], i, c)) open->last[slot_of(&midi->notes[i])]++;
    for (unsigned slot = c.from << 7; slot < (c.to + 1) << 7; slot++) {
        uint32_t count = open->last[slot];
        open->last[slot] = n;
        n += count;
    }
    *index = malloc(n * sizeof **index);
    if (!*index) return spiral__no_memory(err, n * sizeof **index);
    for (size_t i = from; i < midi->note_count; i++)
        if (is_listed(open, &midi->notes[i], i, c))
            (*index)[open->last[slot_of(&midi->notes[i])]++] = (uint32_t)i;
    return SPIRAL_OK;
}

static spiral_status pair_open_notes(spiral__open_notes *open, channels c, const remainder *r,
                                     spiral_error *err) {
    uint32_t *index, begin = 0;
    SPIRAL_TRY(list_notes(open, r->midi, c, &index, err));
    for (unsigned slot = c.from << 7; slot < (c.to + 1) << 7; slot++) {
        if (open->first[slot]) {
            key_notes k = {r->midi->notes, index + begin, open->last[slot] - begin, open->last[slot] - begin};
            while (k.index[k.off_count - 1] != open->first[slot] - 1) k.off_count--;
            k.off_count--; /* notes from the first open one on have no note-off */
            pair_key(&k, r);
        }
        begin = open->last[slot];
        open->first[slot] = 0;
    }
    free(index);
    return SPIRAL_OK;
}

static size_t count_open(const spiral__open_notes *open, const spiral_midi *midi, unsigned channel) {
    size_t n = 0;
    for (unsigned slot = channel << 7; slot < (channel + 1) << 7; slot++)
        for (uint32_t i = open->first[slot]; i; i = (uint32_t)midi->notes[i - 1].off_ticks) n++;
    return n;
}

spiral_status spiral__pairing_end_channel(spiral__open_notes *open, spiral_midi *midi, unsigned channel,
                                          int64_t at_ticks, spiral_error *err) {
    size_t n = open->count ? count_open(open, midi, channel) : 0;
    if (n) {
        const remainder r = {midi, at_ticks, 0, NULL};
        SPIRAL_TRY(pair_open_notes(open, (channels){channel, channel}, &r, err));
        open->count -= n;
    }
    open->begin[channel] = (uint32_t)midi->note_count;
    return SPIRAL_OK;
}

static spiral_status make_space(spiral__unpaired *u, size_t more, spiral_error *err) {
    size_t needed = u->note_count + more, capacity = u->note_capacity + u->note_capacity / 2;
    if (needed <= u->note_capacity) return SPIRAL_OK;
    if (capacity < needed) capacity = needed;
    uint32_t *notes = realloc(u->notes, capacity * sizeof *notes);
    if (!notes) return spiral__no_memory(err, capacity * sizeof *notes);
    u->notes = notes;
    u->note_capacity = capacity;
    return SPIRAL_OK;
}

spiral_status spiral__pairing_end_track(spiral__open_notes *open, spiral_midi *midi, int64_t music_end_ticks,
                                        spiral__unpaired *unpaired, spiral_error *err) {
    if (open->count) {
        const remainder r = {midi, -1, music_end_ticks, unpaired};
        SPIRAL_TRY(make_space(unpaired, open->count, err));
        SPIRAL_TRY(pair_open_notes(open, (channels){0, 15}, &r, err));
        open->count = 0;
    }
    return SPIRAL_OK;
}

/* ---- across tracks ---- */

void spiral__unpaired_clear(spiral__unpaired *u) {
    free(u->notes);
    free(u->offs);
    free(u->all_offs);
}

static spiral_status add_key(uint64_t **keys, size_t *count, size_t *capacity, size_t rest, uint64_t key,
                             spiral_error *err) {
    if (*count == *capacity) {
        size_t larger = spiral__larger_capacity(*count ? *count : 16, rest);
        uint64_t *items = realloc(*keys, larger * sizeof *items);
        if (!items) return spiral__no_memory(err, larger * sizeof *items);
        *keys = items;
        *capacity = larger;
    }
    (*keys)[(*count)++] = key;
    return SPIRAL_OK;
}

static uint64_t off_key(unsigned port, unsigned slot, int64_t ticks) {
    return ((uint64_t)port << 11 | slot) << TICK_BITS | (uint64_t)ticks;
}

static uint64_t all_off_key(unsigned port, unsigned channel, int64_t ticks) {
    return ((uint64_t)port << 4 | channel) << TICK_BITS | (uint64_t)ticks;
}

static int64_t key_ticks(uint64_t key) { return (int64_t)(key & ((UINT64_C(1) << TICK_BITS) - 1)); }

spiral_status spiral__unpaired_add_off(spiral__unpaired *u, size_t rest, unsigned port, unsigned slot,
                                       int64_t at_ticks, spiral_error *err) {
    return add_key(&u->offs, &u->off_count, &u->off_capacity, rest, off_key(port, slot, at_ticks), err);
}

spiral_status spiral__unpaired_add_all_off(spiral__unpaired *u, size_t rest, unsigned port, unsigned channel,
                                           int64_t at_ticks, spiral_error *err) {
    return add_key(&u->all_offs, &u->all_off_count, &u->all_off_capacity, rest,
                   all_off_key(port, channel, at_ticks), err);
}

/* A note that waits. key: off_key of its on_ticks. */
typedef struct waiting {
    uint64_t key;
    uint32_t note;
    bool ended; /* by a note-off on another track */
} waiting;

static int by_key(const void *left, const void *right) {
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static int by_key_and_note(const void *left, const void *right) {
    const waiting *a = left, *b = right;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return a->note < b->note ? -1 : a->note > b->note;
}

/* Pairs the n waiting notes of one port, channel and key with note-offs, both in order. Returns how many
 * note-offs ended a note. First the note-offs before which no note waits are left out, then as in pair_key. A
 * note whose key is struck again on its own track ends there at the latest. */
static size_t pair_waiting(waiting *w, size_t n, uint64_t *offs, size_t off_count, spiral_note *notes) {
    size_t open = 0, begun = 0, useful = 0, found = 0;
    for (size_t j = 0; j < off_count; j++) {
        for (; begun < n && w[begun].key < offs[j]; begun++) open++;
        if (!open) continue;
        open--;
        offs[useful++] = offs[j];
    }
    size_t j = useful, given = useful, spare = 0;
    for (size_t i = n; i-- > 0;) {
        for (; j > 0 && offs[j - 1] > w[i].key; j--) spare++;
        if (!spare) continue;
        spare--;
        int64_t off = key_ticks(offs[--given]), *end = &notes[w[i].note].off_ticks;
        w[i].ended = *end < 0 || off <= *end;
        if (w[i].ended) *end = off;
        found += w[i].ended;
    }
    return found;
}

/* Pairs all waiting notes, sorted, with the note-offs. Returns how many found one. */
static size_t pair_all_waiting(spiral__unpaired *u, waiting *w, spiral_note *notes) {
    size_t found = 0, end = 0, off_end = 0;
    for (size_t begin = 0; begin < u->note_count; begin = end) {
        uint64_t key = w[begin].key >> TICK_BITS;
        while (end < u->note_count && w[end].key >> TICK_BITS == key) end++;
        while (off_end < u->off_count && u->offs[off_end] >> TICK_BITS < key) off_end++;
        size_t off_begin = off_end;
        while (off_end < u->off_count && u->offs[off_end] >> TICK_BITS == key) off_end++;
        if (off_end > off_begin)
            found += pair_waiting(w + begin, end - begin, u->offs + off_begin, off_end - off_begin, notes);
    }
    return found;
}

typedef struct key_search {
    const uint64_t *keys;
    uint64_t key;
} key_search;

static int key_is_later(const void *context, size_t i) {
    const key_search *s = context;
    return s->keys[i] > s->key;
}

/* When all notes of the note's channel are ended after it began, or INT64_MAX. */
static int64_t next_all_off(const spiral__unpaired *u, const spiral_note *note) {
    const key_search s = {u->all_offs, all_off_key(note->port, note->channel, note->on_ticks)};
    size_t i = spiral__search(u->all_off_count, key_is_later, &s);
    bool found = i < u->all_off_count && u->all_offs[i] >> TICK_BITS == s.key >> TICK_BITS;
    return found ? key_ticks(u->all_offs[i]) : INT64_MAX;
}

/* Ends a note that waited, and counts how. */
static void end_waiting(spiral_midi *midi, spiral_note *note, bool ended, int64_t all_off_ticks) {
    spiral_midi_warning how = SPIRAL_MIDI_WARN_NOTE_OTHER_TRACK;
    if (!ended)
        how = note->off_ticks < 0 ? SPIRAL_MIDI_WARN_NOTE_NEVER_ENDS : SPIRAL_MIDI_WARN_NOTE_SHORTENED;
    if (note->off_ticks < 0) note->off_ticks = -1 - note->off_ticks;
    if (all_off_ticks < note->off_ticks) {
        note->off_ticks = all_off_ticks;
        return;
    }
    if (how == SPIRAL_MIDI_WARN_NOTE_SHORTENED && note->off_ticks == note->on_ticks)
        drop(midi, note);
    else
        midi->warnings[how]++;
}

static spiral_status end_across_tracks(spiral__unpaired *u, spiral_midi *midi, size_t *found,
                                       spiral_error *err) {
    waiting *w = malloc(u->note_count * sizeof *w);
    if (!w) return spiral__no_memory(err, u->note_count * sizeof *w);
    for (size_t i = 0; i < u->note_count; i++) {
        const spiral_note *note = &midi->notes[u->notes[i]];
        w[i] = (waiting){off_key(note->port, slot_of(note), note->on_ticks), u->notes[i], false};
    }
    qsort(w, u->note_count, sizeof *w, by_key_and_note);
    if (u->off_count) qsort(u->offs, u->off_count, sizeof *u->offs, by_key);
    if (u->all_off_count) qsort(u->all_offs, u->all_off_count, sizeof *u->all_offs, by_key);
    *found = pair_all_waiting(u, w, midi->notes);
    for (size_t i = 0; i < u->note_count; i++) {
        spiral_note *note = &midi->notes[w[i].note];
        end_waiting(midi, note, w[i].ended, next_all_off(u, note));
    }
    free(w);
    return SPIRAL_OK;
}

static void remove_dropped(spiral_midi *midi) {
    size_t kept = 0;
    for (size_t i = 0; i < midi->note_count; i++)
        if (midi->notes[i].velocity) midi->notes[kept++] = midi->notes[i];
    midi->note_count = kept;
}

spiral_status spiral__pairing_finish(spiral__unpaired *u, spiral_midi *midi, bool across_tracks,
                                     spiral_error *err) {
    size_t found = 0;
    if (across_tracks && u->note_count && (u->off_count || u->all_off_count))
        SPIRAL_TRY(end_across_tracks(u, midi, &found, err));
    else
        for (size_t i = 0; i < u->note_count; i++)
            end_waiting(midi, &midi->notes[u->notes[i]], false, INT64_MAX);
    midi->warnings[SPIRAL_MIDI_WARN_NOTE_NEVER_STARTS] += (uint32_t)(u->off_count - found);
    if (midi->warnings[SPIRAL_MIDI_WARN_NOTE_DROPPED]) remove_dropped(midi);
    return SPIRAL_OK;
}
