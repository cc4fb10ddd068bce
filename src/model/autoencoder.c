/* SPDX-License-Identifier: MIT
 *
 * The autoencoder (see autoencoder.h): its tensors, forward and backward of activations. The gradient of the
 * weights is in weight_gradient.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "model/autoencoder.h"
#include "model/model.h"
#include "nn/dense.h"
#include "nn/laps.h"
#include "nn/norm_silu.h"
#include "nn/tasks.h"
#include "simd/nn_kernels.h"

/* A new variational model is nearly deterministic: its log variances begin this far below zero. */
static const float LOG_VARIANCE_SHIFT = -4.0f;

/* ---- description ---- */

/* Random streams of the first values, one per kind of tensor. A hidden layer's matrices share one. */
enum { ENCODER_IN, ENCODER_HIDDEN, LATENT, DECODER_IN, DECODER_HIDDEN, OUT };

static int add_matrix(spiral_model *m, const char *name, size_t rows, size_t columns, float scale, int stream,
                      size_t earlier) {
    int index = spiral__tensor_add(&m->tensors, name, SPIRAL_TENSOR_MATRIX, rows, columns);
    spiral__tensor *t = &m->tensors.at[index];
    t->init = SPIRAL__INIT_NORMAL;
    t->deviation = scale / sqrtf((float)rows);
    t->stream = (uint64_t)stream;
    t->skip = earlier * rows * columns;
    return index;
}

static int add_vector(spiral_model *m, const char *name, size_t n, spiral__init init) {
    int index = spiral__tensor_add(&m->tensors, name, SPIRAL_TENSOR_VECTOR, 1, n);
    m->tensors.at[index].init = init;
    return index;
}

static int add_measured(spiral_model *m, const char *name, size_t rows, size_t columns) {
    return spiral__tensor_add(&m->tensors, name, SPIRAL_TENSOR_MEASURED, rows, columns);
}

static const float HIDDEN_SCALE = 1.414f; /* He et al. 2015, for units that pass about half of their input */

static void add_hidden_matrices(spiral_model *m, const char *side, int stream, int *index) {
    char name[SPIRAL__TENSOR_NAME];
    for (int l = 1; l < m->ae.layers; l++) {
        snprintf(name, sizeof name, "%s.%d.weight", side, l);
        index[l] = add_matrix(m, name, m->ae.H, m->ae.H, HIDDEN_SCALE, stream, (size_t)l - 1);
    }
}

static void add_norms(spiral_model *m, const char *side, int *gain, int *shift) {
    char name[SPIRAL__TENSOR_NAME];
    for (int l = 0; l < m->ae.layers; l++) {
        snprintf(name, sizeof name, "%s.%d.norm.weight", side, l);
        gain[l] = add_vector(m, name, m->ae.H, SPIRAL__INIT_ONES);
    }
    for (int l = 0; l < m->ae.layers; l++) {
        snprintf(name, sizeof name, "%s.%d.norm.bias", side, l);
        shift[l] = add_vector(m, name, m->ae.H, SPIRAL__INIT_ZEROS);
    }
}

static void set_sizes(spiral_model *m) {
    const spiral_model_config *c = &m->config;
    spiral__autoencoder *ae = &m->ae;
    ae->planes = c->planes;
    ae->T = c->frames;
    ae->P = c->high - c->low + 1;
    ae->layers = c->layers;
    ae->variational = c->kind == SPIRAL_MODEL_VAE;
    ae->D = (size_t)ae->planes * (size_t)ae->T * (size_t)ae->P;
    ae->H = (size_t)c->hidden;
    ae->Z = (size_t)c->latent;
    ae->O = ae->variational ? 2 * ae->Z : ae->Z;
    ae->N = ae->H + ae->Z;
}

/* The names of tensors in files before version 0.2, where they differ. */
static void set_old_names(spiral_model *m) {
    const spiral__autoencoder *ae = &m->ae;
    spiral__tensor *t = m->tensors.at;
    t[ae->latent_weight].old_name = "code.weight";
    t[ae->latent_bias].old_name = "code.bias";
    t[ae->latents_mean].old_name = "codes.mean";
    t[ae->latents_factor].old_name = "codes.factor";
    t[ae->latents_step].old_name = "codes.step";
    t[ae->latents_noise].old_name = "codes.noise";
    t[ae->density].old_name = "codes.density";
}

