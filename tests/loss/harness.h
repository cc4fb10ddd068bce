/* SPDX-License-Identifier: MIT
 *
 * Shared by the tests of the losses: a batch with its reference result, random rolls, and calls with a batch
 * as their only argument.
 */
#ifndef SPIRAL_TESTS_LOSS_HARNESS_H
#define SPIRAL_TESTS_LOSS_HARNESS_H

#include <math.h>

#include "presets.h"
#include "testing.h"

#include "base/rng.h"
#include "helix/kernel.h"
#include "loss/plan.h"
#include "loss/ref.h"
#include "spiral/spiral.h"

/* The instruction sets that a test tries; spiral_isa_set refuses those that this machine does not have. */
static const char *const isas[] = {"baseline", "avx2", "avx512"};
enum { ISAS = 3 };

static inline spiral_loss_options default_options(void) {
    spiral_loss_options o;
    spiral_loss_options_default(&o, sizeof o);
    return o;
}

static inline spiral_loss *create_loss(const spiral_loss_options *o, int P) {
    spiral_loss *loss = NULL;
    spiral_error err = {0};
    if (spiral_loss_create(o, P, &loss, &err)) fail_msg("%s", err.text);
    return loss;
}

/* MIDI numbers: the keyboard of most tests, C3 to B5, and some of its keys. */
enum { LOW = 48, KEYS = 36, B3 = 59, C4 = 60, CIS4 = 61, FIS4 = 66, C5 = 72 };

/* The kind on probabilities, without cross-entropy. */
static inline spiral_loss_options kind_alone(spiral_loss_kind kind) {
    spiral_loss_options o = default_options();
    o.kind = kind;
    o.bce = 0;
    o.from_logits = 0;
    o.low = LOW;
    o.reduction = SPIRAL_REDUCE_SUM;
    return o;
}

/* The kinds that are measured in missed notes: convex, proper, with a time blur. */
enum { GEOMETRIC = 3 };
static const spiral_loss_kind geometric[GEOMETRIC] = {SPIRAL_LOSS_SPIRAL, SPIRAL_LOSS_ENERGY,
                                                      SPIRAL_LOSS_GAUSS};

static inline int is_geometric(spiral_loss_kind kind) {
    return kind == SPIRAL_LOSS_SPIRAL || kind == SPIRAL_LOSS_ENERGY || kind == SPIRAL_LOSS_GAUSS;
}

static inline spiral_helix preset(int i) {
    spiral_helix helix;
    assert_int_equal(spiral_helix_from_name(presets[i], &helix, NULL), SPIRAL_OK);
    return helix;
}

