/* SPDX-License-Identifier: MIT
 *
 * The inside of a training: what a step needs. step.c makes one step, validate.c scores, codes.c looks at the
 * codes, state.c saves and resumes, train.c is the loop.
 */
#ifndef SPIRAL_TRAIN_TRAINER_H
#define SPIRAL_TRAIN_TRAINER_H

#include <jansson.h>

#include "base/par.h"
#include "simd/nn_kernels.h"
#include "model/network.h"
#include "data/corpus.h"
#include "spiral/train.h"

typedef struct spiral__trainer {
    spiral_train_options options;
    const spiral_corpus *corpus, *valid;
    spiral_model *model;
    spiral_loss *loss; /* summed over a shard */
    spiral__pool *pool;
    spiral__network net; /* of a batch */

    float *grad, *m, *v; /* (trained) gradient and AdamW moments */
    float *best;         /* (trained) the weights that did best on validation */

    spiral_keys *windows; /* (B, planes * T) */
    size_t *files;        /* (B) which file a window is from */
    float *targets;       /* (B, planes, T, P) */
    spiral__run *runs;    /* (B, runs_max) as found, each shard in its own part */
    size_t *run_count;    /* (shards) */
    spiral__run *sorted;  /* (B, runs_max) by key */
    size_t *key_begin;    /* (planes P + 1) */
    void **work;          /* (threads) of the loss */
    float **scratch;      /* (threads) (T + 1, N) */
    double *shard_loss;   /* (shards) */
    int *shard_bad;       /* (shards) row whose loss is not finite, or -1 */

    int64_t step, steps; /* done, planned */
    int64_t best_step;
    double best_loss;
    double loss_sum, kl_sum; /* per window, since the last report */
    int64_t loss_steps;
    json_t *history; /* array of {step, train, valid, f1, exact} */
} spiral__trainer;

spiral_status spiral__trainer_create(const spiral_train_options *options, const spiral_corpus *corpus,
                                     const spiral_corpus *valid, spiral__trainer *trainer, spiral_error *err);
void spiral__trainer_clear(spiral__trainer *trainer);

/* Back to before the first step: fresh weights from options->seed, principal components measured. */
spiral_status spiral__trainer_start(spiral__trainer *trainer, spiral_error *err);

/* The first row of x (rows, n) with a number that is not finite, or 0. */
size_t spiral__bad_row(size_t rows, size_t n, const float *x);

/* One step. NUMERIC names the file whose window has a loss that is no number. */
spiral_status spiral__trainer_step(spiral__trainer *trainer, spiral_error *err);
/* The learning rate of a step: linear warm-up over a twentieth of the steps, then a half cosine to zero. */
double spiral__trainer_rate(const spiral__trainer *trainer, int64_t step);

typedef struct spiral__validation {
    double loss;      /* per window, the training loss without the KL term */
    double f1, exact; /* frames at threshold 0; windows without a fault */
    float threshold;  /* the logit with the best F1 */
    double density;   /* sounding keys a column in the targets */
} spiral__validation;

/* Scores the model's present weights on the held-out windows (at most 4096, evenly spread). NO_DATA: none
 * holds a note. NUMERIC names the file whose window has a loss that is no number. */
spiral_status spiral__validate(spiral__trainer *trainer, spiral__validation *result, spiral_error *err);

/* Measures mean, covariance and step from window to window of the codes into the model's facts. */
spiral_status spiral__measure_codes(spiral__trainer *trainer, spiral_error *err);

/* Saves best weights and all that resuming needs, or (final) just the best weights. */
spiral_status spiral__state_save(spiral__trainer *trainer, const char *path, int final, spiral_error *err);
/* Goes on from a file that spiral__state_save wrote with final = 0. BAD_ARG if options or corpus differ. */
spiral_status spiral__state_load(spiral__trainer *trainer, const char *path, spiral_error *err);

#endif
