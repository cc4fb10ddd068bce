/* SPDX-License-Identifier: MIT
 *
 * The note-by-note decoder: logits and gradients against a second implementation of the network, in double
 * precision; parts of a piece against the whole; the stream, which decides cell by cell, against forward; the
 * bits of the stream on every instruction set.
 */
#include <math.h>

#include "testing.h"
#include "base/floats.h"
#include "base/rng.h"
#include "model/decoder.h"
#include "model/model.h"
#include "spiral/isa.h"

enum { T = 9, LOW = 55, P = 17, H = 21 };

typedef struct piece {
    spiral_model *m;
    spiral_keys sounding[T], onsets[T], known[T];
    float sketch[T * 2 * P];
    spiral__conditions conditions;
    float *scale[SPIRAL__READERS];
    float factors[3 * T * H];
    spiral__dropout dropout;
} piece;

static void create(piece *x, int planes, spiral_grid_kind grid) {
    spiral_model_config c;
    spiral_model_config_default(&c, sizeof c);
    c.grid = (spiral_grid){grid, 10000, 1};
    c.low = LOW, c.high = LOW + P - 1, c.planes = planes, c.decoder = H;
    c.frames = 4, c.latent = 2, c.hidden = 3;
    memset(x, 0, sizeof *x);
    assert_int_equal(spiral_model_create(&c, 5, &x->m, NULL), SPIRAL_OK);
    spiral__rng rng = spiral__rng_init(7, (uint64_t)planes);
    for (int t = 0; t < T; t++)
        for (int p = 0; p < P; p++) {
            const int on = t != 4 && spiral__rng_uniform(&rng) < 0.3; /* frame 4 is silent */
            spiral_keys_set(&x->sounding[t], LOW + p, on);
            spiral_keys_set(&x->onsets[t], LOW + p, on && spiral__rng_uniform(&rng) < 0.6);
            spiral_keys_set(&x->known[t], LOW + p, spiral__rng_uniform(&rng) < 0.4);
        }
    for (int i = 0; i < T * planes * P; i++) {
        const double u = spiral__rng_uniform(&rng);
        x->sketch[i] = (float)(u * u);
    }
    x->conditions =
        (spiral__conditions){0, T, x->known, x->sounding, planes == 2 ? x->onsets : NULL, x->sketch};
    for (int r = 0; r < SPIRAL__READERS; r++) {
        const size_t rows = x->m->decoder.features.rows[r];
        x->scale[r] = spiral__floats(rows);
        for (size_t i = 0; i < rows; i++) x->scale[r][i] = spiral__rng_uniform(&rng) < 0.2 ? 0 : 1.25f;
    }
    for (int i = 0; i < 3 * T * H; i++) x->factors[i] = spiral__rng_uniform(&rng) < 0.4 ? 0 : 1 / 0.6f;
    x->dropout = (spiral__dropout){x->factors, x->factors + T * H, x->factors + 2 * T * H};
}

static void clear(piece *x) {
    spiral_model_destroy(x->m);
    for (int r = 0; r < SPIRAL__READERS; r++) free(x->scale[r]);
}

static const spiral_keys *onsets_of(const piece *x) { return x->m->config.planes == 2 ? x->onsets : NULL; }

static void forward(const piece *x, spiral__decoder_part *part, size_t begin, size_t frames,
                    const spiral__conditions *c, const float *const *scale, const spiral__dropout *dropout) {
    spiral__decoder_part_forward(part, frames, x->sounding + begin,
                                 onsets_of(x) ? onsets_of(x) + begin : NULL, c, scale, dropout);
}

/* ---- the network a second time ---- */

/* y (n) += the rows of the features of key p in frame t. */
static void add_features(const spiral__decoder_part *part, spiral__reader reader, size_t t, size_t p,
                         const double *W, size_t n, double *y) {
    const size_t unit[] = {t, t * (P < 12 ? P : 12) + p % 12, t * P + p};
    for (int s = 0; s < SPIRAL__SCOPES; s++) {
        const spiral__sparse_rows *rows = &part->inputs[reader][s];
        for (size_t e = rows->begin[unit[s]]; e < rows->begin[unit[s] + 1]; e++)
            for (size_t j = 0; j < n; j++) y[j] += rows->entries[e].value * W[rows->entries[e].row * n + j];
    }
}

