/* SPDX-License-Identifier: MIT
 *
 * The contract of a call: refusals with their sentences, and no allocation. Batches: test_batch.c.
 */
#include "harness.h"

/* Counting allocations needs the C library's own allocator behind ours; a sanitizer brings its own. */
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

static batch example(spiral_loss_kind kind, size_t B, size_t T, int weighted) {
    spiral_loss_options o = spiral_loss_options_default();
    o.kind = kind;
    batch b = batch_make(o, B, T, KEYS, weighted);
    batch_fill(&b, 77, 1, 0);
    return b;
}

static void refused(spiral_loss_options o, int P, const char *sentence) {
    spiral_loss *loss = (spiral_loss *)&o;
    spiral_error err = {0};
    assert_int_equal(spiral_loss_create(&o, P, &loss, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, sentence);
    assert_null(loss);
}

#define REFUSED(field, value, sentence)                        \
    do {                                                       \
        spiral_loss_options o = spiral_loss_options_default(); \
        o.field = value;                                       \
        refused(o, KEYS, sentence);                            \
    } while (0)

static void test_wrong_options(void **state) {
    (void)state;
    REFUSED(lambda, -1, "loss option lambda is -1: must be 0 to 1e+06");
    REFUSED(lambda, NAN, "loss option lambda is nan: must be 0 to 1e+06");
    REFUSED(bce, INFINITY, "loss option bce is inf: must be 0 to 1e+06");
    REFUSED(kl_offset, 0, "loss option kl_offset is 0: must be 1e-06 to 1000");
    REFUSED(blur_length, 0, "loss option blur_length is 0: must be above 0, at most 1000");
    REFUSED(blur_radius, 0, "loss option blur_radius is 0: must be 1 to 127");
    REFUSED(blur_radius, 128, "loss option blur_radius is 128: must be 1 to 127");
    REFUSED(sigma, -0.5, "loss option sigma is -0.5: must be above 0, at most 1000");
    REFUSED(time_blur, 101, "loss option time_blur is 101: must be 0 to 100");
    REFUSED(coil_radius, -10, "loss option coil_radius is -10: must be 0 to 1e+06");
    REFUSED(coil_rise, NAN, "loss option coil_rise is nan: must be 0 to 1e+06");
    REFUSED(coil_degrees, -30, "loss option coil_degrees is -30: must be 0 to 1e+06");
    REFUSED(kind, (spiral_loss_kind)SPIRAL_LOSS_COUNT, "loss option kind is 9: must be 0 to 8");
    REFUSED(reduction, (spiral_reduction)4, "loss option reduction is 4: must be 0 to 3");
    REFUSED(low, 128, "loss option low is 128: must be 0 to 127");
    REFUSED(low, 93, "loss option low is 93: with 36 keys the highest MIDI number is 128, above 127");
    REFUSED(helix.radii[0], 0, "helix radii are 0 at most: one must be 1e-06 or more");
    REFUSED(helix.radii[4], -1, "helix radii[4] is -1: must be 0 to 1000");
    REFUSED(helix.octave, 0, "helix octave is 0: must be 1e-06 to 1000");
    spiral_loss_options o = spiral_loss_options_default();
    refused(o, 0, "loss for 0 keys: must be 1 to 128");
    refused(o, 129, "loss for 129 keys: must be 1 to 128");
    o.kind = SPIRAL_LOSS_WEIGHTED_BCE;
    o.time_blur = 3;
    refused(o, KEYS,
            "loss option time_blur is 3: must be 0 for the kind weighted_bce, which has no time blur");
    o.struct_size = 8;
    spiral_loss *loss;
    assert_int_equal(spiral_loss_create(&o, KEYS, &loss, NULL), SPIRAL_BAD_ARG);
    assert_int_equal(spiral_loss_create(NULL, KEYS, &loss, NULL), SPIRAL_BAD_ARG);
    assert_int_equal(spiral_loss_create(&o, KEYS, NULL, NULL), SPIRAL_BAD_ARG);
}

/* A geometry is refused for the one number that makes it none, whatever the others are. */
static void group07_no_such_geometry(void **state) {
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY, -1, -1e-300, 1000.1};
    spiral_error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char sentence[80];
        for (int m = 0; m < 6; m++) {
            spiral_helix h = preset(2);
            h.radii[m] = bad[i];
            assert_int_equal(spiral_helix_check(&h, &err), SPIRAL_BAD_ARG);
            snprintf(sentence, sizeof sentence, "helix radii[%d] is %g: must be 0 to 1000", m, bad[i]);
            assert_string_equal(err.text, sentence);
        }
        spiral_helix h = preset(2);
        h.octave = bad[i];
        assert_int_equal(spiral_helix_check(&h, &err), SPIRAL_BAD_ARG);
        snprintf(sentence, sizeof sentence, "helix octave is %g: must be 1e-06 to 1000", bad[i]);
        assert_string_equal(err.text, sentence);
    }
    for (int zero = 0; zero < 2; zero++) {
        spiral_helix h = {{zero ? 0 : 1e-7}, 0.5};
        assert_int_equal(spiral_helix_check(&h, NULL), SPIRAL_BAD_ARG);
        h = (spiral_helix){{1.3}, zero ? 0 : 1e-7};
        assert_int_equal(spiral_helix_check(&h, NULL), SPIRAL_BAD_ARG);
    }
    assert_int_equal(spiral_helix_check(NULL, NULL), SPIRAL_BAD_ARG);
    spiral_helix least = {{0, 0, 1e-6}, 1e-6};
    assert_int_equal(spiral_helix_check(&least, NULL), SPIRAL_OK);
}

