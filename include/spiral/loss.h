/* SPDX-License-Identifier: MIT
 *
 * The losses: value and gradient in one call, on piano rolls of probabilities or logits.
 *
 *     loss = bce * BCE(logits, t) + weight * kind(y, t)          y = prediction, t = target, both in [0, 1]
 *
 * A spiral_loss is an immutable plan (geometry, tables); make it once, share it between threads. A call
 * allocates nothing, locks nothing, prints nothing; it works in a buffer the caller owns. Costs of the kinds
 * `spiral`, `energy` and `gauss` are in missed notes: leaving out one note of an otherwise right column
 * costs 1. BCE and weighted BCE are in nats. The equations: docs/math.md.
 */
#ifndef SPIRAL_LOSS_H
#define SPIRAL_LOSS_H

#include <stddef.h>

#include "helix.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(enumerator, name, meaning). argmax_distance has no gradient: it is a metric. */
#define SPIRAL_LOSS_LIST(X)                                                                            \
    X(BCE, "bce", "binary cross-entropy alone")                                                        \
    X(SPIRAL, "spiral", "generalised KL divergence of rolls blurred along the helix")                  \
    X(ENERGY, "energy", "quadratic form with the kernel 2 exp(-D/2)")                                  \
    X(GAUSS, "gauss", "quadratic form with the kernel 2 exp(-D^2 / 2 sigma^2)")                        \
    X(WEIGHTED_BCE, "weighted_bce", "cross-entropy whose strays cost by their distance to the target") \
    X(ARGMAX_DISTANCE, "argmax_distance",                                                              \
      "the original question's argmax distance, as written; no gradient")                              \
    X(ARGMAX_DISTANCE_CIRCULAR, "argmax_distance_circular",                                            \
      "the same with a circular pitch class; no gradient")                                             \
    X(DISTANCE_MASK, "distance_mask",                                                                  \
      "the original answer's distance mask, as written: silence is its optimum")                       \
    X(DISTANCE_MASK_CIRCULAR, "distance_mask_circular", "the same with a circular pitch class")

typedef enum spiral_loss_kind {
#define SPIRAL_X(id, name, text) SPIRAL_LOSS_##id,
    SPIRAL_LOSS_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL_LOSS_COUNT
} spiral_loss_kind;

SPIRAL_API const char *spiral_loss_kind_name(spiral_loss_kind kind); /* "?" for no kind; static storage */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_loss_kind_from_name(const char *name,
                                                                      spiral_loss_kind *kind,
                                                                      spiral_error *err);

typedef enum spiral_reduction {
    SPIRAL_REDUCE_NONE, /* one value per column, (B, T); the gradient is that of their sum */
    SPIRAL_REDUCE_SUM,
    SPIRAL_REDUCE_MEAN,     /* per column: sum / (B T), columns whose weights are all zero not counted */
    SPIRAL_REDUCE_PER_NOTE, /* sum / max(sum of weighted targets, 1) */
} spiral_reduction;

typedef struct spiral_loss_options {
    size_t struct_size;    /* sizeof(spiral_loss_options), set by _default */
    spiral_loss_kind kind; /* the geometric term */
    double lambda;         /* lambda of the kind, 0 .. 1e6 */
    double bce;            /* of the cross-entropy, 0 .. 1e6; 0 leaves it out */
    int from_logits;       /* nonzero: predictions are logits, and the gradient is with respect to them */
    spiral_reduction reduction;
    int low;             /* MIDI number of key 0 (the seed's octaves need it); low + P <= 128 */
    spiral_helix helix;  /* spiral, energy, gauss, weighted_bce */
    double kl_offset;    /* spiral: b, 1e-6 .. 1000; the larger, the nearer to a quadratic form */
    double blur_length;  /* spiral: l, above 0, at most 1000; length of the blur along the wire */
    int blur_radius;     /* spiral: W, semitones the blur reaches to each side, 1..127 */
    double sigma;        /* gauss: above 0, at most 1000 */
    double time_blur;    /* tau, 0 .. 100: two-sided exponential blur along time, in columns; 0 = none. Only
                               spiral, energy and gauss have it; one missed cell, alone in time, still costs 1 */
    double coil_radius;  /* seed_*: 10; this and the next two 0 .. 1e6 */
    double coil_rise;    /* seed_*: rise per turn, 5 */
    double coil_degrees; /* argmax_distance: degrees per semitone, 30 */
} spiral_loss_options;

