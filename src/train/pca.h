/* SPDX-License-Identifier: MIT
 *
 * Principal axes of rows of numbers.
 */
#ifndef SPIRAL_TRAIN_PCA_H
#define SPIRAL_TRAIN_PCA_H

#include <stddef.h>

#include "spiral/status.h"

/* The first k principal axes of the centred rows X (n, D), that of the largest variance first. Q (k, D)
 * begins as any numbers, random ones for example, and ends as the orthonormal axes; an axis beyond the rank
 * of X becomes 0. Y (n, k) ends as the coordinates X Q'. On the calling thread. NO_MEMORY. */
spiral_status spiral__principal_axes(size_t n, size_t D, size_t k, const float *X, float *Q, float *Y,
                                     spiral_error *err);

#endif
