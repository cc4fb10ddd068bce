/* SPDX-License-Identifier: MIT
 *
 * The gradient is the derivative of the value: Taylor remainders, differences at each cell and at the ends of
 * [0, 1], the exact expansion of a quadratic form, and the identity behind theorem 1 of docs/math.md.
 */
#include "harness.h"

enum { KINDS = SPIRAL_LOSS_COUNT };

static double value_of(batch *b) {
    double frames[64];
    assert_true(b->B * b->T <= 64);
    return call_f64(b, frames, NULL);
}

static double moved(batch *b, const double *from, double h, const double *direction) {
    for (size_t i = 0; i < b->cells; i++) b->pred[i] = from[i] + h * direction[i];
    double value = value_of(b);
    memcpy(b->pred, from, b->cells * sizeof *from);
    return value;
}

/* A batch of kind and mixture: bit 0 logits, 1 weights, 2 cross-entropy, 3 soft targets, 4 time blur. */
static int mixture(batch *b, int kind, int bits, double margin) {
    spiral_loss_options o = default_options();
    o.kind = (spiral_loss_kind)kind;
    if (spiral__loss_is_metric(o.kind) || (bits & 16 && !is_geometric(o.kind))) return 0;
    o.blur_radius = 14;
    o.from_logits = bits & 1;
    o.bce = bits & 4 ? 0.7 : 0;
    o.time_blur = bits & 16 ? 1.2 : 0;
    o.reduction = (spiral_reduction)(bits % 4);
    *b = batch_make(o, 2, 3, 15, bits & 2);
    batch_fill(b, 900 + (uint64_t)bits, bits & 8, margin);
    return 1;
}

/* L(y + hv) - L(y) - h <g, v> shrinks as h^2, over four decades of h; for the kinds linear in y it is 0. */
static void check_taylor(batch *b, int at_silence) {
    double *from = doubles(3 * b->cells), *v = from + b->cells, *grad = v + b->cells, frames[6];
    spiral__rng r = spiral__rng_init(17, 0);
    memcpy(from, b->pred, b->cells * sizeof *from);
    double base = call_f64(b, frames, grad), remainder[5], size = 1 + fabs(base);
    for (size_t i = 0; i < b->cells; i++) {
        v[i] = 2 * spiral__rng_uniform(&r) - 1;
        if (at_silence) v[i] = fabs(v[i]);
    }
    for (int k = 0; k < 5; k++) {
        double h = pow(10, -1.5 - k);
        remainder[k] = fabs(moved(b, from, h, v) - base - h * dot(grad, v, b->cells));
    }
    if (remainder[0] < 1e-13 * size) { /* a kind that is linear in y, or constant */
        for (int k = 0; k < 5; k++) assert_true(remainder[k] < 1e-13 * size);
        assert_true(b->o.bce == 0 && !is_geometric(b->o.kind) && b->o.kind != SPIRAL_LOSS_WEIGHTED_BCE);
    } else {
        for (int k = 0; k < 4; k++) {
            double slope = log10(remainder[k] / remainder[k + 1]);
            if (!(fabs(slope - 2) < (k ? 0.02 : 0.2)))
                fail_msg("%s, %s: slope %.4f from h = 1e%.1f to 1e%.1f (remainders %g, %g)",
                         spiral_loss_kind_name(b->o.kind), b->o.from_logits ? "logits" : "probabilities",
                         slope, -1.5 - k, -2.5 - k, remainder[k], remainder[k + 1]);
        }
    }
    free(from);
}

static void taylor_remainders_have_slope_2(void **state) {
    (void)state;
    batch b;
    for (int kind = 0; kind < KINDS; kind++)
        for (int bits = 0; bits < 32; bits++) {
            if (!mixture(&b, kind, bits, 0.2)) continue;
            check_taylor(&b, 0);
            batch_free(&b);
        }
    for (int k = 0; k < GEOMETRIC; k++) { /* at silence y can only increase */
        assert_true(mixture(&b, (int)geometric[k], 0, 0.05));
        memset(b.pred, 0, b.cells * sizeof *b.pred);
        check_taylor(&b, 1);
        batch_free(&b);
    }
}

