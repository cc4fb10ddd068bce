/* SPDX-License-Identifier: MIT
 *
 * Single precision over a million frames of different density, certain and uncertain, right and wrong: within
 * the bounds of docs/math.md, section 10, and always finite.
 */
#include "harness.h"

/* |value - true| <= VALUE (1 + value), |gradient - true| <= GRADIENT (1 + largest of the frame). */
#define VALUE    1e-6
#define GRADIENT 1e-6

enum {
    FRAMES = VALGRIND ? 8000
             : SLOW   ? 100000
                      : 1000000,
    BLOCK = 4000,
    KINDS = 5,
    CELLS = BLOCK * KEYS,
    SAMPLE = 2000
};

/* One block of frames, and its results in each precision. */
typedef struct block {
    float pred[CELLS], target[CELLS], weight[CELLS], grad[CELLS];
    double pred_f64[CELLS], target_f64[CELLS], weight_f64[CELLS], grad_f64[CELLS];
    double value[BLOCK], value_f64[BLOCK];
} block;

/* Frames: silent, one note, sparse, chords, clusters, all keys; soft targets in every third. Predictions:
 * uncertain, certain and right, certain and wrong, or mixed at random, with logits up to 100 or probabilities
 * of 0 and 1. Weights: all 1, all 0, 0 or 1, or anything between. */
static void fill(block *b, spiral__rng *r, int logits) {
    static const double densities[] = {0, 1.0 / KEYS, 0.05, 0.15, 0.5, 1};
    for (int j = 0; j < BLOCK; j++) {
        const double density = densities[spiral__rng_below(r, 6)];
        const int manner = (int)spiral__rng_below(r, 5), soft = spiral__rng_below(r, 3) == 0;
        const double size = manner ? (double[]){8, 20, 60, 100}[spiral__rng_below(r, 4)] : 0;
        const int weighing = (int)spiral__rng_below(r, 8);
        for (int i = j * KEYS; i < (j + 1) * KEYS; i++) {
            const uint64_t bits = spiral__rng_u64(r);
            const double u = (double)(bits & 0xffffff) * 0x1p-24, v = (double)(bits >> 40) * 0x1p-24;
            const double part = (double)(bits >> 24 & 0xffff) * 0x1p-16;
            const int on = u < density, right = manner == 1 || (manner > 2 && v < 0.5);
            double z = size > 0 ? (on == right ? size : -size) : 12 * v - 6;
            if (manner == 4) z *= v;
            b->target[i] = (float)(on ? (soft ? v : 1) : 0);
            b->pred[i] = (float)(logits ? z : size >= 60 ? z > 0 : 1 / (1 + exp(-z)));
            b->weight[i] = weighing < 4 ? 1 : weighing < 5 ? 0 : weighing < 6 ? part < 0.5 : (float)part;
            b->target_f64[i] = (double)b->target[i], b->pred_f64[i] = (double)b->pred[i];
            b->weight_f64[i] = (double)b->weight[i];
        }
    }
}

typedef struct record {
    double value, gradient, definition;
} record;

static void both_precisions(const spiral_loss *loss, block *b, int weighted, void *work) {
    const spiral_strides s = contiguous(BLOCK, KEYS);
    assert_int_equal(spiral_loss_value_grad_f32(loss, 1, BLOCK, b->pred, s, b->target, s,
                                                weighted ? b->weight : NULL, s, b->value, b->grad, s, work,
                                                NULL),
                     SPIRAL_OK);
    assert_int_equal(spiral_loss_value_grad_f64(loss, 1, BLOCK, b->pred_f64, s, b->target_f64, s,
                                                weighted ? b->weight_f64 : NULL, s, b->value_f64, b->grad_f64,
                                                s, work, NULL),
                     SPIRAL_OK);
}

static void compare(const block *b, const spiral_loss_options *o, record *worst) {
    for (int j = 0; j < BLOCK; j++) {
        const double off = fabs(b->value[j] - b->value_f64[j]) / (1 + b->value_f64[j]);
        if (!(off <= VALUE))
            fail_msg("%s: frame %d is %.9g, should be %.9g", spiral_loss_kind_name(o->kind), j, b->value[j],
                     b->value_f64[j]);
        worst->value = fmax(worst->value, off);
        const double top = 1 + largest(b->grad_f64 + j * KEYS, KEYS);
        for (int i = j * KEYS; i < (j + 1) * KEYS; i++) {
            const double wrong = fabs((double)b->grad[i] - b->grad_f64[i]) / top;
            if (!(wrong <= GRADIENT))
                fail_msg("%s: gradient %d of frame %d is %.9g, should be %.9g, largest %.9g",
                         spiral_loss_kind_name(o->kind), i % KEYS, j, (double)b->grad[i], b->grad_f64[i],
                         top - 1);
            worst->gradient = fmax(worst->gradient, wrong);
        }
    }
}

