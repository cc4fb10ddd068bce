/* SPDX-License-Identifier: MIT
 *
 * The events of one track, in one pass: delta times, running status, notes paired as they end.
 *
 * Nothing here trusts a length. An event that makes no sense is skipped and counted; a track that breaks off
 * ends there, and its open notes with it. Read next: notes.c.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "midi/midi_read.h"

typedef struct track {
    spiral__reader *reader;
    const unsigned char *at, *end;
    int64_t now; /* ticks */
    unsigned running;
    bool interrupted; /* by a system exclusive event, after which there is no running status */
    bool ended;       /* by an end-of-track event */
    bool broken;      /* off in the middle of an event */
    uint16_t number;
} track;

static void warn(track *t, spiral_midi_warning warning) { spiral__midi_warn(t->reader, warning); }

static void break_off(track *t) {
    warn(t, SPIRAL_MIDI_WARN_TRUNCATED);
    t->at = t->end;
    t->broken = true;
}

spiral_status spiral__changes_add(spiral__reader *r, spiral__changes *c, const unsigned char *at,
                                  int64_t at_ticks, uint32_t value) {
    if (c->count == c->capacity) {
        size_t capacity = spiral__room(r, at, c->count ? c->count : 16);
        spiral__change *items = realloc(c->items, capacity * sizeof *items);
        if (!items) return spiral__no_memory(r->err, capacity * sizeof *items);
        c->items = items;
        c->capacity = capacity;
    }
    c->items[c->count] = (spiral__change){at_ticks, (uint32_t)c->count, value};
    c->count++;
    return SPIRAL_OK;
}

/* A variable-length number: seven bits a byte, the last byte below 128, at most four bytes. false: it goes on
 * longer (and is skipped), or the track ends within it (and is broken off). */
static bool read_number(track *t, uint32_t *number) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        if (t->at == t->end) return break_off(t), false;
        unsigned byte = *t->at++;
        value = value << 7 | (byte & 127);
        if (byte < 128) return *number = value, true;
    }
    warn(t, SPIRAL_MIDI_WARN_BAD_DELTA);
    while (t->at < t->end && *t->at++ >= 128) continue;
    return false;
}

static void advance(track *t, uint32_t delta) {
    if (delta > SPIRAL_MIDI_TICKS_MAX - t->now)
        warn(t, SPIRAL_MIDI_WARN_BAD_DELTA);
    else
        t->now += delta;
}

static spiral_status grow_notes(spiral__reader *r, const unsigned char *at) {
    size_t capacity = spiral__room(r, at, r->note_capacity);
    spiral_note *notes = realloc(r->midi->notes, capacity * sizeof *notes);
    if (!notes) return spiral__no_memory(r->err, capacity * sizeof *notes);
    r->midi->notes = notes;
    r->note_capacity = capacity;
    return SPIRAL_OK;
}

static inline spiral_status open_note(track *t, unsigned slot, unsigned velocity) {
    spiral__reader *r = t->reader;
    if (r->midi->note_count == r->note_capacity) SPIRAL_TRY(grow_notes(r, t->at));
    spiral_note *notes = r->midi->notes;
    uint32_t i = (uint32_t)++r->midi->note_count;
    notes[i - 1] = (spiral_note){.on_ticks = t->now,
                                 .off_ticks = 0,
                                 .track = t->number,
                                 .channel = (uint8_t)(slot >> 7),
                                 .pitch = (uint8_t)(slot & 127),
                                 .velocity = (uint8_t)velocity};
    if (r->first[slot])
        notes[r->last[slot] - 1].off_ticks = i;
    else
        r->first[slot] = i;
    r->last[slot] = i;
    r->open_notes++;
    return SPIRAL_OK;
}

static inline void close_note(track *t, unsigned slot) {
    spiral__reader *r = t->reader;
    uint32_t i = r->first[slot];
    if (i == 0) {
        warn(t, SPIRAL_MIDI_WARN_NOTE_NEVER_STARTS);
        return;
    }
    r->first[slot] = (uint32_t)r->midi->notes[i - 1].off_ticks;
    r->midi->notes[i - 1].off_ticks = t->now;
    r->open_notes--;
}

static void close_all(track *t) {
    for (unsigned slot = 0; slot < SPIRAL__SLOTS && t->reader->open_notes; slot++)
        while (t->reader->first[slot]) {
            warn(t, SPIRAL_MIDI_WARN_NOTE_NEVER_ENDS);
            close_note(t, slot);
        }
}

/* Of the controllers the sustain pedal is kept, which a reset of all controllers lifts. */
static spiral_status controller(track *t, unsigned channel, unsigned number, unsigned value) {
    enum { SUSTAIN = 64, RESET = 121 };
    if (number != SUSTAIN && number != RESET) return SPIRAL_OK;
    uint32_t what = number == SUSTAIN && value >= 64 ? SPIRAL__PEDAL_DOWN : SPIRAL__PEDAL_UP;
    return spiral__changes_add(t->reader, &t->reader->pedals, t->at, t->now,
                               (uint32_t)t->number << 16 | channel << 8 | what);
}

static inline spiral_status channel_event(track *t, unsigned status) {
    size_t length = (status & 0xe0) == 0xc0 ? 1 : 2; /* program and channel pressure: one data byte */
    if ((size_t)(t->end - t->at) < length) return break_off(t), SPIRAL_OK;
    unsigned key = t->at[0], value = t->at[length - 1];
    t->at += length;
    if ((key | value) > 127) return warn(t, SPIRAL_MIDI_WARN_BAD_DATA), SPIRAL_OK;
    unsigned slot = (status & 15) << 7 | key;
    if (status < 0x90 || (status < 0xa0 && value == 0))
        close_note(t, slot);
    else if (status < 0xa0)
        return open_note(t, slot, value);
    else if ((status & 0xf0) == 0xb0)
        return controller(t, status & 15, key, value);
    return SPIRAL_OK;
}

