/* SPDX-License-Identifier: MIT
 *
 * All options together: random settings, shapes and layouts, in both precisions, against the definition. The
 * seed is printed; SPIRAL_TEST_SEED=N in the environment sets another.
 */
#include <inttypes.h>

#include "harness.h"

enum { ROUNDS = VALGRIND ? 20 : SLOW ? 100 : 500 };

static double between(spiral__rng *r, double low, double high) { /* uniform on a logarithmic scale */
    return low * pow(high / low, spiral__rng_uniform(r));
}

static int one_in(spiral__rng *r, uint32_t n) { return spiral__rng_below(r, n) == 0; }

static spiral_helix draw_helix(spiral__rng *r) {
    spiral_helix h = preset((int)spiral__rng_below(r, PRESETS));
    if (one_in(r, 2)) return h;
    for (int m = 0; m < 6; m++) h.radii[m] = one_in(r, 2) ? between(r, 1e-2, 10) : 0;
    h.radii[spiral__rng_below(r, 6)] = between(r, 0.05, 5);
    h.octave = between(r, 0.02, 20);
    return h;
}

static spiral_loss_options draw_options(spiral__rng *r, int *P) {
    spiral_loss_options o = default_options();
    *P = one_in(r, 3) ? 1 + (int)spiral__rng_below(r, 128) : 1 + (int)spiral__rng_below(r, 40);
    o.kind = (spiral_loss_kind)spiral__rng_below(r, SPIRAL_LOSS_COUNT);
    o.lambda = one_in(r, 8) ? 0 : between(r, 1e-3, 100);
    o.bce = one_in(r, 3) ? 0 : between(r, 1e-3, 100);
    o.from_logits = one_in(r, 2);
    o.reduction = (spiral_reduction)spiral__rng_below(r, 4);
    o.low = (int)spiral__rng_below(r, (uint32_t)(129 - *P));
    o.helix = draw_helix(r);
    o.kl_offset = between(r, 1e-4, 1000);
    o.blur_length = between(r, 0.02, 50);
    o.blur_radius = one_in(r, 3) ? 1 + (int)spiral__rng_below(r, 127) : 1 + (int)spiral__rng_below(r, 36);
    o.sigma = between(r, 0.05, 5);
    if (is_geometric(o.kind) && one_in(r, 2)) o.time_blur = between(r, 0.05, 4);
    o.coil_radius = between(r, 0.1, 100), o.coil_rise = between(r, 0.1, 100);
    o.coil_degrees = between(r, 0.1, 100);
    o.eta = one_in(r, 4) ? 0 : 0.99 * spiral__rng_uniform(r);
    return o;
}

static void describe(const batch *b, uint64_t round, char *text, size_t size) {
    const spiral_loss_options *o = &b->o;
    snprintf(text, size,
             "round %" PRIu64 ": %s, lambda %g, bce %g, %s, reduction %d, octave %g, kl_offset %g, "
             "blur_length %g, blur_radius %d, sigma %g, "
             "tau %g, (%zu, %zu, %d), %s",
             round, spiral_loss_kind_name(o->kind), o->lambda, o->bce,
             o->from_logits ? "logits" : "probabilities", (int)o->reduction, o->helix.octave, o->kl_offset,
             o->blur_length, o->blur_radius, o->sigma, o->time_blur, b->B, b->T, b->P,
             b->weight ? "weights" : "all 1");
}

/* The strides of a layout: (B, T, P) or (B, P, T). */
static spiral_strides draw_layout(spiral__rng *r, size_t T, int P) {
    if (one_in(r, 2)) return contiguous(T, P);
    return (spiral_strides){(ptrdiff_t)T * P, 1, (ptrdiff_t)T};
}

static size_t place(const batch *b, spiral_strides s, size_t i) {
    size_t P = (size_t)b->P, t = i / P % b->T;
    return (size_t)((ptrdiff_t)(i / P / b->T) * s.b + (ptrdiff_t)t * s.t + (ptrdiff_t)(i % P) * s.p);
}

/* One call in each precision with arrays of layout s; results are returned in the batch's own order. The
 * inputs are representable as float, so both precisions get the same numbers. */
#define CALL(REAL, suffix)                                                                                 \
    static void call_##suffix##_at(const batch *b, spiral_strides s, double *values, double *grad) {       \
        spiral_loss *loss = create_loss(&b->o, b->P);                                                      \
        void *work = aligned_buffer(spiral_loss_work_size_##suffix(loss, b->T));                           \
        REAL *in = calloc(4 * b->cells, sizeof *in), *target = in + b->cells, *weight = target + b->cells; \
        REAL *out = weight + b->cells;                                                                     \
        for (size_t i = 0; i < b->cells; i++) {                                                            \
            size_t at = place(b, s, i);                                                                    \
            in[at] = (REAL)b->pred[i], target[at] = (REAL)b->target[i];                                    \
            if (b->weight) weight[at] = (REAL)b->weight[i];                                                \
        }                                                                                                  \
        spiral_error err = {0};                                                                            \
        if (spiral_loss_value_grad_##suffix(loss, b->B, b->T, in, s, target, s, b->weight ? weight : NULL, \
                                            s, values, grad ? out : NULL, s, work, &err))                  \
            fail_msg("%s", err.text);                                                                      \
        for (size_t i = 0; i < b->cells && grad; i++) grad[i] = (double)out[place(b, s, i)];               \
        free(work), free(in);                                                                              \
        spiral_loss_destroy(loss);                                                                         \
    }
