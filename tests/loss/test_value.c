/* SPDX-License-Identifier: MIT
 *
 * The fast code against the definition (ref.c), and the definition's gradients against central differences:
 * every kind, logits and probabilities, soft and binary targets, weights, time blur, every instruction set.
 */
#include "harness.h"

static const char *const isas[] = {"baseline", "avx2", "avx512"};
enum { ISAS = 3 };

static double most(const double *x, size_t n) {
    double m = 0;
    for (size_t i = 0; i < n; i++) m = fmax(m, fabs(x[i]));
    return m;
}

static void describe(const batch *b, char *text, size_t size) {
    snprintf(text, size, "%s, %s, %s, bce %g, tau %g, (%zu, %zu, %d), %s", spiral_loss_kind_name(b->o.kind),
             b->o.from_logits ? "logits" : "probabilities", b->weight ? "weights" : "no weights", b->o.bce,
             b->o.time_columns, b->B, b->T, b->P, spiral_isa_name());
}

/* f64: value, columns and gradient to 1e-12 of their largest. f32: value to 4e-6 of the sum of the columns'
 * sizes, gradient to 2e-5 of the largest. */
static void against_ref(batch *b) {
    char text[160];
    describe(b, text, sizeof text);
    const int metric = spiral__loss_is_metric(b->o.kind);
    b->o.reduction = SPIRAL_REDUCE_NONE;
    double ref = call_ref(b), sizes = 0;
    for (size_t j = 0; j < b->B * b->T; j++) sizes += fabs(b->columns[j]);
    double *columns = calloc(b->B * b->T, sizeof(double)), *grad = calloc(b->cells, sizeof(double));
    double value = call_f64(b, columns, metric ? NULL : grad), top = most(b->grad, b->cells);
    if (!(fabs(value - ref) <= 1e-12 * sizes))
        fail_msg("%s: value %.17g, definition %.17g", text, value, ref);
    for (size_t j = 0; j < b->B * b->T; j++)
        if (!(fabs(columns[j] - b->columns[j]) <= 1e-12 * (1 + most(b->columns, b->B * b->T))))
            fail_msg("%s: column %zu is %.17g, definition %.17g", text, j, columns[j], b->columns[j]);
    for (size_t i = 0; i < b->cells && !metric; i++)
        if (!(fabs(grad[i] - b->grad[i]) <= 1e-12 * top))
            fail_msg("%s: gradient %zu is %.17g, definition %.17g", text, i, grad[i], b->grad[i]);

    float *single = calloc(b->cells, sizeof(float));
    double small = call_f32(b, metric ? NULL : single);
    if (!metric && !(fabs(small - ref) <= 4e-6 * sizes))
        fail_msg("%s: f32 value %.9g, f64 %.9g", text, small, ref);
    for (size_t i = 0; i < b->cells && !metric; i++)
        if (!(fabs((double)single[i] - b->grad[i]) <= 2e-5 * top))
            fail_msg("%s: f32 gradient %zu is %.9g, f64 %.9g", text, i, (double)single[i], b->grad[i]);
    free(columns), free(grad), free(single);
}

static void each_mixture(spiral_loss_options o, size_t B, size_t T, int P, uint64_t seed) {
    for (int mixture = 0; mixture < 16; mixture++) {
        o.from_logits = mixture & 1;
        o.bce = mixture & 4 ? 0.7 : 0;
        o.weight = 1.3;
        batch b = batch_make(o, B, T, P, mixture & 2);
        batch_fill(&b, seed + (uint64_t)mixture, mixture & 8, 0.01);
        against_ref(&b);
        batch_free(&b);
    }
}

static void test_kinds_against_definition(void **state) {
    (void)state;
    for (int isa = 0; isa < ISAS; isa++) {
        if (spiral_isa_set(isas[isa], NULL)) continue;
        for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++) {
            spiral_loss_options o = spiral_loss_options_default();
            o.kind = (spiral_loss_kind)kind;
            o.low = 48;
            each_mixture(o, 3, 7, 36, 100);
            each_mixture(o, 1, 1, 1, 200);
            o.reach = 5;
            each_mixture(o, 2, 3, 13, 300);
        }
    }
    assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
}

static void test_wide_range(void **state) {
    (void)state;
    spiral_loss_options o = spiral_loss_options_default();
    o.reach = 127;
    each_mixture(o, 1, 2, 128, 400);
    o.kind = SPIRAL_LOSS_ENERGY;
    each_mixture(o, 1, 9, 128, 500);
}

static void test_time_blur(void **state) {
    (void)state;
    for (int isa = 0; isa < ISAS; isa++) {
        if (spiral_isa_set(isas[isa], NULL)) continue;
        for (int k = 0; k < 3; k++) {
            spiral_loss_options o = spiral_loss_options_default();
            o.kind = (spiral_loss_kind[]){SPIRAL_LOSS_SPIRAL, SPIRAL_LOSS_ENERGY, SPIRAL_LOSS_GAUSS}[k];
            o.reach = 6;
            for (int t = 0; t < 3; t++) {
                o.time_columns = (double[]){0.001, 0.7, 2.5}[t];
                each_mixture(o, 2, 5, 9, 600);
            }
            o.time_columns = 1.5;
            each_mixture(o, 1, 19, 5, 700);
        }
    }
    assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
}

static void test_presets_and_parameters(void **state) {
    (void)state;
    static const char *const names[] = {"chromatic", "fifths", "tonnetz", "mixed"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        spiral_loss_options o = spiral_loss_options_default();
        assert_int_equal(spiral_helix_from_name(names[i], &o.helix, NULL), SPIRAL_OK);
        o.floor = (double[]){1e-6, 1e-3, 0.5, 100}[i];
        o.blur = (double[]){0.05, 0.2, 1, 20}[i];
        each_mixture(o, 1, 4, 24, 800 + i);
    }
}

