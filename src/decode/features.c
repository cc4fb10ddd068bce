/* SPDX-License-Identifier: MIT
 *
 * The features of the decoder (see features.h). It uses only comparisons and arithmetic that is not fused, so
 * the features are the same on every processor.
 */
#include <string.h>

#include "decode/features.h"

static const struct group {
    const char *name;
    spiral__reader reader;
    int rows;
} groups[] = {
#define SPIRAL_X(id, reader, scope, rows) {#id, SPIRAL__##reader, rows},
    SPIRAL__FEATURE_LIST(SPIRAL_X)
#undef SPIRAL_X
};

static const int lags[SPIRAL__LAGS] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};
static const int class_lags[4] = {1, 3, 5,
                                  7}; /* indices into `lags`: later frames whose pitch classes are read */
static const float fades[SPIRAL__FADES + 1] = {0.8f, 0.94f, 0.98f, 0.995f};
static const float FADED = 1e-20f; /* below it a mean counts as 0, before its numbers become denormal */
static const float RARE = 0.005f;  /* keys that sounded in a smaller share of the past are not usual */

void spiral__features_init(int low, int P, int planes, int bar, spiral__features *f) {
    *f = (spiral__features){.low = low, .P = P, .planes = planes, .bar = bar};
    for (int i = 0; i < SPIRAL__FEATURES; i++) {
        f->first_row[i] = f->rows[groups[i].reader];
        f->rows[groups[i].reader] += (uint32_t)(groups[i].rows == SPIRAL__BAR ? bar : groups[i].rows);
    }
}

const char *spiral__feature_name(spiral__feature feature) { return groups[feature].name; }

/* ---- sets of keys ---- */

/* Keys first .. first + n - 1 as bits 0 .. n - 1; n <= 63, -127 <= first <= 127. */
static uint64_t keys_from(spiral_keys keys, int first, int n) {
    return spiral_keys_transpose(keys, -first).word[0] & (((uint64_t)1 << n) - 1);
}

/* Removes the lowest bit and returns its number. bits is not 0. */
static int take_bit(uint64_t *bits) {
    int i = __builtin_ctzll(*bits);
    *bits &= *bits - 1;
    return i;
}

/* Lists a set of keys within the range as p, from the lowest up. Returns their number. */
static int list_keys(const spiral__features *f, spiral_keys keys, uint8_t *list) {
    int count = 0;
    for (int w = 0; w < 2; w++)
        for (uint64_t bits = keys.word[w]; bits;)
            list[count++] = (uint8_t)(take_bit(&bits) + 64 * w - f->low);
    return count;
}

/* The pitch classes p mod 12 of a set of keys within the range, as bits. */
static unsigned classes_of(const spiral__features *f, spiral_keys keys) {
    uint8_t list[SPIRAL_KEY_COUNT];
    unsigned classes = 0;
    const int count = list_keys(f, keys, list);
    for (int i = 0; i < count; i++) classes |= 1u << list[i] % 12;
    return classes;
}

static spiral_keys range(const spiral__features *f) { return spiral_keys_range(f->low, f->low + f->P - 1); }

/* ---- the past ---- */

void spiral__history_begin(spiral__history *h) { memset(h, 0, sizeof *h); }

static void add_to_mean(float now, float rate, float *mean) {
    *mean = *mean == 0 ? now : *mean + rate * (now - *mean);
}

/* keys: (count) p, from the lowest up. */
static void add_moves(const spiral__features *f, spiral__history *h, const uint8_t *keys, int count) {
    uint8_t before[SPIRAL_KEY_COUNT];
    const int count_before = list_keys(f, h->sounding, before);
    if (!count || !count_before) return;
    const int rises[2] = {keys[0] - before[0], keys[count - 1] - before[count_before - 1]};
    for (int i = 0; i < 2; i++)
        if (rises[i]) h->moved[i] = rises[i];
}

