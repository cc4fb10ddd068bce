/* SPDX-License-Identifier: MIT
 *
 * The channel: cross-entropy of labels against the prediction moved along the helix (docs/math.md, section
 * 12).
 */
#include "harness.h"

static spiral_loss_options channel_options(double eta, int from_logits) {
    spiral_loss_options o = kind_alone(SPIRAL_LOSS_CHANNEL);
    o.eta = eta;
    o.from_logits = from_logits;
    return o;
}

/* T of equation 35, written independently: (1 - eta) I + eta A, where the columns of A sum to 1. */
static void matrix(const spiral_loss_options *o, int P, double *T /* (P, P) */) {
    for (int p = 0; p < P; p++) {
        double sum = 0;
        for (int q = 0; q < P; q++)
            if (q != p && abs(q - p) <= o->blur_radius)
                sum += exp(-spiral_helix_distance(&o->helix, q - p) / o->blur_length);
        for (int q = 0; q < P; q++) {
            const double near = exp(-spiral_helix_distance(&o->helix, q - p) / o->blur_length);
            T[q * P + p] = q == p ? 1 - o->eta : abs(q - p) <= o->blur_radius ? o->eta * near / sum : 0;
        }
    }
}

static void fill_music(batch *b, uint64_t seed) {
    batch_fill(b, seed, 0, 0);
    spiral__rng r = spiral__rng_init(seed, 1);
    for (size_t i = 0; i < b->cells; i++) {
        b->target[i] = spiral__rng_below(&r, 10) == 0;
        b->pred[i] = spiral__rng_normal(&r) * 3 - 4 + 5 * b->target[i];
    }
}

/* L = BCE(t, T y), dL/dz = y (1 - y) T' ((T y - t) / (T y (1 - T y))). The sum moved to one key is at most
 * 1. */
static void value_and_gradient_are_those_of_the_matrix(void **state) {
    (void)state;
    static double T[KEYS * KEYS];
    for (uint64_t seed = 0; seed < 20; seed++) {
        spiral_loss_options o = channel_options((double[]){0.05, 0.3, 0.5, 0.95}[seed % 4], 1);
        o.helix = preset((int)(seed % PRESETS));
        o.helix.octave = seed & 1 ? 0.25 : 0.5;
        o.blur_length = seed & 1 ? 0.35 : 1;
        o.blur_radius = seed & 2 ? 127 : 13;
        batch b = batch_make(o, 1, 4, KEYS, 0);
        fill_music(&b, seed);
        matrix(&o, KEYS, T);
        double *grad = doubles(b.cells), value = call_f64(&b, NULL, grad), wanted = 0;
        for (int j = 0; j < 4; j++) {
            double y[KEYS], g[KEYS];
            int full[KEYS];
            for (int p = 0; p < KEYS; p++) y[p] = 1 / (1 + exp(-b.pred[j * KEYS + p]));
            for (int q = 0; q < KEYS; q++) {
                double v = 0, t = b.target[j * KEYS + q];
                for (int p = 0; p < KEYS; p++) v += p != q ? T[q * KEYS + p] * y[p] : 0;
                full[q] = v > o.eta;
                v = fmin(v, o.eta) + (1 - o.eta) * y[q];
                wanted -= t * log(v) + (1 - t) * log1p(-v);
                g[q] = (v - t) / (v * (1 - v));
            }
            for (int p = 0; p < KEYS; p++) {
                double sum = 0;
                for (int q = 0; q < KEYS; q++) sum += full[q] && q != p ? 0 : T[q * KEYS + p] * g[q];
                const double slope = y[p] * (1 - y[p]) * sum;
                if (!(fabs(grad[j * KEYS + p] - slope) < 1e-11 * (1 + fabs(slope))))
                    fail_msg("seed %d, key %d: %.17g, by the matrix %.17g", (int)seed, p, grad[j * KEYS + p],
                             slope);
            }
        }
        assert_true(fabs(value - wanted) < 1e-11 * wanted);
        free(grad);
        batch_free(&b);
    }
}

/* Silent and full frames, certain and uncertain, right and wrong, with logits up to the largest. */
static void fill_extremes(batch *b, uint64_t seed) {
    batch_fill(b, seed, 1, 0);
    for (size_t j = 0; j < b->B * b->T; j++)
        for (int p = 0; p < b->P; p++) {
            const size_t i = j * (size_t)b->P + (size_t)p;
            const double size = b->o.from_logits ? (double[]){3, 40, 800, 1e20}[j % 4] : 0.5;
            if (j < 8) b->target[i] = j < 4;
            if (j < 16) b->pred[i] = (b->o.from_logits ? 0 : 0.5) + (j / 4 % 2 ? size : -size);
            if (j >= 16 && j < 20) b->pred[i] = (b->o.from_logits ? 0 : 0.5) + (p % 3 ? size : -size);
        }
}

