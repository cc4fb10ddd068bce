/* SPDX-License-Identifier: MIT
 *
 * The scores: cases solved by hand, properties on random rolls, and a slow count cell by cell. The comparison
 * with mir_eval is tests/oracle/test_measure_mir_eval.py.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "spiral/metrics.h"

#define close_to(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static spiral_keys column(const int *keys) { /* ends with -1 */
    spiral_keys c = {{0, 0}};
    for (; *keys >= 0; keys++) spiral_keys_set(&c, *keys, 1);
    return c;
}
#define COLUMN(...) column((const int[]){__VA_ARGS__, -1})

static spiral_keys random_column(spiral__rng *rng, double density) {
    spiral_keys c = {{0, 0}};
    for (int p = 0; p < SPIRAL_KEY_COUNT; p++) spiral_keys_set(&c, p, spiral__rng_uniform(rng) < density);
    return c;
}

/* A roll over columns the caller owns. */
static spiral_roll roll_of(spiral_keys *frames, spiral_keys *onsets, size_t columns) {
    return (spiral_roll){.grid = {.kind = SPIRAL_GRID_SECONDS, .frame_us = 10000},
                         .frames = columns,
                         .sounding = frames,
                         .onsets = onsets};
}

static const spiral_helix helix = {{1.3, 0, 0, 0, 0, 0}, .5};

static void group12_frames_by_hand(void **state) {
    (void)state;
    /* target C4 E4 G4 | C4 | silence | C4 E4 ; predicted C4 E4 A4 | C5 | D4 | C4 E4 */
    spiral_keys t[] = {COLUMN(60, 64, 67), COLUMN(60), {{0, 0}}, COLUMN(60, 64)};
    spiral_keys p[] = {COLUMN(60, 64, 69), COLUMN(72), COLUMN(62), COLUMN(60, 64)};
    spiral_metrics_counts c = {0};
    spiral_metrics_add_frames(&c, t, p, 4);
    assert_int_equal(c.frames, 4);
    assert_int_equal(c.target_notes, 6);
    assert_int_equal(c.predicted_notes, 7);
    assert_int_equal(c.true_positives, 4);
    assert_int_equal(c.chroma_true_positives, 5);
    assert_int_equal(c.substitutions, 2);
    assert_int_equal(c.chroma_substitutions, 1);
    assert_int_equal(c.misses, 0);
    assert_int_equal(c.false_alarms, 1);
    assert_int_equal(c.windows, 1);
    assert_int_equal(c.windows_exact, 0);
    spiral_metrics_add_frames(&c, t, t, 4);
    assert_int_equal(c.windows, 2);
    assert_int_equal(c.windows_exact, 1);
    spiral_metrics m = spiral_metrics_from_counts(&c);
    close_to(m.precision, 10. / 13);
    close_to(m.recall, 10. / 12);
    close_to(m.f1, 20. / 25);
    close_to(m.accuracy, 10. / 15);
    close_to(m.chroma_f1, 22. / 25);
    close_to(m.substitution, 2. / 12);
    close_to(m.false_alarm, 1. / 12);
    close_to(m.total_error, 3. / 12);
    close_to(m.chroma_total_error, 2. / 12);
    close_to(m.octave_share, .5);
    close_to(m.exact_windows, .5);
}

/* Pitch classes form multisets: two target Cs and one predicted C in other octaves match once. */
static void group12_chroma_is_a_multiset(void **state) {
    (void)state;
    spiral_keys t = COLUMN(48, 60, 67), p = COLUMN(72, 79, 91);
    spiral_metrics_counts c = {0};
    spiral_metrics_add_frames(&c, &t, &p, 1);
    assert_int_equal(c.true_positives, 0);
    assert_int_equal(c.chroma_true_positives, 2); /* one C, one G */
    /* Every key once as target, its neighbour an octave up as prediction, across the word boundary too. */
    for (int key = 0; key + 12 < SPIRAL_KEY_COUNT; key++) {
        spiral_keys a = COLUMN(key), b = COLUMN(key + 12), d = COLUMN((key + 5) % SPIRAL_KEY_COUNT);
        c = (spiral_metrics_counts){0};
        spiral_metrics_add_frames(&c, &a, &b, 1);
        assert_int_equal(c.chroma_true_positives, 1);
        spiral_metrics_add_frames(&c, &a, &d, 1);
        assert_int_equal(c.chroma_true_positives, 1);
    }
}

