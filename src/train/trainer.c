/* SPDX-License-Identifier: MIT
 *
 * The calls of a trainer: create, start, step, validate, finish. Saving and loading are in state.c.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/sized.h"
#include "eval/baselines.h"
#include "eval/likelihood.h"
#include "eval/score.h"
#include "spiral/generate.h"
#include "train/trainer.h"

/* Smallest struct_sizes that are accepted: those of version 0.2. */
#define FIRST_VALIDATION (offsetof(spiral_validation, train_kl) + sizeof(double))
#define FIRST_STATE      (offsetof(spiral_trainer_state, windows_per_epoch) + sizeof(double))

enum { VALIDATION_FRAMES = 10000 }; /* of the held-out files, for the decoder */

static spiral_status check_corpora(const spiral_model *m, const spiral_corpus *train,
                                   const spiral_corpus *valid, spiral_error *err) {
    SPIRAL_TRY(spiral__corpus_check(train, &m->config.grid, m->config.planes, err));
    SPIRAL_TRY(spiral__corpus_check(valid, &m->config.grid, m->config.planes, err));
    if (train->T == m->config.frames) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the corpus has windows of %d frames, the model of %d",
                        train->T, m->config.frames);
}

spiral_status spiral_trainer_create(const spiral_train_options *options, spiral_model *model,
                                    const spiral_corpus *train, const spiral_corpus *valid,
                                    spiral_trainer **out, spiral_error *err) {
    spiral__train_settings settings;
    SPIRAL_TRY(spiral__train_settings_read(options, &settings, err));
    SPIRAL_TRY(check_corpora(model, train, valid, err));
    spiral_trainer *t = calloc(1, sizeof *t);
    if (!t) return spiral__no_memory(err, sizeof *t);
    *t = (spiral_trainer){.settings = settings, .corpus = train, .valid = valid, .model = model};
    spiral_status status = spiral__pool_create(settings.options.threads, &t->pool, err);
    if (status == SPIRAL_OK)
        status = spiral__objective_create(&t->settings, model, train, t->pool, &t->objective, err);
    if (status == SPIRAL_OK) status = spiral__optimizer_create(model->tensors.trained, &t->optimizer, err);
    if (status == SPIRAL_OK) {
        t->best = spiral__floats(model->tensors.trained);
        if (!t->best) status = spiral__no_memory(err, model->tensors.trained * sizeof *t->best);
    }
    if (status != SPIRAL_OK) {
        spiral_trainer_destroy(t);
        return status;
    }
    *out = t;
    return SPIRAL_OK;
}

void spiral_trainer_destroy(spiral_trainer *t) {
    if (!t) return;
    spiral__objective_clear(&t->objective);
    spiral__decoder_training_clear(&t->decoder);
    spiral__optimizer_clear(&t->optimizer);
    spiral__pool_destroy(t->pool);
    free(t->best);
    for (int i = 0; i < SPIRAL_TRAIN_NETWORKS; i++) free(t->phases[i].history);
    free(t);
}

/* Keeps the memory of the history. */
static void reset_phase(spiral__phase *p, int64_t steps) {
    *p = (spiral__phase){.steps = steps, .history = p->history, .history_capacity = p->history_capacity};
}

void spiral__trainer_reset(spiral_trainer *t, int64_t steps) {
    spiral__optimizer_reset(&t->optimizer);
    for (int i = 0; i < SPIRAL_TRAIN_NETWORKS; i++) reset_phase(&t->phases[i], 0);
    t->network = SPIRAL_TRAIN_AUTOENCODER;
    spiral__trainer_now(t)->steps = steps;
    t->calibration.samples = SPIRAL_CALIBRATION_SAMPLES_MAX;
    t->finished = 0;
}

static spiral_status check_steps(int64_t steps, spiral_error *err) {
    if (steps >= 1 && steps <= INT64_C(1000000000000)) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "steps is %lld, must be 1 to 1e12", (long long)steps);
}

spiral_status spiral_trainer_start(spiral_trainer *t, int64_t steps, spiral_error *err) {
    SPIRAL_TRY(check_steps(steps, err));
    spiral__trainer_reset(t, steps);
    spiral__model_init(t->model, t->settings.options.seed, t->pool);
    return spiral__pca_start(t->model, t->corpus, t->settings.options.seed, t->pool, err);
}

spiral_status spiral__trainer_check_started(const spiral_trainer *t, spiral_error *err) {
    return t->phases[t->network].steps
               ? SPIRAL_OK
               : spiral__fail(err, SPIRAL_BAD_ARG, -1, "the training has not been started");
}

