/* SPDX-License-Identifier: MIT
 *
 * Parallel-for.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_setattr_default_np */
#endif
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "testing.h"
#include "base/par.h"

static void add(void *context, size_t i, int worker) {
    (void)worker;
    ((unsigned *)context)[i] += (unsigned)i;
}

static void each_task_runs_once_for_any_number_of_threads(void **state) {
    (void)state;
    enum { N = 1000 };
    for (int threads = 0; threads < 5; threads++) {
        spiral__pool *pool = NULL;
        assert_int_equal(spiral__pool_create(threads, &pool, NULL), SPIRAL_OK);
        unsigned seen[N] = {0};
        for (int round = 0; round < 200; round++) spiral__par_for(pool, N, add, seen);
        for (unsigned i = 0; i < N; i++) assert_int_equal(seen[i], 200 * i);
        spiral__pool_destroy(pool);
    }
    unsigned seen[N] = {0};
    spiral__par_for(NULL, N, add, seen);
    assert_int_equal(seen[N - 1], N - 1);
    spiral__pool_destroy(NULL);
}

static void numbers_of_threads_out_of_range_are_refused(void **state) {
    (void)state;
    static const int wrong[] = {-1, SPIRAL__MAX_THREADS + 1, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        spiral__pool *pool = NULL;
        spiral_error err = {.text = ""};
        char value[24];
        snprintf(value, sizeof value, "%d", wrong[i]);
        assert_int_equal(spiral__pool_create(wrong[i], &pool, &err), SPIRAL_BAD_ARG);
        assert_non_null(strstr(err.text, value));
        assert_null(pool);
    }
}

/* A call made while the pool runs another one (here from one of its tasks) runs its tasks in order, on the
 * calling thread. */
typedef struct nested {
    spiral__pool *pool;
    unsigned seen[50][20];
} nested;

static void call_again(void *context, size_t i, int worker) {
    nested *n = context;
    (void)worker;
    spiral__par_for(n->pool, 20, add, n->seen[i]);
}

static void a_call_while_the_pool_is_busy_runs_alone(void **state) {
    (void)state;
    nested n = {0};
    assert_int_equal(spiral__pool_create(3, &n.pool, NULL), SPIRAL_OK);
    for (int round = 0; round < 100; round++) spiral__par_for(n.pool, 50, call_again, &n);
    for (int i = 0; i < 50; i++)
        for (unsigned j = 0; j < 20; j++) assert_int_equal(n.seen[i][j], 100 * j);
    spiral__pool_destroy(n.pool);
}

/* Each thread of a pool has its own scratch memory while it runs tasks. Outside of tasks there is none. */
static void fill_scratch(void *context, size_t i, int worker) {
    (void)worker;
    unsigned char *scratch = spiral__par_scratch();
    atomic_int *wrong = context;
    if (!scratch || (uintptr_t)scratch % 64) {
        atomic_fetch_add(wrong, 1);
        return;
    }
    memset(scratch, (int)(i % 251), SPIRAL__SCRATCH);
    for (size_t k = 0; k < SPIRAL__SCRATCH; k += 61)
        if (scratch[k] != i % 251) atomic_fetch_add(wrong, 1);
}

static void count_scratch(void *context, size_t i, int worker) {
    (void)i, (void)worker;
    *(int *)context += spiral__par_scratch() != NULL;
}

static void tasks_of_a_pool_have_scratch_memory(void **state) {
    (void)state;
    int found = 0;
    for (int threads = 1; threads < 4; threads++) {
        spiral__pool *pool = NULL;
        atomic_int wrong = 0;
        assert_int_equal(spiral__pool_create(threads, &pool, NULL), SPIRAL_OK);
        spiral__par_for(pool, 500, fill_scratch, &wrong);
        assert_int_equal(wrong, 0);
        assert_null(spiral__par_scratch());
        spiral__pool_destroy(pool);
    }
    spiral__par_for(NULL, 3, count_scratch, &found);
    assert_int_equal(found, 0);
}

/* Signals go to the host's own threads: a worker thread blocks all of them except faults. */
static void look_at_signals(void *context, size_t i, int worker) {
    atomic_int *blocked = context;
    sigset_t set;
    (void)i;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    if (worker)
        atomic_store(&blocked[worker],
                     sigismember(&set, SIGINT) && sigismember(&set, SIGTERM) && !sigismember(&set, SIGBUS));
    usleep(1000); /* so that every thread gets a task */
}

static void worker_threads_take_no_signals(void **state) {
    (void)state;
    spiral__pool *pool = NULL;
    sigset_t before, after;
    atomic_int blocked[3] = {0};
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(spiral__pool_create(3, &pool, NULL), SPIRAL_OK);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
    for (int round = 0; round < 1000 && !(blocked[1] && blocked[2]); round++)
        spiral__par_for(pool, 6, look_at_signals, blocked);
    assert_true(blocked[1] && blocked[2]);
    spiral__pool_destroy(pool);
}

/* More stack than a matrix product needs. Without an explicit size a thread would get the default of the
 * system. */
static void use_stack(void *context, size_t i, int worker) {
    volatile char large[512 << 10];
    atomic_int *used = context;
    large[0] = large[sizeof large - 1] = (char)i;
    for (size_t k = 0; k < sizeof large; k += 4096) large[k] = large[0];
    if (worker) atomic_fetch_add(used, 1);
    usleep(1000);
}

static void worker_threads_have_half_a_megabyte_of_stack(void **state) {
    (void)state;
#ifdef __SANITIZE_THREAD__
    LEAVE_OUT("the thread sanitizer keeps 785 kB of its own in each thread's stack");
#endif
#ifdef __GLIBC__
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 << 10); /* the default of musl */
    assert_int_equal(pthread_setattr_default_np(&small), 0);
#endif
    spiral__pool *pool = NULL;
    atomic_int used = 0;
    assert_int_equal(spiral__pool_create(3, &pool, NULL), SPIRAL_OK);
    for (int round = 0; round < 1000 && !used; round++) spiral__par_for(pool, 6, use_stack, &used);
    assert_true(used);
    spiral__pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_runs_once_for_any_number_of_threads),
        cmocka_unit_test(numbers_of_threads_out_of_range_are_refused),
        cmocka_unit_test(a_call_while_the_pool_is_busy_runs_alone),
        cmocka_unit_test(tasks_of_a_pool_have_scratch_memory),
        cmocka_unit_test(worker_threads_take_no_signals),
        cmocka_unit_test(worker_threads_have_half_a_megabyte_of_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
