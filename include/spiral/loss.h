/* SPDX-License-Identifier: MIT
 *
 * The losses: value and gradient in one call, on piano rolls of probabilities or logits.
 *
 *     loss = bce * BCE(pred, t) + lambda * kind(y, t)
 *
 * where y is the predicted probability of a cell (the sigmoid of a logit) and t in [0, 1] its target. The
 * kinds spiral, energy and gauss are measured in missed notes: a prediction that is right except for one
 * missing note costs 1. BCE, weighted BCE and channel are in nats. Equations: docs/math.md.
 *
 *     spiral_loss_options options;
 *     spiral_loss_options_default(&options, sizeof options); // BCE + spiral, on logits, mean per frame
 *
 *     spiral_error err;
 *     spiral_loss *loss;
 *     if (spiral_loss_create(&options, P, &loss, &err)) return fprintf(stderr, "%s\n", err.text);
 *
 *     double value; // logits, target and grad are arrays of float, (B, T, P)
 *     if (spiral_loss_value_grad_btp_f32(loss, B, T, logits, target, &value, grad, NULL, &err))
 *         return fprintf(stderr, "%s\n", err.text);
 *     spiral_loss_destroy(loss);
 *
 * A spiral_loss is immutable and any number of threads may use it at once. The calls keep no state.
 *
 * With the option threads a loss has threads of its own, started by spiral_loss_create, which wait between
 * calls; results are bit-identical for any number of them. One call at a time uses them; calls that other
 * threads make meanwhile, calls on small batches, and calls in a child process after fork() run on the
 * calling thread alone. If the system grants fewer threads, the loss works with those it has.
 */
#ifndef SPIRAL_LOSS_H
#define SPIRAL_LOSS_H

#include <stddef.h>

#include "helix.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(enumerator, name, meaning). */
#define SPIRAL_LOSS_LIST(X)                                                                         \
    X(BCE, "bce", "binary cross-entropy alone")                                                     \
    X(SPIRAL, "spiral", "generalised Kullback-Leibler divergence of rolls blurred along the helix") \
    X(ENERGY, "energy", "quadratic form with the kernel 2 exp(-D/2)")                               \
    X(GAUSS, "gauss", "quadratic form with the kernel 2 exp(-D^2 / 2 sigma^2)")                     \
    X(WEIGHTED_BCE, "weighted_bce",                                                                 \
      "cross-entropy in which an extra note costs more the further it is from the target")          \
    X(ARGMAX_DISTANCE, "argmax_distance",                                                           \
      "distance between the loudest keys, by the question's formula; no gradient")                  \
    X(ARGMAX_DISTANCE_CIRCULAR, "argmax_distance_circular",                                         \
      "the same with circular pitch classes; no gradient")                                          \
    X(DISTANCE_MASK, "distance_mask",                                                               \
      "mask of distances to the loudest key, by the answer's formula: silence is best")             \
    X(DISTANCE_MASK_CIRCULAR, "distance_mask_circular", "the same with circular pitch classes")     \
    X(CHANNEL, "channel",                                                                           \
      "cross-entropy for partly wrong labels: the prediction is moved along the helix first")

typedef enum spiral_loss_kind {
#define SPIRAL_X(id, name, text) SPIRAL_LOSS_##id,
    SPIRAL_LOSS_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL_LOSS_COUNT
} spiral_loss_kind;

/* Static storage; "?" for values that are not a kind. */
SPIRAL_API const char *spiral_loss_kind_name(spiral_loss_kind kind);
/* BAD_ARG: no such name; the sentence lists the names. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_loss_kind_from_name(const char *name,
                                                                      spiral_loss_kind *kind,
                                                                      spiral_error *err);

typedef enum spiral_reduction {
    SPIRAL_REDUCE_NONE, /* one value per frame, (B, T); the gradient is that of their sum */
    SPIRAL_REDUCE_SUM,
    SPIRAL_REDUCE_MEAN, /* sum / number of frames; frames whose sample weights are all 0 are not counted */
    SPIRAL_REDUCE_PER_NOTE, /* sum / max(sum of target * sample weight, 1) */
} spiral_reduction;

/* Defaults in square brackets. A caller built with an older header has a smaller struct: every size from the
 * end of time_blur on is accepted, and fields that the caller does not have keep their defaults. */
typedef struct spiral_loss_options {
    size_t struct_size;         /* size of the caller's struct, set by spiral_loss_options_default */
    spiral_loss_kind kind;      /* [spiral] */
    double lambda;              /* factor of the kind, 0 .. 1e6 [1]; 0 leaves it out */
    double bce;                 /* factor of the cross-entropy, 0 .. 1e6 [1]; 0 leaves it out */
    int from_logits;            /* nonzero: pred are logits, and the gradient is with respect to them [1] */
    spiral_reduction reduction; /* [mean] */
    int low;            /* MIDI number of the lowest key [0]; low + P <= 128. Used by argmax_distance alone */
    spiral_helix helix; /* of spiral, energy, gauss, weighted_bce and channel [chromatic] */
    double kl_offset;   /* spiral: b, 1e-6 .. 1000 [.02]; the larger, the nearer to a quadratic form */
    double blur_length; /* spiral, channel: l, distance at which the blur is 1/e, above 0, to 1000 [.5] */
    int blur_radius;    /* spiral, channel: W, semitones to each side, 1 .. 127 [24] */
    double sigma;       /* gauss: above 0, to 1000 [.5] */
    double time_blur;   /* spiral, energy, gauss: tau, frames over which the blur along time falls to 1/e to
                           both sides, 0 .. 100 [0, no blur]. A missed note of one frame still costs 1 */
    double coil_radius; /* argmax_distance, distance_mask: 0 .. 1e6 [10] */
    double coil_rise;   /* argmax_distance, distance_mask: rise per octave, 0 .. 1e6 [5] */
    double coil_degrees; /* argmax_distance: degrees per semitone, 0 .. 1e6 [30] */
    int threads; /* that a call runs on, the calling thread included, 1 .. 1024; 0: one per processor [1] */
    double eta;  /* channel: share of the notes that the labels place at another key, 0 .. below 1 [.3] */
} spiral_loss_options;