static void without_wrong_labels_it_is_cross_entropy(void **state) {
    (void)state;
    for (int bits = 0; bits < 8; bits++)
        for (int P = 1; P <= KEYS; P += 5) {
            spiral_loss_options o = channel_options(0, bits & 1), bce = o;
            bce.kind = SPIRAL_LOSS_BCE;
            bce.bce = 1;
            o.reduction = bce.reduction = bits & 4 ? SPIRAL_REDUCE_MEAN : SPIRAL_REDUCE_NONE;
            batch b = batch_make(o, 2, 15, P, bits & 2), c;
            fill_extremes(&b, (uint64_t)(bits * 100 + P));
            c = b;
            c.o = bce;
            double *grad = doubles(2 * b.cells), *other = grad + b.cells, frames[30] = {0}, wanted[30] = {0};
            double value = call_f64(&b, frames, grad), expected = call_f64(&c, wanted, other);
            assert_true(fabs(value - expected) <= 1e-12 * expected);
            for (int j = 0; j < 30; j++) assert_true(fabs(frames[j] - wanted[j]) <= 1e-12 * wanted[j]);
            for (size_t i = 0; i < b.cells; i++)
                assert_true(fabs(grad[i] - other[i]) <= 1e-12 * (1 + fabs(other[i])));
            free(grad);
            batch_free(&b);
        }
}

/* Of one key no note can move. */
static void one_key_is_cross_entropy_for_any_eta(void **state) {
    (void)state;
    spiral_loss_options o = channel_options(0.7, 1), bce = o;
    bce.kind = SPIRAL_LOSS_BCE, bce.bce = 1;
    batch b = batch_make(o, 1, 20, 1, 0), c;
    fill_extremes(&b, 5);
    c = b, c.o = bce;
    double expected = call_f64(&c, NULL, NULL);
    assert_true(fabs(call_f64(&b, NULL, NULL) - expected) <= 1e-12 * expected);
    batch_free(&b);
}

static void extremes_equal_the_definition_and_stay_finite(void **state) {
    (void)state;
    for (int bits = 0; bits < 16; bits++) {
        spiral_loss_options o = channel_options(bits & 4 ? 0.999 : 0.3, bits & 1);
        o.blur_length = bits & 8 ? 0.01 : 0.5;
        o.reduction = SPIRAL_REDUCE_NONE;
        batch b = batch_make(o, 2, 15, KEYS, bits & 2);
        fill_extremes(&b, (uint64_t)bits);
        double *grad = doubles(b.cells), frames[30];
        float *single = calloc(b.cells, sizeof *single);
        double *scratch = doubles(spiral__ref_scratch(&o, KEYS, b.T));
        spiral__ref_value_grad(&o, KEYS, b.B, b.T, b.pred, b.target, b.weight, b.frames, b.grad, scratch);
        call_f64(&b, frames, grad);
        for (int j = 0; j < 30;
             j++) /* beyond +-690 results are only finite: the part of a below exp(-690) is lost */
            if (!(isfinite(frames[j]) &&
                  (j % 4 > 1 || fabs(frames[j] - b.frames[j]) <= 1e-9 * (1 + b.frames[j]))))
                fail_msg("bits %d, frame %d: %.17g, definition %.17g", bits, j, frames[j], b.frames[j]);
        for (size_t i = 0; i < b.cells; i++) assert_true(isfinite(grad[i]) && fabs(grad[i]) <= 4e7);
        assert_true(isfinite(call_f32(&b, single)));
        for (size_t i = 0; i < b.cells; i++) assert_true(isfinite(single[i]));
        free(grad), free(single), free(scratch);
        batch_free(&b);
    }
}

static void gradient_equals_differences(void **state) {
    (void)state;
    for (int round = 0; round < 24; round++) {
        spiral_loss_options o = channel_options((double[]){0, 0.2, 0.9}[round % 3], 1);
        batch b = batch_make(o, 1, 3, KEYS, round & 1);
        fill_music(&b, (uint64_t)round);
        for (size_t i = 0; i < b.cells; i++) { /* targets: music, silence, all keys; a certain prediction */
            if (round / 6 == 1) b.target[i] = 0;
            if (round / 6 == 2) b.target[i] = 1;
            if (round / 6 == 3) b.pred[i] = b.pred[i] > 0 ? 30 : -30;
        }
        double *grad = doubles(b.cells), h = 1e-4;
        call_f64(&b, NULL, grad);
        for (size_t i = 0; i < b.cells; i++) {
            const double z = b.pred[i];
            double f[4];
            for (int k = 0; k < 4; k++) {
                b.pred[i] = z + h * (double[]){-2, -1, 1, 2}[k];
                f[k] = call_f64(&b, NULL, NULL);
            }
            b.pred[i] = z;
            const double slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
            assert_true(fabs(slope - grad[i]) < 2e-8 * (1 + largest(grad, b.cells)));
        }
        free(grad);
        batch_free(&b);
    }
}

