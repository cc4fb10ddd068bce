/* SPDX-License-Identifier: MIT
 *
 * Where reading of a track continues when its bytes are wrong (see track.h): a value above 127, a missing
 * byte, an impossible length. The possible places are compared by what follows them (look_ahead.h). The other
 * events of the track then keep their times.
 */
#include "midi/midi_check.h"
#include "midi/track.h"

enum { VELOCITY_UNKNOWN = 64 /* what the standard gives keyboards that do not measure it */ };

static spiral__look_ahead look_ahead_of(const spiral__track *t) {
    return (spiral__look_ahead){t->end, t->running, t->builder->open, t->running, -1, -1};
}

static spiral__look_ahead_result look_ahead_at(const spiral__track *t, const unsigned char *at,
                                               spiral__resume_at kind) {
    const spiral__look_ahead track = look_ahead_of(t);
    return spiral__look_ahead_from(&track, (spiral__resume){at, kind});
}

/* How well the events fit together. An event with a wrong data byte is valid, but counts against the others,
 * unless it is a note-off that ends a note. */
static int score(const spiral__look_ahead_result *o) {
    return o->events + o->ended - o->odd - 3 * o->clipped + 2 * o->clipped_offs;
}

/* ---- an event of which a data byte is missing ---- */

static unsigned clip(unsigned byte) { return byte < 128 ? byte : 127; }

static spiral_status note_off(spiral__track *t, unsigned slot) {
    if (spiral__midi_builder_note_off(t->builder, t->now, slot)) return SPIRAL_OK;
    return spiral__midi_builder_unpaired_off(t->builder, spiral__track_rest_of_file(t), t->now, slot);
}

/* The event has one data byte, `first`, and the next one begins at `next`. A note-off is kept: if its
 * velocity was lost, its key is known. So is a note-on, if a note-off of its key follows; if none does and
 * the key is down, it was a note-off in the form of a note-on of velocity 0. */
static spiral_status incomplete_event(spiral__track *t, unsigned status, unsigned first,
                                      spiral__resume next) {
    const spiral__look_ahead track = look_ahead_of(t);
    const unsigned slot = spiral__slot(status, first);
    t->at = next.at;
    t->has_no_delta = next.kind != SPIRAL__AT_DELTA;
    if (status < 0x90) return note_off(t, slot);
    if (status >= 0xa0) return SPIRAL_OK;
    if (spiral__look_ahead_for_off(&track, next, slot))
        return spiral__midi_builder_note_on(t->builder, spiral__track_rest_of_file(t), t->now, t->number,
                                            slot, VELOCITY_UNKNOWN);
    return t->builder->open->first[slot] ? note_off(t, slot) : SPIRAL_OK;
}

/* ---- a data byte above 127 ---- */

/* Two readings of the same bytes, after which the same events follow: the byte is a data byte that is too
 * large, or one is missing and the next delta time begins with it. The reading is right whose delta time also
 * occurs among those that follow, between events of the same kinds; if neither does, the second, unless its
 * delta time is longer than all of these. */
static bool delta_begins(const spiral__look_ahead_result *as_data,
                         const spiral__look_ahead_result *as_delta) {
    int seen_as_data = 0, seen_as_delta = 0;
    uint32_t longest = 0;
    if (as_data->delta_count == 0 || as_delta->delta_count == 0) return false;
    for (int i = 1; i < as_delta->delta_count; i++) {
        uint32_t delta = as_delta->deltas[i];
        if (as_delta->kinds[i] != as_delta->kinds[0]) continue;
        seen_as_data += delta == as_data->deltas[0];
        seen_as_delta += delta == as_delta->deltas[0];
        if (delta > longest) longest = delta;
    }
    if (seen_as_data || seen_as_delta) return seen_as_delta > seen_as_data;
    return as_delta->deltas[0] <= longest;
}

/* The key of an event whose first data byte is `byte`. A note-off of a key above 127 ends the note that was
 * clipped to 127, or that of the lower seven bits. */
static unsigned clipped_key(const spiral__track *t, unsigned status, unsigned byte) {
    const unsigned lower = byte & 127, *first = t->builder->open->first;
    const bool lower_is_open = status < 0x90 && first[spiral__slot(status, lower)];
    return lower_is_open && !first[spiral__slot(status, 127)] ? lower : clip(byte);
}

/* The byte is a value that is too large: notes keep it as 127, other events are left out. A note-off is kept
 * whatever its velocity is. */
static spiral_status clipped_event(spiral__track *t, unsigned status, size_t length) {
    unsigned key = clipped_key(t, status, t->at[0]), value = clip(t->at[length - 1]);
    t->at += length;
    return status < 0xa0 ? spiral__track_channel_event(t, status, key, value) : SPIRAL_OK;
}

