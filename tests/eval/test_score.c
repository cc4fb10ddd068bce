/* SPDX-License-Identifier: MIT
 *
 * Scores of a model on windows, and the threshold chosen from them, against counting cell by cell.
 */
#include "testing.h"
#include "scoring.h"
#include "eval/score.h"
#include "spiral/eval.h"

typedef struct truth {
    double loss, f1[81], exact, density, cells;
    double unsure; /* cells so close to a threshold that rounding decides whether they are above it */
    size_t windows;
} truth;

/* Counts every window that is not silent, for each threshold -4.0, -3.9 .. 4.0. */
static truth count(const spiral_model *m, const spiral_corpus *c) {
    truth r = {.loss = 0};
    uint64_t right[81] = {0}, above[81] = {0}, cells = 0;
    output o;
    output_create(m, &o);
    for (size_t f = 0; f < c->count; f++)
        for (size_t begin = 0; begin < c->entries[f].roll.frames; begin += PIECE_T) {
            size_t on = output_of(m, &c->entries[f].roll, begin, &o), faults = 0;
            if (!on) continue;
            for (size_t d = 0; d < m->ae.D; d++) {
                r.loss += bce_of(o.logits[d], o.x[d]);
                faults += (o.logits[d] > 0) != (o.x[d] > 0);
                for (int i = 0; i < 81; i++) {
                    double limit = -4 + 0.1 * i;
                    r.unsure += fabs(o.logits[d] - limit) < 1e-5;
                    above[i] += o.logits[d] > limit;
                    right[i] += o.logits[d] > limit && o.x[d] > 0;
                }
            }
            cells += on;
            r.exact += !faults;
            r.windows++;
        }
    for (int i = 0; i < 81; i++) {
        double precision = above[i] ? (double)right[i] / (double)above[i] : 0;
        double recall = (double)right[i] / (double)cells;
        r.f1[i] = precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
    }
    r.loss /= (double)r.windows;
    r.exact /= (double)r.windows;
    r.cells = (double)cells;
    r.density = (double)cells / (double)r.windows / PIECE_T;
    output_clear(&o);
    return r;
}

static int best_of(const truth *t) {
    int best = 40;
    for (int i = 0; i < 81; i++)
        if (t->f1[i] > t->f1[best]) best = i;
    return best;
}

/* With random weights, with the weights of the projection, and with logits that are all too high. */
static void scores_are_what_counting_gives(void **state) {
    (void)state;
    pieces p;
    spiral_corpus *c = scored_corpus(&p, 90 * PIECE_T + 3); /* more than a shard of windows */
    spiral_model *m = projecting_model(SPIRAL_MODEL_AE, c);
    spiral_loss_options options;
    spiral_loss_options_default(&options, sizeof options);
    spiral_loss *bce;
    spiral__pool *pool;
    spiral__scores s;
    float threshold = 99;
    options.kind = SPIRAL_LOSS_BCE;
    options.reduction = SPIRAL_REDUCE_SUM;
    options.low = m->config.low;
    assert_int_equal(spiral_loss_create(&options, m->ae.P, &bce, NULL), SPIRAL_OK);
    assert_int_equal(spiral__pool_create(2, &pool, NULL), SPIRAL_OK);
    for (int round = 0; round < 3; round++) {
        if (round == 0) spiral__model_init(m, 1, NULL);
        if (round == 1) assert_int_equal(spiral__pca_start(m, c, 1, NULL, NULL), SPIRAL_OK);
        for (size_t d = 0; round == 2 && d < m->ae.D; d++) spiral__tensor_data(m, m->ae.out_bias)[d] += 1.53f;
        truth wanted = count(m, c);
        assert_int_equal(wanted.windows, 91 - 3 + 5);
        assert_int_equal(spiral__score_windows(m, c, bce, pool, &s, NULL), SPIRAL_OK);
        assert_int_equal(s.windows, wanted.windows);
        assert_true(fabs(s.loss - wanted.loss) < 1e-5 * wanted.loss);
        assert_true(fabs(s.f1 - wanted.f1[40]) < 1e-12);
        assert_true(fabs(s.exact - wanted.exact) < 1e-12);
        assert_true(fabs(s.density - wanted.density) < 1e-12);
        int best = best_of(&wanted), chosen = (int)lround(10 * (s.threshold + 4));
        assert_true(chosen >= 0 && chosen <= 80 && fabs(s.threshold - (-4 + 0.1 * chosen)) < 1e-5);
        assert_true(wanted.f1[chosen] >= wanted.f1[best] - 2 * wanted.unsure / wanted.cells - 1e-12);
        print_message("# loss %.3f, f1 %.4f, best %.4f at %.1f\n", s.loss, s.f1, wanted.f1[best],
                      (double)s.threshold);
        for (int threads = 1; threads <= 3; threads++) {
            assert_int_equal(spiral_model_choose_threshold(m, c, threads, &threshold, NULL), SPIRAL_OK);
            assert_true(threshold == s.threshold);
        }
    }
    assert_true(threshold > 0.5f);
    spiral__pool_destroy(pool);
    spiral_loss_destroy(bce);
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* If no threshold makes a right cell sound, the threshold is 0. */
static void a_silent_model_has_threshold_0(void **state) {
    (void)state;
    pieces p;
    spiral__scores s;
    spiral_corpus *c = scored_corpus(&p, 9 * PIECE_T);
    spiral_model *m = projecting_model(SPIRAL_MODEL_AE, c);
    memset(m->arena, 0, m->tensors.trained * sizeof(float));
    for (size_t d = 0; d < m->ae.D; d++) spiral__tensor_data(m, m->ae.out_bias)[d] = -9;
    spiral_model_update(m);
    assert_int_equal(spiral__score_windows(m, c, NULL, NULL, &s, NULL), SPIRAL_OK);
    assert_true(s.threshold == 0 && s.f1 == 0 && s.exact == 0 && s.loss == 0);
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

static void what_cannot_be_scored_is_refused(void **state) {
    (void)state;
    pieces p;
    spiral_error err;
    float threshold = 99;
    spiral_corpus *c = scored_corpus(&p, 9 * PIECE_T);
    spiral_model *m = projecting_model(SPIRAL_MODEL_AE, c);
    spiral__tensor_data(m, m->ae.out_bias)[0] = NAN;
    assert_fails(spiral_model_choose_threshold(m, c, 1, &threshold, &err), SPIRAL_NUMERIC, &err, p.path[0],
                 "not finite");
    for (size_t i = 0; i < c->count; i++)
        for (size_t t = 0; t < c->entries[i].roll.frames; t++)
            c->entries[i].roll.sounding[t] = (spiral_keys){{0, 0}};
    assert_fails(spiral_model_choose_threshold(m, c, 1, &threshold, &err), SPIRAL_NO_DATA, &err, "no window");
    spiral_corpus_destroy(c);
    c = pieces_corpus(p.folder, 1, PIECE_T); /* two planes */
    assert_fails(spiral_model_choose_threshold(m, c, 1, &threshold, &err), SPIRAL_BAD_ARG, &err, "planes");
    assert_true(threshold == 99);
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_what_counting_gives),
        cmocka_unit_test(a_silent_model_has_threshold_0),
        cmocka_unit_test(what_cannot_be_scored_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