static void add_starts(const spiral__features *f, spiral__history *h, int begins) {
    const int place = spiral__bar_place(f, h->t);
    const uint64_t bit = (uint64_t)1 << h->t % 64;
    uint64_t *began = &h->began[h->t % SPIRAL__REMEMBERED / 64];
    *began = (*began & ~bit) | (begins ? bit : 0);
    if (place < SPIRAL__BEATS) h->quiet_beats[place] += !begins;
    if (place != SPIRAL__HALF_BEAT) return;
    h->half_beats++;
    h->half_beat_starts += begins;
}

void spiral__history_add(const spiral__features *f, spiral__history *h, spiral_keys sounding,
                         const spiral_keys *onsets) {
    sounding = spiral_keys_and(sounding, range(f));
    const spiral_keys starts =
        onsets ? spiral_keys_and(*onsets, sounding) : spiral_keys_starts(&h->sounding, &sounding, NULL);
    for (int p = 0; p < f->P; p++) {
        const int on = spiral_keys_get(&sounding, f->low + p), begins = spiral_keys_get(&starts, f->low + p);
        h->age[p] = (uint16_t)(!on ? 0 : begins ? 1 : h->age[p] < UINT16_MAX ? h->age[p] + 1 : h->age[p]);
        for (int i = 0; i <= SPIRAL__SLOW; i++) {
            const float mean = h->fade[i][p] * fades[i] + (on ? 1 - fades[i] : 0);
            h->fade[i][p] = mean < FADED ? 0 : mean;
        }
    }
    h->past = h->past * fades[SPIRAL__SLOW] + (1 - fades[SPIRAL__SLOW]);
    uint8_t keys[SPIRAL_KEY_COUNT];
    const int count = list_keys(f, sounding, keys);
    /* At first the mean of all frames so far, later one that fades slowly. */
    const float of_all = 1 / ((float)h->t + 1), least = 1 - fades[SPIRAL__SLOW];
    const float rate = of_all > least ? of_all : least;
    for (int i = 0; i < count && i < SPIRAL__VOICES; i++) add_to_mean(keys[i], rate, &h->voice[i]);
    add_moves(f, h, keys, count);
    add_starts(f, h, spiral_keys_any(starts));
    const unsigned chord = classes_of(f, sounding);
    if (spiral__bar_place(f, h->t) < SPIRAL__BEATS) h->chords[chord >> 6] |= (uint64_t)1 << (chord & 63);
    h->sounding = sounding;
    h->onsets = starts;
    h->t++;
}

void spiral__decided_add(const spiral__features *f, spiral__decided *decided, int p, int onset) {
    decided->key[decided->count++] = (uint8_t)p;
    spiral_keys_set(&decided->sounding, f->low + p, 1);
    spiral_keys_set(&decided->onsets, f->low + p, onset);
}

/* ---- a frame ---- */

/* The place of frame t in the arrays; c->frames or more: the frame is unknown. */
static size_t condition_frame(const spiral__conditions *c, size_t t) { return t - c->begin; }

static void take_given(const spiral__conditions *c, spiral__moment *m) {
    const spiral_keys inside = range(m->features);
    const size_t now = condition_frame(c, m->history->t);
    m->is_given = 1;
    if (now < c->frames) {
        m->known = spiral_keys_and(c->known[now], inside);
        m->given = spiral_keys_and(m->known, c->sounding[now]);
        /* With one plane a given key begins if it does not sound before. */
        m->given_onsets = c->onsets ? spiral_keys_and(m->given, c->onsets[now])
                                    : spiral_keys_starts(&m->history->sounding, &m->given, NULL);
        m->given_classes = classes_of(m->features, m->given);
    }
    for (int i = 0; i < SPIRAL__LAGS; i++) {
        const size_t u = condition_frame(c, m->history->t + (size_t)lags[i]);
        if (u >= c->frames) continue;
        m->later_known[i] = spiral_keys_and(c->known[u], inside);
        m->later[i] = spiral_keys_and(m->later_known[i], c->sounding[u]);
        m->later_onsets[i] = c->onsets
                                 ? spiral_keys_and(m->later[i], c->onsets[u])
                                 : spiral_keys_starts(u ? &c->sounding[u - 1] : NULL, &m->later[i], NULL);
        m->later_classes[i] = classes_of(m->features, m->later[i]);
    }
}

