/* SPDX-License-Identifier: MIT
 *
 * The Standard MIDI File writer.
 *
 * Notes, tempos, metres and pedals become events with a sort key, and the sorted events are written track by
 * track. At one tick, notes that began earlier end first, then pedals move, then notes begin, so that a key
 * can be struck again at once; a note of zero length begins before it ends. Not here: files (midi.c).
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "midi/midi_check.h"
#include "midi/note_order.h"
#include "midi/tempo.h"

enum {
    NUMBER_MAX = 0xfffffff, /* the largest variable-length number */
    META_TEXT = 0x01,
    META_NAME = 0x03,
    META_END_OF_TRACK = 0x2f,
    META_TEMPO = 0x51,
    META_METER = 0x58,
    META_SEQUENCER_SPECIFIC = 0x7f
};

/* The kinds of events, in the order in which those of one tick are written. */
typedef enum kind { KIND_TEMPO, KIND_METER, KIND_OFF, KIND_PEDAL, KIND_ON, KIND_OFF_ZERO_LENGTH } kind;

/* key: track, tick and kind, from the highest bits down. index: of the note, tempo, metre or pedal. */
typedef struct event {
    uint64_t key;
    size_t index;
} event;
enum { KIND_BITS = 3, TICK_BITS = 38 };

static uint64_t event_key(unsigned track, int64_t ticks, kind k) {
    return (uint64_t)track << (TICK_BITS + KIND_BITS) | (uint64_t)ticks << KIND_BITS | k;
}
static unsigned event_track(const event *e) { return (unsigned)(e->key >> (TICK_BITS + KIND_BITS)); }
static int64_t event_ticks(const event *e) { return (int64_t)(e->key >> KIND_BITS) & SPIRAL_MIDI_TICKS_MAX; }
static kind event_kind(const event *e) { return (kind)(e->key & ((1 << KIND_BITS) - 1)); }

