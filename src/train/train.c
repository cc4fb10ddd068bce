/* SPDX-License-Identifier: MIT
 *
 * A whole training by the public calls: plans the steps, makes them, reports, validates and saves. Time is
 * read only here. It decides how many steps are planned (pace.h), when to report and when to save the
 * training, never what a step computes.
 */
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/sized.h"
#include "generate/calibrate.h"
#include "spiral/eval.h"
#include "train/loop.h"
#include "train/options.h"
#include "train/pace.h"
#include "train/trainer.h"

/* Smallest struct_size that is accepted: the progress of version 0.2. */
#define FIRST_PROGRESS (offsetof(spiral_train_progress, best_step) + sizeof(int64_t))

enum { DECODER_BATCH = 128 }; /* frames of a step of the decoder */
enum { REPORTS = 200 };       /* at least so many, if there are as many steps */
static const double REPORT_EVERY_S = 0.1;
/* The calibration's samples may take this share of the decoder's time; the smallest number of samples may
 * take more. */
static const double CALIBRATING = 0.25;

typedef struct run {
    spiral_train_plan plan;
    const spiral_train_options *options;
    spiral_model *model;
    const spiral_corpus *train, *valid;
    spiral_trainer *trainer;
    spiral_train_progress progress;
    spiral__clock *clock;
    void *clock_context;
    double started, loop_started, saved, reported; /* seconds */
    int timed;        /* the current network is trained for a time, by this plan: */
    double end_s;     /* when its training, with all work after it, is to end */
    double finish_s;  /* how long the work after its last validation takes, without ... */
    double samples_s; /* ... the calibration's samples, and how long these take */
    double calibration_began_s;
    double calibration_max_s; /* how long these may take */
    spiral__pace pace;
    spiral__parts parts;
    int part;             /* the next one */
    int calibration_part; /* after this part, or the first that runs later, plan the calibration again */
    spiral__trainer_record record; /* of plan.steps_of */
    int64_t first_step;            /* of this run and network; not 0 if it was resumed */
    spiral_error save_error;       /* of the last save, until it is reported */
} run;

static double now_s(const run *r) { return r->clock(r->clock_context); }

static spiral_trainer_state state_of(const run *r) {
    spiral_trainer_state state = {.struct_size = sizeof state};
    spiral_trainer_get_state(r->trainer, &state);
    return state;
}

/* ---- planning ---- */

static spiral_status check_number(const char *name, double value, double low, double high,
                                  spiral_error *err) {
    if (value >= low && value <= high) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s is %g, must be %g to %g", name, value, low, high);
}

static spiral_status check_plan(const spiral_train_plan *p, spiral_error *err) {
    SPIRAL_TRY(check_number("steps", (double)p->steps, 0, 1e12, err));
    SPIRAL_TRY(check_number("epochs", p->epochs, 0, 1e9, err));
    if (!p->steps && p->epochs == 0) SPIRAL_TRY(check_number("seconds", p->seconds, 1, 1e8, err));
    SPIRAL_TRY(check_number("seconds_used", p->seconds_used, 0, 1e8, err));
    SPIRAL_TRY(check_number("save_every_s", p->save_every_s, 0, 1e8, err));
    if (p->state_path && !p->path)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "state_path needs a path for the finished model");
    SPIRAL_TRY(check_number("decoder_steps", (double)p->decoder_steps, 0, 1e12, err));
    SPIRAL_TRY(check_number("decoder_share", p->decoder_share, 0.05, 0.95, err));
    if (p->resume && !p->path)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "resume needs the path of a file to resume from");
    return SPIRAL_OK;
}

static int has_decoder(const run *r) { return spiral_model_get_config(r->model)->decoder > 0; }

/* Measures how long a step and a validation of the current network take. */
static spiral_status measure_speed(run *r, spiral_error *err) {
    const int64_t most = 1000;
    const double trial_s = fmin(0.5, 0.01 * r->plan.seconds);
    SPIRAL_TRY(spiral_trainer_step(r->trainer, err)); /* not timed: the first step is slower */
    int64_t count = 0;
    double begin = now_s(r), took = 0;
    for (; took < trial_s && count < most; took = now_s(r) - begin, count++)
        SPIRAL_TRY(spiral_trainer_step(r->trainer, err));
    begin = now_s(r);
    SPIRAL_TRY(spiral_trainer_validate(r->trainer, NULL, err));
    r->pace = (spiral__pace){.step_s = took / (double)count, .validation_s = now_s(r) - begin};
    return SPIRAL_OK;
}

