/* SPDX-License-Identifier: MIT
 *
 * How a model is scored, in training (validate) and after it (evaluate), against counting cell by cell.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../data/pieces.h"
#include "train/pca.h"
#include "data/window.h"
#include "train/trainer.h"

static void *zeros(size_t n, size_t size) {
    void *p = calloc(n + 1, size);
    assert_non_null(p);
    return p;
}

/* Logits of a window of a roll, and its cells. */
static void say(const spiral_model *m, const spiral_roll *roll, size_t begin, spiral_model_work *work,
                float *x, float *logits, float *code, double *kl) {
    spiral_keys window[2 * PIECE_T];
    spiral__window_cut(roll, begin, m->ae.T, 0, window);
    spiral__window_floats(window, (size_t)(m->ae.planes * m->ae.T), m->config.low, m->ae.P, x);
    spiral_model_encode(m, 1, window, code, kl, work);
    spiral_model_decode(m, 1, code, logits, work);
}

static double bce_of(float logit, float x) { return log1p(exp(-fabs(logit))) + fmax(logit, 0) - logit * x; }

typedef struct truth {
    double loss, f1[81], exact, density, cells, unsure;
    size_t windows;
} truth;

/* Every window that is not silent, each threshold of the ladder -4.0, -3.9 .. 4.0 on its own. */
static truth brute(const spiral_model *m, const spiral_corpus *c) {
    truth r = {.loss = 0};
    uint64_t hits[81] = {0}, calls[81] = {0}, cells = 0;
    spiral_model_work *work;
    float *x = zeros(m->ae.D, sizeof *x), *logits = zeros(m->ae.D, sizeof *x),
          *code = zeros(m->ae.Z, sizeof *x);
    assert_int_equal(spiral_model_work_create(m, &work, NULL), SPIRAL_OK);
    for (size_t f = 0; f < c->count; f++)
        for (size_t begin = 0; begin < c->entries[f].roll.frames; begin += (size_t)m->ae.T) {
            size_t on = 0, faults = 0;
            say(m, &c->entries[f].roll, begin, work, x, logits, code, NULL);
            for (size_t d = 0; d < m->ae.D; d++) on += x[d] > 0;
            if (!on) continue;
            for (size_t d = 0; d < m->ae.D; d++) {
                r.loss += bce_of(logits[d], x[d]);
                faults += (logits[d] > 0) != (x[d] > 0);
                for (int i = 0; i < 81; i++) {
                    double limit = -4 + 0.1 * i;
                    r.unsure += fabs(logits[d] - limit) < 1e-5; /* a rounding decides */
                    calls[i] += logits[d] > limit;
                    hits[i] += logits[d] > limit && x[d] > 0;
                }
            }
            cells += on;
            r.exact += !faults;
            r.windows++;
        }
    for (int i = 0; i < 81; i++) {
        double precision = calls[i] ? (double)hits[i] / (double)calls[i] : 0;
        double recall = (double)hits[i] / (double)cells;
        r.f1[i] = precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
    }
    r.loss /= (double)r.windows;
    r.exact /= (double)r.windows;
    r.cells = (double)cells;
    r.density = (double)cells / (double)r.windows / m->ae.T;
    spiral_model_work_destroy(work);
    free(x);
    free(logits);
    free(code);
    return r;
}

static void add_silence(spiral_roll *roll, size_t begin, size_t end) {
    for (size_t t = begin; t < end; t++) roll->sounding[t] = (spiral_keys){{0, 0}};
}