static int by_key(const void *left, const void *right) {
    const event *a = left, *b = right;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* A file being written. With bytes NULL nothing is written and only its size is counted. */
typedef struct writer {
    const spiral_midi *midi;
    const spiral_note *notes; /* midi's, in order */
    spiral_note *copy;        /* owned, or NULL */
    event *events;            /* (event_count), owned */
    size_t event_count;
    unsigned tracks;
    unsigned char *bytes;
    size_t size;
    int64_t now;     /* ticks, in the current track */
    unsigned status; /* running status, or 0 */
} writer;

/* ---- bytes ---- */

static void put(writer *w, unsigned byte) {
    if (w->bytes) w->bytes[w->size] = (unsigned char)byte;
    w->size++;
}

static void put_be(writer *w, uint32_t value, int size) {
    while (size--) put(w, value >> 8 * size & 255);
}

static void put_bytes(writer *w, const void *bytes, size_t size) {
    if (w->bytes) memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

static void put_number(writer *w, uint32_t value) {
    for (int shift = 21; shift > 0; shift -= 7)
        if (value >> shift) put(w, 128 | (value >> shift & 127));
    put(w, value & 127);
}

static void put_meta(writer *w, unsigned type, const void *data, size_t size) {
    put(w, 0xff);
    put(w, type);
    put_number(w, (uint32_t)size);
    put_bytes(w, data, size);
    w->status = 0; /* a meta event ends the running status */
}

/* The time up to the next event. A pause longer than one number can hold is divided by empty events. */
static void put_delta(writer *w, int64_t ticks) {
    int64_t delta = ticks - w->now;
    for (; delta > NUMBER_MAX; delta -= NUMBER_MAX) {
        put_number(w, NUMBER_MAX);
        put_meta(w, META_SEQUENCER_SPECIFIC, "", 0);
    }
    put_number(w, (uint32_t)delta);
    w->now = ticks;
}

static void put_text(writer *w, unsigned type, const char *text) {
    if (!text || !*text) return;
    put_delta(w, 0);
    put_meta(w, type, text, strlen(text));
}

/* ---- events and tracks ---- */

static void put_channel_event(writer *w, unsigned status, unsigned first, unsigned second) {
    if (status != w->status) put(w, status);
    w->status = status;
    put(w, first);
    put(w, second);
}

/* A note-off is written as a note-on of velocity 0, so that both share one running status. */
static void put_note(writer *w, const spiral_note *note, unsigned velocity) {
    put_channel_event(w, 0x90u | note->channel, note->pitch, velocity);
}

static void put_pedal(writer *w, const spiral_pedal *pedal) {
    put_channel_event(w, 0xb0u | pedal->channel, 64, pedal->down ? 127 : 0);
}

static void put_event(writer *w, const event *e) {
    put_delta(w, event_ticks(e));
    if (event_kind(e) == KIND_TEMPO) {
        uint32_t us = (uint32_t)w->midi->tempos[e->index].us_per_quarter;
        put_meta(w, META_TEMPO, (unsigned char[]){us >> 16 & 255, us >> 8 & 255, us & 255}, 3);
    } else if (event_kind(e) == KIND_METER) {
        const spiral_meter *m = &w->midi->meters[e->index];
        unsigned char log2 = 0;
        while (m->denominator >> log2 > 1) log2++;
        /* the usual values: 24 MIDI clocks per metronome click, 8 thirty-second notes per quarter */
        put_meta(w, META_METER, (unsigned char[]){(unsigned char)m->numerator, log2, 24, 8}, 4);
    } else if (event_kind(e) == KIND_PEDAL) {
        put_pedal(w, &w->midi->pedals[e->index]);
    } else {
        const spiral_note *note = &w->notes[e->index];
        put_note(w, note, event_kind(e) == KIND_ON ? note->velocity : 0);
    }
}

/* Writes track number `track`, whose events begin at *e, and moves *e behind them. */
static spiral_status put_track(writer *w, unsigned track, const event **e, spiral_error *err) {
    const event *end = w->events + w->event_count;
    put_bytes(w, "MTrk", 4);
    put_be(w, 0, 4);
    size_t start = w->size;
    w->now = 0;
    w->status = 0;
    if (track == 0) {
        put_text(w, META_NAME, w->midi->name);
        put_text(w, META_TEXT, w->midi->text);
    }
    for (; *e < end && event_track(*e) == track; ++*e) put_event(w, *e);
    put_delta(w, track == 0 && w->midi->end_ticks > w->now ? w->midi->end_ticks : w->now);
    put_meta(w, META_END_OF_TRACK, "", 0);
    size_t size = w->size - start;
    if (size > UINT32_MAX)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "track %u: %zu bytes are more than the limit, %u", track,
                            size, UINT32_MAX);
    if (w->bytes)
        for (int i = 0; i < 4; i++) w->bytes[start - 4 + (size_t)i] = (unsigned char)(size >> (24 - 8 * i));
    return SPIRAL_OK;
}

static unsigned division(const spiral_midi *midi) {
    int frames_per_s = 0, ticks_per_frame = 0;
    if (midi->ticks_per_quarter) return (unsigned)midi->ticks_per_quarter;
    spiral__smpte_from_rate(midi->ticks_per_s, &frames_per_s, &ticks_per_frame);
    return (unsigned)(256 - frames_per_s) << 8 | (unsigned)ticks_per_frame;
}

static spiral_status put_file(writer *w, spiral_error *err) {
    const event *e = w->events;
    w->size = 0;
    put_bytes(w, "MThd\0\0\0\6", 8);
    put_be(w, w->midi->format == 0 ? 0 : 1, 2);
    put_be(w, w->tracks, 2);
    put_be(w, division(w->midi), 2);
    for (unsigned track = 0; track < w->tracks; track++) SPIRAL_TRY(put_track(w, track, &e, err));
    return SPIRAL_OK;
}

/* ---- what is written ---- */

/* A note-off ends the oldest open note of its track, channel and key. So of two such notes the one that
 * begins first must end first; otherwise a reader would find other notes. */
static spiral_status check_nesting(const writer *w, spiral_error *err) {
    int64_t latest_off[16 * 128] = {0};
    unsigned track = 0;
    for (size_t i = 0; i < w->event_count; i++) {
        const event *e = &w->events[i];
        if (event_kind(e) != KIND_ON) continue;
        if (event_track(e) != track) memset(latest_off, 0, sizeof latest_off);
        track = event_track(e);
        const spiral_note *note = &w->notes[e->index];
        int64_t *latest = &latest_off[note->channel << 7 | note->pitch];
        if (note->off_ticks < *latest)
            return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                                "track %u, channel %d, key %d: the note at tick %lld lies inside an earlier "
                                "one that ends at tick %lld, which MIDI cannot express",
                                track, note->channel, note->pitch, (long long)note->on_ticks,
                                (long long)*latest);
        *latest = note->off_ticks;
    }
    return SPIRAL_OK;
}