/* The same counts, cell by cell and class by class as the definition reads. */
static void slow_frames(spiral_metrics_counts *c, const spiral_keys *target, const spiral_keys *predicted) {
    unsigned t = 0, p = 0, hits = 0, chroma = 0, t_class[12] = {0}, p_class[12] = {0};
    for (int key = 0; key < SPIRAL_KEY_COUNT; key++) {
        unsigned a = (unsigned)spiral_keys_get(target, key), b = (unsigned)spiral_keys_get(predicted, key);
        t += a, p += b, hits += a & b, t_class[key % 12] += a, p_class[key % 12] += b;
    }
    for (int k = 0; k < 12; k++) chroma += t_class[k] < p_class[k] ? t_class[k] : p_class[k];
    unsigned both = t < p ? t : p;
    c->target_notes += t, c->predicted_notes += p, c->true_positives += hits,
        c->chroma_true_positives += chroma;
    c->substitutions += both - hits, c->chroma_substitutions += both - chroma;
    c->misses += t - both, c->false_alarms += p - both;
}

static void group12_frames_against_cells(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(1, 0);
    for (int round = 0; round < 2000; round++) {
        double density = spiral__rng_uniform(&rng);
        spiral_keys t = random_column(&rng, density * .3), p = random_column(&rng, .15);
        spiral_metrics_counts fast = {0}, slow = {.frames = 1, .windows = 1};
        spiral_metrics_add_frames(&fast, &t, &p, 1);
        slow_frames(&slow, &t, &p);
        slow.windows_exact = !memcmp(&t, &p, sizeof t);
        assert_memory_equal(&fast, &slow, sizeof fast);
    }
}

/* Every note an octave or two off, none hit: to pitch classes there is no error at all. */
static void group12_octave_errors_are_no_chroma_errors(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(5, 0);
    spiral_metrics_counts c = {0};
    for (int round = 0; round < 1000; round++) {
        spiral_keys t = {{0, 0}}, p = {{0, 0}};
        for (int class = 0; class < 12; class ++) { /* one note per class: octaves cannot hit each other */
            if (spiral__rng_below(&rng, 3)) continue;
            int octave = (int)spiral__rng_below(&rng, 8), other = (octave + 1 + round % 7) % 8;
            spiral_keys_set(&t, 12 * octave + class, 1);
            spiral_keys_set(&p, 12 * other + class, 1);
        }
        spiral_metrics_add_frames(&c, &t, &p, 1);
    }
    spiral_metrics m = spiral_metrics_from_counts(&c);
    assert_true(c.target_notes > 1000 && c.true_positives == 0);
    assert_true(m.substitution == 1 && m.total_error == 1);
    assert_true(m.chroma_substitution == 0 && m.chroma_total_error == 0);
    assert_true(m.octave_share == 1 && m.chroma_accuracy == 1);
}

