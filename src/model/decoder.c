/* SPDX-License-Identifier: MIT
 *
 * The note-by-note decoder (see decoder.h): its tensors, and forward and backward over parts of pieces.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "model/decoder.h"
#include "model/model.h"
#include "nn/dense.h"
#include "nn/gru.h"
#include "nn/laps.h"
#include "simd/nn_kernels.h"

/* ---- description ---- */

enum { FIRST_STREAM = 16, ACTIVE_ROWS = 64 }; /* ACTIVE_ROWS: about how many features of a cell are not 0 */

/* Uniform numbers in +-1 / sqrt(inputs) have this deviation. */
static float deviation(size_t inputs) { return 1.0f / sqrtf(3.0f * (float)inputs); }

static int add(spiral_model *m, const char *name, spiral_tensor_group group, size_t rows, size_t columns,
               spiral__init init, float number) {
    const int index = spiral__tensor_add(&m->tensors, name, group, rows, columns);
    spiral__tensor *t = &m->tensors.at[index];
    t->init = init;
    t->deviation = number;
    t->stream = FIRST_STREAM + (uint64_t)index - m->decoder.first_tensor;
    return index;
}

static int add_matrix(spiral_model *m, const char *name, size_t rows, size_t columns, size_t inputs) {
    return add(m, name, SPIRAL_TENSOR_MATRIX, rows, columns, SPIRAL__INIT_NORMAL, deviation(inputs));
}

static int add_bias(spiral_model *m, const char *name, size_t n, float value) {
    return add(m, name, SPIRAL_TENSOR_VECTOR, 1, n, SPIRAL__INIT_CONSTANT, value);
}

static int is_in_model(const spiral_model_config *config) { return config->decoder > 0; }

static void describe(spiral_model *m) {
    const spiral_model_config *c = &m->config;
    spiral__decoder *d = &m->decoder;
    const size_t H = (size_t)c->decoder, planes = (size_t)c->planes;
    /* The grid has no time signature: a bar is four quarters. */
    const int bar = c->grid.kind == SPIRAL_GRID_BEATS ? 4 * c->grid.steps_per_quarter : 0;
    d->H = H;
    if (!H) return;
    spiral__features_init(c->low, c->high - c->low + 1, c->planes, bar, &d->features);
    d->first_tensor = m->tensors.count;
    const uint32_t *rows = d->features.rows;
    d->recurrent_rows = add_matrix(m, "notes.recurrent.rows", rows[SPIRAL__RECURRENT], 3 * H, ACTIVE_ROWS);
    d->recurrent_weight = add_matrix(m, "notes.recurrent.weight", H, 3 * H, H);
    d->head_rows = add_matrix(m, "notes.head.rows", rows[SPIRAL__HEAD], H, ACTIVE_ROWS);
    d->head0_weight = add_matrix(m, "notes.head.0.weight", H, H, H);
    d->head1_weight = add_matrix(m, "notes.head.1.weight", H, H, H);
    d->out_weight = add_matrix(m, "notes.out.weight", H, planes, H);
    d->input_bias = add_bias(m, "notes.recurrent.input_bias", 3 * H, 0);
    d->state_bias = add_bias(m, "notes.recurrent.state_bias", 3 * H, 0);
    d->head0_bias = add_bias(m, "notes.head.0.bias", H, 0);
    d->head1_bias = add_bias(m, "notes.head.1.bias", H, 0);
    d->out_bias = add_bias(m, "notes.out.bias", planes, -2); /* few cells sound */
    d->tensors = m->tensors.count - d->first_tensor;
    const size_t P = (size_t)d->features.P;
    d->markov = spiral__tensor_add(&m->tensors, "notes.markov", SPIRAL_TENSOR_MEASURED, 3 * P, 3);
    d->repeat = spiral__tensor_add(&m->tensors, "notes.repeat", SPIRAL_TENSOR_MEASURED, 3, 3);
    d->sampling =
        add(m, "notes.sampling", SPIRAL_TENSOR_MEASURED, 1, SPIRAL__SAMPLING_SIZE, SPIRAL__INIT_ZEROS, 0);
    m->tensors.at[d->sampling].optional = 1;
}

static size_t end_of(const spiral_model *m, int tensor) {
    const spiral__tensor *t = &m->tensors.at[tensor];
    return t->offset + (t->rows * t->columns + 15) / 16 * 16;
}

