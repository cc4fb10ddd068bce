/* SPDX-License-Identifier: MIT
 *
 * The contents of a spiral_loss: the checked options and the tables that all calls share, for both element
 * types.
 */
#ifndef SPIRAL_LOSS_PLAN_H
#define SPIRAL_LOSS_PLAN_H

#include "base/par.h"
#include "loss/ref.h"
#include "simd/loss_tile.h"
#include "spiral/loss.h"

enum { SPIRAL__MAX_TIME_BLUR = 100 };

/* Coefficients by interval, as the Toeplitz product takes them: SPIRAL__TABLE_ZEROS zeros before and after
 * them. Index 0 is
 *
 *     for spiral                        interval -W of the blur profile, length 2 W + 1
 *     for channel                       interval -W of equation 33's profile, length 2 W + 1
 *     for energy, gauss                 interval -(P - 1) of the kernel, length 2 P - 1
 *     for weighted_bce, distance_mask   interval 0 of a cost, length P
 *
 * Other kinds have none. */
typedef struct spiral__coefficients {
    size_t length;
    float *f32; /* (length), both in the plan's memory */
    double *f64;
} spiral__coefficients;

struct spiral_loss {
    spiral_loss_options options;
    int P;
    spiral_loss_kind kind; /* the options' kind, or BCE if lambda is 0 */
    int bins;              /* rows of a blurred frame: P + 2 W for spiral, else P */
    size_t pad;            /* spiral: silent frames added before and after a roll for the time blur (M) */
    double missed_note;    /* value of one missed note before the division that makes it 1 (N) */
    double decay, tail,
        gain; /* time blur: a, 1 / (1 - a^2), and the factor that makes the profile sum to 1 */
    spiral__coefficients coefficients;
    spiral__coefficients inverse_totals; /* channel: 1 / c_p for each key, equation 34; length P */
    double eta;                          /* channel: that of the options, or 0 if there is one key only */
    spiral__pool *pool;                  /* NULL for one thread */
};

/* The options that a caller passed, with defaults for what its struct does not have, all checked. BAD_ARG
 * names the option, its value and its limit. */
spiral_status spiral__loss_options_read(const spiral_loss_options *options, int P, spiral_loss_options *known,
                                        spiral_error *err);

int spiral__loss_is_quadratic(spiral_loss_kind kind); /* energy, gauss */
int spiral__loss_is_metric(spiral_loss_kind kind);    /* without a gradient: argmax_distance */
int spiral__loss_uses_argmax(
    spiral_loss_kind kind); /* uses the loudest key of a frame: argmax_distance, distance_mask */

#endif
