/* SPDX-License-Identifier: MIT
 *
 * Cholesky factorisation and substitution (see linalg.h).
 */
#include <math.h>

#include "base/linalg.h"

void spiral__cholesky(size_t n, double *C, double min_pivot) {
    for (size_t j = 0; j < n; j++) {
        double pivot = C[j * n + j];
        for (size_t k = 0; k < j; k++) pivot -= C[j * n + k] * C[j * n + k];
        double root = sqrt(pivot > min_pivot ? pivot : min_pivot);
        C[j * n + j] = root;
        for (size_t i = j + 1; i < n; i++) {
            double sum = C[i * n + j];
            for (size_t k = 0; k < j; k++) sum -= C[i * n + k] * C[j * n + k];
            C[i * n + j] = root > 0 ? sum / root : 0;
        }
        for (size_t i = 0; i < j; i++) C[i * n + j] = 0;
    }
}

void spiral__cholesky_solve(size_t n, const double *F, size_t rows, double *B) {
    for (double *b = B; b < B + rows * n; b += n) {
        for (size_t i = 0; i < n; i++) { /* y F' = b, then x F = y */
            for (size_t k = 0; k < i; k++) b[i] -= F[i * n + k] * b[k];
            b[i] /= F[i * n + i];
        }
        for (size_t i = n; i-- > 0;) {
            for (size_t k = i + 1; k < n; k++) b[i] -= F[k * n + i] * b[k];
            b[i] /= F[i * n + i];
        }
    }
}