static void take_sketch(const spiral__conditions *c, spiral__moment *m) {
    const size_t cells = (size_t)(m->features->planes * m->features->P);
    m->has_sketch = 1;
    for (size_t i = 0; i < 3; i++) {
        const size_t u = condition_frame(c, m->history->t + i);
        if (u < c->frames) m->sketch[i] = c->sketch + u * cells;
    }
}

static void take_usual(const spiral__history *h, spiral__moment *m) {
    const int P = m->features->P;
    m->usual_low = P;
    m->usual_high = -1;
    if (h->past == 0) return;
    for (int p = 0; p < P; p++) {
        const float x = h->fade[SPIRAL__SLOW][p] / h->past;
        m->usual[p] = x;
        m->usual_below[p + 1] = m->usual_below[p] + x;
        m->usual_class[p % 12] += x;
        if (x < RARE) continue;
        if (m->usual_high < 0) m->usual_low = p;
        m->usual_high = p;
    }
}

void spiral__moment_init(const spiral__features *f, const spiral__history *h, const spiral__conditions *c,
                         spiral__moment *m) {
    memset(m, 0, sizeof *m);
    m->features = f;
    m->history = h;
    m->conditions = c;
    m->before_count = list_keys(f, h->sounding, m->before);
    for (int i = 0; i < SPIRAL__FADES; i++)
        for (int p = 0; p < f->P; p++) m->tonality[i][p % 12] += h->fade[i][p];
    take_usual(h, m);
    if (c && c->known) take_given(c, m);
    if (c && c->sketch) take_sketch(c, m);
}

/* ---- writing entries ---- */

/* Entries of one unit and one reader, as they are written. */
typedef struct list {
    const spiral__moment *m;
    const float *scale;
    spiral__entry *entries;
    size_t count;
} list;

static void put(list *l, spiral__feature group, int row, float value) {
    const uint32_t at = l->m->features->first_row[group] + (uint32_t)row;
    if (l->scale) value *= l->scale[at];
    if (value != 0) l->entries[l->count++] = (spiral__entry){at, value};
}

/* The keys p - below .. p + above of a set, one row each. */
static void put_near(list *l, spiral__feature group, int first_row, spiral_keys keys, int p, int below,
                     int above) {
    uint64_t bits = keys_from(keys, l->m->features->low + p - below, below + above + 1);
    while (bits) put(l, group, first_row + take_bit(&bits), 1);
}

static int clamp(int x, int least, int most) { return x < least ? least : x > most ? most : x; }

/* A set of classes p mod 12, counted from that of p upward, one row each. */
static void put_class_set(list *l, spiral__feature group, int first_row, int p, unsigned classes) {
    for (int c = 0; c < 12; c++)
        if (classes >> (p + c) % 12 & 1) put(l, group, first_row + c, 1);
}

/* The classes of count keys, given as p. */
static void put_classes(list *l, spiral__feature group, int p, const uint8_t *keys, int count) {
    unsigned seen = 0;
    for (int i = 0; i < count; i++) seen |= 1u << keys[i] % 12;
    put_class_set(l, group, 0, p, seen);
}

static int age_class(int age) {
    return age <= 4 ? age - 1 : age <= 6 ? 4 : age <= 8 ? 5 : age <= 12 ? 6 : age <= 16 ? 7 : 8;
}

static void put_ages(list *l) {
    unsigned seen = 0;
    for (int i = 0; i < l->m->before_count; i++) seen |= 1u << age_class(l->m->history->age[l->m->before[i]]);
    for (int c = 0; c < 9; c++)
        if (seen >> c & 1) put(l, SPIRAL__AGES, c, 1);
}

