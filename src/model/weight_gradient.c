/* SPDX-License-Identifier: MIT
 *
 * The gradient of the autoencoder's weights (see autoencoder.h), in tasks that own a part of it each.
 */
#include <string.h>

#include "model/autoencoder.h"
#include "model/model.h"
#include "nn/dense.h"
#include "nn/laps.h"
#include "nn/tasks.h"
#include "simd/nn_kernels.h"

/* A gradient dW = x' dy over all rows of the batch, cut into tasks that own some rows of W each. */
typedef struct product {
    int tensor; /* (in, out) */
    const float *x, *dy;
    size_t x_stride, in, dy_stride, out, rows_per_task;
} product;

enum {
    MAX_PRODUCTS = 2 * SPIRAL__MAX_LAYERS + 1,
    MAX_ROWS = 128, /* of W in a task: a block of the matrix product (simd/gemm_kernel.c) */
    MIN_ROWS = 16,
    CACHED = 1 << 18 /* floats that the second-level cache holds */
};

/* So that the gradient stays in the cache until it is taken. */
static size_t rows_per_task(size_t out) {
    const size_t rows = CACHED / out / 8 * 8;
    return rows > MAX_ROWS ? MAX_ROWS : rows < MIN_ROWS ? MIN_ROWS : rows;
}

/* The products except the first layer's, the largest first, so that the threads end at about the same time.
 */
static size_t products(const spiral__autoencoder_batch *b, product list[MAX_PRODUCTS]) {
    const spiral__autoencoder *ae = &b->model->ae;
    const size_t H = ae->H, N = ae->N, D = ae->D, O = ae->O;
    const float *in = b->last ? b->last + H : NULL; /* NULL: only sizes are asked for */
    size_t n = 0;
    list[n++] = (product){ae->out_weight, b->last, b->logits, N, N, D, D, rows_per_task(D)};
    for (int l = 1; l < ae->layers; l++) {
        const spiral__hidden_layer *d = &b->decoder[l], *e = &b->encoder[l];
        list[n++] = (product){ae->decoder_hidden[l], d[-1].y, d->x, H, H, H, H, rows_per_task(H)};
        list[n++] = (product){ae->encoder_hidden[l], e[-1].y, e->x, H, H, H, H, rows_per_task(H)};
    }
    list[n++] = (product){ae->decoder_in, in, b->decoder[0].x, N, ae->Z, H, H, rows_per_task(H)};
    list[n++] =
        (product){ae->latent_weight, b->encoder[ae->layers - 1].y, b->latent, H, H, O, O, rows_per_task(O)};
    return n;
}

static size_t product_tasks(const product *p) { return (p->in + p->rows_per_task - 1) / p->rows_per_task; }

size_t spiral__autoencoder_scratch_floats(const spiral__autoencoder_batch *b) {
    const spiral__autoencoder *ae = &b->model->ae;
    product list[MAX_PRODUCTS];
    size_t most = ((size_t)ae->T + 1) * ae->N; /* a key of the first layer */
    if (ae->vectors > most) most = ae->vectors;
    for (size_t k = products(b, list); k-- > 0;) {
        const size_t floats =
            (list[k].in < list[k].rows_per_task ? list[k].in : list[k].rows_per_task) * list[k].out;
        if (floats > most) most = floats;
    }
    return most;
}

typedef struct weight_pass {
    spiral__autoencoder_batch *batch;
    const spiral__gradient_receiver *receiver;
} weight_pass;

static void product_task(const weight_pass *pass, const product *p, size_t task, float *grad) {
    const spiral_model *m = pass->batch->model;
    size_t row = task * p->rows_per_task, rows = p->in - row;
    if (rows > p->rows_per_task) rows = p->rows_per_task;
    memset(grad, 0, rows * p->out * sizeof *grad);
    spiral__dense_backward_weight(pass->batch->B, rows, p->out, p->x + row, p->x_stride, p->dy, p->dy_stride,
                                  grad);
    spiral__lap(p->tensor == m->ae.out_weight ? SPIRAL__LAP_OUT_WEIGHT : SPIRAL__LAP_HIDDEN_WEIGHT,
                2.0 * (double)(pass->batch->B * rows * p->out));
    pass->receiver->receive(pass->receiver->context, m->tensors.at[p->tensor].offset + row * p->out,
                            rows * p->out, grad);
    spiral__lap(SPIRAL__LAP_OPTIMIZER, 0);
}

static void key_task(const weight_pass *pass, size_t key, float *grad) {
    const spiral__autoencoder_batch *b = pass->batch;
    const spiral_model *m = b->model;
    const spiral__autoencoder *ae = &m->ae;
    const size_t N = ae->N, weights = m->tensors.at[ae->encoder_in].offset;
    spiral__note_input_backward_key(&ae->input, &b->runs, key, b->first, N, grad);
    spiral__lap(SPIRAL__LAP_NOTES_WEIGHT, 0);
    for (size_t t = 0; t < (size_t)ae->T; t++)
        pass->receiver->receive(pass->receiver->context,
                                weights + spiral__note_input_row(&ae->input, key, t) * N, N,
                                grad + (t + 1) * N);
    spiral__lap(SPIRAL__LAP_OPTIMIZER, 0);
    spiral__note_input_set_key(&ae->input, spiral__tensor_data(m, ae->encoder_in), key);
}

static void vector_task(const weight_pass *pass, float *grad) {
    const spiral__autoencoder_batch *b = pass->batch;
    const size_t vectors = b->model->ae.vectors;
    memset(grad, 0, vectors * sizeof *grad);
    for (size_t s = 0; s < spiral__shard_count(b->B); s++)
        spiral__nn_kernels_get()->add(vectors, b->vectors + s * vectors, grad);
    spiral__lap(SPIRAL__LAP_HIDDEN_WEIGHT, 0);
    pass->receiver->receive(pass->receiver->context, b->model->ae.vectors_begin, vectors, grad);
    spiral__lap(SPIRAL__LAP_OPTIMIZER, 0);
}

/* The tasks are those of the products, one for each key of the first layer, and one that sums the vectors. */
static void weight_task(void *context, size_t task, int worker) {
    const weight_pass *pass = context;
    const spiral__autoencoder_batch *b = pass->batch;
    const spiral__autoencoder *ae = &b->model->ae;
    const size_t keys = (size_t)ae->planes * (size_t)ae->P;
    product list[MAX_PRODUCTS];
    const size_t count = products(b, list);
    for (size_t k = 0; k < count; k++) {
        if (task < product_tasks(&list[k])) {
            product_task(pass, &list[k], task, b->scratch[worker]);
            return;
        }
        task -= product_tasks(&list[k]);
    }
    if (task < keys)
        key_task(pass, task, b->scratch[worker]);
    else
        vector_task(pass, b->scratch[worker]);
}

void spiral__autoencoder_weight_gradient(spiral__autoencoder_batch *b, spiral__pool *pool,
                                         const spiral__gradient_receiver *receiver) {
    weight_pass pass = {b, receiver};
    product list[MAX_PRODUCTS];
    size_t tasks = (size_t)b->model->ae.planes * (size_t)b->model->ae.P + 1;
    for (size_t k = products(b, list); k-- > 0;) tasks += product_tasks(&list[k]);
    spiral__note_runs_sort(&b->model->ae.input, &b->runs);
    spiral__lap(SPIRAL__LAP_NOTES_WEIGHT, 0);
    spiral__nn_par_for(pool, tasks, weight_task, &pass);
}