/* The order within a group is the order in the model file and in the state of an unfinished training. */
static void describe(spiral_model *m) {
    set_sizes(m);
    spiral__autoencoder *ae = &m->ae;
    const size_t D = ae->D, H = ae->H, Z = ae->Z, O = ae->O, N = ae->N;
    ae->encoder_in = add_matrix(m, "encoder.0.weight", D, N, HIDDEN_SCALE, ENCODER_IN, 0);
    add_hidden_matrices(m, "encoder", ENCODER_HIDDEN, ae->encoder_hidden);
    ae->latent_weight = add_matrix(m, "latent.weight", H, O, 1, LATENT, 0);
    ae->decoder_in = add_matrix(m, "decoder.0.weight", Z, H, HIDDEN_SCALE, DECODER_IN, 0);
    add_hidden_matrices(m, "decoder", DECODER_HIDDEN, ae->decoder_hidden);
    ae->out_weight = add_matrix(m, "out.weight", N, D, 1, OUT, 0);
    add_norms(m, "encoder", ae->encoder_gain, ae->encoder_shift);
    ae->latent_bias = add_vector(m, "latent.bias", O, SPIRAL__INIT_ZEROS);
    add_norms(m, "decoder", ae->decoder_gain, ae->decoder_shift);
    ae->out_bias = add_vector(m, "out.bias", D, SPIRAL__INIT_ZEROS);
    ae->pca_mean = add_measured(m, "pca.mean", 1, D);
    ae->pca_basis = add_measured(m, "pca.basis", Z, D);
    ae->latents_mean = add_measured(m, "latents.mean", 1, Z);
    ae->latents_factor = add_measured(m, "latents.factor", Z, Z);
    ae->latents_step = add_measured(m, "latents.step", Z, Z);
    ae->latents_noise = add_measured(m, "latents.noise", Z, Z);
    ae->density = add_measured(m, "latents.density", 1, 1);
    set_old_names(m);
}

static spiral_status create(spiral_model *m, spiral_error *err) {
    spiral__autoencoder *ae = &m->ae;
    const spiral__tensor *last = &m->tensors.at[ae->out_bias]; /* of the vectors added above */
    ae->vectors_begin = m->tensors.at[ae->encoder_gain[0]].offset;
    ae->vectors = last->offset + (last->columns + 15) / 16 * 16 - ae->vectors_begin;
    return spiral__note_input_create(ae->planes, ae->T, m->config.low, ae->P, ae->N, &m->ae.input, err);
}

static void update(spiral_model *m, spiral__pool *pool) {
    spiral__note_input_set_weights(&m->ae.input, spiral__tensor_data(m, m->ae.encoder_in), pool);
}

static void clear(spiral_model *m) { spiral__note_input_clear(&m->ae.input); }

const spiral__family spiral__autoencoder_family = {"autoencoder", NULL, describe, create, update, clear};

/* ---- activations ---- */

/* The next `count` floats of an arena; while the arena is NULL they are only counted. */
static float *take(float *arena, size_t *at, size_t count) {
    float *p = arena ? arena + *at : NULL;
    *at += (count + 15) / 16 * 16;
    return p;
}

/* The encoder's first layer works in `first`, the decoder's last one writes to `last`, beside the linear
 * path. */
static size_t lay_out(spiral__autoencoder_batch *b) {
    const spiral__autoencoder *ae = &b->model->ae;
    const size_t B = b->B, H = ae->H, shards = spiral__shard_count(B);
    size_t at = 0;
    b->first = take(b->arena, &at, B * ae->N);
    b->last = take(b->arena, &at, B * ae->N);
    for (int l = 0; l < ae->layers; l++) {
        spiral__hidden_layer *e = &b->encoder[l], *d = &b->decoder[l];
        int is_last = l + 1 == ae->layers;
        e->x = l ? take(b->arena, &at, B * H) : b->first;
        e->x_stride = l ? H : ae->N;
        e->y = take(b->arena, &at, B * H);
        e->y_stride = d->x_stride = H;
        e->inverse = take(b->arena, &at, B);
        d->x = take(b->arena, &at, B * H);
        d->y = is_last ? b->last : take(b->arena, &at, B * H);
        d->y_stride = is_last ? ae->N : H;
        d->inverse = take(b->arena, &at, B);
    }
    b->latent = take(b->arena, &at, B * ae->O);
    b->noise = take(b->arena, &at, ae->variational && b->backward ? B * ae->Z : 0);
    b->logits = take(b->arena, &at, B * ae->D);
    b->dh = take(b->arena, &at, b->backward ? B * ae->N : 0);
    b->vectors = take(b->arena, &at, b->backward ? shards * ae->vectors : 0);
    b->kl = (double *)(void *)take(b->arena, &at, 2 * shards);
    return at;
}

