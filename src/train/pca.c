/* SPDX-License-Identifier: MIT
 *
 * Principal axes by orthogonal iteration (Golub and Van Loan, section 8.2.4): an orthonormal basis is
 * multiplied by the covariance and orthonormalised again. The covariance itself is never formed. At the end
 * the basis is rotated within its span (Rayleigh-Ritz); therefore computing more axes than are wanted makes
 * the first ones more accurate.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/linalg.h"
#include "nn/gemm.h"
#include "train/pca.h"

enum { ITERATIONS = 16, MAX_SWEEPS = 30 };

/* Makes the rows of Q (k, D) orthonormal, by modified Gram-Schmidt, done twice. A row that is a linear
 * combination of the rows before it becomes 0. */
static void orthonormalise(size_t k, size_t D, float *Q) {
    for (size_t i = 0; i < k; i++) {
        float *q = Q + i * D;
        double before = sqrt(spiral__dot(D, q, q));
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < i; j++) {
                float c = (float)spiral__dot(D, q, Q + j * D);
                for (size_t d = 0; d < D; d++) q[d] -= c * Q[j * D + d];
            }
        double length = sqrt(spiral__dot(D, q, q));
        float scale = length > 1e-6 * before && length > 0 ? (float)(1 / length) : 0.0f;
        for (size_t d = 0; d < D; d++) q[d] *= scale;
    }
}

/* One Jacobi rotation of the symmetric S (k, k), which makes S[p, q] zero; the rows of V (k, k) are rotated
 * with it. */
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

/* The rows of V become the eigenvectors of S (k, k), and S becomes nearly diagonal. */
static void diagonalise(size_t k, double *S, double *V) {
    for (size_t i = 0; i < k * k; i++) V[i] = i % (k + 1) == 0;
    for (int sweep = 0, changed = 1; sweep < MAX_SWEEPS && changed; sweep++) {
        changed = 0;
        for (size_t p = 0; p < k; p++)
            for (size_t q = p + 1; q < k; q++) {
                double limit = 1e-7 * sqrt(fabs(S[p * k + p] * S[q * k + q]));
                if (fabs(S[p * k + q]) <= limit) continue;
                rotate(k, p, q, S, V);
                changed = 1;
            }
    }
}

/* Rotates the axes Q (k, D) within their span so that the coordinates along them are uncorrelated, with the
 * largest variance first. Y (n, k): the coordinates before the rotation. */
static spiral_status rotate_axes(size_t n, size_t D, size_t k, const float *Y, float *Q, spiral_error *err) {
    double *S = calloc(2 * k * k, sizeof *S), *V = S ? S + k * k : NULL;
    float *G = spiral__floats(k * k), *rotated = spiral__floats(k * D);
    spiral_status status =
        S && G && rotated ? SPIRAL_OK : spiral__no_memory(err, (5 * k * k + k * D) * sizeof(float));
    if (status == SPIRAL_OK) {
        spiral__gemm(1, 0, k, k, n, Y, k, Y, k, 0, G, k);
        for (size_t i = 0; i < k * k; i++) S[i] = 0.5 * ((double)G[i] + G[i % k * k + i / k]);
        diagonalise(k, S, V);
        for (size_t i = 0; i < k; i++) { /* the largest variance of those left */
            size_t largest = 0;
            for (size_t j = 1; j < k; j++)
                if (S[j * k + j] > S[largest * k + largest]) largest = j;
            S[largest * k + largest] = -INFINITY;
            for (size_t j = 0; j < k; j++) G[i * k + j] = (float)V[largest * k + j];
        }
        spiral__gemm(0, 0, k, D, k, G, k, Q, D, 0, rotated, D);
        memcpy(Q, rotated, k * D * sizeof *Q);
    }
    free(S);
    free(G);
    free(rotated);
    return status;
}

spiral_status spiral__principal_axes(size_t n, size_t D, size_t k, const float *X, float *Q, float *Y,
                                     spiral_error *err) {
    orthonormalise(k, D, Q);
    for (int i = 0; i < ITERATIONS; i++) {
        spiral__gemm(0, 1, n, k, D, X, D, Q, D, 0, Y, k);
        spiral__gemm(1, 0, k, D, n, Y, k, X, D, 0, Q, D);
        orthonormalise(k, D, Q);
    }
    spiral__gemm(0, 1, n, k, D, X, D, Q, D, 0, Y, k);
    SPIRAL_TRY(rotate_axes(n, D, k, Y, Q, err));
    spiral__gemm(0, 1, n, k, D, X, D, Q, D, 0, Y, k);
    return SPIRAL_OK;
}