static void test_validate(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    spiral_roll roll = piece_roll(1, 90 * PIECE_T + 3); /* more than a shard of windows, the last cut short */
    add_silence(&roll, 2 * PIECE_T, 5 * PIECE_T);
    pieces_add_roll(&p, "a.mid", &roll);
    pieces_add(&p, "b.mid", 2, 40);
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
    spiral_train_options o = piece_training();
    o.loss.kind = SPIRAL_LOSS_BCE;
    o.threads = 2;
    spiral__trainer t;
    spiral__validation v;
    assert_int_equal(spiral__trainer_create(&o, c, c, &t, NULL), SPIRAL_OK);
    for (int round = 0; round < 3; round++) {
        if (round) assert_int_equal(spiral__trainer_start(&t, NULL), SPIRAL_OK); /* 0: random weights */
        if (round == 2) { /* the scale moves the best threshold; overconfident */
            float *bias = spiral__tensor_data(t.model, t.model->ae.out_bias);
            for (size_t d = 0; d < t.model->ae.D; d++) bias[d] += 1.53f;
        }
        truth wanted = brute(t.model, c);
        assert_int_equal(wanted.windows, 91 - 3 + 5);
        assert_int_equal(spiral__validate(&t, &v, NULL), SPIRAL_OK);
        assert_true(fabs(v.loss - wanted.loss) < 1e-5 * wanted.loss);
        assert_true(fabs(v.f1 - wanted.f1[40]) < 1e-12);
        assert_true(fabs(v.exact - wanted.exact) < 1e-12);
        assert_true(fabs(v.density - wanted.density) < 1e-12);
        int best = 40;
        for (int i = 0; i < 81; i++)
            if (wanted.f1[i] > wanted.f1[best]) best = i;
        int chosen = (int)lround(10 * (v.threshold + 4));
        assert_true(chosen >= 0 && chosen <= 80 && fabs(v.threshold - (-4 + 0.1 * chosen)) < 1e-5);
        assert_true(wanted.f1[chosen] >= wanted.f1[best] - 2 * wanted.unsure / wanted.cells - 1e-12);
        print_message("# loss %.3f, f1 %.4f, best %.4f at %.1f\n", v.loss, v.f1, wanted.f1[best],
                      (double)v.threshold);
    }
    assert_true(v.threshold > 0.5f);
    spiral__trainer_clear(&t);
    spiral_corpus_destroy(c);
    spiral_roll_clear(&roll);
    pieces_close(&p);
}

/* A silent model has a threshold all the same: one half. A corpus of silence has nothing to score. */
static void test_validate_silence(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 40);
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
    spiral_train_options o = piece_training();
    spiral__trainer t;
    spiral__validation v;
    spiral_error err;
    assert_int_equal(spiral__trainer_create(&o, c, c, &t, NULL), SPIRAL_OK);
    memset(t.model->arena, 0, t.model->tensors.trained * sizeof(float));
    for (size_t d = 0; d < t.model->ae.D; d++) spiral__tensor_data(t.model, t.model->ae.out_bias)[d] = -9;
    spiral__model_update(t.model, NULL);
    assert_int_equal(spiral__validate(&t, &v, NULL), SPIRAL_OK);
    assert_true(v.threshold == 0 && v.f1 == 0 && v.exact == 0);

    spiral__tensor_data(t.model, t.model->ae.out_bias)[0] = NAN;
    assert_int_equal(spiral__validate(&t, &v, &err), SPIRAL_NUMERIC);
    assert_int_equal(strncmp(err.text, p.path[0], strlen(p.path[0])), 0);

    for (size_t k = 0; k < 40; k++) c->entries[0].roll.sounding[k] = (spiral_keys){{0, 0}};
    assert_int_equal(spiral__validate(&t, &v, &err), SPIRAL_NO_DATA);
    assert_string_equal(err.text, "no window for validation holds a note");
    spiral__trainer_clear(&t);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* Counts of cells above a threshold, by hand. */
typedef struct cells {
    uint64_t hits, target, predicted, columns, exact, windows;
} cells;

static void count(const spiral_model *m, const float *say, float threshold, const float *x, size_t columns,
                  cells *sum) {
    uint64_t faults = 0;
    for (size_t d = 0; d < columns * (size_t)m->ae.P; d++) {
        int on = x[d] > 0, called = say[d] > threshold;
        sum->hits += (uint64_t)(on && called);
        sum->target += (uint64_t)on;
        sum->predicted += (uint64_t)called;
        faults += (uint64_t)(on != called);
    }
    sum->columns += columns;
    sum->windows++;
    sum->exact += !faults;
}

static void check_measures(const spiral_metrics *m, const cells *c) {
    assert_true(fabs(m->precision - (double)c->hits / (double)c->predicted) < 1e-12);
    assert_true(fabs(m->recall - (double)c->hits / (double)c->target) < 1e-12);
    assert_true(fabs(m->exact_windows - (double)c->exact / (double)c->windows) < 1e-12);
}

