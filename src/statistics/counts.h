/* SPDX-License-Identifier: MIT
 *
 * Counts and statistics of a caller's struct_size.
 */
#ifndef SPIRAL_STATISTICS_COUNTS_H
#define SPIRAL_STATISTICS_COUNTS_H

#include "spiral/statistics.h"

/* Copies *counts to *known; fields that the caller's struct does not have are 0. BAD_ARG: its struct_size is
 * not accepted. */
spiral_status spiral__statistics_counts_read(const spiral_statistics_counts *counts,
                                             spiral_statistics_counts *known, spiral_error *err);
/* Copies the fields that the caller's struct has back to it. */
void spiral__statistics_counts_write(const spiral_statistics_counts *known, spiral_statistics_counts *counts);

/* The statistics of counts that were read. */
spiral_statistics spiral__statistics_of(const spiral_statistics_counts *counts);

#endif