static void test_wrong_calls(void **state) {
    (void)state;
    batch b = example(SPIRAL_LOSS_ARGMAX_DISTANCE, 1, 2, 0);
    spiral_loss *loss = make(&b.o, KEYS);
    char *work = room(spiral_loss_work_size_f64(loss, 2) + 64);
    spiral_strides s = rows_of(2, KEYS);
    double value, *p = b.pred, *t = b.target, *g = b.grad;
    spiral_error err;
#define CALL(loss, B, T, pred, target, value, grad, work) \
    spiral_loss_value_grad_f64(loss, B, T, pred, s, target, s, NULL, s, value, grad, s, work, &err)
#define SAYS(call, status, sentence) \
    assert_int_equal(call, status);  \
    assert_string_equal(err.text, sentence)
    SAYS(CALL(NULL, 1, 2, p, t, &value, NULL, work), SPIRAL_BAD_ARG, "loss call: loss must not be NULL");
    SAYS(CALL(loss, 1, 2, NULL, t, &value, NULL, work), SPIRAL_BAD_ARG, "loss call: pred must not be NULL");
    SAYS(CALL(loss, 1, 2, p, NULL, &value, NULL, work), SPIRAL_BAD_ARG, "loss call: target must not be NULL");
    SAYS(CALL(loss, 1, 2, p, t, NULL, NULL, work), SPIRAL_BAD_ARG, "loss call: value must not be NULL");
    SAYS(CALL(loss, 1, 2, p, t, &value, NULL, NULL), SPIRAL_BAD_ARG, "loss call: work must not be NULL");
    SAYS(CALL(loss, 1, 2, p, t, &value, NULL, work + 8), SPIRAL_BAD_ARG,
         "loss call: work is 8 bytes off: must be aligned to 64 bytes");
    SAYS(CALL(loss, 1, 2, p, t, &value, g, work), SPIRAL_UNSUPPORTED,
         "loss call: argmax_distance has no gradient: grad must be NULL");
    assert_int_equal(CALL(loss, 0, 2, p, t, &value, NULL, work), SPIRAL_BAD_ARG);
    assert_int_equal(CALL(loss, SIZE_MAX, 2, p, t, &value, NULL, work), SPIRAL_BAD_ARG);
    double table[3];
    SAYS(spiral_loss_table(loss, 3, table, table, &err), SPIRAL_UNSUPPORTED,
         "loss table: the kind argmax_distance has no costs in missed notes, only spiral, energy and gauss");
    free(work);
    spiral_loss_destroy(loss);
    spiral_loss_destroy(NULL);
    batch_free(&b);
}

