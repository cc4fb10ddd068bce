/* SPDX-License-Identifier: MIT
 *
 * Axes with round numbers (see chart.h).
 */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "plot/chart.h"

/* The smallest of 1, 2, 5 times a power of ten that is not below x > 0. */
static double round_up(double x) {
    double power = pow(10, floor(log10(x)));
    return power * (x <= power ? 1 : x <= 2 * power ? 2 : x <= 5 * power ? 5 : 10);
}

axis spiral__axis_make(double low, double high, int ticks, int whole) {
    double size = fmax(fmax(fabs(low), fabs(high)), DBL_MIN * 1e20);
    if (high - low < 1e-9 * size) { /* one value only: widen the axis */
        low -= size / 2;
        high += size / 2;
    }
    axis a = {low, high, round_up(high / ticks - low / ticks)};
    if (whole) {
        a.low = floor(low / a.step + 1e-9) * a.step;
        a.high = ceil(high / a.step - 1e-9) * a.step;
    }
    return a;
}

const char *spiral__tick_text(const axis *a, double value, char *buffer) {
    double largest = fmax(fabs(a->low), fabs(a->high));
    if (fabs(value) < a->step / 2) value = 0;
    if (largest >= 1e6 || a->step < 1e-4) {
        snprintf(buffer, 32, "%.3g", value);
    } else {
        int digits = a->step >= 1 ? 0 : (int)ceil(-log10(a->step) - 1e-9);
        snprintf(buffer, 32, "%.*f", digits, value);
    }
    return buffer;
}

double spiral__plot_x(const plot *p, double value) {
    return p->x + p->width * ((value - p->horizontal.low) / (p->horizontal.high - p->horizontal.low));
}

double spiral__plot_y(const plot *p, double value) {
    return p->y + p->height * (1 - (value - p->vertical.low) / (p->vertical.high - p->vertical.low));
}

/* The number of the first tick, and how many there are. */
static double first_tick(const axis *a, int *count) {
    double first = ceil(a->low / a->step - 1e-9);
    *count = (int)(floor(a->high / a->step + 1e-9) - first) + 1;
    return first;
}

void spiral__draw_vertical_axis(cairo_t *cr, const plot *p) {
    int count;
    double first = first_tick(&p->vertical, &count);
    char text[32];
    spiral__font(cr, 9, 0);
    cairo_set_line_width(cr, .8);
    for (int k = 0; k < count; k++) {
        double value = (first + k) * p->vertical.step, y = spiral__plot_y(p, value);
        spiral__set_colour(cr, LINE_FAINT, 1);
        spiral__segment(cr, p->x, y, p->x + p->width, y);
        spiral__set_colour(cr, INK_SOFT, 1);
        spiral__text(cr, p->x - 7, y + 3.2, 1, spiral__tick_text(&p->vertical, value, text));
    }
}

void spiral__draw_horizontal_axis(cairo_t *cr, const plot *p) {
    int count;
    double first = first_tick(&p->horizontal, &count), bottom = p->y + p->height;
    char text[32];
    spiral__font(cr, 9, 0);
    cairo_set_line_width(cr, .8);
    for (int k = 0; k < count; k++) {
        double value = (first + k) * p->horizontal.step, x = spiral__plot_x(p, value);
        spiral__set_colour(cr, LINE_FAINT, 1);
        spiral__segment(cr, x, p->y, x, bottom);
        spiral__set_colour(cr, INK_SOFT, 1);
        spiral__text(cr, x, bottom + 14, .5, spiral__tick_text(&p->horizontal, value, text));
    }
    spiral__set_colour(cr, INK_FAINT, 1);
    spiral__segment(cr, p->x, bottom, p->x + p->width, bottom);
}
