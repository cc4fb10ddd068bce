/* SPDX-License-Identifier: MIT
 *
 * Opening and writing a page, and the drawing tools of all pictures (see canvas.h).
 */
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "plot/canvas.h"
#include "plot/png.h"
#include "spiral/plot.h"

#define PIXELS_PER_POINT 2

static cairo_status_t put(void *stream, const unsigned char *bytes, unsigned size) {
    return fwrite(bytes, 1, size, stream) == size ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static int ends_with(const char *path, const char *ending) {
    size_t n = strlen(path), m = strlen(ending);
    return n > m && !strcmp(path + n - m, ending);
}

static spiral_status kind_of(const char *path, canvas_kind *kind, spiral_error *err) {
    static const char *const endings[] = {".png", ".svg", ".pdf"};
    for (int i = 0; i < 3; i++)
        if (ends_with(path, endings[i])) return *kind = (canvas_kind)i, SPIRAL_OK;
    return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "%s: a picture's name must end in .png, .svg or .pdf",
                        path);
}

static cairo_surface_t *surface_of(canvas_kind kind, FILE *stream, double width, double height,
                                   const char *title) {
    cairo_surface_t *surface;
    switch (kind) {
    case CANVAS_SVG: return cairo_svg_surface_create_for_stream(put, stream, width, height);
    case CANVAS_PDF:
        surface = cairo_pdf_surface_create_for_stream(put, stream, width, height);
        /* cairo's default is the current time, which would make all files differ */
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");
        if (title) {
            char clean[CANVAS_TEXT];
            cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE,
                                           spiral__clean_text(NULL, title, 0, clean));
        }
        return surface;
    default:
        surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(width * PIXELS_PER_POINT),
                                             (int)ceil(height * PIXELS_PER_POINT));
        cairo_surface_set_device_scale(surface, PIXELS_PER_POINT, PIXELS_PER_POINT);
        return surface;
    }
}

static spiral_status cairo_failed(spiral_error *err, const char *path, cairo_status_t status) {
    if (status == CAIRO_STATUS_NO_MEMORY)
        return spiral__fail(err, SPIRAL_NO_MEMORY, -1, "%s: out of memory while drawing", path);
    if (status == CAIRO_STATUS_WRITE_ERROR && errno) return spiral__fail_io(err, path, "write");
    return spiral__fail(err, SPIRAL_IO, -1, "%s: cannot write: %s", path, cairo_status_to_string(status));
}

/* fontconfig needs some megabytes; it is called only if they can be allocated. */
spiral_status spiral_plot_load_fonts(spiral_error *err) {
    enum { FONT_BYTES = 32 << 20 };
    void *enough = malloc(FONT_BYTES);
    free(enough);
    if (!enough) return spiral__no_memory(err, FONT_BYTES);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t *cr = cairo_create(surface);
    for (int bold = 0; bold < 2; bold++) {
        spiral__font(cr, 10, bold);
        spiral__text_width(cr, "0");
    }
    const cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    if (status == CAIRO_STATUS_SUCCESS) return SPIRAL_OK;
    if (status == CAIRO_STATUS_NO_MEMORY)
        return spiral__fail(err, SPIRAL_NO_MEMORY, -1, "out of memory while loading fonts");
    return spiral__fail(err, SPIRAL_IO, -1, "cannot load fonts: %s", cairo_status_to_string(status));
}

spiral_status spiral__canvas_open(const char *path, double width, double height, const char *title, canvas *c,
                                  spiral_error *err) {
    *c = (canvas){0};
    SPIRAL_TRY(spiral__path_check(path, err));
    SPIRAL_TRY(kind_of(path, &c->kind, err));
    SPIRAL_TRY(spiral__file_open(path, &c->file, err));
    c->surface = surface_of(c->kind, c->file.stream, width, height, title);
    c->cr = cairo_create(c->surface);
    cairo_status_t status = cairo_status(c->cr);
    if (status != CAIRO_STATUS_SUCCESS) {
        cairo_destroy(c->cr);
        cairo_surface_destroy(c->surface);
        spiral__file_abort(&c->file);
        return cairo_failed(err, path, status);
    }
    spiral__set_colour(c->cr, PAPER, 1);
    cairo_paint(c->cr);
    return SPIRAL_OK;
}

spiral_status spiral__canvas_finish(canvas *c, const char *path, spiral_error *err) {
    cairo_status_t status = cairo_status(c->cr);
    cairo_destroy(c->cr);
    cairo_surface_flush(c->surface);
    errno = 0;
    if (status == CAIRO_STATUS_SUCCESS && c->kind == CANVAS_PNG)
        status = spiral__png_write(c->surface, c->file.stream);
    cairo_surface_finish(c->surface);
    if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(c->surface);
    cairo_surface_destroy(c->surface);
    if (status == CAIRO_STATUS_SUCCESS) return spiral__file_finish(&c->file, err);
    spiral_status failed = cairo_failed(err, path, status);
    spiral__file_abort(&c->file);
    return failed;
}