static void put_position(list *l, spiral__feature group) {
    const int bar = l->m->features->bar;
    if (bar) put(l, group, (int)(l->m->history->t % (size_t)bar), 1);
}

static void put_tonality(list *l, spiral__feature group, int p) {
    for (int i = 0; i < SPIRAL__FADES; i++)
        for (int c = 0; c < 12; c++) put(l, group, 12 * i + c, l->m->tonality[i][(p + c) % 12]);
}

static void put_usual_class(list *l, spiral__feature group, int p) {
    for (int c = 0; c < 12; c++) put(l, group, c, l->m->usual_class[(p + c) % 12]);
}

/* A number of keys, rounded to halves. */
static int halves(float keys) { return clamp((int)(2 * keys + 0.5f), 0, 11); }

static void put_usual(list *l, int p) {
    const spiral__moment *m = l->m;
    const int P = m->features->P, below = m->usual_low - p, above = p - m->usual_high;
    if (m->usual_high < 0) return;
    for (int d = -2; d <= 2; d++)
        if (p + d >= 0 && p + d < P) put(l, SPIRAL__USUAL, d + 2, m->usual[p + d]);
    put(l, SPIRAL__USUAL_BELOW, halves(m->usual_below[p]), 1);
    put(l, SPIRAL__USUAL_ABOVE, halves(m->usual_below[P] - m->usual_below[p + 1]), 1);
    if (below > 0) put(l, SPIRAL__UNUSUAL, clamp(below, 1, 13) - 1, 1);
    if (above > 0) put(l, SPIRAL__UNUSUAL, clamp(above, 1, 13) + 12, 1);
}

/* Semitones -1 (below), 0 .. 35, 36 (or more) as rows 0 .. 37. */
static void put_distance(list *l, spiral__feature group, int semitones) {
    put(l, group, clamp(semitones, -1, 36) + 1, 1);
}

static void put_silent(list *l, spiral__feature group, int p) {
    const spiral__moment *m = l->m;
    for (int d = -2; d <= 2; d++) {
        const int k = p + d, key = m->features->low + k;
        if (k < 0 || k >= m->features->P ||
            (spiral_keys_get(&m->known, key) && !spiral_keys_get(&m->given, key)))
            put(l, group, d + 2, 1);
    }
}

/* Features of given cells that may be far from p, for both readers: without them low voices would not see
 * when a melody moves. */
static void put_given_begins(list *l, spiral__feature group, int later) {
    const spiral__moment *m = l->m;
    if (spiral_keys_any(m->given_onsets)) put(l, group, 0, 1);
    for (int i = 0; i < later; i++)
        if (spiral_keys_any(m->later_onsets[i])) put(l, group, 1 + i, 1);
}

static void put_given_above(list *l, spiral__feature group, int p) {
    const spiral__moment *m = l->m;
    const int top = m->features->low + m->features->P - 1;
    int key = m->features->low + p;
    if (!spiral_keys_any(m->known)) return;
    while (key <= top && !spiral_keys_get(&m->given, key)) key++;
    put_distance(l, group, key > top ? -1 : key - m->features->low - p);
}

static const float HEARD = 0.02f; /* smaller probabilities of a sketch are left out */

static void put_sketch_near(list *l, spiral__feature group, int first_row, int step, const float *x, int p,
                            int R) {
    for (int d = -R; d <= R; d++) {
        const int k = p + d;
        if (k >= 0 && k < l->m->features->P && x[k] > HEARD) put(l, group, first_row + (d + R) * step, x[k]);
    }
}

static int sketch_class(float x) {
    static const float bounds[] = {0.02f, 0.05f, 0.12f, 0.27f, 0.5f, 0.73f, 0.88f, 0.95f};
    int i = 0;
    while (i < 8 && x >= bounds[i]) i++;
    return i;
}

