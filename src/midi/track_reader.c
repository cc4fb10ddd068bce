/* SPDX-License-Identifier: MIT
 *
 * The events of one track, in one pass: delta times, running status, meta events (see track_reader.h).
 *
 * No length is trusted. An event that is not valid is skipped and counted; a track that ends in the middle of
 * an event ends there, and its open notes with it. Read next: midi_builder.c.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "midi/track_reader.h"

typedef struct track {
    spiral__midi_builder *builder;
    const unsigned char *at, *end;
    size_t bytes_after; /* of the file, behind end */
    int64_t now;        /* ticks */
    unsigned running;   /* running status, or 0 */
    bool interrupted;   /* by a system exclusive event, after which running status is not valid */
    bool ended;         /* by an end-of-track event */
    bool truncated;     /* in the middle of an event */
    uint16_t number;
} track;

static void warn(track *t, spiral_midi_warning warning) { spiral__midi_builder_warn(t->builder, warning); }

static size_t bytes_left(const track *t) { return (size_t)(t->end - t->at); }

/* What is left of the file: it limits the memory that the events to come can need. */
static size_t rest_of_file(const track *t) { return bytes_left(t) + t->bytes_after; }

static void truncate_track(track *t) {
    warn(t, SPIRAL_MIDI_WARN_TRUNCATED);
    t->at = t->end;
    t->truncated = true;
}

/* A variable-length number: seven bits a byte, the last byte below 128, at most four bytes. false: it is
 * longer (then it is skipped), or the track ends within it. */
static bool read_number(track *t, uint32_t *number) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        if (t->at == t->end) return truncate_track(t), false;
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

/* Of the controllers only the sustain pedal is kept. A reset of all controllers releases it. */
static spiral_status controller_event(track *t, unsigned channel, unsigned number, unsigned value) {
    enum { SUSTAIN = 64, RESET_ALL = 121 };
    if (number != SUSTAIN && number != RESET_ALL) return SPIRAL_OK;
    spiral__pedal_action action = number == SUSTAIN && value >= 64 ? SPIRAL__PEDAL_DOWN : SPIRAL__PEDAL_UP;
    return spiral__midi_builder_pedal(t->builder, rest_of_file(t), t->now, t->number, channel, action);
}

static inline spiral_status channel_event(track *t, unsigned status) {
    size_t length = (status & 0xe0) == 0xc0 ? 1 : 2; /* program and channel pressure: one data byte */
    if (bytes_left(t) < length) return truncate_track(t), SPIRAL_OK;
    unsigned key = t->at[0], value = t->at[length - 1];
    t->at += length;
    if ((key | value) > 127) return warn(t, SPIRAL_MIDI_WARN_BAD_DATA), SPIRAL_OK;
    unsigned slot = (status & 15) << 7 | key;
    if (status < 0x90 || (status < 0xa0 && value == 0))
        spiral__midi_builder_note_off(t->builder, t->now, slot);
    else if (status < 0xa0)
        return spiral__midi_builder_note_on(t->builder, rest_of_file(t), t->now, t->number, slot, value);
    else if ((status & 0xf0) == 0xb0)
        return controller_event(t, status & 15, key, value);
    return SPIRAL_OK;
}

/* Keeps the first text of its kind that is not empty. A text ends at its first zero byte. */
static spiral_status keep_text(track *t, char **kept, const unsigned char *text, size_t size) {
    const unsigned char *zero = size ? memchr(text, 0, size) : NULL;
    if (zero) size = (size_t)(zero - text);
    if (*kept || size == 0) return SPIRAL_OK;
    *kept = malloc(size + 1);
    if (!*kept) return spiral__no_memory(t->builder->err, size + 1);
    memcpy(*kept, text, size);
    (*kept)[size] = 0;
    return SPIRAL_OK;
}

static spiral_status tempo_event(track *t, const unsigned char *data, size_t size) {
    if (size != 3) warn(t, SPIRAL_MIDI_WARN_BAD_DATA);
    if (size < 3) return SPIRAL_OK;
    uint32_t us = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
    if (us == 0) return warn(t, SPIRAL_MIDI_WARN_BAD_DATA), SPIRAL_OK;
    return spiral__midi_builder_tempo(t->builder, rest_of_file(t), t->now, us);
}