static void check_evaluation(const spiral_model *m, const spiral_corpus *c, int threads) {
    cells model = {0}, linear = {0};
    double bce = 0, kl_sum = 0, kl;
    spiral_model_work *work;
    spiral_evaluation e;
    float *x = zeros(m->ae.D, sizeof *x), *logits = zeros(m->ae.D, sizeof *x),
          *code = zeros(m->ae.Z, sizeof *x);
    float *projection = zeros(m->ae.D, sizeof *x);
    assert_int_equal(spiral_model_work_create(m, &work, NULL), SPIRAL_OK);
    for (size_t f = 0; f < c->count; f++) {
        const spiral_roll *roll = &c->entries[f].roll;
        for (size_t begin = 0; begin < roll->frames; begin += (size_t)m->ae.T) {
            size_t columns = roll->frames - begin < (size_t)m->ae.T ? roll->frames - begin : (size_t)m->ae.T;
            double on = 0;
            say(m, roll, begin, work, x, logits, code, &kl);
            for (size_t d = 0; d < m->ae.D; d++) on += x[d];
            if (on == 0) continue;
            spiral__pca_project(m, x, code, projection);
            count(m, logits, m->threshold, x, columns, &model);
            count(m, projection, 0.5f, x, columns, &linear);
            for (size_t d = 0; d < m->ae.D; d++) bce += bce_of(logits[d], x[d]);
            kl_sum += kl;
        }
    }
    assert_int_equal(spiral_model_evaluate(m, c, 0.05, threads, &e, NULL), SPIRAL_OK);
    assert_int_equal(e.windows, model.windows);
    check_measures(&e.model, &model);
    check_measures(&e.pca, &linear);
    assert_true(fabs(e.bce_nats - bce / (double)model.windows) < 1e-5 * e.bce_nats);
    assert_true(fabs(e.kl_nats - kl_sum / (double)model.windows) <= 1e-12 * kl_sum);
    assert_int_equal(e.kl_nats > 0, m->config.kind == SPIRAL_MODEL_VAE);
    assert_true(fabs(e.target_density - (double)model.target / (double)model.columns) < 1e-12);
    assert_true(fabs(e.predicted_density - (double)model.predicted / (double)model.columns) < 1e-12);
    spiral_model_work_destroy(work);
    free(x);
    free(logits);
    free(code);
    free(projection);
}

static void test_evaluate(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    spiral_roll roll = piece_roll(1, 9 * PIECE_T + 3);
    add_silence(&roll, 2 * PIECE_T, 5 * PIECE_T);
    pieces_add_roll(&p, "a.mid", &roll);
    pieces_add(&p, "b.mid", 2, 37);
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
    for (int kind = SPIRAL_MODEL_AE; kind <= SPIRAL_MODEL_VAE; kind++) {
        spiral_train_options o = piece_training();
        o.model.kind = (spiral_model_kind)kind;
        o.model.latent = 3;
        spiral__trainer t;
        assert_int_equal(spiral__trainer_create(&o, c, c, &t, NULL), SPIRAL_OK);
        assert_int_equal(spiral__trainer_start(&t, NULL), SPIRAL_OK);
        assert_int_equal(spiral_model_set_threshold(t.model, -0.35f, NULL), SPIRAL_OK);
        for (int threads = 1; threads <= 2; threads++) check_evaluation(t.model, c, threads);
        spiral__trainer_clear(&t);
    }
    spiral_corpus_destroy(c);
    spiral_roll_clear(&roll);
    pieces_close(&p);
}

/* A corpus of another kind than the model is refused before anything is read beyond its end. */
static void test_evaluate_refuses(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 40);
    spiral_train_options o = piece_training();
    spiral_model *m;
    spiral_evaluation e;
    spiral_error err;
    spiral_corpus *c = pieces_corpus(p.folder, 1, PIECE_T);
    assert_int_equal(spiral_model_create(&o.model, 1, &m, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_evaluate(m, c, 0.05, 1, &e, &err), SPIRAL_BAD_ARG);
    assert_non_null(strstr(err.text, "planes"));
    spiral_model_destroy(m);
    o.model.planes = 2;
    o.model.grid.steps_per_quarter = 8;
    assert_int_equal(spiral_model_create(&o.model, 1, &m, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_evaluate(m, c, 0.05, 1, &e, &err), SPIRAL_BAD_ARG);
    assert_non_null(strstr(err.text, "grid"));
    spiral_model_destroy(m);
    o.model.grid.steps_per_quarter = 4;
    assert_int_equal(spiral_model_create(&o.model, 1, &m, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_evaluate(m, c, NAN, 1, &e, &err), SPIRAL_BAD_ARG);
    for (size_t k = 0; k < 40; k++) c->entries[0].roll.sounding[k] = (spiral_keys){{0, 0}};
    assert_int_equal(spiral_model_evaluate(m, c, 0.05, 1, &e, &err), SPIRAL_NO_DATA);
    assert_string_equal(err.text, "no window holds a note");
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validate),
        cmocka_unit_test(test_validate_silence),
        cmocka_unit_test(test_evaluate),
        cmocka_unit_test(test_evaluate_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
