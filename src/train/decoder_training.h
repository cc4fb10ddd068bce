/* SPDX-License-Identifier: MIT
 *
 * Training the note-by-note decoder: steps of its weights, and the mean of these over time, which is what is
 * scored and saved.
 */
#ifndef SPIRAL_TRAIN_DECODER_TRAINING_H
#define SPIRAL_TRAIN_DECODER_TRAINING_H

#include "train/decoder_objective.h"
#include "train/optimizer.h"

typedef struct spiral__decoder_training {
    spiral__decoder_objective objective;
    spiral_model *model; /* borrowed */
    size_t floats;       /* of the decoder: matrices, then vectors */
    float *grad;         /* (floats) */
    float *mean;         /* (floats) of the weights, over about the last tenth of the steps, 2,000 at most */
    float *aside;        /* (floats) the weights while the mean is in the model */
} spiral__decoder_training;

/* Arguments as of spiral__decoder_objective_create. */
spiral_status spiral__decoder_training_create(const spiral__train_settings *settings, spiral_model *model,
                                              const spiral_corpus *corpus, spiral__pool *pool,
                                              spiral__decoder_training *training, spiral_error *err);
void spiral__decoder_training_clear(spiral__decoder_training *training);

/* Before the first step; the autoencoder is complete. */
void spiral__decoder_training_start(spiral__decoder_training *training);

/* Step number `step` at a learning rate: the gradient, clipped to norm 1, AdamW, and the mean of the weights.
 */
spiral_status spiral__decoder_training_step(spiral__decoder_training *training, spiral__optimizer *optimizer,
                                            int64_t step, double rate, spiral__pool *pool, double *nats,
                                            spiral_error *err);
/* The learning rate of a step when `done` (0..1) of the schedule is done: a linear rise over the first
 * hundred steps times a half cosine from 1 to .4; 0 when all is done. */
double spiral__decoder_learning_rate(int64_t step, double done);

/* Copies the decoder's weights between an arena and a compact array. */
void spiral__decoder_copy_out(const spiral_model *model, const float *arena, float *floats);
void spiral__decoder_copy_in(const spiral_model *model, const float *floats, float *arena);

/* Puts the mean into the model, and the weights back. */
void spiral__decoder_training_show_mean(spiral__decoder_training *training);
void spiral__decoder_training_hide_mean(spiral__decoder_training *training);

#endif
