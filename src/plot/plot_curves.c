/* SPDX-License-Identifier: MIT
 *
 * Curves over a common axis. A value that is not finite leaves a gap.
 */
#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "spiral/plot.h"
#include "plot/canvas.h"
#include "plot/chart.h"

#define WIDTH  760.
#define LEFT   70.
#define RIGHT  24.
#define HEAD   44.
#define HEIGHT 340. /* of the plot */
#define FOOT   48.

/* Different colours first, then different dashes. */
static void choose_pen(cairo_t *cr, size_t i) {
    static const int colours[] = {BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, INK};
    static const double dashes[][2] = {{1, 0}, {7, 3}, {2, 3}};
    enum { COLOURS = sizeof colours / sizeof *colours };
    spiral__set_colour(cr, colours[i % COLOURS], 1);
    size_t dash = i / COLOURS % 3;
    cairo_set_dash(cr, dashes[dash], dash ? 2 : 0, 0);
    cairo_set_line_width(cr, 1.8);
}

static int finite_point(const spiral_plot_series *s, size_t i) {
    return isfinite(s->x[i]) && isfinite(s->y[i]);
}

/* The bounds of all finite points. Returns 0 if there is none. */
static int bounds(const spiral_plot_series *series, size_t count, double box[4] /* x, x, y, y */) {
    int any = 0;
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < series[k].n; i++) {
            if (!finite_point(&series[k], i)) continue;
            double x = series[k].x[i], y = series[k].y[i];
            box[0] = any ? fmin(box[0], x) : x;
            box[1] = any ? fmax(box[1], x) : x;
            box[2] = any ? fmin(box[2], y) : y;
            box[3] = any ? fmax(box[3], y) : y;
            any = 1;
        }
    return any;
}

/* The names of the curves in rows, the first at y; drawn if draw is set. Returns the y of the last row. */
static double legend(cairo_t *cr, const spiral_plot_series *series, size_t count, double y, int draw) {
    double x = LEFT;
    char clean[CANVAS_TEXT];
    spiral__font(cr, 10, 0);
    for (size_t k = 0; k < count; k++) {
        const char *name = spiral__clean_text(cr, series[k].name, WIDTH - LEFT - RIGHT - 40, clean);
        double width = 24 + spiral__text_width(cr, name);
        if (x > LEFT && x + width > WIDTH - RIGHT) {
            x = LEFT;
            y += 16;
        }
        if (draw) {
            choose_pen(cr, k);
            spiral__segment(cr, x, y - 3.5, x + 18, y - 3.5);
            cairo_set_dash(cr, NULL, 0, 0);
            spiral__set_colour(cr, INK_SOFT, 1);
            spiral__text(cr, x + 24, y, 0, name);
        }
        x += width + 20;
    }
    return y;
}

static void draw_curve(cairo_t *cr, const plot *p, const spiral_plot_series *s) {
    for (size_t i = 0, since = 0; i <= s->n; i++) {
        if (i < s->n && finite_point(s, i)) {
            if (i == since) cairo_move_to(cr, spiral__plot_x(p, s->x[i]), spiral__plot_y(p, s->y[i]));
            cairo_line_to(cr, spiral__plot_x(p, s->x[i]), spiral__plot_y(p, s->y[i]));
            continue;
        }
        since = i + 1;
    }
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND); /* so that a single point is a dot */
    cairo_stroke(cr);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_BUTT);
}

static void draw_titles(cairo_t *cr, const plot *p, const char *title, const char *x_name,
                        const char *y_name) {
    char clean[CANVAS_TEXT];
    spiral__set_colour(cr, INK, 1);
    spiral__font(cr, 14, 1);
    spiral__text(cr, LEFT, 27, 0, spiral__clean_text(cr, title, p->width, clean));
    spiral__set_colour(cr, INK_SOFT, 1);
    spiral__font(cr, 10, 0);
    spiral__text(cr, p->x + p->width / 2, p->y + p->height + 34, .5,
                 spiral__clean_text(cr, x_name, p->width, clean));
    cairo_save(cr);
    cairo_translate(cr, 18, p->y + p->height / 2);
    cairo_rotate(cr, -acos(0));
    spiral__text(cr, 0, 0, .5, spiral__clean_text(cr, y_name, p->height, clean));
    cairo_restore(cr);
}

/* The y of the legend's last row, measured on a surface that is not drawn. */
static double legend_bottom(const spiral_plot_series *series, size_t count) {
    cairo_surface_t *surface = cairo_recording_surface_create(CAIRO_CONTENT_COLOR, NULL);
    cairo_t *cr = cairo_create(surface);
    double y = legend(cr, series, count, HEAD + 4, 0);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    return y;
}

spiral_status spiral_plot_curves(const spiral_plot_series *series, size_t count, const char *title,
                                 const char *x_name, const char *y_name, const char *path,
                                 spiral_error *err) {
    double box[4];
    if (!bounds(series, count, box))
        return spiral__fail(err, SPIRAL_NO_DATA, -1, "%s: no curve has a finite point to draw", path);
    double top = legend_bottom(series, count) + 16;
    plot p = {LEFT,
              top,
              WIDTH - LEFT - RIGHT,
              HEIGHT,
              spiral__axis_make(box[0], box[1], 8, 0),
              spiral__axis_make(box[2], box[3], 6, 1)};
    canvas c;
    SPIRAL_TRY(spiral__canvas_open(path, WIDTH, top + HEIGHT + FOOT, title, &c, err));
    draw_titles(c.cr, &p, title, x_name, y_name);
    legend(c.cr, series, count, HEAD + 4, 1);
    spiral__draw_vertical_axis(c.cr, &p);
    spiral__draw_horizontal_axis(c.cr, &p);
    for (size_t k = 0; k < count; k++) {
        choose_pen(c.cr, k);
        draw_curve(c.cr, &p, &series[k]);
    }
    cairo_set_dash(c.cr, NULL, 0, 0);
    return spiral__canvas_finish(&c, path, err);
}