static spiral_status create(spiral_model *m, spiral_error *err) {
    spiral__decoder *d = &m->decoder;
    (void)err;
    if (!d->H) return SPIRAL_OK;
    d->matrices_begin = m->tensors.at[d->recurrent_rows].offset;
    d->matrices = end_of(m, d->out_weight) - d->matrices_begin;
    d->vectors_begin = m->tensors.at[d->input_bias].offset;
    d->vectors = end_of(m, d->out_bias) - d->vectors_begin;
    return SPIRAL_OK;
}

static void update(spiral_model *m, spiral__pool *pool) { (void)m, (void)pool; }
static void clear(spiral_model *m) { (void)m; }

const spiral__family spiral__decoder_family = {"notes", is_in_model, describe, create, update, clear};

spiral__decoder_weights spiral__decoder_get_weights(const spiral_model *m) {
    const spiral__decoder *d = &m->decoder;
    return (spiral__decoder_weights){
        .features = &d->features,
        .H = d->H,
        .recurrent_rows = spiral__tensor_data(m, d->recurrent_rows),
        .recurrent_weight = spiral__tensor_data(m, d->recurrent_weight),
        .input_bias = spiral__tensor_data(m, d->input_bias),
        .state_bias = spiral__tensor_data(m, d->state_bias),
        .head_rows = spiral__tensor_data(m, d->head_rows),
        .head0_weight = spiral__tensor_data(m, d->head0_weight),
        .head0_bias = spiral__tensor_data(m, d->head0_bias),
        .head1_weight = spiral__tensor_data(m, d->head1_weight),
        .head1_bias = spiral__tensor_data(m, d->head1_bias),
        .out_weight = spiral__tensor_data(m, d->out_weight),
        .out_bias = spiral__tensor_data(m, d->out_bias),
    };
}

spiral__sampling spiral__decoder_get_sampling(const spiral_model *m) {
    spiral__sampling sampling;
    memcpy(&sampling, spiral__tensor_data(m, m->decoder.sampling), sizeof sampling);
    return sampling.calibrated == SPIRAL__CALIBRATED ? sampling : (spiral__sampling){0};
}

/* ---- activations ---- */

/* The next `count` floats of an arena; while the arena is NULL they are only counted. */
static float *take(float *arena, size_t *at, size_t count) {
    float *p = arena ? arena + *at : NULL;
    *at += (count + 15) / 16 * 16;
    return p;
}

static size_t lay_out(spiral__decoder_part *b) {
    const spiral__decoder *d = &b->model->decoder;
    const size_t P = (size_t)d->features.P, H = d->H, cells = b->max * P;
    size_t at = 0;
    b->hidden = take(b->arena, &at, (cells + P) * H);
    b->gates = take(b->arena, &at, cells * 3 * H);
    b->products = take(b->arena, &at, cells * 3 * H);
    b->seen = take(b->arena, &at, b->backward ? cells * H : 0);
    b->x0 = take(b->arena, &at, cells * H);
    b->y0 = take(b->arena, &at, cells * H);
    b->x1 = take(b->arena, &at, cells * H);
    b->y1 = take(b->arena, &at, cells * H);
    b->logits = take(b->arena, &at, cells * (size_t)d->features.planes);
    b->dhidden = take(b->arena, &at, b->backward ? cells * H : 0);
    b->shared = take(b->arena, &at, 12 * 3 * H);
    return at;
}

/* Pitch classes of the keys: 12, or P if that is less. */
static size_t classes(const spiral__decoder_part *b) {
    const size_t P = (size_t)b->model->decoder.features.P;
    return P < 12 ? P : 12;
}

static size_t units(const spiral__decoder_part *b, spiral__scope scope) {
    return scope == SPIRAL__FRAME         ? 1
           : scope == SPIRAL__PITCH_CLASS ? classes(b)
                                          : (size_t)b->model->decoder.features.P;
}

spiral_status spiral__decoder_part_create(const spiral_model *model, size_t max, int backward,
                                          spiral__decoder_part *b, spiral_error *err) {
    *b = (spiral__decoder_part){.model = model, .max = max, .backward = backward};
    const size_t floats = lay_out(b);
    b->arena = spiral__floats(floats);
    spiral_status status = b->arena ? SPIRAL_OK : spiral__no_memory(err, floats * sizeof(float));
    lay_out(b);
    for (spiral__reader r = 0; r < SPIRAL__READERS && status == SPIRAL_OK; r++)
        for (spiral__scope s = 0; s < SPIRAL__SCOPES && status == SPIRAL_OK; s++)
            status =
                spiral__sparse_rows_create(max * units(b, s), SPIRAL__ENTRIES_MAX, &b->inputs[r][s], err);
    if (status != SPIRAL_OK)
        spiral__decoder_part_clear(b);
    else
        spiral__decoder_part_begin(b);
    return status;
}