static int create_scratch(spiral__autoencoder_batch *b) {
    const size_t floats = spiral__autoencoder_scratch_floats(b);
    b->scratch = calloc((size_t)b->threads, sizeof *b->scratch);
    int ok = b->scratch != NULL;
    for (int i = 0; ok && i < b->threads; i++) {
        b->scratch[i] = spiral__floats(floats);
        ok = b->scratch[i] != NULL;
    }
    return ok;
}

spiral_status spiral__autoencoder_batch_create(const spiral_model *model, size_t B, int backward, int threads,
                                               spiral__autoencoder_batch *b, spiral_error *err) {
    *b = (spiral__autoencoder_batch){.model = model, .B = B, .backward = backward, .threads = threads};
    size_t floats = lay_out(b);
    b->arena = spiral__floats(floats);
    spiral_status status = b->arena && (!backward || create_scratch(b))
                               ? spiral__note_runs_create(&model->ae.input, B, backward, &b->runs, err)
                               : spiral__no_memory(err, floats * sizeof(float));
    if (status != SPIRAL_OK) {
        spiral__autoencoder_batch_clear(b);
        return status;
    }
    lay_out(b);
    return SPIRAL_OK;
}

void spiral__autoencoder_batch_clear(spiral__autoencoder_batch *b) {
    for (int i = 0; b->scratch && i < b->threads; i++) free(b->scratch[i]);
    free(b->scratch);
    free(b->arena);
    spiral__note_runs_clear(&b->runs);
    memset(b, 0, sizeof *b);
}

/* ---- forward ---- */

/* Of the product of a (rows, in) and an (in, out) matrix. */
static double product_operations(size_t rows, size_t in, size_t out) {
    return 2.0 * (double)rows * (double)in * (double)out;
}

static void norm_forward(const spiral_model *m, const spiral__hidden_layer *h, size_t begin, size_t rows,
                         int gain, int shift) {
    spiral__norm_silu_forward(rows, m->ae.H, h->x + begin * h->x_stride, h->x_stride,
                              spiral__tensor_data(m, gain), spiral__tensor_data(m, shift), h->inverse + begin,
                              h->y + begin * h->y_stride, h->y_stride);
}

void spiral__autoencoder_encode_rows(spiral__autoencoder_batch *b, size_t begin, size_t rows,
                                     const spiral_keys *windows) {
    const spiral_model *m = b->model;
    const spiral__autoencoder *ae = &m->ae;
    const spiral__nn_kernels *kernels = spiral__nn_kernels_get();
    const size_t H = ae->H, N = ae->N, O = ae->O, window = (size_t)ae->planes * (size_t)ae->T;
    for (size_t r = 0; r < rows; r++)
        spiral__note_input_forward(&ae->input, windows + r * window, begin + r, &b->runs,
                                   b->first + (begin + r) * N);
    spiral__lap(SPIRAL__LAP_NOTES_FORWARD, 0);
    for (int l = 0; l < ae->layers; l++) {
        const spiral__hidden_layer *h = &b->encoder[l];
        if (l)
            spiral__dense_forward(rows, H, H, h[-1].y + begin * H, H,
                                  spiral__tensor_data(m, ae->encoder_hidden[l]), NULL, h->x + begin * H, H);
        norm_forward(m, h, begin, rows, ae->encoder_gain[l], ae->encoder_shift[l]);
    }
    spiral__lap(SPIRAL__LAP_ENCODER_FORWARD, product_operations(rows * (size_t)(ae->layers - 1), H, H));
    float *latent = b->latent + begin * O;
    kernels->fill_rows(rows, O, spiral__tensor_data(m, ae->latent_bias), latent, O);
    for (size_t r = 0; r < rows; r++)
        kernels->add(ae->Z, b->first + (begin + r) * N + H, latent + r * O); /* the linear path */
    spiral__dense_forward_add(rows, H, O, b->encoder[ae->layers - 1].y + begin * H, H,
                              spiral__tensor_data(m, ae->latent_weight), latent, O);
    spiral__lap(SPIRAL__LAP_LATENT_FORWARD, product_operations(rows, H, O));
}

double spiral__autoencoder_kl(const spiral__autoencoder_batch *b, size_t row) {
    const spiral__autoencoder *ae = &b->model->ae;
    const float *latent = b->latent + row * ae->O;
    double sum = 0;
    for (size_t i = 0; ae->variational && i < ae->Z; i++) {
        double mean = latent[i], lv = latent[ae->Z + i] + LOG_VARIANCE_SHIFT;
        sum += 0.5 * (mean * mean + exp(lv) - 1 - lv);
    }
    return sum;
}

