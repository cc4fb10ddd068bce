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
    *o = (spiral__optimizer){.floats = floats,
                             .grad = spiral__floats(floats),
                             .moment1 = spiral__floats(floats),
                             .moment2 = spiral__floats(floats)};
    if (o->grad && o->moment1 && o->moment2) return SPIRAL_OK;
    spiral__optimizer_clear(o);
    return spiral__no_memory(err, 3 * floats * sizeof(float));
}

void spiral__optimizer_clear(spiral__optimizer *o) {
    free(o->grad);
    free(o->moment1);
    free(o->moment2);
    memset(o, 0, sizeof *o);
}

void spiral__optimizer_reset(spiral__optimizer *o) {
    memset(o->grad, 0, o->floats * sizeof *o->grad);
    memset(o->moment1, 0, o->floats * sizeof *o->moment1);
    memset(o->moment2, 0, o->floats * sizeof *o->moment2);
}

typedef struct moving {
    const spiral__optimizer *optimizer;
    const spiral__range *ranges;
    float *weights;
    spiral__adamw step;
    float decay;
    spiral__lap_kind lap;
} moving;

static size_t blocks(const spiral__range *r) { return (r->end - r->begin + BLOCK - 1) / BLOCK; }

static void block_task(void *context, size_t block, int worker) {
    (void)worker;
    const moving *m = context;
    const spiral__optimizer *o = m->optimizer;
    const spiral__range *r = m->ranges;
    while (block >= blocks(r)) block -= blocks(r++);
    const size_t begin = r->begin + block * BLOCK, left = r->end - begin;
    spiral__adamw step = m->step;
    step.decay = r->decays ? m->decay : 0.0f;
    spiral__nn_kernels_get()->adamw(left < BLOCK ? left : BLOCK, &step, m->weights + begin, o->grad + begin,
                                    o->moment1 + begin, o->moment2 + begin);
    spiral__lap(m->lap, 0);
}

void spiral__optimizer_step(spiral__optimizer *o, const spiral__optimizer_plan *plan, float *weights,
                            spiral__pool *pool) {
    const double n = (double)plan->step + 1;
    moving m = {.optimizer = o,
                .ranges = plan->ranges,
                .weights = weights,
                .step = {.rate = (float)plan->rate,
                         .beta1 = (float)BETA1,
                         .beta2 = (float)plan->beta2,
                         .correct1 = (float)(1 / (1 - pow(BETA1, n))),
                         .correct2 = (float)(1 / (1 - pow(plan->beta2, n))),
                         .epsilon = (float)EPSILON,
                         .scale = (float)plan->scale},
                .decay = (float)plan->decay,
                .lap = plan->of_decoder ? SPIRAL__LAP_DECODER_OPTIMIZER : SPIRAL__LAP_OPTIMIZER};
    size_t tasks = 0;
    for (int i = 0; i < RANGES; i++) tasks += blocks(&plan->ranges[i]);
    spiral__nn_par_for(pool, tasks, block_task, &m);
}

double spiral__learning_rate(double peak, double at, double end) {
    const double warm = WARM_UP * end, pi = 3.14159265358979323846;
    if (at < warm) return peak * at / warm;
    if (at >= end) return 0;
    return peak * 0.5 * (1 + cos(pi * (at - warm) / (end - warm)));
}