void spiral__decoder_part_clear(spiral__decoder_part *b) {
    for (int r = 0; r < SPIRAL__READERS; r++)
        for (int s = 0; s < SPIRAL__SCOPES; s++) spiral__sparse_rows_clear(&b->inputs[r][s]);
    free(b->arena);
    memset(b, 0, sizeof *b);
}

static size_t state_floats(const spiral__decoder_part *b) {
    return (size_t)b->model->decoder.features.P * b->model->decoder.H;
}

void spiral__decoder_part_begin(spiral__decoder_part *b) {
    spiral__history_begin(&b->history);
    memset(b->hidden, 0, state_floats(b) * sizeof *b->hidden);
    b->frames = 0;
}

/* ---- features ---- */

/* Reads the features of all units of frame t into the six lists. */
static void read_frame(spiral__decoder_part *b, const spiral__moment *m, spiral_keys sounding,
                       spiral_keys onsets) {
    const spiral__features *f = m->features;
    for (spiral__scope s = 0; s < SPIRAL__SCOPES; s++) {
        spiral__sparse_rows *recurrent = &b->inputs[SPIRAL__RECURRENT][s],
                            *head = &b->inputs[SPIRAL__HEAD][s];
        spiral__decided decided = {.count = 0};
        for (int i = 0; i < (int)units(b, s); i++) {
            spiral__sparse_rows_add(recurrent,
                                    spiral__features_recurrent(m, s, i, spiral__sparse_rows_next(recurrent)));
            spiral__sparse_rows_add(head,
                                    spiral__features_head(m, s, i, &decided, spiral__sparse_rows_next(head)));
            if (s == SPIRAL__KEY && spiral_keys_get(&sounding, f->low + i))
                spiral__decided_add(f, &decided, i, spiral_keys_get(&onsets, f->low + i));
        }
    }
}

static void read_features(spiral__decoder_part *b, const spiral_keys *sounding, const spiral_keys *onsets,
                          const spiral__conditions *conditions, const float *const scale[SPIRAL__READERS]) {
    const spiral__features *f = &b->model->decoder.features;
    for (int r = 0; r < SPIRAL__READERS; r++)
        for (int s = 0; s < SPIRAL__SCOPES; s++) spiral__sparse_rows_reset(&b->inputs[r][s]);
    for (size_t t = 0; t < b->frames; t++) {
        spiral__moment m;
        spiral__moment_init(f, &b->history, conditions, &m);
        for (int r = 0; scale && r < SPIRAL__READERS; r++) m.scale[r] = scale[r];
        const spiral_keys starts =
            onsets ? onsets[t] : spiral_keys_starts(&b->history.sounding, &sounding[t], NULL);
        read_frame(b, &m, sounding[t], starts);
        spiral__history_add(f, &b->history, sounding[t], onsets ? &onsets[t] : NULL);
    }
}

/* y (frames, P, n) = bias + the rows of all features of a reader. */
static void gather(spiral__decoder_part *b, spiral__reader reader, const float *W, const float *bias,
                   size_t n, float *y) {
    const spiral__recurrent_kernels *k = spiral__recurrent_kernels_get();
    const size_t P = (size_t)b->model->decoder.features.P, count = classes(b);
    const spiral__sparse_rows *frame = &b->inputs[reader][SPIRAL__FRAME];
    const spiral__sparse_rows *class = &b->inputs[reader][SPIRAL__PITCH_CLASS];
    for (size_t t = 0; t < b->frames; t++) {
        float *first = b->shared;
        memcpy(first, bias, n * sizeof *first);
        k->add_rows(frame->begin[t + 1] - frame->begin[t], frame->entries + frame->begin[t], W, n, first);
        for (size_t c = 1; c < count; c++) memcpy(first + c * n, first, n * sizeof *first);
        for (size_t c = 0; c < count; c++) {
            const size_t *begin = class->begin + t * count + c;
            k->add_rows(begin[1] - begin[0], class->entries + begin[0], W, n, first + c * n);
        }
        for (size_t p = 0; p < P; p++) memcpy(y + (t * P + p) * n, first + p % 12 * n, n * sizeof *y);
    }
    spiral__sparse_rows_forward(&b->inputs[reader][SPIRAL__KEY], n, W, y);
}

