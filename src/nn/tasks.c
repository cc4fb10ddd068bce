/* SPDX-License-Identifier: MIT
 *
 * The parallel-for of network arithmetic (see tasks.h).
 */
#include "nn/laps.h"
#include "nn/tasks.h"
#include "simd/denormal.h"

typedef struct flushed {
    void (*task)(void *context, size_t i, int worker);
    void *context;
    spiral__laps *laps; /* of all threads; NULL: not measured */
} flushed;

static void flushed_task(void *context, size_t i, int worker) {
    const flushed *f = context;
    uint64_t before = spiral__denormals_flush();
    spiral__laps *callers = spiral__laps_now;
    if (f->laps) {
        spiral__laps_now = &f->laps[worker];
        spiral__lap_begin();
    }
    f->task(f->context, i, worker);
    spiral__laps_now = callers;
    spiral__denormals_restore(before);
}

void spiral__nn_par_for(spiral__pool *pool, size_t n, void (*task)(void *, size_t, int), void *context) {
    spiral__laps *laps = spiral__laps_now ? spiral__laps_now->all : NULL;
    spiral__par_for(pool, n, flushed_task, &(flushed){task, context, laps});
    spiral__lap_begin();
}
