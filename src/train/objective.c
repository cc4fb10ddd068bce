/* SPDX-License-Identifier: MIT
 *
 * Passes windows forward through autoencoder and loss, and backward (see objective.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/rng.h"
#include "data/corpus.h"
#include "data/window.h"
#include "nn/laps.h"
#include "nn/tasks.h"
#include "train/objective.h"

static size_t batch_size(const spiral__objective *o) { return (size_t)o->settings->options.batch; }

/* The number of key sets in a window. */
static size_t window_size(const spiral__objective *o) {
    return (size_t)o->model->ae.planes * (size_t)o->model->ae.T;
}

static spiral_status allocate(spiral__objective *o, spiral_error *err) {
    const size_t B = batch_size(o), D = o->model->ae.D, shards = spiral__shard_count(B);
    const size_t threads = (size_t)spiral__pool_threads(o->pool);
    o->windows = calloc(B * window_size(o), sizeof *o->windows);
    o->files = calloc(B, sizeof *o->files);
    o->targets = spiral__floats(B * D);
    o->shard_loss = calloc(shards, sizeof *o->shard_loss);
    o->shard_bad = calloc(shards, sizeof *o->shard_bad);
    o->work = calloc(threads, sizeof *o->work);
    int ok = o->windows && o->files && o->targets && o->shard_loss && o->shard_bad && o->work;
    size_t work = spiral_loss_work_size_f32(o->loss, (size_t)o->model->ae.T) / sizeof(float) + 1;
    for (size_t i = 0; ok && i < threads; i++) {
        o->work[i] = spiral__floats(work);
        ok = o->work[i] != NULL;
    }
    return ok ? spiral__autoencoder_batch_create(o->model, B, 1, (int)threads, &o->batch, err)
              : spiral__no_memory(err, B * D * sizeof(float));
}

spiral_status spiral__objective_create(const spiral__train_settings *settings, const spiral_model *model,
                                       const spiral_corpus *corpus, spiral__pool *pool, spiral__objective *o,
                                       spiral_error *err) {
    *o = (spiral__objective){.settings = settings, .model = model, .corpus = corpus, .pool = pool};
    spiral_loss_options loss = settings->loss;
    loss.from_logits = 1;
    loss.reduction = SPIRAL_REDUCE_SUM;
    loss.low = model->config.low;
    loss.threads = 1; /* the batch is divided among threads here */
    spiral_status status = spiral_loss_create(&loss, model->ae.P, &o->loss, err);
    if (status == SPIRAL_OK) status = allocate(o, err);
    if (status != SPIRAL_OK) spiral__objective_clear(o);
    return status;
}

void spiral__objective_clear(spiral__objective *o) {
    for (int i = 0; o->work && i < spiral__pool_threads(o->pool); i++) free(o->work[i]);
    void *owned[] = {o->windows, o->files, o->targets, o->shard_loss, o->shard_bad, o->work};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    spiral__autoencoder_batch_clear(&o->batch);
    spiral_loss_destroy(o->loss);
    memset(o, 0, sizeof *o);
}

/* Random streams: the windows use those from 0 on, the noise of their posteriors those from here on. */
static const uint64_t NOISE_STREAM = UINT64_C(1) << 62;

/* The noise of the posterior, for the window that is drawn from this stream. */
static void draw_noise(const spiral__objective *o, uint64_t stream, float *noise /* (Z) */) {
    spiral__rng rng = spiral__rng_init(o->settings->options.seed, NOISE_STREAM + stream);
    for (size_t i = 0; i < o->model->ae.Z; i++) noise[i] = (float)spiral__rng_normal(&rng);
}

void spiral__objective_draw(const spiral__objective *o, uint64_t first_stream, size_t rows,
                            spiral_keys *windows, float *noise) {
    const spiral_train_options *options = &o->settings->options;
    for (size_t r = 0; r < rows; r++) {
        spiral__window_draw(o->corpus, options->transpose, options->seed, first_stream + r,
                            windows + r * window_size(o));
        if (noise && o->model->ae.variational) draw_noise(o, first_stream + r, noise + r * o->model->ae.Z);
    }
}

