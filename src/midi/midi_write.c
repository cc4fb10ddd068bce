/* SPDX-License-Identifier: MIT
 *
 * The Standard MIDI File writer.
 *
 * Notes, tempos, metres, pedals and channel events become events with a sort key, and the sorted events are
 * written track by track. At one tick, notes that began earlier end first, then pedals move and channel
 * events follow, then notes begin, so that a key can be struck again at once; a note of zero length begins
 * before it ends. Ports are written as FF 21 events where they change. Percussion against General MIDI that
 * does not follow from the bank selects is written as GS messages on the first track, where the first note
 * needs it. Not here: files (midi.c).
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "midi/midi_check.h"
#include "midi/note_order.h"
#include "midi/percussion.h"
#include "midi/tempo.h"

enum {
    NUMBER_MAX = 0xfffffff, /* the largest variable-length number */
    META_TEXT = 0x01,
    META_NAME = 0x03,
    META_PORT = 0x21,
    META_END_OF_TRACK = 0x2f,
    META_TEMPO = 0x51,
    META_METER = 0x58,
    META_SEQUENCER_SPECIFIC = 0x7f
};

/* The kinds of events, in the order in which those of one tick are written. */
typedef enum kind {
    KIND_TEMPO,
    KIND_METER,
    KIND_GS,   /* from the start, bank selects of a port do not mean percussion */
    KIND_DRUM, /* the channel of a note becomes percussion, or stops being percussion */
    KIND_OFF,
    KIND_PEDAL,
    KIND_CHANNEL_EVENT,
    KIND_ON,
    KIND_OFF_ZERO_LENGTH
} kind;

/* key: track, tick and kind, from the highest bits down. index: of the note, tempo, metre, pedal or
 * channel event; GS: the port. */
typedef struct event {
    uint64_t key;
    size_t index;
} event;
enum { KIND_BITS = 4, TICK_BITS = 38 };

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
    unsigned port;   /* of the events that follow in the current track */
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

/* Control characters become spaces: the reader takes a text that has some for events with a wrong length. */
static void put_text(writer *w, unsigned type, const char *text) {
    if (!text || !*text) return;
    put_delta(w, 0);
    put_meta(w, type, text, strlen(text));
    if (!w->bytes) return;
    for (unsigned char *c = w->bytes + w->size - strlen(text); c < w->bytes + w->size; c++)
        if (spiral__midi_is_control(*c)) *c = ' ';
}

/* ---- events and tracks ---- */

/* Writes the port of the next event, which is at `ticks`, if it is not the current one. */
static void put_port(writer *w, int64_t ticks, unsigned port) {
    if (port == w->port) return;
    put_delta(w, ticks);
    put_meta(w, META_PORT, (unsigned char[]){(unsigned char)port}, 1);
    w->port = port;
}

static void put_channel_event(writer *w, unsigned status, unsigned first, unsigned second) {
    if (status != w->status) put(w, status);
    w->status = status;
    put(w, first);
    if ((status & 0xf0) != 0xc0) put(w, second); /* a program has one number */
}

/* A note-off is written as a note-on of velocity 0, so that both share one running status. */
static void put_note(writer *w, const event *e, bool on) {
    const spiral_note *note = &w->notes[e->index];
    put_port(w, event_ticks(e), note->port);
    put_delta(w, event_ticks(e));
    put_channel_event(w, 0x90u | note->channel, note->pitch, on ? note->velocity : 0);
}

static void put_pedal(writer *w, const spiral_pedal *pedal) {
    put_port(w, pedal->at_ticks, pedal->port);
    put_delta(w, pedal->at_ticks);
    put_channel_event(w, 0xb0u | pedal->channel, pedal->kind == SPIRAL_PEDAL_SOSTENUTO ? 66 : 64,
                      pedal->down ? 127 : 0);
}

static void put_kept_event(writer *w, const spiral_channel_event *e) {
    put_port(w, e->at_ticks, e->port);
    put_delta(w, e->at_ticks);
    put_channel_event(w, e->status, e->data[0], e->data[1]);
}

