/* SPDX-License-Identifier: MIT
 *
 * The training loop: plan the steps, step, report, validate, keep the best, save.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "train/trainer.h"

enum { VALIDATIONS = 20, REPORTS_PER_VALIDATION = 10 };
static const double SAVE_EVERY_S = 30, REPORT_EVERY_S = 0.1;

spiral_train_options spiral_train_options_default(void) {
    spiral_train_options options = {.struct_size = sizeof(spiral_train_options),
                                    .model = spiral_model_config_default(),
                                    .beta = 1,
                                    .free_bits = 0.1,
                                    .batch = 256,
                                    .learning_rate = 0.008,
                                    .weight_decay = 0.01,
                                    .seconds = 120,
                                    .transpose = 3,
                                    .seed = 1};
    spiral_loss_options_default(&options.loss, sizeof options.loss);
    return options;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static spiral_status check_real(const char *name, double value, double low, double high, spiral_error *err) {
    if (value >= low && value <= high) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s is %g, must be %g to %g", name, value, low, high);
}

static spiral_status check_options(const spiral_train_options *o, spiral_error *err) {
    if (o->struct_size != sizeof *o)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "struct_size is %zu, must be %zu: start from "
                            "spiral_train_options_default",
                            o->struct_size, sizeof *o);
    SPIRAL_TRY(check_real("batch", o->batch, 1, 65536, err));
    SPIRAL_TRY(check_real("learning rate", o->learning_rate, 1e-9, 10, err));
    SPIRAL_TRY(check_real("weight decay", o->weight_decay, 0, 10, err));
    SPIRAL_TRY(check_real("beta", o->beta, 0, 1e6, err));
    SPIRAL_TRY(check_real("free bits", o->free_bits, 0, 100, err));
    SPIRAL_TRY(check_real("transpose", o->transpose, 0, 24, err));
    SPIRAL_TRY(check_real("steps", (double)o->steps, 0, 1e12, err));
    SPIRAL_TRY(check_real("epochs", o->epochs, 0, 1e9, err));
    if (!o->steps && o->epochs == 0) SPIRAL_TRY(check_real("time in seconds", o->seconds, 1, 1e8, err));
    if (o->loss.kind == SPIRAL_LOSS_ARGMAX_DISTANCE || o->loss.kind == SPIRAL_LOSS_ARGMAX_DISTANCE_CIRCULAR)
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1,
                            "%s is a metric: it takes the loudest key of each column, which has no gradient",
                            spiral_loss_kind_name(o->loss.kind));
    return SPIRAL_OK;
}

/* How many steps fit into the time that is left: a few are made and timed, then undone. */
static spiral_status measure_steps(spiral__trainer *t, double started, spiral_error *err) {
    const double budget = t->options.seconds, trial_s = fmin(2, 0.03 * budget);
    spiral__validation unused;
    t->steps = 1000000;                       /* a learning rate near zero while measuring */
    SPIRAL_TRY(spiral__trainer_step(t, err)); /* the first step warms caches and threads */
    double begin = now_s(), validation = 0;
    int64_t count = 0;
    do {
        SPIRAL_TRY(spiral__trainer_step(t, err));
        count++;
    } while (now_s() - begin < trial_s);
    double step = (now_s() - begin) / (double)count;
    begin = now_s();
    SPIRAL_TRY(spiral__validate(t, &unused, err));
    validation = now_s() - begin;
    begin = now_s();
    SPIRAL_TRY(spiral__trainer_start(t, err));
    /* another look at the codes, about as long as three validations, comes last */
    double left = budget - (now_s() - started) - (VALIDATIONS + 3) * validation;
    t->steps = left > step ? (int64_t)(left / step) : 1;
    return SPIRAL_OK;
}

static spiral_status plan(spiral__trainer *t, const char *path, int resume, double started,
                          spiral_error *err) {
    SPIRAL_TRY(spiral__trainer_start(t, err));
    if (resume) return spiral__state_load(t, path, err);
    const spiral_train_options *o = &t->options;
    if (o->steps) {
        t->steps = o->steps;
    } else if (o->epochs > 0) {
        double windows = (double)t->corpus->positions / t->model->T;
        t->steps = (int64_t)ceil(o->epochs * fmax(windows, 1) / o->batch);
    } else {
        return measure_steps(t, started, err);
    }
    return SPIRAL_OK;
}

typedef struct reporter {
    spiral__trainer *trainer;
    spiral_train_progress *progress;
    spiral_train_callback callback;
    void *context;
    double started, loop_started, saved, reported; /* seconds */
    int64_t first_step;
} reporter;

static int report(reporter *r, spiral_train_event event) {
    spiral__trainer *t = r->trainer;
    spiral_train_progress *p = r->progress;
    double now = now_s();
    r->reported = now;
    p->event = event;
    p->step = t->step;
    p->steps = t->steps;
    p->windows_seen = (uint64_t)t->step * (uint64_t)t->options.batch;
    p->seconds = now - r->started;
    p->windows_per_s =
        (double)(t->step - r->first_step) * t->options.batch / fmax(now - r->loop_started, 1e-9);
    p->eta_s = (double)(t->steps - t->step) * t->options.batch / fmax(p->windows_per_s, 1e-9);
    p->rate = spiral__trainer_rate(t, t->step);
    p->best_step = t->best_step;
    if (t->loss_steps) {
        p->train_loss = t->loss_sum / (double)t->loss_steps;
        p->train_kl = t->kl_sum / (double)t->loss_steps;
    }
    return r->callback ? r->callback(r->context, p) : 0;
}

