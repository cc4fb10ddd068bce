/* SPDX-License-Identifier: MIT
 *
 * Scoring the weights of a model on windows (see score.h), and choosing their threshold.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "data/corpus.h"
#include "data/window.h"
#include "eval/score.h"
#include "model/model.h"
#include "nn/tasks.h"
#include "spiral/eval.h"

enum { MAX_WINDOWS = 4096, THRESHOLDS = 81, THRESHOLD_0 = 40 };

static float threshold_of(int i) { return -4.0f + 0.1f * (float)i; } /* logits -4 .. 4 */

/* Counts of one shard of windows. */
typedef struct tally {
    double loss;
    uint64_t windows, exact, sounding;
    uint64_t true_positives[THRESHOLDS]; /* sounding cells whose logit is above each threshold */
    uint64_t positives[THRESHOLDS];      /* cells whose logit is above each threshold */
    int out_of_memory;
    size_t bad_window; /* 1 + the first window whose loss or logits are not finite; 0: none */
} tally;

typedef struct scoring {
    const spiral_model *model;
    const spiral_corpus *corpus;
    const spiral_loss *loss;
    size_t count;               /* windows to score */
    const size_t *file, *begin; /* (count) */
    tally *tallies;             /* (shards) */
} scoring;

/* How many of the thresholds are below a logit. */
static int thresholds_below(float logit) {
    float n = ceilf((logit + 4.0f) * 10.0f);
    return !(n > 0) ? 0 : n >= THRESHOLDS ? THRESHOLDS : (int)n;
}

static void count_window(size_t cells, const float *logits, const float *target, tally *sum) {
    uint64_t above[THRESHOLDS + 1] = {0}, right[THRESHOLDS + 1] = {0};
    int faults = 0;
    for (size_t d = 0; d < cells; d++) {
        int on = target[d] > 0.5f, n = thresholds_below(logits[d]);
        above[n]++;
        right[n] += (uint64_t)on;
        faults += on != (logits[d] > 0);
        sum->sounding += (uint64_t)on;
    }
    for (int i = THRESHOLDS; i-- > 0;) {
        above[i] += above[i + 1];
        right[i] += right[i + 1];
        sum->positives[i] += above[i + 1];
        sum->true_positives[i] += right[i + 1];
    }
    sum->windows++;
    sum->exact += !faults;
}

/* Memory of one task. */
typedef struct buffers {
    spiral_model_work *work;
    spiral_keys *windows;                         /* (rows, planes T) */
    float *logits, *target, *latents, *loss_work; /* (rows, D), (rows, D), (rows, Z) */
} buffers;

static int buffers_create(const scoring *s, size_t rows, buffers *b) {
    const spiral__autoencoder *ae = &s->model->ae;
    memset(b, 0, sizeof *b);
    b->windows = calloc(rows * (size_t)(ae->planes * ae->T), sizeof *b->windows);
    b->logits = spiral__floats(rows * ae->D);
    b->target = spiral__floats(rows * ae->D);
    b->latents = spiral__floats(rows * ae->Z);
    size_t bytes = s->loss ? spiral_loss_work_size_f32(s->loss, (size_t)ae->T) : 0;
    b->loss_work = spiral__floats(bytes / sizeof(float) + 1);
    return b->windows && b->logits && b->target && b->latents && b->loss_work &&
           spiral_model_work_create(s->model, &b->work, NULL) == SPIRAL_OK;
}

static void buffers_clear(buffers *b) {
    spiral_model_work_destroy(b->work);
    free(b->windows);
    free(b->logits);
    free(b->target);
    free(b->latents);
    free(b->loss_work);
}

static double loss_of(const scoring *s, const buffers *b, size_t rows) {
    const spiral__autoencoder *ae = &s->model->ae;
    const ptrdiff_t T = ae->T, P = ae->P;
    const spiral_strides strides = {T * P, P, 1};
    double value;
    spiral_status status = spiral_loss_value_grad_f32(s->loss, rows * (size_t)ae->planes, (size_t)T,
                                                      b->logits, strides, b->target, strides, NULL, strides,
                                                      &value, NULL, strides, b->loss_work, NULL);
    return status == SPIRAL_OK ? value : NAN;
}

/* The first row of x (rows, n) with a number that is not finite, or `rows`. */
static size_t bad_row(size_t rows, size_t n, const float *x) {
    size_t i = 0;
    while (i < rows * n && isfinite(x[i])) i++;
    return i / n;
}

static void score_rows(const scoring *s, size_t first, size_t rows, buffers *b, tally *sum) {
    const spiral_model *m = s->model;
    const spiral__autoencoder *ae = &m->ae;
    const size_t window_size = (size_t)(ae->planes * ae->T);
    for (size_t r = 0; r < rows; r++)
        spiral__window_cut(&s->corpus->entries[s->file[first + r]].roll, s->begin[first + r], ae->T, 0,
                           b->windows + r * window_size);
    spiral__window_floats(b->windows, rows * window_size, m->config.low, ae->P, b->target);
    spiral_model_encode(m, rows, b->windows, b->latents, NULL, b->work);
    spiral_model_decode(m, rows, b->latents, b->logits, b->work);
    double loss = s->loss ? loss_of(s, b, rows) : 0;
    if (!s->loss || !isfinite(loss)) { /* a finite loss has finite logits */
        size_t bad = bad_row(rows, ae->D, b->logits);
        if (bad < rows || !isfinite(loss)) sum->bad_window = 1 + first + (bad < rows ? bad : 0);
    }
    sum->loss += loss;
    for (size_t r = 0; r < rows; r++) count_window(ae->D, b->logits + r * ae->D, b->target + r * ae->D, sum);
}

