/* SPDX-License-Identifier: MIT
 *
 * Counts of frames: cells and pitch classes in cases solved by hand, random frames against counting cell by
 * cell, and properties of the counts. Comparison with mir_eval: tests/oracle/test_metrics_mir_eval.py.
 */
#include <math.h>

#include "testing.h"

#include "metrics_testing.h"

static void test_frames_by_hand(void **state) {
    (void)state;
    /* target C4 E4 G4 | C4 | silence | C4 E4 ; predicted C4 E4 A4 | C5 | D4 | C4 E4 */
    spiral_keys t[] = {KEYS(60, 64, 67), KEYS(60), {{0, 0}}, KEYS(60, 64)};
    spiral_keys p[] = {KEYS(60, 64, 69), KEYS(72), KEYS(62), KEYS(60, 64)};
    spiral_metrics_counts c = NO_COUNTS;
    add_frames(&c, t, p, 4);
    assert_int_equal(c.frames, 4);
    assert_int_equal(c.target_cells, 6);
    assert_int_equal(c.predicted_cells, 7);
    assert_int_equal(c.true_positives, 4);
    assert_int_equal(c.chroma_true_positives, 5);
    assert_int_equal(c.substitutions, 2);
    assert_int_equal(c.chroma_substitutions, 1);
    assert_int_equal(c.misses, 0);
    assert_int_equal(c.false_alarms, 1);
    assert_int_equal(c.windows, 1);
    assert_int_equal(c.windows_exact, 0);
    add_frames(&c, t, t, 4);
    assert_int_equal(c.windows, 2);
    assert_int_equal(c.windows_exact, 1);
    spiral_metrics m = ratios_of(&c);
    assert_near(m.precision, 10. / 13);
    assert_near(m.recall, 10. / 12);
    assert_near(m.f1, 20. / 25);
    assert_near(m.accuracy, 10. / 15);
    assert_near(m.chroma_f1, 22. / 25);
    assert_near(m.substitution, 2. / 12);
    assert_near(m.false_alarm, 1. / 12);
    assert_near(m.total_error, 3. / 12);
    assert_near(m.chroma_total_error, 2. / 12);
    assert_near(m.octave_share, .5);
    assert_near(m.exact_windows, .5);
}

/* Two Cs in the target and one C in another octave in the prediction make one pair. */
static void test_pitch_classes_are_counted_with_multiplicity(void **state) {
    (void)state;
    spiral_keys t = KEYS(48, 60, 67), p = KEYS(72, 79, 91);
    spiral_metrics_counts c = NO_COUNTS;
    add_frames(&c, &t, &p, 1);
    assert_int_equal(c.true_positives, 0);
    assert_int_equal(c.chroma_true_positives, 2); /* one C, one G */
    /* Every key as target and the key an octave above as prediction, including pairs across the two words. */
    for (int key = 0; key + 12 < SPIRAL_KEY_COUNT; key++) {
        spiral_keys a = KEYS(key), b = KEYS(key + 12), d = KEYS((key + 5) % SPIRAL_KEY_COUNT);
        c = NO_COUNTS;
        add_frames(&c, &a, &b, 1);
        assert_int_equal(c.chroma_true_positives, 1);
        add_frames(&c, &a, &d, 1);
        assert_int_equal(c.chroma_true_positives, 1);
    }
}

/* The same counts from the definition, cell by cell and class by class. */
static void count_cell_by_cell(spiral_metrics_counts *c, const spiral_keys *target,
                               const spiral_keys *predicted) {
    unsigned t = 0, p = 0, both_sound = 0, chroma = 0, t_class[12] = {0}, p_class[12] = {0};
    for (int key = 0; key < SPIRAL_KEY_COUNT; key++) {
        unsigned a = (unsigned)spiral_keys_get(target, key), b = (unsigned)spiral_keys_get(predicted, key);
        t += a, p += b, both_sound += a & b, t_class[key % 12] += a, p_class[key % 12] += b;
    }
    for (int k = 0; k < 12; k++) chroma += t_class[k] < p_class[k] ? t_class[k] : p_class[k];
    unsigned both = t < p ? t : p;
    c->target_cells += t, c->predicted_cells += p, c->true_positives += both_sound,
        c->chroma_true_positives += chroma;
    c->substitutions += both - both_sound, c->chroma_substitutions += both - chroma;
    c->misses += t - both, c->false_alarms += p - both;
}