/* Draws a few samples to measure how long the calibration's samples take, and chooses their number. */
static spiral_status plan_calibration(run *r, spiral_error *err) {
    enum { TRIED = 8 };
    int most;
    const double begin = now_s(r);
    SPIRAL_TRY(
        spiral__calibrate_rehearse(r->model, r->train, r->valid, r->options->threads, TRIED, &most, err));
    const double sample_s = (now_s(r) - begin) / TRIED;
    const int samples = spiral__calibrate_fit(r->calibration_max_s / fmax(sample_s, 1e-9), most);
    r->samples_s = sample_s * spiral__calibrate_samples(samples);
    r->trainer->calibration.samples = samples;
    return SPIRAL_OK;
}

/* Measures how long everything after the last step of the last network takes. */
static spiral_status measure_end(run *r, spiral_error *err) {
    float threshold, scale;
    int most;
    const double begin = now_s(r);
    if (has_decoder(r))
        SPIRAL_TRY(
            spiral__calibrate_rehearse(r->model, r->train, r->valid, r->options->threads, 0, &most, err));
    else
        SPIRAL_TRY(spiral_trainer_finish(r->trainer, err));
    SPIRAL_TRY(spiral_model_choose_threshold(r->model, r->valid, r->options->threads, &threshold, err));
    SPIRAL_TRY(spiral_model_choose_min_risk_scale(r->model, r->valid, &scale, err));
    r->finish_s = now_s(r) - begin;
    return has_decoder(r) ? plan_calibration(r, err) : SPIRAL_OK;
}

/* Gives the remaining parts as many steps as fit in the remaining time. If time is short, some parts get
 * none. */
static spiral_status plan_parts(run *r, spiral_error *err) {
    spiral__parts *p = &r->parts;
    r->pace.end_s = r->end_s - r->finish_s - r->samples_s;
    r->pace.began_s = now_s(r);
    for (int64_t steps = 0; r->part < p->count && !steps; r->part++) {
        steps = spiral__pace_steps(&r->pace, r->pace.began_s, p->count - r->part);
        if (!r->part && !steps) steps = 1;
        for (int i = r->part; i < p->count; i++) p->steps[i] = steps;
    }
    return spiral_trainer_set_parts(r->trainer, p->steps, p->count, err);
}

/* Plans the current network, which has just been started, to end at end_s. */
static spiral_status begin_parts(run *r, double end_s, spiral_error *err) {
    r->timed = 1;
    r->end_s = end_s;
    r->pace.end_s = end_s - r->finish_s - r->samples_s;
    r->part = 0;
    r->parts.count = spiral__pace_parts(&r->pace, now_s(r));
    r->calibration_part = r->parts.count / 2;
    return plan_parts(r, err);
}

/* Call it after the validation at the end of a part. */
static spiral_status next_part(run *r, double validation_s, spiral_error *err) {
    const int at = r->part - 1; /* the part that ended */
    spiral__pace_measured(&r->pace, now_s(r), r->parts.steps[at], validation_s);
    if (state_of(r).network == SPIRAL_TRAIN_DECODER && at >= r->calibration_part) {
        SPIRAL_TRY(plan_calibration(r, err)); /* the time depends on the notes, and these on the weights */
        r->calibration_part = at < r->parts.count - 2 ? r->parts.count - 2 : r->parts.count;
    }
    return plan_parts(r, err);
}

/* So many that the learning rate stays near 0 in the trial. */
enum { TRIAL_STEPS = 1000000 };

/* Makes trial steps, then starts anew. The autoencoder gets the time that is not the decoder's share. */
static spiral_status start_for_seconds(run *r, spiral_error *err) {
    const double begin = r->started, end = begin + r->plan.seconds - r->plan.seconds_used;
    SPIRAL_TRY(spiral_trainer_start(r->trainer, TRIAL_STEPS, err));
    SPIRAL_TRY(measure_speed(r, err));
    if (!has_decoder(r)) SPIRAL_TRY(measure_end(r, err));
    SPIRAL_TRY(spiral_trainer_start(r->trainer, TRIAL_STEPS, err));
    return begin_parts(r, has_decoder(r) ? begin + (end - begin) * (1 - r->plan.decoder_share) : end, err);
}

/* Reads the steps of the training that is repeated. */
static spiral_status read_record(run *r, spiral_error *err) {
    char path_text[SPIRAL__PATH_TEXT];
    if (!r->plan.steps_of) return SPIRAL_OK;
    SPIRAL_TRY(spiral__trainer_record_read(r->plan.steps_of, &r->record, err));
    if (!has_decoder(r) || r->record.steps[SPIRAL_TRAIN_DECODER]) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_NO_DATA, -1, "%s: it has no decoder whose steps could be repeated",
                        spiral__error_path(r->plan.steps_of, path_text));
}

