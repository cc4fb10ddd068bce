/* SPDX-License-Identifier: MIT
 *
 * How well a model gives back pieces it may never have seen: every window of every file through the code and
 * back, beside what as many principal components do (the linear floor).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/par.h"
#include "model/runs.h"
#include "data/corpus.h"
#include "spiral/eval.h"
#include "spiral/loss.h"
#include "train/pca.h"

/* What one file adds; summed in the order of the files. */
typedef struct file_score {
    spiral_metrics_counts model, pca;
    size_t windows;
    double bce, kl;
    spiral_status status;
    spiral_error error;
} file_score;

typedef struct evaluating {
    const spiral_model *model;
    const spiral_corpus *corpus;
    const spiral_loss *bce;
    double tolerance_s;
    spiral_helix helix;
    file_score *scores;
} evaluating;

/* Buffers for one window. */
typedef struct buffers {
    spiral_model_work *work;
    spiral_keys *target, *predicted, *linear; /* (planes * T) */
    float *x, *logits, *projection;           /* (D) */
    float *code;                              /* (Z) */
    void *loss_work;
} buffers;

static void buffers_clear(buffers *b) {
    spiral_model_work_destroy(b->work);
    free(b->target);
    free(b->predicted);
    free(b->linear);
    free(b->x);
    free(b->logits);
    free(b->projection);
    free(b->code);
    free(b->loss_work);
}

static spiral_status buffers_create(const evaluating *e, buffers *b, spiral_error *err) {
    const spiral_model *m = e->model;
    const size_t columns = (size_t)m->planes * (size_t)m->T;
    memset(b, 0, sizeof *b);
    b->target = calloc(columns, sizeof *b->target);
    b->predicted = calloc(columns, sizeof *b->predicted);
    b->linear = calloc(columns, sizeof *b->linear);
    b->x = spiral__floats(m->D);
    b->logits = spiral__floats(m->D);
    b->projection = spiral__floats(m->D);
    b->code = spiral__floats(m->Z);
    b->loss_work = spiral__floats(spiral_loss_work_size_f32(e->bce, (size_t)m->T) / sizeof(float) + 1);
    if (!b->target || !b->predicted || !b->linear || !b->x || !b->logits || !b->projection || !b->code ||
        !b->loss_work)
        return spiral__no_memory(err, m->D * sizeof(float));
    return spiral_model_work_create(m, &b->work, err);
}

/* Puts a window back into a roll at column `begin`. */
static void paste(const spiral_keys *window, int T, spiral_roll *roll, size_t begin) {
    for (size_t t = 0; t < (size_t)T && begin + t < roll->frames; t++) {
        roll->sounding[begin + t] = window[t];
        if (roll->onsets) roll->onsets[begin + t] = window[(size_t)T + t];
    }
}

static spiral_status add_window(const evaluating *e, const spiral_keys *target, const spiral_keys *predicted,
                                size_t columns, spiral_metrics_counts *counts, spiral_error *err) {
    SPIRAL_TRY(spiral_metrics_add_frames(counts, target, predicted, columns, err));
    return spiral_metrics_add_helix(counts, &e->helix, target, predicted, columns, err);
}

static spiral_status score_window(const evaluating *e, const spiral_roll *roll, size_t begin, buffers *b,
                                  file_score *s, spiral_error *err) {
    const spiral_model *m = e->model;
    const ptrdiff_t T = m->T, P = m->P;
    const spiral_strides strides = {T * P, P, 1};
    double bce, kl;
    spiral__window_cut(roll, begin, m->T, 0, b->target);
    spiral__window_floats(m, b->target, b->x);
    spiral_model_encode(m, 1, b->target, b->code, &kl, b->work);
    spiral_model_decode(m, 1, b->code, b->logits, b->work);
    spiral_model_threshold(m, b->logits, m->threshold, b->predicted);
    spiral__pca_project(m, b->x, b->code, b->projection);
    spiral_model_threshold(m, b->projection, 0.5f, b->linear);
    if (spiral__window_empty(b->target, m->T, m->config.roll.low, m->config.roll.high)) return SPIRAL_OK;
    size_t columns = roll->frames - begin < (size_t)T ? roll->frames - begin : (size_t)T;
    SPIRAL_TRY(add_window(e, b->target, b->predicted, columns, &s->model, err));
    SPIRAL_TRY(add_window(e, b->target, b->linear, columns, &s->pca, err));
    SPIRAL_TRY(spiral_loss_value_grad_f32(e->bce, (size_t)m->planes, (size_t)T, b->logits, strides, b->x,
                                          strides, NULL, strides, &bce, NULL, strides, b->loss_work, err));
    s->bce += bce;
    s->kl += kl;
    s->windows++;
    return SPIRAL_OK;
}