static void list_events(writer *w) {
    const spiral_midi *midi = w->midi;
    event *e = w->events;
    for (size_t i = 0; i < midi->tempo_count; i++)
        *e++ = (event){event_key(0, midi->tempos[i].at_ticks, KIND_TEMPO), i};
    for (size_t i = 0; i < midi->meter_count; i++)
        *e++ = (event){event_key(0, midi->meters[i].at_ticks, KIND_METER), i};
    for (size_t i = 0; i < midi->pedal_count; i++) {
        const spiral_pedal *p = &midi->pedals[i];
        *e++ = (event){event_key(p->track, p->at_ticks, KIND_PEDAL), i};
        if (p->track >= w->tracks) w->tracks = p->track + 1u;
    }
    for (size_t i = 0; i < midi->note_count; i++) {
        const spiral_note *n = &w->notes[i];
        kind off = n->off_ticks > n->on_ticks ? KIND_OFF : KIND_OFF_ZERO_LENGTH;
        *e++ = (event){event_key(n->track, n->on_ticks, KIND_ON), i};
        *e++ = (event){event_key(n->track, n->off_ticks, off), i};
        if (n->track >= w->tracks) w->tracks = n->track + 1u;
    }
    qsort(w->events, w->event_count, sizeof *w->events, by_key);
}

static spiral_status check_texts(const spiral_midi *midi, spiral_error *err) {
    size_t name = midi->name ? strlen(midi->name) : 0, text = midi->text ? strlen(midi->text) : 0;
    if (name <= NUMBER_MAX && text <= NUMBER_MAX) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "a text of %zu bytes is longer than the limit, %d",
                        name > text ? name : text, NUMBER_MAX);
}

static spiral_status prepare(writer *w, spiral_error *err) {
    const spiral_midi *midi = w->midi;
    SPIRAL_TRY(spiral__midi_check(midi, err));
    SPIRAL_TRY(check_texts(midi, err));
    SPIRAL_TRY(spiral__notes_sorted(midi, &w->notes, &w->copy, err));
    w->tracks = midi->tracks > 0 ? (unsigned)midi->tracks : 1;
    w->event_count = midi->tempo_count + midi->meter_count + midi->pedal_count + 2 * midi->note_count;
    w->events = malloc((w->event_count + 1) * sizeof *w->events);
    if (!w->events) return spiral__no_memory(err, (w->event_count + 1) * sizeof *w->events);
    list_events(w);
    if (midi->format == 0 && w->tracks > 1)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "format 0 has one track, not %u", w->tracks);
    return check_nesting(w, err);
}

static void finish(writer *w) {
    free(w->events);
    free(w->copy);
}

spiral_status spiral_midi_size(const spiral_midi *midi, size_t *size, spiral_error *err) {
    writer w = {.midi = midi};
    spiral_status status = prepare(&w, err);
    if (status == SPIRAL_OK) status = put_file(&w, err);
    finish(&w);
    *size = status == SPIRAL_OK ? w.size : 0;
    return status;
}

spiral_status spiral_midi_write(const spiral_midi *midi, void *bytes, size_t size, spiral_error *err) {
    writer w = {.midi = midi};
    spiral_status status = prepare(&w, err);
    if (status == SPIRAL_OK) status = put_file(&w, err);
    if (status == SPIRAL_OK && w.size != size)
        status =
            spiral__fail(err, SPIRAL_BAD_ARG, -1, "the MIDI file takes %zu bytes, not %zu", w.size, size);
    if (status == SPIRAL_OK) {
        w.bytes = bytes;
        status = put_file(&w, err);
    }
    finish(&w);
    return status;
}
