/* SPDX-License-Identifier: MIT
 *
 * How well a model reconstructs pieces: every window of every file is encoded and decoded, and compared with
 * the original; for comparison, so is the best linear reconstruction.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/par.h"
#include "base/sized.h"
#include "data/corpus.h"
#include "data/window.h"
#include "eval/baselines.h"
#include "eval/conditional.h"
#include "eval/likelihood.h"
#include "eval/linear.h"
#include "model/model.h"
#include "spiral/decode.h"
#include "spiral/eval.h"
#include "spiral/loss.h"

/* Smallest struct_size that is accepted: the evaluation of version 0.2. */
#define FIRST_SIZE (offsetof(spiral_evaluation, predicted_density) + sizeof(double))

/* What one file adds; summed in the order of the files. */
typedef struct file_score {
    spiral_metrics_counts model, linear;
    size_t windows;
    double bce, kl;
    spiral_status status;
    spiral_error error;
} file_score;

typedef struct evaluating {
    const spiral_model *model;
    const spiral_corpus *corpus;
    spiral__pool *pool;
    const spiral_loss *bce;
    double tolerance_s;
    spiral_helix helix;
    file_score *scores; /* (files) */
} evaluating;

/* Memory for one window, and for the reconstructions of one file. */
typedef struct buffers {
    spiral_model_work *work;
    spiral_keys *target, *predicted, *linear; /* (planes * T) */
    float *x, *logits, *projection;           /* (D) */
    float *latent;                            /* (Z) */
    float *loss_work;
    spiral_roll predicted_roll, linear_roll;
} buffers;

static void buffers_clear(buffers *b) {
    spiral_model_work_destroy(b->work);
    void *owned[] = {b->target, b->predicted,  b->linear, b->x,
                     b->logits, b->projection, b->latent, b->loss_work};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    spiral_roll_clear(&b->predicted_roll);
    spiral_roll_clear(&b->linear_roll);
}

static spiral_status buffers_create(const evaluating *e, const spiral_roll *roll, buffers *b,
                                    spiral_error *err) {
    const spiral__autoencoder *ae = &e->model->ae;
    const size_t window_size = (size_t)(ae->planes * ae->T);
    memset(b, 0, sizeof *b);
    b->target = calloc(window_size, sizeof *b->target);
    b->predicted = calloc(window_size, sizeof *b->predicted);
    b->linear = calloc(window_size, sizeof *b->linear);
    b->x = spiral__floats(ae->D);
    b->logits = spiral__floats(ae->D);
    b->projection = spiral__floats(ae->D);
    b->latent = spiral__floats(ae->Z);
    b->loss_work = spiral__floats(spiral_loss_work_size_f32(e->bce, (size_t)ae->T) / sizeof(float) + 1);
    if (!b->target || !b->predicted || !b->linear || !b->x || !b->logits || !b->projection || !b->latent ||
        !b->loss_work)
        return spiral__no_memory(err, ae->D * sizeof(float));
    const int onsets = roll->onsets != NULL;
    SPIRAL_TRY(spiral_roll_create(roll->grid, roll->frames, onsets, &b->predicted_roll, err));
    SPIRAL_TRY(spiral_roll_create(roll->grid, roll->frames, onsets, &b->linear_roll, err));
    b->predicted_roll.quarters_per_min = b->linear_roll.quarters_per_min = roll->quarters_per_min;
    return spiral_model_work_create(e->model, &b->work, err);
}

/* Writes a window to a roll from frame `begin` on. */
static void paste(const spiral_keys *window, int T, spiral_roll *roll, size_t begin) {
    for (size_t t = 0; t < (size_t)T && begin + t < roll->frames; t++) {
        roll->sounding[begin + t] = window[t];
        if (roll->onsets) roll->onsets[begin + t] = window[(size_t)T + t];
    }
}

static spiral_status decode(const spiral_model *m, const float *cells, float threshold, spiral_keys *window,
                            spiral_error *err) {
    return spiral_decode_threshold(cells, (size_t)m->ae.T, m->config.low, m->ae.P, threshold, threshold,
                                   window, m->ae.planes == 2 ? window + m->ae.T : NULL, err);
}

