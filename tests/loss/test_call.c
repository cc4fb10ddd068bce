/* SPDX-License-Identifier: MIT
 *
 * The calls: bad arguments and bad cells are refused and named; contiguous and strided calls agree; which
 * calls allocate. Batches: test_batch.c; options: test_options.c.
 */
#include "harness.h"

/* Counting allocations replaces the allocator of the C library, which a sanitizer replaces too. */
#if defined(__GLIBC__) && !SANITIZED
#define COUNTS_ALLOCATIONS 1
static unsigned long allocations;
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
void *malloc(size_t n) { return allocations++, __libc_malloc(n); }
void *calloc(size_t n, size_t m) { return allocations++, __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { return allocations++, __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { return allocations++, __libc_memalign(a, n); }
#else
#define COUNTS_ALLOCATIONS 0
#endif

static void calls_with_bad_arguments_are_refused(void **state) {
    (void)state;
    batch b = example(SPIRAL_LOSS_ARGMAX_DISTANCE, 1, 2, 0);
    spiral_loss *loss = create_loss(&b.o, KEYS);
    char *work = aligned_buffer(spiral_loss_work_size_f64(loss, 2) + 64);
    spiral_strides s = contiguous(2, KEYS);
    double value, table[3], *p = b.pred, *t = b.target, *g = b.grad;
    spiral_error err;
#define CALL(loss, B, T, pred, target, value, grad, work) \
    spiral_loss_value_grad_f64(loss, B, T, pred, s, target, s, NULL, s, value, grad, s, work, &err)
    assert_fails(CALL(NULL, 1, 2, p, t, &value, NULL, work), SPIRAL_BAD_ARG, &err, "loss must not be NULL");
    assert_fails(CALL(loss, 1, 2, NULL, t, &value, NULL, work), SPIRAL_BAD_ARG, &err,
                 "pred must not be NULL");
    assert_fails(CALL(loss, 1, 2, p, NULL, &value, NULL, work), SPIRAL_BAD_ARG, &err,
                 "target must not be NULL");
    assert_fails(CALL(loss, 1, 2, p, t, NULL, NULL, work), SPIRAL_BAD_ARG, &err, "value must not be NULL");
    assert_fails(CALL(loss, 1, 2, p, t, &value, NULL, NULL), SPIRAL_BAD_ARG, &err, "work must not be NULL");
    assert_fails(CALL(loss, 1, 2, p, t, &value, NULL, work + 8), SPIRAL_BAD_ARG, &err, "work is 8 bytes");
    assert_fails(CALL(loss, 0, 2, p, t, &value, NULL, work), SPIRAL_BAD_ARG, &err, "0 rolls of 2 frames");
    assert_fails(CALL(loss, SIZE_MAX, 2, p, t, &value, NULL, work), SPIRAL_BAD_ARG, &err,
                 "rolls of 2 frames");
    assert_fails(CALL(loss, 1, 2, p, t, &value, g, work), SPIRAL_UNSUPPORTED, &err, "argmax_distance",
                 "grad");
    assert_string_equal(err.text, "loss call: argmax_distance has no gradient: grad must be NULL");
    assert_fails(spiral_loss_table(loss, 3, table, table, &err), SPIRAL_UNSUPPORTED, &err, "argmax_distance");
    assert_fails(spiral_loss_table(loss, 0, table, table, &err), SPIRAL_BAD_ARG, &err, "0 intervals");
    assert_fails(spiral_loss_table(loss, 129, table, table, &err), SPIRAL_BAD_ARG, &err, "129 intervals");
    assert_fails(spiral_loss_table(loss, 3, NULL, table, &err), SPIRAL_BAD_ARG, &err, "NULL");
    free(work);
    spiral_loss_destroy(loss);
    spiral_loss_destroy(NULL);
    batch_free(&b);
}

/* The contiguous call in both precisions, with the given work buffer or its own. */
static void check_contiguous(const batch *b, void *work) {
    spiral_loss *loss = create_loss(&b->o, KEYS);
    const int metric = spiral__loss_is_metric(b->o.kind);
    double value, *grad = doubles(b->cells), wanted = call_f64(b, NULL, b->grad);
    assert_int_equal(spiral_loss_value_grad_btp_f64(loss, b->B, b->T, b->pred, b->target, &value,
                                                    metric ? NULL : grad, work, NULL),
                     SPIRAL_OK);
    assert_true(value == wanted);
    if (!metric) assert_memory_equal(grad, b->grad, b->cells * sizeof *grad);

    const spiral_strides s = contiguous(b->T, KEYS);
    float *pred = calloc(4 * b->cells, sizeof *pred), *target = pred + b->cells, *one = target + b->cells;
    float *two = one + b->cells;
    void *own = aligned_buffer(spiral_loss_work_size_f32(loss, b->T));
    for (size_t i = 0; i < b->cells; i++) pred[i] = (float)b->pred[i], target[i] = (float)b->target[i];
    assert_int_equal(spiral_loss_value_grad_f32(loss, b->B, b->T, pred, s, target, s, NULL, s, &wanted,
                                                metric ? NULL : one, s, own, NULL),
                     SPIRAL_OK);
    assert_int_equal(spiral_loss_value_grad_btp_f32(loss, b->B, b->T, pred, target, &value,
                                                    metric ? NULL : two, work, NULL),
                     SPIRAL_OK);
    assert_true(value == wanted);
    assert_memory_equal(one, two, b->cells * sizeof *one);
    free(own), free(pred), free(grad);
    spiral_loss_destroy(loss);
}

static void contiguous_calls_equal_strided_ones(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
        for (int tau = 0; tau < 2; tau++) {
            if (tau && !is_geometric((spiral_loss_kind)kind)) continue;
            batch b = example((spiral_loss_kind)kind, 3, 21, 0);
            b.o.time_blur = tau;
            if (spiral__loss_is_metric(b.o.kind)) free(b.grad), b.grad = NULL;
            spiral_loss *loss = create_loss(&b.o, KEYS);
            void *work;
            assert_int_equal(spiral_loss_work_create(loss, b.T, &work, NULL), SPIRAL_OK);
            check_contiguous(&b, NULL);
            check_contiguous(&b, work);
            spiral_loss_work_destroy(work);
            spiral_loss_destroy(loss);
            batch_free(&b);
        }
}

static void contiguous_calls_refuse_bad_arguments(void **state) {
    (void)state;
    batch b = example(SPIRAL_LOSS_SPIRAL, 1, 2, 0);
    b.o.time_blur = 1;
    spiral_loss *loss = create_loss(&b.o, KEYS);
    spiral_error err;
    double value;
    void *work = &value;
    assert_fails(spiral_loss_value_grad_btp_f64(NULL, 1, 2, b.pred, b.target, &value, NULL, NULL, &err),
                 SPIRAL_BAD_ARG, &err, "loss must not be NULL");
    assert_fails(spiral_loss_value_grad_btp_f64(loss, 1, 2, b.pred, NULL, &value, NULL, NULL, &err),
                 SPIRAL_BAD_ARG, &err, "target must not be NULL");
    assert_fails(spiral_loss_value_grad_btp_f64(loss, 1, 0, b.pred, b.target, &value, NULL, NULL, &err),
                 SPIRAL_BAD_ARG, &err, "1 rolls of 0 frames");
    assert_fails(
        spiral_loss_value_grad_btp_f64(loss, 1, SIZE_MAX, b.pred, b.target, &value, NULL, NULL, &err),
        SPIRAL_NO_MEMORY, &err, "out of memory");
    assert_fails(spiral_loss_work_create(loss, SIZE_MAX, &work, &err), SPIRAL_NO_MEMORY, &err,
                 "out of memory");
    assert_null(work);
    assert_fails(spiral_loss_work_create(NULL, 1, &work, &err), SPIRAL_BAD_ARG, &err,
                 "loss must not be NULL");
    assert_fails(spiral_loss_work_create(loss, 1, NULL, &err), SPIRAL_BAD_ARG, &err, "work must not be NULL");
    assert_true(spiral_loss_work_size_f32(loss, SIZE_MAX / 2) == SIZE_MAX);
    assert_true(spiral_loss_work_size_f64(loss, PTRDIFF_MAX / 8) == SIZE_MAX);
    spiral_loss_work_destroy(NULL);
    spiral_loss_destroy(loss);
    batch_free(&b);
}

/* The call fails and the message names the array, the cell and the value, with and without a time blur. */
static void expect_bad_cell(batch *b, const char *array, const char *cell, const char *value) {
    for (int tau = 0; tau < 2; tau++) {
        b->o.time_blur = tau;
        spiral_loss *loss = create_loss(&b->o, KEYS);
        void *work = aligned_buffer(spiral_loss_work_size_f64(loss, b->T));
        spiral_strides s = contiguous(b->T, KEYS);
        double result;
        spiral_error err = {0};
        assert_fails(spiral_loss_value_grad_f64(loss, b->B, b->T, b->pred, s, b->target, s, b->weight, s,
                                                &result, b->grad, s, work, &err),
                     SPIRAL_NUMERIC, &err, array, cell, value);
        free(work);
        spiral_loss_destroy(loss);
    }
}

static void a_bad_cell_is_named(void **state) {
    (void)state;
    batch b = example(SPIRAL_LOSS_SPIRAL, 3, 10, 1);
    const size_t cell = ((size_t)2 * 10 + 7) * KEYS + 35;
    b.weight[0] = b.weight[cell] = 1; /* cells of weight 0 may hold anything */
    double z = b.pred[cell], t = b.target[cell], w = b.weight[cell];
    static const char *const there = "at (b 2, t 7, p 35)";
    b.pred[cell] = NAN;
    expect_bad_cell(&b, "logit", there, "is nan:");
    b.pred[cell] = -INFINITY;
    expect_bad_cell(&b, "logit", there, "is -inf:");
    b.pred[cell] = z;
    b.target[cell] = 1.5;
    expect_bad_cell(&b, "target", there, "is 1.5:");
    b.target[cell] = t;
    b.weight[cell] = -1;
    expect_bad_cell(&b, "sample_weight", there, "is -1: must be 0 to 1e+06");
    b.weight[cell] = NAN;
    expect_bad_cell(&b, "sample_weight", there, "is nan: must be a number from 0 to 1e+06");
    b.weight[cell] = w;
    b.o.from_logits = 0;
    for (size_t i = 0; i < b.cells; i++) b.pred[i] = 0.5;
    b.pred[cell] = -0x1p-40;
    expect_bad_cell(&b, "probability", there, "is -9.09495e-13:");
    b.pred[0] = 2; /* the first bad cell is named */
    expect_bad_cell(&b, "probability", "at (b 0, t 0, p 0)", "is 2:");
    batch_free(&b);
}

/* Limits are exact to the last bit, in either precision. */
static void ranges_end_at_their_limits(void **state) {
    (void)state;
    enum { PRED, PROB, TARGET, WEIGHT };
    const struct {
        int array;
        float value;
        int fine;
    } cells[] = {
        {PRED, 1e20f, 1},     {PRED, -1e20f, 1},       {PRED, nextafterf(1e20f, INFINITY), 0},
        {PROB, 1, 1},         {PROB, -0.f, 1},         {PROB, 1 + 0x1p-23f, 0},
        {PROB, 0x1p-149f, 1}, {PROB, -0x1p-149f, 0},   {PROB, 3e38f, 0},
        {TARGET, 1, 1},       {TARGET, -0.f, 1},       {TARGET, 1 + 0x1p-23f, 0},
        {TARGET, 0, 1},       {TARGET, -0x1p-149f, 0}, {TARGET, 3e38f, 0},
        {WEIGHT, 1e6f, 1},    {WEIGHT, -0.f, 1},       {WEIGHT, 1e6f + 0.0625f, 0},
        {WEIGHT, 0, 1},       {WEIGHT, -0x1p-149f, 0}, {WEIGHT, 3e38f, 0},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        for (int kind = SPIRAL_LOSS_BCE; kind <= SPIRAL_LOSS_WEIGHTED_BCE; kind++) {
            spiral_loss_options o = kind_alone((spiral_loss_kind)kind);
            o.bce = 1;
            o.from_logits = cells[i].array == PRED;
            float x[3][KEYS] = {{0}}, grad[KEYS];
            double y[3][KEYS] = {{0}}, grad_f64[KEYS], value;
            for (int p = 0; p < KEYS; p++) x[2][p] = 1;
            x[cells[i].array ? cells[i].array - 1 : 0][KEYS - 1] = cells[i].value;
            for (int j = 0; j < 3 * KEYS; j++) y[j / KEYS][j % KEYS] = (double)x[j / KEYS][j % KEYS];
            spiral_loss *loss = create_loss(&o, KEYS);
            void *work = aligned_buffer(spiral_loss_work_size_f64(loss, 1));
            const spiral_strides s = contiguous(1, KEYS);
            const spiral_status wanted = cells[i].fine ? SPIRAL_OK : SPIRAL_NUMERIC;
            assert_int_equal(spiral_loss_value_grad_f32(loss, 1, 1, x[0], s, x[1], s, x[2], s, &value, grad,
                                                        s, work, NULL),
                             wanted);
            if (cells[i].array == PRED && cells[i].fine) /* as a float it is a little more than 1e20 */
                y[0][KEYS - 1] = copysign(1e20, y[0][KEYS - 1]);
            assert_int_equal(spiral_loss_value_grad_f64(loss, 1, 1, y[0], s, y[1], s, y[2], s, &value,
                                                        grad_f64, s, work, NULL),
                             wanted);
            free(work);
            spiral_loss_destroy(loss);
        }
}

/* NaN or infinity in any cell of any array, in either precision: NUMERIC, and the cell is named. */
static void nan_and_infinity_are_named_anywhere(void **state) {
    (void)state;
    enum { B = 3, T = 21, ALL = B * T * KEYS };
    static float x[3][ALL];
    static double y[3][ALL], grad_f64[ALL];
    static float grad[ALL];
    spiral__rng r = spiral__rng_init(4, 0);
    for (int round = 0; round < 600; round++) {
        spiral_loss_options o = default_options();
        o.kind = (spiral_loss_kind)(round % SPIRAL_LOSS_COUNT);
        o.from_logits = spiral__rng_below(&r, 2) == 0;
        o.time_blur = is_geometric(o.kind) && spiral__rng_below(&r, 2) ? 1.5 : 0;
        o.reduction = (spiral_reduction)spiral__rng_below(&r, 4);
        for (int a = 0; a < 3; a++)
            for (int i = 0; i < ALL; i++) y[a][i] = spiral__rng_uniform(&r);
        const int array = (int)spiral__rng_below(&r, 3), at = (int)spiral__rng_below(&r, ALL);
        y[array][at] = (double[]){NAN, INFINITY, -INFINITY}[spiral__rng_below(&r, 3)];
        for (int a = 0; a < 3; a++)
            for (int i = 0; i < ALL; i++) x[a][i] = (float)y[a][i];
        spiral_loss *loss = create_loss(&o, KEYS);
        void *work = aligned_buffer(spiral_loss_work_size_f64(loss, T));
        const int metric = spiral__loss_is_metric(o.kind);
        const spiral_strides s = contiguous(T, KEYS);
        double values[B * T];
        char cell[40];
        snprintf(cell, sizeof cell, "at (b %d, t %d, p %d)", at / KEYS / T, at / KEYS % T, at % KEYS);
        for (int single = 0; single < 2; single++) {
            spiral_error err = {0};
            spiral_status status =
                single ? spiral_loss_value_grad_f32(loss, B, T, x[0], s, x[1], s, x[2], s, values,
                                                    metric ? NULL : grad, s, work, &err)
                       : spiral_loss_value_grad_f64(loss, B, T, y[0], s, y[1], s, y[2], s, values,
                                                    metric ? NULL : grad_f64, s, work, &err);
            assert_int_equal(status, SPIRAL_NUMERIC);
            assert_int_equal(err.status, SPIRAL_NUMERIC);
            if (!strstr(err.text, cell)) fail_msg("\"%s\" does not name %s", err.text, cell);
            static const char *const names[] = {"logit", "target", "sample_weight"};
            const char *name = array || o.from_logits ? names[array] : "probability";
            assert_true(!strncmp(err.text, name, strlen(name)));
        }
        free(work);
        spiral_loss_destroy(loss);
    }
}

#if COUNTS_ALLOCATIONS
static void a_strided_call_allocates_nothing(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
        for (int mixture = 0; mixture < 4; mixture++) {
            const int tau = mixture & 1, threads = 1 + mixture / 2;
            if (tau && kind != SPIRAL_LOSS_SPIRAL && !spiral__loss_is_quadratic((spiral_loss_kind)kind))
                continue;
            batch b = example((spiral_loss_kind)kind, 30, 20, 1); /* more than one shard */
            b.o.time_blur = tau;
            b.o.threads = threads;
            unsigned long before = allocations;
            spiral_loss *loss = create_loss(&b.o, KEYS);
            if (threads == 1) assert_true(allocations == before + 1); /* allocations are counted */
            void *work = aligned_buffer(spiral_loss_work_size_f64(loss, b.T));
            float *cells = calloc(4 * b.cells, sizeof *cells), *grad = cells + 3 * b.cells;
            for (size_t i = 0; i < b.cells; i++) {
                cells[i] = (float)b.pred[i], cells[b.cells + i] = (float)b.target[i];
                cells[2 * b.cells + i] = (float)b.weight[i];
            }
            spiral_strides s = contiguous(b.T, KEYS);
            const int metric = spiral__loss_is_metric((spiral_loss_kind)kind);
            double value;
            before = allocations;
            spiral_status status[2];
            status[0] = spiral_loss_value_grad_f64(loss, b.B, b.T, b.pred, s, b.target, s, b.weight, s,
                                                   &value, metric ? NULL : b.grad, s, work, NULL);
            status[1] =
                spiral_loss_value_grad_f32(loss, b.B, b.T, cells, s, cells + b.cells, s, cells + 2 * b.cells,
                                           s, &value, metric ? NULL : grad, s, work, NULL);
            assert_true(allocations == before);
            /* Nor does the contiguous call, unless it must make its own work buffer. */
            assert_int_equal(
                spiral_loss_value_grad_btp_f64(loss, b.B, b.T, b.pred, b.target, &value, NULL, work, NULL),
                SPIRAL_OK);
            assert_true(allocations == before);
            assert_int_equal(
                spiral_loss_value_grad_btp_f64(loss, b.B, b.T, b.pred, b.target, &value, NULL, NULL, NULL),
                SPIRAL_OK);
            assert_true(allocations == before + 1);
            assert_int_equal(status[0], SPIRAL_OK);
            assert_int_equal(status[1], SPIRAL_OK);
            free(cells);
            free(work);
            spiral_loss_destroy(loss);
            batch_free(&b);
        }
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_with_bad_arguments_are_refused),
        cmocka_unit_test(contiguous_calls_equal_strided_ones),
        cmocka_unit_test(contiguous_calls_refuse_bad_arguments),
        cmocka_unit_test(a_bad_cell_is_named),
        cmocka_unit_test(ranges_end_at_their_limits),
        cmocka_unit_test(nan_and_infinity_are_named_anywhere),
#if COUNTS_ALLOCATIONS
        cmocka_unit_test(a_strided_call_allocates_nothing),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
