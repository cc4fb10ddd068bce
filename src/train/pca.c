/* SPDX-License-Identifier: MIT
 *
 * Principal components by orthogonal iteration (Golub and Van Loan, section 8.2.4): multiply an orthonormal
 * basis by the covariance and orthonormalise again. The covariance itself is never formed. A few axes more
 * than asked for are carried along; at the end the basis is turned within its span (Rayleigh and Ritz), which
 * is what lets the spare axes sharpen the wanted ones.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/rng.h"
#include "nn/gemm.h"
#include "data/window.h"
#include "train/pca.h"

enum { MAX_WINDOWS = 8192, ITERATIONS = 16, SPARE = 8, MAX_SWEEPS = 30 };
static const size_t MAX_FLOATS = (size_t)32 << 20;

/* Probability one half is where the linear reconstruction crosses one half; this is the steepness there. */
static const float LOGIT_SLOPE = 6.0f;

/* Fills X (n, D) with centred random windows, and mean (D). */
static spiral_status draw_windows(const spiral_model *m, const spiral_corpus *corpus, uint64_t seed, size_t n,
                                  float *X, float *mean, spiral_error *err) {
    size_t columns = (size_t)m->ae.planes * (size_t)m->ae.T;
    spiral_keys *window = malloc(columns * sizeof *window);
    double *sum = calloc(m->ae.D, sizeof *sum);
    if (!window || !sum) {
        free(window);
        free(sum);
        return spiral__no_memory(err, m->ae.D * sizeof *sum);
    }
    for (size_t i = 0; i < n; i++) {
        spiral__window_draw(corpus, 0, seed, ~(uint64_t)i, window);
        spiral__window_floats(window, (size_t)(m->ae.planes * m->ae.T), m->config.low, m->ae.P,
                              X + i * m->ae.D);
        for (size_t d = 0; d < m->ae.D; d++) sum[d] += X[i * m->ae.D + d];
    }
    for (size_t d = 0; d < m->ae.D; d++) mean[d] = (float)(sum[d] / (double)n);
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < m->ae.D; d++) X[i * m->ae.D + d] -= mean[d];
    free(window);
    free(sum);
    return SPIRAL_OK;
}

static double dot(size_t n, const float *x, const float *y) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * y[i];
    return sum;
}

/* Rows of Q (k, D) become orthonormal, by modified Gram-Schmidt, twice; a row that vanishes becomes zero. */
static void orthonormalise(size_t k, size_t D, float *Q) {
    for (size_t i = 0; i < k; i++) {
        float *q = Q + i * D;
        double before = sqrt(dot(D, q, q));
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < i; j++) {
                float c = (float)dot(D, q, Q + j * D);
                for (size_t d = 0; d < D; d++) q[d] -= c * Q[j * D + d];
            }
        double length = sqrt(dot(D, q, q));
        float scale = length > 1e-6 * before && length > 0 ? (float)(1 / length) : 0.0f;
        for (size_t d = 0; d < D; d++) q[d] *= scale;
    }
}

/* One Jacobi rotation of the symmetric S (k, k) that makes S[p, q] zero; V (k, k) collects the axes in its
 * rows. */
static void rotate(size_t k, size_t p, size_t q, double *S, double *V) {
    double angle = 0.5 * atan2(2 * S[p * k + q], S[q * k + q] - S[p * k + p]), c = cos(angle), s = sin(angle);
    for (size_t i = 0; i < k; i++) {
        double x = S[i * k + p], y = S[i * k + q];
        S[i * k + p] = c * x - s * y, S[i * k + q] = s * x + c * y;
    }
    for (size_t i = 0; i < k; i++) {
        double x = S[p * k + i], y = S[q * k + i], v = V[p * k + i], w = V[q * k + i];
        S[p * k + i] = c * x - s * y, S[q * k + i] = s * x + c * y;
        V[p * k + i] = c * v - s * w, V[q * k + i] = s * v + c * w;
    }
}

/* Rows of V become the eigenvectors of S (k, k); S ends nearly diagonal. */
static void diagonalise(size_t k, double *S, double *V) {
    for (size_t i = 0; i < k * k; i++) V[i] = i % (k + 1) == 0;
    for (int sweep = 0, turned = 1; sweep < MAX_SWEEPS && turned; sweep++) {
        turned = 0;
        for (size_t p = 0; p < k; p++)
            for (size_t q = p + 1; q < k; q++) {
                double limit = 1e-7 * sqrt(fabs(S[p * k + p] * S[q * k + q]));
                if (fabs(S[p * k + q]) <= limit) continue;
                rotate(k, p, q, S, V);
                turned = 1;
            }
    }
}

/* Turns the axes Q (k, D) within their span so that the coordinates Y (n, k) are uncorrelated, the widest
 * first. */
static spiral_status turn(size_t n, size_t D, size_t k, const float *Y, float *Q, spiral_error *err) {
    double *S = calloc(2 * k * k, sizeof *S), *V = S ? S + k * k : NULL;
    float *G = spiral__floats(k * k), *turned = spiral__floats(k * D);
    spiral_status status =
        S && G && turned ? SPIRAL_OK : spiral__no_memory(err, (5 * k * k + k * D) * sizeof(float));
    if (status == SPIRAL_OK) {
        spiral__gemm(1, 0, k, k, n, Y, k, Y, k, 0, G, k);
        for (size_t i = 0; i < k * k; i++) S[i] = 0.5 * ((double)G[i] + G[i % k * k + i / k]);
        diagonalise(k, S, V);
        for (size_t i = 0; i < k; i++) { /* the widest of those left */
            size_t widest = 0;
            for (size_t j = 1; j < k; j++)
                if (S[j * k + j] > S[widest * k + widest]) widest = j;
            S[widest * k + widest] = -INFINITY;
            for (size_t j = 0; j < k; j++) G[i * k + j] = (float)V[widest * k + j];
        }
        spiral__gemm(0, 0, k, D, k, G, k, Q, D, 0, turned, D);
        memcpy(Q, turned, k * D * sizeof *Q);
    }
    free(S);
    free(G);
    free(turned);
    return status;
}

