/* SPDX-License-Identifier: MIT
 *
 * The piano roll: time to the right, keys upwards, long rolls wrapped into systems like a score. With a
 * reference, notes are coloured by agreement. The page itself is canvas.h.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "spiral/plot.h"
#include "plot/canvas.h"
#include "roll/roll_check.h"

enum { MOST_COLUMNS = 1 << 21, MOST_SYSTEMS = 10 /* or so */, WIDEST = 1100 /* points */ };
#define LEFT     62. /* points: octave names and the keyboard */
#define RIGHT    22.
#define HEAD     46. /* title and legend */
#define AXIS     30. /* time labels below a system, and the gap to the next */
#define KEYBOARD 18.

/* Which notes there are, and how each is drawn. */
typedef enum mark { SILENT, PLAIN, HIT, MISSED, STRAY } mark;

typedef struct layout {
    const spiral_roll *roll, *reference; /* reference may be NULL */
    size_t columns, system_columns, systems;
    int low, high;      /* keys drawn */
    double column, row; /* points */
    double unit;        /* columns per second or quarter note */
    double label, tick; /* units between labels, between grid lines */
} layout;

static int cell(const spiral_keys *plane, size_t columns, size_t i, int key) {
    return plane && i < columns && spiral_keys_get(&plane[i], key);
}

static mark mark_at(const layout *l, size_t i, int key) {
    int sounds = cell(l->roll->sounding, l->roll->frames, i, key);
    if (!l->reference) return sounds ? PLAIN : SILENT;
    int wanted = cell(l->reference->sounding, l->reference->frames, i, key);
    return sounds ? (wanted ? HIT : STRAY) : wanted ? MISSED : SILENT;
}

static int struck_at(const layout *l, mark m, size_t i, int key) {
    const spiral_roll *r = m == MISSED ? l->reference : l->roll;
    return cell(r->onsets, r->frames, i, key);
}

static void widen_range(const spiral_roll *roll, int *low, int *high) {
    uint64_t all[2] = {0, 0};
    for (size_t i = 0; i < roll->frames; i++)
        for (int w = 0; w < 2; w++) all[w] |= roll->sounding[i].word[w];
    for (int key = 0; key < SPIRAL_KEY_COUNT; key++)
        if (all[key >> 6] >> (key & 63) & 1) {
            if (key < *low) *low = key;
            if (key > *high) *high = key;
        }
}

/* The keys that sound, a little air around them, and never less than an octave and a half. */
static void choose_keys(layout *l) {
    int low = SPIRAL_KEY_COUNT, high = -1;
    widen_range(l->roll, &low, &high);
    if (l->reference) widen_range(l->reference, &low, &high);
    if (high < 0) low = 48, high = 83;
    low -= 2, high += 2;
    while (high - low + 1 < 18) low--, high++;
    l->low = low < 0 ? 0 : low;
    l->high = high > 127 ? 127 : high;
}

/* The smallest step that leaves 58 points between two labels, and a finer one for the grid lines. */
static void choose_steps(layout *l) {
    static const double seconds[][2] = {{.01, .01}, {.02, .01},  {.05, .01}, {.1, .02}, {.2, .05},
                                        {.5, .1},   {1, .2},     {2, .5},    {5, 1},    {10, 2},
                                        {15, 5},    {30, 10},    {60, 15},   {120, 30}, {300, 60},
                                        {600, 120}, {1800, 300}, {3600, 600}};
    static const double quarters[][2] = {{1, .25},  {2, .5},    {4, 1},      {8, 2},
                                         {16, 4},   {32, 8},    {64, 16},    {128, 32},
                                         {256, 64}, {512, 128}, {1024, 256}, {4096, 1024}};
    int beats = l->roll->grid.kind == SPIRAL_GRID_BEATS;
    const double(*steps)[2] = beats ? quarters : seconds;
    int n = beats ? sizeof quarters / sizeof *quarters : sizeof seconds / sizeof *seconds, i = 0;
    double unit = l->unit * l->column; /* points */
    while (i + 1 < n && steps[i][0] * unit < 58) i++;
    l->label = steps[i][0];
    l->tick = steps[i][1] * unit < 4 ? l->label : steps[i][1];
}

/* Short rolls are drawn large, long ones at a natural pace over several systems, very long ones closer. */
static void choose_scale(layout *l) {
    double natural = (l->roll->grid.kind == SPIRAL_GRID_BEATS ? 24 : 40) / l->unit;
    double n = l->columns ? (double)l->columns : 1;
    l->column = fmin(14, WIDEST / n);
    if (l->column < natural) l->column = fmin(natural, MOST_SYSTEMS * WIDEST / n);
    size_t fit = (size_t)fmax(1, floor(WIDEST / l->column + 1e-9));
    double whole = l->roll->grid.kind == SPIRAL_GRID_BEATS ? 4 * l->unit : l->unit;
    if (fit < l->columns && (double)fit >= 4 * whole) /* break between bars or seconds */
        fit = (size_t)(floor((double)fit / whole) * whole);
    l->system_columns = fit < l->columns ? fit : l->columns;
    l->systems = l->columns ? (l->columns + fit - 1) / fit : 1;
    double rows = l->high - l->low + 1;
    l->row = l->systems == 1 ? fmin(9, fmax(3, 320 / rows)) : fmin(6, fmax(2.4, 190 / rows));
    choose_steps(l);
}