static void add_product(size_t k, size_t n, const double *x, const double *W, double *y) {
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < n; j++) y[j] += x[i] * W[i * n + j];
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* The dropout factor of value j of the head in frame t; 1 without dropout. */
static double factor(const float *factors, size_t t, int j) {
    return factors ? factors[t * H + (size_t)j] : 1;
}

/* The sum of weight * logits; theta has the layout of the arena. */
static double reference(const spiral__decoder_part *part, const double *theta, const double *weight,
                        double *logits) {
    const spiral__dropout *dropout = &part->dropout;
    const spiral_model *m = part->model;
    const spiral__decoder *d = &m->decoder;
    const size_t planes = (size_t)m->config.planes;
#define AT(tensor) (theta + m->tensors.at[d->tensor].offset)
    double h[P][H] = {{0}}, sum = 0;
    for (size_t t = 0; t < part->frames; t++)
        for (size_t p = 0; p < P; p++) {
            double x[3 * H], s[3 * H], read[H], first[H], second[H], out[2];
            memcpy(x, AT(input_bias), sizeof x);
            memcpy(s, AT(state_bias), sizeof s);
            add_features(part, SPIRAL__RECURRENT, t, p, AT(recurrent_rows), 3 * H, x);
            add_product(H, 3 * H, h[p], AT(recurrent_weight), s);
            for (int j = 0; j < H; j++) {
                const double r = sigmoid(x[j] + s[j]), z = sigmoid(x[H + j] + s[H + j]);
                const double c = tanh(x[2 * H + j] + r * s[2 * H + j]);
                h[p][j] = (1 - z) * c + z * h[p][j];
                read[j] = h[p][j] * factor(dropout->state, t, j);
            }
            memcpy(first, AT(head0_bias), sizeof first);
            memcpy(second, AT(head1_bias), sizeof second);
            memcpy(out, AT(out_bias), planes * sizeof *out);
            add_features(part, SPIRAL__HEAD, t, p, AT(head_rows), H, first);
            add_product(H, H, read, AT(head0_weight), first);
            for (int j = 0; j < H; j++) first[j] *= sigmoid(first[j]) * factor(dropout->head0, t, j);
            add_product(H, H, first, AT(head1_weight), second);
            for (int j = 0; j < H; j++) second[j] *= sigmoid(second[j]) * factor(dropout->head1, t, j);
            add_product(H, planes, second, AT(out_weight), out);
            for (size_t i = 0; i < planes; i++) {
                const size_t at = (t * P + p) * planes + i;
                if (logits) logits[at] = out[i];
                sum += weight[at] * out[i];
            }
        }
#undef AT
    return sum;
}

static void check_tensor(const spiral__decoder_part *part, double *theta, const double *weight,
                         const float *grad, int tensor, spiral__rng *rng) {
    const spiral_model *m = part->model;
    const spiral__decoder *d = &m->decoder;
    const spiral__tensor *t = &m->tensors.at[tensor];
    const size_t n = t->rows * t->columns;
    const size_t at = t->group == SPIRAL_TENSOR_MATRIX ? t->offset - d->matrices_begin
                                                       : d->matrices + t->offset - d->vectors_begin;
    double *direction = calloc(n, sizeof *direction), got = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        direction[i] = spiral__rng_normal(rng);
        got += direction[i] * (grad[at + i] - 1); /* backward adds */
        size += (double)(grad[at + i] - 1) * (grad[at + i] - 1);
    }
    const double step = 1e-5;
    for (size_t i = 0; i < n; i++) theta[t->offset + i] += step * direction[i];
    const double up = reference(part, theta, weight, NULL);
    for (size_t i = 0; i < n; i++) theta[t->offset + i] -= 2 * step * direction[i];
    const double wanted = (up - reference(part, theta, weight, NULL)) / (2 * step);
    for (size_t i = 0; i < n; i++) theta[t->offset + i] += step * direction[i];
    if (!(fabs(got - wanted) < 2e-5 * sqrt(size) + 2e-5)) fail_msg("%s: %g, not %g", t->name, got, wanted);
    assert_true(size > 0);
    free(direction);
}