static spiral_status score_file(const evaluating *e, const spiral_roll *roll, file_score *s,
                                spiral_error *err) {
    const size_t T = (size_t)e->model->T;
    spiral_roll predicted = {0}, linear = {0};
    s->model.struct_size = s->pca.struct_size = sizeof s->model;
    buffers b;
    spiral_status status = buffers_create(e, &b, err);
    if (status == SPIRAL_OK)
        status = spiral_roll_create(roll->grid, roll->frames, roll->onsets != NULL, &predicted, err);
    if (status == SPIRAL_OK)
        status = spiral_roll_create(roll->grid, roll->frames, roll->onsets != NULL, &linear, err);
    for (size_t begin = 0; begin < roll->frames && status == SPIRAL_OK; begin += T) {
        status = score_window(e, roll, begin, &b, s, err);
        paste(b.predicted, (int)T, &predicted, begin);
        paste(b.linear, (int)T, &linear, begin);
    }
    predicted.quarters_per_min = linear.quarters_per_min = roll->quarters_per_min;
    if (status == SPIRAL_OK)
        status = spiral_metrics_add_notes(&s->model, roll, &predicted, e->tolerance_s, err);
    if (status == SPIRAL_OK) status = spiral_metrics_add_notes(&s->pca, roll, &linear, e->tolerance_s, err);
    spiral_roll_clear(&predicted);
    spiral_roll_clear(&linear);
    buffers_clear(&b);
    return status;
}

static void file_task(void *context, size_t i, int worker) {
    (void)worker;
    const evaluating *e = context;
    const spiral__corpus_entry *entry = &e->corpus->entries[i];
    if (entry->skipped) return;
    e->scores[i].status = score_file(e, &entry->roll, &e->scores[i], &e->scores[i].error);
}

static void add_report(spiral_roll_report *sum, const spiral_roll_report *r) {
    sum->notes += r->notes;
    sum->notes_drums += r->notes_drums;
    sum->notes_kept += r->notes_kept;
    sum->notes_low += r->notes_low;
    sum->notes_high += r->notes_high;
    sum->notes_folded += r->notes_folded;
    sum->notes_held += r->notes_held;
    sum->notes_short += r->notes_short;
    sum->onsets_merged += r->onsets_merged;
    sum->notes_doubled += r->notes_doubled;
}

static spiral_status summarise(const evaluating *e, spiral_evaluation *out, spiral_error *err) {
    spiral_metrics_counts model = {.struct_size = sizeof model}, pca = {.struct_size = sizeof pca};
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < e->corpus->count; i++) {
        const file_score *s = &e->scores[i];
        if (s->status != SPIRAL_OK) {
            if (err) *err = s->error;
            return s->status;
        }
        if (e->corpus->entries[i].skipped) continue;
        SPIRAL_TRY(spiral_metrics_counts_add(&model, &s->model, err));
        SPIRAL_TRY(spiral_metrics_counts_add(&pca, &s->pca, err));
        out->windows += s->windows;
        out->bce_nats += s->bce;
        out->kl_nats += s->kl;
        add_report(&out->lost, &e->corpus->entries[i].report);
    }
    if (!out->windows) return spiral__fail(err, SPIRAL_NO_DATA, -1, "no window holds a note");
    out->bce_nats /= (double)out->windows;
    out->kl_nats /= (double)out->windows;
    out->target_density = (double)model.target_cells / (double)model.frames;
    out->predicted_density = (double)model.predicted_cells / (double)model.frames;
    out->model.struct_size = sizeof out->model;
    out->pca.struct_size = sizeof out->pca;
    SPIRAL_TRY(spiral_metrics_from_counts(&model, &out->model, err));
    return spiral_metrics_from_counts(&pca, &out->pca, err);
}

spiral_status spiral_model_evaluate(const spiral_model *model, const spiral_corpus *corpus,
                                    double tolerance_s, int threads, spiral_evaluation *evaluation,
                                    spiral_error *err) {
    SPIRAL_TRY(spiral__corpus_check(corpus, &model->config, err));
    evaluating e = {
        .model = model, .corpus = corpus, .tolerance_s = tolerance_s, .helix = spiral_helix_default()};
    spiral_loss_options options = spiral_loss_options_default();
    options.kind = SPIRAL_LOSS_BCE;
    options.bce = 1;
    options.reduction = SPIRAL_REDUCE_SUM;
    options.low = model->config.roll.low;
    spiral_loss *bce = NULL;
    spiral__pool *pool = NULL;
    e.scores = calloc(corpus->count + 1, sizeof *e.scores);
    spiral_status status = e.scores ? spiral_loss_create(&options, model->P, &bce, err)
                                    : spiral__no_memory(err, corpus->count * sizeof *e.scores);
    if (status == SPIRAL_OK) status = spiral__pool_create(threads, &pool, err);
    if (status == SPIRAL_OK) {
        e.bce = bce;
        spiral__par_for(pool, corpus->count, file_task, &e);
        status = summarise(&e, evaluation, err);
    }
    spiral__pool_destroy(pool);
    spiral_loss_destroy(bce);
    free(e.scores);
    return status;
}
