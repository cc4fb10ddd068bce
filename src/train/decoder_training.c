/* SPDX-License-Identifier: MIT
 *
 * Training the note-by-note decoder (see decoder_training.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "model/decoder.h"
#include "nn/laps.h"
#include "simd/nn_kernels.h"
#include "train/decoder_training.h"

/* Found by trials on chorales: small batches, strong weight decay and the mean of the weights are best
 * together. At low learning rates the network overfits, so the rate stays high, and the mean of the weights
 * removes the noise. */
static const double RATE = 5e-3, DECAY = 0.1, BETA2 = 0.98, CLIP = 1;
static const double MEAN_DECAY = 0.9995; /* of the mean, per step */
static const double LAST = 0.4;          /* rate at the end of the schedule, as a share of the highest */
enum { WARM_UP = 100, MEAN_EVERY = 4 };

spiral_status spiral__decoder_training_create(const spiral__train_settings *settings, spiral_model *model,
                                              const spiral_corpus *corpus, spiral__pool *pool,
                                              spiral__decoder_training *t, spiral_error *err) {
    const size_t floats = spiral__decoder_floats(&model->decoder);
    *t = (spiral__decoder_training){.model = model,
                                    .floats = floats,
                                    .grad = spiral__floats(floats),
                                    .mean = spiral__floats(floats),
                                    .aside = spiral__floats(floats)};
    spiral_status status =
        t->grad && t->mean && t->aside
            ? spiral__decoder_objective_create(settings, model, corpus, pool, &t->objective, err)
            : spiral__no_memory(err, 3 * floats * sizeof(float));
    if (status != SPIRAL_OK) spiral__decoder_training_clear(t);
    return status;
}

void spiral__decoder_training_clear(spiral__decoder_training *t) {
    if (t->objective.model) spiral__decoder_objective_clear(&t->objective);
    free(t->grad);
    free(t->mean);
    free(t->aside);
    memset(t, 0, sizeof *t);
}

void spiral__decoder_copy_out(const spiral_model *m, const float *arena, float *floats) {
    const spiral__decoder *d = &m->decoder;
    memcpy(floats, arena + d->matrices_begin, d->matrices * sizeof *floats);
    memcpy(floats + d->matrices, arena + d->vectors_begin, d->vectors * sizeof *floats);
}

void spiral__decoder_copy_in(const spiral_model *m, const float *floats, float *arena) {
    const spiral__decoder *d = &m->decoder;
    memcpy(arena + d->matrices_begin, floats, d->matrices * sizeof *floats);
    memcpy(arena + d->vectors_begin, floats + d->matrices, d->vectors * sizeof *floats);
}

void spiral__decoder_training_start(spiral__decoder_training *t) {
    spiral__decoder_copy_out(t->model, t->model->arena, t->mean);
    spiral__decoder_objective_start(&t->objective);
}

double spiral__decoder_learning_rate(int64_t step, double done) {
    const double pi = 3.14159265358979323846;
    if (done >= 1) return 0;
    const double fall = LAST + (1 - LAST) * 0.5 * (1 + cos(pi * done));
    return RATE * fmin(1, ((double)step + 1) / WARM_UP) * fall;
}

/* Moves the mean towards the weights. It covers about the last ninth of the steps, and at most the last
 * 1 / (1 - MEAN_DECAY). */
static void move_mean(spiral__decoder_training *t, int64_t step) {
    const double n = (double)step + 1;
    const float share = (float)(1 - pow(fmin(MEAN_DECAY, n / (n + 9)), MEAN_EVERY));
    if (step % MEAN_EVERY) return;
    spiral__decoder_copy_out(t->model, t->model->arena, t->aside);
    for (size_t i = 0; i < t->floats; i++) t->mean[i] += share * (t->aside[i] - t->mean[i]);
}

spiral_status spiral__decoder_training_step(spiral__decoder_training *t, spiral__optimizer *optimizer,
                                            int64_t step, double rate, spiral__pool *pool, double *nats,
                                            spiral_error *err) {
    const spiral__decoder *d = &t->model->decoder;
    memset(t->grad, 0, t->floats * sizeof *t->grad);
    SPIRAL_TRY(spiral__decoder_objective_gradient(&t->objective, step, t->grad, nats, err));
    const double norm = sqrt(spiral__nn_kernels_get()->square_sum(t->floats, t->grad));
    spiral__lap(SPIRAL__LAP_DECODER_OPTIMIZER, 0);
    const spiral__optimizer_plan plan = {
        .ranges = {{d->matrices_begin, d->matrices_begin + d->matrices},
                   {d->vectors_begin, d->vectors_begin + d->vectors}},
        .step = step,
        .rate = rate,
        .decay = DECAY,
        .beta2 = BETA2,
        .scale = norm > CLIP ? CLIP / norm : 1,
    };
    spiral__optimizer_step(optimizer, &plan, t->model->arena, t->grad, pool);
    move_mean(t, step);
    spiral__lap(SPIRAL__LAP_DECODER_OPTIMIZER, 0);
    return SPIRAL_OK;
}

void spiral__decoder_training_use_mean(spiral__decoder_training *t) {
    spiral__decoder_copy_out(t->model, t->model->arena, t->aside);
    spiral__decoder_copy_in(t->model, t->mean, t->model->arena);
}

void spiral__decoder_training_restore_weights(spiral__decoder_training *t) {
    spiral__decoder_copy_in(t->model, t->aside, t->model->arena);
}