/* The transpose: adds to dW and dbias. */
static void scatter(spiral__decoder_part *b, spiral__reader reader, const float *dy, size_t n, float *dW,
                    float *dbias) {
    const spiral__recurrent_kernels *k = spiral__recurrent_kernels_get();
    const size_t P = (size_t)b->model->decoder.features.P, count = classes(b);
    const spiral__sparse_rows *frame = &b->inputs[reader][SPIRAL__FRAME];
    const spiral__sparse_rows *class = &b->inputs[reader][SPIRAL__PITCH_CLASS];
    const spiral__nn_kernels *sums = spiral__nn_kernels_get();
    spiral__sparse_rows_backward(&b->inputs[reader][SPIRAL__KEY], n, dy, dW);
    for (size_t t = 0; t < b->frames; t++) {
        float *sum = b->shared;
        memset(sum, 0, count * n * sizeof *sum);
        for (size_t p = 0; p < P; p++) sums->add(n, dy + (t * P + p) * n, sum + p % 12 * n);
        for (size_t c = 0; c < count; c++) {
            const size_t *begin = class->begin + t * count + c;
            k->scatter_rows(begin[1] - begin[0], class->entries + begin[0], sum + c * n, n, dW);
            if (c) sums->add(n, sum + c * n, sum);
        }
        k->scatter_rows(frame->begin[t + 1] - frame->begin[t], frame->entries + frame->begin[t], sum, n, dW);
        sums->add(n, sum, dbias);
    }
}

/* ---- forward and backward ---- */

void spiral__decoder_part_read(spiral__decoder_part *b, size_t frames, const spiral_keys *sounding,
                               const spiral_keys *onsets, const spiral__conditions *conditions,
                               const float *const scale[SPIRAL__READERS]) {
    const size_t floats = state_floats(b);
    if (b->frames) memmove(b->hidden, b->hidden + b->frames * floats, floats * sizeof *b->hidden);
    b->frames = frames;
    read_features(b, sounding, onsets, conditions, scale);
}

/* x (frames, P, H) times the factors (frames, H) of every key; NULL: 1. */
static void drop(const spiral__decoder_part *b, const float *restrict factors, float *restrict x) {
    const size_t P = (size_t)b->model->decoder.features.P, H = b->model->decoder.H;
    for (size_t t = 0; factors && t < b->frames; t++, factors += H)
        for (size_t p = 0; p < P; p++, x += H)
            for (size_t j = 0; j < H; j++) x[j] *= factors[j];
}

/* The states as the head reads them. */
static float *states_of_head(const spiral__decoder_part *b) {
    return b->dropout.state ? b->seen : b->hidden + state_floats(b);
}

void spiral__decoder_part_forward(spiral__decoder_part *b, size_t frames, const spiral_keys *sounding,
                                  const spiral_keys *onsets, const spiral__conditions *conditions,
                                  const float *const scale[SPIRAL__READERS], const spiral__dropout *dropout) {
    const spiral__recurrent_kernels *k = spiral__recurrent_kernels_get();
    const spiral__decoder_weights w = spiral__decoder_get_weights(b->model);
    const size_t P = (size_t)w.features->P, H = w.H, planes = (size_t)w.features->planes, cells = frames * P;
    b->dropout = dropout ? *dropout : (spiral__dropout){NULL, NULL, NULL};
    spiral__decoder_part_read(b, frames, sounding, onsets, conditions, scale);
    spiral__lap(SPIRAL__LAP_FEATURES, 0);
    gather(b, SPIRAL__RECURRENT, w.recurrent_rows, w.input_bias, 3 * H, b->gates);
    spiral__lap(SPIRAL__LAP_RECURRENT_ROWS, 0);
    spiral__gru_forward(frames, P, H, b->gates, w.recurrent_weight, w.state_bias, b->hidden, b->products);
    spiral__lap(SPIRAL__LAP_RECURRENT, 2.0 * (double)(cells * H * 3 * H));
    gather(b, SPIRAL__HEAD, w.head_rows, w.head0_bias, H, b->x0);
    spiral__lap(SPIRAL__LAP_HEAD_ROWS, 0);
    if (b->dropout.state) memcpy(b->seen, b->hidden + P * H, cells * H * sizeof *b->seen);
    drop(b, b->dropout.state, b->seen);
    spiral__dense_forward_add(cells, H, H, states_of_head(b), H, w.head0_weight, b->x0, H);
    k->silu_forward(cells * H, b->x0, b->y0);
    drop(b, b->dropout.head0, b->y0);
    spiral__dense_forward(cells, H, H, b->y0, H, w.head1_weight, w.head1_bias, b->x1, H);
    k->silu_forward(cells * H, b->x1, b->y1);
    drop(b, b->dropout.head1, b->y1);
    spiral__dense_forward(cells, H, planes, b->y1, H, w.out_weight, w.out_bias, b->logits, planes);
    spiral__lap(SPIRAL__LAP_HEAD, 2.0 * (double)(cells * H * (2 * H + planes)));
}