static spiral_status start_repeated(run *r, spiral_train_network network,
                                    spiral_status (*begin)(spiral_trainer *, int64_t, spiral_error *),
                                    spiral_error *err) {
    const spiral__parts *parts = &r->record.parts[network];
    SPIRAL_TRY(begin(r->trainer, r->record.steps[network], err));
    r->trainer->calibration.samples = r->record.calibration_samples;
    return parts->count ? spiral_trainer_set_parts(r->trainer, parts->steps, parts->count, err) : SPIRAL_OK;
}

static int64_t steps_of_epochs(const run *r, double size, double batch) {
    return (int64_t)fmax(1, ceil(r->plan.epochs * size / batch));
}

static spiral_status start(run *r, spiral_error *err) {
    const spiral_train_plan *p = &r->plan;
    if (p->resume) {
        int beside = p->state_path && !access(p->state_path, F_OK);
        return spiral_trainer_load(r->trainer, beside ? p->state_path : p->path, err);
    }
    if (p->steps_of) return start_repeated(r, SPIRAL_TRAIN_AUTOENCODER, spiral_trainer_start, err);
    if (p->steps) return spiral_trainer_start(r->trainer, p->steps, err);
    if (p->epochs > 0)
        return spiral_trainer_start(
            r->trainer, steps_of_epochs(r, state_of(r).windows_per_epoch, r->options->batch), err);
    return start_for_seconds(r, err);
}

/* The time that the run before a resume took is unknown: the decoder then gets its share of `seconds`. */
static spiral_status start_decoder_for_seconds(run *r, spiral_error *err) {
    const spiral_train_plan *p = &r->plan;
    const double begin = now_s(r);
    const double end =
        p->resume ? begin + p->decoder_share * p->seconds : r->started + p->seconds - p->seconds_used;
    r->calibration_max_s = CALIBRATING * (end - begin);
    SPIRAL_TRY(spiral_trainer_start_decoder(r->trainer, TRIAL_STEPS, err));
    SPIRAL_TRY(measure_speed(r, err));
    SPIRAL_TRY(measure_end(r, err));
    SPIRAL_TRY(spiral_trainer_start_decoder(r->trainer, TRIAL_STEPS, err));
    return begin_parts(r, end, err);
}

static spiral_status start_decoder(run *r, spiral_error *err) {
    const spiral_train_plan *p = &r->plan;
    r->timed = 0;
    if (p->steps_of) return start_repeated(r, SPIRAL_TRAIN_DECODER, spiral_trainer_start_decoder, err);
    int64_t steps = p->decoder_steps ? p->decoder_steps : p->steps;
    if (!p->steps && p->epochs > 0) steps = steps_of_epochs(r, state_of(r).frames_per_epoch, DECODER_BATCH);
    if (p->steps || p->epochs > 0) return spiral_trainer_start_decoder(r->trainer, steps, err);
    return start_decoder_for_seconds(r, err);
}

/* ---- the loop ---- */

static void report_speed(run *r, const spiral_trainer_state *s, double now) {
    spiral_train_progress *p = &r->progress;
    const double steps_per_s = (double)(s->step - r->first_step) / fmax(now - r->loop_started, 1e-9);
    p->eta_s = (double)(s->steps - s->step) / fmax(steps_per_s, 1e-9);
    if (r->timed) p->eta_s = fmax(0, r->started + r->plan.seconds - r->plan.seconds_used - now);
    if (s->network == SPIRAL_TRAIN_DECODER) {
        p->frames_seen = (uint64_t)s->step * DECODER_BATCH;
        p->frames_per_s = steps_per_s * DECODER_BATCH;
        return;
    }
    p->windows_seen = (uint64_t)s->step * (uint64_t)r->options->batch;
    p->windows_per_s = steps_per_s * r->options->batch;
}

