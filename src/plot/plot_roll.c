/* SPDX-License-Identifier: MIT
 *
 * The piano roll: time to the right, keys upwards. Long rolls are drawn as several systems, one below the
 * other, like lines of a score. With a reference, notes are coloured by agreement. Read next: canvas.h.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "spiral/plot.h"
#include "plot/canvas.h"
#include "roll/roll_check.h"

enum {
    FRAMES_MAX = 1 << 21,
    SYSTEMS_GOAL = 10,  /* longer rolls are drawn narrower, so that there are about this many systems */
    SYSTEM_WIDTH = 1100 /* points, the most */
};
/* Lengths in points. */
#define LEFT     62. /* octave names and the keyboard */
#define RIGHT    22.
#define HEAD     46. /* title and legend */
#define AXIS     30. /* time labels below a system, and the distance to the next */
#define KEYBOARD 18.

/* How a cell is drawn. */
typedef enum mark { SILENT, PLAIN, TRUE_POSITIVE, MISSED, FALSE_POSITIVE } mark;

typedef struct layout {
    const spiral_roll *roll, *reference; /* reference may be NULL */
    size_t frames, system_frames, systems;
    int low, high;      /* keys drawn */
    double frame, row;  /* points per frame, per key */
    double unit;        /* frames per second or per quarter note */
    double label, tick; /* units between labels, between grid lines */
} layout;

static int cell(const spiral_keys *plane, size_t frames, size_t t, int key) {
    return plane && t < frames && spiral_keys_get(&plane[t], key);
}

static mark mark_at(const layout *l, size_t t, int key) {
    int sounds = cell(l->roll->sounding, l->roll->frames, t, key);
    if (!l->reference) return sounds ? PLAIN : SILENT;
    int in_reference = cell(l->reference->sounding, l->reference->frames, t, key);
    return sounds ? (in_reference ? TRUE_POSITIVE : FALSE_POSITIVE) : in_reference ? MISSED : SILENT;
}

static int has_onset(const layout *l, mark m, size_t t, int key) {
    const spiral_roll *r = m == MISSED ? l->reference : l->roll;
    return cell(r->onsets, r->frames, t, key);
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

/* The keys that sound, two more on each side, and at least an octave and a half. */
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

/* The smallest step with 58 points or more between two labels, and a finer one for the grid lines. */
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
    double unit = l->unit * l->frame; /* points */
    while (i + 1 < n && steps[i][0] * unit < 58) i++;
    l->label = steps[i][0];
    l->tick = steps[i][1] * unit < 4 ? l->label : steps[i][1];
}

/* Short rolls are enlarged; long ones have a fixed scale and several systems; very long ones are narrower. */
static void choose_scale(layout *l) {
    double usual = (l->roll->grid.kind == SPIRAL_GRID_BEATS ? 24 : 40) / l->unit;
    double n = l->frames ? (double)l->frames : 1;
    l->frame = fmin(14, SYSTEM_WIDTH / n);
    if (l->frame < usual) l->frame = fmin(usual, SYSTEMS_GOAL * SYSTEM_WIDTH / n);
    size_t fit = (size_t)fmax(1, floor(SYSTEM_WIDTH / l->frame + 1e-9));
    double whole = l->roll->grid.kind == SPIRAL_GRID_BEATS ? 4 * l->unit : l->unit;
    if (fit < l->frames && (double)fit >= 4 * whole) /* systems begin with a bar of 4/4 or a second */
        fit = (size_t)(floor((double)fit / whole) * whole);
    l->system_frames = fit < l->frames ? fit : l->frames;
    l->systems = l->frames ? (l->frames + fit - 1) / fit : 1;
    double rows = l->high - l->low + 1;
    l->row = l->systems == 1 ? fmin(9, fmax(3, 320 / rows)) : fmin(6, fmax(2.4, 190 / rows));
    choose_steps(l);
}

static double key_y(const layout *l, int key) { return (l->high - key) * l->row; }

/* A row for each key, darker for black keys, and a line under every C. */
static void draw_rows(cairo_t *cr, const layout *l, double width) {
    char name[KEY_NAME];
    for (int key = l->low; key <= l->high; key++) {
        double y = key_y(l, key);
        spiral__set_colour(cr, spiral__is_black(key) ? 0xedf1f5 : 0xfafbfc, 1);
        cairo_rectangle(cr, 0, y, width, l->row);
        cairo_fill(cr);
    }
    cairo_set_line_width(cr, .8);
    spiral__font(cr, 9, 0);
    for (int key = l->low; key <= l->high; key++) {
        double y = key_y(l, key) + l->row;
        if (key % 12 && key % 12 != 5) continue;
        spiral__set_colour(cr, key % 12 ? LINE_FAINT : 0xb8c4cf, 1);
        spiral__segment(cr, 0, y, width, y);
        if (key % 12) continue;
        spiral__set_colour(cr, INK_SOFT, 1);
        spiral__text(cr, -KEYBOARD - 10, y - l->row / 2 + 3.2, 1, spiral__key_name(key, name));
    }
}

