/* SPDX-License-Identifier: MIT
 *
 * One training step: windows are cut, a batch goes forward through the loss and back, weights move.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "simd/denormal.h"
#include "train/pca.h"
#include "train/trainer.h"

/* A parallel-for whose tasks take denormal numbers for zeros: gradients are full of them once a model is
 * good.
 */
typedef struct flushing {
    void (*task)(void *context, size_t i, int worker);
    void *context;
} flushing;

static void flushed_task(void *context, size_t i, int worker) {
    const flushing *f = context;
    uint64_t before = spiral__denormals_flush();
    f->task(f->context, i, worker);
    spiral__denormals_restore(before);
}

static void par_for(spiral__trainer *t, size_t n, void (*task)(void *, size_t, int), void *context) {
    spiral__par_for(t->pool, n, flushed_task, &(flushing){task, context});
}

static size_t columns_of(const spiral_model *m) { return (size_t)m->planes * (size_t)m->T; }

static spiral_status allocate(spiral__trainer *t, spiral_error *err) {
    const spiral_model *m = t->model;
    const size_t B = (size_t)t->options.batch, runs = B * spiral__runs_max(m);
    const size_t threads = (size_t)spiral__pool_threads(t->pool), keys = (size_t)m->planes * (size_t)m->P;
    t->grad = spiral__floats(m->trained);
    t->m = spiral__floats(m->trained);
    t->v = spiral__floats(m->trained);
    t->best = spiral__floats(m->trained);
    t->targets = spiral__floats(B * m->D);
    t->windows = calloc(B * columns_of(m), sizeof *t->windows);
    t->files = calloc(B, sizeof *t->files);
    t->runs = calloc(runs, sizeof *t->runs);
    t->sorted = calloc(runs, sizeof *t->sorted);
    t->run_count = calloc(t->net.shards, sizeof *t->run_count);
    t->key_begin = calloc(keys + 1, sizeof *t->key_begin);
    t->shard_loss = calloc(t->net.shards, sizeof *t->shard_loss);
    t->shard_bad = calloc(t->net.shards, sizeof *t->shard_bad);
    t->work = calloc(threads, sizeof *t->work);
    t->scratch = calloc(threads, sizeof *t->scratch);
    t->history = json_array();
    int ok = t->grad && t->m && t->v && t->best && t->targets && t->windows && t->files && t->runs &&
             t->sorted && t->run_count && t->key_begin && t->shard_loss && t->shard_bad && t->work &&
             t->scratch && t->history;
    size_t work = spiral_loss_work_size_f32(t->loss, (size_t)m->T) / sizeof(float) + 1;
    for (size_t i = 0; ok && i < threads; i++) {
        t->work[i] = spiral__floats(work);
        t->scratch[i] = spiral__floats(((size_t)m->T + 1) * m->N);
        ok = t->work[i] && t->scratch[i];
    }
    return ok ? SPIRAL_OK : spiral__no_memory(err, (4 * m->trained + B * m->D) * sizeof(float));
}

spiral_status spiral__trainer_create(const spiral_train_options *options, const spiral_corpus *corpus,
                                     const spiral_corpus *valid, spiral__trainer *t, spiral_error *err) {
    memset(t, 0, sizeof *t);
    t->options = *options;
    t->corpus = corpus;
    t->valid = valid;
    t->options.loss.from_logits = 1;
    t->options.loss.reduction = SPIRAL_REDUCE_SUM;
    t->options.loss.low = options->model.roll.low;
    spiral_status status = spiral_model_create(&options->model, options->seed, &t->model, err);
    if (status == SPIRAL_OK) status = spiral_loss_create(&t->options.loss, t->model->P, &t->loss, err);
    if (status == SPIRAL_OK) status = spiral__pool_create(options->threads, &t->pool, err);
    if (status == SPIRAL_OK)
        status = spiral__network_create(t->model, (size_t)options->batch, 1, &t->net, err);
    if (status == SPIRAL_OK) status = allocate(t, err);
    if (status != SPIRAL_OK) spiral__trainer_clear(t);
    return status;
}

void spiral__trainer_clear(spiral__trainer *t) {
    for (int i = 0; i < spiral__pool_threads(t->pool); i++) {
        if (t->work) free(t->work[i]);
        if (t->scratch) free(t->scratch[i]);
    }
    void *owned[] = {t->grad,      t->m,          t->v,         t->best,   t->targets,
                     t->windows,   t->files,      t->runs,      t->sorted, t->run_count,
                     t->key_begin, t->shard_loss, t->shard_bad, t->work,   t->scratch};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    json_decref(t->history);
    spiral__network_clear(&t->net);
    spiral__pool_destroy(t->pool);
    spiral_loss_destroy(t->loss);
    spiral_model_destroy(t->model);
    memset(t, 0, sizeof *t);
}

