/* SPDX-License-Identifier: MIT
 *
 * A loss with its own threads: the bits are the same for any number of them; the first bad cell is named;
 * calls that cannot use the threads (small batches, calls at the same time, a child after fork) work without
 * them.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "simd/denormal.h"
#include "simd/vmath.h"

/* 900 frames of 36 keys: four shards, the last one not whole. */
enum { ROLLS = 25, FRAMES = 36, VALUES = ROLLS * FRAMES };

static spiral_loss *create_threaded(const batch *b, int threads) {
    spiral_loss_options o = b->o;
    o.threads = threads;
    return create_loss(&o, b->P);
}

/* Values (one, or one per frame) and the gradient. */
#define CALL(REAL, suffix)                                                                               \
    static spiral_status run_##suffix(const spiral_loss *loss, const batch *b, const REAL *cells,        \
                                      double *values, REAL *grad, void *work, spiral_error *err) {       \
        const spiral_strides s = contiguous(b->T, b->P);                                                 \
        return spiral_loss_value_grad_##suffix(                                                          \
            loss, b->B, b->T, cells, s, cells + b->cells, s, b->weight ? cells + 2 * b->cells : NULL, s, \
            values, spiral__loss_is_metric(b->o.kind) ? NULL : grad, s, work, err);                      \
    }                                                                                                    \
    /* cells: pred, target, weight, and room for two gradients. */                                       \
    static REAL *cells_##suffix(const batch *b) {                                                        \
        REAL *cells = calloc(5 * b->cells, sizeof *cells);                                               \
        assert_non_null(cells);                                                                          \
        for (size_t i = 0; i < b->cells; i++) {                                                          \
            cells[i] = (REAL)b->pred[i], cells[b->cells + i] = (REAL)b->target[i];                       \
            if (b->weight) cells[2 * b->cells + i] = (REAL)b->weight[i];                                 \
        }                                                                                                \
        return cells;                                                                                    \
    }                                                                                                    \
    static void check_threads_##suffix(const batch *b) {                                                 \
        REAL *cells = cells_##suffix(b), *one = cells + 3 * b->cells, *many = one + b->cells;            \
        double *wanted = doubles(VALUES), *values = doubles(VALUES);                                     \
        for (int threads = 1; threads <= 5; threads += 1 + (threads > 1)) {                              \
            spiral_loss *loss = create_threaded(b, threads);                                             \
            void *work = aligned_buffer(spiral_loss_work_size_##suffix(loss, b->T));                     \
            spiral_error err;                                                                            \
            if (run_##suffix(loss, b, cells, threads == 1 ? wanted : values, threads == 1 ? one : many,  \
                             work, &err))                                                                \
                fail_msg("%s", err.text);                                                                \
            if (threads > 1) {                                                                           \
                assert_memory_equal(values, wanted, VALUES * sizeof *values);                            \
                assert_memory_equal(many, one, b->cells * sizeof *one);                                  \
            }                                                                                            \
            free(work);                                                                                  \
            spiral_loss_destroy(loss);                                                                   \
        }                                                                                                \
        free(cells), free(wanted), free(values);                                                         \
    }
CALL(float, f32)
CALL(double, f64)

static void the_number_of_threads_changes_no_bit(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
        for (int how = SPIRAL_REDUCE_NONE; how <= SPIRAL_REDUCE_PER_NOTE; how++)
            for (int mixture = 0; mixture < 4; mixture++) {
                if (mixture & 2 && !is_geometric((spiral_loss_kind)kind)) continue;
                batch b = example((spiral_loss_kind)kind, ROLLS, FRAMES, mixture & 1);
                b.o.reduction = (spiral_reduction)how;
                b.o.time_blur = mixture & 2 ? 1.5 : 0;
                check_threads_f32(&b);
                if (mixture != 1) check_threads_f64(&b);
                batch_free(&b);
            }
}

/* Sums that are added by shards, against the definition in one thread. */
static void sums_of_many_shards_are_those_of_the_definition(void **state) {
    (void)state;
    for (int how = SPIRAL_REDUCE_SUM; how <= SPIRAL_REDUCE_PER_NOTE; how++) {
        batch b = example(SPIRAL_LOSS_SPIRAL, ROLLS, FRAMES, 1);
        b.o.reduction = (spiral_reduction)how;
        b.o.threads = 3;
        double value = call_f64(&b, NULL, NULL), wanted = call_ref(&b);
        assert_true(fabs(value - wanted) < 1e-11 * wanted);
        batch_free(&b);
    }
}

/* Bad cells in several shards: the message is always that of a single thread. */
static void the_first_bad_cell_is_named_for_any_number_of_threads(void **state) {
    (void)state;
    batch b = example(SPIRAL_LOSS_SPIRAL, ROLLS, FRAMES, 0);
    for (size_t roll = 8; roll < ROLLS; roll++) b.pred[(roll * FRAMES + 3) * KEYS + 5] = NAN;
    double *cells = cells_f64(&b), *values = doubles(VALUES);
    for (int tau = 0; tau < 2; tau++)
        for (int round = 0; round < 50; round++) {
            b.o.time_blur = tau;
            spiral_loss *loss = create_threaded(&b, 4);
            void *work = aligned_buffer(spiral_loss_work_size_f64(loss, b.T));
            spiral_error err;
            assert_fails(run_f64(loss, &b, cells, values, b.grad, work, &err), SPIRAL_NUMERIC, &err,
                         "at (b 8, t 3, p 5)");
            assert_int_equal(run_f64(loss, &b, cells, values, b.grad, work, NULL), SPIRAL_NUMERIC);
            free(work);
            spiral_loss_destroy(loss);
        }
    free(cells), free(values);
    batch_free(&b);
}

