/* SPDX-License-Identifier: MIT
 *
 * One cell at a time (see stream.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "decode/stream.h"

/* The next `count` floats of an arena; while the arena is NULL they are only counted. */
static float *take(float *arena, size_t *at, size_t count) {
    float *p = arena ? arena + *at : NULL;
    *at += (count + 15) / 16 * 16;
    return p;
}

static size_t lay_out(spiral__stream *s) {
    const size_t P = (size_t)s->weights.features->P, H = s->weights.H;
    size_t at = 0;
    s->state = take(s->arena, &at, P * H);
    s->head = take(s->arena, &at, P * H);
    s->gates = take(s->arena, &at, P * 3 * H);
    s->products = take(s->arena, &at, P * 3 * H);
    s->shared = take(s->arena, &at, 3 * H);
    s->hidden = take(s->arena, &at, 2 * H);
    return at;
}

spiral_status spiral__stream_create(const spiral__decoder_weights *weights, spiral__stream *s,
                                    spiral_error *err) {
    memset(s, 0, sizeof *s);
    s->weights = *weights;
    const size_t floats = lay_out(s);
    s->arena = spiral__floats(floats);
    if (!s->arena) return spiral__no_memory(err, floats * sizeof(float));
    lay_out(s);
    return SPIRAL_OK;
}

void spiral__stream_clear(spiral__stream *s) {
    free(s->arena);
    memset(s, 0, sizeof *s);
}

void spiral__stream_begin(spiral__stream *s) {
    spiral__history_begin(&s->history);
    memset(s->state, 0, (size_t)s->weights.features->P * s->weights.H * sizeof *s->state);
}

void spiral__stream_copy(const spiral__stream *from, spiral__stream *to) {
    to->history = from->history;
    memcpy(to->state, from->state, (size_t)from->weights.features->P * from->weights.H * sizeof *to->state);
}

typedef size_t feature_reader(const spiral__moment *moment, spiral__scope scope, int unit,
                              spiral__entry *entries);

static size_t head_shared(const spiral__moment *m, spiral__scope scope, int unit, spiral__entry *entries) {
    return spiral__features_head(m, scope, unit, NULL, entries);
}

/* y (P, n) = bias + the rows of the features that keys share: those of the frame, then of the pitch class. */
static void add_shared(spiral__stream *s, feature_reader *read, const float *rows, const float *bias,
                       size_t n, float *y) {
    const spiral__recurrent_kernels *k = spiral__recurrent_kernels_get();
    const int P = s->weights.features->P;
    spiral__entry entries[SPIRAL__ENTRIES_MAX];
    float *frame = s->shared;
    memcpy(frame, bias, n * sizeof *frame);
    k->add_rows(read(&s->moment, SPIRAL__FRAME, 0, entries), entries, rows, n, frame);
    for (int p = 0; p < P; p++) {
        float *to = y + (size_t)p * n;
        memcpy(to, p < 12 ? frame : to - 12 * n, n * sizeof *to);
        if (p < 12) k->add_rows(read(&s->moment, SPIRAL__PITCH_CLASS, p, entries), entries, rows, n, to);
    }
}

void spiral__stream_begin_frame(spiral__stream *s, const spiral__conditions *conditions) {
    const spiral__recurrent_kernels *k = spiral__recurrent_kernels_get();
    const spiral__decoder_weights *w = &s->weights;
    const size_t P = (size_t)w->features->P, H = w->H;
    spiral__entry entries[SPIRAL__ENTRIES_MAX];
    spiral__moment_init(w->features, &s->history, conditions, &s->moment);
    memset(&s->decided, 0, sizeof s->decided);
    add_shared(s, head_shared, w->head_rows, w->head0_bias, H, s->head);
    add_shared(s, spiral__features_recurrent, w->recurrent_rows, w->input_bias, 3 * H, s->gates);
    for (size_t p = 0; p < P; p++) {
        size_t count = spiral__features_recurrent(&s->moment, SPIRAL__KEY, (int)p, entries);
        k->add_rows(count, entries, w->recurrent_rows, 3 * H, s->gates + p * 3 * H);
        memcpy(s->products + p * 3 * H, w->state_bias, 3 * H * sizeof *s->products);
    }
    k->add_product(P, H, 3 * H, s->state, w->recurrent_weight, s->products);
    k->gru_forward(P, H, s->gates, s->products, s->state, s->state);
    k->add_product(P, H, H, s->state, w->head0_weight, s->head);
}

void spiral__stream_logits(spiral__stream *s, int p, float *logits) {
    const spiral__recurrent_kernels *k = spiral__recurrent_kernels_get();
    const spiral__decoder_weights *w = &s->weights;
    const size_t H = w->H, planes = (size_t)w->features->planes;
    spiral__entry entries[SPIRAL__ENTRIES_MAX];
    float *first = s->hidden, *second = s->hidden + H;
    memcpy(first, s->head + (size_t)p * H, H * sizeof *first);
    size_t count = spiral__features_head(&s->moment, SPIRAL__KEY, p, &s->decided, entries);
    k->add_rows(count, entries, w->head_rows, H, first);
    k->silu_forward(H, first, first);
    memcpy(second, w->head1_bias, H * sizeof *second);
    k->add_product(1, H, H, first, w->head1_weight, second);
    k->silu_forward(H, second, second);
    memcpy(logits, w->out_bias, planes * sizeof *logits);
    k->add_product(1, H, planes, second, w->out_weight, logits);
}

void spiral__stream_set_key(spiral__stream *s, int p, int sounding, int onset) {
    const spiral__features *f = s->weights.features;
    if (!sounding) return;
    if (f->planes == 1) onset = !spiral_keys_get(&s->history.sounding, f->low + p);
    spiral__decided_add(f, &s->decided, p, onset);
}

void spiral__stream_retry_frame(spiral__stream *s) { memset(&s->decided, 0, sizeof s->decided); }

void spiral__stream_end_frame(spiral__stream *s) {
    spiral__history_add(s->weights.features, &s->history, s->decided.sounding, &s->decided.onsets);
}

void spiral__stream_skip_frame(spiral__stream *s, const spiral__conditions *conditions, spiral_keys sounding,
                               spiral_keys onsets) {
    const spiral__features *f = s->weights.features;
    spiral__stream_begin_frame(s, conditions);
    spiral__history_add(f, &s->history, sounding, f->planes == 2 ? &onsets : NULL);
}
