/* SPDX-License-Identifier: MIT
 *
 * The two losses this library began with, as they were written, and what is wrong with them.
 */
#include "harness.h"

/* Gradient descent on one column's logits, 4000 steps; y is left in b->pred. */
static void descend(batch *b, double rate) {
    double grad[KEYS], z[KEYS];
    for (int p = 0; p < KEYS; p++) z[p] = b->pred[p];
    for (int step = 0; step < 4000; step++) {
        call_f64(b, NULL, grad);
        for (int p = 0; p < KEYS; p++) b->pred[p] = z[p] -= rate * grad[p];
    }
    for (int p = 0; p < KEYS; p++) b->pred[p] = 1 / (1 + exp(-z[p]));
}

static void start(batch *b, uint64_t seed) {
    spiral__rng r = spiral__rng_init(seed, 0);
    for (int p = 0; p < KEYS; p++) b->pred[p] = 2 * spiral__rng_normal(&r);
}

static void seed_distance_as_written(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_ARGMAX_DISTANCE);
    assert_true(column(&o, NOTES(C4), NOTES(C4)) == 0);
    assert_true(column(&o, NOTES(C5), NOTES(C4)) == 5);     /* same note, another octave: almost nothing */
    assert_true(column(&o, NOTES(CIS4), NOTES(C4)) == 300); /* the neighbour above */
    assert_true(column(&o, NOTES(FIS4), NOTES(C4)) == 1800);
    assert_true(fabs(column(&o, NOTES(B3), NOTES(C4)) - sqrt(3300.0 * 3300 + 25)) < 1e-9);
}

static void group05_seed_b3_against_c4(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_ARGMAX_DISTANCE);
    double below = column(&o, NOTES(B3), NOTES(C4)), above = column(&o, NOTES(CIS4), NOTES(C4));
    assert_true(below > 10 * above); /* the wire breaks at every C */
    o.kind = SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR;
    below = column(&o, NOTES(B3), NOTES(C4)), above = column(&o, NOTES(CIS4), NOTES(C4));
    assert_true(fabs(below - sqrt(300.0 * 300 + 25)) < 1e-9 &&
                above == 300); /* the octave is still floored */
    o.kind = SPIRAL_LOSS_SPIRAL;
    below = column(&o, NOTES(B3), NOTES(C4)), above = column(&o, NOTES(CIS4), NOTES(C4));
    assert_true(fabs(below - above) < 1e-12);
    o.kind = SPIRAL_LOSS_ENERGY;
    below = column(&o, NOTES(B3), NOTES(C4)), above = column(&o, NOTES(CIS4), NOTES(C4));
    assert_true(fabs(below - above) < 1e-15);
}

static void seed_same_note_in_another_octave(void **state) {
    (void)state;
    const spiral_loss_kind kinds[] = {SPIRAL_LOSS_ARGMAX_DISTANCE, SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR,
                                      SPIRAL_LOSS_SPIRAL, SPIRAL_LOSS_ENERGY, SPIRAL_LOSS_GAUSS};
    for (int k = 0; k < 5; k++) {
        spiral_loss_options o = alone(kinds[k]);
        double octave = column(&o, NOTES(C5), NOTES(C4));
        assert_true(octave > 0 && octave < column(&o, NOTES(CIS4), NOTES(C4)));
        assert_true(octave < column(&o, NOTES(FIS4), NOTES(C4)));
    }
}

static void seed_silence_reads_as_lowest_key(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_ARGMAX_DISTANCE);
    assert_true(column(&o, SILENCE, NOTES(LOW)) == 0);
    assert_true(column(&o, SILENCE, NOTES(C4)) == 5);
}

static void distance_mask_as_written(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_DISTANCE_MASK);
    assert_true(column(&o, NOTES(C4), NOTES(C4)) == 0);
    assert_true(column(&o, NOTES(CIS4), NOTES(C4)) == 10);
    assert_true(column(&o, NOTES(C4 + 11), NOTES(C4)) == 110); /* not circular: further than the tritone */
    assert_true(column(&o, NOTES(FIS4), NOTES(C4)) == 60);
    assert_true(column(&o, NOTES(C5), NOTES(C4)) == 5);
    assert_true(column(&o, NOTES(C5, CIS4), NOTES(C4)) == 15);
    assert_true(column(&o, SILENCE, NOTES(C4)) == 0); /* silence is as good as right */
    o.kind = SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR;
    assert_true(column(&o, NOTES(C4 + 11), NOTES(C4)) == 10);
}

/* The answer's mask is zero on the right note and positive elsewhere: nothing calls for the right note, and
 * everything else is sent away. From any beginning the strays die; where the right note starts below its
 * rivals it stays below, and with it the column is silent. */
static void distance_mask_ends_in_silence(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            spiral_loss_options o = alone(k ? SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR : SPIRAL_LOSS_DISTANCE_MASK);
            o.from_logits = 1;
            batch b = batch_make(o, 1, 1, KEYS, 0);
            b.target[C4 - LOW] = 1;
            start(&b, seed);
            double before = b.pred[C4 - LOW] = -1, grad[KEYS];
            call_f64(&b, NULL, grad);
            assert_true(grad[C4 - LOW] == 0); /* no pull on the right note, ever */
            descend(&b, 0.05);
            assert_true(fabs(b.pred[C4 - LOW] - 1 / (1 + exp(-before))) < 1e-12);
            for (int p = 0; p < KEYS; p++) assert_true(b.pred[p] < 0.5); /* decodes to silence */
            batch_free(&b);
        }
}

/* With one network for all columns, which is what was trained, the right notes go too: a bias per key shared
 * by columns of different targets ends below every threshold. */
static void distance_mask_shared_bias_dies(void **state) {
    (void)state;
    enum { COLUMNS = 12 };
    spiral_loss_options o = alone(SPIRAL_LOSS_DISTANCE_MASK);
    o.from_logits = 1;
    batch b = batch_make(o, 1, COLUMNS, KEYS, 0);
    for (int j = 0; j < COLUMNS; j++) b.target[j * KEYS + 3 * j] = 1;
    double bias[KEYS], grad[COLUMNS * KEYS];
    spiral__rng r = spiral__rng_init(9, 0);
    for (int p = 0; p < KEYS; p++) bias[p] = spiral__rng_normal(&r);
    for (int step = 0; step < 2000; step++) {
        for (int i = 0; i < COLUMNS * KEYS; i++) b.pred[i] = bias[i % KEYS];
        call_f64(&b, NULL, grad);
        for (int i = 0; i < COLUMNS * KEYS; i++) bias[i % KEYS] -= 0.01 * grad[i];
    }
    for (int p = 0; p < KEYS; p++) assert_true(bias[p] < -3); /* probabilities below 5 % everywhere */
    batch_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seed_distance_as_written),
        cmocka_unit_test(group05_seed_b3_against_c4),
        cmocka_unit_test(seed_same_note_in_another_octave),
        cmocka_unit_test(seed_silence_reads_as_lowest_key),
        cmocka_unit_test(distance_mask_as_written),
        cmocka_unit_test(distance_mask_ends_in_silence),
        cmocka_unit_test(distance_mask_shared_bias_dies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
