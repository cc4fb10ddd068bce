/* SPDX-License-Identifier: MIT
 *
 * The Standard MIDI File reader: finds the header, goes through the chunks and reads each track.
 *
 * The chunks found are used, not the header's number of tracks. A chunk's length is used only if what follows
 * it can be a chunk; otherwise the next track is searched for. Read next: track_reader.c.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/search.h"
#include "midi/midi_builder.h"
#include "midi/tempo.h"
#include "midi/track_reader.h"
#include "midi/transfer.h"

enum { CHUNK_HEAD = 8, HEADER_SIZE = 14, TRACKS_MAX = UINT16_MAX, DIVISION_DEFAULT = 480 };

typedef struct file_reader {
    spiral__midi_builder *builder;
    spiral_midi *midi; /* the builder's */
    spiral_error *err;
    spiral__bytes rest; /* of the file */
    /* The offsets from search_from at which "MTrk" occurs, and last that of the end of the file. Made when a
     * track's length is wrong for the first time. */
    const unsigned char *search_from;
    uint32_t *track_starts; /* (track_start_count + 1), owned, or NULL */
    size_t track_start_count;
} file_reader;

static void warn(file_reader *f, spiral_midi_warning warning) {
    spiral__midi_builder_warn(f->builder, warning);
}

static bool has_name(const unsigned char *at, const char *name) { return !memcmp(at, name, 4); }

/* The first position in [at, end) at which name occurs with at least `size` bytes left, or end. */
static const unsigned char *find_name(const unsigned char *at, const unsigned char *end, const char *name,
                                      size_t size) {
    while ((size_t)(end - at) >= size) {
        at = memchr(at, name[0], (size_t)(end - at) - size + 1);
        if (!at) return end;
        if (has_name(at, name)) return at;
        at++;
    }
    return end;
}

/* ---- the header ---- */

/* FORMAT, with what the bytes are instead of MIDI. */
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

/* Makes *file the data chunk of a RIFF file, which may contain MIDI. Without one, *file is not changed. */
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
        at += CHUNK_HEAD + size + (size & 1); /* RIFF pads to even; size < left, so the byte is there */
    }
}

/* Moves *file to the header: at the start, in a RIFF file, or after other bytes. false: there is none.
 * *found_later: bytes that are not MIDI come before it. */
static bool find_header(spiral__bytes *file, bool *found_later) {
    if (spiral__bytes_left(file) >= 12 && has_name(file->at, "RIFF")) open_riff(file);
    const unsigned char *start = file->at;
    for (;; file->at++) {
        file->at = find_name(file->at, file->end, "MThd", HEADER_SIZE);
        if (file->at == file->end) return false;
        *found_later = file->at != start;
        /* elsewhere than at the start these four letters may be part of a text */
        if (!*found_later || spiral__be32(file->at + 4) == HEADER_SIZE - CHUNK_HEAD) return true;
    }
}

static void read_division(file_reader *f, unsigned division) {
    static const unsigned char frame_rates[] = {24, 25, 29, 30};
    int frames_per_s = 256 - (int)(division >> 8), ticks_per_frame = division & 255;
    if (division >= 0x8000 && ticks_per_frame && memchr(frame_rates, frames_per_s, sizeof frame_rates)) {
        f->midi->ticks_per_s = spiral__smpte_rate(frames_per_s, ticks_per_frame);
        return;
    }
    bool bad = division == 0 || division >= 0x8000;
    if (bad) warn(f, SPIRAL_MIDI_WARN_DIVISION);
    f->midi->ticks_per_quarter = bad ? DIVISION_DEFAULT : (int)division;
}

/* Reads the header and moves after it. Returns the number of tracks it claims. */
static int read_header(file_reader *f) {
    const unsigned char *at = f->rest.at;
    size_t size = spiral__be32(at + 4);
    f->midi->format = (int)spiral__be16(at + 8);
    read_division(f, spiral__be16(at + 12));
    if (size != HEADER_SIZE - CHUNK_HEAD) warn(f, SPIRAL_MIDI_WARN_HEADER);
    bool longer = size > HEADER_SIZE - CHUNK_HEAD && size <= spiral__bytes_left(&f->rest) - CHUNK_HEAD;
    f->rest.at += longer ? CHUNK_HEAD + size : HEADER_SIZE;
    if (f->midi->format > 2) {
        warn(f, SPIRAL_MIDI_WARN_HEADER);
        f->midi->format = 1;
    }
    return (int)spiral__be16(at + 10);
}

/* ---- where a track ends ---- */

static bool can_be_chunk(const unsigned char *at, const unsigned char *end) {
    if (end - at < CHUNK_HEAD) return false;
    for (int i = 0; i < 4; i++)
        if (at[i] < ' ' || at[i] > '~') return false;
    return true;
}

/* Lists where tracks can begin from `at` on. Many tracks may need the next one, and a search of the file for
 * each would take time in proportion to tracks times bytes. */
