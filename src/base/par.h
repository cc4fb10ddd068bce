/* SPDX-License-Identifier: MIT
 *
 * Parallel-for on a pool of POSIX threads.
 *
 * Work is cut into tasks whose number never depends on the number of threads; which thread runs a task is
 * open, what a task computes is not. So results are the same bits for any number of threads. Waiting threads
 * sleep: a busy machine slows the pool down, it does not stall it.
 */
#ifndef SPIRAL_BASE_PAR_H
#define SPIRAL_BASE_PAR_H

#include <stddef.h>

#include "spiral/status.h"

typedef struct spiral__pool spiral__pool;

/* A pool of `threads` threads (the calling one is one of them); 0 = one per processor. If the system grants
 * fewer threads, the pool is smaller: only slower. NO_MEMORY. */
spiral_status spiral__pool_create(int threads, spiral__pool **pool, spiral_error *err);
void spiral__pool_destroy(spiral__pool *pool); /* NULL is fine */
int spiral__pool_threads(const spiral__pool *pool);

/* Runs task(context, i, worker) for i = 0 .. n-1 and returns when all are done; worker is 0 .. threads-1 and
 * names the thread, for scratch buffers. A NULL pool runs everything in the caller, in order. One call at a
 * time per pool. */
void spiral__par_for(spiral__pool *pool, size_t n, void (*task)(void *context, size_t i, int worker),
                     void *context);

#endif
