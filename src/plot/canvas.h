/* SPDX-License-Identifier: MIT
 *
 * A page to draw on: PNG, SVG or PDF by the path's ending, written completely or not at all. Also the drawing
 * tools of all pictures: colours, text, rounded boxes. Lengths are points; a PNG has two pixels per point.
 */
#ifndef SPIRAL_PLOT_CANVAS_H
#define SPIRAL_PLOT_CANVAS_H

#include <cairo.h>
#include <stddef.h>

#include "base/file.h"
#include "spiral/status.h"

/* 0xRRGGBB: greys, and the palette of Okabe and Ito (2008), which colour-blind people can distinguish. */
enum {
    INK = 0x1f2933,
    INK_SOFT = 0x52606d,
    INK_FAINT = 0x9aa5b1,
    LINE = 0xd3dae1,
    LINE_FAINT = 0xe7ecf0,
    PAPER = 0xffffff,
    BLUE = 0x0072b2,
    SKY = 0x56b4e9,
    GREEN = 0x009e73,
    ORANGE = 0xe69f00,
    VERMILION = 0xd55e00,
    PURPLE = 0xcc79a7
};

typedef enum canvas_kind { CANVAS_PNG, CANVAS_SVG, CANVAS_PDF } canvas_kind;

typedef struct canvas {
    cairo_t *cr; /* draw here */
    cairo_surface_t *surface;
    canvas_kind kind;
    spiral__file file;
} canvas;

/* An empty page of width x height points. title (NULL: none) becomes the title in a PDF's metadata.
 * UNSUPPORTED: another ending. IO, NO_MEMORY. */
spiral_status spiral__canvas_open(const char *path, double width, double height, const char *title, canvas *c,
                                  spiral_error *err);
/* Writes the page and frees everything, also when it fails. IO, NO_MEMORY. */
spiral_status spiral__canvas_finish(canvas *c, const char *path, spiral_error *err);

void spiral__set_colour(cairo_t *cr, int rgb, double alpha);
void spiral__box(cairo_t *cr, double x, double y, double w, double h, double radius); /* a path */
void spiral__segment(cairo_t *cr, double x0, double y0, double x1, double y1);        /* stroked */

/* Text; x is its left edge (align 0), centre (.5) or right edge (1), y its baseline. */
void spiral__font(cairo_t *cr, double size, int bold);
double spiral__text_width(cairo_t *cr, const char *text);
void spiral__text(cairo_t *cr, double x, double y, double align, const char *text);
/* Text centred on (x, y) with a white outline, to be read over lines. */
void spiral__text_outlined(cairo_t *cr, double x, double y, const char *text);

/* text as cairo can draw it: bytes that are not UTF-8 become '?', control characters become spaces, and what
 * does not fit into CANVAS_TEXT bytes or into `width` points of the current font (0: any) ends in "...". NULL
 * gives "". Returns buffer. */
enum { CANVAS_TEXT = 256 };
const char *spiral__clean_text(cairo_t *cr, const char *text, double width, char buffer[CANVAS_TEXT]);

/* "C#4" for 61. */
enum { KEY_NAME = 16 };
const char *spiral__key_name(int key, char buffer[KEY_NAME]);
static inline int spiral__is_black(int key) { return 0x54a >> key % 12 & 1; }

#endif
