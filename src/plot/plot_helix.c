/* SPDX-License-Identifier: MIT
 *
 * The pitch helix as a coil with named keys, and below it the cost of each interval. The coil shows which
 * keys are neighbours. Its proportions are not those of the helix; distances are given as numbers.
 */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "spiral/plot.h"
#include "plot/canvas.h"
#include "plot/chart.h"

#define WIDTH  780.
#define TITLE  58.
#define RADIUS 255. /* half the coil's width */
#define CHART  150. /* height of a chart's plot */

/* The coil in the picture, seen a little from above: the front half is lower than the back half. */
typedef struct coil {
    int low, high;
    double x, y; /* of the axis at key `low` */
    double rise; /* points per turn, upwards */
    double tilt; /* half the height of the ellipse that a turn would be without its rise */
} coil;

typedef struct spot {
    double x, y, depth; /* depth 1 in front, -1 behind */
} spot;

/* C is a quarter of a semitone's angle to the right of the middle, so that no key of the front half covers
 * one of the back half where the coil crosses itself. */
static spot spot_of(const coil *c, double key) {
    double turn = acos(-1.) / 6, angle = turn * (fmod(key, 12) + .25);
    return (spot){c->x + RADIUS * sin(angle), c->y - c->rise * (key - c->low) / 12 + c->tilt * cos(angle),
                  cos(angle)};
}

static coil coil_of(int low, int high) {
    double turns = (high - low) / 12.;
    coil c = {low, high, WIDTH / 2, 0, fmin(118, fmax(64, 620 / fmax(turns, 1))), 0};
    c.tilt = c.rise / 2;
    double top = 0, bottom = 0; /* of the coil, with the axis at key `low` as origin */
    for (int key = low; key <= high; key++) {
        spot s = spot_of(&c, key);
        top = fmin(top, s.y);
        bottom = fmax(bottom, s.y);
    }
    c.y = TITLE + 22 - top;
    return c;
}

static double coil_bottom(const coil *c) {
    double bottom = 0;
    for (int key = c->low; key <= c->high; key++) bottom = fmax(bottom, spot_of(c, key).y);
    return bottom + 24;
}

/* A colour mixed with white: all colour at strength 1, 22 % at strength 0. */
static void set_mixed_colour(cairo_t *cr, int rgb, double strength) {
    double a = .22 + .78 * strength;
    cairo_set_source_rgb(cr, 1 - a * (1 - (rgb >> 16 & 255) / 255.), 1 - a * (1 - (rgb >> 8 & 255) / 255.),
                         1 - a * (1 - (rgb & 255) / 255.));
}

/* Depths are rounded to steps: each stretch of the line within a step is one path of one colour and width. */
enum { DEPTHS = 12, PIECES = 8 /* per semitone */ };
static int depth_step(double depth) { return (int)fmin((depth + 1) / 2 * DEPTHS, DEPTHS - 1); }

/* The front or back half of the coil's line: thick and dark in front, thin and pale behind. */
static void draw_line(cairo_t *cr, const coil *c, int front) {
    const int count = (c->high - c->low) * PIECES;
    int open = -1; /* the step of the path that is being drawn; -1: none */
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    for (int i = 0; i <= count; i++) {
        const spot a = spot_of(c, c->low + (double)i / PIECES), b = spot_of(c, c->low + (i + 1.) / PIECES);
        const double depth = (a.depth + b.depth) / 2;
        const int step = i < count && (depth >= 0) == front ? depth_step(depth) : -1;
        if (step != open && open >= 0) {
            const double middle = 2 * (open + .5) / DEPTHS - 1;
            set_mixed_colour(cr, 0x7b8794, .5 + .5 * middle); /* opaque: paths overlap at their ends */
            cairo_set_line_width(cr, 2.6 + 1.6 * middle);
            cairo_stroke(cr);
        }
        if (step != open && step >= 0) cairo_move_to(cr, a.x, a.y);
        if (step >= 0) cairo_line_to(cr, b.x, b.y);
        open = step;
    }
}

