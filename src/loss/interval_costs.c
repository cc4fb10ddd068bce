/* SPDX-License-Identifier: MIT
 *
 * What one interval costs: the loss of single notes, computed by the functions of ref.c.
 */
#include <string.h>

#include "base/error.h"
#include "helix/kernel.h"
#include "loss/plan.h"
#include "loss/ref.h"

/* Equation 12 for one frame y against t, with silence before and after it; with or without a time blur. */
static double spiral_frame(const spiral_loss_options *o, int P, const double *y, const double *t) {
    const int W = o->blur_radius;
    const long M = (long)spiral__ref_pad(o);
    double s[2 * SPIRAL__MAX_BLUR_RADIUS + 1], sum = 0;
    spiral__helix_blur_profile(&o->helix, o->blur_length, W, s);
    for (int r = -W; r < P + W; r++) {
        double u = 0, v = 0;
        for (int p = 0; p < P; p++) {
            const int k = W + r - p;
            if (k < 0 || k > 2 * W) continue;
            u += s[k] * t[p];
            v += s[k] * y[p];
        }
        for (long j = -M; j <= M; j++) {
            double a = spiral__ref_time_profile(o, j);
            sum += spiral__ref_divergence(a * u, a * v, o->kl_offset);
        }
    }
    return sum / spiral__ref_missed_note(o);
}

/* Equation 15 for a single frame; a time blur has the factor 1 there. */
static double quadratic_frame(const spiral_loss_options *o, int P, const double *y, const double *t) {
    double sum = 0;
    for (int p = 0; p < P; p++)
        for (int q = 0; q < P; q++) sum += 0.5 * (y[p] - t[p]) * spiral__ref_kernel(o, p - q) * (y[q] - t[q]);
    return sum;
}

spiral_status spiral_loss_table(const spiral_loss *loss, int n, double *substitute, double *insert,
                                spiral_error *err) {
    if (!loss || !substitute || !insert)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "loss table: loss, substitute and insert must not be NULL");
    if (n < 1 || n > SPIRAL__MAX_KEYS)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "loss table of %d intervals: must be 1 to %d", n,
                            SPIRAL__MAX_KEYS);
    const spiral_loss_options *o = &loss->options;
    if (o->kind != SPIRAL_LOSS_SPIRAL && !spiral__loss_is_quadratic(o->kind))
        return spiral__fail(
            err, SPIRAL_UNSUPPORTED, -1,
            "loss table: the kind %s has no costs in missed notes, only spiral, energy and gauss have",
            spiral_loss_kind_name(o->kind));
    for (int d = 0; d < n; d++) {
        double y[SPIRAL__MAX_KEYS] = {0}, t[SPIRAL__MAX_KEYS] = {0};
        double (*frame)(const spiral_loss_options *, int, const double *, const double *) =
            o->kind == SPIRAL_LOSS_SPIRAL ? spiral_frame : quadratic_frame;
        t[0] = 1;
        y[d] = 1;
        substitute[d] = frame(o, d + 1, y, t);
        y[0] = 1;
        insert[d] = frame(o, d + 1, y, t);
    }
    return SPIRAL_OK;
}
