/* SPDX-License-Identifier: MIT
 *
 * base/par.h without threads: tasks run one after another. What tasks compute does not depend on the number
 * of threads, so the results are the same.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/par.h"

struct spiral__pool {
    int unused;
};

spiral_status spiral__pool_create(int threads, spiral__pool **pool, spiral_error *err) {
    (void)threads;
    *pool = calloc(1, sizeof **pool);
    return *pool ? SPIRAL_OK : spiral__no_memory(err, sizeof **pool);
}

void spiral__pool_destroy(spiral__pool *pool) { free(pool); }

int spiral__pool_threads(const spiral__pool *pool) {
    (void)pool;
    return 1;
}

void spiral__par_for(spiral__pool *pool, size_t n, void (*task)(void *, size_t, int), void *context) {
    (void)pool;
    for (size_t i = 0; i < n; i++) task(context, i, 0);
}

void *spiral__par_scratch(void) { return NULL; }
