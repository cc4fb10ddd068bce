/* SPDX-License-Identifier: MIT
 *
 * The kinds that use the loudest key, argmax_distance and distance_mask: they are computed as they were first
 * written, and have the faults that docs/math.md describes.
 */
#include "harness.h"

/* Gradient descent on one frame's logits, 4000 steps; y is left in b->pred. */
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

static void argmax_distance_is_the_questions_formula(void **state) {
    (void)state;
    spiral_loss_options o = kind_alone(SPIRAL_LOSS_ARGMAX_DISTANCE);
    assert_true(cost(&o, NOTES(C4), NOTES(C4)) == 0);
    assert_true(cost(&o, NOTES(C5), NOTES(C4)) == 5);     /* the same note in another octave */
    assert_true(cost(&o, NOTES(CIS4), NOTES(C4)) == 300); /* the neighbour above */
    assert_true(cost(&o, NOTES(FIS4), NOTES(C4)) == 1800);
    assert_true(fabs(cost(&o, NOTES(B3), NOTES(C4)) - sqrt(3300.0 * 3300 + 25)) < 1e-9);
}

static void argmax_distance_depends_on_where_octaves_begin(void **state) {
    (void)state;
    spiral_loss_options o = kind_alone(SPIRAL_LOSS_ARGMAX_DISTANCE);
    double below = cost(&o, NOTES(B3), NOTES(C4)), above = cost(&o, NOTES(CIS4), NOTES(C4));
    assert_true(below > 10 * above); /* the pitch class jumps between B and C */
    o.kind = SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR;
    below = cost(&o, NOTES(B3), NOTES(C4)), above = cost(&o, NOTES(CIS4), NOTES(C4));
    assert_true(fabs(below - sqrt(300.0 * 300 + 25)) < 1e-9 &&
                above == 300); /* the octave is still rounded down */
    o.kind = SPIRAL_LOSS_SPIRAL;
    below = cost(&o, NOTES(B3), NOTES(C4)), above = cost(&o, NOTES(CIS4), NOTES(C4));
    assert_true(fabs(below - above) < 1e-12);
    o.kind = SPIRAL_LOSS_ENERGY;
    below = cost(&o, NOTES(B3), NOTES(C4)), above = cost(&o, NOTES(CIS4), NOTES(C4));
    assert_true(fabs(below - above) < 1e-15);
}

static void an_octave_costs_less_than_a_semitone(void **state) {
    (void)state;
    const spiral_loss_kind kinds[] = {SPIRAL_LOSS_ARGMAX_DISTANCE, SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR,
                                      SPIRAL_LOSS_SPIRAL, SPIRAL_LOSS_ENERGY, SPIRAL_LOSS_GAUSS};
    for (int k = 0; k < 5; k++) {
        spiral_loss_options o = kind_alone(kinds[k]);
        double octave = cost(&o, NOTES(C5), NOTES(C4));
        assert_true(octave > 0 && octave < cost(&o, NOTES(CIS4), NOTES(C4)));
        assert_true(octave < cost(&o, NOTES(FIS4), NOTES(C4)));
    }
}

static void argmax_distance_reads_silence_as_the_lowest_key(void **state) {
    (void)state;
    spiral_loss_options o = kind_alone(SPIRAL_LOSS_ARGMAX_DISTANCE);
    assert_true(cost(&o, SILENCE, NOTES(LOW)) == 0);
    assert_true(cost(&o, SILENCE, NOTES(C4)) == 5);
}

static void distance_mask_is_the_answers_formula(void **state) {
    (void)state;
    spiral_loss_options o = kind_alone(SPIRAL_LOSS_DISTANCE_MASK);
    assert_true(cost(&o, NOTES(C4), NOTES(C4)) == 0);
    assert_true(cost(&o, NOTES(CIS4), NOTES(C4)) == 10);
    assert_true(cost(&o, NOTES(C4 + 11), NOTES(C4)) == 110); /* not circular: costs more than the tritone */
    assert_true(cost(&o, NOTES(FIS4), NOTES(C4)) == 60);
    assert_true(cost(&o, NOTES(C5), NOTES(C4)) == 5);
    assert_true(cost(&o, NOTES(C5, CIS4), NOTES(C4)) == 15);
    assert_true(cost(&o, SILENCE, NOTES(C4)) == 0); /* silence costs nothing */
    o.kind = SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR;
    assert_true(cost(&o, NOTES(C4 + 11), NOTES(C4)) == 10);
}

/* The mask is 0 on the right note and positive elsewhere, so the right note has gradient 0 and all others are
 * reduced. From any start the other notes end near 0. A right note that starts below the threshold stays
 * below, so the frame is silent. */
static void distance_mask_leads_to_silence(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            spiral_loss_options o =
                kind_alone(k ? SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR : SPIRAL_LOSS_DISTANCE_MASK);
            o.from_logits = 1;
            batch b = batch_make(o, 1, 1, KEYS, 0);
            b.target[C4 - LOW] = 1;
            start(&b, seed);
            double before = b.pred[C4 - LOW] = -1, grad[KEYS];
            call_f64(&b, NULL, grad);
            assert_true(grad[C4 - LOW] == 0); /* the right note has no gradient */
            descend(&b, 0.05);
            assert_true(fabs(b.pred[C4 - LOW] - 1 / (1 + exp(-before))) < 1e-12);
            for (int p = 0; p < KEYS; p++) assert_true(b.pred[p] < 0.5); /* decodes to silence */
            batch_free(&b);
        }
}

/* A network shares its weights among frames, so right notes are reduced too: one bias per key, shared by
 * frames with different targets, ends below any threshold. */
static void distance_mask_silences_shared_biases(void **state) {
    (void)state;
    enum { FRAMES = 12 };
    spiral_loss_options o = kind_alone(SPIRAL_LOSS_DISTANCE_MASK);
    o.from_logits = 1;
    batch b = batch_make(o, 1, FRAMES, KEYS, 0);
    for (int j = 0; j < FRAMES; j++) b.target[j * KEYS + 3 * j] = 1;
    double bias[KEYS], grad[FRAMES * KEYS];
    spiral__rng r = spiral__rng_init(9, 0);
    for (int p = 0; p < KEYS; p++) bias[p] = spiral__rng_normal(&r);
    for (int step = 0; step < 2000; step++) {
        for (int i = 0; i < FRAMES * KEYS; i++) b.pred[i] = bias[i % KEYS];
        call_f64(&b, NULL, grad);
        for (int i = 0; i < FRAMES * KEYS; i++) bias[i % KEYS] -= 0.01 * grad[i];
    }
    for (int p = 0; p < KEYS; p++) assert_true(bias[p] < -3); /* probabilities below 5 % everywhere */
    batch_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(argmax_distance_is_the_questions_formula),
        cmocka_unit_test(argmax_distance_depends_on_where_octaves_begin),
        cmocka_unit_test(an_octave_costs_less_than_a_semitone),
        cmocka_unit_test(argmax_distance_reads_silence_as_the_lowest_key),
        cmocka_unit_test(distance_mask_is_the_answers_formula),
        cmocka_unit_test(distance_mask_leads_to_silence),
        cmocka_unit_test(distance_mask_silences_shared_biases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