static spiral_status list_track_starts(file_reader *f, const unsigned char *at) {
    const unsigned char *end = f->rest.end;
    size_t count = 0;
    f->search_from = at;
    for (const unsigned char *t = at; (t = find_name(t, end, "MTrk", CHUNK_HEAD)) < end; t++) count++;
    f->track_starts = malloc((count + 1) * sizeof *f->track_starts);
    if (!f->track_starts) return spiral__no_memory(f->err, (count + 1) * sizeof *f->track_starts);
    for (const unsigned char *t = at; (t = find_name(t, end, "MTrk", CHUNK_HEAD)) < end; t++)
        f->track_starts[f->track_start_count++] = (uint32_t)(t - at);
    f->track_starts[f->track_start_count] = (uint32_t)(end - at);
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

/* Moves *at to the first place from it on where a track can begin, or to the end of the file. `body` is where
 * the current track begins; bodies come in order of the file, so the list made for the first is enough. */
static spiral_status find_next_track(file_reader *f, const unsigned char *body, const unsigned char **at) {
    if (!f->track_starts) SPIRAL_TRY(list_track_starts(f, body));
    const start_search s = {f->track_starts, (size_t)(*at - f->search_from)};
    *at = f->search_from + f->track_starts[spiral__search(f->track_start_count, start_from, &s)];
    return SPIRAL_OK;
}

/* The end of the events of the track whose body begins at `body`: where its chunk says, but at most the end
 * of the file. If neither the file nor the track ends there and no chunk follows, it is where the next track
 * begins. */
static spiral_status find_track_end(file_reader *f, const unsigned char *body,
                                    const unsigned char **track_end) {
    size_t size = spiral__be32(body - 4), left = (size_t)(f->rest.end - body);
    *track_end = body + (size < left ? size : left);
    bool has_end_event = size >= 3 && size <= left && !memcmp(*track_end - 3, "\xff\x2f", 3);
    if (size == left || (size < left && (has_end_event || can_be_chunk(*track_end, f->rest.end))))
        return SPIRAL_OK;
    warn(f, SPIRAL_MIDI_WARN_TRUNCATED);
    return size > left ? SPIRAL_OK : find_next_track(f, body, track_end);
}

/* ---- chunks ---- */

static spiral_status read_track(file_reader *f) {
    spiral_midi *midi = f->midi;
    int64_t ticks = midi->format == 2 ? midi->end_ticks : 0;
    const unsigned char *body = f->rest.at + CHUNK_HEAD, *end = NULL;
    SPIRAL_TRY(find_track_end(f, body, &end));
    if (midi->format == 2 && midi->tracks > 0)
        SPIRAL_TRY(spiral__midi_builder_begin_sequence(f->builder, (size_t)(f->rest.end - body), ticks,
                                                       (uint16_t)midi->tracks));
    spiral__bytes events = {body, end};
    SPIRAL_TRY(
        spiral__track_read(f->builder, &events, (size_t)(f->rest.end - end), (uint16_t)midi->tracks, &ticks));
    midi->tracks++;
    if (ticks > midi->end_ticks) midi->end_ticks = ticks;
    f->rest.at = end;
    if (events.at == end) return SPIRAL_OK;
    bool includes_next = end - events.at >= CHUNK_HEAD && has_name(events.at, "MTrk");
    if (includes_next) f->rest.at = events.at;
    warn(f, includes_next ? SPIRAL_MIDI_WARN_TRUNCATED : SPIRAL_MIDI_WARN_AFTER_END_OF_TRACK);
    return SPIRAL_OK;
}

static void skip_unknown_chunk(file_reader *f) {
    size_t left = spiral__bytes_left(&f->rest);
    warn(f, SPIRAL_MIDI_WARN_UNKNOWN_CHUNK);
    if (can_be_chunk(f->rest.at, f->rest.end) && spiral__be32(f->rest.at + 4) <= left - CHUNK_HEAD)
        f->rest.at += CHUNK_HEAD + spiral__be32(f->rest.at + 4);
    else
        f->rest.at = find_name(f->rest.at + 1, f->rest.end, "MTrk", CHUNK_HEAD);
}

static spiral_status read_chunks(file_reader *f) {
    int claimed = read_header(f);
    while (f->rest.at < f->rest.end) {
        bool track = spiral__bytes_left(&f->rest) >= CHUNK_HEAD && has_name(f->rest.at, "MTrk");
        if (track && f->midi->tracks < TRACKS_MAX)
            SPIRAL_TRY(read_track(f));
        else
            skip_unknown_chunk(f);
    }
    bool several = f->midi->format == 0 && f->midi->tracks > 1;
    if (claimed != f->midi->tracks || several) warn(f, SPIRAL_MIDI_WARN_HEADER);
    if (several) f->midi->format = 1;
    return SPIRAL_OK;
}

static spiral_status read_file(const unsigned char *bytes, size_t size, spiral_midi *midi,
                               spiral_error *err) {
    spiral__midi_builder builder;
    file_reader f = {.builder = &builder, .midi = midi, .err = err, .rest = {bytes, bytes + size}};
    bool found_later;
    if (size == 0 || !find_header(&f.rest, &found_later)) return refuse(bytes, size, err);
    SPIRAL_TRY(spiral__transfer_check(&f.rest, bytes, err));
    SPIRAL_TRY(spiral__midi_builder_init(&builder, midi, size, err));
    if (found_later) warn(&f, SPIRAL_MIDI_WARN_UNKNOWN_CHUNK);
    spiral_status status = read_chunks(&f);
    if (status == SPIRAL_OK) status = spiral__midi_builder_finish(&builder);
    free(f.track_starts);
    spiral__midi_builder_clear(&builder);
    return status;
}

spiral_status spiral_midi_read(const void *bytes, size_t size, spiral_midi *midi, spiral_error *err) {
    *midi = (spiral_midi){0};
    if (size > UINT32_MAX)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "%zu bytes of MIDI are more than the limit, %u", size,
                            UINT32_MAX);
    spiral_status status = read_file(size ? bytes : (const void *)"", size, midi, err);
    if (status != SPIRAL_OK) spiral_midi_clear(midi);
    return status;
}
