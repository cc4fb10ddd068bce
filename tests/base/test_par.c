/* SPDX-License-Identifier: MIT
 *
 * Parallel-for.
 */
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_runs_once_for_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
