/* SPDX-License-Identifier: MIT
 *
 * Principal axes of rows of numbers.
 */
#ifndef SPIRAL_TRAIN_PCA_H
#define SPIRAL_TRAIN_PCA_H

#include <stddef.h>

#include "spiral/status.h"

/* Computes the first k principal axes of the centred rows X (n, D), the axis of the largest variance first.
 * Q (k, D): on entry any starting values, for example random numbers; on return the orthonormal axes, 0
 * beyond the rank of X. Y (n, k): on return the coordinates X Q'. Runs on the calling thread. NO_MEMORY. */
spiral_status spiral__principal_axes(size_t n, size_t D, size_t k, const float *X, float *Q, float *Y,
                                     spiral_error *err);

#endif
