/* SPDX-License-Identifier: MIT
 *
 * The Standard MIDI File reader: finds the header, walks the chunks, and puts what the tracks gave in order.
 *
 * The chunks are believed, not the header's count of them; a chunk's length is believed when what follows it
 * can be a chunk. Read next: midi_track.c.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/search.h"
#include "midi/midi_read.h"
#include "midi/notes.h"
#include "midi/tempo.h"

enum { CHUNK_HEAD = 8, HEADER_SIZE = 14, TRACKS_MAX = UINT16_MAX, DIVISION_DEFAULT = 480 };

static bool has_name(const unsigned char *at, const char *name) { return !memcmp(at, name, 4); }

/* The first place in [at, end) where name stands with `room` bytes to the end, or end. */
static const unsigned char *find_name(const unsigned char *at, const unsigned char *end, const char *name,
                                      size_t room) {
    while ((size_t)(end - at) >= room) {
        at = memchr(at, name[0], (size_t)(end - at) - room + 1);
        if (!at) return end;
        if (has_name(at, name)) return at;
        at++;
    }
    return end;
}

/* What there is instead of MIDI, as one sentence. */
static spiral_status refuse(const unsigned char *bytes, size_t size, spiral_error *err) {
    char start[17];
    size_t n = size < sizeof start - 1 ? size : sizeof start - 1;
    if (size == 0) return spiral__fail(err, SPIRAL_FORMAT, 0, "the file is empty");
    if (bytes[0] == 0xf0)
        return spiral__fail(err, SPIRAL_FORMAT, 0,
                            "not a Standard MIDI File but a bare system exclusive message (F0)");
    if (size >= 4 && has_name(bytes, "MThd"))
        return spiral__fail(err, SPIRAL_FORMAT, (int64_t)size,
                            "the MIDI file ends after %zu of the %d bytes of its header", size, HEADER_SIZE);
    if (size >= 4 && has_name(bytes, "RIFF"))
        return spiral__fail(err, SPIRAL_FORMAT, 0, "a RIFF file without a MIDI header (MThd) inside");
    for (size_t i = 0; i < n; i++) start[i] = (char)(bytes[i] < 128 && isprint(bytes[i]) ? bytes[i] : '.');
    start[n] = 0;
    return spiral__fail(err, SPIRAL_FORMAT, 0, "not a MIDI file: no header (MThd), it starts with \"%s\"",
                        start);
}

/* The data chunk of a RIFF file: MIDI may lie in it. Leaves *file as it is if there is none. */
static void open_riff(spiral__bytes *file) {
    const unsigned char *at = file->at + 12;
    while (file->end - at >= CHUNK_HEAD) {
        size_t left = (size_t)(file->end - at) - CHUNK_HEAD;
        size_t size = (size_t)at[4] | (size_t)at[5] << 8 | (size_t)at[6] << 16 | (size_t)at[7] << 24;
        if (has_name(at, "data")) {
            *file = (spiral__bytes){at + CHUNK_HEAD, at + CHUNK_HEAD + (size < left ? size : left)};
            return;
        }
        if (size >= left) return;
        at += CHUNK_HEAD + size + (size & 1); /* RIFF pads to even; size < left, so one byte is there */
    }
}

/* The header, wherever it is: at the start, in a RIFF file, or after foreign bytes. false: nowhere. */
static bool find_header(spiral__reader *r, spiral__bytes *file) {
    if (spiral__bytes_left(file) >= 12 && has_name(file->at, "RIFF")) open_riff(file);
    const unsigned char *start = file->at;
    for (;; file->at++) {
        file->at = find_name(file->at, file->end, "MThd", HEADER_SIZE);
        if (file->at == file->end) return false;
        if (file->at == start) return true;
        if (spiral__be32(file->at + 4) == 6) break; /* four letters in a text are no header */
    }
    spiral__midi_warn(r, SPIRAL_MIDI_WARN_ALIEN_CHUNK);
    return true;
}

static void read_division(spiral__reader *r, unsigned division) {
    static const unsigned char frame_rates[] = {24, 25, 29, 30};
    int frames = 256 - (int)(division >> 8), ticks_per_frame = division & 255;
    if (division >= 0x8000 && ticks_per_frame && memchr(frame_rates, frames, sizeof frame_rates)) {
        r->midi->ticks_per_s = spiral__smpte_rate(frames, ticks_per_frame);
        return;
    }
    bool bad = division == 0 || division >= 0x8000;
    if (bad) spiral__midi_warn(r, SPIRAL_MIDI_WARN_DIVISION);
    r->midi->ticks_per_quarter = bad ? DIVISION_DEFAULT : (int)division;
}

