/* SPDX-License-Identifier: MIT
 *
 * The thread pool behind spiral__par_for (see par.h).
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/par.h"

struct spiral__pool {
    int threads;   /* the calling thread included */
    pid_t process; /* the process that created the pool; after fork() the child has no worker threads */
    pthread_t *workers;
    float *scratch;   /* of the calling thread; workers have theirs on their stacks */
    atomic_flag busy; /* a parallel-for is running */
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    unsigned long round; /* number of parallel-for calls so far */
    int open;            /* worker threads may still join the current round */
    int running;         /* worker threads that are in the current round */
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

static _Thread_local void *scratch_now;

void *spiral__par_scratch(void) { return scratch_now; }

static void run_tasks(spiral__pool *pool, int worker) {
    for (;;) {
        size_t i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (i >= pool->n) return;
        pool->task(pool->context, i, worker);
    }
}

/* A thread that wakes after the others have finished the round goes back to sleep; the caller does not wait
 * for it. */
static void *worker_main(void *argument) {
    _Alignas(64) char scratch[SPIRAL__SCRATCH];
    worker_start start = *(worker_start *)argument;
    free(argument);
    scratch_now = scratch;
    spiral__pool *pool = start.pool;
    unsigned long seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->quit && (pool->round == seen || !pool->open))
            pthread_cond_wait(&pool->work, &pool->lock);
        if (pool->quit) break;
        seen = pool->round;
        pool->running++;
        pthread_mutex_unlock(&pool->lock);
        run_tasks(pool, start.worker);
        pthread_mutex_lock(&pool->lock);
        if (--pool->running == 0) pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Bytes. musl gives threads 128 kB, glibc what `ulimit -s` says. */
enum { WORKER_STACK = (1 << 20) + SPIRAL__SCRATCH };

/* Worker threads block signals, which are for the threads of the host. Their own faults, such as access to a
 * mapped file that was truncated, are not blocked: the host's handler, if it has one, is called. */
static void start_workers(spiral__pool *pool, int threads) {
    pthread_attr_t attributes;
    const int have_attributes = !pthread_attr_init(&attributes);
    if (have_attributes) pthread_attr_setstacksize(&attributes, WORKER_STACK);
    static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL};
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 1; i < threads; i++) {
        worker_start *start = malloc(sizeof *start);
        if (!start) break;
        *start = (worker_start){pool, i};
        if (pthread_create(&pool->workers[i - 1], have_attributes ? &attributes : NULL, worker_main, start)) {
            free(start);
            break;
        }
        pool->threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (have_attributes) pthread_attr_destroy(&attributes);
}

spiral_status spiral__pool_create(int threads, spiral__pool **out, spiral_error *err) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (threads < 0 || threads > SPIRAL__MAX_THREADS)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "threads is %d: must be 0 to %d", threads,
                            SPIRAL__MAX_THREADS);
    if (threads == 0)
        threads = online < 1 ? 1 : online < SPIRAL__MAX_THREADS ? (int)online : SPIRAL__MAX_THREADS;
    spiral__pool *pool = calloc(1, sizeof *pool);
    if (!pool) return spiral__no_memory(err, sizeof *pool);
    pool->workers = calloc((size_t)threads, sizeof *pool->workers);
    pool->scratch = spiral__floats(SPIRAL__SCRATCH / sizeof *pool->scratch);
    if (!pool->workers || !pool->scratch) {
        free(pool->workers);
        free(pool->scratch);
        free(pool);
        return spiral__no_memory(err, SPIRAL__SCRATCH + (size_t)threads * sizeof *pool->workers);
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    atomic_flag_clear(&pool->busy);
    pool->process = getpid();
    pool->threads = 1;
    start_workers(pool, threads);
    *out = pool;
    return SPIRAL_OK;
}

static void stop_workers(spiral__pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->quit = 1;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->threads - 1; i++) pthread_join(pool->workers[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
}

/* In a child after fork(), threads that do not exist there may hold the lock or wait for the conditions:
 * these are not destroyed. */
void spiral__pool_destroy(spiral__pool *pool) {
    if (!pool) return;
    if (pool->process == getpid()) stop_workers(pool);
    free(pool->workers);
    free(pool->scratch);
    free(pool);
}

int spiral__pool_threads(const spiral__pool *pool) { return pool ? pool->threads : 1; }

static void run_round(spiral__pool *pool, size_t n, void (*task)(void *, size_t, int), void *context) {
    const size_t others = (size_t)pool->threads - 1, wanted = n - 1 < others ? n - 1 : others;
    pthread_mutex_lock(&pool->lock);
    pool->n = n;
    pool->task = task;
    pool->context = context;
    pool->open = 1;
    pool->round++;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    if (wanted == others)
        pthread_cond_broadcast(&pool->work);
    else
        for (size_t i = 0; i < wanted; i++) pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    run_tasks(pool, 0);
    pthread_mutex_lock(&pool->lock);
    pool->open = 0;
    while (pool->running) pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

void spiral__par_for(spiral__pool *pool, size_t n, void (*task)(void *, size_t, int), void *context) {
    const int taken = pool && pool->process == getpid() &&
                      !atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire);
    void *callers = scratch_now;
    if (taken) scratch_now = pool->scratch;
    if (taken && pool->threads > 1 && n > 1)
        run_round(pool, n, task, context);
    else
        for (size_t i = 0; i < n; i++) task(context, i, 0);
    scratch_now = callers;
    if (taken) atomic_flag_clear_explicit(&pool->busy, memory_order_release);
}