/* Where a tensor is in a decoder's own gradient. */
static float *grad_of(const spiral_model *m, float *grad, int tensor) {
    const spiral__decoder *d = &m->decoder;
    const size_t at = m->tensors.at[tensor].offset;
    return grad + (m->tensors.at[tensor].group == SPIRAL_TENSOR_MATRIX ? at - d->matrices_begin
                                                                       : d->matrices + at - d->vectors_begin);
}

/* From b->logits to b->dhidden, the gradient of the states, and that of x0 in b->y0. */
static void head_backward(spiral__decoder_part *b, float *grad) {
    const spiral__recurrent_kernels *k = spiral__recurrent_kernels_get();
    const spiral_model *m = b->model;
    const spiral__decoder *d = &m->decoder;
    const spiral__decoder_weights w = spiral__decoder_get_weights(m);
    const size_t P = (size_t)w.features->P, H = w.H, planes = (size_t)w.features->planes,
                 cells = b->frames * P;
    spiral__dense_backward_weight(cells, H, planes, b->y1, H, b->logits, planes,
                                  grad_of(m, grad, d->out_weight));
    spiral__dense_backward_bias(cells, planes, b->logits, planes, grad_of(m, grad, d->out_bias));
    spiral__dense_backward_input(cells, H, planes, b->logits, planes, w.out_weight, b->y1, H);
    drop(b, b->dropout.head1, b->y1);
    k->silu_backward(cells * H, b->x1, b->y1);
    spiral__dense_backward_weight(cells, H, H, b->y0, H, b->y1, H, grad_of(m, grad, d->head1_weight));
    spiral__dense_backward_bias(cells, H, b->y1, H, grad_of(m, grad, d->head1_bias));
    spiral__dense_backward_input(cells, H, H, b->y1, H, w.head1_weight, b->y0, H);
    drop(b, b->dropout.head0, b->y0);
    k->silu_backward(cells * H, b->x0, b->y0);
    spiral__dense_backward_weight(cells, H, H, states_of_head(b), H, b->y0, H,
                                  grad_of(m, grad, d->head0_weight));
    spiral__dense_backward_input(cells, H, H, b->y0, H, w.head0_weight, b->dhidden, H);
    drop(b, b->dropout.state, b->dhidden);
}

void spiral__decoder_part_backward(spiral__decoder_part *b, float *grad) {
    const spiral_model *m = b->model;
    const spiral__decoder *d = &m->decoder;
    const size_t cells = b->frames * (size_t)d->features.P, H = d->H;
    head_backward(b, grad);
    spiral__lap(SPIRAL__LAP_HEAD_GRADIENT, 4.0 * (double)(cells * H * (2 * H + (size_t)d->features.planes)));
    scatter(b, SPIRAL__HEAD, b->y0, d->H, grad_of(m, grad, d->head_rows), grad_of(m, grad, d->head0_bias));
    spiral__lap(SPIRAL__LAP_HEAD_ROWS_GRADIENT, 0);
    spiral__gru_backward(b->frames, (size_t)d->features.P, d->H, b->gates,
                         spiral__tensor_data(m, d->recurrent_weight), b->hidden, b->products, b->dhidden,
                         grad_of(m, grad, d->recurrent_weight), grad_of(m, grad, d->state_bias));
    spiral__lap(SPIRAL__LAP_RECURRENT_GRADIENT, 4.0 * (double)(cells * H * 3 * H));
    scatter(b, SPIRAL__RECURRENT, b->gates, 3 * d->H, grad_of(m, grad, d->recurrent_rows),
            grad_of(m, grad, d->input_bias));
    spiral__lap(SPIRAL__LAP_RECURRENT_ROWS_GRADIENT, 0);
}
