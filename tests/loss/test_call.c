/* SPDX-License-Identifier: MIT
 *
 * The contract of a call: strides, aliasing, reductions, the same bits however a batch is cut, refusals with
 * their sentences, and no allocation.
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

enum { KEYS = 36 };

static batch example(spiral_loss_kind kind, size_t B, size_t T, int weighted) {
    spiral_loss_options o = spiral_loss_options_default();
    o.kind = kind;
    batch b = batch_make(o, B, T, KEYS, weighted);
    batch_fill(&b, 77, 1, 0);
    return b;
}

/* b's call in f32 through explicit strides; arrays hold room cells. */
typedef struct layout {
    spiral_strides at;
    size_t room;
    ptrdiff_t origin;
} layout;

static void spread(const batch *b, const layout *l, const double *from, float *to) {
    for (size_t i = 0; i < b->B; i++)
        for (size_t j = 0; j < b->T; j++)
            for (int p = 0; p < b->P; p++)
                to[l->origin + (ptrdiff_t)i * l->at.b + (ptrdiff_t)j * l->at.t + p * l->at.p] =
                    (float)from[(i * b->T + j) * (size_t)b->P + (size_t)p];
}

static void test_strides(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
        for (int weighted = 0; weighted < 2; weighted++) {
            if (spiral__loss_is_metric((spiral_loss_kind)kind)) continue;
            const ptrdiff_t B = 3, T = 37, P = KEYS;
            batch b = example((spiral_loss_kind)kind, (size_t)B, (size_t)T, weighted);
            spiral_loss *loss = make(&b.o, KEYS);
            void *work = room(spiral_loss_work_size_f32(loss, b.T));
            float *plain = calloc(b.cells, sizeof *plain);
            double value = 0, other = 0;
            const layout layouts[] = {
                {{T * P, P, 1}, b.cells, 0},
                {{P * T, 1, T}, b.cells, 0},                         /* the seed's (B, P, T) */
                {{P, B * P, 1}, b.cells, 0},                         /* (T, B, P) */
                {{2 * T * P + 5, 2 * P, 2}, 3 * (2 * T * P + 5), 0}, /* every other cell */
                {{T * P, -P, -1}, b.cells, T * P - 1},               /* backwards */
            };
            for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
                const layout *at = &layouts[l];
                float *pred = calloc(4 * at->room, sizeof *pred), *target = pred + at->room;
                float *weight = target + at->room, *grad = weight + at->room;
                spread(&b, at, b.pred, pred);
                spread(&b, at, b.target, target);
                if (weighted) spread(&b, at, b.weight, weight);
                assert_int_equal(
                    spiral_loss_value_grad_f32(loss, b.B, b.T, pred + at->origin, at->at, target + at->origin,
                                               at->at, weighted ? weight + at->origin : NULL, at->at,
                                               l ? &other : &value, grad + at->origin, at->at, work, NULL),
                    SPIRAL_OK);
                if (l) assert_true(value == other);
                for (size_t i = 0; i < b.cells; i++) {
                    ptrdiff_t t = (ptrdiff_t)i / P, p = (ptrdiff_t)i % P;
                    float g = grad[at->origin + t / T * at->at.b + t % T * at->at.t + p * at->at.p];
                    if (l)
                        assert_memory_equal(&g, &plain[i], sizeof g);
                    else
                        plain[i] = g;
                }
                if (l == 3) /* cells between belong to someone else */
                    for (size_t i = 1; i < (size_t)(2 * T * P); i += 2) assert_true(grad[i] == 0);
                free(pred);
            }
            free(work), free(plain);
            spiral_loss_destroy(loss);
            batch_free(&b);
        }
}

/* Gradients over the prediction's own memory; a weight per column or per key by strides of 0. */
static void test_alias_and_broadcast(void **state) {
    (void)state;
    for (int tau = 0; tau < 2; tau++) {
        batch b = example(SPIRAL_LOSS_SPIRAL, 2, 19, 1);
        b.o.time_columns = tau;
        for (size_t i = 0; i < b.cells; i++) b.weight[i] = (double)(i / KEYS % 3);
        double *grad = calloc(b.cells, sizeof *grad), per_column[2 * 19], value,
               wanted = call_f64(&b, NULL, grad);
        for (int j = 0; j < 2 * 19; j++) per_column[j] = j % 3;
        spiral_loss *loss = make(&b.o, KEYS);
        void *work = room(spiral_loss_work_size_f64(loss, b.T));
        spiral_strides s = rows_of(b.T, KEYS);
        assert_int_equal(spiral_loss_value_grad_f64(loss, b.B, b.T, b.pred, s, b.target, s, per_column,
                                                    (spiral_strides){19, 1, 0}, &value, b.pred, s, work,
                                                    NULL),
                         SPIRAL_OK);
        assert_true(value == wanted);
        assert_memory_equal(b.pred, grad, b.cells * sizeof *grad);
        free(grad), free(work);
        spiral_loss_destroy(loss);
        batch_free(&b);
    }
}

