/* SPDX-License-Identifier: MIT
 *
 * Small dense linear algebra in double precision: Cholesky factors. Matrices are row-major (n, n), element
 * (i, j) at [i * n + j].
 */
#ifndef SPIRAL_BASE_LINALG_H
#define SPIRAL_BASE_LINALG_H

#include <stddef.h>

/* Replaces the symmetric matrix C (n, n), of which only the lower triangle is read, by its lower triangular
 * factor F with F F' = C (Golub and Van Loan, Matrix Computations, algorithm 4.2.1). A pivot below min_pivot
 * (0 or more) is raised to it, so that a matrix that is singular, or indefinite by rounding, has a factor
 * too; the column of a pivot of 0 becomes 0. */
void spiral__cholesky(size_t n, double *C, double min_pivot);

/* Replaces each row b of B (rows, n) by the solution x of x F F' = b, for a lower triangular F (n, n) whose
 * diagonal has no 0. */
void spiral__cholesky_solve(size_t n, const double *F, size_t rows, double *B);

#endif
