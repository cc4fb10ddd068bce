/* SPDX-License-Identifier: MIT
 *
 * Counts of notes: where they begin, which of them match, and what is refused.
 */
#include <math.h>

#include "testing.h"

#include "metrics_testing.h"

static void note_at(spiral_keys *sounding, size_t from, size_t frames, int key) {
    for (size_t i = 0; i < frames; i++) spiral_keys_set(&sounding[from + i], key, 1);
}

static void test_notes_by_hand(void **state) {
    (void)state;
    enum { N = 100 };
    spiral_keys t[N] = {{{0, 0}}}, p[N] = {{{0, 0}}};
    note_at(t, 0, 10, 60), note_at(p, 5, 10, 60);   /* five frames late: within 50 ms */
    note_at(t, 30, 10, 60), note_at(p, 36, 10, 60); /* six frames: not */
    note_at(t, 50, 3, 64), note_at(p, 50, 30, 65);  /* another key */
    note_at(t, 60, 3, 100), note_at(p, 58, 1, 100), note_at(p, 60, 1, 100); /* two candidates for one note */
    spiral_roll target = roll_over(t, NULL, N), predicted = roll_over(p, NULL, N);
    spiral_metrics_counts c = NO_COUNTS;
    add_notes(&c, &target, &predicted, .05);
    assert_int_equal(c.target_notes, 4);
    assert_int_equal(c.predicted_notes, 5);
    assert_int_equal(c.matched_notes, 2);
    spiral_metrics m = ratios_of(&c);
    assert_near(m.note_precision, 2. / 5);
    assert_near(m.note_recall, 2. / 4);
    assert_near(m.note_f1, 4. / 9);
    c = NO_COUNTS;
    add_notes(&c, &target, &predicted, .06);
    assert_int_equal(c.matched_notes, 3);
    c = NO_COUNTS;
    add_notes(&c, &target, &predicted, 0);
    assert_int_equal(c.matched_notes, 1);
    c = NO_COUNTS;
    add_notes(&c, &target, &predicted, 1e300);
    assert_int_equal(c.matched_notes, 3);
}

/* With an onset plane, a key that is struck again is a second note. The rolls may differ in length. */
static void test_onsets_separate_notes_struck_again(void **state) {
    (void)state;
    spiral_keys sounding[8] = {{{0, 0}}}, onsets[8] = {{{0, 0}}};
    note_at(sounding, 1, 6, 60);
    spiral_keys_set(&onsets[1], 60, 1);
    spiral_keys_set(&onsets[4], 60, 1);
    spiral_roll two = roll_over(sounding, onsets, 8), one = roll_over(sounding, NULL, 3);
    spiral_metrics_counts c = NO_COUNTS;
    add_notes(&c, &two, &one, 0);
    assert_int_equal(c.target_notes, 2);
    assert_int_equal(c.predicted_notes, 1);
    assert_int_equal(c.matched_notes, 1);
    add_notes(&c, &two, &two, 0);
    assert_int_equal(c.matched_notes, 3);
}

/* For any bits in the two planes, including onset bits on silent keys, the number of notes is that of
 * spiral_midi_from_roll. */
static void test_notes_are_those_of_the_written_midi(void **state) {
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
                sounding[r][t] = random_keys(&rng, .3);
                onsets[r][t] = random_keys(&rng, .2);
                for (int w = 0; w < 2 && planes == 2; w++)
                    silent_onsets += (onsets[r][t].word[w] & ~sounding[r][t].word[w]) != 0;
            }
            rolls[r] = roll_over(sounding[r], planes == 2 ? onsets[r] : NULL, N);
            spiral_midi midi;
            assert_int_equal(spiral_midi_from_roll(&rolls[r], &midi, NULL), SPIRAL_OK);
            written[r] = midi.note_count;
            spiral_midi_clear(&midi);
        }
        spiral_metrics_counts c = NO_COUNTS, self = NO_COUNTS;
        add_notes(&c, &rolls[0], &rolls[1], .05);
        assert_int_equal(c.target_notes, written[0]);
        assert_int_equal(c.predicted_notes, written[1]);
        add_notes(&self, &rolls[0], &rolls[0], 0);
        assert_int_equal(self.matched_notes, written[0]);
    }
    assert_true(silent_onsets > 1000);
}

