/* SPDX-License-Identifier: MIT
 *
 * The calls of plot.h in a build without cairo: each says what is missing.
 */
#include "base/error.h"
#include "spiral/plot.h"

static spiral_status no_cairo(spiral_error *err) {
    return spiral__fail(err, SPIRAL_UNSUPPORTED, -1,
                        "this build draws no pictures: it was made without cairo or libpng (Debian: "
                        "libcairo2-dev libpng-dev)");
}

spiral_status spiral_plot_load_fonts(spiral_error *err) { return no_cairo(err); }

spiral_status spiral_plot_roll(const spiral_roll *roll, const spiral_roll *reference, const char *title,
                               const char *path, spiral_error *err) {
    (void)roll, (void)reference, (void)title, (void)path;
    return no_cairo(err);
}

spiral_status spiral_plot_helix(const spiral_helix *helix, int low, int high, int n, const double *substitute,
                                const double *insert, const char *path, spiral_error *err) {
    (void)helix, (void)low, (void)high, (void)n, (void)substitute, (void)insert, (void)path;
    return no_cairo(err);
}

spiral_status spiral_plot_curves(const spiral_plot_series *series, size_t count, const char *title,
                                 const char *x_name, const char *y_name, const char *path,
                                 spiral_error *err) {
    (void)series, (void)count, (void)title, (void)x_name, (void)y_name, (void)path;
    return no_cairo(err);
}
