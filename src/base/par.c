/* SPDX-License-Identifier: MIT
 *
 * The thread pool behind spiral__par_for (see par.h).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/par.h"

struct spiral__pool {
    int threads; /* the calling thread included */
    pthread_t *workers;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    unsigned long round; /* number of parallel-for calls so far */
    int running;         /* worker threads that have not finished the current round */
    int quit;
    size_t n;
    atomic_size_t next;
    void (*task)(void *, size_t, int);
    void *context;
};

typedef struct worker_start {
    spiral__pool *pool;
    int worker;
} worker_start;

static void run_tasks(spiral__pool *pool, int worker) {
    for (;;) {
        size_t i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (i >= pool->n) return;
        pool->task(pool->context, i, worker);
    }
}

static void *worker_main(void *argument) {
    worker_start start = *(worker_start *)argument;
    free(argument);
    spiral__pool *pool = start.pool;
    unsigned long seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->round == seen && !pool->quit) pthread_cond_wait(&pool->work, &pool->lock);
        if (pool->quit) break;
        seen = pool->round;
        pthread_mutex_unlock(&pool->lock);
        run_tasks(pool, start.worker);
        pthread_mutex_lock(&pool->lock);
        if (--pool->running == 0) pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

spiral_status spiral__pool_create(int threads, spiral__pool **out, spiral_error *err) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (threads <= 0) threads = online > 0 ? (int)online : 1;
    spiral__pool *pool = calloc(1, sizeof *pool);
    if (!pool) return spiral__no_memory(err, sizeof *pool);
    pool->workers = calloc((size_t)threads, sizeof *pool->workers);
    if (!pool->workers) return free(pool), spiral__no_memory(err, (size_t)threads * sizeof *pool->workers);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->threads = 1;
    for (int i = 1; i < threads; i++) {
        worker_start *start = malloc(sizeof *start);
        if (!start) break;
        *start = (worker_start){pool, i};
        if (pthread_create(&pool->workers[i - 1], NULL, worker_main, start)) {
            free(start);
            break;
        }
        pool->threads++;
    }
    *out = pool;
    return SPIRAL_OK;
}

void spiral__pool_destroy(spiral__pool *pool) {
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->quit = 1;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->threads - 1; i++) pthread_join(pool->workers[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool);
}

int spiral__pool_threads(const spiral__pool *pool) { return pool ? pool->threads : 1; }

void spiral__par_for(spiral__pool *pool, size_t n, void (*task)(void *, size_t, int), void *context) {
    if (!pool || pool->threads == 1 || n < 2) {
        for (size_t i = 0; i < n; i++) task(context, i, 0);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->n = n;
    pool->task = task;
    pool->context = context;
    pool->running = pool->threads - 1;
    pool->round++;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    run_tasks(pool, 0);
    pthread_mutex_lock(&pool->lock);
    while (pool->running) pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