static double key_y(const layout *l, int key) { return (l->high - key) * l->row; }

/* Rows in the shades of the keyboard, a line under every C. */
static void draw_rows(cairo_t *cr, const layout *l, double width) {
    char name[KEY_NAME];
    for (int key = l->low; key <= l->high; key++) {
        double y = key_y(l, key);
        spiral__ink(cr, spiral__is_black(key) ? 0xedf1f5 : 0xfafbfc, 1);
        cairo_rectangle(cr, 0, y, width, l->row);
        cairo_fill(cr);
    }
    cairo_set_line_width(cr, .8);
    spiral__font(cr, 9, 0);
    for (int key = l->low; key <= l->high; key++) {
        double y = key_y(l, key) + l->row;
        if (key % 12 && key % 12 != 5) continue;
        spiral__ink(cr, key % 12 ? LINE_FAINT : 0xb8c4cf, 1);
        spiral__segment(cr, 0, y, width, y);
        if (key % 12) continue;
        spiral__ink(cr, INK_SOFT, 1);
        spiral__text(cr, -KEYBOARD - 10, y - l->row / 2 + 3.2, 1, spiral__key_name(key, name));
    }
}

static void draw_keyboard(cairo_t *cr, const layout *l) {
    double x = -KEYBOARD - 4, height = (l->high - l->low + 1) * l->row;
    spiral__ink(cr, PAPER, 1);
    cairo_rectangle(cr, x, 0, KEYBOARD, height);
    cairo_fill(cr);
    for (int key = l->low; key <= l->high; key++) {
        double y = key_y(l, key);
        if (spiral__is_black(key)) { /* the white keys on both sides meet behind its middle */
            spiral__ink(cr, LINE, 1);
            cairo_set_line_width(cr, .6);
            spiral__segment(cr, x, y + l->row / 2, x + KEYBOARD, y + l->row / 2);
            spiral__ink(cr, 0x3e4c59, 1);
            cairo_rectangle(cr, x, y + l->row * .08, KEYBOARD * .6, l->row * .84);
            cairo_fill(cr);
        } else if (key % 12 == 0 || key % 12 == 5) {
            spiral__ink(cr, LINE, 1);
            cairo_set_line_width(cr, .6);
            spiral__segment(cr, x, y + l->row, x + KEYBOARD, y + l->row);
        }
    }
    spiral__ink(cr, 0xb8c4cf, 1);
    cairo_set_line_width(cr, .8);
    cairo_rectangle(cr, x, 0, KEYBOARD, height);
    cairo_stroke(cr);
}

static const char *time_text(const layout *l, double units, char *buffer, size_t size) {
    if (l->roll->grid.kind == SPIRAL_GRID_BEATS) {
        snprintf(buffer, size, "%.0f", units);
    } else if (l->label < 1) {
        snprintf(buffer, size, "%.*f", l->label < .1 ? 2 : 1, units);
    } else if ((double)l->columns / l->unit < 60) {
        snprintf(buffer, size, "%.0f", units);
    } else {
        long s = lround(units);
        snprintf(buffer, size, "%ld:%02ld", s / 60, s % 60);
    }
    return buffer;
}

static const char *time_name(const layout *l) {
    if (l->roll->grid.kind == SPIRAL_GRID_BEATS) return "quarters";
    return l->label >= 1 && (double)l->columns / l->unit >= 60 ? "min:s" : "seconds";
}

/* Grid lines of columns first .. first + n, with labels below. */
static void draw_time(cairo_t *cr, const layout *l, size_t first, size_t n) {
    double height = (l->high - l->low + 1) * l->row, from = (double)first / l->unit;
    double to = (double)(first + n) / l->unit;
    long per_label = lround(l->label / l->tick);
    char text[32];
    spiral__font(cr, 9, 0);
    for (long k = (long)ceil(from / l->tick - 1e-6); (double)k * l->tick <= to + 1e-6; k++) {
        double units = (double)k * l->tick, x = (units * l->unit - (double)first) * l->column;
        int labelled = k % per_label == 0;
        cairo_set_line_width(cr, labelled ? .8 : .5);
        spiral__ink(cr, labelled ? 0xc4ced8 : 0xdfe5eb, 1);
        spiral__segment(cr, x, 0, x, height + (labelled ? 4 : 0));
        if (!labelled) continue;
        spiral__ink(cr, INK_SOFT, 1);
        spiral__text(cr, x, height + 14, .5, time_text(l, units, text, sizeof text));
    }
    spiral__ink(cr, INK_FAINT, 1);
    spiral__text(cr, -19, height + 14, 1, time_name(l));
}

static int colour_of(mark m) { return m == STRAY ? ORANGE : m == MISSED ? VERMILION : BLUE; }

