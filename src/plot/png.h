/* SPDX-License-Identifier: MIT
 *
 * Writing an image as a PNG file.
 */
#ifndef SPIRAL_PLOT_PNG_H
#define SPIRAL_PLOT_PNG_H

#include <cairo.h>
#include <stdio.h>

/* image: of format RGB24, flushed. NO_MEMORY; WRITE_ERROR with errno. */
cairo_status_t spiral__png_write(cairo_surface_t *image, FILE *stream);

#endif