/* Roll by roll, and for kinds without time blur column by column, the same bits. */
static void test_batch_split(void **state) {
    (void)state;
    for (int isa = 0; isa < 3; isa++) {
        if (spiral_isa_set((const char *[]){"baseline", "avx2", "avx512"}[isa], NULL)) continue;
        for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
            for (int mixture = 0; mixture < 4; mixture++) {
                const int metric = spiral__loss_is_metric((spiral_loss_kind)kind);
                const int blurred = mixture & 2 && (kind == SPIRAL_LOSS_SPIRAL ||
                                                    spiral__loss_is_quadratic((spiral_loss_kind)kind));
                batch b = example((spiral_loss_kind)kind, 5, 11, mixture & 1);
                b.o.reduction = SPIRAL_REDUCE_NONE;
                b.o.time_columns = blurred ? 2 : 0;
                spiral_loss *loss = make(&b.o, KEYS);
                void *work = room(spiral_loss_work_size_f32(loss, b.T));
                float *cells = calloc(5 * b.cells, sizeof *cells), *target = cells + b.cells;
                float *weight = target + b.cells, *whole = weight + b.cells, *parts = whole + b.cells;
                double values[55], split[55];
                for (size_t i = 0; i < b.cells; i++) {
                    cells[i] = (float)b.pred[i], target[i] = (float)b.target[i];
                    if (b.weight) weight[i] = (float)b.weight[i];
                }
                spiral_strides s = rows_of(11, KEYS);
                assert_int_equal(spiral_loss_value_grad_f32(loss, 5, 11, cells, s, target, s,
                                                            b.weight ? weight : NULL, s, values,
                                                            metric ? NULL : whole, s, work, NULL),
                                 SPIRAL_OK);
                const size_t step = blurred ? 11 : 1;
                for (size_t j = 0; j < 55; j += step) {
                    size_t at = j * KEYS;
                    assert_int_equal(spiral_loss_value_grad_f32(loss, 1, step, cells + at, s, target + at, s,
                                                                b.weight ? weight + at : NULL, s, split + j,
                                                                metric ? NULL : parts + at, s, work, NULL),
                                     SPIRAL_OK);
                }
                assert_memory_equal(values, split, sizeof values);
                assert_memory_equal(whole, parts, b.cells * sizeof *whole);
                free(work), free(cells);
                spiral_loss_destroy(loss);
                batch_free(&b);
            }
    }
    assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
}

