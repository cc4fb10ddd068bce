/* SPDX-License-Identifier: MIT
 *
 * Reading a few events without keeping them (see look_ahead.h). A wrong length is corrected in the most
 * probable way, so that the events after it can be judged too.
 */
#include <string.h>

#include "midi/look_ahead.h"

typedef struct cursor {
    const unsigned char *at, *end;
    unsigned running;
    bool track_ends; /* with an end-of-track event, in its last byte */
} cursor;

/* An event that was read: status, and the data bytes of a channel event. */
typedef struct event {
    unsigned status, first, second;
} event;

/* At most four bytes. More bytes than needed are valid: some programs write all numbers that way. */
static bool read_number(cursor *c, uint32_t *number) {
    *number = 0;
    for (int i = 0; i < 4 && c->at < c->end; i++) {
        unsigned byte = *c->at++;
        *number = *number << 7 | (byte & 127);
        if (byte < 128) return true;
    }
    return false;
}

/* With the length that the standard gives its type, whatever length the event states. */
static bool read_meta(cursor *c) {
    uint32_t size;
    if (c->at == c->end || *c->at > 127) return false;
    unsigned type = *c->at++;
    if (!read_number(c, &size)) return false;
    if (spiral__meta_size(type) >= 0) size = (uint32_t)spiral__meta_size(type);
    if (size > (size_t)(c->end - c->at)) return false;
    c->at += size;
    if (type != 0x2f) return true;
    c->track_ends = true;
    return c->at == c->end;
}

/* With its length, or, if it does not end with F7 there, up to the first F7. */
static bool read_sysex(cursor *c, unsigned status) {
    enum { SEARCHED_MAX = 512 };
    const unsigned char *start = c->at;
    uint32_t size;
    if (!read_number(c, &size)) return false;
    bool fits = size <= (size_t)(c->end - c->at);
    if (fits && (status == 0xf7 || (size > 0 && c->at[size - 1] == 0xf7))) return c->at += size, true;
    for (c->at = start; c->at < c->end && c->at - start < SEARCHED_MAX; c->at++)
        if (*c->at >= 128) return *c->at++ == 0xf7;
    return false;
}

/* The data bytes of a channel event. Program changes and channel pressures hardly ever use running status: if
 * one does, a byte is missing before it. */
static bool read_data(cursor *c, event *e, bool running) {
    size_t length = (e->status & 0xe0) == 0xc0 ? 1 : 2;
    if ((length == 1 && running) || (size_t)(c->end - c->at) < length) return false;
    e->first = c->at[0];
    e->second = c->at[length - 1];
    c->at += length;
    return true;
}

static bool read_event(cursor *c, event *e, spiral__resume_at kind) {
    if (c->at == c->end) return false;
    bool running = kind == SPIRAL__AT_DATA || *c->at < 128;
    if (running && (!c->running || kind == SPIRAL__AT_STATUS)) return false;
    e->status = running ? c->running : *c->at++;
    if (e->status == 0xff) return read_meta(c);
    if (e->status == 0xf0 || e->status == 0xf7) return read_sysex(c, e->status);
    if (e->status > 0xf0) return false;
    c->running = e->status;
    return read_data(c, e, running);
}

static bool is_note(const event *e) { return e->status < 0xa0; }
static bool is_on(const event *e) { return e->status >= 0x90 && e->second > 0; }
/* Note-off, note-on, and any other event. */
enum { KINDS = 3 };
static unsigned kind_of(const event *e) { return !is_note(e) ? 2 : is_on(e); }
static bool is_clipped(const event *e) { return (e->first | e->second) > 127; }
static unsigned slot_of(const event *e) { return (e->status & 15) << 7 | e->first; }

/* Keys of notes that the events so far began and did not end, and keys of earlier notes that they ended. */
typedef struct keys_seen {
    unsigned begun[SPIRAL__LOOK_AHEAD + 1], ended[SPIRAL__LOOK_AHEAD + 1];
    int begun_by[SPIRAL__LOOK_AHEAD + 1]; /* the number of the event */
    int begun_count, ended_count;
} keys_seen;

static int find(const unsigned *slots, int count, unsigned slot) {
    int i = 0;
    while (i < count && slots[i] != slot) i++;
    return i;
}

static void see_note(const event *e, keys_seen *seen, const spiral__open_notes *open,
                     spiral__look_ahead_result *o) {
    unsigned slot = slot_of(e);
    if (is_on(e)) {
        seen->begun_by[seen->begun_count] = o->events;
        seen->begun[seen->begun_count++] = slot;
        return;
    }
    int i = find(seen->begun, seen->begun_count, slot);
    if (i < seen->begun_count) {
        int last = --seen->begun_count;
        seen->begun[i] = seen->begun[last];
        seen->begun_by[i] = seen->begun_by[last];
        o->ended++;
    } else if (open && open->first[slot] && find(seen->ended, seen->ended_count, slot) == seen->ended_count) {
        seen->ended[seen->ended_count++] = slot;
        o->ended++;
    } else {
        o->odd++;
    }
}