/* Reads the header and steps behind it; *tracks is what it claims. */
static void read_header(spiral__reader *r, spiral__bytes *file, int *tracks) {
    size_t size = spiral__be32(file->at + 4);
    r->midi->format = (int)spiral__be16(file->at + 8);
    *tracks = (int)spiral__be16(file->at + 10);
    read_division(r, spiral__be16(file->at + 12));
    if (size != HEADER_SIZE - CHUNK_HEAD) spiral__midi_warn(r, SPIRAL_MIDI_WARN_HEADER);
    bool longer = size > HEADER_SIZE - CHUNK_HEAD && size <= spiral__bytes_left(file) - CHUNK_HEAD;
    file->at += longer ? CHUNK_HEAD + size : HEADER_SIZE;
    if (r->midi->format > 2) {
        spiral__midi_warn(r, SPIRAL_MIDI_WARN_HEADER);
        r->midi->format = 1;
    }
}

static bool is_chunk(const unsigned char *at, const unsigned char *end) {
    if (end - at < CHUNK_HEAD) return false;
    for (int i = 0; i < 4; i++)
        if (at[i] < ' ' || at[i] > '~') return false;
    return true;
}

/* Lists where tracks can begin from `at` on: many tracks may ask for the next one, and searching the file for
 * each would take as long as tracks times bytes. */
static spiral_status list_tracks(spiral__reader *r, const unsigned char *at, const unsigned char *end) {
    size_t count = 0;
    r->listed = at;
    for (const unsigned char *t = at; (t = find_name(t, end, "MTrk", CHUNK_HEAD)) < end; t++) count++;
    r->starts = malloc((count + 1) * sizeof *r->starts);
    if (!r->starts) return spiral__no_memory(r->err, (count + 1) * sizeof *r->starts);
    for (const unsigned char *t = at; (t = find_name(t, end, "MTrk", CHUNK_HEAD)) < end; t++)
        r->starts[r->start_count++] = (uint32_t)(t - at);
    r->starts[r->start_count] = (uint32_t)(end - at);
    return SPIRAL_OK;
}

typedef struct start_search {
    const uint32_t *starts;
    size_t from;
} start_search;

static int start_from(const void *context, size_t i) {
    const start_search *s = context;
    return s->starts[i] >= s->from;
}

/* Moves *at to the first place from it on where a track can begin, or to end. Later calls ask about places
 * behind the body of the first. */
static spiral_status next_track(spiral__reader *r, const unsigned char *body, const unsigned char **at,
                                const unsigned char *end) {
    if (!r->starts) SPIRAL_TRY(list_tracks(r, body, end));
    const start_search s = {r->starts, (size_t)(*at - r->listed)};
    *at = r->listed + r->starts[spiral__search(r->start_count, start_from, &s)];
    return SPIRAL_OK;
}

/* Where the track's events end that begin at body: where its chunk says - unless that is beyond the file, or
 * neither the file nor the track ends there and no chunk follows; then where the next track begins. */
static spiral_status track_end(spiral__reader *r, const unsigned char *body, const unsigned char *end,
                               const unsigned char **stop) {
    size_t size = spiral__be32(body - 4), left = (size_t)(end - body);
    *stop = body + (size < left ? size : left);
    bool ends = size >= 3 && size <= left && !memcmp(*stop - 3, "\xff\x2f", 3);
    if (size == left || (size < left && (ends || is_chunk(*stop, end)))) return SPIRAL_OK;
    spiral__midi_warn(r, SPIRAL_MIDI_WARN_TRUNCATED);
    return size > left ? SPIRAL_OK : next_track(r, body, stop, end);
}

/* The tempo and metre that hold at the start of a sequence of format 2, if it gives none itself; the pedals
 * of the one before come up. */