static void expect_bad(batch *b, const char *sentence) {
    for (int tau = 0; tau < 2; tau++) {
        b->o.time_blur = tau;
        spiral_loss *loss = make(&b->o, KEYS);
        void *work = room(spiral_loss_work_size_f64(loss, b->T));
        spiral_strides s = rows_of(b->T, KEYS);
        double value;
        spiral_error err = {0};
        assert_int_equal(spiral_loss_value_grad_f64(loss, b->B, b->T, b->pred, s, b->target, s, b->weight, s,
                                                    &value, b->grad, s, work, &err),
                         SPIRAL_NUMERIC);
        assert_string_equal(err.text, sentence);
        free(work);
        spiral_loss_destroy(loss);
    }
}

static void test_bad_cells(void **state) {
    (void)state;
    batch b = example(SPIRAL_LOSS_SPIRAL, 3, 10, 1);
    const size_t cell = ((size_t)2 * 10 + 7) * KEYS + 35;
    double z = b.pred[cell], t = b.target[cell], w = b.weight[cell];
    b.pred[cell] = NAN;
    expect_bad(&b, "logit at (b 2, t 7, p 35) is nan: must be a number from -1e+20 to 1e+20");
    b.pred[cell] = -INFINITY;
    expect_bad(&b, "logit at (b 2, t 7, p 35) is -inf: must be a number from -1e+20 to 1e+20");
    b.pred[cell] = z;
    b.target[cell] = 1.5;
    expect_bad(&b, "target at (b 2, t 7, p 35) is 1.5: must be 0 to 1");
    b.target[cell] = t;
    b.weight[cell] = -1;
    expect_bad(&b, "weight at (b 2, t 7, p 35) is -1: must be 0 to 1e+06");
    b.weight[cell] = NAN;
    expect_bad(&b, "weight at (b 2, t 7, p 35) is nan: must be a number from 0 to 1e+06");
    b.weight[cell] = w;
    b.o.from_logits = 0;
    for (size_t i = 0; i < b.cells; i++) b.pred[i] = 0.5;
    b.pred[cell] = -0x1p-40;
    b.pred[cell + 5 * KEYS - KEYS * 10] = 0.5;
    expect_bad(&b, "probability at (b 2, t 7, p 35) is -9.09495e-13: must be 0 to 1");
    b.pred[0] = 2; /* the first bad cell is the one named */
    expect_bad(&b, "probability at (b 0, t 0, p 0) is 2: must be 0 to 1");
    batch_free(&b);
}

/* Where the ranges end, to the last bit, in either precision. */
static void group10_limits_of_ranges(void **state) {
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
            spiral_loss_options o = alone((spiral_loss_kind)kind);
            o.bce = 1;
            o.from_logits = cells[i].array == PRED;
            float x[3][KEYS] = {{0}}, grad[KEYS];
            double y[3][KEYS] = {{0}}, grad_f64[KEYS], value;
            for (int p = 0; p < KEYS; p++) x[2][p] = 1;
            x[cells[i].array ? cells[i].array - 1 : 0][KEYS - 1] = cells[i].value;
            for (int j = 0; j < 3 * KEYS; j++) y[j / KEYS][j % KEYS] = (double)x[j / KEYS][j % KEYS];
            spiral_loss *loss = make(&o, KEYS);
            void *work = room(spiral_loss_work_size_f64(loss, 1));
            const spiral_strides s = rows_of(1, KEYS);
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

/* A NaN or an infinity in any array, at any place, in either precision: NUMERIC, and the cell is named. */
static void group10_not_a_number_is_named(void **state) {
    (void)state;
    enum { B = 3, T = 21, ALL = B * T * KEYS };
    static float x[3][ALL];
    static double y[3][ALL], grad_f64[ALL];
    static float grad[ALL];
    spiral__rng r = spiral__rng_init(4, 0);
    for (int round = 0; round < 600; round++) {
        spiral_loss_options o = spiral_loss_options_default();
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
        spiral_loss *loss = make(&o, KEYS);
        void *work = room(spiral_loss_work_size_f64(loss, T));
        const int metric = spiral__loss_is_metric(o.kind);
        const spiral_strides s = rows_of(T, KEYS);
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
            if (!strstr(err.text, cell)) fail_msg("\"%s\" does not say %s", err.text, cell);
            static const char *const names[] = {"logit", "target", "weight"};
            const char *name = array || o.from_logits ? names[array] : "probability";
            assert_true(!strncmp(err.text, name, strlen(name)));
        }
        free(work);
        spiral_loss_destroy(loss);
    }
}

