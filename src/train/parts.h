/* SPDX-License-Identifier: MIT
 *
 * A schedule in parts. The learning rate of a network follows one schedule, from its first step to its last.
 * To fit a given time, the schedule is cut into equal parts, and the number of steps of each part is chosen
 * from the remaining time just before the part begins. The list of these numbers is enough to repeat the
 * training: it contains no times.
 */
#ifndef SPIRAL_TRAIN_PARTS_H
#define SPIRAL_TRAIN_PARTS_H

#include <jansson.h>

#include "spiral/train.h"

typedef struct spiral__parts {
    int count; /* 0: the schedule is not cut */
    int64_t steps[SPIRAL_TRAIN_PARTS_MAX];
} spiral__parts;

int64_t spiral__parts_sum(const spiral__parts *parts);

/* The position of a step, 0 .. all steps: its part, the number of parts, how many steps of the part come
 * before it, and how many steps the part has. Parts of 0 steps are skipped. After the last step: part is
 * parts, step is 0, steps is 1. A schedule that is not cut has one part of `steps` steps. */
typedef struct spiral__part_position {
    int part, parts;
    int64_t step, steps;
} spiral__part_position;
spiral__part_position spiral__parts_find(const spiral__parts *parts, int64_t step, int64_t steps);

/* A new list of integers; NULL: out of memory. */
json_t *spiral__parts_to_json(const spiral__parts *parts);
/* FORMAT: not such a list. */
spiral_status spiral__parts_from_json(const json_t *list, spiral__parts *parts, spiral_error *err);

#endif
