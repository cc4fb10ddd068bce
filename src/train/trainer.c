/* SPDX-License-Identifier: MIT
 *
 * A training in pieces: made, started, a step, a validation, finished. Files: state.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/sized.h"
#include "eval/score.h"
#include "train/trainer.h"

/* Smallest struct_sizes that are accepted: those of version 0.2. */
#define FIRST_VALIDATION (offsetof(spiral_validation, train_kl) + sizeof(double))
#define FIRST_STATE      (offsetof(spiral_trainer_state, windows_per_epoch) + sizeof(double))

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
    if (status == SPIRAL_OK) status = spiral__optimizer_create(&model->tensors, &t->optimizer, err);
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
    spiral__optimizer_clear(&t->optimizer);
    spiral__pool_destroy(t->pool);
    free(t->best);
    free(t->history);
    free(t);
}

void spiral__trainer_reset(spiral_trainer *t, int64_t steps) {
    spiral__optimizer_reset(&t->optimizer);
    t->step = 0;
    t->steps = steps;
    t->finished = 0;
    t->best_entry = (spiral__history_entry){.step = 0};
    t->loss_sum = t->kl_sum = 0;
    t->loss_steps = 0;
    t->history_count = 0;
}

spiral_status spiral_trainer_start(spiral_trainer *t, int64_t steps, spiral_error *err) {
    if (steps < 1 || steps > INT64_C(1000000000000))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "steps is %lld, must be 1 to 1e12", (long long)steps);
    spiral__trainer_reset(t, steps);
    spiral__model_init(t->model, t->settings.options.seed, t->pool);
    return spiral__pca_start(t->model, t->corpus, t->settings.options.seed, t->pool, err);
}

spiral_status spiral__trainer_check_started(const spiral_trainer *t, spiral_error *err) {
    return t->steps ? SPIRAL_OK : spiral__fail(err, SPIRAL_BAD_ARG, -1, "the training has not been started");
}

spiral_status spiral_trainer_step(spiral_trainer *t, spiral_error *err) {
    const spiral_train_options *o = &t->settings.options;
    double loss, kl;
    SPIRAL_TRY(spiral__trainer_check_started(t, err));
    if (t->finished || t->step >= t->steps)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "all %lld steps are made", (long long)t->steps);
    SPIRAL_TRY(spiral__objective_gradient(&t->objective, t->step, t->optimizer.grad, &loss, &kl, err));
    spiral__optimizer_step(&t->optimizer, t->step, spiral__learning_rate(o->learning_rate, t->step, t->steps),
                           o->weight_decay, (size_t)o->batch, t->model->arena, t->pool);
    spiral__model_update(t->model, t->pool);
    t->loss_sum += loss;
    t->kl_sum += kl;
    t->loss_steps++;
    t->step++;
    return SPIRAL_OK;
}

spiral_status spiral__trainer_add_history(spiral_trainer *t, spiral__history_entry entry, spiral_error *err) {
    if (t->history_count == t->history_capacity) {
        size_t capacity = 2 * t->history_capacity + 32;
        spiral__history_entry *longer = realloc(t->history, capacity * sizeof *longer);
        if (!longer) return spiral__no_memory(err, capacity * sizeof *longer);
        t->history = longer;
        t->history_capacity = capacity;
    }
    t->history[t->history_count++] = entry;
    return SPIRAL_OK;
}

/* Means of the steps since the last validation. */
static double mean(const spiral_trainer *t, double sum) {
    return t->loss_steps ? sum / (double)t->loss_steps : 0;
}

spiral_status spiral_trainer_validate(spiral_trainer *t, spiral_validation *result, spiral_error *err) {
    spiral__scores scores;
    if (result)
        SPIRAL_TRY(
            spiral__sized_check("validation", result->struct_size, FIRST_VALIDATION, sizeof *result, err));
    spiral_status status =
        spiral__score_windows(t->model, t->valid, t->objective.loss, t->pool, &scores, err);
    if (status == SPIRAL_NUMERIC)
        return spiral__fail_not_finite(&t->settings, t->valid->entries[scores.bad_file].path, "after",
                                       t->step, err);
    SPIRAL_TRY(status);
    const spiral__history_entry entry = {t->step, mean(t, t->loss_sum), scores.loss, scores.f1, scores.exact};
    SPIRAL_TRY(spiral__trainer_add_history(t, entry, err));
    if (!t->best_entry.step || entry.valid < t->best_entry.valid) {
        t->best_entry = entry;
        memcpy(t->best, t->model->arena, t->model->tensors.trained * sizeof *t->best);
    }
    const spiral_validation v = {sizeof v,     scores.loss,          scores.f1,
                                 scores.exact, mean(t, t->loss_sum), mean(t, t->kl_sum)};
    if (result) spiral__sized_write(&v, sizeof v, result, result->struct_size);
    t->loss_sum = t->kl_sum = 0;
    t->loss_steps = 0;
    return SPIRAL_OK;
}

spiral_status spiral_trainer_finish(spiral_trainer *t, spiral_error *err) {
    SPIRAL_TRY(spiral__trainer_check_started(t, err));
    if (t->best_entry.step) {
        memcpy(t->model->arena, t->best, t->model->tensors.trained * sizeof *t->best);
        spiral__model_update(t->model, t->pool);
    }
    SPIRAL_TRY(spiral__measure_latents(t->model, t->corpus, t->pool, err));
    t->finished = 1;
    return spiral__trainer_set_metadata(t, err);
}

void spiral_trainer_get_state(const spiral_trainer *t, spiral_trainer_state *state) {
    const spiral_train_options *o = &t->settings.options;
    double windows = (double)t->corpus->positions / t->model->config.frames;
    const spiral_trainer_state s = {
        .struct_size = sizeof s,
        .step = t->step,
        .steps = t->steps,
        .best_step = t->best_entry.step,
        .best_loss = t->best_entry.valid,
        .best_f1 = t->best_entry.f1,
        .best_exact = t->best_entry.exact,
        .train_loss = mean(t, t->loss_sum),
        .train_kl = mean(t, t->kl_sum),
        .learning_rate = spiral__learning_rate(o->learning_rate, t->step, t->steps),
        .windows_per_epoch = windows > 1 ? windows : 1,
    };
    if (state->struct_size >= FIRST_STATE) spiral__sized_write(&s, sizeof s, state, state->struct_size);
}