static spiral_status wrong_data(spiral__track *t, unsigned status, size_t length) {
    const unsigned char *data = t->at, *wrong = data[0] > 127 ? data : data + 1;
    spiral__resume next = {wrong, SPIRAL__AT_DELTA};
    spiral__look_ahead_result as_data = look_ahead_at(t, data + length, SPIRAL__AT_DELTA),
                              as_delta = look_ahead_at(t, wrong, SPIRAL__AT_DELTA),
                              as_status = look_ahead_at(t, wrong, SPIRAL__AT_STATUS);
    int difference = score(&as_delta) - score(&as_data), best = score(&as_data);
    bool clipped = difference < 0 || (difference == 0 && !delta_begins(&as_data, &as_delta));
    if (!clipped) best = score(&as_delta);
    spiral__track_warn(t, SPIRAL_MIDI_WARN_BAD_DATA);
    if (*wrong < 0xf0 && score(&as_status) > best)
        next.kind = SPIRAL__AT_STATUS;
    else if (clipped)
        return clipped_event(t, status, length);
    if (wrong > data) return incomplete_event(t, status, data[0], next);
    t->at = wrong;
    t->has_no_delta = next.kind != SPIRAL__AT_DELTA;
    return SPIRAL_OK;
}

/* ---- where the next event begins ---- */

/* The number of things that do not fit together in the events. */
static int inconsistencies(const spiral__look_ahead_result *o) {
    return o->odd + o->clipped + (o->events < SPIRAL__LOOK_AHEAD);
}

/* Whether a slip explains the events much better than reading on does: less does not fit, no fewer events are
 * valid, and, where reading on finds valid events only, more notes end. */
static bool is_better(const spiral__look_ahead_result *slip, const spiral__look_ahead_result *reading_on) {
    enum { MARGIN = 3, MORE_ENDED = 2 };
    return slip->events >= reading_on->events && inconsistencies(slip) < inconsistencies(reading_on) &&
           score(slip) >= score(reading_on) + MARGIN &&
           (!spiral__look_ahead_is_valid(reading_on) || slip->ended >= reading_on->ended + MORE_ENDED);
}

/* Whether a slip after one of the next events explains more than `best`. */
static bool slips_later(const spiral__look_ahead *track, spiral__resume here, int best) {
    for (int after = 1; after <= SPIRAL__LOOK_AHEAD / 2; after++)
        for (int slip = 1; slip < SPIRAL__SLIP_COUNT; slip++) {
            spiral__look_ahead_result o =
                spiral__look_ahead_with_slip(track, here, after, (spiral__slip)slip);
            if (score(&o) > best + 1) return true; /* 1: they look one event further */
        }
    return false;
}

/* What happened to the bytes after an event that ends at `end`: nothing, unless the events that follow fit
 * much better with a slip here, and no slip at a later place fits better still. */
static spiral__slip find_slip(spiral__track *t, unsigned status, const unsigned char *end) {
    enum {
        CLEAR = SPIRAL__LOOK_AHEAD / 3
    }; /* after an event without inconsistencies, this many need no look-ahead */
    if (t->clear-- > 0) return SPIRAL__SLIP_NONE;
    spiral__look_ahead track = look_ahead_of(t);
    const bool note = status < 0xa0, on = status >= 0x90 && end[-1] > 0;
    if (note) *(on ? &track.begun : &track.ended) = (int)spiral__slot(status, end[-2]);
    const spiral__resume here = {end, SPIRAL__AT_DELTA};
    spiral__look_ahead_result reading_on = spiral__look_ahead_from(&track, here);
    if (inconsistencies(&reading_on) == 0) t->clear = CLEAR;
    if (end == t->end || t->clear > 0) return SPIRAL__SLIP_NONE;
    spiral__slip best = SPIRAL__SLIP_NONE;
    int best_score = 0;
    for (int slip = 1; slip < SPIRAL__SLIP_COUNT; slip++) {
        spiral__look_ahead_result o = spiral__look_ahead_with_slip(&track, here, 0, (spiral__slip)slip);
        if (!is_better(&o, &reading_on) || (best && score(&o) <= best_score)) continue;
        best = (spiral__slip)slip;
        best_score = score(&o);
    }
    return best && !slips_later(&track, here, best_score) ? best : SPIRAL__SLIP_NONE;
}

spiral_status spiral__track_read_carefully(spiral__track *t, unsigned status, size_t length) {
    const unsigned char *end = t->at + length;
    const unsigned first = t->at[0], second = t->at[length - 1];
    if ((first | second) > 127) return wrong_data(t, status, length);
    const spiral__slip slip = find_slip(t, status, end);
    const spiral__resume next = spiral__resume_after_slip(end, t->end, slip);
    if (slip) spiral__track_warn(t, SPIRAL_MIDI_WARN_BAD_DATA);
    if (slip == SPIRAL__SLIP_DATA_LOST && length == 2) return incomplete_event(t, status, first, next);
    t->at = next.at;
    t->has_no_delta = next.kind != SPIRAL__AT_DELTA;
    return slip == SPIRAL__SLIP_DATA_LOST ? SPIRAL_OK : spiral__track_channel_event(t, status, first, second);
}