/* E(y + hv) = E(y) + h <g, v> + h^2/2 <v, Kv> for any h. */
static void quadratic_kinds_equal_their_expansion(void **state) {
    (void)state;
    enum { T = 5, P = 17, CELLS = T * P };
    spiral__rng r = spiral__rng_init(3, 0);
    for (int round = 0; round < 40; round++) {
        spiral_loss_options o = kind_alone(round & 1 ? SPIRAL_LOSS_GAUSS : SPIRAL_LOSS_ENERGY);
        o.time_blur = round & 2 ? 1.7 : 0;
        o.helix = preset(round / 4 % PRESETS);
        batch b = batch_make(o, 1, T, P, 0);
        double v[CELLS], from[CELLS], grad[CELLS], square = 0;
        for (size_t i = 0; i < CELLS; i++) {
            from[i] = b.pred[i] = 0.25 + 0.5 * spiral__rng_uniform(&r);
            b.target[i] = spiral__rng_uniform(&r);
            v[i] = 2 * spiral__rng_uniform(&r) - 1;
        }
        for (int i = 0; i < CELLS; i++)
            for (int j = 0; j < CELLS; j++)
                square += v[i] * v[j] * spiral__ref_kernel(&o, i % P - j % P) *
                          spiral__ref_time_profile(&o, i / P - j / P);
        double base = call_f64(&b, NULL, grad);
        for (int k = 0; k < 6; k++) {
            double h = (double[]){0.25, -0.25, 0.1, -1e-2, 1e-3, 1e-5}[k];
            double wanted = base + h * dot(grad, v, CELLS) + h * h / 2 * square;
            assert_true(fabs(moved(&b, from, h, v) - wanted) < 2e-14 * (1 + fabs(base)));
        }
        batch_free(&b);
    }
}

/* Central differences of fourth order, at each cell. */
static void gradient_equals_central_differences(void **state) {
    (void)state;
    double worst = 0;
    for (int kind = 0; kind < KINDS; kind++)
        for (int bits = 0; bits < 32; bits++) {
            batch b;
            if (!mixture(&b, kind, bits, 0.05)) continue;
            double *grad = doubles(b.cells), frames[6], f[4];
            const double h = 2e-4;
            call_f64(&b, frames, grad);
            double top = fmax(largest(grad, b.cells), 1e-3);
            for (size_t i = 0; i < b.cells; i++) {
                const double z = b.pred[i];
                for (int k = 0; k < 4; k++) {
                    b.pred[i] = z + (double[]){-2, -1, 1, 2}[k] * h;
                    f[k] = value_of(&b);
                }
                b.pred[i] = z;
                double slope = (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h);
                worst = fmax(worst, fabs(slope - grad[i]) / top);
                if (!(fabs(slope - grad[i]) <= 1e-8 * top))
                    fail_msg("%s, mixture %d, cell %zu: gradient %.12g, difference %.12g",
                             spiral_loss_kind_name(b.o.kind), bits, i, grad[i], slope);
            }
            free(grad);
            batch_free(&b);
        }
    printf("# central differences: %.2g of the largest gradient at most\n", worst);
}

/* Where y is 0 or 1, one-sided differences of fourth order are used; silent frames are included. */
static void gradient_at_silence_equals_one_sided_differences(void **state) {
    (void)state;
    enum { P = 12, T = 4, CELLS = T * P };
    double worst = 0;
    for (int round = 0; round < 2 * GEOMETRIC; round++) {
        spiral_loss_options o = kind_alone(geometric[round / 2]);
        o.time_blur = round % 2 ? 0.8 : 0;
        batch b = batch_make(o, 1, T, P, 0);
        b.pred[3] = 1;                               /* an extra note in silence */
        b.target[P + 5] = 1;                         /* a missed note */
        b.target[2 * P + 2] = b.pred[2 * P + 2] = 1; /* a right one; the last frame is silent */
        double grad[CELLS];
        call_f64(&b, NULL, grad);
        for (size_t i = 0; i < CELLS; i++) {
            const double y = b.pred[i], h = y > 0 ? -1e-4 : 1e-4;
            double f[5];
            for (int k = 0; k < 5; k++) {
                b.pred[i] = y + k * h;
                f[k] = value_of(&b);
            }
            b.pred[i] = y;
            double slope = (-25 * f[0] + 48 * f[1] - 36 * f[2] + 16 * f[3] - 3 * f[4]) / (12 * h);
            worst = fmax(worst, fabs(slope - grad[i]) / largest(grad, CELLS));
        }
        batch_free(&b);
    }
    printf("# one-sided differences: %.2g of the largest gradient at most\n", worst);
    assert_true(worst < 1e-8);
}

static void silence_for_silence_costs_nothing(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++)
        for (int bce = 0; bce < 2; bce++) {
            if (spiral__loss_is_metric((spiral_loss_kind)kind)) continue;
            spiral_loss_options o = kind_alone((spiral_loss_kind)kind);
            o.bce = bce;
            batch b = batch_make(o, 2, 9, KEYS, 0);
            double *grad = doubles(b.cells), value = call_f64(&b, NULL, grad);
            float *single = calloc(b.cells, sizeof *single);
            b.o.reduction = SPIRAL_REDUCE_NONE;
            assert_true(value == 0 && call_f32(&b, single) == 0);
            for (size_t i = 0; i < b.cells; i++) {
                if (!bce && is_geometric(o.kind)) assert_true(grad[i] == 0 && single[i] == 0);
                assert_true(isfinite(grad[i]) && isfinite(single[i]));
            }
            free(grad), free(single);
            batch_free(&b);
        }
}