/* The groups that both readers have, one after another in the list of groups. */
static void put_sketch(list *l, spiral__feature near, spiral__feature onset, spiral__feature class, int p) {
    const spiral__moment *m = l->m;
    const int P = m->features->P, planes = m->features->planes;
    const float *x = m->sketch[0];
    put_sketch_near(l, near, 0, 1, x, p, 6);
    if (planes == 2) put_sketch_near(l, onset, 0, 1, x + P, p, 2);
    for (int i = 0; i < planes; i++) put(l, class, 9 * i + sketch_class(x[i * P + p]), 1);
}

/* ---- the recurrent layer ---- */

static void recurrent_frame(list *l) {
    put(l, SPIRAL__BEFORE_COUNT, clamp(l->m->before_count, 0, 8), 1);
    put_position(l, SPIRAL__POSITION);
    put_ages(l);
    if (l->m->is_given) {
        put(l, SPIRAL__GIVEN, 0, 1);
        put_given_begins(l, SPIRAL__GIVEN_BEGINS, SPIRAL__LAGS);
    }
    if (l->m->has_sketch) put(l, SPIRAL__SKETCH, 0, 1);
}

static void recurrent_given(list *l, int p) {
    const spiral__moment *m = l->m;
    const int key = m->features->low + p;
    put_near(l, SPIRAL__GIVEN_NEAR, 0, m->given, p, 12, 12);
    put_near(l, SPIRAL__GIVEN_ONSET, 0, m->given_onsets, p, 3, 3);
    put_silent(l, SPIRAL__GIVEN_SILENT, p);
    for (int i = 0; i < SPIRAL__LAGS; i++) put_near(l, SPIRAL__GIVEN_LATER, 13 * i, m->later[i], p, 6, 6);
    for (int i = 0; i < 4; i++) {
        if (!spiral_keys_get(&m->later_known[i], key)) continue;
        put(l, SPIRAL__GIVEN_LATER_SAME, 2 * i, (float)!spiral_keys_get(&m->later[i], key));
        if (spiral_keys_get(&m->later_onsets[i], key)) put(l, SPIRAL__GIVEN_LATER_SAME, 2 * i + 1, 1);
    }
    put_given_above(l, SPIRAL__GIVEN_ABOVE, p);
}

static void recurrent_sketch(list *l, int p) {
    const spiral__moment *m = l->m;
    const int P = m->features->P;
    put_sketch(l, SPIRAL__SKETCH_NEAR, SPIRAL__SKETCH_ONSET, SPIRAL__SKETCH_CLASS, p);
    for (int i = 0; i < 2; i++) {
        const float *x = m->sketch[i + 1];
        if (!x) continue;
        put_sketch_near(l, SPIRAL__SKETCH_LATER, 10 * i, 2, x, p, 2);
        if (m->features->planes == 2) put_sketch_near(l, SPIRAL__SKETCH_LATER, 10 * i + 1, 2, x + P, p, 2);
    }
    float below = 0, above = 0;
    for (int k = 0; k < p; k++) below += m->sketch[0][k];
    for (int k = p + 1; k < P; k++) above += m->sketch[0][k];
    put(l, SPIRAL__SKETCH_SUM, 0, 0.25f * below);
    put(l, SPIRAL__SKETCH_SUM, 1, 0.25f * above);
}

static void recurrent_key(list *l, int p) {
    const spiral__moment *m = l->m;
    const spiral__features *f = m->features;
    const float pitch = (float)(f->low + p - 60) / 24.0f;
    put_near(l, SPIRAL__BEFORE, 0, m->history->sounding, p, 12, 12);
    put_near(l, SPIRAL__BEFORE_ONSET, 0, m->history->onsets, p, 12, 12);
    put(l, SPIRAL__PITCH, 0, pitch);
    put(l, SPIRAL__PITCH, 1, pitch * pitch);
    for (int d = -1; d <= 1; d++) {
        const int k = p + d;
        if (k >= 0 && k < f->P && m->history->age[k])
            put(l, SPIRAL__AGE, 9 * (d + 1) + age_class(m->history->age[k]), 1);
    }
    if (m->before_count) {
        put_distance(l, SPIRAL__FROM_BASS, p - m->before[0]);
        put_distance(l, SPIRAL__TO_TOP, m->before[m->before_count - 1] - p);
    }
    if (m->is_given) recurrent_given(l, p);
    if (m->sketch[0]) recurrent_sketch(l, p);
}

