/* SPDX-License-Identifier: MIT
 *
 * Axes with round numbers, for the pictures that have axes. Lengths on the page are points, y downwards.
 */
#ifndef SPIRAL_PLOT_CHART_H
#define SPIRAL_PLOT_CHART_H

#include "plot/canvas.h"

typedef struct axis {
    double low, high, step; /* ticks at the multiples of step in low .. high */
} axis;

typedef struct plot {
    double x, y, width, height; /* where on the page */
    axis horizontal, vertical;
} plot;

/* An axis over low .. high (finite, low <= high) with about `ticks` steps of 1, 2 or 5 times a power of ten.
 * whole: it begins and ends at a tick. */
axis spiral__axis_make(double low, double high, int ticks, int whole);
/* A value on the axis as text, with as many digits as its step needs. buffer: at least 32 bytes; returned. */
const char *spiral__tick_text(const axis *a, double value, char *buffer);

double spiral__plot_x(const plot *p, double value);
double spiral__plot_y(const plot *p, double value);
void spiral__draw_vertical_axis(cairo_t *cr, const plot *p); /* horizontal grid lines, numbers left of them */
void spiral__draw_horizontal_axis(cairo_t *cr, const plot *p); /* vertical grid lines, numbers below */

#endif
