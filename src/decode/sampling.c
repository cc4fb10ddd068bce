/* SPDX-License-Identifier: MIT
 *
 * The weight of a frame (see sampling.h).
 */
#include <math.h>

#include "decode/sampling.h"

enum { SCALE = 7 };

static const float FRESH = 0.004f; /* a slow mean below it: the key never sounded, or long ago */

/* Bit c: 7 or more pitch classes were heard more than c; of equal ones the lower counts as more. */
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

/* ---- choices ---- */

enum {
#define SPIRAL_X(id, contexts, ways) id##_FIRST, id##_LAST = id##_FIRST + (contexts) * (ways)-1,
    SPIRAL__CHOICE_LIST(SPIRAL_X)
#undef SPIRAL_X
};

const spiral__choice_shape spiral__choice_shapes[SPIRAL__CHOICES] = {
#define SPIRAL_X(id, contexts, ways) {id##_FIRST, contexts, ways},
    SPIRAL__CHOICE_LIST(SPIRAL_X)
#undef SPIRAL_X
};

static int at_most(int n, int most) { return n < most ? n : most; }

/* Ways beyond the last one count as the last. */
static void choose(spiral__frame_events *e, spiral__choice choice, int context, int way) {
    const spiral__choice_shape *s = &spiral__choice_shapes[choice];
    e->chosen[e->chosen_count++] = (uint16_t)(s->first + context * s->ways + at_most(way, s->ways - 1));
}

/* 0: two pitch classes or fewer; 1 .. 3: a major triad whose root, third or fifth is the lowest; 4 .. 6: a
 * minor one; 7 .. 10: a seventh chord, by what is the lowest; 11: diminished or augmented; 12 .. 15: other
 * sets of three, four, five, six or more. classes: bits, counted from the lowest. */
static int kind_of_chord(unsigned classes) {
    enum { MAJOR = 1, MINOR = 4, SEVENTH = 7, OTHER_TRIAD = 11, OTHER = 12 };
    static const struct {
        unsigned classes; /* counted from the root */
        int kind;
    } chords[] = {{0x091, MAJOR},   {0x089, MINOR},       {0x491, SEVENTH},
                  {0x489, SEVENTH}, {0x891, SEVENTH},     {0x449, SEVENTH},
                  {0x249, SEVENTH}, {0x049, OTHER_TRIAD}, {0x111, OTHER_TRIAD}};
    const int count = __builtin_popcount(classes);
    if (count < 3) return 0;
    for (int root = 0; root < 12; root++) {
        const unsigned from_root = (classes >> root | classes << (12 - root)) & 0xfff;
        for (size_t i = 0; i < sizeof chords / sizeof *chords; i++)
            if (chords[i].classes == from_root)
                return chords[i].kind + (chords[i].kind == OTHER_TRIAD ? 0 : (12 - root) % 12 / 3);
    }
    return OTHER + (count < 6 ? count - 3 : 3);
}

/* A move by a semitone, a tone, a third, a fourth or tritone, a fifth, more: 0 .. 5 up, 6 .. 11 down. */
static int way_of_move(int rise) {
    static const int ways[] = {0, 0, 1, 2, 2, 3, 3, 4};
    const int size = rise < 0 ? -rise : rise;
    return (rise < 0 ? 6 : 0) + (size < 8 ? ways[size] : 5);
}

/* Whole half beats that fit in frames - 1; at most QUIET - 1. */
static int half_beats(const spiral__moment *m, int frames) {
    const int half = m->features->bar / 8;
    return half ? at_most((frames - 1) / half, SPIRAL__QUIET - 1) : 0;
}

/* How long ago a key that sounds last began. */
static int half_beats_since_begin(const spiral__moment *m) {
    int age = UINT16_MAX;
    for (int i = 0; i < m->before_count; i++) age = at_most(m->history->age[m->before[i]], age);
    return m->before_count ? half_beats(m, age) : 0;
}

/* The share of half beats on which a key began; at first a half. */
static int activity_class(const spiral__history *h) {
    const float share = ((float)h->half_beat_starts + 2) / ((float)h->half_beats + 4);
    return (int)(share * SPIRAL__QUIET);
}

/* 1 or 2: whether a key began this many bars before; 0: that is not known. */
static int began_before(const spiral__moment *m, int bars) {
    const size_t frames = (size_t)(m->features->bar * bars), t = m->history->t;
    if (!frames || t < frames || frames > SPIRAL__REMEMBERED) return 0;
    const size_t at = (t - frames) % SPIRAL__REMEMBERED;
    return 1 + (int)(m->history->began[at / 64] >> at % 64 & 1);
}

/* How often no key began on this beat of a bar: 1: as often as on any, or more often; 2: less often than on
 * another; 0: a key began on every beat so far. */
static int quiet_beat_class(const spiral__history *h, int place) {
    uint32_t most = 0;
    for (int i = 0; i < SPIRAL__BEATS; i++) most = h->quiet_beats[i] > most ? h->quiet_beats[i] : most;
    return !most ? 0 : h->quiet_beats[place] == most ? 1 : 2;
}

static void choose_starts(const spiral__moment *m, int starts, spiral__frame_events *e) {
    const int place = spiral__bar_place(m->features, m->history->t), on_beat = place < SPIRAL__BEATS;
    const int quiet = on_beat ? half_beats_since_begin(m) : activity_class(m->history);
    choose(e, SPIRAL__STARTS, place * SPIRAL__QUIET + quiet, starts);
    if (place == SPIRAL__BETWEEN) return;
    const int kind = on_beat ? 1 + quiet_beat_class(m->history, place) : 0;
    choose(e, SPIRAL__ECHO, 9 * kind + 3 * began_before(m, 2) + began_before(m, 4), starts > 0);
}