/* Q (k, D) converges to the first k principal axes of X (n, D); Y (n, k) ends as the coordinates. */
static spiral_status iterate(size_t n, size_t D, size_t k, const float *X, float *Q, float *Y,
                             spiral_error *err) {
    orthonormalise(k, D, Q);
    for (int i = 0; i < ITERATIONS; i++) {
        spiral__gemm(0, 1, n, k, D, X, D, Q, D, 0, Y, k);
        spiral__gemm(1, 0, k, D, n, Y, k, X, D, 0, Q, D);
        orthonormalise(k, D, Q);
    }
    spiral__gemm(0, 1, n, k, D, X, D, Q, D, 0, Y, k);
    SPIRAL_TRY(turn(n, D, k, Y, Q, err));
    spiral__gemm(0, 1, n, k, D, X, D, Q, D, 0, Y, k);
    return SPIRAL_OK;
}

/* The linear path: code = (x - mean) Q / deviation, logits = slope (mean - 1/2 + deviation code Q). */
static void start_from(spiral_model *m, const float *deviation) {
    const float *mean = spiral__tensor_data(m, m->ae.pca_mean), *Q = spiral__tensor_data(m, m->ae.pca_basis);
    float *in = spiral__tensor_data(m, m->ae.encoder_in), *out = spiral__tensor_data(m, m->ae.out_weight);
    float *code_bias = spiral__tensor_data(m, m->ae.latent_bias),
          *out_bias = spiral__tensor_data(m, m->ae.out_bias);
    memset(spiral__tensor_data(m, m->ae.latent_weight), 0, m->ae.H * m->ae.O * sizeof(float));
    memset(out, 0, m->ae.H * m->ae.D * sizeof(float)); /* the hidden units' rows */
    for (size_t z = 0; z < m->ae.Z; z++) {
        const float *q = Q + z * m->ae.D;
        float whiten = deviation[z] > 0 ? 1 / deviation[z] : 0.0f;
        code_bias[z] = -whiten * (float)dot(m->ae.D, mean, q);
        for (size_t d = 0; d < m->ae.D; d++) {
            in[d * m->ae.N + m->ae.H + z] = whiten * q[d];
            out[(m->ae.H + z) * m->ae.D + d] = LOGIT_SLOPE * deviation[z] * q[d];
        }
    }
    for (size_t d = 0; d < m->ae.D; d++) out_bias[d] = LOGIT_SLOPE * (mean[d] - 0.5f);
    spiral__model_update(m, NULL);
}

spiral_status spiral__pca_start(spiral_model *m, const spiral_corpus *corpus, uint64_t seed,
                                spiral_error *err) {
    size_t n = MAX_FLOATS / m->ae.D < MAX_WINDOWS ? MAX_FLOATS / m->ae.D : MAX_WINDOWS, k = m->ae.Z + SPARE;
    float *X = spiral__floats(n * m->ae.D), *Q = spiral__floats(k * m->ae.D), *Y = spiral__floats(n * k);
    float *deviation = spiral__floats(k);
    spiral_status status =
        X && Q && Y && deviation
            ? draw_windows(m, corpus, seed, n, X, spiral__tensor_data(m, m->ae.pca_mean), err)
            : spiral__no_memory(err, (n * m->ae.D + k * m->ae.D + n * k) * sizeof(float));
    if (status == SPIRAL_OK) {
        spiral__rng rng = spiral__rng_init(seed, UINT64_C(0x706361));
        for (size_t i = 0; i < k * m->ae.D; i++) Q[i] = (float)spiral__rng_normal(&rng);
        status = iterate(n, m->ae.D, k, X, Q, Y, err);
    }
    if (status == SPIRAL_OK) {
        for (size_t z = 0; z < k; z++) {
            double sum = 0;
            for (size_t i = 0; i < n; i++) sum += (double)Y[i * k + z] * Y[i * k + z];
            deviation[z] = (float)sqrt(sum / (double)n);
        }
        memcpy(spiral__tensor_data(m, m->ae.pca_basis), Q, m->ae.Z * m->ae.D * sizeof(float));
        start_from(m, deviation);
    }
    free(X);
    free(Q);
    free(Y);
    free(deviation);
    return status;
}

void spiral__pca_project(const spiral_model *m, const float *x, float *coordinates, float *projection) {
    const float *mean = spiral__tensor_data(m, m->ae.pca_mean), *Q = spiral__tensor_data(m, m->ae.pca_basis);
    for (size_t d = 0; d < m->ae.D; d++) projection[d] = x[d] - mean[d];
    for (size_t z = 0; z < m->ae.Z; z++) coordinates[z] = (float)dot(m->ae.D, projection, Q + z * m->ae.D);
    memcpy(projection, mean, m->ae.D * sizeof(float));
    for (size_t z = 0; z < m->ae.Z; z++)
        for (size_t d = 0; d < m->ae.D; d++) projection[d] += coordinates[z] * Q[z * m->ae.D + d];
}