/* Double precision against the definition, for one of SAMPLE frames. */
static void against_definition(const block *b, const spiral_loss_options *o, int weighted, record *worst) {
    static double scratch[8192];
    double grad[KEYS], value;
    assert_true(spiral__ref_scratch(o, KEYS, 1) <= sizeof scratch / sizeof *scratch);
    for (int j = 0; j < BLOCK; j += SAMPLE) {
        const int at = j * KEYS;
        spiral__ref_value_grad(o, KEYS, 1, 1, b->pred_f64 + at, b->target_f64 + at,
                               weighted ? b->weight_f64 + at : NULL, &value, grad, scratch);
        double off = fabs(value - b->value_f64[j]) / (1 + value), top = 1 + largest(grad, KEYS);
        for (int i = 0; i < KEYS; i++) off = fmax(off, fabs(grad[i] - b->grad_f64[at + i]) / top);
        worst->definition = fmax(worst->definition, off);
        assert_true(off < 1e-13);
    }
}

static void single_precision_stays_within_its_bounds(void **state) {
    (void)state;
    block *b = malloc(sizeof *b);
    assert_non_null(b);
    record records[KINDS] = {{0, 0, 0}};
    spiral__rng r = spiral__rng_init(2024, 0);
    int isa = 0;
    for (int round = 0; round < FRAMES / BLOCK; round++) {
        const int logits = round % 4 != 0, weighted = round / 4 % 2;
        while (spiral_isa_set(isas[isa++ % ISAS], NULL) != SPIRAL_OK)
            continue; /* the next one that this machine has */
        fill(b, &r, logits);
        for (int kind = 0; kind < KINDS; kind++) {
            spiral_loss_options o = default_options();
            o.kind = (spiral_loss_kind)kind;
            o.reduction = SPIRAL_REDUCE_NONE;
            o.from_logits = logits;
            o.bce = logits; /* for probabilities: the kind alone */
            o.helix = preset(round / 8 % PRESETS);
            spiral_loss *loss = create_loss(&o, KEYS);
            void *work = aligned_buffer(spiral_loss_work_size_f64(loss, BLOCK));
            both_precisions(loss, b, weighted, work);
            compare(b, &o, &records[kind]);
            against_definition(b, &o, weighted, &records[kind]);
            free(work);
            spiral_loss_destroy(loss);
        }
    }
    for (int kind = 0; kind < KINDS; kind++)
        printf("# %s: value %.2g (1 + value), gradient %.2g (1 + largest); f64 from the definition %.2g\n",
               spiral_loss_kind_name((spiral_loss_kind)kind), records[kind].value, records[kind].gradient,
               records[kind].definition);
    free(b);
}

/* A more certain right prediction costs less, and its small cost is accurate to the last few bits. */
static void sure_right_answers_cost_what_they_should(void **state) {
    (void)state;
    spiral_loss_options o = default_options();
    o.lambda = 0;
    spiral_loss *loss = create_loss(&o, 1);
    void *work = aligned_buffer(spiral_loss_work_size_f32(loss, 1));
    const spiral_strides s = contiguous(1, 1);
    for (int on = 0; on < 2; on++)
        for (float z = 0.25f; z < 80; z += 0.3f) {
            const float logit = on ? z : -z, target = (float)on;
            const double wanted = log1p(exp(-(double)z));
            double value;
            assert_int_equal(spiral_loss_value_grad_f32(loss, 1, 1, &logit, s, &target, s, NULL, s, &value,
                                                        NULL, s, work, NULL),
                             SPIRAL_OK);
            if (!(fabs(value - wanted) < 1e-6 * wanted + 2e-30)) /* exp_down has no smaller result */
                fail_msg("logit %g costs %.9g, should cost %.9g", (double)logit, value, wanted);
        }
    free(work);
    spiral_loss_destroy(loss);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sure_right_answers_cost_what_they_should),
        cmocka_unit_test(single_precision_stays_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
