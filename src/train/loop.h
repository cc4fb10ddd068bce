/* SPDX-License-Identifier: MIT
 *
 * The training loop with a clock of the caller, for tests.
 */
#ifndef SPIRAL_TRAIN_LOOP_H
#define SPIRAL_TRAIN_LOOP_H

#include "spiral/train.h"

/* Returns the seconds since some fixed moment. */
typedef double spiral__clock(void *context);

/* spiral_train with another clock. */
spiral_status spiral__train_by_clock(const spiral_train_options *options, const spiral_train_plan *plan,
                                     spiral_model *model, const spiral_corpus *train,
                                     const spiral_corpus *valid, spiral__clock *clock, void *clock_context,
                                     spiral_train_progress *result, spiral_error *err);

#endif
