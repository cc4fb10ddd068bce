/* SPDX-License-Identifier: MIT
 *
 * MIDI files that are compressed with gzip (RFC 1952), through zlib.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "data/corpus.h"
#include "spiral_config.h"

#ifdef SPIRAL_HAVE_ZLIB
#include <zlib.h>
#endif

#define COMPRESSED_LIMIT   ((size_t)1 << 30) /* as spiral_midi_load */
#define DECOMPRESSED_LIMIT ((size_t)1 << 28) /* a small file may claim a thousand times its size */

#ifdef SPIRAL_HAVE_ZLIB

/* Doubles the buffer, at most to the limit and one byte more. */
static spiral_status grow(unsigned char **buffer, size_t *capacity, spiral_error *err) {
    const size_t most = DECOMPRESSED_LIMIT + 1, doubled = 2 * *capacity;
    const size_t larger = doubled < most ? doubled : most;
    unsigned char *moved = realloc(*buffer, larger);
    if (!moved) return spiral__no_memory(err, larger);
    *buffer = moved;
    *capacity = larger;
    return SPIRAL_OK;
}

/* One member after another, until the bytes are used up. Bytes after the last member that are not a member
 * are ignored, as gzip does. */
static spiral_status inflate_all(z_stream *z, unsigned char **buffer, size_t *size, spiral_error *err) {
    size_t capacity = (size_t)1 << 16, members = 0;
    *size = 0;
    *buffer = malloc(capacity);
    if (!*buffer) return spiral__no_memory(err, capacity);
    for (;;) {
        if (*size == capacity) SPIRAL_TRY(grow(buffer, &capacity, err));
        z->next_out = *buffer + *size;
        z->avail_out = (uInt)(capacity - *size);
        const int result = inflate(z, Z_NO_FLUSH);
        *size = capacity - z->avail_out;
        if (*size > DECOMPRESSED_LIMIT)
            return spiral__fail(err, SPIRAL_TOO_BIG, -1,
                                "larger than %zu bytes, the limit, when decompressed", DECOMPRESSED_LIMIT);
        if (result == Z_MEM_ERROR) return spiral__no_memory(err, 0);
        if (result == Z_STREAM_END) {
            members++;
            if (!z->avail_in || inflateReset(z) != Z_OK) return SPIRAL_OK;
        } else if (result != Z_OK && members && z->total_out == 0) {
            return SPIRAL_OK;
        } else if (result == Z_BUF_ERROR && !z->avail_in) {
            return spiral__fail(err, SPIRAL_FORMAT, -1, "its gzip data end too early");
        } else if (result != Z_OK) {
            return spiral__fail(err, SPIRAL_FORMAT, -1, "its gzip data are damaged");
        }
    }
}

static spiral_status read_gzip(const unsigned char *bytes, size_t size, spiral_midi *midi,
                               spiral_error *err) {
    enum { GZIP_ONLY = 16 };
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)bytes, /* which it does not write to */
                  .avail_in = (uInt)size};
    unsigned char *buffer = NULL;
    size_t n = 0;
    if (inflateInit2(&z, GZIP_ONLY + MAX_WBITS) != Z_OK) return spiral__no_memory(err, 0);
    spiral_status status = inflate_all(&z, &buffer, &n, err);
    inflateEnd(&z);
    if (status == SPIRAL_OK) status = spiral_midi_read(buffer, n, midi, err);
    free(buffer);
    return status;
}

#else

static spiral_status read_gzip(const unsigned char *bytes, size_t size, spiral_midi *midi,
                               spiral_error *err) {
    (void)bytes, (void)size, (void)midi;
    return spiral__fail(err, SPIRAL_UNSUPPORTED, -1,
                        "it is compressed with gzip, and this build has no zlib; gzip -d decompresses it");
}

#endif

spiral_status spiral__midi_read_compressed(const unsigned char *bytes, size_t size, spiral_midi *midi,
                                           spiral_error *err) {
    *midi = (spiral_midi){0};
    const int gzip = size > 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
    return gzip ? read_gzip(bytes, size, midi, err) : spiral_midi_read(bytes, size, midi, err);
}

spiral_status spiral_midi_load_compressed(const char *path, spiral_midi *midi, spiral_error *err) {
    unsigned char *bytes;
    size_t size;
    *midi = (spiral_midi){0};
    SPIRAL_TRY(spiral__file_read(path, COMPRESSED_LIMIT, &bytes, &size, err));
    spiral_status status = spiral__midi_read_compressed(bytes, size, midi, err);
    free(bytes);
    return status == SPIRAL_OK ? status : spiral__error_prefix(err, status, spiral__input_name(path));
}