/* Calls the callback. Returns nonzero if it asks to stop. */
static int report(run *r, spiral_train_event event) {
    const spiral_trainer_state s = state_of(r);
    spiral_train_progress *p = &r->progress;
    const double now = now_s(r);
    r->reported = now;
    p->event = event;
    p->network = s.network;
    p->step = s.step;
    p->steps = s.steps;
    p->seconds = now - r->started;
    p->learning_rate = s.learning_rate;
    p->best_step = s.best_step;
    if (event == SPIRAL_TRAIN_CALIBRATION)
        p->eta_s = (now - r->calibration_began_s) * (1 - p->calibrated) / p->calibrated;
    else
        report_speed(r, &s, now);
    if (event == SPIRAL_TRAIN_STEP && s.network == SPIRAL_TRAIN_DECODER) {
        p->train_nats_per_frame = s.train_nats_per_frame;
    } else if (event == SPIRAL_TRAIN_STEP) {
        p->train_loss = s.train_loss;
        p->train_kl = s.train_kl;
    }
    p->save_error = *r->save_error.text ? r->save_error.text : NULL;
    int stop = r->plan.callback ? r->plan.callback(r->plan.context, p) : 0;
    p->save_error = NULL;
    *r->save_error.text = 0;
    return stop;
}

static spiral_status validate(run *r, spiral_error *err) {
    spiral_validation v = {.struct_size = sizeof v};
    spiral_train_progress *p = &r->progress;
    SPIRAL_TRY(spiral_trainer_validate(r->trainer, &v, err));
    if (state_of(r).network == SPIRAL_TRAIN_DECODER) {
        p->train_nats_per_frame = v.train_nats_per_frame;
        p->valid_nats_per_frame = v.nats_per_frame;
        return SPIRAL_OK;
    }
    p->train_loss = v.train_loss;
    p->train_kl = v.train_kl;
    p->valid_loss = v.loss;
    p->valid_f1 = v.f1;
    p->valid_exact = v.exact;
    return SPIRAL_OK;
}

static spiral_status save_state(run *r, spiral_error *err) {
    const char *path = r->plan.state_path ? r->plan.state_path : r->plan.path;
    r->saved = now_s(r);
    return path ? spiral_trainer_save(r->trainer, path, err) : SPIRAL_OK;
}

/* Saves the finished model. The state of the training is no longer needed. */
static spiral_status save_model(run *r, spiral_error *err) {
    if (!r->plan.path) return SPIRAL_OK;
    SPIRAL_TRY(spiral_trainer_save(r->trainer, r->plan.path, err));
    if (r->plan.state_path) unlink(r->plan.state_path);
    return SPIRAL_OK;
}

/* s: the state before the step. */
static int validation_is_due(const spiral_trainer_state *s, int64_t step) {
    if (s->parts) return step == s->part_end;
    const int64_t every = s->steps < s->validations ? 1 : s->steps / s->validations;
    return step % every == 0 || step == s->steps;
}

static int report_is_due(const run *r, const spiral_trainer_state *s, int64_t step) {
    const int64_t every = s->steps / REPORTS;
    return step % (every < 1 ? 1 : every) == 0 ||
           now_s(r) - r->reported > REPORT_EVERY_S; /* the callback must be able to stop slow steps too */
}

/* Validates, reports, plans and saves, if it is due after a step. s: the state before the step. INTERRUPTED:
 * the callback asked to stop. */
static spiral_status after_step(run *r, const spiral_trainer_state *s, spiral_error *err) {
    const int64_t step = s->step + 1;
    int stop = 0;
    if (validation_is_due(s, step)) {
        const double begin = now_s(r);
        SPIRAL_TRY(validate(r, err));
        const double validation_s = now_s(r) - begin;
        stop = report(r, SPIRAL_TRAIN_VALID);
        if (r->timed && step < s->steps) SPIRAL_TRY(next_part(r, validation_s, err));
    } else if (report_is_due(r, s, step)) {
        stop = report(r, SPIRAL_TRAIN_STEP);
    }
    const int64_t steps = state_of(r).steps;
    if (step == steps) return SPIRAL_OK;
    if (stop) {
        SPIRAL_TRY(save_state(r, err));
        return spiral__fail(err, SPIRAL_INTERRUPTED, -1, "stopped at step %lld of %lld", (long long)step,
                            (long long)steps);
    }
    if (now_s(r) - r->saved > r->plan.save_every_s) (void)!save_state(r, &r->save_error);
    return SPIRAL_OK;
}

static spiral_status loop(run *r, spiral_error *err) {
    spiral_trainer_state s = state_of(r);
    r->first_step = s.step;
    r->loop_started = r->saved = now_s(r);
    for (; s.step < s.steps; s = state_of(r)) {
        SPIRAL_TRY(spiral_trainer_step(r->trainer, err));
        SPIRAL_TRY(after_step(r, &s, err));
    }
    return SPIRAL_OK;
}

static int report_calibration(void *context, double share) {
    run *r = context;
    r->progress.calibrated = share;
    return report(r, SPIRAL_TRAIN_CALIBRATION);
}

