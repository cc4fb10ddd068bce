/* SPDX-License-Identifier: MIT
 *
 * Counts of a caller's struct_size.
 */
#ifndef SPIRAL_METRICS_COUNTS_H
#define SPIRAL_METRICS_COUNTS_H

#include "spiral/metrics.h"

/* Copies *counts to *known; fields that the caller's struct does not have are 0. BAD_ARG: its struct_size is
 * not accepted. */
spiral_status spiral__metrics_counts_read(const spiral_metrics_counts *counts, spiral_metrics_counts *known,
                                          spiral_error *err);
/* Copies the fields that the caller's struct has back to it. */
void spiral__metrics_counts_write(const spiral_metrics_counts *known, spiral_metrics_counts *counts);

#endif