/* Reconstructs a window both ways. */
static spiral_status reconstruct(const evaluating *e, const spiral_roll *roll, size_t begin, buffers *b,
                                 double *kl, spiral_error *err) {
    const spiral_model *m = e->model;
    spiral__window_cut(roll, begin, m->ae.T, 0, b->target);
    spiral__window_floats(b->target, (size_t)(m->ae.planes * m->ae.T), m->config.low, m->ae.P, b->x);
    spiral_model_encode(m, 1, b->target, b->latent, kl, b->work);
    spiral_model_decode(m, 1, b->latent, b->logits, b->work);
    SPIRAL_TRY(decode(m, b->logits, m->threshold, b->predicted, err));
    spiral__linear_reconstruction(m, b->x, b->latent, b->projection);
    SPIRAL_TRY(decode(m, b->projection, 0.5f, b->linear, err));
    paste(b->predicted, m->ae.T, &b->predicted_roll, begin);
    paste(b->linear, m->ae.T, &b->linear_roll, begin);
    return SPIRAL_OK;
}

static spiral_status add_window(const evaluating *e, const spiral_keys *target, const spiral_keys *predicted,
                                size_t frames, spiral_metrics_counts *counts, spiral_error *err) {
    SPIRAL_TRY(spiral_metrics_add_frames(counts, target, predicted, frames, err));
    return spiral_metrics_add_helix(counts, &e->helix, target, predicted, frames, err);
}

static spiral_status score_window(const evaluating *e, const spiral_roll *roll, size_t begin, buffers *b,
                                  file_score *s, spiral_error *err) {
    const spiral_model *m = e->model;
    const ptrdiff_t T = m->ae.T, P = m->ae.P;
    const spiral_strides strides = {T * P, P, 1};
    double bce, kl;
    SPIRAL_TRY(reconstruct(e, roll, begin, b, &kl, err));
    if (spiral__window_is_silent(b->target, m->ae.T, m->config.low, m->config.high)) return SPIRAL_OK;
    size_t frames = roll->frames - begin < (size_t)T ? roll->frames - begin : (size_t)T;
    SPIRAL_TRY(add_window(e, b->target, b->predicted, frames, &s->model, err));
    SPIRAL_TRY(add_window(e, b->target, b->linear, frames, &s->linear, err));
    SPIRAL_TRY(spiral_loss_value_grad_f32(e->bce, (size_t)m->ae.planes, (size_t)T, b->logits, strides, b->x,
                                          strides, NULL, strides, &bce, NULL, strides, b->loss_work, err));
    s->bce += bce;
    s->kl += kl;
    s->windows++;
    return SPIRAL_OK;
}

static spiral_status score_file(const evaluating *e, const spiral_roll *roll, file_score *s,
                                spiral_error *err) {
    const size_t T = (size_t)e->model->ae.T;
    buffers b;
    s->model.struct_size = s->linear.struct_size = sizeof s->model;
    spiral_status status = buffers_create(e, roll, &b, err);
    for (size_t begin = 0; begin < roll->frames && status == SPIRAL_OK; begin += T)
        status = score_window(e, roll, begin, &b, s, err);
    if (status == SPIRAL_OK)
        status = spiral_metrics_add_notes(&s->model, roll, &b.predicted_roll, e->tolerance_s, err);
    if (status == SPIRAL_OK)
        status = spiral_metrics_add_notes(&s->linear, roll, &b.linear_roll, e->tolerance_s, err);
    buffers_clear(&b);
    return status;
}

static void file_task(void *context, size_t i, int worker) {
    (void)worker;
    const evaluating *e = context;
    const spiral__corpus_entry *entry = &e->corpus->entries[i];
    if (entry->left_out) return;
    e->scores[i].status = score_file(e, &entry->roll, &e->scores[i], &e->scores[i].error);
}