spiral_status spiral__trainer_start(spiral__trainer *t, spiral_error *err) {
    spiral_model *fresh;
    SPIRAL_TRY(spiral_model_create(&t->options.model, t->options.seed, &fresh, err));
    memcpy(t->model->arena, fresh->arena, fresh->floats * sizeof(float));
    spiral_model_destroy(fresh);
    memset(t->grad, 0, t->model->trained * sizeof(float));
    memset(t->m, 0, t->model->trained * sizeof(float));
    memset(t->v, 0, t->model->trained * sizeof(float));
    t->step = t->best_step = t->loss_steps = 0;
    t->best_loss = INFINITY;
    t->loss_sum = t->kl_sum = 0;
    json_array_clear(t->history);
    return spiral__pca_start(t->model, t->corpus, t->options.seed, err);
}

/* Windows first_row .. of the batch: drawn, as floats, as runs, and through the first layer. */
static void cut_shard(spiral__trainer *t, size_t shard) {
    const spiral_model *m = t->model;
    size_t begin = spiral__shard_begin(shard), rows = spiral__shard_rows(&t->net, shard), found = 0;
    spiral__run *runs = t->runs + begin * spiral__runs_max(m);
    for (size_t r = begin; r < begin + rows; r++) {
        spiral_keys *window = t->windows + r * columns_of(m);
        uint64_t drawing = (uint64_t)t->step * (uint64_t)t->options.batch + r;
        t->files[r] = spiral__window_draw(t->corpus, t->options.transpose, t->options.seed, drawing, window);
        spiral__window_floats(m, window, t->targets + r * m->D);
        size_t count = spiral__runs_find(m, window, (uint32_t)r, runs + found);
        spiral__runs_forward(m, runs + found, count, t->net.first + r * m->N);
        found += count;
    }
    t->run_count[shard] = found;
}

/* Stream numbers of the posterior's noise: apart from those of the windows. */
static const uint64_t NOISE_STREAM = UINT64_C(1) << 62;

static void draw_noise(spiral__trainer *t, size_t begin, size_t rows) {
    if (t->model->config.kind != SPIRAL_MODEL_VAE) return;
    for (size_t r = begin; r < begin + rows; r++) {
        uint64_t stream = NOISE_STREAM + (uint64_t)t->step * (uint64_t)t->options.batch + r;
        spiral__rng rng = spiral__rng_init(t->options.seed, stream);
        for (size_t i = 0; i < t->model->Z; i++)
            t->net.noise[r * t->model->Z + i] = (float)spiral__rng_normal(&rng);
    }
}

size_t spiral__bad_row(size_t rows, size_t n, const float *x) {
    for (size_t i = 0; i < rows * n; i++)
        if (!isfinite(x[i])) return i / n;
    return 0;
}

/* Logits -> loss and, in place, its gradient. */
static void loss_shard(spiral__trainer *t, size_t shard, int worker) {
    const spiral_model *m = t->model;
    size_t begin = spiral__shard_begin(shard), rows = spiral__shard_rows(&t->net, shard);
    const ptrdiff_t T = m->T, P = m->P;
    const spiral_strides strides = {T * P, P, 1};
    float *logits = t->net.logits + begin * m->D;
    double value = 0;
    t->shard_bad[shard] = -1;
    spiral_status status = spiral_loss_value_grad_f32(
        t->loss, rows * (size_t)m->planes, (size_t)T, logits, strides, t->targets + begin * m->D, strides,
        NULL, strides, &value, logits, strides, t->work[worker], NULL);
    if (status != SPIRAL_OK || !isfinite(value)) {
        /* Once more, since the gradient may stand where the logits were. */
        spiral__decode_rows(&t->net, begin, rows, 1);
        t->shard_bad[shard] = (int)(begin + spiral__bad_row(rows, m->D, logits));
        memset(logits, 0, rows * m->D * sizeof *logits);
    }
    t->shard_loss[shard] = value;
}

static void shard_task(void *context, size_t shard, int worker) {
    spiral__trainer *t = context;
    size_t begin = spiral__shard_begin(shard), rows = spiral__shard_rows(&t->net, shard);
    cut_shard(t, shard);
    draw_noise(t, begin, rows);
    spiral__encode_rows(&t->net, begin, rows);
    spiral__decode_rows(&t->net, begin, rows, 1);
    loss_shard(t, shard, worker);
    spiral__backward_rows(&t->net, shard, (float)t->options.beta, (float)t->options.free_bits);
}

