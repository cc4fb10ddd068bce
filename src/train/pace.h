/* SPDX-License-Identifier: MIT
 *
 * How many steps fit in a time. A pace holds how long a step and a validation took recently, and divides the
 * remaining time among the remaining parts of the schedule. It never reads a clock itself.
 */
#ifndef SPIRAL_TRAIN_PACE_H
#define SPIRAL_TRAIN_PACE_H

#include <stdint.h>

typedef struct spiral__pace {
    double end_s;                /* when the last validation must have ended */
    double step_s, validation_s; /* how long one takes */
    double began_s;              /* when the current part began */
} spiral__pace;

/* How many parts a schedule is cut into: twenty, or fewer if their validations would take more than a quarter
 * of the time. */
int spiral__pace_parts(const spiral__pace *pace, double now_s);

/* Steps for each of the `parts` remaining parts; 0: there is no time for half a step in each. */
int64_t spiral__pace_steps(const spiral__pace *pace, double now_s, int parts);

/* Call it when a part of `steps` steps and its validation, which took validation_s, have ended. step_s
 * and validation_s become the mean of their old value and the measured one. */
void spiral__pace_measured(spiral__pace *pace, double now_s, int64_t steps, double validation_s);

#endif
