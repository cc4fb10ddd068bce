/* SPDX-License-Identifier: MIT
 *
 * Measuring the latents: the model's tensors satisfy the equations of latent_statistics.c, with moments that
 * are computed here.
 */
#include <math.h>

#include "testing.h"
#include "training.h"
#include "data/window.h"

static void *zeros(size_t n, size_t size) {
    void *p = calloc(n + 1, size);
    assert_non_null(p);
    return p;
}

/* The moments of the latents of every position of the corpus and half a window later. */
static void moments(const spiral_model *m, const spiral_corpus *c, double *mean, double *C0, double *C1) {
    const size_t Z = m->ae.Z, hop = (PIECE_T + 1) / 2, n = c->positions;
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

/* F F' = C0,  A C0 = C1,  G G' = C0 - A C0 A'; the same bits for any number of threads. */
static void moments_satisfy_their_equations(void **state) {
    (void)state;
    pieces p;
    spiral__pool *pool;
    spiral_model *m;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 300);
    pieces_add(&p, "b.mid", 2, 200);
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
    training t = piece_training();
    t.config.latent = 5;
    assert_int_equal(spiral_model_create(&t.config, 1, &m, NULL), SPIRAL_OK);
    assert_int_equal(spiral__measure_latents(m, c, NULL, NULL), SPIRAL_OK);
    const size_t Z = m->ae.Z, bytes = m->tensors.floats * sizeof(float);
    float *alone = malloc(bytes);
    memcpy(alone, m->arena, bytes);
    assert_int_equal(spiral__pool_create(3, &pool, NULL), SPIRAL_OK);
    assert_int_equal(spiral__measure_latents(m, c, pool, NULL), SPIRAL_OK);
    assert_memory_equal(alone, m->arena, bytes);
    spiral__pool_destroy(pool);
    free(alone);
    double *mean = zeros(Z, sizeof *mean), *C0 = zeros(Z * Z, sizeof *C0), *C1 = zeros(Z * Z, sizeof *C1);
    double *x = zeros(Z * Z, sizeof *x), *y = zeros(Z * Z, sizeof *y), *q = zeros(Z * Z, sizeof *q);
    const float *F = spiral__tensor_data(m, m->ae.latents_factor);
    const float *A = spiral__tensor_data(m, m->ae.latents_step),
                *G = spiral__tensor_data(m, m->ae.latents_noise);
    moments(m, c, mean, C0, C1);
    doubles(Z, spiral__tensor_data(m, m->ae.latents_mean), x);
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
    assert_true(fabs(*spiral__tensor_data(m, m->ae.density) - (double)on / 500) < 1e-6);
    free(mean);
    free(C0);
    free(C1);
    free(x);
    free(y);
    free(q);
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* If the latents never change, covariance and noise are 0, and no number is infinite or NaN. */
static void constant_latents_have_no_noise(void **state) {
    (void)state;
    pieces p;
    spiral_model *m;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 40);
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
    training t = piece_training();
    assert_int_equal(spiral_model_create(&t.config, 1, &m, NULL), SPIRAL_OK);
    memset(m->arena, 0, m->tensors.trained * sizeof(float));
    spiral_model_update(m);
    assert_int_equal(spiral__measure_latents(m, c, NULL, NULL), SPIRAL_OK);
    for (size_t i = 0; i < m->ae.Z * m->ae.Z; i++) {
        assert_true(fabs(spiral__tensor_data(m, m->ae.latents_factor)[i]) < 1e-5);
        assert_true(spiral__tensor_data(m, m->ae.latents_noise)[i] == 0);
        assert_true(spiral__tensor_data(m, m->ae.latents_step)[i] == 0);
    }
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_satisfy_their_equations),
        cmocka_unit_test(constant_latents_have_no_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