/* The GS message "use for rhythm part"; percussion.c has the addresses. */
static void put_drum(writer *w, int64_t at_ticks, unsigned port, unsigned channel, int is_drum) {
    unsigned c = channel, part = c == SPIRAL_DRUM_CHANNEL ? 0 : c < SPIRAL_DRUM_CHANNEL ? c + 1 : c;
    unsigned char message[] = {
        0x41, 0x10, 0x42, 0x12, 0x40, (unsigned char)(0x10 | part), 0x15, (unsigned char)is_drum, 0, 0xf7};
    enum { ADDRESS = 4, CHECKSUM = 8 }; /* the sum of address, data and checksum is a multiple of 128 */
    unsigned sum = 0;
    for (int i = ADDRESS; i < CHECKSUM; i++) sum += message[i];
    message[CHECKSUM] = (unsigned char)(-sum & 127);
    put_port(w, at_ticks, port);
    put_delta(w, at_ticks);
    put(w, 0xf0);
    put_number(w, sizeof message);
    put_bytes(w, message, sizeof message);
    w->status = 0; /* it ends the running status */
}

static void put_tempo(writer *w, const spiral_tempo *tempo) {
    uint32_t us = (uint32_t)tempo->us_per_quarter;
    put_delta(w, tempo->at_ticks);
    put_meta(w, META_TEMPO, (unsigned char[]){us >> 16 & 255, us >> 8 & 255, us & 255}, 3);
}

static void put_meter(writer *w, const spiral_meter *meter) {
    unsigned char log2 = 0;
    while (meter->denominator >> log2 > 1) log2++;
    put_delta(w, meter->at_ticks);
    /* the usual values: 24 MIDI clocks per metronome click, 8 thirty-second notes per quarter */
    put_meta(w, META_METER, (unsigned char[]){(unsigned char)meter->numerator, log2, 24, 8}, 4);
}

static void put_event(writer *w, const event *e) {
    const spiral_note *note;
    switch (event_kind(e)) {
    case KIND_TEMPO: put_tempo(w, &w->midi->tempos[e->index]); break;
    case KIND_METER: put_meter(w, &w->midi->meters[e->index]); break;
    case KIND_GS: put_drum(w, 0, (unsigned)e->index, SPIRAL_DRUM_CHANNEL, 1); break;
    case KIND_DRUM:
        note = &w->notes[e->index];
        put_drum(w, note->on_ticks, note->port, note->channel, spiral_note_is_drum(note));
        break;
    case KIND_CHANNEL_EVENT: put_kept_event(w, &w->midi->events[e->index]); break;
    case KIND_PEDAL: put_pedal(w, &w->midi->pedals[e->index]); break;
    case KIND_ON: put_note(w, e, true); break;
    case KIND_OFF:
    case KIND_OFF_ZERO_LENGTH: put_note(w, e, false); break;
    }
}