static void draw_keyboard(cairo_t *cr, const layout *l) {
    double x = -KEYBOARD - 4, height = (l->high - l->low + 1) * l->row;
    spiral__set_colour(cr, PAPER, 1);
    cairo_rectangle(cr, x, 0, KEYBOARD, height);
    cairo_fill(cr);
    for (int key = l->low; key <= l->high; key++) {
        double y = key_y(l, key);
        if (spiral__is_black(key)) { /* the white keys on both sides meet at its middle */
            spiral__set_colour(cr, LINE, 1);
            cairo_set_line_width(cr, .6);
            spiral__segment(cr, x, y + l->row / 2, x + KEYBOARD, y + l->row / 2);
            spiral__set_colour(cr, 0x3e4c59, 1);
            cairo_rectangle(cr, x, y + l->row * .08, KEYBOARD * .6, l->row * .84);
            cairo_fill(cr);
        } else if (key % 12 == 0 || key % 12 == 5) {
            spiral__set_colour(cr, LINE, 1);
            cairo_set_line_width(cr, .6);
            spiral__segment(cr, x, y + l->row, x + KEYBOARD, y + l->row);
        }
    }
    spiral__set_colour(cr, 0xb8c4cf, 1);
    cairo_set_line_width(cr, .8);
    cairo_rectangle(cr, x, 0, KEYBOARD, height);
    cairo_stroke(cr);
}

static const char *time_text(const layout *l, double units, char *buffer, size_t size) {
    if (l->roll->grid.kind == SPIRAL_GRID_BEATS) {
        snprintf(buffer, size, "%.0f", units);
    } else if (l->label < 1) {
        snprintf(buffer, size, "%.*f", l->label < .1 ? 2 : 1, units);
    } else if ((double)l->frames / l->unit < 60) {
        snprintf(buffer, size, "%.0f", units);
    } else {
        long s = lround(units);
        snprintf(buffer, size, "%ld:%02ld", s / 60, s % 60);
    }
    return buffer;
}

static const char *time_name(const layout *l) {
    if (l->roll->grid.kind == SPIRAL_GRID_BEATS) return "quarters";
    return l->label >= 1 && (double)l->frames / l->unit >= 60 ? "min:s" : "seconds";
}

/* Grid lines of frames first .. first + n, with labels below. */
static void draw_time(cairo_t *cr, const layout *l, size_t first, size_t n) {
    double height = (l->high - l->low + 1) * l->row, from = (double)first / l->unit;
    double to = (double)(first + n) / l->unit;
    long per_label = lround(l->label / l->tick);
    char text[32];
    spiral__font(cr, 9, 0);
    for (long k = (long)ceil(from / l->tick - 1e-6); (double)k * l->tick <= to + 1e-6; k++) {
        double units = (double)k * l->tick, x = (units * l->unit - (double)first) * l->frame;
        int labelled = k % per_label == 0;
        cairo_set_line_width(cr, labelled ? .8 : .5);
        spiral__set_colour(cr, labelled ? 0xc4ced8 : 0xdfe5eb, 1);
        spiral__segment(cr, x, 0, x, height + (labelled ? 4 : 0));
        if (!labelled) continue;
        spiral__set_colour(cr, INK_SOFT, 1);
        spiral__text(cr, x, height + 14, .5, time_text(l, units, text, sizeof text));
    }
    spiral__set_colour(cr, INK_FAINT, 1);
    spiral__text(cr, -19, height + 14, 1, time_name(l));
}

static int colour_of(mark m) { return m == FALSE_POSITIVE ? ORANGE : m == MISSED ? VERMILION : BLUE; }