size_t spiral__features_recurrent(const spiral__moment *m, spiral__scope scope, int unit,
                                  spiral__entry *entries) {
    list l = {m, m->scale[SPIRAL__RECURRENT], entries, 0};
    if (scope == SPIRAL__FRAME) {
        recurrent_frame(&l);
    } else if (scope == SPIRAL__PITCH_CLASS) {
        put_classes(&l, SPIRAL__BEFORE_CLASS, unit, m->before, m->before_count);
        put_tonality(&l, SPIRAL__TONALITY, unit);
        put_usual_class(&l, SPIRAL__USUAL_CLASS, unit);
        put_class_set(&l, SPIRAL__GIVEN_CLASS, 0, unit, m->given_classes);
        for (int i = 0; i < 4; i++)
            put_class_set(&l, SPIRAL__LATER_CLASS, 12 * i, unit, m->later_classes[class_lags[i]]);
    } else {
        recurrent_key(&l, unit);
    }
    return l.count;
}

/* ---- the head ---- */

/* The semitones from p to voices n - 1, n and n + 1 of the frame before, where n is the number of decided
 * keys: p continues voice n if the voices keep their order. 26: there is no such voice. */
static void put_expected(list *l, const spiral__decided *decided, int p) {
    const spiral__moment *m = l->m;
    for (int i = 0; i < 3; i++) {
        const int voice = decided->count + i - 1;
        const int row =
            voice < 0 || voice >= m->before_count ? 26 : clamp(m->before[voice] - p, -13, 12) + 13;
        put(l, SPIRAL__EXPECTED, 27 * i + row, 1);
    }
}

/* How the last decided voice and the lowest one moved: -12 .. 12; 25: repeated; 27: a new voice. */
static void put_motion(list *l, const spiral__decided *decided) {
    const spiral__moment *m = l->m;
    for (int i = 0; i < 2 && decided->count; i++) {
        const int voice = i ? 0 : decided->count - 1;
        int row = 27;
        if (voice < m->before_count) {
            const int key = decided->key[voice], moved = key - m->before[voice];
            const int repeated = !moved && spiral_keys_get(&decided->onsets, m->features->low + key);
            row = repeated ? 25 : clamp(moved, -12, 12) + 12;
        }
        put(l, SPIRAL__MOTION, 28 * i + row, 1);
    }
}

static void put_parallel(list *l, const spiral__decided *decided, int p) {
    static const int intervals[] = {7, 12, 19, 24};
    const spiral__moment *m = l->m;
    const spiral__features *f = m->features;
    const spiral_keys *before = &m->history->sounding;
    for (int i = 0; i < 4; i++) {
        const int k = p - intervals[i];
        if (k < 0 || !spiral_keys_get(&decided->onsets, f->low + k)) continue;
        for (int d = -7; d <= 7; d++) {
            if (!d || k + d < 0 || p + d >= f->P) continue;
            if (spiral_keys_get(before, f->low + k + d) && spiral_keys_get(before, f->low + p + d))
                put(l, SPIRAL__PARALLEL, 15 * i + d + 7, 1);
        }
    }
}

int spiral__moves_in_parallel(const spiral__moment *m, const spiral__decided *decided, int p) {
    if (decided->count >= m->before_count) return 0;
    const int from = m->before[decided->count];
    if (from == p) return 0;
    for (int j = 0; j < decided->count; j++) {
        const int other = decided->key[j], other_from = m->before[j];
        const int now = (p - other) % 12, then = ((from - other_from) % 12 + 12) % 12;
        if (other == other_from || now != then || (now != 0 && now != 7)) continue;
        if ((p > from) == (other > other_from)) return now == 7 ? 2 : 1;
    }
    return 0;
}