/* Writes track number `track`, whose events begin at *e, and moves *e after them. */
static spiral_status put_track(writer *w, unsigned track, const event **e, spiral_error *err) {
    const event *end = w->events + w->event_count;
    put_bytes(w, "MTrk", 4);
    put_be(w, 0, 4);
    size_t start = w->size;
    w->now = 0;
    w->status = 0;
    w->port = 0;
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

/* The ports of one track, and where the latest note of each of their keys ends. */
typedef struct track_ports {
    int count;
    uint8_t port[SPIRAL_MIDI_TRACK_PORTS_MAX];
    int64_t (*latest_off)[16 * 128]; /* (SPIRAL_MIDI_TRACK_PORTS_MAX) */
} track_ports;

/* The index of the event's port among those of its track, or -1: there are too many. */
static int find_port(track_ports *p, unsigned port) {
    for (int i = 0; i < p->count; i++)
        if (p->port[i] == port) return i;
    if (p->count == SPIRAL_MIDI_TRACK_PORTS_MAX) return -1;
    memset(p->latest_off[p->count], 0, sizeof *p->latest_off);
    p->port[p->count] = (uint8_t)port;
    return p->count++;
}

/* A note-off ends the oldest open note of its track, port, channel and key. So of two such notes the one that
 * begins first must end first; otherwise a reader would find other notes. */
static spiral_status check_nesting(const spiral_note *note, int64_t *latest_off, spiral_error *err) {
    int64_t *latest = &latest_off[note->channel << 7 | note->pitch];
    if (note->off_ticks < *latest)
        return spiral__fail(
            err, SPIRAL_BAD_ARG, -1,
            "track %u, channel %d, key %d: the note at tick %lld lies inside an earlier one that "
            "ends at tick %lld, which MIDI cannot express",
            note->track, note->channel, note->pitch, (long long)note->on_ticks, (long long)*latest);
    *latest = note->off_ticks;
    return SPIRAL_OK;
}

static unsigned event_port(const writer *w, const event *e) {
    switch (event_kind(e)) {
    case KIND_GS: return (unsigned)e->index;
    case KIND_PEDAL: return w->midi->pedals[e->index].port;
    case KIND_CHANNEL_EVENT: return w->midi->events[e->index].port;
    default: return w->notes[e->index].port;
    }
}

/* What a file cannot express. A reader needs a table for each port of a track from its first note on. */
static spiral_status check_events(const writer *w, spiral_error *err) {
    unsigned track = 0;
    track_ports ports = {.latest_off = calloc(SPIRAL_MIDI_TRACK_PORTS_MAX, sizeof *ports.latest_off)};
    spiral_status status = SPIRAL_OK;
    if (!ports.latest_off)
        return spiral__no_memory(err, SPIRAL_MIDI_TRACK_PORTS_MAX * sizeof *ports.latest_off);
    for (size_t i = 0; status == SPIRAL_OK && i < w->event_count; i++) {
        const event *e = &w->events[i];
        if (event_kind(e) == KIND_TEMPO || event_kind(e) == KIND_METER) continue;
        if (event_track(e) != track) ports.count = 0;
        track = event_track(e);
        if (ports.count == 0 && event_kind(e) != KIND_ON) continue;
        int port = find_port(&ports, event_port(w, e));
        if (port < 0)
            status = spiral__fail(err, SPIRAL_BAD_ARG, -1,
                                  "track %u has more than %d ports from its first note on", track,
                                  SPIRAL_MIDI_TRACK_PORTS_MAX);
        else if (event_kind(e) == KIND_ON)
            status = check_nesting(&w->notes[e->index], ports.latest_off[port], err);
    }
    free(ports.latest_off);
    return status;
}

enum { PORTS = SPIRAL_MIDI_PORT_MAX + 1 };

/* How a reader of the bank selects alone would understand a port. */
typedef enum banks { BANKS_NONE, BANKS_RIGHT, BANKS_WRONG } banks;

/* Finds out for each port whether its bank selects, without the system exclusive messages that the file they
 * come from may have, mark the same notes as percussion. */
static spiral_status read_banks(const writer *w, banks *ports, spiral_error *err) {
    const spiral_midi *midi = w->midi;
    const size_t n = midi->note_count;
    spiral__percussion read = {0};
    spiral_status status = SPIRAL_OK;
    for (size_t i = 0; i < midi->event_count && status == SPIRAL_OK; i++) {
        const spiral_channel_event *e = &midi->events[i];
        if ((e->status & 0xf0) != 0xb0 || e->data[0] != 0) continue;
        ports[e->port] = BANKS_RIGHT;
        status = spiral__percussion_bank(&read, 3 * midi->event_count, e->at_ticks, e->port, e->status & 15,
                                         e->data[1], err);
    }
    spiral_note *notes = read.settings.count && n ? malloc(n * sizeof *notes) : NULL;
    if (status == SPIRAL_OK && read.settings.count && n && !notes)
        status = spiral__no_memory(err, n * sizeof *notes);
    if (status == SPIRAL_OK && notes) {
        for (size_t i = 0; i < n; i++) notes[i] = w->notes[i], notes[i].drum = SPIRAL_DRUM_BY_CHANNEL;
        spiral__percussion_mark(&read, notes, n);
        for (size_t i = 0; i < n; i++)
            if (spiral_note_is_drum(&notes[i]) != spiral_note_is_drum(&w->notes[i]))
                ports[notes[i].port] = BANKS_WRONG;
    }
    free(notes);
    spiral__percussion_clear(&read);
    return status;
}

/* Adds an event before each note whose channel must become percussion, or stop being percussion, for it,
 * unless the bank selects of its port do so. After the first GS message a port's bank selects have no effect
 * on that; where they would be wrong, one comes at the start. */
static spiral_status add_drum_events(writer *w, spiral_error *err) {
    banks ports[PORTS] = {BANKS_NONE};
    int64_t latest[PORTS][16]; /* 1 + the tick at which a note of the channel began, or 0 */
    uint16_t drums[PORTS];     /* a bit per channel */
    memset(latest, 0, sizeof latest);
    SPIRAL_TRY(read_banks(w, ports, err));
    for (unsigned port = 0; port < PORTS; port++) {
        drums[port] = 1 << SPIRAL_DRUM_CHANNEL;
        if (ports[port] == BANKS_WRONG) w->events[w->event_count++] = (event){event_key(0, 0, KIND_GS), port};
    }
    for (size_t i = 0; i < w->midi->note_count; i++) {
        const spiral_note *n = &w->notes[i];
        int64_t *before = &latest[n->port][n->channel];
        if (ports[n->port] == BANKS_RIGHT) continue;
        if ((drums[n->port] >> n->channel & 1) != spiral_note_is_drum(n)) {
            if (*before == n->on_ticks + 1)
                return spiral__fail(
                    err, SPIRAL_BAD_ARG, -1,
                    "port %d, channel %d: of the notes at tick %lld some are percussion and others "
                    "are not, which MIDI cannot express",
                    n->port, n->channel, (long long)n->on_ticks);
            drums[n->port] = (uint16_t)(drums[n->port] ^ 1u << n->channel);
            w->events[w->event_count++] = (event){event_key(0, n->on_ticks, KIND_DRUM), i};
        }
        *before = n->on_ticks + 1;
    }
    return SPIRAL_OK;
}

static void add_event(writer *w, unsigned track, int64_t ticks, kind k, size_t index) {
    w->events[w->event_count++] = (event){event_key(track, ticks, k), index};
    if (track >= w->tracks) w->tracks = track + 1u;
}

static spiral_status list_events(writer *w, spiral_error *err) {
    const spiral_midi *midi = w->midi;
    for (size_t i = 0; i < midi->tempo_count; i++) add_event(w, 0, midi->tempos[i].at_ticks, KIND_TEMPO, i);
    for (size_t i = 0; i < midi->meter_count; i++) add_event(w, 0, midi->meters[i].at_ticks, KIND_METER, i);
    for (size_t i = 0; i < midi->pedal_count; i++)
        add_event(w, midi->pedals[i].track, midi->pedals[i].at_ticks, KIND_PEDAL, i);
    for (size_t i = 0; i < midi->event_count; i++)
        add_event(w, midi->events[i].track, midi->events[i].at_ticks, KIND_CHANNEL_EVENT, i);
    for (size_t i = 0; i < midi->note_count; i++) {
        const spiral_note *n = &w->notes[i];
        add_event(w, n->track, n->on_ticks, KIND_ON, i);
        add_event(w, n->track, n->off_ticks, n->off_ticks > n->on_ticks ? KIND_OFF : KIND_OFF_ZERO_LENGTH, i);
    }
    SPIRAL_TRY(add_drum_events(w, err));
    qsort(w->events, w->event_count, sizeof *w->events, by_key);
    return SPIRAL_OK;
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
    size_t most = midi->tempo_count + midi->meter_count + midi->pedal_count + midi->event_count +
                  3 * midi->note_count + PORTS;
    w->events = malloc(most * sizeof *w->events);
    if (!w->events) return spiral__no_memory(err, most * sizeof *w->events);
    SPIRAL_TRY(list_events(w, err));
    if (midi->format == 0 && w->tracks > 1)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "format 0 has one track, not %u", w->tracks);
    return check_events(w, err);
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