/* Restores the best weights and measures the latents with them. */
static spiral_status complete_autoencoder(spiral_trainer *t, spiral_error *err) {
    if (t->phases[SPIRAL_TRAIN_AUTOENCODER].best_entry.step) {
        memcpy(t->model->arena, t->best, t->model->tensors.trained * sizeof *t->best);
        spiral__model_update(t->model, t->pool);
    }
    return spiral__measure_latents(t->model, t->corpus, t->pool, err);
}

spiral_status spiral__trainer_create_decoder(spiral_trainer *t, spiral_error *err) {
    if (!t->model->decoder.H)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the model has no decoder: decoder is 0 in its config");
    if (t->decoder.mean) return SPIRAL_OK;
    return spiral__decoder_training_create(&t->settings, t->model, t->corpus, t->pool, &t->decoder, err);
}

spiral_status spiral_trainer_start_decoder(spiral_trainer *t, int64_t steps, spiral_error *err) {
    SPIRAL_TRY(spiral__trainer_check_started(t, err));
    SPIRAL_TRY(check_steps(steps, err));
    if (t->finished) return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the training is finished");
    SPIRAL_TRY(spiral__trainer_create_decoder(t, err));
    spiral_model *m = t->model;
    if (t->network == SPIRAL_TRAIN_AUTOENCODER) {
        SPIRAL_TRY(complete_autoencoder(t, err));
    } else { /* a second start: back to the state of the first */
        spiral__decoder *d = &m->decoder;
        spiral__tensors_init_some(&m->tensors, d->first_tensor, d->tensors, t->settings.options.seed,
                                  m->arena);
        for (size_t i = 0; i < t->decoder.floats; i++) t->decoder.mean[i] = 0;
        spiral__decoder_copy_in(m, t->decoder.mean, t->optimizer.moment1);
        spiral__decoder_copy_in(m, t->decoder.mean, t->optimizer.moment2);
    }
    memcpy(t->best, m->arena, m->tensors.trained * sizeof *t->best);
    t->network = SPIRAL_TRAIN_DECODER;
    reset_phase(spiral__trainer_now(t), steps);
    spiral__decoder_training_start(&t->decoder);
    return SPIRAL_OK;
}

spiral_status spiral_trainer_set_parts(spiral_trainer *t, const int64_t *steps, int count,
                                       spiral_error *err) {
    spiral__phase *now = spiral__trainer_now(t);
    spiral__parts parts = {.count = count};
    const int64_t most = INT64_C(1000000000000) / SPIRAL_TRAIN_PARTS_MAX;
    SPIRAL_TRY(spiral__trainer_check_started(t, err));
    if (count < 1 || count > SPIRAL_TRAIN_PARTS_MAX)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "parts of the schedule is %d, must be 1 to %d", count,
                            SPIRAL_TRAIN_PARTS_MAX);
    for (int i = 0; i < count; i++) {
        if (steps[i] < 0 || steps[i] > most)
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "part %d has %lld steps, must be 0 to %lld", i + 1,
                                (long long)steps[i], (long long)most);
        parts.steps[i] = steps[i];
    }
    SPIRAL_TRY(check_steps(spiral__parts_sum(&parts), err));
    const spiral__part_position at = spiral__parts_find(&now->parts, now->step, now->steps);
    const int begun = !now->step ? 0 : now->parts.count ? at.part + (at.step > 0) : SPIRAL_TRAIN_PARTS_MAX;
    int changed = begun > 0 && count != now->parts.count;
    for (int i = 0; i < begun && !changed; i++) changed = parts.steps[i] != now->parts.steps[i];
    if (changed || t->finished)
        return spiral__fail(
            err, SPIRAL_BAD_ARG, -1,
            "a part of the schedule that has begun, and the number of parts, cannot be changed");
    now->parts = parts;
    now->steps = spiral__parts_sum(&parts);
    return SPIRAL_OK;
}

/* The learning rate of the next step. */
static double learning_rate(const spiral_trainer *t) {
    const spiral__phase *now = &t->phases[t->network];
    const spiral__part_position at = spiral__parts_find(&now->parts, now->step, now->steps);
    const double steps = (double)at.steps, before = at.part * steps + (double)at.step, end = at.parts * steps;
    if (t->network == SPIRAL_TRAIN_AUTOENCODER)
        return spiral__learning_rate(t->settings.options.learning_rate, before + 1, end);
    return spiral__decoder_learning_rate(now->step, end > 0 ? before / end : 1);
}