static spiral_status meter_event(track *t, const unsigned char *data, size_t size) {
    if (size != 4) warn(t, SPIRAL_MIDI_WARN_BAD_DATA);
    if (size < 2) return SPIRAL_OK;
    if (data[0] == 0 || data[1] > 6) return warn(t, SPIRAL_MIDI_WARN_BAD_DATA), SPIRAL_OK;
    return spiral__midi_builder_meter(t->builder, rest_of_file(t), t->now, data[0], data[1]);
}

/* The payload of a meta or system exclusive event: a length and that many bytes. */
static bool read_payload(track *t, const unsigned char **data, uint32_t *size) {
    if (!read_number(t, size)) return t->at = t->end, false; /* the next event cannot be found */
    if (*size > bytes_left(t)) return truncate_track(t), false;
    *data = t->at;
    t->at += *size;
    return true;
}

static spiral_status meta_event(track *t) {
    enum { TEXT = 0x01, NAME = 0x03, END_OF_TRACK = 0x2f, TEMPO = 0x51, METER = 0x58 };
    const unsigned char *data;
    uint32_t size;
    if (t->at == t->end) return truncate_track(t), SPIRAL_OK;
    unsigned type = *t->at++;
    if (!read_payload(t, &data, &size)) return SPIRAL_OK;
    switch (type) {
    case TEXT: return keep_text(t, &t->builder->midi->text, data, size);
    case NAME: return keep_text(t, &t->builder->midi->name, data, size);
    case END_OF_TRACK: t->ended = true; return SPIRAL_OK;
    case TEMPO: return tempo_event(t, data, size);
    case METER: return meter_event(t, data, size);
    default: return SPIRAL_OK;
    }
}

/* F1..F6 and F8..FE are for live MIDI and not allowed in a file: skipped with their data bytes. */
static void skip_live_event(track *t, unsigned status) {
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
        skip_live_event(t, status);
    return SPIRAL_OK;
}

/* The status byte of the event at t->at: its own, or the running one. By the standard, running status ends at
 * a meta or system exclusive event; files that use it afterwards are accepted. Data bytes that no status
 * precedes are skipped. false: the track ends first. */
static inline bool read_status(track *t, unsigned *status) {
    if (t->at == t->end) return truncate_track(t), false;
    if (*t->at < 128) {
        if (t->running && !t->interrupted) return *status = t->running, true;
        warn(t, SPIRAL_MIDI_WARN_BAD_STATUS);
        t->interrupted = false;
        if (t->running) return *status = t->running, true;
        while (t->at < t->end && *t->at < 128) t->at++;
        if (t->at == t->end) return truncate_track(t), false;
    }
    *status = *t->at++;
    if (*status < 0xf0) {
        t->running = *status;
        t->interrupted = false;
    }
    return true;
}

spiral_status spiral__track_read(spiral__midi_builder *builder, spiral__bytes *events, size_t bytes_after,
                                 uint16_t number, int64_t *ticks) {
    track t = {.builder = builder,
               .at = events->at,
               .end = events->end,
               .bytes_after = bytes_after,
               .now = *ticks,
               .number = number};
    spiral_status result = SPIRAL_OK;
    while (t.at < t.end && !t.ended && result == SPIRAL_OK) {
        uint32_t delta = *t.at;
        unsigned status;
        if (delta < 128)
            t.at++;
        else if (!read_number(&t, &delta))
            delta = 0;
        if (t.truncated) break;
        advance(&t, delta);
        if (!read_status(&t, &status)) break;
        result = status < 0xf0 ? channel_event(&t, status) : system_event(&t, status);
    }
    if (!t.ended) warn(&t, SPIRAL_MIDI_WARN_NO_END_OF_TRACK);
    spiral__midi_builder_end_track(builder, t.now);
    *ticks = t.now;
    events->at = t.at;
    return result;
}
