/* SPDX-License-Identifier: MIT
 *
 * Principal axes against a full eigendecomposition of the covariance of the same windows (Jacobi, in double),
 * and the start of a training: the model is the projection onto the axes and back.
 */
#include <math.h>

#include "testing.h"
#include "training.h"
#include "data/window.h"
#include "eval/linear.h"
#include "train/pca.h"

enum { WINDOWS = 8192, SEED = 5, T = 3, Z = 4 };

static void *zeros(size_t n, size_t size) {
    void *p = calloc(n + 1, size);
    assert_non_null(p);
    return p;
}

/* Eigenvalues of the symmetric S (n, n) in falling order, eigenvectors in the rows of V. */
static void jacobi(size_t n, double *S, double *V) {
    for (size_t i = 0; i < n * n; i++) V[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < 30; sweep++)
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++) {
                if (fabs(S[p * n + q]) < 1e-300) continue;
                double angle = 0.5 * atan2(2 * S[p * n + q], S[q * n + q] - S[p * n + p]);
                double c = cos(angle), s = sin(angle);
                for (size_t k = 0; k < n; k++) {
                    double x = S[k * n + p], y = S[k * n + q];
                    S[k * n + p] = c * x - s * y, S[k * n + q] = s * x + c * y;
                }
                for (size_t k = 0; k < n; k++) {
                    double x = S[p * n + k], y = S[q * n + k], v = V[p * n + k], w = V[q * n + k];
                    S[p * n + k] = c * x - s * y, S[q * n + k] = s * x + c * y;
                    V[p * n + k] = c * v - s * w, V[q * n + k] = s * v + c * w;
                }
            }
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (S[j * n + j] > S[i * n + i]) {
                double swap = S[i * n + i];
                S[i * n + i] = S[j * n + j], S[j * n + j] = swap;
                for (size_t k = 0; k < n; k++) {
                    swap = V[i * n + k];
                    V[i * n + k] = V[j * n + k], V[j * n + k] = swap;
                }
            }
}

/* Mean and covariance of the drawn windows. */
static void moments(const spiral_model *m, const spiral_corpus *c, double *mean, double *S) {
    spiral_keys window[2 * T];
    float *x = zeros(m->ae.D, sizeof *x);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < WINDOWS; i++) {
            spiral__window_draw(c, 0, SEED, ~(uint64_t)i, window);
            spiral__window_floats(window, (size_t)(m->ae.planes * m->ae.T), m->config.low, m->ae.P, x);
            for (size_t a = 0; a < m->ae.D; a++) {
                if (pass == 0) mean[a] += x[a] / (double)WINDOWS;
                for (size_t b = 0; pass == 1 && b < m->ae.D; b++)
                    S[a * m->ae.D + b] += (x[a] - mean[a]) * (x[b] - mean[b]) / WINDOWS;
            }
        }
    free(x);
}

static spiral_model *model_for(int latent, int onsets) {
    spiral_model_config config;
    spiral_model_config_default(&config, sizeof config);
    const spiral_roll_options roll = piece_options();
    spiral_model_config_set_roll(&config, &roll);
    config.planes = 1 + onsets;
    config.frames = T, config.latent = latent, config.hidden = 9;
    spiral_model *m;
    assert_int_equal(spiral_model_create(&config, 1, &m, NULL), SPIRAL_OK);
    return m;
}

