/* SPDX-License-Identifier: MIT
 *
 * The events of one track, in one pass: delta times, running status, meta events (see track_reader.h).
 *
 * No length is trusted. An event that is not valid is repaired or left out, and counted; a track that ends in
 * the middle of an event ends there. Read next: track_repair.c, midi_builder.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "midi/track.h"
#include "midi/track_reader.h"

typedef spiral__track track;

static void warn(track *t, spiral_midi_warning warning) { spiral__track_warn(t, warning); }
static size_t bytes_left(const track *t) { return spiral__track_left(t); }
static size_t rest_of_file(const track *t) { return spiral__track_rest_of_file(t); }

static void count_not_kept(track *t, spiral_midi_not_kept kind) {
    spiral__midi_builder_count_not_kept(t->builder, kind);
}

static void truncate_track(track *t) {
    warn(t, SPIRAL_MIDI_WARN_TRUNCATED);
    t->at = t->end;
    t->truncated = t->stop = true;
}

/* The track has to be read again, carefully, to find what is wrong. */
static void stop_at_damage(track *t) { t->damaged = t->stop = true; }

typedef enum number_state { NUMBER_READ, NUMBER_TOO_LARGE, NUMBER_CUT_OFF } number_state;

/* A variable-length number: seven bits a byte, the last byte below 128. The standard has at most four bytes;
 * some programs write zeros before. TOO_LARGE: more than 28 bits; CUT_OFF: the track ends within it. */
static number_state read_long_number(track *t, uint32_t *number) {
    enum { BYTES_MAX = 4 };
    const unsigned char *start = t->at;
    uint32_t value = 0;
    bool too_large = false;
    for (;;) {
        if (t->at == t->end) return NUMBER_CUT_OFF;
        unsigned byte = *t->at++;
        too_large |= value >> 21 != 0;
        value = value << 7 | (byte & 127);
        if (byte < 128) break;
    }
    if (t->at - start > BYTES_MAX) warn(t, SPIRAL_MIDI_WARN_BAD_DELTA);
    *number = value;
    return too_large ? NUMBER_TOO_LARGE : NUMBER_READ;
}

static inline number_state read_number(track *t, uint32_t *number) {
    if (t->at < t->end && *t->at < 128) return *number = *t->at++, NUMBER_READ;
    return read_long_number(t, number);
}

/* A delta time of two bytes or more; one that is too large is read as 0. */
static uint32_t read_long_delta(track *t) {
    uint32_t delta;
    switch (read_number(t, &delta)) {
    case NUMBER_READ: return delta;
    case NUMBER_CUT_OFF: truncate_track(t); break;
    case NUMBER_TOO_LARGE: break;
    }
    return 0;
}

static void advance(track *t, uint32_t delta) {
    if (delta > SPIRAL_MIDI_TICKS_MAX - t->now)
        warn(t, SPIRAL_MIDI_WARN_BAD_DELTA);
    else
        t->now += delta;
}

/* ---- channel events ---- */

static spiral_status move_pedals(track *t, unsigned channel, unsigned pedals, bool down) {
    return spiral__midi_builder_pedal(t->builder, rest_of_file(t), t->now, t->number, channel, pedals, down);
}

static spiral_status keep_event(track *t, unsigned status, unsigned first, unsigned second) {
    return spiral__midi_builder_event(t->builder, rest_of_file(t), t->now, t->number, status, first, second);
}

/* Controllers that determine how long notes sound are used, and the bank select, which may mean percussion.
 * All but the pedals and the mode messages, 120 and above, are kept as they are. A reset of all controllers
 * releases the pedals, and so does all sound off. The mode messages 124..127 end all notes, as 123 does. */