CALL(float, f32)
CALL(double, f64)

static void round_to_float(batch *b) {
    for (size_t i = 0; i < b->cells; i++) {
        b->pred[i] = (double)(float)b->pred[i], b->target[i] = (double)(float)b->target[i];
        if (b->weight) b->weight[i] = (double)(float)b->weight[i];
    }
}

/* The definition's result, and the scales of differences: the largest gradient, and the sum of the absolute
 * values of the summands. */
typedef struct wanted {
    double value, top, size;
} wanted;

static wanted define(batch *b) {
    wanted w = {.value = call_ref(b)};
    for (size_t j = 0; j < b->B * b->T; j++) w.size += fabs(b->frames[j]);
    w.top = largest(b->grad, b->cells);
    if (b->o.reduction != SPIRAL_REDUCE_NONE) { /* frames are without the reduction, value with it */
        batch sum = *b;
        sum.o.reduction = SPIRAL_REDUCE_SUM;
        sum.grad = doubles(b->cells), sum.frames = doubles(b->B * b->T);
        double whole = call_ref(&sum);
        w.size = whole != 0 ? w.size * fabs(w.value / whole) : w.size;
        free(sum.grad), free(sum.frames);
    }
    return w;
}

typedef struct worst {
    double value, gradient;
} worst;

static void compare(const batch *b, const wanted *w, const double *values, const double *grad,
                    double value_bound, double grad_bound, worst *record, const char *text) {
    double sum = values[0];
    if (b->o.reduction == SPIRAL_REDUCE_NONE) {
        sum = 0;
        for (size_t j = 0; j < b->B * b->T; j++) {
            sum += values[j];
            if (!(fabs(values[j] - b->frames[j]) <= value_bound * w->size))
                fail_msg("%s: frame %zu is %.17g, definition %.17g", text, j, values[j], b->frames[j]);
        }
    }
    if (!(fabs(sum - w->value) <= value_bound * w->size))
        fail_msg("%s: value %.17g, definition %.17g", text, sum, w->value);
    if (w->size > 0) record->value = fmax(record->value, fabs(sum - w->value) / w->size);
    for (size_t i = 0; i < b->cells && grad; i++) {
        if (!(fabs(grad[i] - b->grad[i]) <= grad_bound * w->top))
            fail_msg("%s: gradient %zu is %.17g, definition %.17g", text, i, grad[i], b->grad[i]);
        if (w->top > 0) record->gradient = fmax(record->gradient, fabs(grad[i] - b->grad[i]) / w->top);
    }
}

static void random_options_equal_the_definition(void **state) {
    (void)state;
    const char *from = getenv("SPIRAL_TEST_SEED");
    const uint64_t seed = from ? strtoull(from, NULL, 10) : 20240;
    printf("# seed %" PRIu64 "\n", seed);
    worst worst_f64 = {0, 0}, worst_f32 = {0, 0}, channel_f64 = {0, 0}, channel_f32 = {0, 0};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        spiral__rng r = spiral__rng_init(seed, round);
        int P;
        spiral_loss_options o = draw_options(&r, &P);
        const size_t B = 1 + spiral__rng_below(&r, 3);
        const size_t T = 1 + spiral__rng_below(&r, o.time_blur > 0 ? 6 : 24);
        if (o.time_blur > 0 && P > 24) P = 1 + P % 24; /* the definition is slow */
        if (o.time_blur > 0 && o.blur_radius > 24) o.blur_radius = 1 + o.blur_radius % 24;
        batch b = batch_make(o, B, T, P, one_in(&r, 2));
        batch_fill(&b, spiral__rng_u64(&r), one_in(&r, 2), one_in(&r, 2) ? 0 : 0.01);
        round_to_float(&b);
        if (one_in(&r, 3)) /* saturated */
            for (size_t i = 0; i < b.cells && o.from_logits; i++)
                b.pred[i] = fmin(fmax(round % 2 ? 40 * b.pred[i] : 4 * b.pred[i], -100), 100);
        round_to_float(&b);
        char text[320];
        describe(&b, round, text, sizeof text);
        const int metric = spiral__loss_is_metric(o.lambda > 0 ? o.kind : SPIRAL_LOSS_BCE);
        const spiral_strides s = draw_layout(&r, T, P);
        double *values = doubles(B * T), *grad = doubles(b.cells);
        wanted w = define(&b);
        assert_true(isfinite(w.value) && isfinite(w.top));
        if (spiral_isa_set((const char *[]){NULL, "baseline", "avx2"}[round % 3], NULL))
            assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
        call_f64_at(&b, s, values, metric ? NULL : grad);
        /* Where nearly all keys sound, 1 - a of the channel has lost digits; test_channel.c has tight bounds
         * for all other frames. */
        const int channel = o.lambda > 0 && o.kind == SPIRAL_LOSS_CHANNEL;
        compare(&b, &w, values, metric ? NULL : grad, channel ? 1e-10 : 1e-12, channel ? 1e-9 : 1e-11,
                channel ? &channel_f64 : &worst_f64, text);
        call_f32_at(&b, s, values, metric ? NULL : grad);
        compare(&b, &w, values, metric ? NULL : grad, channel ? 1e-3 : 4e-6, channel ? 0.1 : 2e-5,
                channel ? &channel_f32 : &worst_f32, text);
        free(values), free(grad);
        batch_free(&b);
    }
    assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
    printf("# f64: value %.2g, gradient %.2g; f32: value %.2g, gradient %.2g\n", worst_f64.value,
           worst_f64.gradient, worst_f32.value, worst_f32.gradient);
    printf("# channel: f64: value %.2g, gradient %.2g; f32: value %.2g, gradient %.2g\n", channel_f64.value,
           channel_f64.gradient, channel_f32.value, channel_f32.gradient);
}

