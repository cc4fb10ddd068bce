/* SPDX-License-Identifier: MIT
 *
 * Forward and backward through the autoencoder (see network.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "simd/nn_kernels.h"
#include "nn/gemm.h"
#include "model/network.h"

/* A new vae is nearly deterministic: log variances start this far below zero. */
static const float LOG_VARIANCE_SHIFT = -4.0f;

static int layers(const spiral__network *n) { return n->model->config.layers; }
static int is_vae(const spiral__network *n) { return n->model->config.kind == SPIRAL_MODEL_VAE; }

/* Hands out the next `count` floats of an arena, or only counts them while the arena is NULL. */
static float *take(float *arena, size_t *at, size_t count) {
    float *p = arena ? arena + *at : NULL;
    *at += (count + 15) / 16 * 16;
    return p;
}

static size_t lay_out(spiral__network *n) {
    const spiral_model *m = n->model;
    size_t at = 0, B = n->B, L = (size_t)m->config.layers;
    for (size_t l = 0; l < L; l++) {
        n->enc_x[l] = take(n->arena, &at, l ? B * m->H : 0); /* layer 0 works in `first` */
        n->enc_h[l] = take(n->arena, &at, B * m->H);
        n->dec_x[l] = take(n->arena, &at, B * m->H);
        n->dec_h[l] = take(n->arena, &at, l + 1 < L ? B * m->H : 0);
    }
    n->first = take(n->arena, &at, B * m->N);
    n->code = take(n->arena, &at, B * m->O);
    n->noise = take(n->arena, &at, is_vae(n) && n->backward ? B * m->Z : 0);
    n->last = take(n->arena, &at, B * m->N);
    n->logits = take(n->arena, &at, B * m->D);
    n->inverse = take(n->arena, &at, 2 * L * B);
    n->dh = take(n->arena, &at, n->backward ? B * m->N : 0);
    n->vectors = take(n->arena, &at, n->backward ? n->shards * (m->trained - m->matrices) : 0);
    n->kl = (double *)(void *)take(n->arena, &at, 2 * n->shards);
    return at;
}

spiral_status spiral__network_create(const spiral_model *model, size_t B, int backward, spiral__network *net,
                                     spiral_error *err) {
    *net = (spiral__network){
        .model = model, .B = B, .shards = (B + SPIRAL__SHARD - 1) / SPIRAL__SHARD, .backward = backward};
    size_t floats = lay_out(net);
    net->arena = spiral__floats(floats);
    if (!net->arena) return spiral__no_memory(err, floats * sizeof(float));
    lay_out(net);
    return SPIRAL_OK;
}

void spiral__network_clear(spiral__network *net) {
    free(net->arena);
    memset(net, 0, sizeof *net);
}

/* The normalised activations of encoder layer l: layer 0 lies in the hidden part of `first`. */
static float *encoder_x(const spiral__network *n, int l, size_t *stride) {
    *stride = l ? n->model->H : n->model->N;
    return l ? n->enc_x[l] : n->first;
}

/* The output of decoder layer l: the last one lies in the hidden part of `last`. */
static float *decoder_h(const spiral__network *n, int l, size_t *stride) {
    int is_last = l + 1 == layers(n);
    *stride = is_last ? n->model->N : n->model->H;
    return is_last ? n->last : n->dec_h[l];
}

static float *inverse_of(const spiral__network *n, int layer_of_all, size_t begin) {
    return n->inverse + (size_t)layer_of_all * n->B + begin;
}

void spiral__encode_rows(spiral__network *n, size_t begin, size_t rows) {
    const spiral_model *m = n->model;
    const spiral__nn_kernels *kern = spiral__nn_kernels_get();
    const size_t H = m->H, N = m->N, O = m->O;
    for (int l = 0; l < layers(n); l++) {
        size_t stride;
        float *x = encoder_x(n, l, &stride) + begin * (l ? H : N);
        if (l)
            spiral__gemm(0, 0, rows, H, H, n->enc_h[l - 1] + begin * H, H,
                         spiral__param(m, SPIRAL__ENC_MID, l - 1), H, 0, x, H);
        kern->norm_silu_forward(rows, H, x, stride, spiral__param(m, SPIRAL__ENC_GAIN, l),
                                spiral__param(m, SPIRAL__ENC_SHIFT, l), inverse_of(n, l, begin),
                                n->enc_h[l] + begin * H, H);
    }
    float *code = n->code + begin * O;
    kern->fill_rows(rows, O, spiral__param(m, SPIRAL__CODE_B, 0), code, O);
    for (size_t r = 0; r < rows; r++) kern->add(m->Z, n->first + (begin + r) * N + H, code + r * O);
    spiral__gemm(0, 0, rows, O, H, n->enc_h[layers(n) - 1] + begin * H, H,
                 spiral__param(m, SPIRAL__CODE_W, 0), O, 1, code, O);
}