static void head_given(list *l, int p) {
    const spiral__moment *m = l->m;
    const spiral__features *f = m->features;
    uint8_t given[SPIRAL_KEY_COUNT];
    put_near(l, SPIRAL__HEAD_GIVEN_NEAR, 0, m->given, p, 24, 24);
    put_near(l, SPIRAL__HEAD_GIVEN_ONSET, 0, m->given_onsets, p, 12, 12);
    put_silent(l, SPIRAL__HEAD_GIVEN_SILENT, p);
    const int count =
        list_keys(f, spiral_keys_and(m->given, spiral_keys_range(f->low + p, f->low + f->P - 1)), given);
    put_classes(l, SPIRAL__HEAD_GIVEN_CLASS, p, given, count);
    put_given_above(l, SPIRAL__HEAD_GIVEN_ABOVE, p);
    put(l, SPIRAL__HEAD_GIVEN_COUNT, clamp(count, 0, 8), 1);
    for (int i = 0; i < 4; i++) put_near(l, SPIRAL__HEAD_GIVEN_LATER, 5 * i, m->later[i], p, 2, 2);
}

static void head_key(list *l, const spiral__decided *decided, int p) {
    const spiral__moment *m = l->m;
    const int key = m->features->low + p;
    /* Row 0 is p - 1: the bits from below are counted backwards. */
    for (uint64_t bits = keys_from(decided->sounding, key - 36, 36); bits;)
        put(l, SPIRAL__BELOW, 35 - take_bit(&bits), 1);
    for (uint64_t bits = keys_from(decided->onsets, key - 24, 24); bits;)
        put(l, SPIRAL__BELOW_ONSET, 23 - take_bit(&bits), 1);
    put_classes(l, SPIRAL__BELOW_CLASS, p, decided->key, decided->count);
    put(l, SPIRAL__BELOW_COUNT, clamp(decided->count, 0, 8), 1);
    put_expected(l, decided, p);
    put_motion(l, decided);
    put_parallel(l, decided, p);
    const int parallel = spiral__moves_in_parallel(m, decided, p);
    if (parallel) put(l, SPIRAL__PARALLEL_VOICES, parallel - 1, 1);
    put_usual(l, p);
    if (m->is_given) head_given(l, p);
    if (m->sketch[0])
        put_sketch(l, SPIRAL__HEAD_SKETCH_NEAR, SPIRAL__HEAD_SKETCH_ONSET, SPIRAL__HEAD_SKETCH_CLASS, p);
}

size_t spiral__features_head(const spiral__moment *m, spiral__scope scope, int unit,
                             const spiral__decided *decided, spiral__entry *entries) {
    list l = {m, m->scale[SPIRAL__HEAD], entries, 0};
    if (scope == SPIRAL__FRAME) {
        put_position(&l, SPIRAL__HEAD_POSITION);
        if (m->is_given) {
            put(&l, SPIRAL__HEAD_GIVEN, 0, 1);
            put_given_begins(&l, SPIRAL__HEAD_GIVEN_BEGINS, 4);
        }
        if (m->has_sketch) put(&l, SPIRAL__HEAD_SKETCH, 0, 1);
    } else if (scope == SPIRAL__PITCH_CLASS) {
        put_tonality(&l, SPIRAL__HEAD_TONALITY, unit);
        put_usual_class(&l, SPIRAL__HEAD_USUAL_CLASS, unit);
        for (int i = 0; i < 2; i++)
            put_class_set(&l, SPIRAL__HEAD_LATER_CLASS, 12 * i, unit, m->later_classes[class_lags[i]]);
    } else {
        head_key(&l, decided, unit);
    }
    return l.count;
}
