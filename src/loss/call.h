/* SPDX-License-Identifier: MIT
 *
 * A call of a loss, as the public functions (call.c) pass it to the code for its element type
 * (loss_template.c).
 */
#ifndef SPIRAL_LOSS_CALL_H
#define SPIRAL_LOSS_CALL_H

#include "loss/plan.h"
#include "spiral/loss.h"

/* The arguments of spiral_loss_value_grad_*, checked, and what is chosen by the element type. Pointers to
 * void are to elements of that type. */
typedef struct spiral__loss_call {
    const spiral_loss *loss;
    size_t B, T;
    const void *pred, *target, *sample_weight;
    void *grad;
    spiral_strides pred_at, target_at, weight_at, grad_at;
    double *value;
    void *work;
    spiral_error *err;
    const struct spiral__loss_kernels *kernels; /* for the element type and the current instruction set */
    const void *coefficients, *inverse_totals;  /* of the plan */
} spiral__loss_call;

/* The code for one element type. */
typedef struct spiral__loss_functions {
    size_t (*work_size)(const spiral_loss *loss, size_t T);
    spiral_status (*value_grad)(const spiral__loss_call *call);
} spiral__loss_functions;

extern const spiral__loss_functions spiral__loss_f32,
    spiral__loss_f64; /* loss_template.c, compiled for each */

#endif