/* Counts of the parts of two rolls, added, are the counts of the whole: every field, also the real ones. */
static void test_counts_of_parts_add_up(void **state) {
    (void)state;
    enum { N = 60, HALF = 25 };
    spiral__rng rng = spiral__rng_init(6, 0);
    spiral_keys t[N], p[N];
    for (int i = 0; i < N; i++) t[i] = random_column(&rng, .2), p[i] = random_column(&rng, .2);
    spiral_metrics_counts whole = {0}, first = {0}, second = {0};
    const size_t begin[2] = {0, HALF}, end[2] = {HALF, N};
    for (int part = 0; part < 2; part++) {
        spiral_metrics_counts *counts[] = {&whole, part ? &second : &first};
        for (int k = 0; k < 2; k++) {
            size_t from = begin[part], n = end[part] - from;
            spiral_roll target = roll_of(t + from, NULL, n), predicted = roll_of(p + from, NULL, n);
            spiral_metrics_add_frames(counts[k], t + from, p + from, n);
            spiral_metrics_add_helix(counts[k], &helix, t + from, p + from, n);
            assert_int_equal(spiral_metrics_add_notes(counts[k], &target, &predicted, .05, NULL), SPIRAL_OK);
        }
    }
    assert_true(first.chroma_true_positives > first.true_positives && first.notes_matched > 0);
    spiral_metrics_counts_add(&first, &second);
    assert_true(fabs(first.helix_energy - whole.helix_energy) < 1e-9 * whole.helix_energy);
    assert_true(fabs(first.helix_distance - whole.helix_distance) < 1e-9 * whole.helix_distance);
    first.helix_energy = whole.helix_energy; /* sums of reals depend on their order */
    first.helix_distance = whole.helix_distance;
    assert_memory_equal(&first, &whole, sizeof whole);
}

static void test_empty(void **state) {
    (void)state;
    spiral_metrics_counts c = {0};
    spiral_metrics zero, m = spiral_metrics_from_counts(&c);
    memset(&zero, 0, sizeof zero);
    assert_memory_equal(&m, &zero, sizeof m);
    spiral_metrics_add_frames(&c, NULL, NULL, 0);
    assert_int_equal(c.windows_exact, 1); /* nothing differs */
    spiral_keys silence[3] = {{{0, 0}}};
    spiral_metrics_add_frames(&c, silence, silence, 3);
    spiral_metrics_add_helix(&c, &helix, silence, silence, 3);
    spiral_roll nothing = roll_of(NULL, NULL, 0), quiet = roll_of(silence, NULL, 3);
    assert_int_equal(spiral_metrics_add_notes(&c, &nothing, &quiet, .05, NULL), SPIRAL_OK);
    m = spiral_metrics_from_counts(&c);
    zero.exact_windows = 1;
    assert_memory_equal(&m, &zero, sizeof m);
}

/* Perfect against itself; the order of columns and the cut into windows do not matter; swapping the two rolls
 * swaps precision and recall; transposing both changes nothing. */
static void group12_frame_properties(void **state) {
    (void)state;
    enum { N = 40 };
    spiral__rng rng = spiral__rng_init(2, 0);
    spiral_keys t[N], p[N], t2[N], p2[N];
    for (int i = 0; i < N; i++) {
        t[i] = random_column(&rng, .08), p[i] = random_column(&rng, .1);
        t[i].word[1] &= UINT64_MAX >> 7, p[i].word[1] &= UINT64_MAX >> 7; /* room to transpose */
        t2[N - 1 - i] = t[i], p2[N - 1 - i] = p[i];
    }
    spiral_metrics_counts self = {0}, whole = {0}, parts = {0}, swapped = {0}, moved = {0};
    spiral_metrics_add_frames(&self, t, t, N);
    spiral_metrics m = spiral_metrics_from_counts(&self);
    close_to(m.f1, 1);
    close_to(m.accuracy, 1);
    close_to(m.chroma_accuracy, 1);
    close_to(m.exact_windows, 1);
    close_to(m.total_error, 0);

    spiral_metrics_add_frames(&whole, t, p, N);
    spiral_metrics_add_frames(&parts, t2, p2, 17);
    spiral_metrics_add_frames(&parts, t2 + 17, p2 + 17, N - 17);
    parts.windows = whole.windows;
    assert_memory_equal(&whole, &parts, sizeof whole);

    spiral_metrics_add_frames(&swapped, p, t, N);
    spiral_metrics a = spiral_metrics_from_counts(&whole), b = spiral_metrics_from_counts(&swapped);
    close_to(a.precision, b.recall);
    close_to(a.chroma_recall, b.chroma_precision);
    assert_int_equal(whole.misses, swapped.false_alarms);

    for (int i = 0; i < N; i++) {
        t2[i] = p2[i] = (spiral_keys){{0, 0}};
        for (int key = 0; key + 7 < SPIRAL_KEY_COUNT; key++) {
            spiral_keys_set(&t2[i], key + 7, spiral_keys_get(&t[i], key));
            spiral_keys_set(&p2[i], key + 7, spiral_keys_get(&p[i], key));
        }
    }
    spiral_metrics_add_frames(&moved, t2, p2, N);
    assert_memory_equal(&whole, &moved, sizeof whole);
    spiral_metrics_add_helix(&whole, &helix, t, p, N);
    spiral_metrics_add_helix(&moved, &helix, t2, p2, N);
    assert_true(fabs(whole.helix_energy - moved.helix_energy) < 1e-9 * whole.helix_energy);
}