/* Writes the latents to use beside the last hidden layer; with sampling, drawn from their posteriors. */
static void set_latents(spiral__autoencoder_batch *b, size_t begin, size_t rows, int sampling) {
    const spiral__autoencoder *ae = &b->model->ae;
    for (size_t r = begin; r < begin + rows; r++) {
        const float *latent = b->latent + r * ae->O;
        float *z = b->last + r * ae->N + ae->H;
        memcpy(z, latent, ae->Z * sizeof *z);
        if (!sampling || !ae->variational) continue;
        for (size_t i = 0; i < ae->Z; i++)
            z[i] += expf(0.5f * (latent[ae->Z + i] + LOG_VARIANCE_SHIFT)) * b->noise[r * ae->Z + i];
    }
}

void spiral__autoencoder_decode_rows(spiral__autoencoder_batch *b, size_t begin, size_t rows, int sampling) {
    const spiral_model *m = b->model;
    const spiral__autoencoder *ae = &m->ae;
    const size_t H = ae->H, N = ae->N, D = ae->D;
    set_latents(b, begin, rows, sampling);
    for (int l = 0; l < ae->layers; l++) {
        const spiral__hidden_layer *h = &b->decoder[l];
        const float *x = l ? h[-1].y + begin * H : b->last + begin * N + H;
        spiral__dense_forward(rows, l ? H : ae->Z, H, x, l ? H : N,
                              spiral__tensor_data(m, l ? ae->decoder_hidden[l] : ae->decoder_in), NULL,
                              h->x + begin * H, H);
        norm_forward(m, h, begin, rows, ae->decoder_gain[l], ae->decoder_shift[l]);
    }
    spiral__lap(SPIRAL__LAP_DECODER_FORWARD,
                product_operations(rows, ae->Z + (size_t)(ae->layers - 1) * H, H));
    spiral__dense_forward(rows, N, D, b->last + begin * N, N, spiral__tensor_data(m, ae->out_weight),
                          spiral__tensor_data(m, ae->out_bias), b->logits + begin * D, D);
    spiral__lap(SPIRAL__LAP_OUT_FORWARD, product_operations(rows, N, D));
}

void spiral__autoencoder_forward_shard(spiral__autoencoder_batch *b, size_t shard,
                                       const spiral_keys *windows) {
    const size_t begin = spiral__shard_begin(shard), rows = spiral__shard_rows(b->B, shard);
    const size_t window = (size_t)b->model->ae.planes * (size_t)b->model->ae.T;
    spiral__autoencoder_encode_rows(b, begin, rows, windows + begin * window);
    spiral__autoencoder_decode_rows(b, begin, rows, 1);
}

/* ---- backward: activations ---- */

/* Where a shard gathers the gradient of a vector. */
static float *vector_gradient(const spiral__autoencoder_batch *b, size_t shard, int tensor) {
    const spiral_model *m = b->model;
    return b->vectors + shard * m->ae.vectors + (m->tensors.at[tensor].offset - m->ae.vectors_begin);
}

/* From the gradient of a layer's output, in dh, to that of its input, in its x. */
static void norm_backward(spiral__autoencoder_batch *b, size_t shard, const spiral__hidden_layer *h, int gain,
                          int shift) {
    const spiral_model *m = b->model;
    const size_t begin = spiral__shard_begin(shard), N = m->ae.N;
    spiral__norm_silu_backward(spiral__shard_rows(b->B, shard), m->ae.H, h->x + begin * h->x_stride,
                               h->x_stride, spiral__tensor_data(m, gain), spiral__tensor_data(m, shift),
                               h->inverse + begin, b->dh + begin * N, N, vector_gradient(b, shard, gain),
                               vector_gradient(b, shard, shift));
}