/* Forward correction: if the mean of the labels is T y*, the only minimum is y*. */
static void the_minimum_is_what_the_labels_were_made_of(void **state) {
    (void)state;
    static double T[KEYS * KEYS];
    spiral_loss_options o = channel_options(0.4, 1);
    matrix(&o, KEYS, T);
    batch b = batch_make(o, 1, 1, KEYS, 0);
    double y[KEYS], grad[KEYS], off[KEYS];
    spiral__rng r = spiral__rng_init(3, 0);
    for (int p = 0; p < KEYS; p++) {
        y[p] = p % 7 == 3 ? 0.9 : 0.02;
        b.pred[p] = log(y[p] / (1 - y[p]));
    }
    for (int q = 0; q < KEYS; q++)
        for (int p = 0; p < KEYS; p++) b.target[q] += T[q * KEYS + p] * y[p];
    double least = call_f64(&b, NULL, grad);
    assert_true(largest(grad, KEYS) < 1e-14);
    for (int k = 0; k < 100; k++) {
        for (int p = 0; p < KEYS; p++) off[p] = spiral__rng_normal(&r), b.pred[p] += off[p];
        assert_true(call_f64(&b, NULL, NULL) > least);
        for (int p = 0; p < KEYS; p++) b.pred[p] -= off[p];
    }
    batch_free(&b);
}

/* A certain prediction of C4, and a label a few semitones off. */
static void a_label_costs_by_its_distance_from_the_note(void **state) {
    (void)state;
    spiral_loss_options o = channel_options(0.3, 1);
    batch b = batch_make(o, 1, 1, KEYS, 0);
    double cost[13];
    for (int d = 0; d <= 12; d++) {
        for (int p = 0; p < KEYS; p++) b.pred[p] = p == C4 - LOW ? 9 : -9, b.target[p] = p == C4 - LOW + d;
        cost[d] = call_f64(&b, NULL, NULL);
    }
    printf("# label right %.3f, octave %.3f, semitone %.3f, tritone %.3f nats\n", cost[0], cost[12], cost[1],
           cost[6]);
    assert_true(cost[0] < cost[12] && cost[12] < cost[1] && cost[1] < cost[2] && cost[2] < cost[6]);
    batch_free(&b);
}

/* A weight above 1 counts the cell's label more often, but does not move more of its note to other keys. */
static void weights_count_labels(void **state) {
    (void)state;
    spiral_loss_options o = channel_options(0.3, 1);
    o.reduction = SPIRAL_REDUCE_SUM;
    batch b = batch_make(o, 1, 2, KEYS, 1);
    fill_music(&b, 9);
    for (size_t i = 0; i < b.cells; i++) b.weight[i] = 1;
    double once = call_f64(&b, NULL, NULL);
    for (size_t i = 0; i < b.cells; i++) b.weight[i] = 3;
    assert_true(fabs(call_f64(&b, NULL, NULL) - 3 * once) < 1e-12 * once);
    batch_free(&b);
}

/* For logits within +-60, in frames that are not full. */
static void single_precision_of_music_is_close(void **state) {
    (void)state;
    double worst_value = 0, worst_grad = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        spiral_loss_options o = channel_options(seed & 1 ? 0.3 : 0.9, 1);
        o.reduction = SPIRAL_REDUCE_NONE;
        batch b = batch_make(o, 10, 10, KEYS, seed & 2);
        fill_music(&b, seed);
        for (size_t i = 0; i < b.cells; i++) {
            if (seed & 4) b.pred[i] = fmax(fmin(b.pred[i] * 6, 60), -60);
            b.pred[i] = (double)(float)b.pred[i];
            if (b.weight) b.weight[i] = (double)(float)b.weight[i];
        }
        double *grad = doubles(b.cells), frames[100], single_frames[100];
        float *single = calloc(b.cells, sizeof *single);
        call_f64(&b, frames, grad);
        call_f32_frames(&b, single_frames, single);
        for (int j = 0; j < 100; j++) {
            const double top = 1 + largest(grad + j * KEYS, KEYS);
            worst_value = fmax(worst_value, fabs(frames[j] - single_frames[j]) / (1 + frames[j]));
            for (int p = 0; p < KEYS; p++)
                worst_grad = fmax(worst_grad, fabs(grad[j * KEYS + p] - (double)single[j * KEYS + p]) / top);
        }
        free(grad), free(single);
        batch_free(&b);
    }
    printf("# f32 against f64: value %.2g, gradient %.2g\n", worst_value, worst_grad);
    assert_true(worst_value < 1e-6 && worst_grad < 4e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_and_gradient_are_those_of_the_matrix),
        cmocka_unit_test(without_wrong_labels_it_is_cross_entropy),
        cmocka_unit_test(one_key_is_cross_entropy_for_any_eta),
        cmocka_unit_test(extremes_equal_the_definition_and_stay_finite),
        cmocka_unit_test(gradient_equals_differences),
        cmocka_unit_test(the_minimum_is_what_the_labels_were_made_of),
        cmocka_unit_test(a_label_costs_by_its_distance_from_the_note),
        cmocka_unit_test(weights_count_labels),
        cmocka_unit_test(single_precision_of_music_is_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
