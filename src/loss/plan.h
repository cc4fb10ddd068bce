/* SPDX-License-Identifier: MIT
 *
 * What a spiral_loss holds: the checked options and the tables that all calls share, for both element types.
 */
#ifndef SPIRAL_LOSS_PLAN_H
#define SPIRAL_LOSS_PLAN_H

#include "simd/loss_kernels.h"
#include "spiral/loss.h"

enum { SPIRAL__MAX_KEYS = 128, SPIRAL__MAX_REACH = 127, SPIRAL__MAX_TIME_COLUMNS = 100 };

/* Coefficients of a Toeplitz product; the ROW_BLOCK zeros that the kernel wants on both sides included. */
typedef struct spiral__band {
    size_t length;
    float *f32; /* coefficient 0 .. length - 1, in the plan's memory */
    double *f64;
} spiral__band;

struct spiral_loss {
    spiral_loss_options options;
    int P;
    spiral_loss_kind kind;    /* of the options, or NONE if its weight is 0 */
    int bins;                 /* spiral: P + 2 reach; others: P */
    size_t pad;               /* spiral: columns of silence before and after a roll, for the time blur */
    double unit;              /* value of one missed note before the division that makes it 1 */
    double decay, tail, gain; /* time blur: a, 1 / (1 - a^2), and the factor that makes it sum to one */
    spiral__band band; /* spiral: the profile; the quadratics: the kernel; weighted_bce and distance_mask:
                          cost by interval, 0 .. P-1 */
};

/* Checks every option; BAD_ARG names it, its value and its limit. */
spiral_status spiral__loss_check(const spiral_loss_options *options, int P, spiral_error *err);

int spiral__loss_is_quadratic(spiral_loss_kind kind);
int spiral__loss_is_metric(spiral_loss_kind kind);   /* no gradient */
int spiral__loss_has_columns(spiral_loss_kind kind); /* decodes a column by its loudest key: the seeds */

#endif
