/* SPDX-License-Identifier: MIT
 *
 * Pictures: piano rolls and the helix, drawn once for PNG, SVG and PDF.
 */
#ifndef SPIRAL_PLOT_H
#define SPIRAL_PLOT_H

#include "helix.h"
#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Draws a roll into path; the ending chooses .png, .svg or .pdf. Same input, same bytes, but for
 * one number in an SVG: cairo counts a process' surfaces and names the file's after it. title may be NULL.
 * With `reference` (may be NULL; same grid) notes are coloured by agreement: right, missed, stray.
 * UNSUPPORTED: another ending, or a build without cairo. IO: nothing is left under the final name. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_plot_roll(const spiral_roll *roll,
                                                            const spiral_roll *reference, const char *title,
                                                            const char *path, spiral_error *err);

/* Draws the helix with its named keys from low to high and, below, the cost of each interval (n values each
 * as spiral_loss_table gives them). */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_plot_helix(const spiral_helix *helix, int low, int high,
                                                             int n, const double *substitute /* (n) */,
                                                             const double *insert /* (n) */, const char *path,
                                                             spiral_error *err);

/* One line, or a few, over x; each series has a name. For training logs and comparisons. */
typedef struct spiral_plot_series {
    const char *name;
    size_t n;
    const double *x, *y; /* (n) */
} spiral_plot_series;

SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_plot_curves(const spiral_plot_series *series, size_t count,
                                                              const char *title, const char *x_name,
                                                              const char *y_name, const char *path,
                                                              spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
