/* SPDX-License-Identifier: MIT
 *
 * Properties of the losses that docs/math.md proves: exact zeros, no negative values, metrics, convexity,
 * propriety. That kernels are positive definite: tests/helix/test_kernel.c.
 */
#include "harness.h"

enum { MANY = VALGRIND ? 6000 : 100000, BLOCK = 2000 }; /* frames in all, and in one call */

/* At y = t, value and gradient are exactly 0. */
static void equal_rolls_cost_exactly_0(void **state) {
    (void)state;
    for (int mixture = 0; mixture < 48; mixture++) {
        spiral_loss_options o = kind_alone(geometric[mixture % GEOMETRIC]);
        o.time_blur = mixture & 4 ? 1.7 : 0;
        o.helix = preset(mixture / 12);
        batch b = batch_make(o, 2, 21, KEYS, mixture & 8);
        batch_fill(&b, 40, mixture & 16, 0);
        for (size_t i = 0; i < b.cells; i++) b.pred[i] = b.target[i];
        double *grad = doubles(b.cells);
        float *single = calloc(b.cells, sizeof *single);
        assert_true(call_f64(&b, NULL, grad) == 0);
        b.o.reduction = SPIRAL_REDUCE_NONE;
        assert_true(call_f32(&b, single) == 0);
        for (size_t i = 0; i < b.cells; i++) assert_true(grad[i] == 0 && single[i] == 0);
        free(grad), free(single);
        batch_free(&b);
    }
}

/* From very different rolls to rolls that are equal in 12 decimals, in both precisions. */
static void values_are_never_negative(void **state) {
    (void)state;
    for (int k = 0; k < GEOMETRIC; k++)
        for (uint64_t round = 0; round < MANY / BLOCK; round++) {
            spiral_loss_options o = kind_alone(geometric[k]);
            o.reduction = SPIRAL_REDUCE_NONE;
            batch b = batch_make(o, 1, BLOCK, KEYS, 0);
            batch_fill(&b, round, 1, 0);
            double *frames = doubles(BLOCK), near = round % 2 ? 1 : pow(10, -(double)(round % 12));
            for (size_t i = 0; i < b.cells; i++) b.pred[i] = b.target[i] + near * (b.pred[i] - b.target[i]);
            call_f64(&b, frames, NULL);
            for (int j = 0; j < BLOCK; j++) assert_true(frames[j] > 0);
            call_f32_frames(&b, frames, NULL);
            for (int j = 0; j < BLOCK; j++) assert_true(frames[j] >= 0);
            free(frames);
            batch_free(&b);
        }
}

/* sqrt(2E) is a distance between rolls: symmetric, with the triangle inequality. */
static void root_of_the_quadratic_kinds_is_a_metric(void **state) {
    (void)state;
    for (int k = 1; k < GEOMETRIC; k++)
        for (uint64_t round = 0; round < MANY / BLOCK; round++) {
            spiral_loss_options o = kind_alone(geometric[k]);
            o.reduction = SPIRAL_REDUCE_NONE;
            o.helix = preset((int)round % PRESETS);
            batch pair = batch_make(o, 1, BLOCK, KEYS, 0), other = batch_make(o, 1, BLOCK, KEYS, 0);
            batch_fill(&pair, round, 1, 0), batch_fill(&other, 1000 + round, 0, 0);
            double *ab = doubles(BLOCK), *ba = doubles(BLOCK), *bc = doubles(BLOCK), *ac = doubles(BLOCK);
            double *a = pair.pred, *b = pair.target, *c = round % 2 ? other.pred : other.target;
            call_f64(&pair, ab, NULL);
            pair.pred = b, pair.target = a;
            call_f64(&pair, ba, NULL);
            pair.target = c;
            call_f64(&pair, bc, NULL);
            pair.pred = a;
            call_f64(&pair, ac, NULL);
            pair.target = b;
            for (int j = 0; j < BLOCK; j++) {
                assert_true(ab[j] == ba[j]);
                assert_true(sqrt(2 * ac[j]) <= sqrt(2 * ab[j]) + sqrt(2 * bc[j]) + 1e-13);
            }
            free(ab), free(ba), free(bc), free(ac);
            batch_free(&pair), batch_free(&other);
        }
}

/* Over a finite set of targets the mean gradient is 0 where y is their mean, in y and in logits. */
static void losses_are_proper(void **state) {
    (void)state;
    enum { TARGETS = 16, P = 12 };
    for (int kind = SPIRAL_LOSS_BCE; kind <= SPIRAL_LOSS_GAUSS; kind++)
        for (uint64_t round = 0; round < 40; round++) {
            spiral_loss_options o = kind_alone((spiral_loss_kind)kind);
            o.bce = kind == SPIRAL_LOSS_BCE || round & 1;
            o.from_logits = round & 2;
            batch b = batch_make(o, 1, TARGETS, P, 0);
            batch_fill(&b, round, round & 4, 0);
            for (size_t p = 0; p < P; p++) b.target[p] = 0.5; /* no mean is 0 or 1 */
            for (size_t p = 0; p < P; p++) {
                double mean = 0;
                for (size_t j = 0; j < TARGETS; j++) mean += b.target[j * P + p] / TARGETS;
                for (size_t j = 0; j < TARGETS; j++)
                    b.pred[j * P + p] = o.from_logits ? log(mean / (1 - mean)) : mean;
            }
            double grad[TARGETS * P];
            call_f64(&b, NULL, grad);
            for (size_t p = 0; p < P; p++) {
                double sum = 0;
                for (size_t j = 0; j < TARGETS; j++) sum += grad[j * P + p];
                assert_true(fabs(sum) < 1e-11);
            }
            batch_free(&b);
        }
}

