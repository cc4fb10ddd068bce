/* SPDX-License-Identifier: MIT
 *
 * Internals of a profile of a training: the laps of its threads (nn/laps.h).
 */
#ifndef SPIRAL_TRAIN_PROFILE_H
#define SPIRAL_TRAIN_PROFILE_H

#include "base/par.h"
#include "nn/laps.h"
#include "spiral/train.h"

struct spiral_train_profile {
    spiral__laps *laps; /* (threads) */
    int threads;        /* 0: nothing was measured yet */
    double wall_s[SPIRAL_TRAIN_NETWORKS];
    double peak; /* operations per second of one thread */
};

/* Measures the peak; profile NULL: does nothing. NO_MEMORY; BAD_ARG: the profile has measured a training with
 * another number of threads. */
spiral_status spiral__profile_begin(spiral_train_profile *profile, const spiral__pool *pool,
                                    spiral_error *err);

/* Call these before and after a step (`step` nonzero), which marks its laps, or a validation. profile NULL:
 * nothing is measured. */
typedef struct spiral__profile_time {
    double wall_s, processor_s; /* of the process */
} spiral__profile_time;
spiral__profile_time spiral__profile_enter(const spiral_train_profile *profile, int step);
void spiral__profile_leave(spiral_train_profile *profile, int step, spiral_train_network network,
                           spiral__profile_time entered);

#endif
