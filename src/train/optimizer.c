/* SPDX-License-Identifier: MIT
 *
 * AdamW and the schedule of its learning rate (see optimizer.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "nn/laps.h"
#include "nn/tasks.h"
#include "simd/nn_kernels.h"
#include "train/optimizer.h"

enum { BLOCK = 1 << 14, RANGES = 2 }; /* floats of one task */
static const double BETA1 = 0.9, EPSILON = 1e-8, WARM_UP = 0.05;

spiral_status spiral__optimizer_create(size_t floats, spiral__optimizer *o, spiral_error *err) {
    *o = (spiral__optimizer){
        .floats = floats, .moment1 = spiral__floats(floats), .moment2 = spiral__floats(floats)};
    if (o->moment1 && o->moment2) return SPIRAL_OK;
    spiral__optimizer_clear(o);
    return spiral__no_memory(err, 2 * floats * sizeof(float));
}

void spiral__optimizer_clear(spiral__optimizer *o) {
    free(o->moment1);
    free(o->moment2);
    memset(o, 0, sizeof *o);
}

void spiral__optimizer_reset(spiral__optimizer *o) {
    memset(o->moment1, 0, o->floats * sizeof *o->moment1);
    memset(o->moment2, 0, o->floats * sizeof *o->moment2);
}

spiral__optimizer_update spiral__optimizer_prepare(const spiral__optimizer *o,
                                                   const spiral__optimizer_plan *plan, float *weights) {
    const double n = (double)plan->step + 1;
    return (spiral__optimizer_update){.optimizer = o,
                                      .plan = *plan,
                                      .weights = weights,
                                      .step = {.rate = (float)plan->rate,
                                               .beta1 = (float)BETA1,
                                               .beta2 = (float)plan->beta2,
                                               .correct1 = (float)(1 / (1 - pow(BETA1, n))),
                                               .correct2 = (float)(1 / (1 - pow(plan->beta2, n))),
                                               .epsilon = (float)EPSILON,
                                               .scale = (float)plan->scale}};
}

void spiral__optimizer_receive(void *context, size_t begin, size_t n, float *grad) {
    const spiral__optimizer_update *u = context;
    const spiral__range *matrices = &u->plan.ranges[0];
    const int decays = begin >= matrices->begin && begin < matrices->end;
    spiral__adamw step = u->step;
    step.decay = decays ? (float)u->plan.decay : 0.0f;
    spiral__nn_kernels_get()->adamw(n, &step, u->weights + begin, grad, u->optimizer->moment1 + begin,
                                    u->optimizer->moment2 + begin);
}

typedef struct step_job {
    spiral__optimizer_update update;
    float *grad; /* of the ranges */
} step_job;

static size_t blocks(const spiral__range *r) { return (r->end - r->begin + BLOCK - 1) / BLOCK; }

static void block_task(void *context, size_t block, int worker) {
    (void)worker;
    step_job *j = context;
    const spiral__range *r = j->update.plan.ranges;
    float *grad = j->grad;
    for (; block >= blocks(r); r++) {
        block -= blocks(r);
        grad += r->end - r->begin;
    }
    const size_t begin = r->begin + block * BLOCK, left = r->end - begin;
    spiral__optimizer_receive(&j->update, begin, left < BLOCK ? left : BLOCK, grad + block * BLOCK);
    spiral__lap(SPIRAL__LAP_DECODER_OPTIMIZER, 0);
}

void spiral__optimizer_step(const spiral__optimizer *o, const spiral__optimizer_plan *plan, float *weights,
                            float *grad, spiral__pool *pool) {
    step_job j = {spiral__optimizer_prepare(o, plan, weights), grad};
    size_t tasks = 0;
    for (int i = 0; i < RANGES; i++) tasks += blocks(&plan->ranges[i]);
    spiral__nn_par_for(pool, tasks, block_task, &j);
}

double spiral__learning_rate(double peak, double at, double end) {
    const double warm = WARM_UP * end, pi = 3.14159265358979323846;
    if (at < warm) return peak * at / warm;
    if (at >= end) return 0;
    return peak * 0.5 * (1 + cos(pi * (at - warm) / (end - warm)));
}