/* A shard's windows, targets and, for a variational model, noise. */
static void draw(spiral__objective *o, uint64_t first_stream, size_t shard) {
    const spiral__autoencoder *ae = &o->model->ae;
    const spiral_train_options *options = &o->settings->options;
    const size_t begin = spiral__shard_begin(shard), size = window_size(o);
    for (size_t r = begin; r < begin + spiral__shard_rows(batch_size(o), shard); r++) {
        const uint64_t stream = first_stream + r;
        spiral_keys *window = o->windows + r * size;
        o->files[r] = spiral__window_draw(o->corpus, options->transpose, options->seed, stream, window);
        spiral__window_floats(window, size, o->model->config.low, ae->P, o->targets + r * ae->D);
        if (ae->variational) draw_noise(o, stream, o->batch.noise + r * ae->Z);
    }
    spiral__lap(SPIRAL__LAP_WINDOWS, 0);
}

/* The first row of x (rows, n) with a number that is not finite; row 0 if all are finite. */
static size_t bad_row(size_t rows, size_t n, const float *x) {
    for (size_t i = 0; i < rows * n; i++)
        if (!isfinite(x[i])) return i / n;
    return 0;
}

/* Computes the loss of a shard's logits, and replaces the logits by its gradient. Returns whether all numbers
 * are finite. */
static int replace_by_gradient(spiral__objective *o, size_t shard, int worker) {
    const spiral__autoencoder *ae = &o->model->ae;
    const size_t begin = spiral__shard_begin(shard), rows = spiral__shard_rows(batch_size(o), shard);
    const ptrdiff_t T = ae->T, P = ae->P;
    const spiral_strides strides = {T * P, P, 1};
    float *logits = o->batch.logits + begin * ae->D;
    double value = 0;
    spiral_status status = spiral_loss_value_grad_f32(
        o->loss, rows * (size_t)ae->planes, (size_t)T, logits, strides, o->targets + begin * ae->D, strides,
        NULL, strides, &value, logits, strides, o->work[worker], NULL);
    spiral__lap(SPIRAL__LAP_LOSS, 0);
    o->shard_loss[shard] = value;
    o->shard_bad[shard] = 0;
    if (status == SPIRAL_OK && isfinite(value)) return 1;
    /* Decoded again, since the gradient may have replaced the logits. */
    spiral__autoencoder_decode_rows(&o->batch, begin, rows, 1);
    o->shard_bad[shard] = 1 + begin + bad_row(rows, ae->D, logits);
    return 0;
}

typedef struct pass {
    spiral__objective *objective;
    uint64_t first_stream;
} pass;

/* The part of a step that each shard does alone, from its windows to the gradients of its activations, so
 * that its numbers stay in the cache. */
static void shard_task(void *context, size_t shard, int worker) {
    const pass *p = context;
    spiral__objective *o = p->objective;
    const spiral_train_options *options = &o->settings->options;
    draw(o, p->first_stream, shard);
    spiral__autoencoder_forward_shard(&o->batch, shard, o->windows);
    if (replace_by_gradient(o, shard, worker))
        spiral__autoencoder_backward_shard(&o->batch, shard, (float)options->beta, (float)options->free_bits);
}

spiral_status spiral__fail_not_finite(const spiral__train_settings *settings, const char *path,
                                      const char *when, int64_t step, spiral_error *err) {
    char path_text[SPIRAL__PATH_TEXT];
    return spiral__fail(
        err, SPIRAL_NUMERIC, -1,
        "%s: the loss of one of its windows is not finite %s step %lld; a lower learning rate "
        "than %g may help",
        spiral__error_path(path, path_text), when, (long long)step, settings->options.learning_rate);
}

spiral_status spiral__objective_gradient(spiral__objective *o, int64_t step,
                                         const spiral__gradient_receiver *receiver, double *loss, double *kl,
                                         spiral_error *err) {
    const spiral_train_options *options = &o->settings->options;
    const size_t B = batch_size(o), shards = spiral__shard_count(B);
    pass p = {o, (uint64_t)step * B};
    spiral__nn_par_for(o->pool, shards, shard_task, &p);
    *loss = *kl = 0;
    for (size_t s = 0; s < shards; s++) {
        if (o->shard_bad[s])
            return spiral__fail_not_finite(
                o->settings, o->corpus->entries[o->files[o->shard_bad[s] - 1]].path, "at", step + 1, err);
        *loss += o->shard_loss[s];
        *kl += o->batch.kl[s];
    }
    spiral__autoencoder_weight_gradient(&o->batch, o->pool, receiver);
    *loss = (*loss + options->beta * *kl) / (double)B;
    *kl /= (double)B;
    return SPIRAL_OK;
}