/* Keeps the first text of its kind that is not empty; a text ends at its first zero byte. */
static spiral_status keep_text(track *t, char **kept, const unsigned char *text, size_t size) {
    const unsigned char *zero = size ? memchr(text, 0, size) : NULL;
    if (zero) size = (size_t)(zero - text);
    if (*kept || size == 0) return SPIRAL_OK;
    *kept = malloc(size + 1);
    if (!*kept) return spiral__no_memory(t->reader->err, size + 1);
    memcpy(*kept, text, size);
    (*kept)[size] = 0;
    return SPIRAL_OK;
}

static spiral_status tempo_event(track *t, const unsigned char *data, size_t size) {
    if (size != 3) warn(t, SPIRAL_MIDI_WARN_BAD_DATA);
    if (size < 3) return SPIRAL_OK;
    uint32_t us = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
    if (us == 0) return warn(t, SPIRAL_MIDI_WARN_BAD_DATA), SPIRAL_OK;
    return spiral__changes_add(t->reader, &t->reader->tempos, t->at, t->now, us);
}

static spiral_status meter_event(track *t, const unsigned char *data, size_t size) {
    if (size != 4) warn(t, SPIRAL_MIDI_WARN_BAD_DATA);
    if (size < 2) return SPIRAL_OK;
    if (data[0] == 0 || data[1] > 6) return warn(t, SPIRAL_MIDI_WARN_BAD_DATA), SPIRAL_OK;
    return spiral__changes_add(t->reader, &t->reader->meters, t->at, t->now,
                               (uint32_t)data[0] << 8 | data[1]);
}

/* The payload of a meta or system exclusive event: a length and so many bytes. */
static bool read_payload(track *t, const unsigned char **data, uint32_t *size) {
    if (!read_number(t, size)) return t->at = t->end, false; /* without a length there is no way on */
    if (*size > (size_t)(t->end - t->at)) return break_off(t), false;
    *data = t->at;
    t->at += *size;
    return true;
}

static spiral_status meta_event(track *t) {
    const unsigned char *data;
    uint32_t size;
    if (t->at == t->end) return break_off(t), SPIRAL_OK;
    unsigned type = *t->at++;
    if (!read_payload(t, &data, &size)) return SPIRAL_OK;
    switch (type) {
    case 0x01: return keep_text(t, &t->reader->midi->text, data, size);
    case 0x03: return keep_text(t, &t->reader->midi->name, data, size);
    case 0x2f: t->ended = true; return SPIRAL_OK;
    case 0x51: return tempo_event(t, data, size);
    case 0x58: return meter_event(t, data, size);
    default: return SPIRAL_OK;
    }
}

/* F1..F6 and F8..FE belong on a cable, not in a file: skipped with the data bytes they have there. */
static void stray_event(track *t, unsigned status) {
    int length = status == 0xf2 ? 2 : status == 0xf1 || status == 0xf3;
    warn(t, SPIRAL_MIDI_WARN_BAD_STATUS);
    while (length-- && t->at < t->end && *t->at < 128) t->at++;
}

static spiral_status system_event(track *t, unsigned status) {
    const unsigned char *data;
    uint32_t size;
    if (status == 0xff) return meta_event(t);
    if (status == 0xf0 || status == 0xf7) {
        t->interrupted = true;
        read_payload(t, &data, &size);
    } else
        stray_event(t, status);
    return SPIRAL_OK;
}

/* The status byte of the event at t->at: its own, or the running one. Running status is over after a meta or
 * system exclusive event by the book; files that go on all the same are understood. Data that no status
 * precedes is skipped. false: nothing is left. */
static inline bool read_status(track *t, unsigned *status) {
    if (t->at == t->end) return break_off(t), false;
    if (*t->at < 128) {
        if (t->running && !t->interrupted) return *status = t->running, true;
        warn(t, SPIRAL_MIDI_WARN_BAD_STATUS);
        t->interrupted = false;
        if (t->running) return *status = t->running, true;
        while (t->at < t->end && *t->at < 128) t->at++;
        if (t->at == t->end) return break_off(t), false;
    }
    *status = *t->at++;
    if (*status < 0xf0) {
        t->running = *status;
        t->interrupted = false;
    }
    return true;
}

spiral_status spiral__midi_track(spiral__reader *reader, const unsigned char *at, const unsigned char *end,
                                 uint16_t number, int64_t *ticks, const unsigned char **stop) {
    track t = {.reader = reader, .at = at, .end = end, .now = *ticks, .number = number};
    spiral_status result = SPIRAL_OK;
    while (t.at < t.end && !t.ended && result == SPIRAL_OK) {
        uint32_t delta = *t.at;
        unsigned status;
        if (delta < 128)
            t.at++;
        else if (!read_number(&t, &delta))
            delta = 0;
        if (t.broken) break;
        advance(&t, delta);
        if (!read_status(&t, &status)) break;
        result = status < 0xf0 ? channel_event(&t, status) : system_event(&t, status);
    }
    if (!t.ended) warn(&t, SPIRAL_MIDI_WARN_NO_END_OF_TRACK);
    close_all(&t);
    *ticks = t.now;
    *stop = t.at;
    return result;
}