/* The autoencoder's matrices and vectors come first in the arena's groups. */
static spiral_status step_autoencoder(spiral_trainer *t, double *loss, double *kl, spiral_error *err) {
    const spiral_train_options *o = &t->settings.options;
    const spiral__tensor_list *list = &t->model->tensors;
    const spiral__decoder *d = &t->model->decoder;
    const spiral__phase *now = spiral__trainer_now(t);
    const spiral__optimizer_plan plan = {
        .ranges = {{0, d->H ? d->matrices_begin : list->matrices},
                   {list->matrices, d->H ? d->vectors_begin : list->trained}},
        .step = now->step,
        .rate = learning_rate(t),
        .decay = o->weight_decay,
        .beta2 = 0.99,
        .scale = 1.0f / (float)o->batch,
    };
    spiral__optimizer_update update = spiral__optimizer_prepare(&t->optimizer, &plan, t->model->arena);
    const spiral__gradient_receiver receiver = {spiral__optimizer_receive, &update};
    return spiral__objective_gradient(&t->objective, now->step, &receiver, loss, kl, err);
}

spiral_status spiral_trainer_step(spiral_trainer *t, spiral_error *err) {
    spiral__phase *now = spiral__trainer_now(t);
    double loss, kl = 0;
    SPIRAL_TRY(spiral__trainer_check_started(t, err));
    if (t->finished || now->step >= now->steps)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "all %lld steps have been made", (long long)now->steps);
    const spiral__profile_time entered = spiral__profile_enter(t->profile, 1);
    const spiral_status status = t->network == SPIRAL_TRAIN_AUTOENCODER
                                     ? step_autoencoder(t, &loss, &kl, err)
                                     : spiral__decoder_training_step(&t->decoder, &t->optimizer, now->step,
                                                                     learning_rate(t), t->pool, &loss, err);
    spiral__profile_leave(t->profile, 1, t->network, entered);
    if (status != SPIRAL_OK) return status;
    now->loss_sum += loss;
    now->kl_sum += kl;
    now->loss_steps++;
    now->step++;
    return SPIRAL_OK;
}

spiral_status spiral__phase_add_history(spiral__phase *p, spiral__history_entry entry, spiral_error *err) {
    if (p->history_count == p->history_capacity) {
        size_t capacity = 2 * p->history_capacity + 32;
        spiral__history_entry *longer = realloc(p->history, capacity * sizeof *longer);
        if (!longer) return spiral__no_memory(err, capacity * sizeof *longer);
        p->history = longer;
        p->history_capacity = capacity;
    }
    p->history[p->history_count++] = entry;
    return SPIRAL_OK;
}

/* The mean of a sum over the steps since the last validation. */
static double mean(const spiral__phase *p, double sum) {
    return p->loss_steps ? sum / (double)p->loss_steps : 0;
}

/* ---- validation ---- */

static spiral_status validate_autoencoder(spiral_trainer *t, spiral_validation *v, spiral_error *err) {
    spiral__scores scores;
    spiral_status status =
        spiral__score_windows(t->model, t->valid, t->objective.loss, t->pool, &scores, err);
    if (status == SPIRAL_NUMERIC)
        return spiral__fail_not_finite(&t->settings, t->valid->entries[scores.bad_file].path, "after",
                                       spiral__trainer_now(t)->step, err);
    v->loss = scores.loss;
    v->f1 = scores.f1;
    v->exact = scores.exact;
    return status;
}

/* Scores the mean of the weights. */
static spiral_status validate_decoder(spiral_trainer *t, spiral_validation *v, spiral_error *err) {
    spiral__likelihood l;
    spiral__decoder_training_use_mean(&t->decoder);
    spiral_status status =
        spiral__likelihood_of_corpus(t->model, t->valid, VALIDATION_FRAMES, t->pool, &l, err);
    spiral__decoder_training_restore_weights(&t->decoder);
    if (status == SPIRAL_OK) v->nats_per_frame = l.nats / (double)l.frames;
    return status;
}

static void keep_best(spiral_trainer *t) {
    if (t->network == SPIRAL_TRAIN_AUTOENCODER)
        memcpy(t->best, t->model->arena, t->model->tensors.trained * sizeof *t->best);
    else
        spiral__decoder_copy_in(t->model, t->decoder.mean, t->best);
}