static void draw_note(cairo_t *cr, mark m, double x, double y, double w, double h) {
    double radius = fmin(2.4, h * .35);
    if (m == MISSED && w > 3 && h > 2.4) { /* hollow: told from a stray note without its colour */
        double pen = fmin(1.2, h * .25);
        spiral__box(cr, x + pen / 2, y + pen / 2, w - pen, h - pen, radius);
        spiral__ink(cr, PAPER, .85);
        cairo_fill_preserve(cr);
        spiral__ink(cr, VERMILION, 1);
        cairo_set_line_width(cr, pen);
        cairo_stroke(cr);
        return;
    }
    spiral__box(cr, x, y, w, h, radius);
    spiral__ink(cr, colour_of(m), m == MISSED ? .45 : 1);
    cairo_fill(cr);
}

/* One row of a system: a rectangle for every stretch of equal marks, a new one where a note is struck. */
static void draw_row_notes(cairo_t *cr, const layout *l, int key, size_t first, size_t n) {
    double y = key_y(l, key) + l->row * .06, h = l->row * .88;
    mark now = SILENT;
    size_t since = first;
    for (size_t i = first; i <= first + n; i++) {
        mark m = i < first + n ? mark_at(l, i, key) : SILENT;
        if (m == now && !(m && struck_at(l, m, i, key))) continue;
        if (now) {
            double x = (double)(since - first) * l->column, w = (double)(i - since) * l->column;
            draw_note(cr, now, x, y, fmax(.7, w - fmin(.8, w * .15)), h);
        }
        now = m;
        since = i;
    }
}

static void draw_system(cairo_t *cr, const layout *l, size_t system) {
    size_t first = system * l->system_columns, left = l->columns - first;
    size_t n = left < l->system_columns ? left : l->system_columns;
    double height = (l->high - l->low + 1) * l->row;
    cairo_save(cr);
    cairo_translate(cr, LEFT, HEAD + (double)system * (height + AXIS));
    draw_rows(cr, l, (double)n * l->column);
    draw_time(cr, l, first, n);
    draw_keyboard(cr, l);
    for (int key = l->low; key <= l->high; key++) draw_row_notes(cr, l, key, first, n);
    cairo_restore(cr);
}

/* right, missed, stray: at the right end of the title's line; where it begins. */
static double draw_legend(cairo_t *cr, double x) {
    static const struct {
        mark m;
        const char *name;
    } entries[] = {{STRAY, "stray"}, {MISSED, "missed"}, {HIT, "right"}};
    spiral__font(cr, 10, 0);
    for (int i = 0; i < 3; i++) {
        x -= spiral__text_width(cr, entries[i].name);
        spiral__ink(cr, INK_SOFT, 1);
        spiral__text(cr, x, 25, 0, entries[i].name);
        x -= 22;
        draw_note(cr, entries[i].m, x, 17, 16, 9);
        x -= 14;
    }
    return x;
}

static void draw_page(cairo_t *cr, const layout *l, const char *title, double width) {
    double right = width - RIGHT;
    if (l->reference) right = draw_legend(cr, right);
    char clean[CANVAS_TEXT];
    spiral__font(cr, 14, 1);
    spiral__ink(cr, INK, 1);
    spiral__text(cr, LEFT - KEYBOARD - 4, 27, 0, spiral__clean_text(cr, title, right - LEFT, clean));
    for (size_t s = 0; s < l->systems; s++) draw_system(cr, l, s);
}

static spiral_status check(const spiral_roll *roll, const char *which, spiral_error *err) {
    const spiral_grid *g = &roll->grid;
    if (g->kind == SPIRAL_GRID_BEATS ? g->steps_per_quarter < 1 : g->frame_us < 1)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s has no grid: columns of %d %s", which,
                            g->kind == SPIRAL_GRID_BEATS ? g->steps_per_quarter : g->frame_us,
                            g->kind == SPIRAL_GRID_BEATS ? "per quarter" : "us");
    if (roll->frames > MOST_COLUMNS)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "%s has %zu columns, a picture holds %d", which,
                            roll->frames, MOST_COLUMNS);
    return SPIRAL_OK;
}

spiral_status spiral_plot_roll(const spiral_roll *roll, const spiral_roll *reference, const char *title,
                               const char *path, spiral_error *err) {
    SPIRAL_TRY(check(roll, "the roll", err));
    if (reference) SPIRAL_TRY(check(reference, "the reference", err));
    if (reference && !spiral__grid_equal(&roll->grid, &reference->grid))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the roll and its reference are on different grids");
    layout l = {.roll = roll, .reference = reference, .columns = roll->frames};
    if (reference && reference->frames > l.columns) l.columns = reference->frames;
    l.unit = roll->grid.kind == SPIRAL_GRID_BEATS ? roll->grid.steps_per_quarter : 1e6 / roll->grid.frame_us;
    choose_keys(&l);
    choose_scale(&l);
    double width = fmax(420, LEFT + (double)l.system_columns * l.column + RIGHT);
    double height = HEAD + (double)l.systems * ((l.high - l.low + 1) * l.row + AXIS);
    canvas c;
    SPIRAL_TRY(spiral__canvas_open(path, width, height, title, &c, err));
    draw_page(c.cr, &l, title, width);
    return spiral__canvas_finish(&c, path, err);
}
