/* SPDX-License-Identifier: MIT
 *
 * The start of a training: the model's linear path becomes the best linear autoencoder of the training
 * windows, and its networks add 0 to it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/linalg.h"
#include "base/rng.h"
#include "data/window.h"
#include "train/pca.h"
#include "train/trainer.h"

enum { MAX_WINDOWS = 8192, SPARE = 8 /* axes beyond Z, see pca.h */ };
static const size_t MAX_FLOATS = (size_t)32 << 20; /* of the windows */

/* A linear reconstruction x becomes the logit LOGIT_SLOPE (x - 1/2), so that 1/2 becomes the probability
 * 1/2. */
static const float LOGIT_SLOPE = 6.0f;

/* The random stream of the first axes. Window i has stream ~i, far from the streams of the steps. */
static const uint64_t AXES_STREAM = UINT64_C(0x706361);

/* Fills X (n, D) with random windows minus their mean (D). */
static spiral_status draw_windows(const spiral_model *m, const spiral_corpus *corpus, uint64_t seed, size_t n,
                                  float *X, float *mean, spiral_error *err) {
    const size_t D = m->ae.D, window_size = (size_t)(m->ae.planes * m->ae.T);
    spiral_keys *window = malloc(window_size * sizeof *window);
    double *sum = calloc(D, sizeof *sum);
    if (!window || !sum) {
        free(window);
        free(sum);
        return spiral__no_memory(err, D * sizeof *sum);
    }
    for (size_t i = 0; i < n; i++) {
        spiral__window_draw(corpus, 0, seed, ~(uint64_t)i, window);
        spiral__window_floats(window, window_size, m->config.low, m->ae.P, X + i * D);
        for (size_t d = 0; d < D; d++) sum[d] += X[i * D + d];
    }
    for (size_t d = 0; d < D; d++) mean[d] = (float)(sum[d] / (double)n);
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < D; d++) X[i * D + d] -= mean[d];
    free(window);
    free(sum);
    return SPIRAL_OK;
}

/* latent = (x - mean) Q' / deviation,  logits = slope (mean - 1/2 + (deviation latent) Q). */
static void set_linear_path(spiral_model *m, const float *deviation) {
    const spiral__autoencoder *ae = &m->ae;
    const size_t D = ae->D, H = ae->H, N = ae->N;
    const float *mean = spiral__tensor_data(m, ae->pca_mean), *Q = spiral__tensor_data(m, ae->pca_basis);
    float *in = spiral__tensor_data(m, ae->encoder_in), *out = spiral__tensor_data(m, ae->out_weight);
    float *latent_bias = spiral__tensor_data(m, ae->latent_bias);
    float *out_bias = spiral__tensor_data(m, ae->out_bias);
    memset(spiral__tensor_data(m, ae->latent_weight), 0, H * ae->O * sizeof(float));
    memset(out, 0, H * D * sizeof(float)); /* the rows of the hidden units */
    for (size_t z = 0; z < ae->Z; z++) {
        const float *q = Q + z * D;
        float scale = deviation[z] > 0 ? 1 / deviation[z] : 0.0f;
        latent_bias[z] = -scale * (float)spiral__dot(D, mean, q);
        for (size_t d = 0; d < D; d++) {
            in[d * N + H + z] = scale * q[d];
            out[(H + z) * D + d] = LOGIT_SLOPE * deviation[z] * q[d];
        }
    }
    for (size_t d = 0; d < D; d++) out_bias[d] = LOGIT_SLOPE * (mean[d] - 0.5f);
}

/* The standard deviation of each column of Y (n, k). */
static void deviations(size_t n, size_t k, const float *Y, float *deviation) {
    for (size_t z = 0; z < k; z++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += (double)Y[i * k + z] * Y[i * k + z];
        deviation[z] = (float)sqrt(sum / (double)n);
    }
}

spiral_status spiral__pca_start(spiral_model *m, const spiral_corpus *corpus, uint64_t seed,
                                spiral__pool *pool, spiral_error *err) {
    const size_t D = m->ae.D, Z = m->ae.Z, k = Z + SPARE;
    const size_t n = MAX_FLOATS / D < MAX_WINDOWS ? MAX_FLOATS / D : MAX_WINDOWS;
    float *X = spiral__floats(n * D), *Q = spiral__floats(k * D), *Y = spiral__floats(n * k);
    float *deviation = spiral__floats(k);
    spiral_status status =
        X && Q && Y && deviation
            ? draw_windows(m, corpus, seed, n, X, spiral__tensor_data(m, m->ae.pca_mean), err)
            : spiral__no_memory(err, (n * D + k * D + n * k) * sizeof(float));
    if (status == SPIRAL_OK) {
        spiral__rng rng = spiral__rng_init(seed, AXES_STREAM);
        for (size_t i = 0; i < k * D; i++) Q[i] = (float)spiral__rng_normal(&rng);
        status = spiral__principal_axes(n, D, k, X, Q, Y, err);
    }
    if (status == SPIRAL_OK) {
        deviations(n, k, Y, deviation);
        memcpy(spiral__tensor_data(m, m->ae.pca_basis), Q, Z * D * sizeof(float));
        set_linear_path(m, deviation);
        spiral__model_update(m, pool);
    }
    free(X);
    free(Q);
    free(Y);
    free(deviation);
    return status;
}