static inline double largest(const double *x, size_t n) {
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

static inline void *aligned_buffer(size_t bytes) {
    void *at = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(at);
    return at;
}

static inline spiral_strides contiguous(size_t T, int P) { /* the strides of (B, T, P) */
    return (spiral_strides){(ptrdiff_t)T * P, P, 1};
}

/* A batch of B rolls, contiguous (B, T, P), and where the results of a call go. */
typedef struct batch {
    spiral_loss_options o;
    int P;
    size_t B, T, cells;
    double *pred, *target, *weight; /* weight may be NULL */
    double *frames, *grad;
} batch;

static inline batch batch_make(spiral_loss_options o, size_t B, size_t T, int P, int weighted) {
    batch b = {.o = o, .P = P, .B = B, .T = T, .cells = B * T * (size_t)P};
    b.pred = calloc(b.cells, sizeof(double));
    b.target = calloc(b.cells, sizeof(double));
    b.weight = weighted ? calloc(b.cells, sizeof(double)) : NULL;
    b.frames = calloc(B * T, sizeof(double));
    b.grad = calloc(b.cells, sizeof(double));
    return b;
}

static inline void batch_free(batch *b) {
    free(b->pred), free(b->target), free(b->weight), free(b->frames), free(b->grad);
}

/* Frames that are silent, have one note, chords, or most keys; binary or soft targets; some cells and some
 * whole frames of weight 0. Probabilities are within (margin, 1 - margin). */
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

/* A filled batch of the default options with soft targets. */
static inline batch example(spiral_loss_kind kind, size_t B, size_t T, int weighted) {
    spiral_loss_options o = default_options();
    o.kind = kind;
    batch b = batch_make(o, B, T, KEYS, weighted);
    batch_fill(&b, 77, 1, 0);
    return b;
}

/* The library's value; grad may be NULL. frames gets the values of REDUCE_NONE. */
static inline double call_f64(const batch *b, double *frames, double *grad) {
    spiral_loss *loss = create_loss(&b->o, b->P);
    void *work = aligned_buffer(spiral_loss_work_size_f64(loss, b->T));
    spiral_strides s = contiguous(b->T, b->P);
    double value = 0, sum = 0;
    spiral_error err = {0};
    double *to = b->o.reduction == SPIRAL_REDUCE_NONE ? frames : &value;
    if (spiral_loss_value_grad_f64(loss, b->B, b->T, b->pred, s, b->target, s, b->weight, s, to, grad, s,
                                   work, &err))
        fail_msg("%s", err.text);
    if (b->o.reduction == SPIRAL_REDUCE_NONE)
        for (size_t j = 0; j < b->B * b->T; j++) sum += frames[j];
    free(work);
    spiral_loss_destroy(loss);
    return b->o.reduction == SPIRAL_REDUCE_NONE ? sum : value;
}

/* The same in single precision, with REDUCE_NONE; the sum of frames. */
static inline double call_f32_frames(const batch *b, double *frames, float *grad) {
    spiral_loss *loss = create_loss(&b->o, b->P);
    void *work = aligned_buffer(spiral_loss_work_size_f32(loss, b->T));
    float *cells = calloc(3 * b->cells, sizeof(float)), *target = cells + b->cells,
          *weight = target + b->cells;
    double sum = 0;
    assert_true(b->o.reduction == SPIRAL_REDUCE_NONE);
    for (size_t i = 0; i < b->cells; i++) {
        cells[i] = (float)b->pred[i];
        target[i] = (float)b->target[i];
        if (b->weight) weight[i] = (float)b->weight[i];
    }
    spiral_strides s = contiguous(b->T, b->P);
    spiral_error err = {0};
    if (spiral_loss_value_grad_f32(loss, b->B, b->T, cells, s, target, s, b->weight ? weight : NULL, s,
                                   frames, grad, s, work, &err))
        fail_msg("%s", err.text);
    for (size_t j = 0; j < b->B * b->T; j++) sum += frames[j];
    free(work), free(cells);
    spiral_loss_destroy(loss);
    return sum;
}

static inline double call_f32(const batch *b, float *grad) {
    double *frames = doubles(b->B * b->T), sum = call_f32_frames(b, frames, grad);
    free(frames);
    return sum;
}

/* The loss of one frame, predicted and target given as lists of MIDI numbers that end in 0. */
static inline double cost(const spiral_loss_options *o, const int *played, const int *right) {
    batch b = batch_make(*o, 1, 1, KEYS, 0);
    for (; *played; played++) b.pred[*played - LOW] = 1;
    for (; *right; right++) b.target[*right - LOW] = 1;
    double none[1], value = call_f64(&b, none, NULL);
    batch_free(&b);
    return value;
}
#define NOTES(...) ((const int[]){__VA_ARGS__, 0})
#define SILENCE    ((const int[]){0})

/* The definition's value; fills b->frames and b->grad. */
static inline double call_ref(batch *b) {
    double *scratch = calloc(spiral__ref_scratch(&b->o, b->P, b->T), sizeof(double));
    assert_non_null(scratch);
    double value = spiral__ref_value_grad(&b->o, b->P, b->B, b->T, b->pred, b->target, b->weight, b->frames,
                                          b->grad, scratch);
    free(scratch);
    return value;
}

#endif
