/* SPDX-License-Identifier: MIT
 *
 * PNG by libpng. Most rows of our pictures equal the row above or differ from it in few places: with the
 * filter "Up" they are mostly zeros, which the fastest compression makes small. cairo's own function leaves
 * the settings at libpng's defaults, which take four times as long for files that are a third smaller.
 */
#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include "plot/png.h"

enum { BITS = 8, CHANNELS = 3, FASTEST = 1 };

/* libpng must not print. */
static void ignore_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }
static void stop(png_structp png, png_const_charp text) {
    (void)text;
    png_longjmp(png, 1);
}

static void put(png_structp png, png_bytep bytes, size_t size) {
    if (fwrite(bytes, 1, size, png_get_io_ptr(png)) != size) png_error(png, "write");
}

static void flush(png_structp png) { (void)png; }

/* Pixels of cairo, 0x00RRGGBB in the byte order of the machine, as bytes R, G, B. */
static void convert_row(const uint32_t *pixels, int width, png_bytep row) {
    for (int x = 0; x < width; x++) {
        *row++ = (png_byte)(pixels[x] >> 16);
        *row++ = (png_byte)(pixels[x] >> 8);
        *row++ = (png_byte)pixels[x];
    }
}

/* row: memory for one. 0, or -1 where libpng stopped. */
static int write_image(png_structp png, png_infop info, cairo_surface_t *image, png_bytep row) {
    const int width = cairo_image_surface_get_width(image), height = cairo_image_surface_get_height(image);
    const unsigned char *pixels = cairo_image_surface_get_data(image);
    const ptrdiff_t stride = cairo_image_surface_get_stride(image);
    if (setjmp(png_jmpbuf(png))) return -1;
    png_set_compression_level(png, FASTEST);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, BITS, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
    png_write_info(png, info);
    for (int y = 0; y < height; y++) {
        convert_row((const uint32_t *)(const void *)(pixels + y * stride), width, row);
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    return 0;
}

cairo_status_t spiral__png_write(cairo_surface_t *image, FILE *stream) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, stop, ignore_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    png_bytep row = malloc(CHANNELS * (size_t)cairo_image_surface_get_width(image));
    int failed = 1;
    if (info && row) {
        png_set_write_fn(png, stream, put, flush);
        failed = write_image(png, info, image, row);
    }
    png_destroy_write_struct(&png, &info);
    free(row);
    if (!failed) return CAIRO_STATUS_SUCCESS;
    return ferror(stream) ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_NO_MEMORY;
}
