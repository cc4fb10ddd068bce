/* SPDX-License-Identifier: MIT
 *
 * Parallel-for on a pool of POSIX threads.
 *
 * The caller cuts its work into tasks, in a way that does not depend on the number of threads. Any thread may
 * run a task, but what a task computes must not depend on which one does: then results are bit-identical for
 * any number of threads. Waiting threads sleep, they do not spin.
 */
#ifndef SPIRAL_BASE_PAR_H
#define SPIRAL_BASE_PAR_H

#include <stddef.h>

#include "spiral/status.h"

typedef struct spiral__pool spiral__pool;

enum { SPIRAL__MAX_THREADS = 1024 };

/* A pool of `threads` threads, 0..SPIRAL__MAX_THREADS, of which the calling thread is one; 0: one per
 * processor. If the system grants fewer threads, the pool is smaller, and slower. BAD_ARG; NO_MEMORY. */
spiral_status spiral__pool_create(int threads, spiral__pool **pool, spiral_error *err);
void spiral__pool_destroy(spiral__pool *pool); /* NULL is fine */
int spiral__pool_threads(const spiral__pool *pool);

/* Runs task(context, i, worker) for i = 0 .. n-1 and returns when all are done; worker, 0 .. threads-1, is
 * the number of the thread, for scratch buffers. The calling thread is worker 0. It runs all tasks itself, in
 * order, if pool is NULL, while the pool runs another call, and in a child process after fork(), which has no
 * worker threads. */
void spiral__par_for(spiral__pool *pool, size_t n, void (*task)(void *context, size_t i, int worker),
                     void *context);

/* Bytes that the largest product packs (simd/gemm_kernel.h). */
enum { SPIRAL__SCRATCH = 132 << 10 };

/* The scratch memory of this thread: SPIRAL__SCRATCH bytes, aligned to 64 bytes, owned by the pool. NULL
 * outside of tasks, and in tasks that have no pool or whose pool runs another thread's call. The next
 * function that asks for it may overwrite it. */
void *spiral__par_scratch(void);

#endif