/* 1 to 128 keys, each kind, each layout. */
static void each_number_of_keys_equals_the_definition(void **state) {
    (void)state;
    worst unused = {0, 0};
    for (int P = 1; P <= 128; P++)
        for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++) {
            if (spiral__loss_is_metric((spiral_loss_kind)kind)) continue;
            spiral_loss_options o = default_options();
            o.kind = (spiral_loss_kind)kind;
            o.reduction = SPIRAL_REDUCE_NONE;
            o.blur_radius = 1 + (P * 7 + kind) % 40;
            batch b = batch_make(o, 1, 2, P, P & 1);
            batch_fill(&b, (uint64_t)P, P & 2, 0);
            round_to_float(&b);
            double values[2], *grad = doubles(b.cells);
            char text[320];
            describe(&b, 0, text, sizeof text);
            wanted w = define(&b);
            const spiral_strides s = P & 4 ? contiguous(2, P) : (spiral_strides){2 * P, 1, 2};
            call_f64_at(&b, s, values, grad);
            compare(&b, &w, values, grad, 1e-12, 1e-11, &unused, text);
            call_f32_at(&b, s, values, grad);
            compare(&b, &w, values, grad, 4e-6, 2e-5, &unused, text);
            free(grad);
            batch_free(&b);
        }
}

/* The ends of each option's range: results are finite. */
static void extreme_options_give_finite_results(void **state) {
    (void)state;
    static const double tiny = 1e-300;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
        for (int bits = 0; bits < 256; bits++) {
            spiral_loss_options o = default_options();
            o.kind = (spiral_loss_kind)kind;
            o.from_logits = bits & 1;
            o.lambda = bits & 2 ? 1e6 : 1e-6;
            o.kl_offset = bits & 4 ? 1e-6 : 1000;
            o.blur_length = bits & 8 ? tiny : 1000;
            o.sigma = bits & 8 ? tiny : 1000;
            o.blur_radius = bits & 16 ? 127 : 1;
            o.helix.octave = bits & 32 ? 1e-6 : 1000;
            o.helix.radii[0] = bits & 64 ? 1e-6 : 1000;
            if (is_geometric(o.kind) && bits & 128) o.time_blur = bits & 2 ? tiny : 3;
            batch b = batch_make(o, 1, 4, 13, bits & 4);
            batch_fill(&b, 1, bits & 1, 0);
            if (b.weight)
                for (size_t i = 0; i < b.cells; i++) b.weight[i] = i % 3 ? 1e6 : 0;
            const int metric = spiral__loss_is_metric(o.kind);
            double values[4], grad[4 * 13];
            for (int single = 0; single < 2; single++) {
                b.o.reduction = single ? SPIRAL_REDUCE_NONE : SPIRAL_REDUCE_MEAN;
                (single ? call_f32_at : call_f64_at)(&b, contiguous(4, 13), values, metric ? NULL : grad);
                char text[320];
                describe(&b, (uint64_t)bits, text, sizeof text);
                for (int j = 0; j < (single ? 4 : 1); j++)
                    if (!isfinite(values[j])) fail_msg("%s: value %g", text, values[j]);
                for (int i = 0; i < 4 * 13 && !metric; i++)
                    if (!isfinite(grad[i])) fail_msg("%s: gradient %g", text, grad[i]);
            }
            batch_free(&b);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_options_equal_the_definition),
        cmocka_unit_test(each_number_of_keys_equals_the_definition),
        cmocka_unit_test(extreme_options_give_finite_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