double spiral__code_kl(const spiral__network *n, size_t row) {
    const size_t Z = n->model->Z;
    const float *code = n->code + row * n->model->O;
    double sum = 0;
    for (size_t i = 0; is_vae(n) && i < Z; i++) {
        double mean = code[i], lv = code[Z + i] + LOG_VARIANCE_SHIFT;
        sum += 0.5 * (mean * mean + exp(lv) - 1 - lv);
    }
    return sum;
}

/* Copies the code to its place beside the last hidden layer; with sampling, draws it from the posterior. */
static void use_code(spiral__network *n, size_t begin, size_t rows, int sampling) {
    const spiral_model *m = n->model;
    for (size_t r = begin; r < begin + rows; r++) {
        const float *code = n->code + r * m->O;
        float *z = n->last + r * m->N + m->H;
        memcpy(z, code, m->Z * sizeof *z);
        if (!sampling || !is_vae(n)) continue;
        for (size_t i = 0; i < m->Z; i++)
            z[i] += expf(0.5f * (code[m->Z + i] + LOG_VARIANCE_SHIFT)) * n->noise[r * m->Z + i];
    }
}

void spiral__decode_rows(spiral__network *n, size_t begin, size_t rows, int sampling) {
    const spiral_model *m = n->model;
    const spiral__nn_kernels *kern = spiral__nn_kernels_get();
    const size_t H = m->H, N = m->N;
    use_code(n, begin, rows, sampling);
    const float *in = n->last + begin * N + H; /* the code */
    size_t in_stride = N, in_width = m->Z;
    for (int l = 0; l < layers(n); l++) {
        size_t stride;
        float *x = n->dec_x[l] + begin * H,
              *h = decoder_h(n, l, &stride) + begin * (l + 1 == layers(n) ? N : H);
        const float *W = l ? spiral__param(m, SPIRAL__DEC_MID, l - 1) : spiral__param(m, SPIRAL__DEC_IN, 0);
        spiral__gemm(0, 0, rows, H, in_width, in, in_stride, W, H, 0, x, H);
        kern->norm_silu_forward(rows, H, x, H, spiral__param(m, SPIRAL__DEC_GAIN, l),
                                spiral__param(m, SPIRAL__DEC_SHIFT, l), inverse_of(n, layers(n) + l, begin),
                                h, stride);
        in = h;
        in_stride = stride;
        in_width = H;
    }
    float *logits = n->logits + begin * m->D;
    kern->fill_rows(rows, m->D, spiral__param(m, SPIRAL__OUT_B, 0), logits, m->D);
    spiral__gemm(0, 0, rows, m->D, N, n->last + begin * N, N, spiral__param(m, SPIRAL__OUT_W, 0), m->D, 1,
                 logits, m->D);
}

/* Where shard s gathers the gradient of a vector tensor. */
static float *vector_gradient(const spiral__network *n, size_t shard, spiral__tensor_id id, int layer) {
    const spiral_model *m = n->model;
    const spiral__place *p = &m->places[id];
    return n->vectors + shard * (m->trained - m->matrices) + (p->offset - m->matrices) +
           (size_t)layer * p->stride;
}