/* C4 or C5, equally likely: the minimum of the weighted cross-entropy is at pi / (pi + (1 - pi) a) for each,
 * with a = epsilon + D(12) / D0, as docs/math.md says, and not at 1/2. */
static void weighted_bce_is_not_proper(void **state) {
    (void)state;
    spiral_loss_options o = kind_alone(SPIRAL_LOSS_WEIGHTED_BCE);
    double a = SPIRAL__REF_LEAST_WEIGHT + spiral__helix_relative_distance(&o.helix, 12),
           best = 0.5 / (0.5 + 0.5 * a);
    batch b = batch_make(o, 1, 2, KEYS, 0);
    b.target[C4 - LOW] = b.target[KEYS + C5 - LOW] = 1;
    for (int j = 0; j < 2; j++) b.pred[j * KEYS + C4 - LOW] = b.pred[j * KEYS + C5 - LOW] = best;
    double grad[2 * KEYS];
    call_f64(&b, NULL, grad);
    assert_true(fabs(grad[C4 - LOW] + grad[KEYS + C4 - LOW]) < 1e-12);
    assert_true(fabs(grad[C5 - LOW] + grad[KEYS + C5 - LOW]) < 1e-12);
    assert_true(best > 0.7);
    batch_free(&b);
}

/* L((a + b) / 2) <= (L(a) + L(b)) / 2, strictly for a != b. */
static void losses_are_convex(void **state) {
    (void)state;
    for (int kind = SPIRAL_LOSS_BCE; kind <= SPIRAL_LOSS_WEIGHTED_BCE; kind++)
        for (uint64_t round = 0; round < 10; round++) {
            spiral_loss_options o = kind_alone((spiral_loss_kind)kind);
            o.bce = kind == SPIRAL_LOSS_BCE;
            o.reduction = SPIRAL_REDUCE_NONE;
            batch b = batch_make(o, 1, BLOCK, KEYS, 0), c = batch_make(o, 1, BLOCK, KEYS, 0);
            batch_fill(&b, round, round & 1, 1e-3), batch_fill(&c, 500 + round, 0, 1e-3);
            double at_b[BLOCK], at_c[BLOCK], between[BLOCK];
            call_f64(&b, at_b, NULL);
            memcpy(c.target, b.target, b.cells * sizeof *b.target);
            call_f64(&c, at_c, NULL);
            for (size_t i = 0; i < b.cells; i++) b.pred[i] = (b.pred[i] + c.pred[i]) / 2;
            call_f64(&b, between, NULL);
            for (int j = 0; j < BLOCK; j++) assert_true(between[j] < (at_b[j] + at_c[j]) / 2);
            batch_free(&b), batch_free(&c);
        }
}

/* As b grows, the spiral becomes a quadratic form: value * N * b approaches |S d|^2 / 2, with an error of
 * order 1/b. */
static void a_large_kl_offset_gives_a_quadratic_form(void **state) {
    (void)state;
    enum { P = 12 };
    double off[2];
    for (int k = 0; k < 2; k++) {
        spiral_loss_options o = kind_alone(SPIRAL_LOSS_SPIRAL);
        o.kl_offset = k ? 1000 : 100;
        batch b = batch_make(o, 1, 3, P, 0);
        batch_fill(&b, 3, 1, 0);
        double s[2 * SPIRAL__MAX_BLUR_RADIUS + 1], square = 0;
        spiral__helix_blur_profile(&o.helix, o.blur_length, o.blur_radius, s);
        for (int j = 0; j < 3; j++)
            for (int r = -o.blur_radius; r < P + o.blur_radius; r++) {
                double sum = 0;
                for (int p = 0; p < P; p++)
                    if (abs(r - p) <= o.blur_radius)
                        sum += s[o.blur_radius + r - p] * (b.pred[j * P + p] - b.target[j * P + p]);
                square += sum * sum / 2;
            }
        double value = call_f64(&b, NULL, NULL) * spiral__ref_missed_note(&o) * o.kl_offset;
        off[k] = fabs(value / square - 1);
        batch_free(&b);
    }
    assert_true(off[1] < 1e-3 && fabs(off[0] / off[1] - 10) < 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_rolls_cost_exactly_0),
        cmocka_unit_test(values_are_never_negative),
        cmocka_unit_test(root_of_the_quadratic_kinds_is_a_metric),
        cmocka_unit_test(losses_are_proper),
        cmocka_unit_test(weighted_bce_is_not_proper),
        cmocka_unit_test(losses_are_convex),
        cmocka_unit_test(a_large_kl_offset_gives_a_quadratic_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
