/* SPDX-License-Identifier: MIT
 *
 * Batches: strides, aliasing, order, and division among calls and threads do not change any bit; cells of
 * weight 0 have no effect; reductions are multiples of the sum.
 */
#include <pthread.h>

#include "harness.h"

/* Where the cells of an array of `size` floats are; cell (0, 0, 0) is at `origin`. */
typedef struct layout {
    spiral_strides at;
    size_t size;
    ptrdiff_t origin;
} layout;

static void spread(const batch *b, const layout *l, const double *from, float *to) {
    for (size_t i = 0; i < b->B; i++)
        for (size_t j = 0; j < b->T; j++)
            for (int p = 0; p < b->P; p++)
                to[l->origin + (ptrdiff_t)i * l->at.b + (ptrdiff_t)j * l->at.t + p * l->at.p] =
                    (float)from[(i * b->T + j) * (size_t)b->P + (size_t)p];
}

static void strides_change_no_bit(void **state) {
    (void)state;
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
        for (int weighted = 0; weighted < 2; weighted++) {
            if (spiral__loss_is_metric((spiral_loss_kind)kind)) continue;
            const ptrdiff_t B = 3, T = 37, P = KEYS;
            batch b = example((spiral_loss_kind)kind, (size_t)B, (size_t)T, weighted);
            spiral_loss *loss = create_loss(&b.o, KEYS);
            void *work = aligned_buffer(spiral_loss_work_size_f32(loss, b.T));
            float *plain = calloc(b.cells, sizeof *plain);
            double value = 0, other = 0;
            const layout layouts[] = {
                {{T * P, P, 1}, b.cells, 0},
                {{P * T, 1, T}, b.cells, 0},                         /* (B, P, T) */
                {{P, B * P, 1}, b.cells, 0},                         /* (T, B, P) */
                {{2 * T * P + 5, 2 * P, 2}, 3 * (2 * T * P + 5), 0}, /* every other cell */
                {{T * P, -P, -1}, b.cells, T * P - 1},               /* backwards */
            };
            for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
                const layout *at = &layouts[l];
                float *pred = calloc(4 * at->size, sizeof *pred), *target = pred + at->size;
                float *weight = target + at->size, *grad = weight + at->size;
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
                if (l == 3) /* the cells between are not written */
                    for (size_t i = 1; i < (size_t)(2 * T * P); i += 2) assert_true(grad[i] == 0);
                free(pred);
            }
            free(work), free(plain);
            spiral_loss_destroy(loss);
            batch_free(&b);
        }
}