static void draw_key(cairo_t *cr, const coil *c, int key) {
    spot s = spot_of(c, key);
    double radius = 11.2 + 2.6 * s.depth, fade = .72 + .28 * s.depth;
    int black = spiral__is_black(key);
    char name[KEY_NAME];
    cairo_new_sub_path(cr);
    cairo_arc(cr, s.x, s.y, radius, 0, 4 * acos(0));
    spiral__set_colour(cr, PAPER, 1); /* hides the line behind */
    cairo_fill_preserve(cr);
    spiral__set_colour(cr, key % 12 == 0 ? BLUE : black ? 0x3e4c59 : 0xf5f7fa, fade);
    cairo_fill_preserve(cr);
    spiral__set_colour(cr, key % 12 == 0 ? BLUE : 0x3e4c59, fade);
    cairo_set_line_width(cr, 1.1 + .3 * s.depth);
    cairo_stroke(cr);
    spiral__font(cr, round(8.4 + 1.6 * s.depth),
                 key % 12 == 0); /* SVG files contain the letters of each size */
    spiral__set_colour(cr, black || key % 12 == 0 ? PAPER : INK, fade);
    cairo_text_extents_t e;
    spiral__key_name(key, name);
    cairo_text_extents(cr, name, &e);
    cairo_move_to(cr, s.x - e.x_bearing - e.width / 2, s.y - e.y_bearing - e.height / 2);
    cairo_show_text(cr, name);
}

/* The keys of the back or front half, the farthest first. */
static void draw_keys(cairo_t *cr, const coil *c, int front) {
    static const int pitch_classes[2][6] = {{6, 5, 7, 4, 8, 3}, {9, 2, 10, 1, 11, 0}};
    for (int i = 0; i < 6; i++)
        for (int key = c->low; key <= c->high; key++)
            if (key % 12 == pitch_classes[front][i]) draw_key(cr, c, key);
}

/* A line between the circles of keys a and b, with a text beside its middle. */
static void draw_span(cairo_t *cr, const coil *c, int a, int b, int rgb, double dx, double dy,
                      const char *text) {
    spot p = spot_of(c, a), q = spot_of(c, b);
    double length = hypot(q.x - p.x, q.y - p.y), ux = (q.x - p.x) / length, uy = (q.y - p.y) / length;
    double gap = 15;
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_width(cr, 3);
    spiral__set_colour(cr, rgb, 1);
    spiral__segment(cr, p.x + gap * ux, p.y + gap * uy, q.x - gap * ux, q.y - gap * uy);
    spiral__font(cr, 11, 1);
    spiral__text_outlined(cr, (p.x + q.x) / 2 + dx, (p.y + q.y) / 2 + dy, text);
}

/* One octave and one semitone, from the C nearest to the middle. */
static void draw_spans(cairo_t *cr, const coil *c, const spiral_helix *helix) {
    int from = -1;
    for (int key = c->low; key + 12 <= c->high; key++)
        if (key % 12 == 0 &&
            (from < 0 || abs(2 * key + 12 - c->low - c->high) < abs(2 * from + 12 - c->low - c->high)))
            from = key;
    char text[48];
    if (from < 0) return;
    snprintf(text, sizeof text, "octave %.2f", spiral_helix_distance(helix, 12));
    draw_span(cr, c, from, from + 12, VERMILION, -48, .22 * c->rise, text);
    snprintf(text, sizeof text, "semitone %.2f", spiral_helix_distance(helix, 1));
    draw_span(cr, c, from, from + 1, GREEN, 30, 22, text);
}

static const char *interval_name(int d, char buffer[16]) {
    static const char *const names[12] = {"P1", "m2", "M2", "m3", "M3", "P4",
                                          "TT", "P5", "m6", "M6", "m7", "M7"};
    static const char quality[12] = "PmMmMPAPmMmM";
    static const int step[12] = {1, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 7};
    if (d < 12)
        snprintf(buffer, 16, "%s", names[d]);
    else
        snprintf(buffer, 16, "%c%d", quality[d % 12], step[d % 12] + d / 12 * 7);
    return buffer;
}