spiral__resume spiral__resume_after_slip(const unsigned char *at, const unsigned char *end,
                                         spiral__slip slip) {
    switch (slip) {
    case SPIRAL__SLIP_DATA_LOST: return (spiral__resume){at - 1, SPIRAL__AT_DELTA};
    case SPIRAL__SLIP_DELTA_LOST:
        return (spiral__resume){at, at < end && *at >= 128 ? SPIRAL__AT_STATUS : SPIRAL__AT_DATA};
    case SPIRAL__SLIP_INSERTED: return (spiral__resume){at < end ? at + 1 : end, SPIRAL__AT_DELTA};
    default: return (spiral__resume){at, SPIRAL__AT_DELTA};
    }
}

/* Whether one delta time is far longer than all others: it is probably not a delta time. */
static bool has_stray_delta(const spiral__look_ahead_result *o) {
    enum { FAR = 16 };
    uint32_t longest = 0, second = 0;
    for (int i = 0; i < o->delta_count; i++) {
        uint32_t delta = o->deltas[i];
        if (delta > longest) {
            second = longest;
            longest = delta;
        } else if (delta > second)
            second = delta;
    }
    return longest / FAR > second;
}

/* Reads the next event of the look-ahead, number o->events, at *c or later. false: it is not valid. */
static bool look_at_event(cursor *c, spiral__resume_at kind, unsigned *kind_before, keys_seen *seen,
                          const spiral__open_notes *open, spiral__look_ahead_result *o) {
    event e = {0};
    uint32_t delta = 0;
    if (kind == SPIRAL__AT_DELTA && !read_number(c, &delta)) return false;
    if (!read_event(c, &e, kind)) return false;
    if (kind == SPIRAL__AT_DELTA) {
        o->kinds[o->delta_count] = (uint8_t)(*kind_before * KINDS + kind_of(&e));
        o->deltas[o->delta_count++] = delta;
    }
    *kind_before = kind_of(&e);
    const int ended = o->ended;
    if (is_note(&e) && e.first <= 127 && (e.second <= 127 || !is_on(&e))) see_note(&e, seen, open, o);
    o->clipped += is_clipped(&e);
    o->clipped_offs += is_clipped(&e) && o->ended > ended;
    o->events = c->track_ends ? SPIRAL__LOOK_AHEAD : o->events + 1;
    return true;
}

spiral__look_ahead_result spiral__look_ahead_with_slip(const spiral__look_ahead *track, spiral__resume from,
                                                       int after, spiral__slip slip) {
    spiral__look_ahead_result o = {0};
    keys_seen seen = {.begun_count = track->begun >= 0, .ended_count = track->ended >= 0};
    seen.begun[0] = (unsigned)track->begun;
    seen.ended[0] = (unsigned)track->ended;
    /* the event just read may have lost its key, and then begins no note that could end */
    seen.begun_by[0] = slip == SPIRAL__SLIP_DATA_LOST && after == 0 ? SPIRAL__LOOK_AHEAD : 0;
    cursor c = {from.at, track->end, track->running, false};
    unsigned kind_before = kind_of(&(event){track->status, 0, 1});
    while (o.events < SPIRAL__LOOK_AHEAD) {
        spiral__resume_at kind = o.events == 0 ? from.kind : SPIRAL__AT_DELTA;
        if (slip && o.events == after) {
            spiral__resume next = spiral__resume_after_slip(c.at, c.end, slip);
            c.at = next.at;
            kind = next.kind;
        }
        if (!look_at_event(&c, kind, &kind_before, &seen, track->open, &o)) break;
    }
    for (int i = 0; i < seen.begun_count; i++)
        o.odd += o.events == SPIRAL__LOOK_AHEAD && seen.begun_by[i] < SPIRAL__LOOK_AHEAD / 2;
    o.odd += has_stray_delta(&o);
    return o;
}

spiral__look_ahead_result spiral__look_ahead_from(const spiral__look_ahead *track, spiral__resume from) {
    return spiral__look_ahead_with_slip(track, from, 0, SPIRAL__SLIP_NONE);
}

bool spiral__look_ahead_for_off(const spiral__look_ahead *track, spiral__resume from, unsigned slot) {
    cursor c = {from.at, track->end, track->running, false};
    for (int i = 0; i < 4 * SPIRAL__LOOK_AHEAD && !c.track_ends; i++) {
        event e = {0};
        uint32_t delta;
        spiral__resume_at kind = i == 0 ? from.kind : SPIRAL__AT_DELTA;
        if (kind == SPIRAL__AT_DELTA && !read_number(&c, &delta)) return false;
        if (!read_event(&c, &e, kind)) return false;
        if (is_note(&e) && !is_clipped(&e) && slot_of(&e) == slot) return !is_on(&e);
    }
    return false;
}

const unsigned char *spiral__look_ahead_for_event(const spiral__look_ahead *track, const unsigned char *at,
                                                  const unsigned char *limit) {
    const spiral__look_ahead fresh = {track->end, 0, NULL, 0, -1, -1};
    for (; at < limit; at++) {
        cursor c = {at, track->end, 0, false};
        uint32_t delta;
        if (!read_number(&c, &delta) || c.at == c.end || *c.at < 128) continue;
        spiral__look_ahead_result o = spiral__look_ahead_from(&fresh, (spiral__resume){at, SPIRAL__AT_DELTA});
        if (spiral__look_ahead_is_valid(&o)) return at;
    }
    return NULL;
}
