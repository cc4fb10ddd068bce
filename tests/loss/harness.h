/* SPDX-License-Identifier: MIT
 *
 * What the tests of the losses share: a batch with its reference result, random rolls, and one call that
 * owns its work buffer.
 */
#ifndef SPIRAL_TESTS_LOSS_HARNESS_H
#define SPIRAL_TESTS_LOSS_HARNESS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "loss/plan.h"
#include "loss/ref.h"
#include "spiral/spiral.h"

/* Code that a sanitizer instruments is slow, and its allocator is not the C library's. */
#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* So is what an emulator runs (tools/aarch64.ini). */
#if SANITIZED || defined(SPIRAL_TEST_EMULATED)
#define SLOW 1
#else
#define SLOW 0
#endif

static inline spiral_loss *make(const spiral_loss_options *o, int P) {
    spiral_loss *loss = NULL;
    spiral_error err = {0};
    if (spiral_loss_create(o, P, &loss, &err)) fail_msg("%s", err.text);
    return loss;
}

/* MIDI numbers of the keyboard of most tests, the seed's: C3 to B5. */
enum { LOW = 48, KEYS = 36, B3 = 59, C4 = 60, CIS4 = 61, FIS4 = 66, C5 = 72 };

static inline spiral_loss_options alone(spiral_loss_kind kind) { /* the kind on probabilities, nothing else */
    spiral_loss_options o = spiral_loss_options_default();
    o.kind = kind;
    o.bce = 0;
    o.from_logits = 0;
    o.low = LOW;
    o.reduction = SPIRAL_REDUCE_SUM;
    return o;
}

/* The kinds whose values are in missed notes: convex, proper, with a time blur. */
enum { GEOMETRIC = 3 };
static const spiral_loss_kind geometric[GEOMETRIC] = {SPIRAL_LOSS_SPIRAL, SPIRAL_LOSS_ENERGY,
                                                      SPIRAL_LOSS_GAUSS};

static inline int is_geometric(spiral_loss_kind kind) {
    return kind == SPIRAL_LOSS_SPIRAL || kind == SPIRAL_LOSS_ENERGY || kind == SPIRAL_LOSS_GAUSS;
}

static const char *const presets[] = {"chromatic", "fifths", "tonnetz", "mixed"};
enum { PRESETS = 4 };

static inline spiral_helix preset(int i) {
    spiral_helix helix;
    assert_int_equal(spiral_helix_from_name(presets[i], &helix, NULL), SPIRAL_OK);
    return helix;
}

static inline double most(const double *x, size_t n) {
    double m = 0;
    for (size_t i = 0; i < n; i++) m = fmax(m, fabs(x[i]));
    return m;
}