/* Finds the largest number of pairs on one key by augmenting paths. */
static int augment(size_t i, const size_t *a, const size_t *b, size_t m, size_t tolerance, int *owner,
                   int *seen) {
    for (size_t j = 0; j < m; j++) {
        if ((a[i] > b[j] ? a[i] - b[j] : b[j] - a[i]) > tolerance || seen[j]) continue;
        seen[j] = 1;
        if (owner[j] < 0 || augment((size_t)owner[j], a, b, m, tolerance, owner, seen))
            return owner[j] = (int)i, 1;
    }
    return 0;
}

static void test_as_many_pairs_as_possible_are_matched(void **state) {
    (void)state;
    enum { N = 60 };
    spiral__rng rng = spiral__rng_init(4, 0);
    for (int round = 0; round < 2000; round++) {
        spiral_keys t[N] = {{{0, 0}}}, p[N] = {{{0, 0}}};
        size_t a[N], b[N], n = 0, m = 0, tolerance = spiral__rng_below(&rng, 9);
        for (size_t i = 0; i < N; i++) {
            if (spiral__rng_uniform(&rng) < .4) spiral_keys_set(&t[i], 70, 1), a[n++] = i;
            if (spiral__rng_uniform(&rng) < .4) spiral_keys_set(&p[i], 70, 1), b[m++] = i;
        }
        int best = 0, owner[N], seen[N];
        memset(owner, -1, sizeof owner);
        for (size_t i = 0; i < n; i++) {
            memset(seen, 0, sizeof seen);
            best += augment(i, a, b, m, tolerance, owner, seen);
        }
        spiral_roll target = roll_over(t, t, N), predicted = roll_over(p, p, N);
        spiral_metrics_counts c = NO_COUNTS;
        add_notes(&c, &target, &predicted, .01 * (double)tolerance);
        assert_int_equal(c.matched_notes, best);
    }
}

static void test_unequal_grids_and_bad_tolerances_are_refused(void **state) {
    (void)state;
    spiral_keys sounding[2] = {KEYS(60), KEYS(60)};
    spiral_roll a = roll_over(sounding, NULL, 2), b = a;
    spiral_metrics_counts c = NO_COUNTS, untouched = NO_COUNTS;
    spiral_error err = {0};
    b.grid.frame_us = 20000;
    assert_fails(spiral_metrics_add_notes(&c, &a, &b, .05, &err), SPIRAL_BAD_ARG, &err,
                 "the two rolls are on different grids");
    assert_fails(spiral_metrics_add_notes(&c, &a, &a, -1, &err), SPIRAL_BAD_ARG, &err,
                 "onset tolerance -1 s is not a number >= 0");
    assert_fails(spiral_metrics_add_notes(&c, &a, &a, NAN, &err), SPIRAL_BAD_ARG, &err, "nan");
    b = a;
    b.grid = (spiral_grid){.kind = SPIRAL_GRID_BEATS, .steps_per_quarter = 4};
    b.quarters_per_min = 0;
    assert_fails(spiral_metrics_add_notes(&c, &b, &b, .05, &err), SPIRAL_BAD_ARG, &err, "frame length inf s");
    assert_memory_equal(&c, &untouched, sizeof c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notes_by_hand),
        cmocka_unit_test(test_onsets_separate_notes_struck_again),
        cmocka_unit_test(test_notes_are_those_of_the_written_midi),
        cmocka_unit_test(test_as_many_pairs_as_possible_are_matched),
        cmocka_unit_test(test_unequal_grids_and_bad_tolerances_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
