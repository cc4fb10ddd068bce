/* SPDX-License-Identifier: MIT
 *
 * A schedule in parts. The learning rate of a network goes through one schedule, from its first step to its
 * last. Cut into equal parts, each with a number of steps of its own, the schedule can fit a given time:
 * before each part, its steps are chosen from the remaining time. The list of these numbers is enough to
 * repeat the training: it contains no times.
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

/* Where a step is, 0 .. all steps: its part, how many steps of the part come before it, and how many the part
 * has. Parts of 0 steps are passed over. At the end: part is count, the others are 0 and 1. Not cut: one part
 * of `steps` steps. */
typedef struct spiral__part_position {
    int part, parts;
    int64_t step, steps;
} spiral__part_position;
spiral__part_position spiral__parts_find(const spiral__parts *parts, int64_t step, int64_t steps);

/* A list of whole numbers; NULL: no memory. */
json_t *spiral__parts_to_json(const spiral__parts *parts);
/* FORMAT: not such a list. */
spiral_status spiral__parts_from_json(const json_t *list, spiral__parts *parts, spiral_error *err);

#endif