/* Bars over the intervals 0 .. n-1. Names where there is room for them, and always of octaves. */
static void draw_costs(cairo_t *cr, const plot *p, int n, const double *cost, const char *title,
                       const char *text) {
    double pitch = p->width / n, bar = fmin(26, pitch * .74);
    char name[16], value[16];
    spiral__set_colour(cr, INK, 1);
    spiral__font(cr, 12, 1);
    spiral__text(cr, p->x - 28, p->y - 30, 0, title);
    spiral__set_colour(cr, INK_SOFT, 1);
    spiral__font(cr, 9.5, 0);
    spiral__text(cr, p->x - 28, p->y - 15, 0, text);
    spiral__draw_vertical_axis(cr, p);
    for (int d = 0; d < n; d++) {
        double x = p->x + (d + .5) * pitch, y = spiral__plot_y(p, cost[d]), zero = spiral__plot_y(p, 0);
        spiral__box(cr, x - bar / 2, fmin(y, zero), bar, fabs(zero - y), 2);
        spiral__set_colour(cr, d % 12 ? SKY : BLUE, 1);
        cairo_fill(cr);
        spiral__font(cr, 8, 0);
        spiral__set_colour(cr, INK_SOFT, 1);
        if (pitch >= 17 || d % 12 == 0 || (pitch >= 8 && d % 12 == 7))
            spiral__text(cr, x, p->y + p->height + 13, .5, interval_name(d, name));
        if (pitch < 19) continue;
        snprintf(value, sizeof value, "%.2f", cost[d]);
        spiral__text(cr, x, fmin(y, zero) - 3, .5, value);
    }
    spiral__set_colour(cr, INK_FAINT, 1);
    cairo_set_line_width(cr, .8);
    spiral__segment(cr, p->x, spiral__plot_y(p, 0), p->x + p->width, spiral__plot_y(p, 0));
}

static void draw_coil(cairo_t *cr, const coil *c, const spiral_helix *helix) {
    spiral__set_colour(cr, INK, 1);
    spiral__font(cr, 16, 1);
    spiral__text(cr, 36, 34, 0, "The pitch helix");
    spiral__set_colour(cr, INK_SOFT, 1);
    spiral__font(cr, 10, 0);
    spiral__text(
        cr, 36, 50, 0,
        "One turn is an octave: the same note is straight above. A semitone is one step along the line.");
    draw_line(cr, c, 0);
    draw_keys(cr, c, 0);
    draw_line(cr, c, 1);
    draw_spans(cr, c, helix);
    draw_keys(cr, c, 1);
}

static spiral_status check(int low, int high, int n, const double *substitute, const double *insert,
                           spiral_error *err) {
    if (low < 0 || high > 127 || low > high)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "keys %d to %d are not a range within 0..127", low,
                            high);
    if (n < 1 || n > 128)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%d intervals, a picture shows 1..128", n);
    for (int d = 0; d < n; d++)
        if (!isfinite(substitute[d]) || !isfinite(insert[d]))
            return spiral__fail(err, SPIRAL_NUMERIC, -1, "the cost of interval %d is not finite", d);
    return SPIRAL_OK;
}

spiral_status spiral_plot_helix(const spiral_helix *helix, int low, int high, int n, const double *substitute,
                                const double *insert, const char *path, spiral_error *err) {
    SPIRAL_TRY(check(low, high, n, substitute, insert, err));
    double least = 0, most = 0;
    for (int d = 0; d < n; d++) {
        least = fmin(least, fmin(substitute[d], insert[d]));
        most = fmax(most, fmax(substitute[d], insert[d]));
    }
    coil c = coil_of(low, high);
    double top = coil_bottom(&c) + 62;
    axis up = spiral__axis_make(least, most > least ? most : 1, 5, 1);
    plot left = {64, top, WIDTH - 64 - 36, CHART, {0, n, 1}, up}, right = left;
    right.y += CHART + 84;
    canvas page;
    SPIRAL_TRY(spiral__canvas_open(path, WIDTH, right.y + CHART + 30, "The pitch helix", &page, err));
    draw_coil(page.cr, &c, helix);
    draw_costs(page.cr, &left, n, substitute, "A wrong note",
               "cost of playing a note at this interval from the right one, in missed notes");
    draw_costs(page.cr, &right, n, insert, "An extra note",
               "cost of adding a note at this interval from the right one, in missed notes");
    return spiral__canvas_finish(&page, path, err);
}