static void test_random_frames_against_counting_cells(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(1, 0);
    for (int round = 0; round < 2000; round++) {
        double density = spiral__rng_uniform(&rng);
        spiral_keys t = random_keys(&rng, density * .3), p = random_keys(&rng, .15);
        spiral_metrics_counts fast = NO_COUNTS, slow = NO_COUNTS;
        slow.frames = slow.windows = 1;
        add_frames(&fast, &t, &p, 1);
        count_cell_by_cell(&slow, &t, &p);
        slow.windows_exact = !memcmp(&t, &p, sizeof t);
        assert_memory_equal(&fast, &slow, sizeof fast);
    }
}

/* Every note in a wrong octave: for pitch classes there is no error. */
static void test_octave_errors_are_no_chroma_errors(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(5, 0);
    spiral_metrics_counts c = NO_COUNTS;
    for (int round = 0; round < 1000; round++) {
        spiral_keys t = {{0, 0}}, p = {{0, 0}};
        for (int class = 0; class < 12; class ++) { /* at most one note per class */
            if (spiral__rng_below(&rng, 3)) continue;
            int octave = (int)spiral__rng_below(&rng, 8), other = (octave + 1 + round % 7) % 8;
            spiral_keys_set(&t, 12 * octave + class, 1);
            spiral_keys_set(&p, 12 * other + class, 1);
        }
        add_frames(&c, &t, &p, 1);
    }
    spiral_metrics m = ratios_of(&c);
    assert_true(c.target_cells > 1000 && c.true_positives == 0);
    assert_true(m.substitution == 1 && m.total_error == 1);
    assert_true(m.chroma_substitution == 0 && m.chroma_total_error == 0);
    assert_true(m.octave_share == 1 && m.chroma_accuracy == 1);
}

/* A roll compared with itself has no errors. The order of frames and the division into windows do not matter;
 * swapping the rolls swaps precision and recall; transposing both changes nothing. */
static void test_symmetry_order_and_transposition(void **state) {
    (void)state;
    enum { N = 40 };
    spiral__rng rng = spiral__rng_init(2, 0);
    spiral_keys t[N], p[N], t2[N], p2[N];
    for (int i = 0; i < N; i++) {
        t[i] = random_keys(&rng, .08), p[i] = random_keys(&rng, .1);
        t[i].word[1] &= UINT64_MAX >> 7,
            p[i].word[1] &= UINT64_MAX >> 7; /* keeps 7 keys free for transposing */
        t2[N - 1 - i] = t[i], p2[N - 1 - i] = p[i];
    }
    spiral_metrics_counts self = NO_COUNTS, whole = NO_COUNTS, parts = NO_COUNTS, swapped = NO_COUNTS,
                          moved = NO_COUNTS;
    add_frames(&self, t, t, N);
    spiral_metrics m = ratios_of(&self);
    assert_near(m.f1, 1);
    assert_near(m.accuracy, 1);
    assert_near(m.chroma_accuracy, 1);
    assert_near(m.exact_windows, 1);
    assert_near(m.total_error, 0);

    add_frames(&whole, t, p, N);
    add_frames(&parts, t2, p2, 17);
    add_frames(&parts, t2 + 17, p2 + 17, N - 17);
    parts.windows = whole.windows;
    assert_memory_equal(&whole, &parts, sizeof whole);

    add_frames(&swapped, p, t, N);
    spiral_metrics a = ratios_of(&whole), b = ratios_of(&swapped);
    assert_near(a.precision, b.recall);
    assert_near(a.chroma_recall, b.chroma_precision);
    assert_int_equal(whole.misses, swapped.false_alarms);

    for (int i = 0; i < N; i++) {
        t2[i] = p2[i] = (spiral_keys){{0, 0}};
        for (int key = 0; key + 7 < SPIRAL_KEY_COUNT; key++) {
            spiral_keys_set(&t2[i], key + 7, spiral_keys_get(&t[i], key));
            spiral_keys_set(&p2[i], key + 7, spiral_keys_get(&p[i], key));
        }
    }
    add_frames(&moved, t2, p2, N);
    assert_memory_equal(&whole, &moved, sizeof whole);
    add_helix(&whole, &helix, t, p, N);
    add_helix(&moved, &helix, t2, p2, N);
    assert_true(fabs(whole.helix_energy - moved.helix_energy) < 1e-9 * whole.helix_energy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_by_hand),
        cmocka_unit_test(test_pitch_classes_are_counted_with_multiplicity),
        cmocka_unit_test(test_random_frames_against_counting_cells),
        cmocka_unit_test(test_octave_errors_are_no_chroma_errors),
        cmocka_unit_test(test_symmetry_order_and_transposition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
