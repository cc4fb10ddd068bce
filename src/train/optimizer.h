/* SPDX-License-Identifier: MIT
 *
 * AdamW (Loshchilov and Hutter 2019, algorithm 2) on a model's arena, and the schedule of its learning rate.
 */
#ifndef SPIRAL_TRAIN_OPTIMIZER_H
#define SPIRAL_TRAIN_OPTIMIZER_H

#include "base/par.h"
#include "model/tensors.h"
#include "simd/nn_kernels.h"

/* A part of the arena. */
typedef struct spiral__range {
    size_t begin, end; /* floats */
} spiral__range;

typedef struct spiral__optimizer {
    size_t floats;            /* trained floats of the arena */
    float *moment1, *moment2; /* (floats) running means of the gradient and of its square */
} spiral__optimizer;

spiral_status spiral__optimizer_create(size_t floats, spiral__optimizer *optimizer, spiral_error *err);
void spiral__optimizer_clear(spiral__optimizer *optimizer);
/* The moments become 0. */
void spiral__optimizer_reset(spiral__optimizer *optimizer);

/* A step of one network's weights. */
typedef struct spiral__optimizer_plan {
    spiral__range ranges[2]; /* its matrices, which decay, and its vectors, which do not */
    int64_t step;            /* 0 is the first */
    double rate, decay;      /* learning rate, weight decay of the matrices */
    double beta2;            /* of the second moment; beta1 is 0.9 */
    double scale;            /* the gradient is first multiplied by it */
} spiral__optimizer_plan;

/* A step whose gradient is passed in parts. */
typedef struct spiral__optimizer_update {
    const spiral__optimizer *optimizer;
    spiral__optimizer_plan plan;
    float *weights; /* (floats) */
    spiral__adamw step;
} spiral__optimizer_update;
spiral__optimizer_update spiral__optimizer_prepare(const spiral__optimizer *optimizer,
                                                   const spiral__optimizer_plan *plan, float *weights);
/* Updates n weights, from `begin` on, and sets their gradient to 0. context: the update. The weights are in
 * one of the ranges. In a step, each weight must be passed once; several threads may call it. */
void spiral__optimizer_receive(void *context, size_t begin, size_t n, float *grad);

/* A whole step: grad has the gradient of the first range, then that of the second; it becomes 0. */
void spiral__optimizer_step(const spiral__optimizer *optimizer, const spiral__optimizer_plan *plan,
                            float *weights, float *grad, spiral__pool *pool);

/* The learning rate at position `at` of a schedule of length `end`: a linear rise to `peak` over the first
 * twentieth, then half a cosine to 0. Step number i of n steps is at position i + 1 of n. */
double spiral__learning_rate(double peak, double at, double end);

#endif
