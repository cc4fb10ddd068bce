/* SPDX-License-Identifier: MIT
 *
 * Small trainings on the pieces of tests/data/pieces.h, for tests of training and of what comes after it.
 */
#ifndef SPIRAL_TESTS_TRAIN_TRAINING_H
#define SPIRAL_TESTS_TRAIN_TRAINING_H

#include "../data/pieces.h"
#include "train/loop.h"
#include "train/trainer.h"

/* All settings of a training, without the music. options.loss is set only when it is used, so that the struct
 * can be copied. */
typedef struct training {
    spiral_model_config config;
    spiral_loss_options loss;
    spiral_train_options options;
    spiral_train_plan plan;
} training;

/* Takes a fraction of a second. */
static inline training piece_training(void) {
    training t;
    const spiral_roll_options roll = piece_options();
    spiral_model_config_default(&t.config, sizeof t.config);
    spiral_model_config_set_roll(&t.config, &roll);
    spiral_train_options_default(&t.options, sizeof t.options);
    spiral_train_plan_default(&t.plan, sizeof t.plan);
    spiral_loss_options_default(&t.loss, sizeof t.loss);
    t.config.frames = PIECE_T;
    t.config.latent = 6;
    t.config.hidden = 24;
    t.options.batch = 70; /* two shards, the second not full */
    t.options.transpose = 0;
    t.options.threads = 1;
    t.plan.steps = 60;
    return t;
}

/* Variational, with two layers, three shards, transposition and an odd number of steps. */
static inline training vae_training(void) {
    training t = piece_training();
    t.config.kind = SPIRAL_MODEL_VAE;
    t.config.layers = 2;
    t.options.batch = 150;
    t.options.transpose = 2;
    t.plan.steps = 41; /* validated at every second step, and at the last, which is odd */
    return t;
}

/* Trains. *model is set on success; model may be NULL. */
static inline spiral_status try_training(const training *t, const spiral_corpus *corpus,
                                         const spiral_corpus *valid, spiral_model **model,
                                         spiral_train_progress *result, spiral_error *err) {
    spiral_model *m = NULL;
    spiral_train_options options = t->options;
    options.loss = &t->loss;
    spiral_status status = spiral_model_create(&t->config, options.seed, &m, err);
    if (status == SPIRAL_OK) status = spiral_train(&options, &t->plan, m, corpus, valid, result, err);
    if (status == SPIRAL_OK && model)
        *model = m;
    else
        spiral_model_destroy(m);
    return status;
}

/* Trains; the test fails if there is an error. */
static inline spiral_model *train(const training *t, const spiral_corpus *corpus,
                                  const spiral_corpus *valid) {
    spiral_model *m = NULL;
    spiral_error err = {.text = ""};
    if (try_training(t, corpus, valid, &m, NULL, &err) != SPIRAL_OK) fail_msg("%s", err.text);
    return m;
}

/* A trainer of a new model. Destroy the trainer first, then the model. */
static inline spiral_trainer *make_trainer(const training *t, const spiral_corpus *corpus,
                                           const spiral_corpus *valid, spiral_model **model) {
    spiral_trainer *trainer;
    spiral_train_options options = t->options;
    options.loss = &t->loss;
    assert_int_equal(spiral_model_create(&t->config, options.seed, model, NULL), SPIRAL_OK);
    assert_int_equal(spiral_trainer_create(&options, *model, corpus, valid, &trainer, NULL), SPIRAL_OK);
    return trainer;
}

static inline spiral_trainer_state state_of(const spiral_trainer *trainer) {
    spiral_trainer_state state = {.struct_size = sizeof state};
    spiral_trainer_get_state(trainer, &state);
    return state;
}

#endif