static inline double dot(const double *x, const double *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static inline double *doubles(size_t n) {
    double *x = calloc(n, sizeof *x);
    assert_non_null(x);
    return x;
}

static inline void *room(size_t bytes) {
    void *at = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(at);
    return at;
}

static inline spiral_strides rows_of(size_t T, int P) { /* (B, T, P) */
    return (spiral_strides){(ptrdiff_t)T * P, P, 1};
}

/* A batch of B rolls, contiguous (B, T, P), and where the results of a call go. */
typedef struct batch {
    spiral_loss_options o;
    int P;
    size_t B, T, cells;
    double *pred, *target, *weight; /* weight may be NULL */
    double *columns, *grad;
} batch;

static inline batch batch_make(spiral_loss_options o, size_t B, size_t T, int P, int weighted) {
    batch b = {.o = o, .P = P, .B = B, .T = T, .cells = B * T * (size_t)P};
    b.pred = calloc(b.cells, sizeof(double));
    b.target = calloc(b.cells, sizeof(double));
    b.weight = weighted ? calloc(b.cells, sizeof(double)) : NULL;
    b.columns = calloc(B * T, sizeof(double));
    b.grad = calloc(b.cells, sizeof(double));
    return b;
}

static inline void batch_free(batch *b) {
    free(b->pred), free(b->target), free(b->weight), free(b->columns), free(b->grad);
}

/* Columns of every sort: silent, one note, chords, dense; binary or soft targets; some cells and some whole
 * columns of weight 0. Probabilities come within (margin, 1 - margin). */
static inline void batch_fill(batch *b, uint64_t seed, int soft, double margin) {
    spiral__rng r = spiral__rng_init(seed, 0);
    for (size_t j = 0; j < b->B * b->T; j++) {
        const double density = (double[]){0, 1.0 / b->P, 0.15, 0.6}[spiral__rng_below(&r, 4)];
        const int masked = spiral__rng_below(&r, 5) == 0;
        for (int p = 0; p < b->P; p++) {
            size_t i = j * (size_t)b->P + (size_t)p;
            int on = spiral__rng_uniform(&r) < density;
            b->target[i] = on ? (soft ? spiral__rng_uniform(&r) : 1) : 0;
            double z = 2.5 * spiral__rng_normal(&r) - 1.5 + 2 * on, y = 1 / (1 + exp(-z));
            b->pred[i] = b->o.from_logits ? z : margin + (1 - 2 * margin) * y;
            if (b->weight)
                b->weight[i] = masked || spiral__rng_below(&r, 6) == 0 ? 0 : 2 * spiral__rng_uniform(&r);
        }
    }
}

/* The library's value; grad may be NULL. columns gets the values of REDUCE_NONE. */
static inline double call_f64(const batch *b, double *columns, double *grad) {
    spiral_loss *loss = make(&b->o, b->P);
    void *work = room(spiral_loss_work_size_f64(loss, b->T));
    spiral_strides s = rows_of(b->T, b->P);
    double value = 0, sum = 0;
    spiral_error err = {0};
    double *to = b->o.reduction == SPIRAL_REDUCE_NONE ? columns : &value;
    if (spiral_loss_value_grad_f64(loss, b->B, b->T, b->pred, s, b->target, s, b->weight, s, to, grad, s,
                                   work, &err))
        fail_msg("%s", err.text);
    if (b->o.reduction == SPIRAL_REDUCE_NONE)
        for (size_t j = 0; j < b->B * b->T; j++) sum += columns[j];
    free(work);
    spiral_loss_destroy(loss);
    return b->o.reduction == SPIRAL_REDUCE_NONE ? sum : value;
}

/* The same in single precision, with REDUCE_NONE; the sum of columns. */
static inline double call_f32_columns(const batch *b, double *columns, float *grad) {
    spiral_loss *loss = make(&b->o, b->P);
    void *work = room(spiral_loss_work_size_f32(loss, b->T));
    float *cells = calloc(3 * b->cells, sizeof(float)), *target = cells + b->cells,
          *weight = target + b->cells;
    double sum = 0;
    assert_true(b->o.reduction == SPIRAL_REDUCE_NONE);
    for (size_t i = 0; i < b->cells; i++) {
        cells[i] = (float)b->pred[i];
        target[i] = (float)b->target[i];
        if (b->weight) weight[i] = (float)b->weight[i];
    }
    spiral_strides s = rows_of(b->T, b->P);
    spiral_error err = {0};
    if (spiral_loss_value_grad_f32(loss, b->B, b->T, cells, s, target, s, b->weight ? weight : NULL, s,
                                   columns, grad, s, work, &err))
        fail_msg("%s", err.text);
    for (size_t j = 0; j < b->B * b->T; j++) sum += columns[j];
    free(work), free(cells);
    spiral_loss_destroy(loss);
    return sum;
}

static inline double call_f32(const batch *b, float *grad) {
    double *columns = doubles(b->B * b->T), sum = call_f32_columns(b, columns, grad);
    free(columns);
    return sum;
}

/* The loss of one column given as lists of MIDI numbers that end in 0. */
static inline double column(const spiral_loss_options *o, const int *played, const int *right) {
    batch b = batch_make(*o, 1, 1, KEYS, 0);
    for (; *played; played++) b.pred[*played - LOW] = 1;
    for (; *right; right++) b.target[*right - LOW] = 1;
    double none[1], value = call_f64(&b, none, NULL);
    batch_free(&b);
    return value;
}
#define NOTES(...) ((const int[]){__VA_ARGS__, 0})
#define SILENCE    ((const int[]){0})

/* The definition's value; fills b->columns and b->grad. */
static inline double call_ref(batch *b) {
    double *scratch = calloc(spiral__ref_scratch(&b->o, b->P, b->T), sizeof(double));
    assert_non_null(scratch);
    double value = spiral__ref_value_grad(&b->o, b->P, b->B, b->T, b->pred, b->target, b->weight, b->columns,
                                          b->grad, scratch);
    free(scratch);
    return value;
}

#endif