/* From the gradient of the logits to that of the latents used, which is left in the last Z numbers of dh. */
static void decoder_backward(spiral__autoencoder_batch *b, size_t shard) {
    const spiral_model *m = b->model;
    const spiral__autoencoder *ae = &m->ae;
    const size_t begin = spiral__shard_begin(shard), rows = spiral__shard_rows(b->B, shard);
    const size_t H = ae->H, N = ae->N, D = ae->D;
    float *dh = b->dh + begin * N, *dlogits = b->logits + begin * D;
    spiral__dense_backward_bias(rows, D, dlogits, D, vector_gradient(b, shard, ae->out_bias));
    spiral__dense_backward_input(rows, N, D, dlogits, D, spiral__tensor_data(m, ae->out_weight), dh, N);
    spiral__lap(SPIRAL__LAP_OUT_BACKWARD, product_operations(rows, N, D));
    for (int l = ae->layers - 1; l >= 0; l--) {
        const float *dx = b->decoder[l].x + begin * H;
        norm_backward(b, shard, &b->decoder[l], ae->decoder_gain[l], ae->decoder_shift[l]);
        if (l)
            spiral__dense_backward_input(rows, H, H, dx, H, spiral__tensor_data(m, ae->decoder_hidden[l]), dh,
                                         N);
        else
            spiral__dense_backward_input_add(rows, ae->Z, H, dx, H, spiral__tensor_data(m, ae->decoder_in),
                                             dh + H, N);
    }
    spiral__lap(SPIRAL__LAP_DECODER_BACKWARD,
                product_operations(rows, ae->Z + (size_t)(ae->layers - 1) * H, H));
}

/* Turns latent[] into its gradient, given that of the latents used. A variational model adds
 * beta sum_i max(KL_i, free_bits),  KL_i = (mean_i^2 + exp(lv_i) - 1 - lv_i) / 2,
 * whose gradient is zero where KL_i is below free_bits. */
static void latent_backward(spiral__autoencoder_batch *b, size_t shard, float beta, float free_bits) {
    const spiral__autoencoder *ae = &b->model->ae;
    const size_t begin = spiral__shard_begin(shard), rows = spiral__shard_rows(b->B, shard), Z = ae->Z;
    double kl_sum = 0;
    for (size_t r = begin; r < begin + rows; r++) {
        const float *dz = b->dh + r * ae->N + ae->H;
        float *latent = b->latent + r * ae->O;
        if (!ae->variational) {
            memcpy(latent, dz, Z * sizeof *latent);
            continue;
        }
        for (size_t i = 0; i < Z; i++) {
            float mean = latent[i], lv = latent[Z + i] + LOG_VARIANCE_SHIFT, variance = expf(lv);
            float kl = 0.5f * (mean * mean + variance - 1.0f - lv), weight = kl > free_bits ? beta : 0.0f;
            kl_sum += kl;
            latent[i] = dz[i] + weight * mean;
            latent[Z + i] =
                dz[i] * b->noise[r * Z + i] * 0.5f * expf(0.5f * lv) + weight * 0.5f * (variance - 1.0f);
        }
    }
    b->kl[shard] = kl_sum;
}

/* From the gradient of latent[] to that of the first layer's output, which is left in `first`. */
static void encoder_backward(spiral__autoencoder_batch *b, size_t shard) {
    const spiral_model *m = b->model;
    const spiral__autoencoder *ae = &m->ae;
    const size_t begin = spiral__shard_begin(shard), rows = spiral__shard_rows(b->B, shard);
    const size_t H = ae->H, N = ae->N, O = ae->O;
    float *dh = b->dh + begin * N, *dlatent = b->latent + begin * O;
    spiral__dense_backward_bias(rows, O, dlatent, O, vector_gradient(b, shard, ae->latent_bias));
    for (size_t r = 0; r < rows; r++) /* the linear path */
        memcpy(b->first + (begin + r) * N + H, dlatent + r * O, ae->Z * sizeof(float));
    spiral__dense_backward_input(rows, H, O, dlatent, O, spiral__tensor_data(m, ae->latent_weight), dh, N);
    spiral__lap(SPIRAL__LAP_LATENT_BACKWARD, product_operations(rows, H, O));
    for (int l = ae->layers - 1; l >= 0; l--) {
        norm_backward(b, shard, &b->encoder[l], ae->encoder_gain[l], ae->encoder_shift[l]);
        if (l)
            spiral__dense_backward_input(rows, H, H, b->encoder[l].x + begin * H, H,
                                         spiral__tensor_data(m, ae->encoder_hidden[l]), dh, N);
    }
    spiral__lap(SPIRAL__LAP_ENCODER_BACKWARD, product_operations(rows * (size_t)(ae->layers - 1), H, H));
}

void spiral__autoencoder_backward_shard(spiral__autoencoder_batch *b, size_t shard, float beta,
                                        float free_bits) {
    const size_t vectors = b->model->ae.vectors;
    memset(b->vectors + shard * vectors, 0, vectors * sizeof(float));
    decoder_backward(b, shard);
    latent_backward(b, shard, beta, free_bits);
    encoder_backward(b, shard);
}
