/* SPDX-License-Identifier: MIT
 *
 * Detecting files that were converted as if they were text (see transfer.h). They are refused: their content
 * is not what was played, though much of it can still be read as events.
 */
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "midi/transfer.h"

enum { CHUNK_HEAD = 8 };

static spiral_status damaged(spiral_error *err, int64_t offset, const char *how) {
    return spiral__fail(err, SPIRAL_FORMAT, offset,
                        "the MIDI file was damaged in transfer: %s; copy it as binary", how);
}

/* The first byte above 127, if all of the file is valid UTF-8; NULL: there is none, or it is not. An
 * undamaged file never is: its status bytes stand before bytes below 128, and FF does not occur in UTF-8. */
static const unsigned char *first_of_utf8(const spiral__bytes *file) {
    const unsigned char *first = NULL;
    size_t n;
    for (const unsigned char *at = file->at; at < file->end; at += n) {
        n = spiral__utf8_size(at, file->end);
        if (n == 0) return NULL;
        if (n > 1 && !first) first = at;
    }
    return first;
}

static bool has_byte_above_127(const unsigned char *at, const unsigned char *end) {
    while (at < end && *at < 128) at++;
    return at < end;
}

/* The next position of "MTrk" from `at` on; the end of the file if there is none. */
static const unsigned char *find_track(const unsigned char *at, const unsigned char *end) {
    while (end - at >= 4 && memcmp(at, "MTrk", 4)) at++;
    return end - at >= 4 ? at : end;
}

/* Bytes 0D that stand before an 0A. */
static size_t count_line_ends(const unsigned char *at, const unsigned char *end) {
    size_t count = 0;
    for (; end - at >= 2; at++) count += at[0] == '\r' && at[1] == '\n';
    return count;
}

/* The big-endian number of four bytes at `at` as it was before 0D was put in front of each 0A. *size: bytes
 * that it has now. At least 8 bytes are left. */
static uint32_t unconverted_be32(const unsigned char *at, size_t *size) {
    unsigned char bytes[4];
    size_t n = 0;
    for (int i = 0; i < 4; i++) {
        n += at[n] == '\r' && at[n + 1] == '\n';
        bytes[i] = at[n++];
    }
    *size = n;
    return spiral__be32(bytes);
}

static bool ends_with_end_of_track(const unsigned char *body, const unsigned char *end) {
    return end - body >= 3 && !memcmp(end - 3, "\xff\x2f", 3);
}

/* Whether each track is longer than its chunk says, by no more bytes than it has line ends, and one is longer
 * at all and ends there. (A line end that the file had before counts without making the track longer.) */
static bool tracks_are_longer(const spiral__bytes *file) {
    const unsigned char *at = find_track(file->at, file->end);
    bool longer = false;
    while (file->end - at >= 2 * CHUNK_HEAD) {
        size_t head, claimed = unconverted_be32(at + 4, &head);
        const unsigned char *body = at + 4 + head;
        /* the name of the next track may also be in this one */
        for (at = find_track(body, file->end); at < file->end && (size_t)(at - body) < claimed;)
            at = find_track(at + 1, file->end);
        const size_t size = (size_t)(at - body);
        if (size < claimed || size - claimed > count_line_ends(body, at)) return false;
        if (size > claimed && !ends_with_end_of_track(body, at)) return false;
        longer |= size > claimed;
    }
    return longer;
}

/* The first 0D 0A, if every 0A follows an 0D and there is one. */
static const unsigned char *first_line_end(const spiral__bytes *file) {
    const unsigned char *first = NULL, *at = file->at;
    while ((at = memchr(at, '\n', (size_t)(file->end - at)))) {
        if (at == file->at || at[-1] != '\r') return NULL;
        if (!first) first = at - 1;
        at++;
    }
    return first;
}

spiral_status spiral__transfer_check(const spiral__bytes *file, const unsigned char *start,
                                     spiral_error *err) {
    enum { TRACK_MIN = 32 }; /* shorter ones may be without bytes above 127 for other reasons */
    const unsigned char *at = first_of_utf8(file);
    if (at) return damaged(err, at - start, "its bytes above 127 were converted to UTF-8");
    at = find_track(file->at, file->end);
    if (file->end - at >= CHUNK_HEAD + TRACK_MIN && !has_byte_above_127(file->at, file->end))
        return damaged(err, at - start, "no byte is above 127, which every event needs");
    at = first_line_end(file);
    if (!at || !tracks_are_longer(file)) return SPIRAL_OK;
    return damaged(err, at - start, "a byte 0D was put before every 0A");
}