static void shard_task(void *context, size_t shard, int worker) {
    (void)worker;
    const scoring *s = context;
    const size_t rows = spiral__shard_rows(s->count, shard);
    buffers b;
    if (buffers_create(s, rows, &b))
        score_rows(s, spiral__shard_begin(shard), rows, &b, &s->tallies[shard]);
    else
        s->tallies[shard].out_of_memory = 1;
    buffers_clear(&b);
}

/* Lists the windows to score and returns how many they are. file and begin take those of the whole corpus. */
static size_t list_windows(const spiral_model *m, const spiral_corpus *corpus, size_t *file, size_t *begin) {
    const size_t T = (size_t)m->ae.T;
    size_t count = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        const spiral_roll *roll = &corpus->entries[i].roll;
        for (size_t b = 0; b < roll->frames; b += T) {
            int frames = (int)(roll->frames - b < T ? roll->frames - b : T);
            if (spiral__window_is_silent(roll->sounding + b, frames, m->config.low, m->config.high)) continue;
            file[count] = i;
            begin[count++] = b;
        }
    }
    size_t kept = count < MAX_WINDOWS ? count : MAX_WINDOWS;
    for (size_t i = 0; i < kept; i++) {
        file[i] = file[i * count / kept];
        begin[i] = begin[i * count / kept];
    }
    return kept;
}

static void add_tally(tally *sum, const tally *t) {
    sum->loss += t->loss;
    sum->windows += t->windows;
    sum->exact += t->exact;
    sum->sounding += t->sounding;
    for (int i = 0; i < THRESHOLDS; i++) {
        sum->true_positives[i] += t->true_positives[i];
        sum->positives[i] += t->positives[i];
    }
}

static double f1_of(const tally *sum, int i) {
    uint64_t both = sum->positives[i] + sum->sounding;
    return both ? 2 * (double)sum->true_positives[i] / (double)both : 0;
}

static void summarise(const scoring *s, spiral__scores *scores) {
    tally *sum = &s->tallies[0];
    int best = THRESHOLD_0;
    for (size_t k = 1; k < spiral__shard_count(s->count); k++) add_tally(sum, &s->tallies[k]);
    for (int i = 0; i < THRESHOLDS; i++)
        if (f1_of(sum, i) > f1_of(sum, best)) best = i;
    const double windows = (double)sum->windows;
    *scores = (spiral__scores){.windows = sum->windows,
                               .loss = sum->loss / windows,
                               .f1 = f1_of(sum, THRESHOLD_0),
                               .exact = (double)sum->exact / windows,
                               .density = (double)sum->sounding / windows / s->model->ae.T,
                               .threshold = threshold_of(best)};
}

static spiral_status check_tallies(const scoring *s, spiral__scores *scores, spiral_error *err) {
    char path_text[SPIRAL__PATH_TEXT];
    for (size_t k = 0; k < spiral__shard_count(s->count); k++) {
        const tally *t = &s->tallies[k];
        if (t->out_of_memory) return spiral__no_memory(err, s->model->ae.D * SPIRAL__SHARD * sizeof(float));
        if (!t->bad_window) continue;
        scores->bad_file = s->file[t->bad_window - 1];
        return spiral__fail(err, SPIRAL_NUMERIC, -1, "%s: the model's output for it is not finite",
                            spiral__error_path(s->corpus->entries[scores->bad_file].path, path_text));
    }
    return SPIRAL_OK;
}

spiral_status spiral__score_windows(const spiral_model *model, const spiral_corpus *corpus,
                                    const spiral_loss *loss, spiral__pool *pool, spiral__scores *scores,
                                    spiral_error *err) {
    size_t most = 1;
    for (size_t i = 0; i < corpus->count; i++)
        most += corpus->entries[i].roll.frames / (size_t)model->ae.T + 1;
    size_t *file = calloc(most, sizeof *file), *begin = calloc(most, sizeof *begin);
    scoring s = {.model = model, .corpus = corpus, .loss = loss, .file = file, .begin = begin};
    if (file && begin) s.count = list_windows(model, corpus, file, begin);
    s.tallies = calloc(spiral__shard_count(s.count) + 1, sizeof *s.tallies);
    spiral_status status = SPIRAL_OK;
    if (!file || !begin || !s.tallies) {
        status = spiral__no_memory(err, most * sizeof *file);
    } else if (!s.count) {
        status = spiral__fail(err, SPIRAL_NO_DATA, -1, "no window has a note");
    } else {
        spiral__par_for(pool, spiral__shard_count(s.count), shard_task, &s);
        status = check_tallies(&s, scores, err);
        if (status == SPIRAL_OK) summarise(&s, scores);
    }
    free(file);
    free(begin);
    free(s.tallies);
    return status;
}

spiral_status spiral_model_choose_threshold(const spiral_model *model, const spiral_corpus *corpus,
                                            int threads, float *threshold, spiral_error *err) {
    spiral__pool *pool;
    spiral__scores scores;
    SPIRAL_TRY(spiral__corpus_check(corpus, &model->config.grid, model->config.planes, err));
    SPIRAL_TRY(spiral__pool_create(threads, &pool, err));
    spiral_status status = spiral__score_windows(model, corpus, NULL, pool, &scores, err);
    spiral__pool_destroy(pool);
    if (status == SPIRAL_OK) *threshold = scores.threshold;
    return status;
}
