/* SPDX-License-Identifier: MIT
 *
 * From ticks to seconds through the tempo map, and SMPTE frame rates (see tempo.h, midi.h).
 *
 * A tempo is a whole number of microseconds per quarter, so times are summed in whole numbers: nothing drifts
 * over a long file.
 */
#include <math.h>

#include "base/search.h"
#include "midi/tempo.h"

/* x as a whole number within low..high; false if it is not one. */
static bool whole_in_range(double x, int low, int high, int *value) {
    if (!(x >= low && x <= high)) return false;
    *value = (int)x;
    return *value == x;
}

bool spiral__smpte_from_rate(double ticks_per_s, int *frames_per_s, int *ticks_per_frame) {
    static const int rates[] = {25, 24, 30};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        if (whole_in_range(ticks_per_s / rates[i], 1, 255, ticks_per_frame))
            return *frames_per_s = rates[i], true;
    double drop = round(ticks_per_s * 1001 / 30000);
    if (!whole_in_range(drop, 1, 255, ticks_per_frame)) return false;
    *frames_per_s = 29;
    return fabs(ticks_per_s - spiral__smpte_rate(29, *ticks_per_frame)) < 1e-9 * ticks_per_s;
}

double spiral__smpte_rate(int frames_per_s, int ticks_per_frame) {
    return frames_per_s == 29 ? 30000.0 * ticks_per_frame / 1001 : (double)frames_per_s * ticks_per_frame;
}

int64_t spiral__whole_note(const spiral_midi *midi) {
    return midi->ticks_per_quarter ? 4 * (int64_t)midi->ticks_per_quarter : (int64_t)(2 * midi->ticks_per_s);
}

static double tempo_ticks_per_s(const spiral_midi *midi, int us_per_quarter) {
    return midi->ticks_per_quarter * 1e6 / us_per_quarter;
}

void spiral__tempo_fill_seconds(spiral_midi *midi) {
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
