/* SPDX-License-Identifier: MIT
 *
 * What training learns about its codes: mean, spread and motion against the same moments computed here, and
 * the equations that tie them together.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../data/pieces.h"
#include "train/trainer.h"

static void *zeros(size_t n, size_t size) {
    void *p = calloc(n + 1, size);
    assert_non_null(p);
    return p;
}

/* Codes of every place of the corpus and of half a window later, and their moments. */
static void moments(const spiral_model *m, const spiral_corpus *c, double *mean, double *C0, double *C1) {
    const size_t Z = m->Z, hop = (PIECE_T + 1) / 2, n = c->positions;
    spiral_model_work *work;
    spiral_keys window[PIECE_T];
    float *now = zeros(n * Z, sizeof *now), *next = zeros(n * Z, sizeof *next);
    size_t row = 0;
    assert_int_equal(spiral_model_work_create(m, &work, NULL), SPIRAL_OK);
    for (size_t f = 0; f < c->count; f++)
        for (size_t t = 0; t + PIECE_T <= c->entries[f].roll.frames; t++, row++) {
            spiral__window_cut(&c->entries[f].roll, t, PIECE_T, 0, window);
            spiral_model_encode(m, 1, window, now + row * Z, NULL, work);
            spiral__window_cut(&c->entries[f].roll, t + hop, PIECE_T, 0, window);
            spiral_model_encode(m, 1, window, next + row * Z, NULL, work);
        }
    assert_int_equal(row, n);
    for (size_t i = 0; i < n; i++)
        for (size_t z = 0; z < Z; z++)
            mean[z] += ((double)now[i * Z + z] + next[i * Z + z]) / (2 * (double)n);
    for (size_t i = 0; i < n; i++)
        for (size_t a = 0; a < Z; a++)
            for (size_t b = 0; b < Z; b++) {
                double x = now[i * Z + a] - mean[a], y = next[i * Z + a] - mean[a];
                double u = now[i * Z + b] - mean[b], v = next[i * Z + b] - mean[b];
                C0[a * Z + b] += (x * u + y * v) / (2 * (double)n);
                C1[a * Z + b] += y * u / (double)n;
            }
    spiral_model_work_destroy(work);
    free(now);
    free(next);
}

/* X (n, n) = A B, or A B' */
static void product(size_t n, const float *A, const double *B, int transposed, double *X) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            X[i * n + j] = 0;
            for (size_t k = 0; k < n; k++)
                X[i * n + j] += A[i * n + k] * (transposed ? B[j * n + k] : B[k * n + j]);
        }
}

static void doubles(size_t n, const float *from, double *to) {
    for (size_t i = 0; i < n; i++) to[i] = from[i];
}

static void assert_near(size_t n, const double *x, const double *y, double tolerance) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs(x[i] - y[i]) <= tolerance)) fail_msg("number %zu: %g, not %g", i, x[i], y[i]);
}

/* F F' = C0,  A C0 = C1,  G G' = C0 - A C0 A' */
static void test_facts(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 300);
    pieces_add(&p, "b.mid", 2, 200);
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
    spiral_train_options o = piece_training();
    o.model.latent = 5;
    o.threads = 2;
    spiral__trainer t;
    assert_int_equal(spiral__trainer_create(&o, c, c, &t, NULL), SPIRAL_OK);
    assert_int_equal(spiral__measure_codes(&t, NULL), SPIRAL_OK);
    const spiral_model *m = t.model;
    const size_t Z = m->Z;
    double *mean = zeros(Z, sizeof *mean), *C0 = zeros(Z * Z, sizeof *C0), *C1 = zeros(Z * Z, sizeof *C1);
    double *x = zeros(Z * Z, sizeof *x), *y = zeros(Z * Z, sizeof *y), *q = zeros(Z * Z, sizeof *q);
    const float *F = spiral__param(m, SPIRAL__CODES_FACTOR, 0), *A = spiral__param(m, SPIRAL__CODES_STEP, 0);
    const float *G = spiral__param(m, SPIRAL__CODES_NOISE, 0);
    moments(m, c, mean, C0, C1);
    doubles(Z, spiral__param(m, SPIRAL__CODES_MEAN, 0), x);
    assert_near(Z, x, mean, 1e-6);
    doubles(Z * Z, F, y);
    product(Z, F, y, 1, x);
    assert_near(Z * Z, x, C0, 1e-5);
    product(Z, A, C0, 0, x);
    assert_near(Z * Z, x, C1, 1e-4);
    product(Z, A, C1, 1, y); /* A C1' = A C0 A' */
    for (size_t i = 0; i < Z * Z; i++) y[i] = C0[i] - y[i];
    doubles(Z * Z, G, q);
    product(Z, G, q, 1, x);
    assert_near(Z * Z, x, y, 1e-4);

    uint64_t on = 0;
    for (size_t f = 0; f < 2; f++)
        for (size_t k = 0; k < c->entries[f].roll.frames; k++)
            for (int key = 0; key < 128; key++) on += spiral_keys_get(&c->entries[f].roll.sounding[k], key);
    assert_true(fabs(*spiral__param(m, SPIRAL__CODES_DENSITY, 0) - (double)on / 500) < 1e-6);
    free(mean);
    free(C0);
    free(C1);
    free(x);
    free(y);
    free(q);
    spiral__trainer_clear(&t);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* Codes that never move: no spread, no noise, and no number that is none. */
static void test_constant_codes(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 40);
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
    spiral_train_options o = piece_training();
    spiral__trainer t;
    assert_int_equal(spiral__trainer_create(&o, c, c, &t, NULL), SPIRAL_OK);
    memset(t.model->arena, 0, t.model->trained * sizeof(float));
    spiral__model_refresh(t.model);
    assert_int_equal(spiral__measure_codes(&t, NULL), SPIRAL_OK);
    for (size_t i = 0; i < t.model->Z * t.model->Z; i++) {
        assert_true(fabs(spiral__param(t.model, SPIRAL__CODES_FACTOR, 0)[i]) < 1e-5);
        assert_true(spiral__param(t.model, SPIRAL__CODES_NOISE, 0)[i] == 0);
        assert_true(spiral__param(t.model, SPIRAL__CODES_STEP, 0)[i] == 0);
    }
    spiral__trainer_clear(&t);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_constant_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