static spiral_status controller_event(track *t, unsigned channel, unsigned number, unsigned value) {
    enum {
        BANK = 0,
        SUSTAIN = 64,
        SOSTENUTO = 66,
        ALL_SOUND_OFF = 120,
        RESET_ALL = 121,
        ALL_NOTES_OFF = 123
    };
    spiral__midi_builder *b = t->builder;
    if (number == SUSTAIN)
        return move_pedals(t, channel, SPIRAL__SUSTAIN_BIT, value >= 64); /* the commonest */
    if (number == SOSTENUTO) return move_pedals(t, channel, SPIRAL__SOSTENUTO_BIT, value >= 64);
    if (number == BANK)
        SPIRAL_TRY(spiral__percussion_bank(&b->percussion, rest_of_file(t), t->now, b->open->port, channel,
                                           value, b->err));
    if (number < ALL_SOUND_OFF) return keep_event(t, 0xb0 | channel, number, value);
    if (number == RESET_ALL) count_not_kept(t, SPIRAL_MIDI_NOT_KEPT_RESET);
    if (number == RESET_ALL || number == ALL_SOUND_OFF)
        SPIRAL_TRY(move_pedals(t, channel, SPIRAL__PEDAL_BITS, false));
    if (number == ALL_SOUND_OFF || number >= ALL_NOTES_OFF)
        return spiral__midi_builder_all_off(b, rest_of_file(t), t->now, channel);
    return SPIRAL_OK;
}

/* All but notes and controllers. */
static spiral_status other_channel_event(track *t, unsigned status, unsigned first, unsigned second) {
    switch (status & 0xf0) {
    case 0xc0: return keep_event(t, status, first, 0);
    case 0xe0: return keep_event(t, status, first, second);
    default: count_not_kept(t, SPIRAL_MIDI_NOT_KEPT_AFTERTOUCH); return SPIRAL_OK;
    }
}

static spiral_status stray_off(track *t, unsigned slot) {
    if (!t->careful) return stop_at_damage(t), SPIRAL_OK;
    return spiral__midi_builder_unpaired_off(t->builder, rest_of_file(t), t->now, slot);
}

static inline spiral_status apply_channel_event(track *t, unsigned status, unsigned first, unsigned second) {
    const unsigned slot = spiral__slot(status, first);
    if (status < 0x90 || (status < 0xa0 && second == 0))
        return spiral__midi_builder_note_off(t->builder, t->now, slot) ? SPIRAL_OK : stray_off(t, slot);
    if (status < 0xa0)
        return spiral__midi_builder_note_on(t->builder, rest_of_file(t), t->now, t->number, slot, second);
    if ((status & 0xf0) == 0xb0) return controller_event(t, status & 15, first, second);
    return other_channel_event(t, status, first, second);
}

spiral_status spiral__track_channel_event(spiral__track *t, unsigned status, unsigned first,
                                          unsigned second) {
    return apply_channel_event(t, status, first, second);
}

static spiral_status channel_event(track *t, unsigned status) {
    size_t length = (status & 0xe0) == 0xc0 ? 1 : 2; /* program and channel pressure: one data byte */
    if (bytes_left(t) < length) return truncate_track(t), SPIRAL_OK;
    if (t->careful) return spiral__track_read_carefully(t, status, length);
    unsigned first = t->at[0], second = t->at[length - 1];
    t->at += length;
    if ((first | second) > 127) return stop_at_damage(t), SPIRAL_OK;
    return apply_channel_event(t, status, first, second);
}

/* ---- meta and system exclusive events ---- */