static spiral_status validate(reporter *r, spiral_error *err) {
    spiral__trainer *t = r->trainer;
    spiral__validation v;
    SPIRAL_TRY(spiral__validate(t, &v, err));
    if (v.loss < t->best_loss || !t->best_step) {
        t->best_loss = v.loss;
        t->best_step = t->step;
        memcpy(t->best, t->model->arena, t->model->trained * sizeof(float));
    }
    r->progress->valid_loss = v.loss;
    r->progress->valid_f1 = v.f1;
    r->progress->valid_exact = v.exact;
    json_array_append_new(t->history,
                          json_pack("{s:I, s:f, s:f, s:f, s:f}", "step", (json_int_t)t->step, "train",
                                    t->loss_sum / (double)(t->loss_steps ? t->loss_steps : 1), "valid",
                                    v.loss, "f1", v.f1, "exact", v.exact));
    return SPIRAL_OK;
}

/* Steps until the plan is done or the callback asks to stop (INTERRUPTED). */
static spiral_status loop(reporter *r, const char *path, spiral_error *err) {
    spiral__trainer *t = r->trainer;
    const int64_t validate_every = t->steps < VALIDATIONS ? 1 : t->steps / VALIDATIONS;
    const int64_t report_every =
        validate_every < REPORTS_PER_VALIDATION ? 1 : validate_every / REPORTS_PER_VALIDATION;
    while (t->step < t->steps) {
        SPIRAL_TRY(spiral__trainer_step(t, err));
        int stop = 0;
        if (t->step % validate_every == 0 || t->step == t->steps) {
            SPIRAL_TRY(validate(r, err));
            stop = report(r, SPIRAL_TRAIN_VALID);
            t->loss_sum = t->kl_sum = 0;
            t->loss_steps = 0;
        } else if (t->step % report_every == 0 || now_s() - r->reported > REPORT_EVERY_S) {
            stop = report(r, SPIRAL_TRAIN_STEP); /* often enough to be stopped at once */
        }
        if (!stop && t->step < t->steps && now_s() - r->saved > SAVE_EVERY_S) {
            SPIRAL_TRY(spiral__state_save(t, path, 0, err));
            r->saved = now_s();
        }
        if (stop && t->step < t->steps) {
            SPIRAL_TRY(spiral__state_save(t, path, 0, err));
            return spiral__fail(err, SPIRAL_INTERRUPTED, -1, "stopped at step %lld of %lld",
                                (long long)t->step, (long long)t->steps);
        }
    }
    return SPIRAL_OK;
}

/* The best weights become the model; its threshold and its codes are measured. */
static spiral_status finish(reporter *r, const char *path, spiral_error *err) {
    spiral__trainer *t = r->trainer;
    spiral__validation v;
    memcpy(t->model->arena, t->best, t->model->trained * sizeof(float));
    spiral__model_refresh(t->model);
    SPIRAL_TRY(spiral__validate(t, &v, err));
    spiral_model_set_threshold(t->model, v.threshold);
    SPIRAL_TRY(spiral__measure_codes(t, err));
    SPIRAL_TRY(spiral__state_save(t, path, 1, err));
    r->progress->valid_loss = v.loss;
    r->progress->valid_f1 = v.f1;
    r->progress->valid_exact = v.exact;
    return SPIRAL_OK;
}

spiral_status spiral_train(const spiral_train_options *options, const spiral_corpus *train,
                           const spiral_corpus *valid, const char *path, int resume,
                           spiral_train_callback callback, void *context, spiral_train_progress *result,
                           spiral_model **model, spiral_error *err) {
    SPIRAL_TRY(check_options(options, err));
    SPIRAL_TRY(spiral__corpus_check(train, &options->model, err));
    SPIRAL_TRY(spiral__corpus_check(valid, &options->model, err));
    if (train->T != options->model.frames)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the corpus has windows of %d columns, the model of %d",
                            train->T, options->model.frames);
    spiral__trainer t;
    spiral_train_progress progress = {0};
    reporter r = {&t, &progress, callback, context, now_s(), 0, now_s(), 0, 0};
    SPIRAL_TRY(spiral__trainer_create(options, train, valid, &t, err));
    spiral_status status = plan(&t, path, resume, r.started, err);
    r.first_step = t.step;
    r.loop_started = now_s();
    if (status == SPIRAL_OK) status = loop(&r, path, err);
    if (status == SPIRAL_OK) status = finish(&r, path, err);
    if (result && (status == SPIRAL_OK || status == SPIRAL_INTERRUPTED)) {
        progress.seconds = now_s() - r.started;
        *result = progress;
    }
    if (status == SPIRAL_OK && model) {
        *model = t.model;
        t.model = NULL;
    }
    spiral__trainer_clear(&t);
    return status;
}