/* Saves the state before the calibration, which can take as long as many steps. */
static spiral_status finish_trainer(run *r, spiral_error *err) {
    if (state_of(r).network != SPIRAL_TRAIN_DECODER) return spiral_trainer_finish(r->trainer, err);
    (void)!save_state(r, &r->save_error);
    r->trainer->calibration.callback = report_calibration;
    r->trainer->calibration.context = r;
    r->calibration_began_s = now_s(r);
    const spiral_status status = spiral_trainer_finish(r->trainer, err);
    if (status != SPIRAL_INTERRUPTED) return status;
    SPIRAL_TRY(save_state(r, err));
    return spiral__fail(err, SPIRAL_INTERRUPTED, -1, "stopped in the calibration, after all %lld steps",
                        (long long)state_of(r).steps);
}

static spiral_status finish(run *r, spiral_error *err) {
    float threshold, scale = 1;
    SPIRAL_TRY(finish_trainer(r, err));
    SPIRAL_TRY(spiral_model_choose_threshold(r->model, r->valid, r->options->threads, &threshold, err));
    SPIRAL_TRY(spiral_model_set_threshold(r->model, threshold, err));
    SPIRAL_TRY(spiral_model_choose_min_risk_scale(r->model, r->valid, &scale, err));
    SPIRAL_TRY(spiral_model_set_min_risk_scale(r->model, scale, err));
    SPIRAL_TRY(save_model(r, err));
    const spiral_trainer_state s = state_of(r);
    r->progress.valid_loss = s.best_loss;
    r->progress.valid_f1 = s.best_f1;
    r->progress.valid_exact = s.best_exact;
    r->progress.valid_nats_per_frame = s.best_nats_per_frame;
    if (s.network != SPIRAL_TRAIN_DECODER) return SPIRAL_OK;
    r->progress.decoder_steps = s.steps;
    r->progress.decoder_best_step = s.best_step;
    const spiral__phase *autoencoder = &r->trainer->phases[SPIRAL_TRAIN_AUTOENCODER];
    r->progress.frames_seen = (uint64_t)s.steps * DECODER_BATCH;
    r->progress.step = r->progress.steps = autoencoder->steps;
    r->progress.best_step = autoencoder->best_entry.step;
    r->progress.windows_seen = (uint64_t)autoencoder->steps * (uint64_t)r->options->batch;
    return SPIRAL_OK;
}

spiral_status spiral__train_by_clock(const spiral_train_options *options, const spiral_train_plan *plan,
                                     spiral_model *model, const spiral_corpus *train,
                                     const spiral_corpus *valid, spiral__clock *clock, void *clock_context,
                                     spiral_train_progress *result, spiral_error *err) {
    run r = {.options = options,
             .model = model,
             .train = train,
             .valid = valid,
             .progress = {.struct_size = sizeof r.progress},
             .clock = clock,
             .clock_context = clock_context};
    SPIRAL_TRY(spiral__train_plan_read(plan, &r.plan, err));
    SPIRAL_TRY(check_plan(&r.plan, err));
    if (result)
        SPIRAL_TRY(
            spiral__sized_check("train progress", result->struct_size, FIRST_PROGRESS, sizeof *result, err));
    SPIRAL_TRY(read_record(&r, err));
    r.started = now_s(&r);
    SPIRAL_TRY(spiral_trainer_create(options, model, train, valid, &r.trainer, err));
    r.trainer->profile = r.plan.profile;
    spiral_status status = spiral__profile_begin(r.plan.profile, r.trainer->pool, err);
    if (status == SPIRAL_OK) status = start(&r, err);
    if (status == SPIRAL_OK) status = loop(&r, err);
    if (status == SPIRAL_OK && has_decoder(&r) && state_of(&r).network == SPIRAL_TRAIN_AUTOENCODER) {
        status = start_decoder(&r, err);
        if (status == SPIRAL_OK) status = loop(&r, err);
    }
    if (status == SPIRAL_OK) status = finish(&r, err);
    if (result && (status == SPIRAL_OK || status == SPIRAL_INTERRUPTED)) {
        r.progress.seconds = now_s(&r) - r.started;
        spiral__sized_write(&r.progress, sizeof r.progress, result, result->struct_size);
    }
    spiral_trainer_destroy(r.trainer);
    return status;
}

static double monotonic_s(void *context) {
    (void)context;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

spiral_status spiral_train(const spiral_train_options *options, const spiral_train_plan *plan,
                           spiral_model *model, const spiral_corpus *train, const spiral_corpus *valid,
                           spiral_train_progress *result, spiral_error *err) {
    return spiral__train_by_clock(options, plan, model, train, valid, monotonic_s, NULL, result, err);
}