void spiral__set_colour(cairo_t *cr, int rgb, double alpha) {
    cairo_set_source_rgba(cr, (rgb >> 16 & 255) / 255., (rgb >> 8 & 255) / 255., (rgb & 255) / 255., alpha);
}

void spiral__box(cairo_t *cr, double x, double y, double w, double h, double radius) {
    double r = fmin(radius, fmin(w, h) / 2), quarter = acos(0);
    cairo_new_sub_path(cr);
    if (r < .4) { /* too small for round corners */
        cairo_rectangle(cr, x, y, w, h);
        return;
    }
    cairo_arc(cr, x + w - r, y + r, r, -quarter, 0);
    cairo_arc(cr, x + w - r, y + h - r, r, 0, quarter);
    cairo_arc(cr, x + r, y + h - r, r, quarter, 2 * quarter);
    cairo_arc(cr, x + r, y + r, r, 2 * quarter, 3 * quarter);
    cairo_close_path(cr);
}

void spiral__segment(cairo_t *cr, double x0, double y0, double x1, double y1) {
    cairo_move_to(cr, x0, y0);
    cairo_line_to(cr, x1, y1);
    cairo_stroke(cr);
}

void spiral__font(cairo_t *cr, double size, int bold) {
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, size);
}

double spiral__text_width(cairo_t *cr, const char *text) {
    cairo_text_extents_t extents;
    cairo_text_extents(cr, text, &extents);
    return extents.x_advance;
}

void spiral__text(cairo_t *cr, double x, double y, double align, const char *text) {
    cairo_move_to(cr, x - align * spiral__text_width(cr, text), y);
    cairo_show_text(cr, text);
}

void spiral__text_outlined(cairo_t *cr, double x, double y, const char *text) {
    cairo_text_extents_t extents;
    cairo_text_extents(cr, text, &extents);
    cairo_move_to(cr, x - extents.x_bearing - extents.width / 2, y - extents.y_bearing - extents.height / 2);
    cairo_text_path(cr, text);
    cairo_path_t *outline = cairo_copy_path(cr);
    cairo_save(cr);
    spiral__set_colour(cr, PAPER, .9);
    cairo_set_line_width(cr, 4);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_stroke(cr);
    cairo_restore(cr);
    cairo_append_path(cr, outline);
    cairo_path_destroy(outline);
    cairo_fill(cr);
}

/* The length in bytes of the UTF-8 character at s (RFC 3629, section 4); 0 if there is none. */
static size_t utf8_length(const unsigned char *s) {
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xc2 && s[0] < 0xe0   ? 2
               : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0; /* overlong, a surrogate, or beyond U+10FFFF */
    return n;
}

/* Drops the last character and ends in "..." until the text fits. */
static void shorten(cairo_t *cr, double width, char *buffer) {
    while (*buffer && spiral__text_width(cr, buffer) > width) {
        size_t n = strlen(buffer), dots = n > 3 && !strcmp(buffer + n - 3, "...") ? 3 : 0;
        for (n -= dots; n && ((unsigned char)buffer[n - 1] & 0xc0) == 0x80;) n--;
        if (n) n--;
        if (!n) {
            *buffer = 0;
            return;
        }
        memcpy(buffer + n, "...", 4); /* fits: cleaned text leaves four bytes free */
    }
}

const char *spiral__clean_text(cairo_t *cr, const char *text, double width, char buffer[CANVAS_TEXT]) {
    size_t n = 0;
    for (const unsigned char *s = (const unsigned char *)(text ? text : ""); *s;) {
        size_t length = utf8_length(s);
        if (n + 8 > CANVAS_TEXT) {
            memcpy(buffer + n, "...", 3);
            n += 3;
            break;
        }
        if (length > 1)
            memcpy(buffer + n, s, length);
        else
            buffer[n] = length == 0 ? '?' : *s < 0x20 || *s == 0x7f ? ' ' : (char)*s;
        n += length > 1 ? length : 1;
        s += length ? length : 1;
    }
    buffer[n] = 0;
    if (width > 0) shorten(cr, width, buffer);
    return buffer;
}

const char *spiral__key_name(int key, char buffer[KEY_NAME]) {
    static const char names[12][3] = {"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
    snprintf(buffer, KEY_NAME, "%s%d", names[key % 12], key / 12 - 1);
    return buffer;
}
