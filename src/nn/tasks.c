/* SPDX-License-Identifier: MIT
 *
 * The parallel-for of network arithmetic (see tasks.h).
 */
#include "nn/tasks.h"
#include "simd/denormal.h"

typedef struct flushed {
    void (*task)(void *context, size_t i, int worker);
    void *context;
} flushed;

static void flushed_task(void *context, size_t i, int worker) {
    const flushed *f = context;
    uint64_t before = spiral__denormals_flush();
    f->task(f->context, i, worker);
    spiral__denormals_restore(before);
}

void spiral__nn_par_for(spiral__pool *pool, size_t n, void (*task)(void *, size_t, int), void *context) {
    spiral__par_for(pool, n, flushed_task, &(flushed){task, context});
}