/* <dL/dz, d / (y (1 - y))> = sum of d^2 / (y (1 - y)) + lambda <d, dkind/dy>, and both terms are positive:
 * no stationary point but the target. */
static void gradient_along_the_error_is_positive(void **state) {
    (void)state;
    const double lambda = 0.8;
    for (uint64_t round = 0; round < 60; round++) {
        spiral_loss_options o = kind_alone(geometric[round % GEOMETRIC]);
        batch y = batch_make(o, 1, 6, KEYS, 0), z = batch_make(o, 1, 6, KEYS, 0);
        z.o.from_logits = 1, z.o.bce = 1, z.o.lambda = lambda;
        o.time_blur = round & 1 ? 2 : 0;
        z.o.time_blur = y.o.time_blur = o.time_blur;
        batch_fill(&z, round, round & 2, 0);
        double *in_y = doubles(y.cells), *in_z = doubles(y.cells), left = 0, cross = 0, kind = 0;
        for (size_t i = 0; i < y.cells; i++) {
            y.pred[i] = 1 / (1 + exp(-z.pred[i]));
            y.target[i] = z.target[i];
        }
        call_f64(&y, NULL, in_y);
        call_f64(&z, NULL, in_z);
        for (size_t i = 0; i < y.cells; i++) {
            double d = y.pred[i] - y.target[i], slope = y.pred[i] / (1 + exp(z.pred[i]));
            left += in_z[i] * d / slope;
            cross += d * d / slope;
            kind += lambda * d * in_y[i];
        }
        assert_true(fabs(left - cross - kind) <= 1e-12 * left && cross > 0 && kind > 0);
        free(in_y), free(in_z);
        batch_free(&y), batch_free(&z);
    }
}

/* The target is C4, the prediction is certain of F#4: only with cross-entropy is the gradient of C4 large. */
static void cross_entropy_keeps_the_gradient_of_sure_mistakes(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++)
        for (int bce = 0; bce < 2; bce++) {
            if (!is_geometric((spiral_loss_kind)kind)) continue;
            spiral_loss_options o = kind_alone((spiral_loss_kind)kind);
            o.from_logits = 1, o.bce = bce;
            batch b = batch_make(o, 1, 1, KEYS, 0);
            double grad[KEYS];
            for (int p = 0; p < KEYS; p++) b.pred[p] = -8;
            b.pred[FIS4 - LOW] = 8;
            b.target[C4 - LOW] = 1;
            call_f64(&b, NULL, grad);
            assert_true(grad[C4 - LOW] < 0 && grad[FIS4 - LOW] > 0);
            assert_true(bce ? grad[C4 - LOW] < -0.9 : grad[C4 - LOW] > -0.01);
            printf("# %s%s: gradient of the missing note %.4f, of the wrong one %.4f\n", bce ? "bce + " : "",
                   spiral_loss_kind_name(o.kind), grad[C4 - LOW], grad[FIS4 - LOW]);
            batch_free(&b);
        }
}

static void large_logits_give_finite_results(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        spiral_loss_options o = default_options();
        o.kind = (spiral_loss_kind)kind;
        const int metric = spiral__loss_is_metric(o.kind);
        batch b = batch_make(o, 1, 6, 12, 0);
        for (size_t i = 0; i < b.cells; i++) {
            b.pred[i] = (double[]){100, -100, 0, 1e20, -1e20, 17}[i / 12];
            b.target[i] = i % 3 == 0;
        }
        double frames[6], grad[72];
        float single[72];
        b.o.reduction = SPIRAL_REDUCE_NONE;
        assert_true(isfinite(call_f64(&b, frames, metric ? NULL : grad)));
        assert_true(isfinite(call_f32(&b, metric ? NULL : single)));
        for (int i = 0; i < 72 && !metric; i++) assert_true(isfinite(grad[i]) && isfinite(single[i]));
        /* A logit of 100 on a wrong key has the full gradient of cross-entropy. */
        if (!metric) assert_true(grad[1] > 0.99);
        batch_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taylor_remainders_have_slope_2),
        cmocka_unit_test(quadratic_kinds_equal_their_expansion),
        cmocka_unit_test(gradient_equals_central_differences),
        cmocka_unit_test(gradient_at_silence_equals_one_sided_differences),
        cmocka_unit_test(silence_for_silence_costs_nothing),
        cmocka_unit_test(gradient_along_the_error_is_positive),
        cmocka_unit_test(cross_entropy_keeps_the_gradient_of_sure_mistakes),
        cmocka_unit_test(large_logits_give_finite_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
