/* SPDX-License-Identifier: MIT
 *
 * The contract of a call: refusals with their sentences, and no allocation. Batches: test_batch.c.
 */
#include "harness.h"

/* Counting allocations needs the C library's own allocator behind ours; a sanitizer brings its own. */
#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
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
    REFUSED(weight, -1, "loss option weight is -1: must be 0 to 1e+06");
    REFUSED(weight, NAN, "loss option weight is nan: must be 0 to 1e+06");
    REFUSED(bce, INFINITY, "loss option bce is inf: must be 0 to 1e+06");
    REFUSED(floor, 0, "loss option floor is 0: must be 1e-06 to 1000");
    REFUSED(blur, 0, "loss option blur is 0: must be above 0, at most 1000");
    REFUSED(reach, 0, "loss option reach is 0: must be 1 to 127");
    REFUSED(reach, 128, "loss option reach is 128: must be 1 to 127");
    REFUSED(sigma, -0.5, "loss option sigma is -0.5: must be above 0, at most 1000");
    REFUSED(time_columns, 101, "loss option time_columns is 101: must be 0 to 100");
    REFUSED(seed_radius, -10, "loss option seed_radius is -10: must be 0 to 1e+06");
    REFUSED(seed_octave, NAN, "loss option seed_octave is nan: must be 0 to 1e+06");
    REFUSED(seed_semitone, -30, "loss option seed_semitone is -30: must be 0 to 1e+06");
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
    o.time_columns = 3;
    refused(o, KEYS,
            "loss option time_columns is 3: must be 0 for the kind weighted_bce, which has no time blur");
    o.struct_size = 8;
    spiral_loss *loss;
    assert_int_equal(spiral_loss_create(&o, KEYS, &loss, NULL), SPIRAL_BAD_ARG);
    assert_int_equal(spiral_loss_create(NULL, KEYS, &loss, NULL), SPIRAL_BAD_ARG);
    assert_int_equal(spiral_loss_create(&o, KEYS, NULL, NULL), SPIRAL_BAD_ARG);
}

static void test_wrong_calls(void **state) {
    (void)state;
    batch b = example(SPIRAL_LOSS_SEED_HARD, 1, 2, 0);
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
         "loss call: seed_hard has no gradient: grad must be NULL");
    assert_int_equal(CALL(loss, 0, 2, p, t, &value, NULL, work), SPIRAL_BAD_ARG);
    assert_int_equal(CALL(loss, SIZE_MAX, 2, p, t, &value, NULL, work), SPIRAL_BAD_ARG);
    double table[3];
    SAYS(spiral_loss_table(loss, 3, table, table, &err), SPIRAL_UNSUPPORTED,
         "loss table: the kind seed_hard has no costs in missed notes, only spiral, energy and gauss");
    free(work);
    spiral_loss_destroy(loss);
    spiral_loss_destroy(NULL);
    batch_free(&b);
}

static void expect_bad(batch *b, const char *sentence) {
    for (int tau = 0; tau < 2; tau++) {
        b->o.time_columns = tau;
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

#if COUNTS_ALLOCATIONS
static void test_no_allocation(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
        for (int tau = 0; tau < 2; tau++) {
            if (tau && kind != SPIRAL_LOSS_SPIRAL && !spiral__loss_is_quadratic((spiral_loss_kind)kind))
                continue;
            batch b = example((spiral_loss_kind)kind, 2, 20, 1);
            b.o.time_columns = tau;
            unsigned long before = allocations;
            spiral_loss *loss = make(&b.o, KEYS);
            assert_true(allocations == before + 1); /* the counter counts */
            void *work = room(spiral_loss_work_size_f64(loss, b.T));
            spiral_strides s = rows_of(b.T, KEYS);
            double value;
            before = allocations;
            spiral_status status = spiral_loss_value_grad_f64(
                loss, b.B, b.T, b.pred, s, b.target, s, b.weight, s, &value,
                spiral__loss_is_metric((spiral_loss_kind)kind) ? NULL : b.grad, s, work, NULL);
            assert_true(allocations == before);
            assert_int_equal(status, SPIRAL_OK);
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
    assert_string_equal(err.text, "loss \"mse\": not one of bce spiral energy gauss weighted_bce seed_hard "
                                  "seed_hard_circular seed_mask seed_mask_circular");
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
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_bad_cells),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_presets),
#if COUNTS_ALLOCATIONS
        cmocka_unit_test(test_no_allocation),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
