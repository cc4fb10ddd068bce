/* SPDX-License-Identifier: MIT
 *
 * PNG (W3C, Portable Network Graphics, second edition, 2003). Most rows of our pictures equal the row above
 * or differ from it in few places: with the filter "Up" they are mostly zeros, which the fastest compression
 * makes small. cairo's own writer tries five filters for each row and compresses more: it takes four times as
 * long for files that are a third smaller. It is used in builds without zlib.
 */
#include "plot/png.h"
#include "spiral_config.h"

#ifdef SPIRAL_HAVE_ZLIB

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { CHUNK_BYTES = 1 << 16, CHANNELS = 3, BITS = 8, TRUECOLOUR = 2, FILTER_UP = 2 };

typedef struct writer {
    FILE *stream;
    z_stream z;
    unsigned char out[CHUNK_BYTES]; /* of the present chunk */
} writer;

static unsigned char *put_u32(unsigned char *at, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) *at++ = (unsigned char)(value >> shift);
    return at;
}

static cairo_status_t put_chunk(FILE *stream, const char *type, const unsigned char *bytes, size_t size) {
    unsigned char head[8], tail[4];
    memcpy(put_u32(head, (uint32_t)size), type, 4);
    uLong sum = crc32(crc32(0, NULL, 0), head + 4, 4);
    if (size) sum = crc32(sum, bytes, (uInt)size);
    put_u32(tail, (uint32_t)sum);
    return fwrite(head, 1, sizeof head, stream) == sizeof head && fwrite(bytes, 1, size, stream) == size &&
                   fwrite(tail, 1, sizeof tail, stream) == sizeof tail
               ? CAIRO_STATUS_SUCCESS
               : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_status_t put_header(FILE *stream, int width, int height) {
    static const unsigned char signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    unsigned char header[13] = {0};
    unsigned char *at = put_u32(put_u32(header, (uint32_t)width), (uint32_t)height);
    at[0] = BITS, at[1] = TRUECOLOUR; /* the methods of compression, filters and interlace are 0 */
    if (fwrite(signature, 1, sizeof signature, stream) != sizeof signature) return CAIRO_STATUS_WRITE_ERROR;
    return put_chunk(stream, "IHDR", header, sizeof header);
}

/* flush: Z_NO_FLUSH, or Z_FINISH for the last bytes. */
static cairo_status_t compress_bytes(writer *w, unsigned char *bytes, size_t size, int flush) {
    w->z.next_in = bytes;
    w->z.avail_in = (uInt)size;
    for (int ended = 0; w->z.avail_in || (flush == Z_FINISH && !ended);) {
        ended = deflate(&w->z, flush) == Z_STREAM_END;
        if (w->z.avail_out && !ended) continue;
        const cairo_status_t status = put_chunk(w->stream, "IDAT", w->out, CHUNK_BYTES - w->z.avail_out);
        if (status != CAIRO_STATUS_SUCCESS) return status;
        w->z.next_out = w->out;
        w->z.avail_out = CHUNK_BYTES;
    }
    return CAIRO_STATUS_SUCCESS;
}

/* A row as the filter leaves it: its difference from the one above. */
static void filter_row(const uint32_t *row, const uint32_t *above, int width, unsigned char *out) {
    *out++ = FILTER_UP;
    if (above && !memcmp(row, above, (size_t)width * sizeof *row)) {
        memset(out, 0, (size_t)width * CHANNELS);
        return;
    }
    for (int x = 0; x < width; x++) {
        const uint32_t pixel = row[x], before = above ? above[x] : 0;
        *out++ = (unsigned char)((pixel >> 16) - (before >> 16));
        *out++ = (unsigned char)((pixel >> 8) - (before >> 8));
        *out++ = (unsigned char)(pixel - before);
    }
}

static cairo_status_t put_rows(writer *w, cairo_surface_t *image, unsigned char *filtered) {
    const int width = cairo_image_surface_get_width(image), height = cairo_image_surface_get_height(image);
    const unsigned char *pixels = cairo_image_surface_get_data(image);
    const ptrdiff_t stride = cairo_image_surface_get_stride(image);
    const uint32_t *above = NULL;
    cairo_status_t status = CAIRO_STATUS_SUCCESS;
    for (int y = 0; y < height && status == CAIRO_STATUS_SUCCESS; y++) {
        const uint32_t *row = (const uint32_t *)(const void *)(pixels + y * stride);
        filter_row(row, above, width, filtered);
        status =
            compress_bytes(w, filtered, 1 + (size_t)width * CHANNELS, y + 1 < height ? Z_NO_FLUSH : Z_FINISH);
        above = row;
    }
    return status;
}

cairo_status_t spiral__png_write(cairo_surface_t *image, FILE *stream) {
    const int width = cairo_image_surface_get_width(image), height = cairo_image_surface_get_height(image);
    writer *w = calloc(1, sizeof *w);
    unsigned char *filtered = malloc(1 + (size_t)width * CHANNELS);
    cairo_status_t status = CAIRO_STATUS_NO_MEMORY;
    if (w && filtered && deflateInit(&w->z, Z_BEST_SPEED) == Z_OK) {
        w->stream = stream;
        w->z.next_out = w->out;
        w->z.avail_out = CHUNK_BYTES;
        status = put_header(stream, width, height);
        if (status == CAIRO_STATUS_SUCCESS) status = put_rows(w, image, filtered);
        if (status == CAIRO_STATUS_SUCCESS) status = put_chunk(stream, "IEND", filtered, 0);
        deflateEnd(&w->z);
    }
    free(filtered);
    free(w);
    return status;
}

#else

static cairo_status_t put(void *stream, const unsigned char *bytes, unsigned size) {
    return fwrite(bytes, 1, size, stream) == size ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

cairo_status_t spiral__png_write(cairo_surface_t *image, FILE *stream) {
    return cairo_surface_write_to_png_stream(image, put, stream);
}

#endif