static void impossible_numbers_of_threads_are_refused(void **state) {
    (void)state;
    spiral_loss *loss;
    spiral_error err;
    for (int i = 0; i < 2; i++) {
        spiral_loss_options o = default_options();
        o.threads = i ? 1025 : -1;
        assert_fails(spiral_loss_create(&o, KEYS, &loss, &err), SPIRAL_BAD_ARG, &err, "threads",
                     i ? "is 1025: must be 0 to 1024" : "is -1:");
        assert_null(loss);
    }
}

/* If denormal numbers count as zero in the calling thread, they must do so in the loss's threads too. The
 * weights make every gradient denormal. A call takes a few milliseconds, so that all threads take part. */
static void threads_take_the_floating_point_mode_of_the_caller(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND(); /* which does not support denormal numbers counting as zero */
    batch b = example(SPIRAL_LOSS_SPIRAL, 20 * ROLLS, FRAMES, 1);
    for (size_t i = 0; i < b.cells; i++) b.weight[i] = 1e-40;
    float *cells = cells_f32(&b), *grad = cells + 3 * b.cells;
    b.o.reduction = SPIRAL_REDUCE_SUM;
    spiral_loss *loss = create_threaded(&b, 4);
    void *work = aligned_buffer(spiral_loss_work_size_f32(loss, b.T));
    double value;
    for (int flushed = 0; flushed < 2; flushed++)
        for (int round = 0; round < 20; round++) {
            size_t nonzero = 0;
            uint64_t before = 0;
            if (flushed) before = spiral__denormals_flush();
            spiral_status status = run_f32(loss, &b, cells, &value, grad, work, NULL);
            if (flushed) spiral__denormals_restore(before);
            assert_int_equal(status, SPIRAL_OK);
            for (size_t i = 0; i < b.cells; i++) nonzero += spiral__bits_f32(grad[i]) << 1 != 0;
#if defined(__SSE__) || defined(__aarch64__) /* as in denormal.h */
            assert_true(flushed ? nonzero == 0 : nonzero > b.cells * 9 / 10);
#else
            assert_true(nonzero > b.cells * 9 / 10);
#endif
        }
    free(work), free(cells);
    spiral_loss_destroy(loss);
    batch_free(&b);
}

/* Threads of the caller that use one loss with threads at the same time. */
typedef struct caller {
    const spiral_loss *loss;
    const batch *b;
    const double *cells;
    double value, *grad;
    void *work;
    spiral_status status;
} caller;

static void *call_repeatedly(void *context) {
    caller *c = context;
    for (int i = 0; i < 20 && !c->status; i++)
        c->status = run_f64(c->loss, c->b, c->cells, &c->value, c->grad, c->work, NULL);
    return NULL;
}

static void calls_at_the_same_time_share_a_loss_with_threads(void **state) {
    (void)state;
    enum { CALLERS = 3 };
    batch b = example(SPIRAL_LOSS_SPIRAL, ROLLS, FRAMES, 1);
    double *cells = cells_f64(&b), wanted = call_f64(&b, NULL, b.grad);
    spiral_loss *loss = create_threaded(&b, 3);
    caller callers[CALLERS];
    pthread_t threads[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (caller){.loss = loss, .b = &b, .cells = cells, .grad = doubles(b.cells)};
        callers[i].work = aligned_buffer(spiral_loss_work_size_f64(loss, b.T));
        assert_int_equal(pthread_create(&threads[i], NULL, call_repeatedly, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(callers[i].status, SPIRAL_OK);
        assert_true(callers[i].value == wanted);
        assert_memory_equal(callers[i].grad, b.grad, b.cells * sizeof *b.grad);
        free(callers[i].grad), free(callers[i].work);
    }
    spiral_loss_destroy(loss);
    free(cells);
    batch_free(&b);
}

/* A child process has only the thread that called fork(). Its calls give the same bits, and destroying the
 * loss there does not wait for missing threads. A signal ends it after a minute if it hangs. */
static void a_child_after_fork_computes_alone(void **state) {
    (void)state;
    batch b = example(SPIRAL_LOSS_SPIRAL, ROLLS, FRAMES, 0);
    double *cells = cells_f64(&b), *grad = doubles(b.cells), value;
    spiral_loss *loss = create_threaded(&b, 3);
    void *work = aligned_buffer(spiral_loss_work_size_f64(loss, b.T));
    double wanted = call_f64(&b, NULL, b.grad);
    for (int before = 0; before < 2; before++) { /* before the threads have worked, and after */
        if (before) assert_int_equal(run_f64(loss, &b, cells, &value, grad, work, NULL), SPIRAL_OK);
        pid_t child = fork();
        assert_true(child >= 0);
        if (!child) {
            alarm(60);
            int bad = run_f64(loss, &b, cells, &value, grad, work, NULL) != SPIRAL_OK || value != wanted ||
                      memcmp(grad, b.grad, b.cells * sizeof *grad);
            spiral_loss_destroy(loss);
            _exit(bad);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(run_f64(loss, &b, cells, &value, grad, work, NULL), SPIRAL_OK);
    assert_true(value == wanted);
    free(work), free(cells), free(grad);
    spiral_loss_destroy(loss);
    batch_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(sums_of_many_shards_are_those_of_the_definition),
        cmocka_unit_test(the_first_bad_cell_is_named_for_any_number_of_threads),
        cmocka_unit_test(impossible_numbers_of_threads_are_refused),
        cmocka_unit_test(threads_take_the_floating_point_mode_of_the_caller),
        cmocka_unit_test(calls_at_the_same_time_share_a_loss_with_threads),
        cmocka_unit_test(a_child_after_fork_computes_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
