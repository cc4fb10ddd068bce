/* SPDX-License-Identifier: MIT
 *
 * Pictures as PNG, SVG or PDF files: piano rolls, the helix, curves. The ending of `path` chooses the
 * format. A file is written under a temporary name and then renamed. The same input gives the same bytes,
 * except for one number in SVG files: cairo counts the surfaces of the process and puts the number into an
 * id.
 *
 * All calls can return UNSUPPORTED (another ending, or a build without cairo), IO and NO_MEMORY. On failure
 * no file is left.
 */
#ifndef SPIRAL_PLOT_H
#define SPIRAL_PLOT_H

#include "helix.h"
#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Loads the fonts, which otherwise the first picture does. fontconfig, which cairo uses for this, crashes or
 * never returns when memory is very short: a program that must handle this can call it first, in a guard of
 * its own. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_plot_load_fonts(spiral_error *err);

/* Draws a roll; title may be NULL. With a reference (NULL: none) on the same grid, colours show true
 * positives, missed notes and false positives. An SVG has about half a kilobyte per note. BAD_ARG: the grids
 * differ. TOO_BIG: more than 2^21 frames. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_plot_roll(const spiral_roll *roll,
                                                            const spiral_roll *reference, const char *title,
                                                            const char *path, spiral_error *err);

/* Draws the helix with its keys low..high and, below it, the cost of each interval; substitute, insert: (n)
 * as spiral_loss_table gives them, n 1..128. BAD_ARG: keys or n out of range. NUMERIC: a cost is not finite.
 */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_plot_helix(const spiral_helix *helix, int low, int high,
                                                             int n, const double *substitute,
                                                             const double *insert, const char *path,
                                                             spiral_error *err);

/* A named curve of n points. A point that is not finite leaves a gap. */
typedef struct spiral_plot_series {
    const char *name;
    size_t n;
    const double *x, *y; /* (n) */
} spiral_plot_series;

/* Draws curves over common axes; the texts may be NULL. NO_DATA: no point is finite. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_plot_curves(const spiral_plot_series *series, size_t count,
                                                              const char *title, const char *x_name,
                                                              const char *y_name, const char *path,
                                                              spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