/* Decoder: from dlogits to the gradient of the code used, which is left in dh[.., H ..]. */
static void decoder_backward(spiral__network *n, size_t shard, size_t begin, size_t rows) {
    const spiral_model *m = n->model;
    const spiral__nn_kernels *kern = spiral__nn_kernels_get();
    const size_t H = m->H, N = m->N, D = m->D;
    float *dh = n->dh + begin * N, *dlogits = n->logits + begin * D;
    kern->column_sums(rows, D, dlogits, D, vector_gradient(n, shard, SPIRAL__OUT_B, 0));
    spiral__gemm(0, 1, rows, N, D, dlogits, D, spiral__param(m, SPIRAL__OUT_W, 0), D, 0, dh, N);
    for (int l = layers(n) - 1; l >= 0; l--) {
        float *x = n->dec_x[l] + begin * H;
        kern->norm_silu_backward(rows, H, x, H, spiral__param(m, SPIRAL__DEC_GAIN, l),
                                 spiral__param(m, SPIRAL__DEC_SHIFT, l), inverse_of(n, layers(n) + l, begin),
                                 dh, N, vector_gradient(n, shard, SPIRAL__DEC_GAIN, l),
                                 vector_gradient(n, shard, SPIRAL__DEC_SHIFT, l));
        if (l)
            spiral__gemm(0, 1, rows, H, H, x, H, spiral__param(m, SPIRAL__DEC_MID, l - 1), H, 0, dh, N);
        else
            spiral__gemm(0, 1, rows, m->Z, H, x, H, spiral__param(m, SPIRAL__DEC_IN, 0), H, 1, dh + H, N);
    }
}

/* The code: turns code[] (what the encoder said) into its gradient, given that of the code used. For a vae
 * adds beta sum_i max(KL_i, free),   KL_i = (mean_i^2 + exp(lv_i) - 1 - lv_i) / 2 , whose gradient is zero
 * where KL_i is below `free` nats. */
static void code_backward(spiral__network *n, size_t shard, size_t begin, size_t rows, float beta,
                          float free) {
    const spiral_model *m = n->model;
    const size_t Z = m->Z;
    double kl_sum = 0;
    for (size_t r = begin; r < begin + rows; r++) {
        const float *dz = n->dh + r * m->N + m->H;
        float *code = n->code + r * m->O;
        for (size_t i = 0; i < Z; i++) {
            if (!is_vae(n)) {
                code[i] = dz[i];
                continue;
            }
            float mean = code[i], lv = code[Z + i] + LOG_VARIANCE_SHIFT, variance = expf(lv);
            float kl = 0.5f * (mean * mean + variance - 1.0f - lv), on = kl > free ? beta : 0.0f;
            kl_sum += kl;
            code[i] = dz[i] + on * mean;
            code[Z + i] =
                dz[i] * n->noise[r * Z + i] * 0.5f * expf(0.5f * lv) + on * 0.5f * (variance - 1.0f);
        }
    }
    n->kl[shard] = kl_sum;
}

/* Encoder: from the gradient of code[] to that of the first layer's output, left in `first`. */
static void encoder_backward(spiral__network *n, size_t shard, size_t begin, size_t rows) {
    const spiral_model *m = n->model;
    const spiral__nn_kernels *kern = spiral__nn_kernels_get();
    const size_t H = m->H, N = m->N, O = m->O;
    float *dh = n->dh + begin * N, *dcode = n->code + begin * O;
    kern->column_sums(rows, O, dcode, O, vector_gradient(n, shard, SPIRAL__CODE_B, 0));
    for (size_t r = 0; r < rows; r++)
        memcpy(n->first + (begin + r) * N + H, dcode + r * O, m->Z * sizeof(float));
    spiral__gemm(0, 1, rows, H, O, dcode, O, spiral__param(m, SPIRAL__CODE_W, 0), O, 0, dh, N);
    for (int l = layers(n) - 1; l >= 0; l--) {
        size_t stride;
        float *x = encoder_x(n, l, &stride) + begin * (l ? H : N);
        kern->norm_silu_backward(rows, H, x, stride, spiral__param(m, SPIRAL__ENC_GAIN, l),
                                 spiral__param(m, SPIRAL__ENC_SHIFT, l), inverse_of(n, l, begin), dh, N,
                                 vector_gradient(n, shard, SPIRAL__ENC_GAIN, l),
                                 vector_gradient(n, shard, SPIRAL__ENC_SHIFT, l));
        if (l) spiral__gemm(0, 1, rows, H, H, x, H, spiral__param(m, SPIRAL__ENC_MID, l - 1), H, 0, dh, N);
    }
}