/* Keeps the first text of its kind that is not empty. A text ends at its first zero byte. */
static spiral_status keep_text(track *t, char **kept, spiral_midi_not_kept kind, const unsigned char *text,
                               size_t size) {
    const unsigned char *zero = size ? memchr(text, 0, size) : NULL;
    if (zero) size = (size_t)(zero - text);
    if (*kept && size) count_not_kept(t, kind);
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

/* The port of the events that follow. */
static spiral_status port_event(track *t, const unsigned char *data, size_t size) {
    spiral_status status = SPIRAL_OK;
    if (size != 1 || data[0] > SPIRAL_MIDI_PORT_MAX ||
        !spiral__midi_builder_port(t->builder, data[0], &status))
        warn(t, SPIRAL_MIDI_WARN_BAD_DATA);
    return status;
}

static spiral_midi_not_kept meta_not_kept(unsigned type) {
    switch (type) {
    case 0x02: return SPIRAL_MIDI_NOT_KEPT_TEXT; /* copyright */
    case 0x04:                                   /* instrument */
    case 0x08:                                   /* program */
    case 0x09: return SPIRAL_MIDI_NOT_KEPT_NAME; /* device */
    case 0x05: return SPIRAL_MIDI_NOT_KEPT_LYRIC;
    case 0x06:
    case 0x07: return SPIRAL_MIDI_NOT_KEPT_MARKER;
    case 0x59: return SPIRAL_MIDI_NOT_KEPT_KEY_SIGNATURE;
    default: return SPIRAL_MIDI_NOT_KEPT_OTHER;
    }
}

static spiral_status meta_event(track *t) {
    enum { TEXT = 0x01, NAME = 0x03, PORT = 0x21, END_OF_TRACK = 0x2f, TEMPO = 0x51, METER = 0x58 };
    enum { TEMPO_SIZE = 3 };
    uint32_t size = 0;
    if (bytes_left(t) >= 2 + TEMPO_SIZE && t->at[0] == TEMPO && t->at[1] == TEMPO_SIZE) { /* most are */
        t->at += 2 + TEMPO_SIZE;
        return tempo_event(t, t->at - TEMPO_SIZE, TEMPO_SIZE);
    }
    if (t->at == t->end) return truncate_track(t), SPIRAL_OK;
    unsigned type = *t->at++;
    number_state number = read_number(t, &size);
    if (number == NUMBER_CUT_OFF) return truncate_track(t), SPIRAL_OK;
    if (number == NUMBER_TOO_LARGE) size = UINT32_MAX;
    const unsigned char *data = t->at;
    if (t->careful) {
        if (!spiral__track_check_meta(t, type, data, &size)) return truncate_track(t), SPIRAL_OK;
    } else if (!spiral__track_is_plausible(t, type, data, size))
        return stop_at_damage(t), SPIRAL_OK;
    t->at += size;
    switch (type) {
    case TEXT: return keep_text(t, &t->builder->midi->text, SPIRAL_MIDI_NOT_KEPT_TEXT, data, size);
    case NAME: return keep_text(t, &t->builder->midi->name, SPIRAL_MIDI_NOT_KEPT_NAME, data, size);
    case PORT: return port_event(t, data, size);
    case END_OF_TRACK: t->ended = t->stop = true; return SPIRAL_OK;
    case TEMPO: return tempo_event(t, data, size);
    case METER: return meter_event(t, data, size);
    default: count_not_kept(t, meta_not_kept(type)); return SPIRAL_OK;
    }
}

/* F0 begins a message, and F7 another part of it or any bytes; both have a length. */
static spiral_status sysex_event(track *t, unsigned status) {
    const unsigned char *start = t->at, *message;
    spiral__midi_builder *b = t->builder;
    uint32_t size = 0;
    t->interrupted = true;
    number_state number = read_number(t, &size);
    if (number != NUMBER_READ) size = UINT32_MAX;
    message = t->at;
    bool fits = size <= bytes_left(t), begins = status == 0xf0;
    if (fits && (!begins || (size > 0 && message[size - 1] == 0xf7)))
        t->at += size;
    else if (!t->careful)
        return stop_at_damage(t), SPIRAL_OK;
    else if (!spiral__track_find_sysex_end(t, start, &message, size))
        return truncate_track(t), SPIRAL_OK;
    if (!begins) return SPIRAL_OK;
    count_not_kept(t, SPIRAL_MIDI_NOT_KEPT_SYSEX);
    return spiral__percussion_sysex(&b->percussion, rest_of_file(t), t->now, b->open->port, message,
                                    (size_t)(t->at - message), b->err);
}

/* F1..F6 and F8..FE are for live MIDI and not allowed in a file: skipped with their data bytes. */
static void skip_live_event(track *t, unsigned status) {
    int length = status == 0xf2 ? 2 : status == 0xf1 || status == 0xf3;
    warn(t, SPIRAL_MIDI_WARN_BAD_STATUS);
    while (length-- && t->at < t->end && *t->at < 128) t->at++;
}

static spiral_status system_event(track *t, unsigned status) {
    if (status == 0xff) return meta_event(t);
    if (status == 0xf0 || status == 0xf7) return sysex_event(t, status);
    skip_live_event(t, status);
    return SPIRAL_OK;
}

/* ---- the track ---- */

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

/* Most events are notes with a delta time of one or two bytes. Reads those, as long as they follow one
 * another and are valid; the next event is then for read_event. */
static spiral_status read_plain_notes(track *t) {
    enum { BYTES_MAX = 5 }; /* of such an event */
    spiral__midi_builder *b = t->builder;
    const unsigned char *at = t->at;
    int64_t now = t->now;
    unsigned running = t->interrupted ? 0 : t->running;
    spiral_status result = SPIRAL_OK;
    while (t->end - at >= BYTES_MAX && result == SPIRAL_OK) {
        const unsigned char *next = at;
        uint32_t delta = *next++;
        if (delta >= 128) {
            if (*next >= 128) break;
            delta = (delta & 127) << 7 | *next++;
        }
        unsigned status = *next >= 128 ? *next++ : running, key = next[0], velocity = next[1];
        if (status - 0x80 >= 0x20 || (key | velocity) > 127 || delta > SPIRAL_MIDI_TICKS_MAX - now) break;
        unsigned slot = spiral__slot(status, key);
        if (status < 0x90 || velocity == 0) {
            if (!spiral__midi_builder_note_off(b, now + delta, slot)) break;
        } else
            result = spiral__midi_builder_note_on(b, (size_t)(t->end - at) + t->bytes_after, now + delta,
                                                  t->number, slot, velocity);
        at = next + 2;
        now += delta;
        running = status;
    }
    if (running) t->running = running;
    t->at = at;
    t->now = now;
    t->interrupted &= !running;
    return result;
}

static spiral_status read_event(track *t) {
    unsigned status;
    uint32_t delta = *t->at;
    if (t->has_no_delta)
        delta = 0;
    else if (delta < 128)
        t->at++;
    else
        delta = read_long_delta(t);
    t->has_no_delta = false;
    advance(t, delta);
    if (t->truncated || !read_status(t, &status)) return SPIRAL_OK;
    return status < 0xf0 ? channel_event(t, status) : system_event(t, status);
}

/* Reads up to the end of the track or until there is a reason to stop. */
static spiral_status read_events(track *t) {
    spiral_status result = SPIRAL_OK;
    while (t->at < t->end && !t->stop && result == SPIRAL_OK) {
        if (!t->careful) result = read_plain_notes(t);
        if (t->at < t->end && result == SPIRAL_OK) result = read_event(t);
    }
    return result;
}

spiral_status spiral__track_read(spiral__midi_builder *builder, spiral__bytes *events, size_t bytes_after,
                                 uint16_t number, int64_t *ticks) {
    const track start = {.builder = builder,
                         .at = events->at,
                         .end = events->end,
                         .bytes_after = bytes_after,
                         .now = *ticks,
                         .number = number};
    track t = start;
    spiral__midi_builder_begin_track(builder);
    spiral_status status = read_events(&t);
    if (status == SPIRAL_OK && (t.damaged || t.truncated || spiral__midi_builder_has_open_notes(builder))) {
        spiral__midi_builder_undo_track(builder);
        t = start;
        t.careful = true;
        status = read_events(&t);
    }
    if (!t.ended) warn(&t, SPIRAL_MIDI_WARN_NO_END_OF_TRACK);
    if (status == SPIRAL_OK) status = spiral__midi_builder_end_track(builder, t.now);
    *ticks = t.now;
    events->at = t.at;
    return status;
}
