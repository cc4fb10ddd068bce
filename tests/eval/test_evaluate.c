/* SPDX-License-Identifier: MIT
 *
 * The evaluation of a model and of the linear reconstruction it is compared with, against counting cell by
 * cell.
 */
#include "testing.h"
#include "scoring.h"
#include "eval/linear.h"
#include "spiral/eval.h"

/* Counts of cells above a threshold. */
typedef struct cells {
    uint64_t right, target, predicted, frames, exact, windows;
} cells;

static void count(const spiral_model *m, const float *prediction, float threshold, const float *x,
                  size_t frames, cells *sum) {
    uint64_t faults = 0;
    for (size_t d = 0; d < frames * (size_t)m->ae.P; d++) {
        int on = x[d] > 0, above = prediction[d] > threshold;
        sum->right += (uint64_t)(on && above);
        sum->target += (uint64_t)on;
        sum->predicted += (uint64_t)above;
        faults += (uint64_t)(on != above);
    }
    sum->frames += frames;
    sum->windows++;
    sum->exact += !faults;
}

static void check_metrics(const spiral_metrics *m, const cells *c) {
    assert_true(fabs(m->precision - (double)c->right / (double)c->predicted) < 1e-12);
    assert_true(fabs(m->recall - (double)c->right / (double)c->target) < 1e-12);
    assert_true(fabs(m->exact_windows - (double)c->exact / (double)c->windows) < 1e-12);
}

static void check(const spiral_model *m, const spiral_corpus *c, int threads) {
    cells model = {0}, linear = {0};
    double bce = 0, kl = 0;
    output o;
    spiral_evaluation e = {.struct_size = sizeof e};
    spiral_metrics metrics = {.struct_size = sizeof metrics}, pca = {.struct_size = sizeof pca};
    float *projection = spiral__floats(m->ae.D), *coordinates = spiral__floats(m->ae.Z);
    output_create(m, &o);
    for (size_t f = 0; f < c->count; f++) {
        const spiral_roll *roll = &c->entries[f].roll;
        for (size_t begin = 0; begin < roll->frames; begin += PIECE_T) {
            size_t frames = roll->frames - begin < PIECE_T ? roll->frames - begin : PIECE_T;
            if (!output_of(m, roll, begin, &o)) continue;
            spiral__linear_reconstruction(m, o.x, coordinates, projection);
            count(m, o.logits, m->threshold, o.x, frames, &model);
            count(m, projection, 0.5f, o.x, frames, &linear);
            for (size_t d = 0; d < m->ae.D; d++) bce += bce_of(o.logits[d], o.x[d]);
            kl += o.kl;
        }
    }
    assert_int_equal(spiral_model_evaluate(m, c, 0.05, threads, &e, &metrics, &pca, NULL), SPIRAL_OK);
    assert_int_equal(e.windows, model.windows);
    check_metrics(&metrics, &model);
    check_metrics(&pca, &linear);
    assert_true(fabs(e.bce_nats - bce / (double)model.windows) < 1e-5 * e.bce_nats);
    assert_true(fabs(e.kl_nats - kl / (double)model.windows) <= 1e-12 * kl);
    assert_int_equal(e.kl_nats > 0, m->config.kind == SPIRAL_MODEL_VAE);
    assert_true(fabs(e.target_density - (double)model.target / (double)model.frames) < 1e-12);
    assert_true(fabs(e.predicted_density - (double)model.predicted / (double)model.frames) < 1e-12);
    output_clear(&o);
    free(projection);
    free(coordinates);
}

static void an_evaluation_is_what_counting_gives(void **state) {
    (void)state;
    pieces p;
    spiral_corpus *c = scored_corpus(&p, 9 * PIECE_T + 3);
    for (int kind = SPIRAL_MODEL_AE; kind <= SPIRAL_MODEL_VAE; kind++) {
        spiral_model *m = projecting_model((spiral_model_kind)kind, c);
        assert_int_equal(spiral_model_set_threshold(m, -0.35f, NULL), SPIRAL_OK);
        for (int threads = 1; threads <= 2; threads++) check(m, c, threads);
        spiral_model_destroy(m);
    }
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* A corpus of other rolls than the model's is refused before it is read beyond its end. */
static void what_cannot_be_evaluated_is_refused(void **state) {
    (void)state;
    pieces p;
    spiral_model *m;
    spiral_evaluation e = {.struct_size = sizeof e};
    spiral_metrics metrics = {.struct_size = sizeof metrics};
    spiral_error err;
    spiral_model_config config = scored_config(SPIRAL_MODEL_AE);
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 40);
    spiral_corpus *c = pieces_corpus(p.folder, 1, PIECE_T);
#define REFUSED(status, word)                                                                             \
    do {                                                                                                  \
        assert_int_equal(spiral_model_create(&config, 1, &m, NULL), SPIRAL_OK);                           \
        assert_fails(spiral_model_evaluate(m, c, tolerance_s, 1, &e, &metrics, NULL, &err), status, &err, \
                     word);                                                                               \
        spiral_model_destroy(m);                                                                          \
    } while (0)
    double tolerance_s = 0.05;
    REFUSED(SPIRAL_BAD_ARG, "planes");
    config.planes = 2;
    config.grid.steps_per_quarter = 8;
    REFUSED(SPIRAL_BAD_ARG, "grid");
    config.grid.steps_per_quarter = 4;
    tolerance_s = NAN;
    REFUSED(SPIRAL_BAD_ARG, "nan");
    tolerance_s = 0.05;
    e.struct_size = 9;
    REFUSED(SPIRAL_BAD_ARG, "struct_size");
    e.struct_size = sizeof e;
    for (size_t t = 0; t < 40; t++) c->entries[0].roll.sounding[t] = (spiral_keys){{0, 0}};
    REFUSED(SPIRAL_NO_DATA, "no window has a note");
#undef REFUSED
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_evaluation_is_what_counting_gives),
        cmocka_unit_test(what_cannot_be_evaluated_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