/* ---- lengths ---- */

static const unsigned char *find_event(const spiral__track *t, const unsigned char *at,
                                       const unsigned char *limit) {
    const spiral__look_ahead track = look_ahead_of(t);
    return spiral__look_ahead_for_event(&track, at, limit);
}

/* Moves t->at there and counts the message as repaired. */
static bool end_sysex(spiral__track *t, const unsigned char *at) {
    spiral__track_warn(t, SPIRAL_MIDI_WARN_SYSEX);
    t->at = at;
    return true;
}

/* Whether one of the bytes is above 127; a message has none but the F7 that ends it. */
static bool has_status_byte(const unsigned char *message, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (message[i] > 127 && !(message[i] == 0xf7 && i + 1 == size)) return true;
    return false;
}

bool spiral__track_find_sysex_end(spiral__track *t, const unsigned char *start, const unsigned char **message,
                                  uint32_t size) {
    const unsigned char *payload = *message;
    const unsigned first = start < t->end ? *start : 0xf7;
    const unsigned char *mark = first < 128 || first == 0xf7 ? start : payload;
    bool fits = size <= (size_t)(t->end - payload);
    while (mark < t->end && *mark < 128) mark++;
    bool marked = mark < t->end && *mark == 0xf7;
    if (fits && marked && mark == payload + size) return end_sysex(t, mark + 1); /* F7 was not counted */
    spiral__look_ahead_result by_length = {.events = -1}, by_mark = {.events = -1};
    if (fits) by_length = look_ahead_at(t, payload + size, SPIRAL__AT_DELTA);
    if (marked) by_mark = look_ahead_at(t, mark + 1, SPIRAL__AT_DELTA);
    /* a message has no status bytes inside: if F7 is there and valid events follow, it is the end */
    bool inside = fits && marked && mark < payload + size && spiral__look_ahead_is_valid(&by_mark);
    if (inside || score(&by_mark) > score(&by_length)) {
        if (mark < payload || first < 128) *message = start; /* its first byte was read as a length */
        return end_sysex(t, mark + 1);
    }
    /* without F7 it is a part of a message that an F7 event continues, if its length is right */
    const bool sound = fits && !has_status_byte(payload, size) && spiral__look_ahead_is_valid(&by_length);
    const unsigned char *event = sound ? NULL : find_event(t, start, fits ? payload + size : t->end);
    if (event) return end_sysex(t, event);
    if (fits) t->at = payload + size;
    return fits;
}

/* Whether a text has control characters, as it may if it is not text but events. */
static bool has_control_characters(const unsigned char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (spiral__midi_is_control(text[i])) return true;
    return false;
}

/* Whether a meta event of this type may have this payload. */
bool spiral__track_is_plausible(const spiral__track *t, unsigned type, const unsigned char *data,
                                size_t size) {
    enum { TEXT_FIRST = 0x01, TEXT_LAST = 0x0f };
    const int standard = spiral__meta_size(type);
    const bool text = type >= TEXT_FIRST && type <= TEXT_LAST;
    if (size > spiral__track_left(t)) return false;
    return standard >= 0 ? (int64_t)size == standard : !text || !has_control_characters(data, size);
}

/* A meta event whose type has a standard length, which is not *size: by the standard or by its own length,
 * whichever is followed by valid events. */
static bool check_standard_length(spiral__track *t, const unsigned char *data, size_t standard,
                                  uint32_t *size) {
    const size_t left = (size_t)(t->end - data);
    spiral__look_ahead_result by_length = {.events = 0}, by_standard = {.events = 0};
    if (*size <= left) by_length = look_ahead_at(t, data + *size, SPIRAL__AT_DELTA);
    if (standard <= left) by_standard = look_ahead_at(t, data + standard, SPIRAL__AT_DELTA);
    if (by_standard.events == 0 || score(&by_standard) < score(&by_length)) return *size <= left;
    spiral__track_warn(t, SPIRAL_MIDI_WARN_BAD_DATA);
    *size = (uint32_t)standard;
    return true;
}

bool spiral__track_check_meta(spiral__track *t, unsigned type, const unsigned char *data, uint32_t *size) {
    enum { EVENT_MIN = 3 }; /* the shortest that can be in a payload */
    const int standard = spiral__meta_size(type);
    const bool fits = *size <= (size_t)(t->end - data);
    if (spiral__track_is_plausible(t, type, data, *size)) {
        if (standard >= 0 || *size < EVENT_MIN) return true;
        spiral__look_ahead_result behind = look_ahead_at(t, data + *size, SPIRAL__AT_DELTA);
        if (spiral__look_ahead_is_valid(&behind)) return true;
    }
    if (standard >= 0) return check_standard_length(t, data, (size_t)standard, size);
    const unsigned char *event = find_event(t, data, fits ? data + *size : t->end);
    if (!event) return fits;
    spiral__track_warn(t, SPIRAL_MIDI_WARN_BAD_DATA);
    *size = (uint32_t)(event - data);
    return true;
}