static void draw_note(cairo_t *cr, mark m, double x, double y, double w, double h) {
    double radius = fmin(2.4, h * .35);
    if (m == MISSED && w > 3 && h > 2.4) { /* hollow, so that it differs in more than colour */
        double pen = fmin(1.2, h * .25);
        spiral__box(cr, x + pen / 2, y + pen / 2, w - pen, h - pen, radius);
        spiral__set_colour(cr, PAPER, .85);
        cairo_fill_preserve(cr);
        spiral__set_colour(cr, VERMILION, 1);
        cairo_set_line_width(cr, pen);
        cairo_stroke(cr);
        return;
    }
    spiral__box(cr, x, y, w, h, radius);
    spiral__set_colour(cr, colour_of(m), m == MISSED ? .45 : 1);
    cairo_fill(cr);
}

/* One row of a system: a rectangle for each run of equal marks, and a new one where a note begins. */
static void draw_row_notes(cairo_t *cr, const layout *l, int key, size_t first, size_t n) {
    double y = key_y(l, key) + l->row * .06, h = l->row * .88;
    mark now = SILENT;
    size_t since = first;
    for (size_t t = first; t <= first + n; t++) {
        mark m = t < first + n ? mark_at(l, t, key) : SILENT;
        if (m == now && !(m && has_onset(l, m, t, key))) continue;
        if (now) {
            double x = (double)(since - first) * l->frame, w = (double)(t - since) * l->frame;
            draw_note(cr, now, x, y, fmax(.7, w - fmin(.8, w * .15)), h);
        }
        now = m;
        since = t;
    }
}

static void draw_system(cairo_t *cr, const layout *l, size_t system) {
    size_t first = system * l->system_frames, left = l->frames - first;
    size_t n = left < l->system_frames ? left : l->system_frames;
    double height = (l->high - l->low + 1) * l->row;
    cairo_save(cr);
    cairo_translate(cr, LEFT, HEAD + (double)system * (height + AXIS));
    draw_rows(cr, l, (double)n * l->frame);
    draw_time(cr, l, first, n);
    draw_keyboard(cr, l);
    for (int key = l->low; key <= l->high; key++) draw_row_notes(cr, l, key, first, n);
    cairo_restore(cr);
}

/* The three marks at the right end of the title's line. Returns where the legend begins. */
static double draw_legend(cairo_t *cr, double x) {
    static const struct {
        mark m;
        const char *name;
    } entries[] = {{FALSE_POSITIVE, "false positive"}, {MISSED, "missed"}, {TRUE_POSITIVE, "true positive"}};
    spiral__font(cr, 10, 0);
    for (int i = 0; i < 3; i++) {
        x -= spiral__text_width(cr, entries[i].name);
        spiral__set_colour(cr, INK_SOFT, 1);
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
    spiral__set_colour(cr, INK, 1);
    spiral__text(cr, LEFT - KEYBOARD - 4, 27, 0, spiral__clean_text(cr, title, right - LEFT, clean));
    for (size_t s = 0; s < l->systems; s++) draw_system(cr, l, s);
}

static spiral_status check(const spiral_roll *roll, const char *which, spiral_error *err) {
    const spiral_grid *g = &roll->grid;
    if (g->kind == SPIRAL_GRID_BEATS ? g->steps_per_quarter < 1 : g->frame_us < 1)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s has no grid: frames of %d %s", which,
                            g->kind == SPIRAL_GRID_BEATS ? g->steps_per_quarter : g->frame_us,
                            g->kind == SPIRAL_GRID_BEATS ? "per quarter" : "us");
    if (roll->frames > FRAMES_MAX)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "%s has %zu frames, a picture holds %d", which,
                            roll->frames, FRAMES_MAX);
    return SPIRAL_OK;
}

spiral_status spiral_plot_roll(const spiral_roll *roll, const spiral_roll *reference, const char *title,
                               const char *path, spiral_error *err) {
    SPIRAL_TRY(check(roll, "the roll", err));
    if (reference) SPIRAL_TRY(check(reference, "the reference", err));
    if (reference && !spiral__grid_equal(&roll->grid, &reference->grid))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the roll and its reference are on different grids");
    layout l = {.roll = roll, .reference = reference, .frames = roll->frames};
    if (reference && reference->frames > l.frames) l.frames = reference->frames;
    l.unit = roll->grid.kind == SPIRAL_GRID_BEATS ? roll->grid.steps_per_quarter : 1e6 / roll->grid.frame_us;
    choose_keys(&l);
    choose_scale(&l);
    double width = fmax(420, LEFT + (double)l.system_frames * l.frame + RIGHT);
    double height = HEAD + (double)l.systems * ((l.high - l.low + 1) * l.row + AXIS);
    canvas c;
    SPIRAL_TRY(spiral__canvas_open(path, width, height, title, &c, err));
    draw_page(c.cr, &l, title, width);
    return spiral__canvas_finish(&c, path, err);
}
