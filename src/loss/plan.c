/* SPDX-License-Identifier: MIT
 *
 * Making a spiral_loss: the tables of its kind, and what one interval costs with it. The calls: batch.c.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "loss/plan.h"
#include "loss/ref.h"

static double coefficient(const spiral_loss *loss, size_t i) {
    const spiral_loss_options *o = &loss->options;
    switch (loss->kind) {
    case SPIRAL_LOSS_SPIRAL: return spiral__ref_profile(o, (int)i - o->blur_radius);
    case SPIRAL_LOSS_ENERGY:
    case SPIRAL_LOSS_GAUSS: return spiral__ref_kernel(o, (int)i - (loss->P - 1));
    case SPIRAL_LOSS_WEIGHTED_BCE: return spiral__ref_near(o, (int)i);
    case SPIRAL_LOSS_DISTANCE_MASK:
    case SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR: return spiral__ref_distance_mask(o, (int)i);
    default: return 0;
    }
}

static size_t band_length(const spiral_loss *loss) {
    if (loss->kind == SPIRAL_LOSS_SPIRAL) return 2 * (size_t)loss->options.blur_radius + 1;
    return spiral__loss_is_quadratic(loss->kind) ? 2 * (size_t)loss->P - 1 : (size_t)loss->P;
}

static void set_time(spiral_loss *loss) {
    double tau = loss->options.time_blur;
    if (tau == 0 || loss->kind == SPIRAL_LOSS_BCE) return;
    loss->decay = exp(-1 / tau);
    loss->tail = -1 / expm1(-2 / tau);
    loss->gain = loss->kind == SPIRAL_LOSS_SPIRAL ? tanh(0.5 / tau) : 1;
    loss->pad = spiral__ref_pad(&loss->options);
}

spiral_status spiral_loss_create(const spiral_loss_options *options, int P, spiral_loss **out,
                                 spiral_error *err) {
    if (!out) return spiral__fail(err, SPIRAL_BAD_ARG, -1, "loss: the place for the result must not be NULL");
    *out = NULL;
    SPIRAL_TRY(spiral__loss_check(options, P, err));
    spiral_loss plan = {.options = *options, .P = P, .bins = P, .unit = 1};
    plan.kind = options->lambda > 0 ? options->kind : SPIRAL_LOSS_BCE;
    if (plan.kind == SPIRAL_LOSS_SPIRAL) plan.bins = P + 2 * options->blur_radius;
    plan.band.length = band_length(&plan);

    const size_t zeros = SPIRAL__ROW_BLOCK, cells = plan.band.length + 2 * zeros;
    const size_t bytes = sizeof plan + cells * (sizeof(double) + sizeof(float));
    spiral_loss *loss = calloc(1, bytes);
    if (!loss) return spiral__no_memory(err, bytes);
    plan.band.f64 = (double *)(loss + 1) + zeros;
    plan.band.f32 = (float *)((double *)(loss + 1) + cells) + zeros;
    for (size_t i = 0; i < plan.band.length; i++) {
        plan.band.f64[i] = coefficient(&plan, i);
        plan.band.f32[i] = (float)plan.band.f64[i];
    }
    if (plan.kind == SPIRAL_LOSS_SPIRAL) plan.unit = spiral__ref_unit(options);
    set_time(&plan);
    *loss = plan;
    *out = loss;
    return SPIRAL_OK;
}

void spiral_loss_destroy(spiral_loss *loss) { free(loss); }

const spiral_loss_options *spiral_loss_get_options(const spiral_loss *loss) { return &loss->options; }

/* The kind on one column that stands alone, in missed notes: equations 12 and 15 with T = 1. */
static double lone_column(const spiral_loss_options *o, int P, const double *y, const double *t) {
    double sum = 0;
    if (o->kind != SPIRAL_LOSS_SPIRAL) {
        for (int p = 0; p < P; p++)
            for (int q = 0; q < P; q++)
                sum += 0.5 * (y[p] - t[p]) * spiral__ref_kernel(o, p - q) * (y[q] - t[q]);
        return sum;
    }
    const long M = (long)spiral__ref_pad(o);
    for (int r = -o->blur_radius; r < P + o->blur_radius; r++) {
        double u = 0, v = 0;
        for (int p = 0; p < P; p++) {
            double s = y[p] != 0 || t[p] != 0 ? spiral__ref_profile(o, r - p) : 0;
            u += s * t[p];
            v += s * y[p];
        }
        for (long j = -M; j <= M; j++) {
            double s = spiral__ref_time_profile(o, j);
            sum += spiral__ref_divergence(s * u, s * v, o->kl_offset);
        }
    }
    return sum / spiral__ref_unit(o);
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
            "loss table: the kind %s has no costs in missed notes, only spiral, energy and gauss",
            spiral_loss_kind_name(o->kind));
    for (int d = 0; d < n; d++) {
        double y[SPIRAL__MAX_KEYS] = {0}, t[SPIRAL__MAX_KEYS] = {0};
        t[0] = 1;
        y[d] = 1;
        substitute[d] = lone_column(o, d + 1, y, t);
        y[0] = 1;
        insert[d] = lone_column(o, d + 1, y, t);
    }
    return SPIRAL_OK;
}