static spiral_status begin_sequence(spiral__reader *r, const unsigned char *at, int64_t ticks) {
    if (r->pedals.count)
        SPIRAL_TRY(spiral__changes_add(r, &r->pedals, at, ticks,
                                       (uint32_t)r->midi->tracks << 16 | SPIRAL__PEDALS_UP));
    SPIRAL_TRY(spiral__changes_add(r, &r->tempos, at, ticks, SPIRAL__TEMPO_DEFAULT));
    return spiral__changes_add(r, &r->meters, at, ticks, 4 << 8 | 2);
}

static spiral_status read_track(spiral__reader *r, spiral__bytes *file) {
    spiral_midi *midi = r->midi;
    int64_t ticks = midi->format == 2 ? midi->end_ticks : 0;
    const unsigned char *body = file->at + CHUNK_HEAD, *end = NULL, *stop;
    SPIRAL_TRY(track_end(r, body, file->end, &end));
    if (midi->format == 2 && midi->tracks > 0) SPIRAL_TRY(begin_sequence(r, body, ticks));
    SPIRAL_TRY(spiral__midi_track(r, body, end, (uint16_t)midi->tracks, &ticks, &stop));
    midi->tracks++;
    if (ticks > midi->end_ticks) midi->end_ticks = ticks;
    file->at = end;
    if (stop == end) return SPIRAL_OK;
    if (end - stop >= CHUNK_HEAD && has_name(stop, "MTrk")) { /* the length ran over the next track */
        spiral__midi_warn(r, SPIRAL_MIDI_WARN_TRUNCATED);
        file->at = stop;
    } else
        spiral__midi_warn(r, SPIRAL_MIDI_WARN_AFTER_END_OF_TRACK);
    return SPIRAL_OK;
}

static void skip_alien(spiral__reader *r, spiral__bytes *file) {
    size_t left = spiral__bytes_left(file);
    spiral__midi_warn(r, SPIRAL_MIDI_WARN_ALIEN_CHUNK);
    if (is_chunk(file->at, file->end) && spiral__be32(file->at + 4) <= left - CHUNK_HEAD)
        file->at += CHUNK_HEAD + spiral__be32(file->at + 4);
    else
        file->at = find_name(file->at + 1, file->end, "MTrk", CHUNK_HEAD);
}

static spiral_status read_chunks(spiral__reader *r, spiral__bytes *file) {
    int claimed;
    read_header(r, file, &claimed);
    while (file->at < file->end) {
        bool track = spiral__bytes_left(file) >= CHUNK_HEAD && has_name(file->at, "MTrk");
        if (track && r->midi->tracks < TRACKS_MAX)
            SPIRAL_TRY(read_track(r, file));
        else
            skip_alien(r, file);
    }
    bool several = r->midi->format == 0 && r->midi->tracks > 1;
    if (claimed != r->midi->tracks || several) spiral__midi_warn(r, SPIRAL_MIDI_WARN_HEADER);
    if (several) r->midi->format = 1;
    return SPIRAL_OK;
}

