/* SPDX-License-Identifier: MIT
 *
 * Tempo maps and frame rates: from ticks to seconds and columns (see tempo.h).
 *
 * A tempo is a whole number of microseconds per quarter and a frame rate a small fraction, so a position is a
 * fraction whose numerator is summed in whole numbers: nothing drifts over a long file, and a note that lies
 * on a column's edge is seen to lie there. Read next: roll.c.
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/search.h"
#include "midi/tempo.h"

static bool whole(double x, int low, int high, int *value) {
    if (!(x >= low && x <= high)) return false;
    *value = (int)x;
    return *value == x;
}

bool spiral__smpte(double ticks_per_s, int *frames, int *ticks_per_frame) {
    static const int rates[] = {25, 24, 30};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        if (whole(ticks_per_s / rates[i], 1, 255, ticks_per_frame)) return *frames = rates[i], true;
    double drop = round(ticks_per_s * 1001 / 30000);
    if (!whole(drop, 1, 255, ticks_per_frame)) return false;
    *frames = 29;
    return fabs(ticks_per_s - spiral__smpte_rate(29, *ticks_per_frame)) < 1e-9 * ticks_per_s;
}

double spiral__smpte_rate(int frames, int ticks_per_frame) {
    return frames == 29 ? 30000.0 * ticks_per_frame / 1001 : (double)frames * ticks_per_frame;
}

static double tempo_ticks_per_s(const spiral_midi *midi, int us_per_quarter) {
    return midi->ticks_per_quarter * 1e6 / us_per_quarter;
}

void spiral__tempo_fill(spiral_midi *midi) {
    int64_t at = 0, sum = 0, us = SPIRAL__TEMPO_DEFAULT; /* sum: microseconds times ticks per quarter */
    for (size_t i = 0; i < midi->tempo_count; i++) {
        spiral_tempo *t = &midi->tempos[i];
        sum += (t->at_ticks - at) * us;
        t->at_s = midi->ticks_per_quarter ? (double)sum / (midi->ticks_per_quarter * 1e6)
                                          : (double)t->at_ticks / midi->ticks_per_s;
        at = t->at_ticks;
        us = t->us_per_quarter;
    }
}

typedef struct tempo_search {
    const spiral_tempo *tempos;
    int64_t ticks;
} tempo_search;

static int tempo_is_later(const void *context, size_t i) {
    const tempo_search *s = context;
    return s->tempos[i].at_ticks > s->ticks;
}

double spiral_midi_seconds(const spiral_midi *midi, int64_t ticks) {
    if (midi->ticks_per_quarter == 0) return midi->ticks_per_s > 0 ? (double)ticks / midi->ticks_per_s : 0;
    const tempo_search s = {midi->tempos, ticks};
    size_t later = spiral__search(midi->tempo_count, tempo_is_later, &s);
    if (later == 0) return (double)ticks / tempo_ticks_per_s(midi, SPIRAL__TEMPO_DEFAULT);
    const spiral_tempo *t = &midi->tempos[later - 1];
    return t->at_s + (double)(ticks - t->at_ticks) / tempo_ticks_per_s(midi, t->us_per_quarter);
}

/* Rate and denominator of a grid whose columns are equally many ticks all along. */
static void even_ruler(const spiral_midi *midi, spiral_grid grid, spiral__ruler *ruler) {
    int64_t rate = grid.steps_per_quarter, denominator = midi->ticks_per_quarter;
    if (denominator == 0) {
        int frames = 0, ticks_per_frame = 0;
        spiral__smpte(midi->ticks_per_s, &frames, &ticks_per_frame);
        bool drop = frames == 29; /* 1001/30000 s: in microseconds 100100/3, without common factors */
        if (grid.kind == SPIRAL_GRID_SECONDS) {
            rate = drop ? 100100 : 1000000;
            denominator = (int64_t)(drop ? 3 : frames) * ticks_per_frame * grid.frame_us;
        } else {
            rate = (int64_t)(drop ? 1001 : 1) * 2 * grid.steps_per_quarter; /* 2 quarters a second */
            denominator = (int64_t)(drop ? 30000 : frames) * ticks_per_frame;
        }
    }
    ruler->marks[0] = (spiral__mark){0, rate, 0};
    ruler->count = 1;
    ruler->denominator = denominator;
}

/* Seconds through the tempo map: microseconds times ticks_per_quarter add up. */
static void tempo_ruler(const spiral_midi *midi, spiral_grid grid, spiral__ruler *ruler) {
    spiral__mark mark = {0, SPIRAL__TEMPO_DEFAULT, 0};
    size_t n = 0;
    ruler->marks[n++] = mark;
    for (size_t i = 0; i < midi->tempo_count; i++) {
        const spiral_tempo *t = &midi->tempos[i];
        mark.start += (t->at_ticks - mark.at_ticks) * mark.rate;
        mark.at_ticks = t->at_ticks;
        mark.rate = t->us_per_quarter;
        if (mark.at_ticks == 0) n = 0;
        ruler->marks[n++] = mark;
    }
    ruler->count = n;
    ruler->denominator = (int64_t)midi->ticks_per_quarter * grid.frame_us;
}

spiral_status spiral__ruler_create(const spiral_midi *midi, spiral_grid grid, spiral__ruler *ruler,
                                   spiral_error *err) {
    bool tempos = grid.kind == SPIRAL_GRID_SECONDS && midi->ticks_per_quarter;
    size_t bytes = (1 + (tempos ? midi->tempo_count : 0)) * sizeof *ruler->marks;
    ruler->marks = malloc(bytes);
    if (!ruler->marks) return spiral__no_memory(err, bytes);
    if (tempos)
        tempo_ruler(midi, grid, ruler);
    else
        even_ruler(midi, grid, ruler);
    return SPIRAL_OK;
}

void spiral__ruler_destroy(spiral__ruler *ruler) {
    free(ruler->marks);
    ruler->marks = NULL;
}

typedef struct mark_search {
    const spiral__mark *marks;
    int64_t ticks;
} mark_search;

static int mark_is_later(const void *context, size_t i) {
    const mark_search *s = context;
    return s->marks[i].at_ticks > s->ticks;
}

int64_t spiral__ruler_at(const spiral__ruler *ruler, int64_t ticks, size_t *near) {
    const spiral__mark *marks = ruler->marks;
    size_t low = *near, high = low + 1, step = 1;
    while (marks[low].at_ticks > ticks) { /* the first mark is at tick 0 */
        high = low;
        low -= step < low ? step : low;
        step *= 2;
    }
    while (high < ruler->count && marks[high].at_ticks <= ticks) {
        low = high;
        high += step < ruler->count - high ? step : ruler->count - high;
        step *= 2;
    }
    const mark_search s = {marks + low + 1,
                           ticks}; /* marks[low] is not later; marks[high] is, or does not exist */
    low += spiral__search(high - low - 1, mark_is_later, &s);
    *near = low;
    return marks[low].start + (ticks - marks[low].at_ticks) * marks[low].rate;
}
