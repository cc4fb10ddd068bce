/* SPDX-License-Identifier: MIT
 *
 * How many steps fit in a time. A pace holds how long a step and a validation took recently, and divides the
 * remaining time among the remaining parts of the schedule. It never reads a clock itself.
 */
#ifndef SPIRAL_TRAIN_PACE_H
#define SPIRAL_TRAIN_PACE_H

#include <stdint.h>

typedef struct spiral__pace {
    double end_s;                /* when the last validation must be done */
    double step_s, validation_s; /* of one */
    double began_s;              /* the part that runs */
} spiral__pace;

/* In how many parts a schedule is cut: twenty, or fewer if their validations would take more than a quarter
 * of the time. */
int spiral__pace_parts(const spiral__pace *pace, double now_s);

/* Steps for each of the `parts` remaining parts; 0: there is no time for half a step in each. */
int64_t spiral__pace_steps(const spiral__pace *pace, double now_s, int parts);

/* A part of `steps` steps has ended, and its validation, which took validation_s. New times count for half.
 */
void spiral__pace_measured(spiral__pace *pace, double now_s, int64_t steps, double validation_s);

#endif
