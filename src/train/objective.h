/* SPDX-License-Identifier: MIT
 *
 * The objective: the mean loss of random windows of the corpus, and its gradient. Only here music, model and
 * loss are used together. A second network gets an objective of its own beside this one.
 */
#ifndef SPIRAL_TRAIN_OBJECTIVE_H
#define SPIRAL_TRAIN_OBJECTIVE_H

#include "model/autoencoder.h"
#include "model/model.h"
#include "spiral/data.h"
#include "train/options.h"

/* The autoencoder's: windows are drawn, encoded, decoded, and compared with themselves. */
typedef struct spiral__objective {
    const spiral__train_settings *settings;
    const spiral_model *model;
    const spiral_corpus *corpus;
    spiral__pool *pool;
    spiral_loss *loss; /* summed over its cells */
    spiral__autoencoder_batch batch;

    spiral_keys *windows; /* (B, planes * T) */
    size_t *files;        /* (B) which file a window is from */
    float *targets;       /* (B, planes, T, P) */
    float **work;         /* (threads) of the loss */
    double *shard_loss;   /* (shards) */
    size_t *shard_bad;    /* (shards) 1 + row whose loss is not finite, or 0 */
} spiral__objective;

/* settings, model, corpus and pool are borrowed. BAD_ARG: an option of the loss; NO_MEMORY. */
spiral_status spiral__objective_create(const spiral__train_settings *settings, const spiral_model *model,
                                       const spiral_corpus *corpus, spiral__pool *pool,
                                       spiral__objective *objective, spiral_error *err);
void spiral__objective_clear(spiral__objective *objective);

/* Draws the batch of step number `step`, a pure function of seed and step, and gives the gradient of its
 * loss, summed over the windows, to the taker. *loss and *kl are means per window; loss contains beta times
 * kl. NUMERIC: the loss is not finite, the sentence names the file of the window; then nothing was taken. */
spiral_status spiral__objective_gradient(spiral__objective *objective, int64_t step,
                                         const spiral__gradient_taker *taker, double *loss, double *kl,
                                         spiral_error *err);

/* Windows and, of a variational model, noise (NULL: not wanted) of these random streams: those of row r of
 * step s are batch * s + r. */
void spiral__objective_draw(const spiral__objective *objective, uint64_t first_stream, size_t rows,
                            spiral_keys *windows, float *noise);

/* NUMERIC with the sentence of a loss that is not finite: the file, when it was seen, and what may help. */
spiral_status spiral__fail_not_finite(const spiral__train_settings *settings, const char *path,
                                      const char *when, int64_t step, spiral_error *err);

#endif