static double distance(int interval) { /* the chromatic helix of the tests, from its definition */
    double turn = 2 * 1.3 * sin(acos(-1.) * interval / 12), rise = .5 * interval / 12;
    return sqrt(turn * turn + rise * rise);
}

static double helix_energy(spiral_keys t, spiral_keys p) {
    spiral_metrics_counts c = {0};
    spiral_metrics_add_helix(&c, &helix, &t, &p, 1);
    return c.helix_energy;
}

static void test_helix_by_hand(void **state) {
    (void)state;
    spiral_keys silence = {{0, 0}}, c4 = COLUMN(60);
    close_to(helix_energy(c4, silence), 1);
    close_to(helix_energy(silence, c4), 1);
    close_to(helix_energy(c4, c4), 0);
    for (int key = 0; key < SPIRAL_KEY_COUNT; key++)
        close_to(helix_energy(c4, COLUMN(key)), 2 * (1 - exp(-distance(abs(key - 60)) / 2)));
    /* A missed fifth: both alone, and each pays for the other. */
    close_to(helix_energy(COLUMN(60, 67), silence), 2 + 2 * exp(-distance(7) / 2));
    spiral_metrics_counts c = {0};
    spiral_keys t[] = {COLUMN(60, 64), COLUMN(60, 64)}, p[] = {COLUMN(60, 64), COLUMN(60, 76)};
    spiral_metrics_add_helix(&c, &helix, t, p, 2);
    assert_int_equal(c.helix_notes, 4);
    close_to(spiral_metrics_from_counts(&c).spiral_error, 2 * (1 - exp(-.25)) / 4);
}

/* The sparse sum equals 1/2 d^T K d over all keys, and is never negative. */
static void test_helix_against_quadratic_form(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(3, 0);
    for (int round = 0; round < 200; round++) {
        spiral_keys t = random_column(&rng, .2), p = random_column(&rng, .2);
        double sum = 0, got = helix_energy(t, p);
        for (int i = 0; i < SPIRAL_KEY_COUNT; i++)
            for (int j = 0; j < SPIRAL_KEY_COUNT; j++)
                sum += (spiral_keys_get(&t, i) - spiral_keys_get(&p, i)) * exp(-distance(abs(i - j)) / 2) *
                       (spiral_keys_get(&t, j) - spiral_keys_get(&p, j));
        assert_true(fabs(got - sum) < 1e-10 && got >= 0);
    }
}

static void note_at(spiral_keys *frames, size_t from, size_t columns, int key) {
    for (size_t i = 0; i < columns; i++) spiral_keys_set(&frames[from + i], key, 1);
}