static void check_gradient(int planes, spiral_grid_kind grid, int has_dropout) {
    piece x;
    spiral__decoder_part part;
    create(&x, planes, grid);
    spiral__rng rng = spiral__rng_init(1, 1);
    const spiral_model *m = x.m;
    const size_t n = (size_t)(T * P * planes);
    double *theta = calloc(m->tensors.floats, sizeof *theta), *weight = calloc(n, sizeof *weight);
    double *logits = calloc(n, sizeof *logits);
    float *grad = spiral__floats(spiral__decoder_floats(&m->decoder));
    assert_int_equal(spiral__decoder_part_create(m, T, 1, &part, NULL), SPIRAL_OK);
    forward(&x, &part, 0, T, &x.conditions, (const float *const *)x.scale, has_dropout ? &x.dropout : NULL);
    for (size_t i = 0; i < m->tensors.floats; i++) theta[i] = m->arena[i];
    for (size_t i = 0; i < n; i++) weight[i] = (float)spiral__rng_normal(&rng);
    for (size_t i = 0; i < spiral__decoder_floats(&m->decoder); i++) grad[i] = 1;
    reference(&part, theta, weight, logits);
    for (size_t i = 0; i < n; i++) assert_true(fabs(part.logits[i] - logits[i]) < 1e-5);
    for (size_t i = 0; i < n; i++) part.logits[i] = (float)weight[i];
    spiral__decoder_part_backward(&part, grad);
    for (size_t i = 0; i < m->decoder.tensors; i++)
        check_tensor(&part, theta, weight, grad, (int)(m->decoder.first_tensor + i), &rng);
    spiral__decoder_part_clear(&part);
    free(theta);
    free(weight);
    free(logits);
    free(grad);
    clear(&x);
}

static void logits_and_gradients_are_those_of_the_equations(void **state) {
    (void)state;
    for (int has_dropout = 0; has_dropout < 2; has_dropout++) {
        check_gradient(2, SPIRAL_GRID_BEATS, has_dropout);
        check_gradient(1, SPIRAL_GRID_SECONDS, has_dropout);
    }
}

static void parts_of_a_piece_give_the_logits_of_the_whole(void **state) {
    (void)state;
    piece x;
    spiral__decoder_part whole, part;
    create(&x, 2, SPIRAL_GRID_BEATS);
    assert_int_equal(spiral__decoder_part_create(x.m, T, 0, &whole, NULL), SPIRAL_OK);
    assert_int_equal(spiral__decoder_part_create(x.m, 4, 0, &part, NULL), SPIRAL_OK);
    forward(&x, &whole, 0, T, &x.conditions, NULL, NULL);
    for (int again = 0; again < 2; again++) {
        spiral__decoder_part_begin(&part);
        for (size_t begin = 0; begin < T; begin += 4) {
            const size_t frames = T - begin < 4 ? T - begin : 4;
            forward(&x, &part, begin, frames, &x.conditions, NULL, NULL);
            for (size_t i = 0; i < frames * P * 2; i++)
                assert_true(fabsf(part.logits[i] - whole.logits[begin * P * 2 + i]) < 1e-6f);
        }
    }
    spiral__decoder_part_clear(&whole);
    spiral__decoder_part_clear(&part);
    clear(&x);
}

/* ---- the stream ---- */

/* The logits (T, P, planes), given the piece's cells; from frame `copied` on they are those of a copied
 * stream. */
