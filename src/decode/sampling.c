/* SPDX-License-Identifier: MIT
 *
 * The weight of a frame (see sampling.h).
 */
#include <math.h>

#include "decode/sampling.h"
#include "helix/triad.h"

enum { SCALE = 7, NEAR = 4 /* semitones */ };

static const float FRESH = 0.004f; /* a slow mean below it: the key never sounded, or long ago */

/* Bit c: fewer than 7 pitch classes were heard more than c; of equal ones the lower counts as more. */
static unsigned foreign_classes(const spiral__moment *m) {
    const spiral__features *f = m->features;
    float heard[12] = {0};
    unsigned foreign = 0;
    for (int p = 0; p < f->P; p++) heard[p % 12] += m->history->fade[SPIRAL__SLOW][p];
    for (int c = 0; c < 12; c++) {
        int rank = 0;
        for (int k = 0; k < 12; k++) rank += heard[k] > heard[c] || (heard[k] == heard[c] && k < c);
        if (rank >= SCALE) foreign |= 1u << c;
    }
    return foreign;
}

static int count_keys(spiral_keys keys) {
    return __builtin_popcountll(keys.word[0]) + __builtin_popcountll(keys.word[1]);
}

static spiral_keys and_keys(spiral_keys a, spiral_keys b) {
    return (spiral_keys){{a.word[0] & b.word[0], a.word[1] & b.word[1]}};
}

/* Semitones beyond NEAR, over all voices that begin, from where the voice usually is. */
static int strays_of(const spiral__moment *m, const spiral__decided *d) {
    int strays = 0;
    for (int i = 0; i < d->count && i < SPIRAL__VOICES; i++) {
        const int key = m->features->low + d->key[i];
        const float mean = m->history->voice[i], apart = fabsf((float)d->key[i] - mean);
        if (mean > 0 && spiral_keys_get(&d->onsets, key) && apart > NEAR)
            strays += (int)(apart - NEAR + 0.5f);
    }
    return strays;
}

spiral__frame_events spiral__frame_events_get(const spiral__moment *m, const spiral__decided *d,
                                              int parallels) {
    const spiral__history *h = m->history;
    const spiral_keys above = spiral_keys_transpose(d->sounding, 1);
    const spiral_keys held = and_keys(d->sounding, h->sounding);
    spiral__frame_events e = {.before = m->before_count, .now = d->count};
    e.parallels = e.now == e.before ? parallels : 0;
    e.held = count_keys(held);
    e.again = count_keys(and_keys(held, d->onsets));
    e.clashes = count_keys(and_keys(d->sounding, above));
    e.changed = e.held != e.before || e.held != e.now;
    unsigned chord = 0;
    for (int i = 0; i < d->count; i++) chord |= 1u << d->key[i] % 12;
    e.on_beat = spiral__is_on_beat(m->features, h->t);
    e.no_triad = !spiral__is_triad(chord);
    e.new_chord = e.on_beat && !(h->chords[chord >> 6] >> (chord & 63) & 1);
    e.starts = count_keys(d->onsets);
    e.kept = e.starts ? e.held - e.again : 0;
    for (int i = 0; i < e.now && e.now == e.before; i++) {
        const int rise = d->key[i] - m->before[i];
        e.rises += rise > 0 ? rise : 0;
        e.falls += rise < 0 ? -rise : 0;
    }
    if (h->t <= SPIRAL__SETTLED) return e;
    const unsigned foreign = foreign_classes(m);
    e.strays = strays_of(m, d);
    for (int i = 0; i < d->count; i++) {
        if (spiral_keys_get(&h->sounding, m->features->low + d->key[i])) continue;
        e.begins++;
        e.foreign += foreign >> d->key[i] % 12 & 1;
        e.fresh += h->fade[SPIRAL__SLOW][d->key[i]] < FRESH;
    }
    return e;
}

static float at_most_0(float x) { return x < 0 ? x : 0; }

float spiral__frame_log_weight(const spiral__frame_weights *s, const spiral__frame_events *e, int voices) {
    const int class = spiral__voices_class(e->before);
    /* A density of more voices weighs against frames without more. */
    const float wanted = s->more[class] > 0 ? s->more[class] : 0;
    float w = 0;
    if (voices && e->now > e->before) w = at_most_0(s->more[class]);
    if (voices && e->now == e->before) w = -wanted;
    if (voices && e->now < e->before) w = at_most_0(s->fewer[class] - wanted);
    w += at_most_0(e->changed ? s->change[e->on_beat] : -s->change[e->on_beat]);
    w += s->no_triad * (float)e->no_triad + s->new_chord * (float)e->new_chord + s->stray * (float)e->strays;
    w += s->rise < 0 ? s->rise * (float)e->rises : -s->rise * (float)e->falls;
    w += s->fresh * (float)e->fresh + s->kept * (float)e->kept;
    w += s->foreign * (float)e->foreign + s->clash * (float)e->clashes + s->parallel * (float)e->parallels;
    return at_most_0(w);
}
