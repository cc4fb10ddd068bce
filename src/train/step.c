/* SPDX-License-Identifier: MIT
 *
 * One training step: windows are cut, a batch goes forward through the loss and back, weights move.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "base/floats.h"
#include "data/window.h"
#include "nn/tasks.h"
#include "train/pca.h"
#include "train/trainer.h"

static size_t columns_of(const spiral_model *m) { return (size_t)m->ae.planes * (size_t)m->ae.T; }

static spiral_status allocate(spiral__trainer *t, spiral_error *err) {
    const spiral_model *m = t->model;
    const size_t B = (size_t)t->options.batch, trained = m->tensors.trained;
    const size_t threads = (size_t)spiral__pool_threads(t->pool), shards = spiral__shard_count(B);
    t->grad = spiral__floats(trained);
    t->m = spiral__floats(trained);
    t->v = spiral__floats(trained);
    t->best = spiral__floats(trained);
    t->targets = spiral__floats(B * m->ae.D);
    t->windows = calloc(B * columns_of(m), sizeof *t->windows);
    t->files = calloc(B, sizeof *t->files);
    t->shard_loss = calloc(shards, sizeof *t->shard_loss);
    t->shard_bad = calloc(shards, sizeof *t->shard_bad);
    t->work = calloc(threads, sizeof *t->work);
    t->history = json_array();
    int ok = t->grad && t->m && t->v && t->best && t->targets && t->windows && t->files && t->shard_loss &&
             t->shard_bad && t->work && t->history;
    size_t work = spiral_loss_work_size_f32(t->loss, (size_t)m->ae.T) / sizeof(float) + 1;
    for (size_t i = 0; ok && i < threads; i++) {
        t->work[i] = spiral__floats(work);
        ok = t->work[i] != NULL;
    }
    return ok ? SPIRAL_OK : spiral__no_memory(err, (4 * trained + B * m->ae.D) * sizeof(float));
}

spiral_status spiral__trainer_create(const spiral_train_options *options, const spiral_corpus *corpus,
                                     const spiral_corpus *valid, spiral__trainer *t, spiral_error *err) {
    memset(t, 0, sizeof *t);
    t->options = *options;
    t->corpus = corpus;
    t->valid = valid;
    t->options.loss.from_logits = 1;
    t->options.loss.reduction = SPIRAL_REDUCE_SUM;
    t->options.loss.low = options->model.low;
    spiral_status status = spiral_model_create(&options->model, options->seed, &t->model, err);
    if (status == SPIRAL_OK) status = spiral_loss_create(&t->options.loss, t->model->ae.P, &t->loss, err);
    if (status == SPIRAL_OK) status = spiral__pool_create(options->threads, &t->pool, err);
    if (status == SPIRAL_OK)
        status = spiral__autoencoder_batch_create(t->model, (size_t)options->batch, 1,
                                                  spiral__pool_threads(t->pool), &t->batch, err);
    if (status == SPIRAL_OK) status = allocate(t, err);
    if (status != SPIRAL_OK) spiral__trainer_clear(t);
    return status;
}

void spiral__trainer_clear(spiral__trainer *t) {
    for (int i = 0; t->work && i < spiral__pool_threads(t->pool); i++) free(t->work[i]);
    void *owned[] = {t->grad,    t->m,     t->v,          t->best,      t->targets,
                     t->windows, t->files, t->shard_loss, t->shard_bad, t->work};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    json_decref(t->history);
    spiral__autoencoder_batch_clear(&t->batch);
    spiral__pool_destroy(t->pool);
    spiral_loss_destroy(t->loss);
    spiral_model_destroy(t->model);
    memset(t, 0, sizeof *t);
}

spiral_status spiral__trainer_start(spiral__trainer *t, spiral_error *err) {
    const size_t bytes = t->model->tensors.trained * sizeof(float);
    spiral__model_init(t->model, t->options.seed, t->pool);
    memset(t->grad, 0, bytes);
    memset(t->m, 0, bytes);
    memset(t->v, 0, bytes);
    t->step = t->best_step = t->loss_steps = 0;
    t->best_loss = INFINITY;
    t->loss_sum = t->kl_sum = 0;
    json_array_clear(t->history);
    return spiral__pca_start(t->model, t->corpus, t->options.seed, err);
}

/* Stream numbers of the posterior's noise: apart from those of the windows. */
static const uint64_t NOISE_STREAM = UINT64_C(1) << 62;