static spiral_status add_likelihood(const evaluating *e, spiral_evaluation *sum, spiral_error *err) {
    spiral__likelihood l;
    double markov, repeat;
    SPIRAL_TRY(spiral__likelihood_of_corpus(e->model, e->corpus, 0, e->pool, &l, err));
    spiral__baselines_score(e->model, e->corpus, &markov, &repeat);
    sum->frames = l.frames;
    sum->nats_per_frame = l.nats / (double)l.frames;
    sum->nats_per_note = l.notes ? l.nats / (double)l.notes : 0;
    sum->nats_per_changing_frame = l.changing_frames ? l.changing_nats / (double)l.changing_frames : 0;
    sum->markov_nats_per_frame = markov / (double)l.frames;
    sum->repeat_bar_nats_per_frame = repeat / (double)l.frames;
    return spiral__conditional_likelihood(e->model, e->corpus, e->pool, &sum->continued, &sum->filled,
                                          &sum->harmonized, err);
}

static spiral_status summarise(const evaluating *e, spiral_evaluation *out, spiral_metrics *metrics,
                               spiral_metrics *pca, spiral_error *err) {
    spiral_metrics_counts model = {.struct_size = sizeof model}, linear = {.struct_size = sizeof linear};
    spiral_evaluation sum = {.struct_size = sizeof sum};
    for (size_t i = 0; i < e->corpus->count; i++) {
        const file_score *s = &e->scores[i];
        if (s->status != SPIRAL_OK) {
            if (err) *err = s->error;
            return s->status;
        }
        if (e->corpus->entries[i].left_out) continue;
        SPIRAL_TRY(spiral_metrics_counts_add(&model, &s->model, err));
        SPIRAL_TRY(spiral_metrics_counts_add(&linear, &s->linear, err));
        sum.windows += s->windows;
        sum.bce_nats += s->bce;
        sum.kl_nats += s->kl;
    }
    if (!sum.windows) return spiral__fail(err, SPIRAL_NO_DATA, -1, "no window has a note");
    sum.bce_nats /= (double)sum.windows;
    sum.kl_nats /= (double)sum.windows;
    sum.target_density = (double)model.target_cells / (double)model.frames;
    sum.predicted_density = (double)model.predicted_cells / (double)model.frames;
    if (e->model->decoder.H) SPIRAL_TRY(add_likelihood(e, &sum, err));
    SPIRAL_TRY(spiral_metrics_from_counts(&model, metrics, err));
    if (pca) SPIRAL_TRY(spiral_metrics_from_counts(&linear, pca, err));
    spiral__sized_write(&sum, sizeof sum, out, out->struct_size);
    return SPIRAL_OK;
}

static spiral_status create_bce(const spiral_model *m, spiral_loss **bce, spiral_error *err) {
    spiral_loss_options options;
    spiral_loss_options_default(&options, sizeof options);
    options.kind = SPIRAL_LOSS_BCE;
    options.bce = 1;
    options.reduction = SPIRAL_REDUCE_SUM;
    options.low = m->config.low;
    return spiral_loss_create(&options, m->ae.P, bce, err);
}

spiral_status spiral_model_evaluate(const spiral_model *model, const spiral_corpus *corpus,
                                    double tolerance_s, int threads, spiral_evaluation *evaluation,
                                    spiral_metrics *metrics, spiral_metrics *pca, spiral_error *err) {
    SPIRAL_TRY(
        spiral__sized_check("evaluation", evaluation->struct_size, FIRST_SIZE, sizeof *evaluation, err));
    SPIRAL_TRY(spiral__corpus_check(corpus, &model->config.grid, model->config.planes, err));
    spiral_loss *bce = NULL;
    spiral__pool *pool = NULL;
    evaluating e = {
        .model = model, .corpus = corpus, .tolerance_s = tolerance_s, .helix = spiral_helix_default()};
    e.scores = calloc(corpus->count + 1, sizeof *e.scores);
    spiral_status status =
        e.scores ? create_bce(model, &bce, err) : spiral__no_memory(err, corpus->count * sizeof *e.scores);
    if (status == SPIRAL_OK) status = spiral__pool_create(threads, &pool, err);
    if (status == SPIRAL_OK) {
        e.bce = bce;
        e.pool = pool;
        spiral__par_for(pool, corpus->count, file_task, &e);
        status = summarise(&e, evaluation, metrics, pca, err);
    }
    spiral__pool_destroy(pool);
    spiral_loss_destroy(bce);
    free(e.scores);
    return status;
}
