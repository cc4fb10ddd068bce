/* SPDX-License-Identifier: MIT
 *
 * Gradient descent on the logits of one frame reaches the target from any start: in few steps with
 * cross-entropy, in many without. Networks on real rolls: experiments/001-loss-on-chorales.
 */
#include "harness.h"

enum { FAR = 100000 };

/* Descends on one frame's logits until every y is within `near` of its target;
 * the steps, or FAR. */
static int steps_to_target(batch *b, double rate, double near) {
    double grad[KEYS];
    for (int step = 0; step < FAR; step++) {
        double off = 0;
        for (int p = 0; p < b->P; p++) off = fmax(off, fabs(1 / (1 + exp(-b->pred[p])) - b->target[p]));
        if (off < near) return step;
        call_f64(b, NULL, grad);
        for (int p = 0; p < b->P; p++) b->pred[p] -= rate * grad[p];
    }
    return FAR;
}

static spiral_loss_options mixed(spiral_loss_kind kind, double bce) {
    spiral_loss_options o = kind_alone(kind);
    o.from_logits = 1;
    o.bce = bce;
    return o;
}

/* Random logits and random targets, binary or soft. */
static void descent_reaches_the_target(void **state) {
    (void)state;
    for (int k = 0; k <= GEOMETRIC; k++)
        for (uint64_t round = 0; round < 8; round++) {
            batch b = batch_make(mixed(k ? geometric[k - 1] : SPIRAL_LOSS_BCE, 1), 1, 1, KEYS, 0);
            spiral__rng r = spiral__rng_init(round, (uint64_t)k);
            for (int p = 0; p < KEYS; p++) {
                b.pred[p] = 3 * spiral__rng_normal(&r);
                b.target[p] = spiral__rng_below(&r, 8) ? 0 : round & 1 ? spiral__rng_uniform(&r) : 1;
            }
            int steps = steps_to_target(&b, 0.2, 0.02);
            if (steps >= FAR) fail_msg("%s, start %d", spiral_loss_kind_name(b.o.kind), (int)round);
            batch_free(&b);
        }
}

/* A triad as target, from logits that are certain of another note and of silence on the right ones. */
static void descent_from_a_wrong_note_reaches_the_target(void **state) {
    (void)state;
    for (int kind = SPIRAL_LOSS_BCE; kind <= SPIRAL_LOSS_WEIGHTED_BCE; kind++) {
        batch b = batch_make(mixed((spiral_loss_kind)kind, 1), 1, 1, KEYS, 0);
        b.target[C4 - LOW] = b.target[C4 + 4 - LOW] = b.target[C4 + 7 - LOW] = 1;
        for (int p = 0; p < KEYS; p++) b.pred[p] = -4;
        b.pred[C4 - LOW] = -20, b.pred[B3 - LOW] = 20;
        assert_true(steps_to_target(&b, 0.2, 0.02) < FAR);
        batch_free(&b);
    }
}

/* Counts the steps of size 1, from a wrong note with logits of 4, until each cell is within 0.1. */
static void cross_entropy_shortens_the_way(void **state) {
    (void)state;
    int steps[GEOMETRIC][2], bce = 0;
    for (int k = -1; k < GEOMETRIC; k++)
        for (int mix = 0; mix < (k < 0 ? 1 : 2); mix++) {
            batch b = batch_make(mixed(k < 0 ? SPIRAL_LOSS_BCE : geometric[k], k < 0 || mix), 1, 1, KEYS, 0);
            b.target[C4 - LOW] = 1;
            for (int p = 0; p < KEYS; p++) b.pred[p] = -4;
            b.pred[FIS4 - LOW] = 4;
            int n = steps_to_target(&b, 1, 0.1);
            assert_true(n < FAR);
            if (k < 0)
                bce = n;
            else
                steps[k][mix] = n;
            batch_free(&b);
        }
    printf("# steps from a wrong note: bce %d\n", bce);
    for (int k = 0; k < GEOMETRIC; k++) {
        printf("# %s alone %d, with bce %d\n", spiral_loss_kind_name(geometric[k]), steps[k][0], steps[k][1]);
        assert_true(steps[k][0] > 4 * bce && steps[k][1] <= bce);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descent_reaches_the_target),
        cmocka_unit_test(descent_from_a_wrong_note_reaches_the_target),
        cmocka_unit_test(cross_entropy_shortens_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