void spiral__backward_rows(spiral__network *n, size_t shard, float beta, float free_bits) {
    const spiral_model *m = n->model;
    size_t begin = spiral__shard_begin(shard), rows = spiral__shard_rows(n, shard);
    size_t vectors = m->trained - m->matrices;
    memset(n->vectors + shard * vectors, 0, vectors * sizeof(float));
    decoder_backward(n, shard, begin, rows);
    code_backward(n, shard, begin, rows, beta, free_bits);
    encoder_backward(n, shard, begin, rows);
}

/* The dense weight gradients, dW += in' dout over all rows: which buffers, and how many rows of W a task
 * owns. In the order of tasks, after the keys of the first layer and before the vectors. */
enum { OUT_ROWS = 128, HIDDEN_ROWS = 128 };

typedef struct product {
    float *dW; /* (in_width, out_width) */
    const float *in, *out;
    size_t in_stride, in_width, out_stride, out_width, rows_per_task;
} product;

static size_t products(const spiral__network *n, float *grad, product list[2 * SPIRAL__MAX_LAYERS + 1]) {
    const spiral_model *m = n->model;
    const size_t H = m->H, N = m->N;
    const int L = layers(n);
    size_t k = 0;
    list[k++] =
        (product){spiral__at(m, grad, SPIRAL__OUT_W, 0), n->last, n->logits, N, N, m->D, m->D, OUT_ROWS};
    for (int l = 1; l < L; l++) {
        list[k++] = (product){spiral__at(m, grad, SPIRAL__DEC_MID, l - 1),
                              n->dec_h[l - 1],
                              n->dec_x[l],
                              H,
                              H,
                              H,
                              H,
                              HIDDEN_ROWS};
        list[k++] = (product){spiral__at(m, grad, SPIRAL__ENC_MID, l - 1),
                              n->enc_h[l - 1],
                              n->enc_x[l],
                              H,
                              H,
                              H,
                              H,
                              HIDDEN_ROWS};
    }
    list[k++] =
        (product){spiral__at(m, grad, SPIRAL__DEC_IN, 0), n->last + H, n->dec_x[0], N, m->Z, H, H, 1024};
    list[k++] = (product){
        spiral__at(m, grad, SPIRAL__CODE_W, 0), n->enc_h[L - 1], n->code, H, H, m->O, m->O, HIDDEN_ROWS};
    return k;
}

static size_t product_tasks(const product *p) {
    return (p->in_width + p->rows_per_task - 1) / p->rows_per_task;
}

static void product_task(const spiral__network *n, const product *p, size_t task) {
    size_t row = task * p->rows_per_task, rows = p->in_width - row;
    if (rows > p->rows_per_task) rows = p->rows_per_task;
    spiral__gemm(1, 0, rows, p->out_width, n->B, p->in + row, p->in_stride, p->out, p->out_stride, 1,
                 p->dW + row * p->out_width, p->out_width);
}

size_t spiral__weight_tasks(const spiral__network *n) {
    product list[2 * SPIRAL__MAX_LAYERS + 1];
    size_t tasks = (size_t)n->model->planes * (size_t)n->model->P + 1; /* first layer's keys, vectors */
    for (size_t k = products(n, n->model->arena, list); k-- > 0;) tasks += product_tasks(&list[k]);
    return tasks;
}

void spiral__weight_task(spiral__network *n, size_t task, const spiral__run *runs, const size_t *key_begin,
                         float *dS, float *grad) {
    const spiral_model *m = n->model;
    const size_t keys = (size_t)m->planes * (size_t)m->P, vectors = m->trained - m->matrices;
    product list[2 * SPIRAL__MAX_LAYERS + 1];
    size_t count = products(n, grad, list);
    for (size_t k = 0; k < count; k++) { /* the large products first: they fill the time best */
        if (task < product_tasks(&list[k])) {
            product_task(n, &list[k], task);
            return;
        }
        task -= product_tasks(&list[k]);
    }
    if (task < keys) {
        spiral__runs_backward_key(m, runs + key_begin[task], key_begin[task + 1] - key_begin[task], task,
                                  n->first, dS, spiral__at(m, grad, SPIRAL__ENC_IN, 0));
        return;
    }
    for (size_t s = 0; s < n->shards; s++)
        spiral__nn_kernels_get()->add(vectors, n->vectors + s * vectors, grad + m->matrices);
}