static int by_time(const void *left, const void *right) {
    const spiral__change *a = left, *b = right;
    if (a->at_ticks != b->at_ticks) return a->at_ticks < b->at_ticks ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void sort_by_time(spiral__changes *c) {
    size_t i = 1;
    while (i < c->count && c->items[i].at_ticks >= c->items[i - 1].at_ticks) i++;
    if (i < c->count) qsort(c->items, c->count, sizeof *c->items, by_time);
}

/* Sorts by time and keeps the last of each tick. */
static void settle(spiral__changes *c) {
    size_t kept = 0;
    sort_by_time(c);
    for (size_t i = 0; i < c->count; i++) {
        bool last = i + 1 == c->count || c->items[i + 1].at_ticks != c->items[i].at_ticks;
        if (last) c->items[kept++] = c->items[i];
    }
    c->count = kept;
}

static spiral_status settle_tempos(spiral__reader *r) {
    size_t n = r->tempos.count;
    settle(&r->tempos);
    if (n == 0) return SPIRAL_OK;
    r->midi->tempos = malloc(r->tempos.count * sizeof *r->midi->tempos);
    if (!r->midi->tempos) return spiral__no_memory(r->err, r->tempos.count * sizeof *r->midi->tempos);
    r->midi->tempo_count = r->tempos.count;
    for (size_t i = 0; i < r->tempos.count; i++)
        r->midi->tempos[i] =
            (spiral_tempo){r->tempos.items[i].at_ticks, (int32_t)r->tempos.items[i].value, 0};
    spiral__tempo_fill(r->midi);
    return SPIRAL_OK;
}

static spiral_status settle_meters(spiral__reader *r) {
    size_t n = r->meters.count;
    settle(&r->meters);
    if (n == 0) return SPIRAL_OK;
    r->midi->meters = malloc(r->meters.count * sizeof *r->midi->meters);
    if (!r->midi->meters) return spiral__no_memory(r->err, r->meters.count * sizeof *r->midi->meters);
    r->midi->meter_count = r->meters.count;
    for (size_t i = 0; i < r->meters.count; i++) {
        const spiral__change *c = &r->meters.items[i];
        r->midi->meters[i] = (spiral_meter){c->at_ticks, (int)(c->value >> 8), 1 << (c->value & 255)};
    }
    return SPIRAL_OK;
}

/* Writes what changes a channel's pedal to pedals, unless that is NULL; returns how many there are. */
static size_t change_pedals(const spiral__changes *c, spiral_pedal *pedals) {
    size_t n = 0;
    unsigned down = 0; /* a bit per channel */
    for (size_t i = 0; i < c->count; i++) {
        uint32_t value = c->items[i].value, what = value & 255;
        unsigned channel = value >> 8 & 255, last = what == SPIRAL__PEDALS_UP ? 15 : channel;
        for (; channel <= last; channel++) {
            unsigned is_down = what == SPIRAL__PEDAL_DOWN;
            if ((down >> channel & 1) == is_down) continue;
            down ^= 1u << channel;
            if (pedals)
                pedals[n] = (spiral_pedal){c->items[i].at_ticks, (uint16_t)(value >> 16), (uint8_t)channel,
                                           (uint8_t)is_down};
            n++;
        }
    }
    return n;
}

static spiral_status settle_pedals(spiral__reader *r) {
    sort_by_time(&r->pedals);
    size_t n = change_pedals(&r->pedals, NULL);
    if (n == 0) return SPIRAL_OK;
    r->midi->pedals = malloc(n * sizeof *r->midi->pedals);
    if (!r->midi->pedals) return spiral__no_memory(r->err, n * sizeof *r->midi->pedals);
    r->midi->pedal_count = change_pedals(&r->pedals, r->midi->pedals);
    return SPIRAL_OK;
}

/* Gives back the room that no note took, and sorts. */
static spiral_status settle_notes(spiral__reader *r) {
    spiral_midi *midi = r->midi;
    if (midi->note_count == 0) {
        free(midi->notes);
        midi->notes = NULL;
        return SPIRAL_OK;
    }
    spiral_note *notes = realloc(midi->notes, midi->note_count * sizeof *notes);
    if (notes) midi->notes = notes;
    return spiral__notes_sort(midi->notes, midi->note_count, r->err);
}

static spiral_status read_file(spiral__reader *r, spiral__bytes file) {
    const unsigned char *bytes = file.at;
    size_t size = spiral__bytes_left(&file);
    if (size == 0 || !find_header(r, &file)) return refuse(bytes, size, r->err);
    r->end = file.end;
    r->note_capacity = size / 8 + 1; /* a note takes eight bytes in most files */
    r->midi->notes = malloc(r->note_capacity * sizeof *r->midi->notes);
    if (!r->midi->notes) return spiral__no_memory(r->err, r->note_capacity * sizeof *r->midi->notes);
    SPIRAL_TRY(read_chunks(r, &file));
    SPIRAL_TRY(settle_notes(r));
    SPIRAL_TRY(settle_tempos(r));
    SPIRAL_TRY(settle_meters(r));
    return settle_pedals(r);
}

spiral_status spiral_midi_read(const void *bytes, size_t size, spiral_midi *midi, spiral_error *err) {
    spiral__reader reader = {.midi = midi, .err = err};
    *midi = (spiral_midi){0};
    if (size > UINT32_MAX)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "%zu bytes of MIDI are more than the limit, %u", size,
                            UINT32_MAX);
    const unsigned char *start = size ? bytes : (const void *)"";
    spiral_status status = read_file(&reader, (spiral__bytes){start, start + size});
    free(reader.tempos.items);
    free(reader.meters.items);
    free(reader.pedals.items);
    free(reader.starts);
    if (status != SPIRAL_OK) spiral_midi_clear(midi);
    return status;
}
