/* SPDX-License-Identifier: MIT
 *
 * The autoencoder's objective: the mean loss of random windows of the corpus, and its gradient. Music, model
 * and loss are used together only here.
 */
#ifndef SPIRAL_TRAIN_OBJECTIVE_H
#define SPIRAL_TRAIN_OBJECTIVE_H

#include "model/autoencoder.h"
#include "model/model.h"
#include "spiral/data.h"
#include "train/options.h"

/* Windows are drawn, encoded and decoded; the loss compares the result with the windows. */
typedef struct spiral__objective {
    const spiral__train_settings *settings;
    const spiral_model *model;
    const spiral_corpus *corpus;
    spiral__pool *pool;
    spiral_loss *loss; /* summed over its cells */
    spiral__autoencoder_batch batch;

    spiral_keys *windows; /* (B, planes * T) */
    size_t *files;        /* (B) the file of each window */
    float *targets;       /* (B, planes, T, P) */
    float **work;         /* (threads) of the loss */
    double *shard_loss;   /* (shards) */
    size_t *shard_bad;    /* (shards) 1 + the first row whose loss is not finite, or 0 */
} spiral__objective;

/* settings, model, corpus and pool are borrowed. BAD_ARG: an option of the loss; NO_MEMORY. */
spiral_status spiral__objective_create(const spiral__train_settings *settings, const spiral_model *model,
                                       const spiral_corpus *corpus, spiral__pool *pool,
                                       spiral__objective *objective, spiral_error *err);
void spiral__objective_clear(spiral__objective *objective);

/* Draws the batch of step number `step`, which depends on seed and step only, and passes the gradient of its
 * loss, summed over the windows, to the receiver. *loss and *kl are means per window; the loss includes beta
 * times kl. NUMERIC: the loss is not finite; the message names the file of the window, and the receiver was
 * not called. */
spiral_status spiral__objective_gradient(spiral__objective *objective, int64_t step,
                                         const spiral__gradient_receiver *receiver, double *loss, double *kl,
                                         spiral_error *err);

/* The windows and, for a variational model, the noise (NULL: not wanted) of `rows` random streams from
 * first_stream on. The stream of row r of step s is batch * s + r. */
void spiral__objective_draw(const spiral__objective *objective, uint64_t first_stream, size_t rows,
                            spiral_keys *windows, float *noise);

/* NUMERIC, with the message for a loss that is not finite: the file, when it happened, and what may help. */
spiral_status spiral__fail_not_finite(const spiral__train_settings *settings, const char *path,
                                      const char *when, int64_t step, spiral_error *err);

#endif
