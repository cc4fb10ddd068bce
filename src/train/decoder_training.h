/* SPDX-License-Identifier: MIT
 *
 * Training the note-by-note decoder: steps of its weights, and the mean of the weights over time. Validation
 * and the model file use the mean.
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
    float *mean;         /* (floats) of the weights over about the last ninth of the steps, 2,000 at most */
    float *aside;        /* (floats) the weights, while the model has the mean */
} spiral__decoder_training;

/* Arguments as of spiral__decoder_objective_create. */
spiral_status spiral__decoder_training_create(const spiral__train_settings *settings, spiral_model *model,
                                              const spiral_corpus *corpus, spiral__pool *pool,
                                              spiral__decoder_training *training, spiral_error *err);
void spiral__decoder_training_clear(spiral__decoder_training *training);

/* Call it before the first step, when the autoencoder is trained. */
void spiral__decoder_training_start(spiral__decoder_training *training);

/* Makes step number `step`: the gradient, clipped to norm 1, AdamW, and the mean of the weights. */
spiral_status spiral__decoder_training_step(spiral__decoder_training *training, spiral__optimizer *optimizer,
                                            int64_t step, double rate, spiral__pool *pool, double *nats,
                                            spiral_error *err);
/* The learning rate of a step when a share `done` (0..1) of the schedule has passed: a linear rise over the
 * first hundred steps, times half a cosine from 1 to .4; 0 at the end. */
double spiral__decoder_learning_rate(int64_t step, double done);

/* Copies the decoder's weights between an arena and a compact array. */
void spiral__decoder_copy_out(const spiral_model *model, const float *arena, float *floats);
void spiral__decoder_copy_in(const spiral_model *model, const float *floats, float *arena);

/* use_mean copies the mean into the model, restore_weights copies the weights back. */
void spiral__decoder_training_use_mean(spiral__decoder_training *training);
void spiral__decoder_training_restore_weights(spiral__decoder_training *training);

#endif