/* A shard's windows, targets and, for a variational model, noise. */
static void draw_task(void *context, size_t shard, int worker) {
    (void)worker;
    spiral__trainer *t = context;
    const spiral__autoencoder *ae = &t->model->ae;
    const size_t B = (size_t)t->options.batch, begin = spiral__shard_begin(shard);
    for (size_t r = begin; r < begin + spiral__shard_rows(B, shard); r++) {
        spiral_keys *window = t->windows + r * columns_of(t->model);
        uint64_t stream = (uint64_t)t->step * B + r;
        t->files[r] = spiral__window_draw(t->corpus, t->options.transpose, t->options.seed, stream, window);
        spiral__window_floats(window, columns_of(t->model), t->model->config.low, ae->P,
                              t->targets + r * ae->D);
        spiral__rng rng = spiral__rng_init(t->options.seed, NOISE_STREAM + stream);
        for (size_t i = 0; ae->variational && i < ae->Z; i++)
            t->batch.noise[r * ae->Z + i] = (float)spiral__rng_normal(&rng);
    }
}

size_t spiral__bad_row(size_t rows, size_t n, const float *x) {
    for (size_t i = 0; i < rows * n; i++)
        if (!isfinite(x[i])) return i / n;
    return 0;
}

/* Logits -> loss and, in place, its gradient. */
static void loss_task(void *context, size_t shard, int worker) {
    spiral__trainer *t = context;
    const spiral__autoencoder *ae = &t->model->ae;
    const size_t begin = spiral__shard_begin(shard),
                 rows = spiral__shard_rows((size_t)t->options.batch, shard);
    const ptrdiff_t T = ae->T, P = ae->P;
    const spiral_strides strides = {T * P, P, 1};
    float *logits = t->batch.logits + begin * ae->D;
    double value = 0;
    t->shard_bad[shard] = -1;
    spiral_status status = spiral_loss_value_grad_f32(
        t->loss, rows * (size_t)ae->planes, (size_t)T, logits, strides, t->targets + begin * ae->D, strides,
        NULL, strides, &value, logits, strides, t->work[worker], NULL);
    if (status != SPIRAL_OK || !isfinite(value)) {
        /* Decoded again, since the gradient may have replaced the logits. */
        spiral__autoencoder_decode_rows(&t->batch, begin, rows, 1);
        t->shard_bad[shard] = (int)(begin + spiral__bad_row(rows, ae->D, logits));
    }
    t->shard_loss[shard] = value;
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
    const size_t matrices = t->model->tensors.matrices, trained = t->model->tensors.trained;
    size_t begin = i * ADAM_BLOCK, end = begin + ADAM_BLOCK < trained ? begin + ADAM_BLOCK : trained;
    size_t border = begin > matrices ? begin : end < matrices ? end : matrices;
    float *p = t->model->arena;
    kern->adamw(border - begin, &move->matrices, p + begin, t->grad + begin, t->m + begin, t->v + begin);
    kern->adamw(end - border, &move->vectors, p + border, t->grad + border, t->m + border, t->v + border);
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
    spiral__nn_par_for(t->pool, (t->model->tensors.trained + ADAM_BLOCK - 1) / ADAM_BLOCK, adam_task, &move);
    spiral__model_update(t->model, t->pool);
}

spiral_status spiral__trainer_step(spiral__trainer *t, spiral_error *err) {
    const size_t shards = spiral__shard_count((size_t)t->options.batch);
    spiral__nn_par_for(t->pool, shards, draw_task, t);
    spiral__autoencoder_forward(&t->batch, t->pool, t->windows);
    spiral__nn_par_for(t->pool, shards, loss_task, t);
    double loss = 0, kl = 0;
    for (size_t s = 0; s < shards; s++) {
        if (t->shard_bad[s] >= 0)
            return spiral__fail(
                err, SPIRAL_NUMERIC, -1,
                "%s: the loss of one of its windows is not a finite number at step %lld; a smaller "
                "learning rate than %g may help",
                t->corpus->entries[t->files[t->shard_bad[s]]].path, (long long)t->step + 1,
                t->options.learning_rate);
        loss += t->shard_loss[s];
    }
    spiral__autoencoder_backward(&t->batch, t->pool, (float)t->options.beta, (float)t->options.free_bits,
                                 t->grad);
    for (size_t s = 0; s < shards; s++) kl += t->batch.kl[s];
    move_weights(t);
    t->loss_sum += (loss + t->options.beta * kl) / t->options.batch;
    t->kl_sum += kl / t->options.batch;
    t->loss_steps++;
    t->step++;
    return SPIRAL_OK;
}