static void stream_logits(const piece *x, const spiral__conditions *c, int copied, float *logits) {
    const spiral__decoder_weights weights = spiral__decoder_get_weights(x->m);
    const int planes = x->m->config.planes;
    spiral__stream first, second, *s = &first;
    assert_int_equal(spiral__stream_create(&weights, &first, NULL), SPIRAL_OK);
    assert_int_equal(spiral__stream_create(&weights, &second, NULL), SPIRAL_OK);
    spiral__stream_begin(s);
    for (int t = 0; t < T; t++) {
        if (t == copied) {
            spiral__stream_copy(&first, &second);
            s = &second;
        }
        spiral__stream_begin_frame(s, c);
        for (int p = 0; p < P; p++) {
            spiral__stream_logits(s, p, logits + (t * P + p) * planes);
            spiral__stream_set_key(s, p, spiral_keys_get(&x->sounding[t], LOW + p),
                                   spiral_keys_get(&x->onsets[t], LOW + p));
        }
        spiral__stream_end_frame(s);
    }
    spiral__stream_clear(&first);
    spiral__stream_clear(&second);
}

static void check_stream(int planes, int conditional) {
    piece x;
    spiral__decoder_part part;
    static float logits[T * P * 2];
    create(&x, planes, planes == 2 ? SPIRAL_GRID_BEATS : SPIRAL_GRID_SECONDS);
    const spiral__conditions *c = conditional ? &x.conditions : NULL;
    assert_int_equal(spiral__decoder_part_create(x.m, T, 0, &part, NULL), SPIRAL_OK);
    forward(&x, &part, 0, T, c, NULL, NULL);
    for (int copied = 0; copied < 8; copied += 7) {
        stream_logits(&x, c, copied, logits);
        for (int i = 0; i < T * P * planes; i++) assert_true(fabsf(logits[i] - part.logits[i]) < 1e-5f);
    }
    spiral__decoder_part_clear(&part);
    clear(&x);
}

static void the_stream_gives_the_logits_of_forward(void **state) {
    (void)state;
    for (int planes = 1; planes <= 2; planes++)
        for (int conditional = 0; conditional < 2; conditional++) check_stream(planes, conditional);
}

static void the_stream_gives_the_same_bits_on_every_isa(void **state) {
    (void)state;
    static float wanted[T * P * 2], logits[T * P * 2];
    const char *const isas[] = {"avx2", "avx512"};
    piece x;
    create(&x, 2, SPIRAL_GRID_BEATS);
    assert_int_equal(spiral_isa_set("baseline", NULL), SPIRAL_OK);
    stream_logits(&x, &x.conditions, 3, wanted);
    for (size_t i = 0; i < 2; i++) {
        if (spiral_isa_set(isas[i], NULL) != SPIRAL_OK) {
            print_message("# %s: not on this processor\n", isas[i]);
            continue;
        }
        stream_logits(&x, &x.conditions, 3, logits);
        assert_memory_equal(logits, wanted, sizeof wanted);
    }
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
    clear(&x);
}

/* The first cell of a frame must depend neither on the frame's other cells nor on later frames. */
static void a_logit_depends_on_what_is_decided_alone(void **state) {
    (void)state;
    static float before[T * P * 2], after[T * P * 2];
    piece x;
    create(&x, 2, SPIRAL_GRID_BEATS);
    stream_logits(&x, NULL, 0, before);
    const int t = 5, p = 6;
    spiral_keys_set(&x.sounding[t], LOW + p, !spiral_keys_get(&x.sounding[t], LOW + p));
    stream_logits(&x, NULL, 0, after);
    const size_t cells = (size_t)(t * P + p) + 1, next = cells + 1;
    assert_memory_equal(before, after, cells * 2 * sizeof *before);
    assert_memory_not_equal(before + cells * 2, after + cells * 2, (next - cells) * 2 * sizeof *before);
    clear(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_and_gradients_are_those_of_the_equations),
        cmocka_unit_test(parts_of_a_piece_give_the_logits_of_the_whole),
        cmocka_unit_test(the_stream_gives_the_logits_of_forward),
        cmocka_unit_test(the_stream_gives_the_same_bits_on_every_isa),
        cmocka_unit_test(a_logit_depends_on_what_is_decided_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