/* More than a tone. */
static int is_leap(int rise) { return rise < -2 || rise > 2; }

static void choose_outer_keys(const spiral__moment *m, const spiral__decided *d, spiral__frame_events *e) {
    const int place = spiral__bar_place(m->features, m->history->t);
    for (int i = 0; i < 2 && e->now; i++) {
        const int key = m->features->low + d->key[i ? e->now - 1 : 0];
        choose(e, SPIRAL__REGISTER, i, key / 2);
        if (!e->before) continue;
        const int age = half_beats(m, m->history->age[m->before[i ? e->before - 1 : 0]]);
        const int again = spiral_keys_get(&m->history->sounding, key);
        choose(e, SPIRAL__OUTER, (i * SPIRAL__PLACES + place) * SPIRAL__QUIET + age,
               spiral_keys_get(&d->onsets, key) * (1 + again));
    }
}

static void choose_moves(const spiral__moment *m, const spiral__decided *d, spiral__frame_events *e) {
    const spiral__history *h = m->history;
    if (!e->now || !e->before) return;
    const int rises[2] = {d->key[0] - m->before[0], d->key[e->now - 1] - m->before[e->before - 1]};
    for (int i = 0; i < 2; i++)
        if (rises[i] && h->moved[i])
            choose(e, SPIRAL__MOVE, 4 * i + way_of_move(h->moved[i]) / 6 * 2 + is_leap(h->moved[i]),
                   way_of_move(rises[i]));
    if (e->now != e->before) return;
    for (int i = 1; i < e->now - 1 && i < SPIRAL__VOICES; i++)
        if (d->key[i] != m->before[i]) choose(e, SPIRAL__MOVE, 8, way_of_move(d->key[i] - m->before[i]));
}

static void choose_keys(const spiral__moment *m, const spiral__decided *d, spiral__frame_events *e) {
    for (int i = 0; i < d->count && i < SPIRAL__VOICES; i++) {
        const float mean = m->history->voice[i];
        if (i) choose(e, SPIRAL__SPACING, at_most(i - 1, 2), d->key[i] - d->key[i - 1] - 1);
        if (mean > 0 && spiral_keys_get(&d->onsets, m->features->low + d->key[i]))
            choose(e, SPIRAL__STRAY, at_most(i, 3), (int)(fabsf((float)d->key[i] - mean) + 0.5f));
    }
}

static void choose_all(const spiral__moment *m, const spiral__decided *d, spiral__frame_events *e) {
    const int place = e->is_first ? SPIRAL__PLACES : spiral__bar_place(m->features, m->history->t);
    unsigned classes = 0;
    for (int i = 0; i < d->count; i++) classes |= 1u << (d->key[i] - d->key[0]) % 12;
    choose(e, SPIRAL__CHORD, place, kind_of_chord(classes));
    choose_outer_keys(m, d, e);
    if (e->is_first) return;
    choose_starts(m, spiral_keys_count(d->onsets), e);
    choose_moves(m, d, e);
    choose_keys(m, d, e);
}

/* ---- a frame ---- */

spiral__frame_events spiral__frame_events_get(const spiral__moment *m, const spiral__decided *d,
                                              int parallels) {
    const spiral__history *h = m->history;
    const spiral_keys above = spiral_keys_transpose(d->sounding, 1);
    const spiral_keys held = spiral_keys_and(d->sounding, h->sounding);
    spiral__frame_events e = {.is_first = !h->t, .before = m->before_count, .now = d->count};
    choose_all(m, d, &e);
    if (e.is_first) return e;
    e.parallels = e.now == e.before ? parallels : 0;
    e.held = spiral_keys_count(held);
    e.again = spiral_keys_count(spiral_keys_and(held, d->onsets));
    e.clashes = spiral_keys_count(spiral_keys_and(d->sounding, above));
    unsigned chord = 0;
    for (int i = 0; i < d->count; i++) chord |= 1u << d->key[i] % 12;
    e.on_beat = spiral__bar_place(m->features, h->t) < SPIRAL__BEATS;
    e.new_chord = e.on_beat && !(h->chords[chord >> 6] >> (chord & 63) & 1);
    for (int i = 0; i < e.now && e.now == e.before; i++) {
        const int rise = d->key[i] - m->before[i];
        e.rises += rise > 0 ? rise : 0;
        e.falls += rise < 0 ? -rise : 0;
    }
    if (h->t <= SPIRAL__SETTLED) return e;
    const unsigned foreign = foreign_classes(m);
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
    /* A weight above 0 of frames with more voices is subtracted from frames without more. */
    const float wanted = s->more[class] > 0 ? s->more[class] : 0;
    float w = -s->headroom;
    for (int i = 0; i < e->chosen_count; i++) w += s->way[e->chosen[i]];
    if (e->is_first) return at_most_0(w);
    if (voices && e->now > e->before) w += at_most_0(s->more[class]);
    if (voices && e->now == e->before) w -= wanted;
    if (voices && e->now < e->before) w += at_most_0(s->fewer[class] - wanted);
    w += s->new_chord * (float)e->new_chord;
    w += s->rise < 0 ? s->rise * (float)e->rises : -s->rise * (float)e->falls;
    w += s->foreign * (float)e->foreign + s->fresh * (float)e->fresh;
    w += s->clash * (float)e->clashes + s->parallel * (float)e->parallels;
    return at_most_0(w);
}
