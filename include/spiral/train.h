/* SPDX-License-Identifier: MIT
 *
 * Trains a model on a corpus.
 */
#ifndef SPIRAL_TRAIN_H
#define SPIRAL_TRAIN_H

#include "data.h"
#include "loss.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spiral_train_options {
    size_t struct_size; /* sizeof(spiral_train_options), set by _default */
    spiral_model_config model;
    spiral_loss_options loss; /* from_logits and reduction are set by the trainer */
    double beta;              /* vae: weight of the KL term, >= 0 */
    double free_bits;         /* vae: nats per code number that cost nothing, >= 0 */
    int batch;                /* windows a step, 1..65536 */
    double learning_rate;     /* peak learning rate of AdamW, > 0 */
    double weight_decay;      /* weight decay, >= 0 */
    int64_t steps;            /* > 0: exactly so many; else: */
    double epochs;            /* > 0: so many times the corpus' windows; else: */
    double seconds;           /* as many steps as fit this time on this machine, measured first */
    int transpose;            /* each window is moved by -n..n semitones at random, 0..24 */
    uint64_t seed;
    int threads; /* 0: one per processor; the result does not depend on it */
} spiral_train_options;

SPIRAL_API spiral_train_options spiral_train_options_default(void);

typedef enum spiral_train_event {
    SPIRAL_TRAIN_STEP,  /* some steps went by */
    SPIRAL_TRAIN_VALID, /* the model was scored on the held-out files; valid_* are new */
} spiral_train_event;

typedef struct spiral_train_progress {
    spiral_train_event event;
    int64_t step, steps;
    uint64_t windows_seen;
    double windows_per_s, seconds, eta_s;
    double train_loss; /* mean per window since the last report, the KL term included */
    double train_kl;   /* nats per window; 0 for an ae */
    double rate;
    double valid_loss, valid_f1, valid_exact; /* per window; frames; share of windows without a fault */
    int64_t best_step;
} spiral_train_progress;

/* Return nonzero to stop: what was reached is saved so that training can go on later. */
typedef int (*spiral_train_callback)(void *context, const spiral_train_progress *progress);

/* Trains a model and saves it at `path`: the best on `valid` of those met on the way. While it trains, and
 * when it is stopped, the file also holds what is needed to go on; with `resume` it goes on from there, to
 * the same bytes as without the pause. The model is also given back if `model` is not NULL. INTERRUPTED: the
 * callback asked to stop. NUMERIC: the loss is not finite; the error names the file whose window it met.
 * BAD_ARG: an option, with its value and limit. UNSUPPORTED: a loss without a gradient. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_train(const spiral_train_options *options,
                                                        const spiral_corpus *train,
                                                        const spiral_corpus *valid, const char *path,
                                                        int resume, spiral_train_callback callback,
                                                        void *context, spiral_train_progress *result,
                                                        spiral_model **model, spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