static void test_notes_by_hand(void **state) {
    (void)state;
    enum { N = 100 };
    spiral_keys t[N] = {{{0, 0}}}, p[N] = {{{0, 0}}};
    note_at(t, 0, 10, 60), note_at(p, 5, 10, 60);   /* five columns late: within 50 ms */
    note_at(t, 30, 10, 60), note_at(p, 36, 10, 60); /* six: not */
    note_at(t, 50, 3, 64), note_at(p, 50, 30, 65);  /* another key */
    note_at(t, 60, 3, 100), note_at(p, 58, 1, 100), note_at(p, 60, 1, 100); /* two for one */
    spiral_roll target = roll_of(t, NULL, N), predicted = roll_of(p, NULL, N);
    spiral_metrics_counts c = {0};
    assert_int_equal(spiral_metrics_add_notes(&c, &target, &predicted, .05, NULL), SPIRAL_OK);
    assert_int_equal(c.notes_target, 4);
    assert_int_equal(c.notes_predicted, 5);
    assert_int_equal(c.notes_matched, 2);
    spiral_metrics m = spiral_metrics_from_counts(&c);
    close_to(m.note_precision, 2. / 5);
    close_to(m.note_recall, 2. / 4);
    close_to(m.note_f1, 4. / 9);
    c = (spiral_metrics_counts){0};
    assert_int_equal(spiral_metrics_add_notes(&c, &target, &predicted, .06, NULL), SPIRAL_OK);
    assert_int_equal(c.notes_matched, 3);
    c = (spiral_metrics_counts){0};
    assert_int_equal(spiral_metrics_add_notes(&c, &target, &predicted, 0, NULL), SPIRAL_OK);
    assert_int_equal(c.notes_matched, 1);
    c = (spiral_metrics_counts){0};
    assert_int_equal(spiral_metrics_add_notes(&c, &target, &predicted, 1e300, NULL), SPIRAL_OK);
    assert_int_equal(c.notes_matched, 3);
}

/* An onset plane tells a note struck again from a held one; rolls of unequal length are fine. */
static void test_notes_onsets(void **state) {
    (void)state;
    spiral_keys f[8] = {{{0, 0}}}, o[8] = {{{0, 0}}};
    note_at(f, 1, 6, 60);
    spiral_keys_set(&o[1], 60, 1);
    spiral_keys_set(&o[4], 60, 1);
    spiral_roll two = roll_of(f, o, 8), one = roll_of(f, NULL, 3);
    spiral_metrics_counts c = {0};
    assert_int_equal(spiral_metrics_add_notes(&c, &two, &one, 0, NULL), SPIRAL_OK);
    assert_int_equal(c.notes_target, 2);
    assert_int_equal(c.notes_predicted, 1);
    assert_int_equal(c.notes_matched, 1);
    assert_int_equal(spiral_metrics_add_notes(&c, &two, &two, 0, NULL), SPIRAL_OK);
    assert_int_equal(c.notes_matched, 3);
}

/* For any bits in the two planes, an onset bit on a silent key too, as many notes are counted as are written. */
static void test_notes_counted_are_those_of_the_midi(void **state) {
    (void)state;
    enum { N = 50 };
    spiral__rng rng = spiral__rng_init(7, 0);
    size_t silent_onsets = 0;
    for (int round = 0; round < 300; round++) {
        spiral_keys sounding[2][N], onsets[2][N];
        spiral_roll rolls[2];
        size_t written[2];
        for (int r = 0; r < 2; r++) {
            int planes = 1 + (int)spiral__rng_below(&rng, 2);
            for (int t = 0; t < N; t++) {
                sounding[r][t] = random_column(&rng, .3);
                onsets[r][t] = random_column(&rng, .2);
                for (int w = 0; w < 2 && planes == 2; w++)
                    silent_onsets += (onsets[r][t].word[w] & ~sounding[r][t].word[w]) != 0;
            }
            rolls[r] = roll_of(sounding[r], planes == 2 ? onsets[r] : NULL, N);
            spiral_midi midi;
            assert_int_equal(spiral_midi_from_roll(&rolls[r], &midi, NULL), SPIRAL_OK);
            written[r] = midi.note_count;
            spiral_midi_clear(&midi);
        }
        spiral_metrics_counts c = {0}, self = {0};
        assert_int_equal(spiral_metrics_add_notes(&c, &rolls[0], &rolls[1], .05, NULL), SPIRAL_OK);
        assert_int_equal(c.notes_target, written[0]);
        assert_int_equal(c.notes_predicted, written[1]);
        assert_int_equal(spiral_metrics_add_notes(&self, &rolls[0], &rolls[0], 0, NULL), SPIRAL_OK);
        assert_int_equal(self.notes_matched, written[0]);
    }
    assert_true(silent_onsets > 1000);
}

