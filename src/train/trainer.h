/* SPDX-License-Identifier: MIT
 *
 * Internals of a trainer.
 *
 * trainer.c has its calls from create to finish, state.c saving and loading. What depends on the network is
 * in objective.c, pca_start.c and latent_statistics.c for the autoencoder, in decoder_training.c for the
 * decoder. train.c trains as other programs may: with the public calls.
 */
#ifndef SPIRAL_TRAIN_TRAINER_H
#define SPIRAL_TRAIN_TRAINER_H

#include "data/corpus.h"
#include "generate/calibrate.h"
#include "model/model.h"
#include "train/decoder_training.h"
#include "train/objective.h"
#include "train/optimizer.h"
#include "train/options.h"
#include "train/parts.h"
#include "train/profile.h"

/* A validation as it is saved. For the decoder, train and valid are nats per frame, f1 and exact are 0. */
typedef struct spiral__history_entry {
    int64_t step;
    double train, valid, f1, exact;
} spiral__history_entry;

/* The state of the training of one network. */
typedef struct spiral__phase {
    int64_t step, steps;              /* done, planned; 0: not started */
    spiral__parts parts;              /* of the planned steps */
    spiral__history_entry best_entry; /* step 0: none yet */
    double loss_sum, kl_sum; /* of the steps since the last validation: per window, or nats per frame */
    int64_t loss_steps;      /* the number of these steps */
    spiral__history_entry *history; /* (history_count), owned */
    size_t history_count, history_capacity;
} spiral__phase;

struct spiral_trainer {
    spiral__train_settings settings;
    const spiral_corpus *corpus, *valid; /* borrowed */
    spiral_model *model;                 /* borrowed */
    spiral__pool *pool;
    spiral__objective objective;
    spiral__optimizer optimizer;
    spiral__decoder_training decoder; /* zeros until the decoder is started */
    float *best;                      /* (trained) the weights that did best on validation */

    spiral__phase phases[SPIRAL_TRAIN_NETWORKS];
    spiral_train_network network; /* the one that is trained now */
    spiral__calibration calibration;
    int finished;
    struct spiral_train_profile *profile; /* borrowed; NULL: nothing is measured */
};

/* Resets everything except the weights to the state before the first step. */
void spiral__trainer_reset(spiral_trainer *trainer, int64_t steps);

/* The phase of the network that is trained now. */
static inline spiral__phase *spiral__trainer_now(spiral_trainer *trainer) {
    return &trainer->phases[trainer->network];
}

/* Creates the decoder's training, unless it exists. BAD_ARG: the model has no decoder; NO_MEMORY. */
spiral_status spiral__trainer_create_decoder(spiral_trainer *trainer, spiral_error *err);

/* BAD_ARG before a successful start or load. */
spiral_status spiral__trainer_check_started(const spiral_trainer *trainer, spiral_error *err);

/* The steps of both networks of a finished training, and its calibration_samples. */
typedef struct spiral__trainer_record {
    int64_t steps[SPIRAL_TRAIN_NETWORKS]; /* 0: the model has no such network */
    spiral__parts parts[SPIRAL_TRAIN_NETWORKS];
    int calibration_samples;
} spiral__trainer_record;

/* Reads it from a model file. NO_DATA: no finished training; FORMAT; IO; NO_MEMORY. */
spiral_status spiral__trainer_record_read(const char *path, spiral__trainer_record *record,
                                          spiral_error *err);

/* NO_MEMORY. */
spiral_status spiral__phase_add_history(spiral__phase *phase, spiral__history_entry entry, spiral_error *err);

/* Sets the model's metadata "data" and "training". NO_MEMORY. */
spiral_status spiral__trainer_set_metadata(spiral_trainer *trainer, spiral_error *err);

/* Measures the latents of the training music, and the density of the music, and sets the model's tensors for
 * them. NO_MEMORY. */
spiral_status spiral__measure_latents(spiral_model *model, const spiral_corpus *corpus, spiral__pool *pool,
                                      spiral_error *err);

/* Sets the model's tensors pca.mean and pca.basis to the mean and the first Z principal axes of random
 * windows of the corpus, and initialises the weights from them: the linear path becomes the projection onto
 * the axes, scaled to variance 1, and back; the networks add 0. The windows are not transposed. NO_MEMORY. */
spiral_status spiral__pca_start(spiral_model *model, const spiral_corpus *corpus, uint64_t seed,
                                spiral__pool *pool, spiral_error *err);

#endif