static void test_reductions(void **state) {
    (void)state;
    for (int tau = 0; tau < 2; tau++)
        for (int weighted = 0; weighted < 2; weighted++) {
            batch b = example(SPIRAL_LOSS_SPIRAL, 3, 10, weighted);
            b.o.time_columns = tau;
            double *sum_grad = calloc(b.cells, sizeof(double)), *grad = calloc(b.cells, sizeof(double));
            double columns[30], notes = 0, counted = 0;
            for (size_t j = 0; j < 30; j++) {
                int any = !weighted;
                for (size_t p = 0; p < KEYS; p++) {
                    double w = weighted ? b.weight[j * KEYS + p] : 1;
                    any |= w > 0;
                    notes += w * b.target[j * KEYS + p];
                }
                counted += any;
            }
            assert_true(notes > 1 && (weighted ? counted < 30 : counted == 30));
            b.o.reduction = SPIRAL_REDUCE_SUM;
            double sum = call_f64(&b, NULL, sum_grad);
            const struct {
                spiral_reduction how;
                double by;
            } each[] = {
                {SPIRAL_REDUCE_NONE, 1}, {SPIRAL_REDUCE_MEAN, counted}, {SPIRAL_REDUCE_PER_NOTE, notes}};
            for (int i = 0; i < 3; i++) {
                b.o.reduction = each[i].how;
                assert_true(fabs(call_f64(&b, columns, grad) * each[i].by - sum) < 1e-12 * sum);
                for (size_t c = 0; c < b.cells; c++)
                    assert_true(fabs(grad[c] * each[i].by - sum_grad[c]) < 1e-12 * (1 + fabs(sum_grad[c])));
            }
            free(sum_grad), free(grad);
            batch_free(&b);
        }
    /* Nothing counts: the value is 0, not 0/0. Silence has no notes: the sum is divided by 1. */
    batch b = example(SPIRAL_LOSS_SPIRAL, 1, 4, 1);
    memset(b.weight, 0, b.cells * sizeof(double));
    double grad[4 * KEYS];
    assert_true(call_f64(&b, NULL, grad) == 0);
    for (int i = 0; i < 4 * KEYS; i++) assert_true(grad[i] == 0);
    free(b.weight);
    b.weight = NULL;
    memset(b.target, 0, b.cells * sizeof(double));
    b.o.reduction = SPIRAL_REDUCE_SUM;
    double sum = call_f64(&b, NULL, NULL);
    b.o.reduction = SPIRAL_REDUCE_PER_NOTE;
    assert_true(call_f64(&b, NULL, NULL) == sum);
    batch_free(&b);
}

/* A masked cell has no say: whatever stands in it, all else stays, and its own gradient is 0. */
static void test_masked_cells(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++) {
        if (spiral__loss_is_metric((spiral_loss_kind)kind)) continue;
        batch b = example((spiral_loss_kind)kind, 2, 9, 1);
        double *one = calloc(b.cells, sizeof(double)), *two = calloc(b.cells, sizeof(double));
        double before = call_f64(&b, NULL, one);
        for (size_t i = 0; i < b.cells; i++)
            if (b.weight[i] == 0) b.pred[i] = 5 - b.pred[i], b.target[i] = 1 - b.target[i];
        assert_true(call_f64(&b, NULL, two) == before);
        for (size_t i = 0; i < b.cells; i++) {
            assert_true(one[i] == two[i]);
            if (b.weight[i] == 0) assert_true(one[i] == 0);
        }
        free(one), free(two);
        batch_free(&b);
    }
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
    REFUSED(helix.radii[0], 0, "helix radii are all 0: at least one must be above 0");
    REFUSED(helix.radii[4], -1, "helix radii[4] is -1: must be 0 to 1000");
    REFUSED(helix.octave, 0, "helix octave is 0: must be above 0, at most 1000");
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
    } presets[] = {
        {"chromatic", 1.3, {0.5176, 1.0000, 1.4142, 1.7321, 1.9319, 2.0000}},
        {"fifths", 1.3, {1.9319, 1.0000, 1.4142, 1.7321, 0.5176, 2.0000}},
        {"tonnetz", 1.3 / 1.5, {2.5460, 2.3979, 2.0000, 1.9365, 1.7372, 2.8284}},
        {"mixed", 1.3, {1.4142, 1.0000, 1.4142, 1.7321, 1.4142, 2.0000}},
    };
    for (int i = 0; i < 4; i++) {
        spiral_helix helix;
        assert_int_equal(spiral_helix_from_name(presets[i].name, &helix, NULL), SPIRAL_OK);
        assert_int_equal(spiral_helix_check(&helix, NULL), SPIRAL_OK);
        double mean = 0;
        for (int d = 1; d <= 12; d++) {
            double square = pow(spiral_helix_distance(&helix, d), 2) - pow(helix.octave * d / 12, 2);
            mean += square / 12;
            if (d <= 6) assert_true(fabs(sqrt(square) - presets[i].scale * presets[i].D[d - 1]) < 2e-4);
            assert_true(spiral_helix_distance(&helix, -d) == spiral_helix_distance(&helix, d));
        }
        assert_true(fabs(mean - 2 * 1.3 * 1.3) < 1e-12);
        assert_true(spiral_helix_distance(&helix, 12) == helix.octave);
        assert_true(spiral_helix_distance(&helix, 0) == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strides),
        cmocka_unit_test(test_alias_and_broadcast),
        cmocka_unit_test(test_batch_split),
        cmocka_unit_test(test_reductions),
        cmocka_unit_test(test_masked_cells),
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