/* Most pairs by augmenting paths, on one key. */
static int augment(size_t i, const size_t *a, const size_t *b, size_t m, size_t reach, int *owner,
                   int *seen) {
    for (size_t j = 0; j < m; j++) {
        if ((a[i] > b[j] ? a[i] - b[j] : b[j] - a[i]) > reach || seen[j]) continue;
        seen[j] = 1;
        if (owner[j] < 0 || augment((size_t)owner[j], a, b, m, reach, owner, seen))
            return owner[j] = (int)i, 1;
    }
    return 0;
}

static void test_notes_matching_is_maximum(void **state) {
    (void)state;
    enum { N = 60 };
    spiral__rng rng = spiral__rng_init(4, 0);
    for (int round = 0; round < 2000; round++) {
        spiral_keys t[N] = {{{0, 0}}}, p[N] = {{{0, 0}}};
        size_t a[N], b[N], n = 0, m = 0, reach = spiral__rng_below(&rng, 9);
        for (size_t i = 0; i < N; i++) {
            if (spiral__rng_uniform(&rng) < .4) spiral_keys_set(&t[i], 70, 1), a[n++] = i;
            if (spiral__rng_uniform(&rng) < .4) spiral_keys_set(&p[i], 70, 1), b[m++] = i;
        }
        int best = 0, owner[N], seen[N];
        memset(owner, -1, sizeof owner);
        for (size_t i = 0; i < n; i++) {
            memset(seen, 0, sizeof seen);
            best += augment(i, a, b, m, reach, owner, seen);
        }
        spiral_roll target = roll_of(t, t, N), predicted = roll_of(p, p, N);
        spiral_metrics_counts c = {0};
        assert_int_equal(spiral_metrics_add_notes(&c, &target, &predicted, .01 * (double)reach, NULL),
                         SPIRAL_OK);
        assert_int_equal(c.notes_matched, best);
    }
}

static void test_notes_errors(void **state) {
    (void)state;
    spiral_keys f[2] = {COLUMN(60), COLUMN(60)};
    spiral_roll a = roll_of(f, NULL, 2), b = a;
    spiral_metrics_counts c = {0}, untouched = {0};
    spiral_error err = {0};
    b.grid.frame_us = 20000;
    assert_int_equal(spiral_metrics_add_notes(&c, &a, &b, .05, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "the two rolls are on different grids");
    assert_int_equal(spiral_metrics_add_notes(&c, &a, &a, -1, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "onset tolerance -1 s is not a number >= 0");
    assert_int_equal(spiral_metrics_add_notes(&c, &a, &a, NAN, &err), SPIRAL_BAD_ARG);
    b = a;
    b.grid = (spiral_grid){.kind = SPIRAL_GRID_BEATS, .steps_per_quarter = 4};
    b.quarters_per_min = 0;
    assert_int_equal(spiral_metrics_add_notes(&c, &b, &b, .05, &err), SPIRAL_BAD_ARG);
    assert_memory_equal(&c, &untouched, sizeof c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group12_frames_by_hand),
        cmocka_unit_test(group12_chroma_is_a_multiset),
        cmocka_unit_test(group12_frames_against_cells),
        cmocka_unit_test(group12_octave_errors_are_no_chroma_errors),
        cmocka_unit_test(test_counts_of_parts_add_up),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(group12_frame_properties),
        cmocka_unit_test(test_helix_by_hand),
        cmocka_unit_test(test_helix_against_quadratic_form),
        cmocka_unit_test(test_notes_by_hand),
        cmocka_unit_test(test_notes_onsets),
        cmocka_unit_test(test_notes_counted_are_those_of_the_midi),
        cmocka_unit_test(test_notes_matching_is_maximum),
        cmocka_unit_test(test_notes_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
