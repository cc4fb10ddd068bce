/* SPDX-License-Identifier: MIT
 *
 * Comparing two lists of numbers by their smoothed densities.
 */
#ifndef SPIRAL_STATISTICS_DENSITY_H
#define SPIRAL_STATISTICS_DENSITY_H

#include "spiral/statistics.h"

/* n numbers, each of which stands for `copies` equal ones. */
typedef struct spiral__sample {
    const double *x; /* (n) */
    size_t n, copies;
} spiral__sample;

/* Gaussian kernel densities with Scott's bandwidth (standard deviation times N^(-1/5), N = n * copies), as
 * scipy.stats.gaussian_kde; what is computed from them is described at spiral_statistics_overlap. NaN if all
 * numbers of a sample are equal. NO_MEMORY. */
spiral_status spiral__density_overlap(const spiral__sample *a, const spiral__sample *b, spiral_overlap *out,
                                      spiral_error *err);

#endif
