/* SPDX-License-Identifier: MIT
 *
 * The fast code against the definition (ref.c): each kind, logits and probabilities, soft and binary targets,
 * sample weights, time blur, each instruction set. Random options: test_random_options.c. Other libraries:
 * tests/oracle/test_loss_oracles.py.
 */
#include "harness.h"

static void describe(const batch *b, char *text, size_t size) {
    snprintf(text, size, "%s, %s, %s, bce %g, tau %g, (%zu, %zu, %d), %s", spiral_loss_kind_name(b->o.kind),
             b->o.from_logits ? "logits" : "probabilities", b->weight ? "weights" : "no weights", b->o.bce,
             b->o.time_blur, b->B, b->T, b->P, spiral_isa_name());
}

/* f64: value, frames and gradient to 1e-12 of their largest. f32: value to 4e-6 of the sum of the frames'
 * absolute values, gradient to 2e-5 of the largest. */
static void against_ref(batch *b) {
    char text[160];
    describe(b, text, sizeof text);
    const int metric = spiral__loss_is_metric(b->o.kind);
    b->o.reduction = SPIRAL_REDUCE_NONE;
    double ref = call_ref(b), sizes = 0;
    for (size_t j = 0; j < b->B * b->T; j++) sizes += fabs(b->frames[j]);
    double *frames = calloc(b->B * b->T, sizeof(double)), *grad = calloc(b->cells, sizeof(double));
    double value = call_f64(b, frames, metric ? NULL : grad), top = largest(b->grad, b->cells);
    if (!(fabs(value - ref) <= 1e-12 * sizes))
        fail_msg("%s: value %.17g, definition %.17g", text, value, ref);
    for (size_t j = 0; j < b->B * b->T; j++)
        if (!(fabs(frames[j] - b->frames[j]) <= 1e-12 * (1 + largest(b->frames, b->B * b->T))))
            fail_msg("%s: frame %zu is %.17g, definition %.17g", text, j, frames[j], b->frames[j]);
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
    free(frames), free(grad), free(single);
}

static void each_mixture(spiral_loss_options o, size_t B, size_t T, int P, uint64_t seed) {
    for (int mixture = 0; mixture < 16; mixture++) {
        o.from_logits = mixture & 1;
        o.bce = mixture & 4 ? 0.7 : 0;
        o.lambda = 1.3;
        batch b = batch_make(o, B, T, P, mixture & 2);
        batch_fill(&b, seed + (uint64_t)mixture, mixture & 8, 0.01);
        against_ref(&b);
        batch_free(&b);
    }
}

static void kinds_equal_the_definition(void **state) {
    (void)state;
    for (int isa = 0; isa < ISAS; isa++) {
        if (spiral_isa_set(isas[isa], NULL)) continue;
        for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++) {
            spiral_loss_options o = default_options();
            o.kind = (spiral_loss_kind)kind;
            o.low = 48;
            each_mixture(o, 3, 7, 36, 100);
            each_mixture(o, 1, 1, 1, 200);
            o.blur_radius = 5;
            each_mixture(o, 2, 3, 13, 300);
        }
    }
    assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
}

static void all_128_keys_equal_the_definition(void **state) {
    (void)state;
    spiral_loss_options o = default_options();
    o.blur_radius = 127;
    each_mixture(o, 1, 2, 128, 400);
    o.kind = SPIRAL_LOSS_ENERGY;
    each_mixture(o, 1, 9, 128, 500);
}

static void time_blur_equals_the_definition(void **state) {
    (void)state;
    for (int isa = 0; isa < ISAS; isa++) {
        if (spiral_isa_set(isas[isa], NULL)) continue;
        for (int k = 0; k < 3; k++) {
            spiral_loss_options o = default_options();
            o.kind = (spiral_loss_kind[]){SPIRAL_LOSS_SPIRAL, SPIRAL_LOSS_ENERGY, SPIRAL_LOSS_GAUSS}[k];
            o.blur_radius = 6;
            for (int t = 0; t < 3; t++) {
                o.time_blur = (double[]){0.001, 0.7, 2.5}[t];
                each_mixture(o, 2, 5, 9, 600);
            }
            o.time_blur = 1.5;
            each_mixture(o, 1, 19, 5, 700);
        }
    }
    assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
}

static void presets_and_parameters_equal_the_definition(void **state) {
    (void)state;
    for (int i = 0; i < PRESETS; i++) {
        spiral_loss_options o = default_options();
        o.helix = preset(i);
        o.kl_offset = (double[]){1e-6, 1e-3, 0.5, 100, 0.02}[i];
        o.blur_length = (double[]){0.05, 0.2, 1, 20, 0.5}[i];
        each_mixture(o, 1, 4, 24, 800 + (uint64_t)i);
    }
}

static void probabilities_of_0_and_1_equal_the_definition(void **state) {
    (void)state;
    spiral_loss_options o = default_options();
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
        cmocka_unit_test(kinds_equal_the_definition),
        cmocka_unit_test(all_128_keys_equal_the_definition),
        cmocka_unit_test(time_blur_equals_the_definition),
        cmocka_unit_test(presets_and_parameters_equal_the_definition),
        cmocka_unit_test(probabilities_of_0_and_1_equal_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