spiral_status spiral_trainer_validate(spiral_trainer *t, spiral_validation *result, spiral_error *err) {
    spiral__phase *now = spiral__trainer_now(t);
    const int is_decoder = t->network == SPIRAL_TRAIN_DECODER;
    spiral_validation v = {.struct_size = sizeof v};
    if (result)
        SPIRAL_TRY(
            spiral__sized_check("validation", result->struct_size, FIRST_VALIDATION, sizeof *result, err));
    const spiral__profile_time entered = spiral__profile_enter(t->profile, 0);
    SPIRAL_TRY(is_decoder ? validate_decoder(t, &v, err) : validate_autoencoder(t, &v, err));
    spiral__profile_leave(t->profile, 0, t->network, entered);
    v.train_loss = is_decoder ? 0 : mean(now, now->loss_sum);
    v.train_nats_per_frame = is_decoder ? mean(now, now->loss_sum) : 0;
    v.train_kl = mean(now, now->kl_sum);
    const spiral__history_entry entry = {now->step, mean(now, now->loss_sum),
                                         is_decoder ? v.nats_per_frame : v.loss, v.f1, v.exact};
    SPIRAL_TRY(spiral__phase_add_history(now, entry, err));
    if (!now->best_entry.step || entry.valid < now->best_entry.valid) {
        now->best_entry = entry;
        keep_best(t);
    }
    if (result) spiral__sized_write(&v, sizeof v, result, result->struct_size);
    now->loss_sum = now->kl_sum = 0;
    now->loss_steps = 0;
    return SPIRAL_OK;
}

/* ---- the end, and the state ---- */

spiral_status spiral_trainer_finish(spiral_trainer *t, spiral_error *err) {
    SPIRAL_TRY(spiral__trainer_check_started(t, err));
    if (t->network == SPIRAL_TRAIN_AUTOENCODER) {
        SPIRAL_TRY(complete_autoencoder(t, err));
    } else {
        if (!spiral__trainer_now(t)->best_entry.step) keep_best(t);
        memcpy(t->model->arena, t->best, t->model->tensors.trained * sizeof *t->best);
        spiral__model_update(t->model, t->pool);
    }
    if (t->model->decoder.H) spiral__baselines_measure(t->model, t->corpus);
    if (t->network == SPIRAL_TRAIN_DECODER)
        SPIRAL_TRY(spiral__calibrate(t->model, t->corpus, t->valid, &t->calibration,
                                     t->settings.options.threads, err));
    t->finished = 1;
    return spiral__trainer_set_metadata(t, err);
}

static int validations(const spiral_trainer *t) {
    enum { MAX = 20 };
    if (t->network != SPIRAL_TRAIN_DECODER) return MAX;
    double held_out = 0;
    for (size_t i = 0; i < t->valid->count; i++)
        if (!t->valid->entries[i].left_out) held_out += (double)t->valid->entries[i].roll.frames;
    const double frames = (double)t->phases[t->network].steps * SPIRAL__STREAMS * SPIRAL__STREAM_FRAMES;
    return (int)fmax(1, fmin(MAX, frames / fmax(1, fmin(VALIDATION_FRAMES, held_out))));
}

void spiral_trainer_get_state(const spiral_trainer *t, spiral_trainer_state *state) {
    const spiral__phase *now = &t->phases[t->network], *ae = &t->phases[SPIRAL_TRAIN_AUTOENCODER];
    const spiral__phase *decoder = &t->phases[SPIRAL_TRAIN_DECODER];
    const spiral__part_position at = spiral__parts_find(&now->parts, now->step, now->steps);
    double windows = (double)t->corpus->positions / t->model->config.frames, frames = 0;
    for (size_t i = 0; i < t->corpus->count; i++)
        if (!t->corpus->entries[i].left_out) frames += (double)t->corpus->entries[i].roll.frames;
    const spiral_trainer_state s = {
        .struct_size = sizeof s,
        .step = now->step,
        .steps = now->steps,
        .best_step = now->best_entry.step,
        .best_loss = ae->best_entry.valid,
        .best_f1 = ae->best_entry.f1,
        .best_exact = ae->best_entry.exact,
        .train_loss = mean(ae, ae->loss_sum),
        .train_kl = mean(ae, ae->kl_sum),
        .learning_rate = learning_rate(t),
        .windows_per_epoch = windows > 1 ? windows : 1,
        .frames_per_epoch = frames,
        .best_nats_per_frame = decoder->best_entry.valid,
        .train_nats_per_frame = mean(decoder, decoder->loss_sum),
        .network = t->network,
        .part_end = now->parts.count ? now->step - at.step + (at.part < at.parts ? at.steps : 0) : now->steps,
        .parts = now->parts.count,
        .validations = validations(t),
    };
    if (state->struct_size >= FIRST_STATE) spiral__sized_write(&s, sizeof s, state, state->struct_size);
}