/* Central differences of the value, along single cells: the slope is the gradient's cell. */
static void differences(batch *b, double step) {
    char text[160];
    describe(b, text, sizeof text);
    double *columns = calloc(b->B * b->T, sizeof(double)), *grad = calloc(b->cells, sizeof(double));
    call_f64(b, columns, grad);
    double top = fmax(most(grad, b->cells), 1e-3);
    for (size_t i = 0; i < b->cells; i++) {
        double z = b->pred[i];
        b->pred[i] = z + step;
        double up = call_f64(b, columns, NULL);
        b->pred[i] = z - step;
        double down = call_f64(b, columns, NULL);
        b->pred[i] = z;
        double slope = (up - down) / (2 * step);
        if (!(fabs(slope - grad[i]) <= 1e-7 * top))
            fail_msg("%s: cell %zu: gradient %.12g, difference %.12g", text, i, grad[i], slope);
    }
    free(columns), free(grad);
}

static void test_central_differences(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++) {
        if (spiral__loss_is_metric((spiral_loss_kind)kind)) continue;
        const int timed = kind == SPIRAL_LOSS_SPIRAL || spiral__loss_is_quadratic((spiral_loss_kind)kind);
        for (int mixture = 0; mixture < 32; mixture++) {
            if (mixture & 16 && !timed) continue;
            spiral_loss_options o = spiral_loss_options_default();
            o.kind = (spiral_loss_kind)kind;
            o.reach = 14;
            o.from_logits = mixture & 1;
            o.bce = mixture & 4 ? 0.7 : 0;
            o.time_columns = mixture & 16 ? 1.2 : 0;
            o.reduction = (spiral_reduction)(mixture % 4);
            batch b = batch_make(o, 2, 3, 15, mixture & 2);
            batch_fill(&b, 900 + (uint64_t)mixture, mixture & 8, 0.05);
            differences(&b, 1e-5);
            batch_free(&b);
        }
    }
}

/* At y = 0 and y = 1 only one side exists: second-order one-sided differences, silent columns included. */
static void test_one_sided_differences(void **state) {
    (void)state;
    for (int k = 0; k < 3; k++) {
        spiral_loss_options o = spiral_loss_options_default();
        o.kind = (spiral_loss_kind[]){SPIRAL_LOSS_SPIRAL, SPIRAL_LOSS_ENERGY, SPIRAL_LOSS_GAUSS}[k];
        o.from_logits = 0;
        o.bce = 0;
        batch b = batch_make(o, 1, 3, 12, 0);
        b.pred[3] = 1;                         /* a stray in silence */
        b.target[12 + 5] = 1;                  /* a missed note */
        b.target[24 + 2] = b.pred[24 + 2] = 1; /* a right one */
        double columns[3], grad[36], base = call_f64(&b, columns, grad);
        for (size_t i = 0; i < b.cells; i++) {
            double y = b.pred[i], h = y > 0 ? -1e-5 : 1e-5;
            b.pred[i] = y + h;
            double one = call_f64(&b, columns, NULL);
            b.pred[i] = y + 2 * h;
            double two = call_f64(&b, columns, NULL);
            b.pred[i] = y;
            assert_true(fabs((4 * one - two - 3 * base) / (2 * h) - grad[i]) < 1e-5 * (1 + most(grad, 36)));
        }
        batch_free(&b);
    }
}

static void test_large_logits(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++) {
        spiral_loss_options o = spiral_loss_options_default();
        o.kind = (spiral_loss_kind)kind;
        const int metric = spiral__loss_is_metric(o.kind);
        batch b = batch_make(o, 1, 6, 12, 0);
        for (size_t i = 0; i < b.cells; i++) {
            b.pred[i] = (double[]){100, -100, 0, 1e20, -1e20, 17}[i / 12];
            b.target[i] = i % 3 == 0;
        }
        double columns[6], grad[72];
        float single[72];
        b.o.reduction = SPIRAL_REDUCE_NONE;
        assert_true(isfinite(call_f64(&b, columns, metric ? NULL : grad)));
        assert_true(isfinite(call_f32(&b, metric ? NULL : single)));
        for (int i = 0; i < 72 && !metric; i++) assert_true(isfinite(grad[i]) && isfinite(single[i]));
        /* A logit of 100 on a wrong key: cross-entropy pulls with its full force. */
        if (!metric) assert_true(grad[1] > 0.99);
        batch_free(&b);
    }
}

static void test_probabilities_of_zero_and_one(void **state) {
    (void)state;
    spiral_loss_options o = spiral_loss_options_default();
    o.from_logits = 0;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++) {
        o.kind = (spiral_loss_kind)kind;
        batch b = batch_make(o, 1, 4, 4, 0);
        for (size_t i = 0; i < b.cells; i++) b.pred[i] = i / 4 % 2, b.target[i] = i / 8;
        b.o.reduction = SPIRAL_REDUCE_NONE;
        against_ref(&b);
        batch_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_against_definition),
        cmocka_unit_test(test_wide_range),
        cmocka_unit_test(test_time_blur),
        cmocka_unit_test(test_presets_and_parameters),
        cmocka_unit_test(test_central_differences),
        cmocka_unit_test(test_one_sided_differences),
        cmocka_unit_test(test_large_logits),
        cmocka_unit_test(test_probabilities_of_zero_and_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