/* Counting sort of all runs by key; within a key they stay in the order of the batch. */
static void sort_runs(spiral__trainer *t) {
    const spiral_model *m = t->model;
    const size_t keys = (size_t)m->planes * (size_t)m->P, max = spiral__runs_max(m);
    memset(t->key_begin, 0, (keys + 1) * sizeof *t->key_begin);
    for (size_t s = 0; s < t->net.shards; s++) {
        const spiral__run *runs = t->runs + spiral__shard_begin(s) * max;
        for (size_t i = 0; i < t->run_count[s]; i++) t->key_begin[runs[i].key + 1]++;
    }
    for (size_t k = 0; k < keys; k++) t->key_begin[k + 1] += t->key_begin[k];
    for (size_t s = 0; s < t->net.shards; s++) {
        const spiral__run *runs = t->runs + spiral__shard_begin(s) * max;
        for (size_t i = 0; i < t->run_count[s]; i++) t->sorted[t->key_begin[runs[i].key]++] = runs[i];
    }
    memmove(t->key_begin + 1, t->key_begin, keys * sizeof *t->key_begin);
    t->key_begin[0] = 0;
}

static void weight_task(void *context, size_t i, int worker) {
    spiral__trainer *t = context;
    spiral__weight_task(&t->net, i, t->sorted, t->key_begin, t->scratch[worker], t->grad);
}

enum { ADAM_BLOCK = 1 << 14 };

typedef struct moving {
    spiral__trainer *trainer;
    spiral__adamw matrices, vectors;
} moving;

static void adam_task(void *context, size_t i, int worker) {
    (void)worker;
    const moving *move = context;
    spiral__trainer *t = move->trainer;
    const spiral__nn_kernels *kern = spiral__nn_kernels_get();
    const size_t matrices = t->model->matrices, trained = t->model->trained;
    size_t begin = i * ADAM_BLOCK, end = begin + ADAM_BLOCK < trained ? begin + ADAM_BLOCK : trained;
    size_t border = begin > matrices ? begin : end < matrices ? end : matrices;
    float *p = t->model->arena;
    kern->adamw(border - begin, &move->matrices, p + begin, t->grad + begin, t->m + begin, t->v + begin);
    kern->adamw(end - border, &move->vectors, p + border, t->grad + border, t->m + border, t->v + border);
}

static void sum_task(void *context, size_t key, int worker) {
    (void)worker;
    spiral__model_sum_key(((spiral__trainer *)context)->model, key);
}

double spiral__trainer_rate(const spiral__trainer *t, int64_t step) {
    double warm = 0.05 * (double)t->steps, at = (double)step + 1, pi = 3.14159265358979323846;
    if (at < warm) return t->options.learning_rate * at / warm;
    if (at >= (double)t->steps) return 0;
    return t->options.learning_rate * 0.5 * (1 + cos(pi * (at - warm) / ((double)t->steps - warm)));
}

static void move_weights(spiral__trainer *t) {
    const double beta1 = 0.9, beta2 = 0.99, n = (double)t->step + 1;
    moving move = {.trainer = t};
    move.vectors = (spiral__adamw){.rate = (float)spiral__trainer_rate(t, t->step),
                                   .beta1 = (float)beta1,
                                   .beta2 = (float)beta2,
                                   .correct1 = (float)(1 / (1 - pow(beta1, n))),
                                   .correct2 = (float)(1 / (1 - pow(beta2, n))),
                                   .epsilon = 1e-8f,
                                   .scale = 1.0f / (float)t->options.batch};
    move.matrices = move.vectors;
    move.matrices.decay = (float)t->options.weight_decay;
    par_for(t, (t->model->trained + ADAM_BLOCK - 1) / ADAM_BLOCK, adam_task, &move);
    par_for(t, (size_t)t->model->planes * (size_t)t->model->P, sum_task, t);
}

spiral_status spiral__trainer_step(spiral__trainer *t, spiral_error *err) {
    par_for(t, t->net.shards, shard_task, t);
    double loss = 0, kl = 0;
    for (size_t s = 0; s < t->net.shards; s++) {
        if (t->shard_bad[s] >= 0)
            return spiral__fail(
                err, SPIRAL_NUMERIC, -1,
                "%s: the loss of one of its windows is not a finite number at step %lld; a smaller "
                "learning rate than %g may help",
                t->corpus->entries[t->files[t->shard_bad[s]]].path, (long long)t->step + 1,
                t->options.learning_rate);
        loss += t->shard_loss[s];
        kl += t->net.kl[s];
    }
    sort_runs(t);
    par_for(t, spiral__weight_tasks(&t->net), weight_task, t);
    move_weights(t);
    t->loss_sum += (loss + t->options.beta * kl) / t->options.batch;
    t->kl_sum += kl / t->options.batch;
    t->loss_steps++;
    t->step++;
    return SPIRAL_OK;
}
