/* SPDX-License-Identifier: MIT
 *
 * Detecting files that were converted as if they were text (see transfer.h). They are refused: what they hold
 * is not what was played, though much of it can still be read as events.
 */
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "midi/transfer.h"

enum { CHUNK_HEAD = 8, HEADER_SIZE = 14 };

static spiral_status damaged(spiral_error *err, int64_t offset, const char *how) {
    return spiral__fail(err, SPIRAL_FORMAT, offset,
                        "the MIDI file was damaged in transfer: %s; copy it as binary", how);
}

/* The first byte above 127, if all of the file is valid UTF-8; NULL: there is none, or it is not. A sound
 * file never is: its status bytes stand before bytes below 128, and FF is in no UTF-8. */
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

/* The bytes at *at as they were before 0D was put in front of each 0A. Copies n of them to `bytes`, unless
 * that is NULL, and moves *at after them; false: there are fewer. */
static bool read_unconverted(const unsigned char **at, const unsigned char *end, size_t n,
                             unsigned char *bytes) {
    for (size_t i = 0; i < n; i++) {
        if (end - *at >= 2 && (*at)[0] == '\r' && (*at)[1] == '\n') ++*at;
        if (*at == end) return false;
        if (bytes) bytes[i] = **at;
        ++*at;
    }
    return true;
}

/* Whether the chunks end exactly where the file does. unconvert: with each 0D before an 0A left out. */
static bool chunks_fit(const spiral__bytes *file, bool unconvert) {
    const unsigned char *at = file->at;
    while (at < file->end) {
        unsigned char head[CHUNK_HEAD];
        if (!unconvert) {
            if (file->end - at < CHUNK_HEAD) return false;
            size_t size = spiral__be32(at + 4), left = (size_t)(file->end - at) - CHUNK_HEAD;
            if (size > left) return false;
            at += CHUNK_HEAD + size;
        } else if (!read_unconverted(&at, file->end, CHUNK_HEAD, head) || memcmp(head, "MT", 2) ||
                   !read_unconverted(&at, file->end, spiral__be32(head + 4), NULL))
            return false;
    }
    return true;
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
    if (file->end - file->at >= HEADER_SIZE + CHUNK_HEAD + TRACK_MIN &&
        !memcmp(file->at + HEADER_SIZE, "MTrk", 4) && !has_byte_above_127(file->at + HEADER_SIZE, file->end))
        return damaged(err, file->at + HEADER_SIZE - start, "no byte is above 127, which every event needs");
    at = first_line_end(file);
    if (!at || chunks_fit(file, false) || !chunks_fit(file, true)) return SPIRAL_OK;
    return damaged(err, at - start, "a byte 0D was put before every 0A");
}