/* BCE + 1 spiral on the chromatic helix, from logits, mean per column. */
SPIRAL_API spiral_loss_options spiral_loss_options_default(void);

typedef struct spiral_loss spiral_loss; /* immutable plan; any number of threads may use one */

/* A plan for P keys (1..128). BAD_ARG names the option, its value and the limit. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_loss_create(const spiral_loss_options *options, int P,
                                                              spiral_loss **loss, spiral_error *err);
SPIRAL_API void spiral_loss_destroy(spiral_loss *loss); /* NULL is fine */
SPIRAL_API const spiral_loss_options *spiral_loss_get_options(const spiral_loss *loss);

/* A batch of B rolls of T columns of P keys, read in place. Cell (b, t, p) of an array lies at
 * array[b * stride_b + t * stride_t + p * stride_p]; strides count elements. (B, T, P): {T*P, P, 1};
 * the seed's (B, P, T): {P*T, 1, T}. */
typedef struct spiral_strides {
    ptrdiff_t b, t, p;
} spiral_strides;

/* Bytes of work buffer a call needs; it must be aligned to 64 bytes. Depends on T (time blur), not on B.
 * SIZE_MAX if no buffer could be that large. */
SPIRAL_API size_t spiral_loss_work_size_f32(const spiral_loss *loss, size_t T);
SPIRAL_API size_t spiral_loss_work_size_f64(const spiral_loss *loss, size_t T);

/* The value of the loss and, if grad is not NULL, its gradient with respect to pred.
 *
 *   pred    (B, T, P) logits within +-1e20, or probabilities in [0, 1]; of these the cross-entropy takes no
 *           logarithm below that of 2^-24
 *   target  (B, T, P) in [0, 1]
 *   weight  (B, T, P) in 0 .. 1e6, or NULL: all 1. BCE terms are multiplied by it; for the kinds on the helix
 *           it multiplies prediction and target, so a cell of weight 0 (padding) has no say and no gradient.
 *           Strides of 0 spread one weight over many cells
 *   value   one double, or (B, T) doubles with SPIRAL_REDUCE_NONE
 *   grad    (B, T, P), overwritten, may alias pred if the strides are equal; or NULL
 *   work    buffer of spiral_loss_work_size_* bytes, aligned to 64
 *
 * Costs are summed in double, four cells at a time. With a time blur and SPIRAL_REDUCE_NONE, what a roll's
 * ends blur into the silence around it counts for the first and last column. Results do not depend on how a
 * batch is cut, between rolls or, without a time blur, between columns: for SUM and NONE gradients, and for
 * NONE values, bit for bit. NUMERIC: a cell is NaN, infinite or out of its range; the sentence says which.
 * BAD_ARG: a NULL, a shape or the alignment of work. UNSUPPORTED: grad with argmax_distance. On failure value
 * and grad are unspecified. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_loss_value_grad_f32(
    const spiral_loss *loss, size_t B, size_t T, const float *pred, spiral_strides pred_strides,
    const float *target, spiral_strides target_strides, const float *weight, spiral_strides weight_strides,
    double *value, float *grad, spiral_strides grad_strides, void *work, spiral_error *err);
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_loss_value_grad_f64(
    const spiral_loss *loss, size_t B, size_t T, const double *pred, spiral_strides pred_strides,
    const double *target, spiral_strides target_strides, const double *weight, spiral_strides weight_strides,
    double *value, double *grad, spiral_strides grad_strides, void *work, spiral_error *err);

/* What each interval costs: substitute[d] = playing a note d semitones off, insert[d] = adding a note d
 * semitones from the (one) right note, d = 0 .. n-1, in missed notes, for the kind alone (no BCE).
 * n is 1..128 and has nothing to do with P. UNSUPPORTED for kinds other than spiral, energy and gauss. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_loss_table(const spiral_loss *loss, int n,
                                                             double *substitute, double *insert,
                                                             spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
