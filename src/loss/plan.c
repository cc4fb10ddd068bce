/* SPDX-License-Identifier: MIT
 *
 * Making a spiral_loss: the tables of its kind. The calls are in call.c.
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "helix/kernel.h"
#include "loss/plan.h"
#include "loss/ref.h"

static size_t coefficient_count(const spiral_loss *loss) {
    if (loss->kind == SPIRAL_LOSS_SPIRAL || loss->kind == SPIRAL_LOSS_CHANNEL)
        return 2 * (size_t)loss->options.blur_radius + 1;
    return spiral__loss_is_quadratic(loss->kind) ? 2 * (size_t)loss->P - 1 : (size_t)loss->P;
}

/* See spiral__coefficients for the intervals. */
static void set_coefficients(spiral_loss *loss) {
    const spiral_loss_options *o = &loss->options;
    const spiral__coefficients c = loss->coefficients;
    if (loss->kind == SPIRAL_LOSS_SPIRAL)
        spiral__helix_blur_profile(&o->helix, o->blur_length, o->blur_radius, c.f64);
    if (loss->kind == SPIRAL_LOSS_CHANNEL)
        spiral__helix_channel_profile(&o->helix, o->blur_length, o->blur_radius, c.f64);
    for (int i = 0; i < (int)c.length; i++) {
        if (spiral__loss_is_quadratic(loss->kind)) c.f64[i] = spiral__ref_kernel(o, i - (loss->P - 1));
        if (loss->kind == SPIRAL_LOSS_WEIGHTED_BCE) c.f64[i] = spiral__helix_relative_distance(&o->helix, i);
        if (loss->kind == SPIRAL_LOSS_DISTANCE_MASK || loss->kind == SPIRAL_LOSS_DISTANCE_MASK_CIRCULAR)
            c.f64[i] = spiral__ref_distance_mask(o, i);
        c.f32[i] = (float)c.f64[i];
    }
}

/* With one key, c_p is 0 and so is eta: there is no other key to move a note to. */
static void set_inverse_totals(spiral_loss *loss) {
    const spiral__coefficients c = loss->inverse_totals;
    loss->eta = loss->P > 1 ? loss->options.eta : 0;
    for (int p = 0; p < (int)c.length; p++) {
        const double total = spiral__ref_channel_total(&loss->options, loss->P, p);
        c.f64[p] = total > 0 ? 1 / total : 0;
        c.f32[p] = (float)c.f64[p];
    }
}

static void set_time_blur(spiral_loss *loss) {
    double tau = loss->options.time_blur;
    if (tau == 0 || loss->kind == SPIRAL_LOSS_BCE) return;
    loss->decay = exp(-1 / tau);
    loss->tail = -1 / expm1(-2 / tau);
    loss->gain = loss->kind == SPIRAL_LOSS_SPIRAL ? tanh(0.5 / tau) : 1;
    loss->pad = spiral__ref_pad(&loss->options);
}

spiral_status spiral_loss_create(const spiral_loss_options *options, int P, spiral_loss **out,
                                 spiral_error *err) {
    if (!out)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "loss: the pointer for the result must not be NULL");
    *out = NULL;
    spiral_loss plan = {.P = P, .bins = P, .missed_note = 1};
    SPIRAL_TRY(spiral__loss_options_read(options, P, &plan.options, err));
    plan.kind = plan.options.lambda > 0 ? plan.options.kind : SPIRAL_LOSS_BCE;
    if (plan.kind == SPIRAL_LOSS_SPIRAL) plan.bins = P + 2 * plan.options.blur_radius;
    plan.coefficients.length = coefficient_count(&plan);

    /* One block: the plan, then the doubles, then the floats, each the coefficients with the zeros that the
     * Toeplitz product needs, and then what belongs to single keys. */
    plan.inverse_totals.length = plan.kind == SPIRAL_LOSS_CHANNEL ? (size_t)P : 0;
    const size_t zeros = SPIRAL__TABLE_ZEROS, table = plan.coefficients.length + 2 * zeros,
                 count = table + plan.inverse_totals.length;
    const size_t bytes = sizeof plan + count * (sizeof(double) + sizeof(float));
    spiral_loss *loss = calloc(1, bytes);
    if (!loss) return spiral__no_memory(err, bytes);
    plan.coefficients.f64 = (double *)(loss + 1) + zeros;
    plan.coefficients.f32 = (float *)((double *)(loss + 1) + count) + zeros;
    plan.inverse_totals.f64 = plan.coefficients.f64 - zeros + table;
    plan.inverse_totals.f32 = plan.coefficients.f32 - zeros + table;
    set_coefficients(&plan);
    set_inverse_totals(&plan);
    if (plan.kind == SPIRAL_LOSS_SPIRAL) plan.missed_note = spiral__ref_missed_note(&plan.options);
    set_time_blur(&plan);
    spiral_status status = SPIRAL_OK;
    if (plan.options.threads != 1) status = spiral__pool_create(plan.options.threads, &plan.pool, err);
    if (status) return free(loss), status;
    *loss = plan;
    *out = loss;
    return SPIRAL_OK;
}

void spiral_loss_destroy(spiral_loss *loss) {
    if (!loss) return;
    spiral__pool_destroy(loss->pool);
    free(loss);
}

const spiral_loss_options *spiral_loss_get_options(const spiral_loss *loss) { return &loss->options; }