#if COUNTS_ALLOCATIONS
static void test_no_allocation(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
        for (int tau = 0; tau < 2; tau++) {
            if (tau && kind != SPIRAL_LOSS_SPIRAL && !spiral__loss_is_quadratic((spiral_loss_kind)kind))
                continue;
            batch b = example((spiral_loss_kind)kind, 2, 20, 1);
            b.o.time_blur = tau;
            unsigned long before = allocations;
            spiral_loss *loss = make(&b.o, KEYS);
            assert_true(allocations == before + 1); /* the counter counts */
            void *work = room(spiral_loss_work_size_f64(loss, b.T));
            float *cells = calloc(4 * b.cells, sizeof *cells), *grad = cells + 3 * b.cells;
            for (size_t i = 0; i < b.cells; i++) {
                cells[i] = (float)b.pred[i], cells[b.cells + i] = (float)b.target[i];
                cells[2 * b.cells + i] = (float)b.weight[i];
            }
            spiral_strides s = rows_of(b.T, KEYS);
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
            assert_int_equal(status[0], SPIRAL_OK);
            assert_int_equal(status[1], SPIRAL_OK);
            free(cells);
            free(work);
            spiral_loss_destroy(loss);
            batch_free(&b);
        }
}
#endif

static void test_names(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++) {
        spiral_loss_kind found;
        assert_int_equal(
            spiral_loss_kind_from_name(spiral_loss_kind_name((spiral_loss_kind)kind), &found, NULL),
            SPIRAL_OK);
        assert_int_equal(found, kind);
    }
    assert_string_equal(spiral_loss_kind_name((spiral_loss_kind)99), "?");
    spiral_error err;
    spiral_loss_kind kind;
    assert_int_equal(spiral_loss_kind_from_name("mse", &kind, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text,
                        "loss \"mse\": not one of bce spiral energy gauss weighted_bce argmax_distance "
                        "argmax_distance_circular distance_mask distance_mask_circular");
    spiral_helix helix;
    assert_int_equal(spiral_helix_from_name("moebius", &helix, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "helix preset \"moebius\": not one of chromatic fifths tonnetz mixed");
}

/* D by interval 1 .. 6 (without height) times 1.3 / sqrt(sum of the shape's squared radii). */
static void test_presets(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double scale, D[6];
    } documented[] = {
        {"chromatic", 1.3, {0.5176, 1.0000, 1.4142, 1.7321, 1.9319, 2.0000}},
        {"fifths", 1.3, {1.9319, 1.0000, 1.4142, 1.7321, 0.5176, 2.0000}},
        {"tonnetz", 1.3 / 1.5, {2.5460, 2.3979, 2.0000, 1.9365, 1.7372, 2.8284}},
        {"mixed", 1.3, {1.4142, 1.0000, 1.4142, 1.7321, 1.4142, 2.0000}},
    };
    for (int i = 0; i < 4; i++) {
        spiral_helix helix;
        assert_int_equal(spiral_helix_from_name(documented[i].name, &helix, NULL), SPIRAL_OK);
        assert_int_equal(spiral_helix_check(&helix, NULL), SPIRAL_OK);
        double mean = 0;
        for (int d = 1; d <= 12; d++) {
            double square = pow(spiral_helix_distance(&helix, d), 2) - pow(helix.octave * d / 12, 2);
            mean += square / 12;
            if (d <= 6) assert_true(fabs(sqrt(square) - documented[i].scale * documented[i].D[d - 1]) < 2e-4);
            assert_true(spiral_helix_distance(&helix, -d) == spiral_helix_distance(&helix, d));
        }
        assert_true(fabs(mean - 2 * 1.3 * 1.3) < 1e-12);
        assert_true(spiral_helix_distance(&helix, 12) == helix.octave);
        assert_true(spiral_helix_distance(&helix, 0) == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(group07_no_such_geometry),
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_bad_cells),
        cmocka_unit_test(group10_limits_of_ranges),
        cmocka_unit_test(group10_not_a_number_is_named),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_presets),
#if COUNTS_ALLOCATIONS
        cmocka_unit_test(test_no_allocation),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