static void axes_are_those_of_a_full_decomposition(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 90);
    pieces_add(&p, "b.mid", 2, 50);
    spiral_corpus *c = pieces_corpus(p.folder, 1, T);
    spiral_model *m = model_for(Z, 1);
    const size_t D = m->ae.D;
    double *mean = zeros(D, sizeof *mean), *S = zeros(D * D, sizeof *S), *V = zeros(D * D, sizeof *V);
    moments(m, c, mean, S);
    jacobi(D, S, V);
    assert_int_equal(spiral__pca_start(m, c, SEED, NULL, NULL), SPIRAL_OK);
    const float *Q = spiral__tensor_data(m, m->ae.pca_basis), *mu = spiral__tensor_data(m, m->ae.pca_mean);
    for (size_t d = 0; d < D; d++) assert_true(fabs(mu[d] - mean[d]) < 1e-6);
    print_message("# eigenvalues %.4f %.4f %.4f %.4f | %.4f\n", S[0], S[D + 1], S[2 * (D + 1)],
                  S[3 * (D + 1)], S[4 * (D + 1)]);
    assert_true(S[4 * (D + 1)] < 0.99 * S[3 * (D + 1)]); /* otherwise the span is not unique */
    double worst_angle = 0;
    for (size_t z = 0; z < Z; z++) {
        double in_span = 0, length = 0;
        for (size_t d = 0; d < D; d++) length += (double)Q[z * D + d] * Q[z * D + d];
        assert_true(fabs(length - 1) < 1e-6);
        for (size_t k = 0; k < Z; k++) {
            double along = 0, across = 0;
            for (size_t d = 0; d < D; d++) {
                along += Q[z * D + d] * V[k * D + d];
                across += (double)Q[z * D + d] * Q[k * D + d];
            }
            if (k != z) assert_true(fabs(across) < 1e-6);
            if (k == z)
                assert_true(fabs(along) > 1 - 1e-6); /* the axes are in the order of their variances */
            in_span += along * along;
        }
        worst_angle = fmax(worst_angle, acos(fmin(1, sqrt(in_span))));
    }
    print_message("# largest angle to the span of the first %d axes: %.1e\n", Z, worst_angle);
    assert_true(worst_angle < 1e-3);
    free(mean);
    free(S);
    free(V);
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* The untrained model gives 6 (projection - 1/2), and its latents have mean 0 and variance 1. */
static void check_start(const spiral_model *m, const spiral_corpus *c, size_t rank) {
    enum { COUNT = 4096 };
    spiral_model_work *work;
    spiral_keys window[2 * T];
    float *x = zeros(m->ae.D, sizeof *x), *projection = zeros(m->ae.D, sizeof *x),
          *latent = zeros(m->ae.Z, sizeof *x);
    float *logits = zeros(m->ae.D, sizeof *x), *coordinates = zeros(m->ae.Z, sizeof *x);
    double *mean = zeros(m->ae.Z, sizeof *mean), *square = zeros(m->ae.Z, sizeof *square);
    assert_int_equal(spiral_model_work_create(m, &work, NULL), SPIRAL_OK);
    for (size_t i = 0; i < COUNT; i++) {
        spiral__window_draw(c, 0, SEED, ~(uint64_t)i, window);
        spiral__window_floats(window, (size_t)(m->ae.planes * m->ae.T), m->config.low, m->ae.P, x);
        spiral__linear_reconstruction(m, x, coordinates, projection);
        spiral_model_encode(m, 1, window, latent, NULL, work);
        spiral_model_decode(m, 1, latent, logits, work);
        for (size_t d = 0; d < m->ae.D; d++) assert_true(fabs(logits[d] - 6 * (projection[d] - 0.5)) < 1e-3);
        for (size_t z = 0; z < m->ae.Z; z++) mean[z] += latent[z] / (double)COUNT;
        for (size_t z = 0; z < m->ae.Z; z++) square[z] += latent[z] * latent[z] / (double)COUNT;
    }
    size_t nonzero = 0;
    for (size_t z = 0; z < m->ae.Z; z++) {
        assert_true(fabs(mean[z]) < 0.1);
        assert_true(fabs(square[z] - 1) < 0.1 || square[z] == 0); /* not exactly 1: half of the windows */
        nonzero += square[z] > 0;
    }
    assert_int_equal(nonzero, rank);
    spiral_model_work_destroy(work);
    free(x);
    free(projection);
    free(latent);
    free(logits);
    free(coordinates);
    free(mean);
    free(square);
}

static void a_training_starts_as_the_projection(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 120);
    spiral_corpus *c = pieces_corpus(p.folder, 0, T);
    spiral_model *m = model_for(Z, 0);
    assert_int_equal(spiral__pca_start(m, c, SEED, NULL, NULL), SPIRAL_OK);
    check_start(m, c, Z);
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* Three different windows span two axes; the other latents are 0, and all numbers are finite. */
static void axes_beyond_the_rank_are_zero(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    spiral_roll roll;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 3 * 20 + 2, 0, &roll, NULL), SPIRAL_OK);
    for (size_t t = 0; t < roll.frames; t++)
        if (t % 3 == 1) spiral_keys_set(&roll.sounding[t], 64, 1);
    pieces_add_roll(&p, "a.mid", &roll);
    spiral_corpus *c = pieces_corpus(p.folder, 0, T);
    spiral_model *m = model_for(6, 0);
    assert_int_equal(spiral__pca_start(m, c, SEED, NULL, NULL), SPIRAL_OK);
    for (size_t i = 0; i < m->tensors.floats; i++) assert_true(isfinite(m->arena[i]));
    check_start(m, c, 2);
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    spiral_roll_clear(&roll);
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(axes_are_those_of_a_full_decomposition),
        cmocka_unit_test(a_training_starts_as_the_projection),
        cmocka_unit_test(axes_beyond_the_rank_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