/* Sets the defaults, writing struct_size bytes; call it with sizeof(spiral_loss_options). */
SPIRAL_API void spiral_loss_options_default(spiral_loss_options *options, size_t struct_size);

typedef struct spiral_loss spiral_loss;

/* A loss for rolls of P keys, 1 .. 128. BAD_ARG names the option, its value and its limit. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_loss_create(const spiral_loss_options *options, int P,
                                                              spiral_loss **loss, spiral_error *err);
SPIRAL_API void spiral_loss_destroy(spiral_loss *loss); /* NULL is allowed */
SPIRAL_API const spiral_loss_options *spiral_loss_get_options(const spiral_loss *loss);

/* The value of the loss, and its gradient with respect to pred unless grad is NULL, on contiguous arrays.
 *
 *   pred    (B, T, P), logits within +-1e20 or probabilities in [0, 1]
 *   target  (B, T, P) in [0, 1]
 *   value   one double, or with SPIRAL_REDUCE_NONE (B, T) doubles
 *   grad    (B, T, P), overwritten, may be pred itself; or NULL
 *   work    a buffer from spiral_loss_work_create, or NULL: the call then allocates one and frees it
 *
 * NUMERIC: a cell is NaN, infinite or out of its range; the sentence names the cell. BAD_ARG: a pointer that
 * must not be NULL, or the shape. UNSUPPORTED: grad with argmax_distance. NO_MEMORY: only if work is NULL.
 * After a failure value and grad are unspecified. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_loss_value_grad_btp_f32(const spiral_loss *loss, size_t B,
                                                                          size_t T, const float *pred,
                                                                          const float *target, double *value,
                                                                          float *grad, void *work,
                                                                          spiral_error *err);
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_loss_value_grad_btp_f64(const spiral_loss *loss, size_t B,
                                                                          size_t T, const double *pred,
                                                                          const double *target, double *value,
                                                                          double *grad, void *work,
                                                                          spiral_error *err);

/* A work buffer for calls of this loss with rolls of up to T frames, any B, in either precision. It has a
 * part for each thread of the loss. One call at a time may use it. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_loss_work_create(const spiral_loss *loss, size_t T,
                                                                   void **work, spiral_error *err);
SPIRAL_API void spiral_loss_work_destroy(void *work); /* NULL is allowed */

/* The bytes of such a buffer, for callers with memory of their own, which must be aligned to 64 bytes.
 * SIZE_MAX if no buffer can be that large. */
SPIRAL_API size_t spiral_loss_work_size_f32(const spiral_loss *loss, size_t T);
SPIRAL_API size_t spiral_loss_work_size_f64(const spiral_loss *loss, size_t T);

/* Where the cells of an array are: cell (b, t, p) is array[b * stride_b + t * stride_t + p * stride_p].
 * Strides count elements; they may be negative. (B, T, P) has {T*P, P, 1}, (B, P, T) has {P*T, 1, T}. */
typedef struct spiral_strides {
    ptrdiff_t b, t, p;
} spiral_strides;

/* The same for arrays of any layout, with sample weights; allocates nothing.
 *
 *   sample_weight  (B, T, P) in 0 .. 1e6, or NULL: all 1. It multiplies the cross-entropy of a cell; for the
 *                  kinds it multiplies the prediction and the target. A cell of weight 0 (padding) has no
 *                  effect on the value, whatever it holds, and gradient 0. Strides of 0 repeat one weight
 *                  over many cells
 *   grad           may be pred itself if the strides are equal
 *   work           aligned to 64 bytes, not NULL
 *
 * Cross-entropy of probabilities takes no logarithm of a number below 2^-24. Values are summed in double
 * precision, four cells at a time in the element type. With a time blur and SPIRAL_REDUCE_NONE, what the ends
 * of a roll blur into the silence around it counts for the first and last frame. Results do not depend on how
 * rolls are divided among calls, nor, without a time blur, on how frames are: gradients for SUM and NONE and
 * values for NONE are bit-identical. Status as above; BAD_ARG also for the alignment of work. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status
spiral_loss_value_grad_f32(const spiral_loss *loss, size_t B, size_t T, const float *pred,
                           spiral_strides pred_strides, const float *target, spiral_strides target_strides,
                           const float *sample_weight, spiral_strides sample_weight_strides, double *value,
                           float *grad, spiral_strides grad_strides, void *work, spiral_error *err);
SPIRAL_API SPIRAL_MUST_CHECK spiral_status
spiral_loss_value_grad_f64(const spiral_loss *loss, size_t B, size_t T, const double *pred,
                           spiral_strides pred_strides, const double *target, spiral_strides target_strides,
                           const double *sample_weight, spiral_strides sample_weight_strides, double *value,
                           double *grad, spiral_strides grad_strides, void *work, spiral_error *err);

/* The cost of each interval, in missed notes, of the kind alone without lambda and BCE: substitute[d] for
 * playing a note d semitones off, insert[d] for adding a note d semitones from the one right note; d is 0 to
 * n-1. n is 1 .. 128, whatever P is. UNSUPPORTED: the kind is not spiral, energy or gauss. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_loss_table(const spiral_loss *loss, int n,
                                                             double *substitute, double *insert,
                                                             spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