/* The gradient is written over the predictions; one weight per frame by a stride of 0. */
static void gradient_may_replace_pred_and_weights_may_repeat(void **state) {
    (void)state;
    for (int tau = 0; tau < 2; tau++) {
        batch b = example(SPIRAL_LOSS_SPIRAL, 2, 19, 1);
        b.o.time_blur = tau;
        for (size_t i = 0; i < b.cells; i++) b.weight[i] = (double)(i / KEYS % 3);
        double *grad = calloc(b.cells, sizeof *grad), per_frame[2 * 19], value,
               wanted = call_f64(&b, NULL, grad);
        for (int j = 0; j < 2 * 19; j++) per_frame[j] = j % 3;
        spiral_loss *loss = create_loss(&b.o, KEYS);
        void *work = aligned_buffer(spiral_loss_work_size_f64(loss, b.T));
        spiral_strides s = contiguous(b.T, KEYS);
        assert_int_equal(spiral_loss_value_grad_f64(loss, b.B, b.T, b.pred, s, b.target, s, per_frame,
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

/* Values and gradients of `count` rolls of T frames from roll `first` on; cells are pred, target, weight. */
#define CALL_PART(REAL, suffix)                                                                              \
    static void call_part_##suffix(const spiral_loss *loss, const batch *b, const REAL *cells, size_t first, \
                                   size_t count, size_t T, double *values, REAL *grad, void *work) {         \
        const spiral_strides s = contiguous(T, KEYS);                                                        \
        const size_t at = first * T * KEYS;                                                                  \
        assert_int_equal(spiral_loss_value_grad_##suffix(                                                    \
                             loss, count, T, cells + at, s, cells + b->cells + at, s,                        \
                             b->weight ? cells + 2 * b->cells + at : NULL, s, values + first * T,            \
                             spiral__loss_is_metric(b->o.kind) ? NULL : grad + at, s, work, NULL),           \
                         SPIRAL_OK);                                                                         \
    }                                                                                                        \
    /* A batch as one call, then cut at random into calls of 1 to `most` rolls of T frames each. */          \
    static void check_cuts_##suffix(const batch *b, size_t T, size_t most, spiral__rng *r) {                 \
        const size_t rolls = b->B * b->T / T;                                                                \
        spiral_loss *loss = create_loss(&b->o, KEYS);                                                        \
        void *work = aligned_buffer(spiral_loss_work_size_##suffix(loss, b->T));                             \
        REAL *cells = calloc(5 * b->cells, sizeof *cells), *whole = cells + 3 * b->cells,                    \
             *parts = whole + b->cells;                                                                      \
        double *values = doubles(b->B * b->T), *split = doubles(b->B * b->T);                                \
        for (size_t i = 0; i < b->cells; i++) {                                                              \
            cells[i] = (REAL)b->pred[i], cells[b->cells + i] = (REAL)b->target[i];                           \
            if (b->weight) cells[2 * b->cells + i] = (REAL)b->weight[i];                                     \
        }                                                                                                    \
        call_part_##suffix(loss, b, cells, 0, b->B, b->T, values, whole, work);                              \
        for (size_t first = 0, count; first < rolls; first += count) {                                       \
            count = 1 + spiral__rng_below(r, (uint32_t)most);                                                \
            if (count > rolls - first) count = rolls - first;                                                \
            call_part_##suffix(loss, b, cells, first, count, T, split, parts, work);                         \
        }                                                                                                    \
        assert_memory_equal(values, split, b->B * b->T * sizeof *values);                                    \
        assert_memory_equal(whole, parts, b->cells * sizeof *whole);                                         \
        free(work), free(cells), free(values), free(split);                                                  \
        spiral_loss_destroy(loss);                                                                           \
    }
CALL_PART(float, f32)
CALL_PART(double, f64)

/* A batch may be divided between any two rolls, and for kinds without a time blur between any two frames: the
 * bits are the same, with calls of one frame to a few tiles. */
static void cutting_a_batch_changes_no_bit(void **state) {
    (void)state;
    spiral__rng r = spiral__rng_init(31, 0);
    for (int isa = 0; isa < ISAS; isa++) {
        if (spiral_isa_set(isas[isa], NULL)) continue;
        for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
            for (int mixture = 0; mixture < 4; mixture++) {
                const int blurred = mixture & 2 && is_geometric((spiral_loss_kind)kind);
                batch b = example((spiral_loss_kind)kind, 13, 11, mixture & 1);
                b.o.reduction = SPIRAL_REDUCE_NONE;
                b.o.time_blur = blurred ? 2 : 0;
                for (size_t most = 1; most <= 64; most *= 4) {
                    check_cuts_f32(&b, blurred ? b.T : 1, most, &r);
                    check_cuts_f64(&b, blurred ? b.T : 1, most, &r);
                }
                batch_free(&b);
            }
    }
    assert_int_equal(spiral_isa_set(NULL, NULL), SPIRAL_OK);
}

static void reductions_are_multiples_of_the_sum(void **state) {
    (void)state;
    for (int tau = 0; tau < 2; tau++)
        for (int weighted = 0; weighted < 2; weighted++) {
            batch b = example(SPIRAL_LOSS_SPIRAL, 3, 10, weighted);
            b.o.time_blur = tau;
            double *sum_grad = calloc(b.cells, sizeof(double)), *grad = calloc(b.cells, sizeof(double));
            double frames[30], notes = 0, counted = 0;
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
                assert_true(fabs(call_f64(&b, frames, grad) * each[i].by - sum) < 1e-12 * sum);
                for (size_t c = 0; c < b.cells; c++)
                    assert_true(fabs(grad[c] * each[i].by - sum_grad[c]) < 1e-12 * (1 + fabs(sum_grad[c])));
            }
            free(sum_grad), free(grad);
            batch_free(&b);
        }
    /* If no frame counts, the value is 0, not 0/0. Without notes the sum is divided by 1. */
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

/* Puts numbers into the cells of weight 0. */
static void fill_left_out(batch *b, double pred, double target) {
    for (size_t i = 0; i < b->cells; i++)
        if (b->weight[i] == 0) b->pred[i] = pred, b->target[i] = target;
}

/* The content of a cell of weight 0 changes neither the value nor any gradient, even if it would be refused
 * elsewhere, and its own gradient is 0: in double precision, in single precision, and in the definition. */
static void cells_of_weight_0_have_no_effect(void **state) {
    (void)state;
    static const double fill[][2] = {{5, 1}, {NAN, NAN}, {INFINITY, -100}, {-1e30, INFINITY}, {0.5, 64}};
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
        for (int i = 0; i < 3 * 2 * 5; i++) {
            batch b = example((spiral_loss_kind)kind, 2, 9, 1);
            if (spiral__loss_is_metric(b.o.kind)) {
                batch_free(&b);
                continue;
            }
            b.o.reduction =
                (spiral_reduction[]){SPIRAL_REDUCE_SUM, SPIRAL_REDUCE_MEAN, SPIRAL_REDUCE_PER_NOTE}[i % 3];
            b.o.from_logits = i / 3 % 2;
            batch_fill(&b, 5, 1, 0);
            double *one = doubles(b.cells), *two = doubles(b.cells);
            float *grad_one = calloc(b.cells, sizeof *grad_one),
                  *grad_two = calloc(b.cells, sizeof *grad_two);
            const double before = call_f64(&b, NULL, one), defined = call_ref(&b);
            batch single = b;
            single.o.reduction = SPIRAL_REDUCE_NONE;
            const double before_single = call_f32(&single, grad_one);
            fill_left_out(&b, fill[i / 6][0], fill[i / 6][1]);
            assert_true(call_f64(&b, NULL, two) == before);
            assert_true(call_ref(&b) == defined);
            assert_true(call_f32(&single, grad_two) == before_single);
            assert_memory_equal(one, two, b.cells * sizeof *one);
            assert_memory_equal(grad_one, grad_two, b.cells * sizeof *grad_one);
            for (size_t k = 0; k < b.cells; k++)
                if (b.weight[k] == 0) assert_true(one[k] == 0 && grad_one[k] == 0 && b.grad[k] == 0);
            free(one), free(two), free(grad_one), free(grad_two);
            batch_free(&b);
        }
}

/* Rolls in another order (without a time blur also frames) give the same bits, in that order. */
static void permuting_rolls_permutes_results(void **state) {
    (void)state;
    enum { B = 7, T = 9, FRAMES = B * T };
    for (int kind = 0; kind < SPIRAL_LOSS_COUNT; kind++)
        for (int tau = 0; tau < 2; tau++) {
            if (spiral__loss_is_metric((spiral_loss_kind)kind)) continue;
            if (tau && !is_geometric((spiral_loss_kind)kind)) continue;
            batch a = example((spiral_loss_kind)kind, B, T, 1), b = example((spiral_loss_kind)kind, B, T, 1);
            a.o.reduction = b.o.reduction = SPIRAL_REDUCE_NONE;
            a.o.time_blur = b.o.time_blur = tau;
            size_t from[FRAMES]; /* blocks of `run` frames stay together */
            const size_t run = tau ? T : 1;
            spiral__rng r = spiral__rng_init(5, (uint64_t)kind);
            for (size_t i = 0; i < FRAMES / run; i++) from[i] = i;
            for (size_t i = FRAMES / run; i > 1; i--) {
                size_t j = spiral__rng_below(&r, (uint32_t)i), swap = from[j];
                from[j] = from[i - 1], from[i - 1] = swap;
            }
            const size_t cells = run * KEYS, bytes = cells * sizeof(double);
            for (size_t i = 0; i < FRAMES / run; i++) {
                memcpy(b.pred + i * cells, a.pred + from[i] * cells, bytes);
                memcpy(b.target + i * cells, a.target + from[i] * cells, bytes);
                memcpy(b.weight + i * cells, a.weight + from[i] * cells, bytes);
            }
            double va[FRAMES], vb[FRAMES];
            call_f64(&a, va, a.grad);
            call_f64(&b, vb, b.grad);
            for (size_t i = 0; i < FRAMES / run; i++) {
                assert_memory_equal(vb + i * run, va + from[i] * run, run * sizeof *va);
                assert_memory_equal(b.grad + i * cells, a.grad + from[i] * cells, bytes);
            }
            batch_free(&a), batch_free(&b);
        }
}

/* Threads that share a loss and compute their parts of a batch repeatedly give the bits of one call. */
typedef struct part {
    const spiral_loss *loss;
    const batch *b;
    size_t first, rolls;
    double *values, *grad;
    void *work;
    spiral_status status;
} part;

static void *run_part(void *context) {
    part *p = context;
    const size_t at = p->first * p->b->T * KEYS;
    spiral_strides s = contiguous(p->b->T, KEYS);
    for (int again = 0; again < 20 && !p->status; again++)
        p->status = spiral_loss_value_grad_f64(
            p->loss, p->rolls, p->b->T, p->b->pred + at, s, p->b->target + at, s, p->b->weight + at, s,
            p->values + p->first * p->b->T, p->grad + at, s, p->work, NULL);
    return NULL;
}

static void threads_share_one_loss(void **state) {
    (void)state;
    enum { THREADS = 4, B = 13, T = 17 };
    for (int kind = SPIRAL_LOSS_BCE; kind <= SPIRAL_LOSS_WEIGHTED_BCE; kind++) {
        batch b = example((spiral_loss_kind)kind, B, T, 1);
        b.o.reduction = SPIRAL_REDUCE_NONE;
        b.o.time_blur = is_geometric((spiral_loss_kind)kind) ? 1.5 : 0;
        double *values = doubles(B * T), *grad = doubles(b.cells);
        call_f64(&b, b.frames, b.grad);
        spiral_loss *loss = create_loss(&b.o, KEYS);
        part parts[THREADS];
        pthread_t threads[THREADS];
        for (size_t i = 0, first = 0; i < THREADS; first += parts[i++].rolls) {
            size_t rolls = (B - first) / (THREADS - i);
            parts[i] = (part){
                loss, &b, first, rolls, values, grad, aligned_buffer(spiral_loss_work_size_f64(loss, T)), 0};
            assert_int_equal(pthread_create(&threads[i], NULL, run_part, &parts[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(parts[i].status, SPIRAL_OK);
            free(parts[i].work);
        }
        assert_memory_equal(values, b.frames, B * T * sizeof *values);
        assert_memory_equal(grad, b.grad, b.cells * sizeof *grad);
        spiral_loss_destroy(loss);
        free(values), free(grad);
        batch_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strides_change_no_bit),
        cmocka_unit_test(gradient_may_replace_pred_and_weights_may_repeat),
        cmocka_unit_test(cutting_a_batch_changes_no_bit),
        cmocka_unit_test(permuting_rolls_permutes_results),
        cmocka_unit_test(threads_share_one_loss),
        cmocka_unit_test(reductions_are_multiples_of_the_sum),
        cmocka_unit_test(cells_of_weight_0_have_no_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
