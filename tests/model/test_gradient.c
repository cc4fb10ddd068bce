/* SPDX-License-Identifier: MIT
 *
 * The network's gradient against central differences of the same network written a second time: in double
 * precision, on dense windows, one loop per sum. All that stands between windows and parameters is in it:
 * first layer on runs, layer normalisation, linear paths, the draw of a vae, the loss, the KL term.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/network.h"
#include "spiral/isa.h"
#include "spiral/loss.h"

enum { B = SPIRAL__SHARD + 7, ENTRIES = 12, DIRECTIONS = 3 };
static const double BETA = 0.37, LOG_VARIANCE_SHIFT = -4, STEP = 1e-5;

/* Largest difference allowed, in units of the larger of the derivative and the tensor's root mean square. */
static const double TOLERANCE = 2e-5;

typedef struct problem {
    spiral_model *m;
    spiral__network net;
    spiral_loss *loss; /* BCE and spiral, summed, from logits */
    spiral_keys *windows;
    double *x;     /* (B, D) windows as numbers */
    double *theta; /* (trained) the parameters */
    double free_bits;
    float *grad; /* (trained) analytic */
} problem;

static void *zeros(size_t n, size_t size) {
    void *p = aligned_alloc(64, (n * size + 64) / 64 * 64);
    assert_non_null(p);
    memset(p, 0, (n * size + 64) / 64 * 64);
    return p;
}

static const double *at(const problem *p, const double *theta, spiral__tensor_id id, int layer) {
    const spiral__place *place = &p->m->places[id];
    return theta + place->offset + (size_t)layer * place->stride;
}

/* out (columns) += in (rows) W */
static void add_product(size_t rows, size_t columns, const double *in, const double *W, size_t stride,
                        double *out) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) out[j] += in[i] * W[i * stride + j];
}

static void norm_silu(size_t n, const double *pre, const double *gain, const double *shift, double *out) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++) mean += pre[i] / (double)n;
    for (size_t i = 0; i < n; i++) variance += (pre[i] - mean) * (pre[i] - mean) / (double)n;
    for (size_t i = 0; i < n; i++) {
        double a = gain[i] * (pre[i] - mean) / sqrt(variance + 1e-5) + shift[i];
        out[i] = a / (1 + exp(-a));
    }
}

/* What the encoder says about row r: mean and, for a vae, log variance. */
static void encode(const problem *p, const double *theta, size_t r, double *code) {
    const spiral_model *m = p->m;
    double *first = zeros(m->N, sizeof *first), *pre = zeros(m->H, sizeof *pre), *h = zeros(m->H, sizeof *h);
    add_product(m->D, m->N, p->x + r * m->D, at(p, theta, SPIRAL__ENC_IN, 0), m->N, first);
    norm_silu(m->H, first, at(p, theta, SPIRAL__ENC_GAIN, 0), at(p, theta, SPIRAL__ENC_SHIFT, 0), h);
    for (int l = 1; l < m->config.layers; l++) {
        memset(pre, 0, m->H * sizeof *pre);
        add_product(m->H, m->H, h, at(p, theta, SPIRAL__ENC_MID, l - 1), m->H, pre);
        norm_silu(m->H, pre, at(p, theta, SPIRAL__ENC_GAIN, l), at(p, theta, SPIRAL__ENC_SHIFT, l), h);
    }
    memcpy(code, at(p, theta, SPIRAL__CODE_B, 0), m->O * sizeof *code);
    for (size_t z = 0; z < m->Z; z++) code[z] += first[m->H + z];
    add_product(m->H, m->O, h, at(p, theta, SPIRAL__CODE_W, 0), m->O, code);
    free(first);
    free(pre);
    free(h);
}

static void decode(const problem *p, const double *theta, const double *z, double *logits) {
    const spiral_model *m = p->m;
    const double *W = at(p, theta, SPIRAL__OUT_W, 0);
    double *pre = zeros(m->H, sizeof *pre), *h = zeros(m->H, sizeof *h);
    add_product(m->Z, m->H, z, at(p, theta, SPIRAL__DEC_IN, 0), m->H, pre);
    norm_silu(m->H, pre, at(p, theta, SPIRAL__DEC_GAIN, 0), at(p, theta, SPIRAL__DEC_SHIFT, 0), h);
    for (int l = 1; l < m->config.layers; l++) {
        memset(pre, 0, m->H * sizeof *pre);
        add_product(m->H, m->H, h, at(p, theta, SPIRAL__DEC_MID, l - 1), m->H, pre);
        norm_silu(m->H, pre, at(p, theta, SPIRAL__DEC_GAIN, l), at(p, theta, SPIRAL__DEC_SHIFT, l), h);
    }
    memcpy(logits, at(p, theta, SPIRAL__OUT_B, 0), m->D * sizeof *logits);
    add_product(m->H, m->D, h, W, m->D, logits);
    add_product(m->Z, m->D, z, W + m->H * m->D, m->D, logits);
    free(pre);
    free(h);
}

static double kl_of(double mean, double lv) { return 0.5 * (mean * mean + exp(lv) - 1 - lv); }

/* Loss of the batch, and on request its logits (B, D). */
static double objective(const problem *p, const double *theta, double *logits_out) {
    const spiral_model *m = p->m;
    const ptrdiff_t T = m->T, P = m->P;
    const spiral_strides strides = {T * P, P, 1};
    double *logits = logits_out ? logits_out : zeros(B * m->D, sizeof *logits);
    double *code = zeros(m->O, sizeof *code), value = 0, kl = 0;
    for (size_t r = 0; r < B; r++) {
        encode(p, theta, r, code);
        for (size_t i = 0; m->config.kind == SPIRAL_MODEL_VAE && i < m->Z; i++) {
            double lv = code[m->Z + i] + LOG_VARIANCE_SHIFT;
            kl += fmax(kl_of(code[i], lv), p->free_bits);
            code[i] += exp(lv / 2) * p->net.noise[r * m->Z + i];
        }
        decode(p, theta, code, logits + r * m->D);
    }
    void *work = zeros(spiral_loss_work_size_f64(p->loss, (size_t)T), 1);
    assert_int_equal(spiral_loss_value_grad_f64(p->loss, B * (size_t)m->planes, (size_t)T, logits, strides,
                                                p->x, strides, NULL, strides, &value, NULL, strides, work,
                                                NULL),
                     SPIRAL_OK);
    free(work);
    free(code);
    if (!logits_out) free(logits);
    return value + BETA * kl;
}

/* A weight between the smallest and the largest KL, so that the kink is met from both sides, and in the
 * middle of the widest gap around, so that no step crosses it. */
static double choose_free_bits(const problem *p) {
    const spiral_model *m = p->m;
    const size_t n = B * m->Z;
    double *kl = zeros(n, sizeof *kl), *code = zeros(m->O, sizeof *code), free_bits = 0, widest = 0;
    for (size_t r = 0; r < B; r++) {
        encode(p, p->theta, r, code);
        for (size_t i = 0; i < m->Z; i++)
            kl[r * m->Z + i] = kl_of(code[i], code[m->Z + i] + LOG_VARIANCE_SHIFT);
    }
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && kl[j] < kl[j - 1]; j--) {
            double swap = kl[j];
            kl[j] = kl[j - 1];
            kl[j - 1] = swap;
        }
    for (size_t i = n / 4; i < 3 * n / 4; i++)
        if (kl[i + 1] - kl[i] > widest) {
            widest = kl[i + 1] - kl[i];
            free_bits = 0.5 * (kl[i] + kl[i + 1]);
        }
    assert_true(widest > 1e-3);
    free(kl);
    free(code);
    return free_bits;
}

/* Notes of random places and lengths; some keys outside the range, which have no say. */
static void draw_window(const spiral_model *m, spiral__rng *rng, spiral_keys *window) {
    for (int note = 0; note < 6; note++) {
        int plane = (int)spiral__rng_below(rng, (uint64_t)m->planes);
        int key = m->config.roll.low - 2 + (int)spiral__rng_below(rng, (uint64_t)m->P + 4);
        int begin = (int)spiral__rng_below(rng, (uint64_t)m->T);
        int end = begin + 1 + (int)spiral__rng_below(rng, (uint64_t)(m->T - begin));
        for (int t = begin; t < end; t++) spiral_keys_set(&window[plane * m->T + t], key, 1);
    }
}

static void create(spiral_model_kind kind, int layers, int planes, problem *p) {
    spiral_model_config config = spiral_model_config_default();
    config.roll.low = 61, config.roll.high = 66, config.roll.onsets = planes == 2;
    config.frames = 5, config.kind = kind, config.latent = 3, config.hidden = 10, config.layers = layers;
    memset(p, 0, sizeof *p);
    assert_int_equal(spiral_model_create(&config, 5, &p->m, NULL), SPIRAL_OK);
    spiral_model *m = p->m;
    spiral__rng rng = spiral__rng_init(11, (uint64_t)(8 * layers + 2 * planes) + kind);
    for (int id = 0; id < SPIRAL__TENSOR_COUNT; id++) /* gains, shifts and biases away from 1 and 0 */
        for (size_t k = 0; m->places[id].group == SPIRAL__VECTOR && k < m->places[id].count; k++)
            for (size_t i = 0; i < m->places[id].columns; i++)
                spiral__param(m, (spiral__tensor_id)id, (int)k)[i] += 0.4f * (float)spiral__rng_normal(&rng);
    spiral__model_refresh(m);
    p->theta = zeros(m->trained, sizeof *p->theta);
    for (size_t i = 0; i < m->trained; i++) p->theta[i] = m->arena[i];

    const size_t columns = (size_t)m->planes * (size_t)m->T;
    p->windows = zeros(B * columns, sizeof *p->windows);
    p->x = zeros(B * m->D, sizeof *p->x);
    for (size_t r = 0; r < B; r++) {
        draw_window(m, &rng, p->windows + r * columns);
        for (size_t t = 0; t < columns; t++)
            for (int k = 0; k < m->P; k++)
                p->x[r * m->D + t * (size_t)m->P + (size_t)k] =
                    spiral_keys_get(&p->windows[r * columns + t], config.roll.low + k);
    }
    assert_int_equal(spiral__network_create(m, B, 1, &p->net, NULL), SPIRAL_OK);
    for (size_t i = 0; kind == SPIRAL_MODEL_VAE && i < B * m->Z; i++)
        p->net.noise[i] = (float)spiral__rng_normal(&rng);
    spiral_loss_options options;
    spiral_loss_options_default(&options, sizeof options);
    options.reduction = SPIRAL_REDUCE_SUM;
    options.low = config.roll.low;
    assert_int_equal(spiral_loss_create(&options, m->P, &p->loss, NULL), SPIRAL_OK);
    if (kind == SPIRAL_MODEL_VAE) p->free_bits = choose_free_bits(p);
    p->grad = zeros(m->trained, sizeof *p->grad);
}

static void clear(problem *p) {
    spiral__network_clear(&p->net);
    spiral_loss_destroy(p->loss);
    spiral_model_destroy(p->m);
    free(p->windows);
    free(p->x);
    free(p->theta);
    free(p->grad);
}

/* Stable by key: insertion sort. */
static void sort_by_key(spiral__run *runs, size_t count, size_t keys, size_t *key_begin) {
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && runs[j].key < runs[j - 1].key; j--) {
            spiral__run swap = runs[j];
            runs[j] = runs[j - 1];
            runs[j - 1] = swap;
        }
    for (size_t key = 0, i = 0; key <= keys; key++) {
        while (i < count && runs[i].key < key) i++;
        key_begin[key] = i;
    }
}

/* The network's own way; logits (B, D) before they become gradients. */
static void analytic(problem *p, float *logits) {
    const spiral_model *m = p->m;
    const ptrdiff_t T = m->T, P = m->P;
    const spiral_strides strides = {T * P, P, 1};
    const size_t keys = (size_t)(m->planes * m->P), columns = (size_t)m->planes * (size_t)m->T;
    spiral__run *runs = zeros(B * spiral__runs_max(m), sizeof *runs);
    size_t *key_begin = zeros(keys + 1, sizeof *key_begin), found = 0;
    float *target = zeros(B * m->D, sizeof *target), *dS = zeros(((size_t)T + 1) * m->N, sizeof *dS);
    void *work = zeros(spiral_loss_work_size_f32(p->loss, (size_t)T), 1);
    for (size_t i = 0; i < B * m->D; i++) target[i] = (float)p->x[i];
    for (size_t r = 0; r < B; r++) {
        size_t count = spiral__runs_find(m, p->windows + r * columns, (uint32_t)r, runs + found);
        spiral__runs_forward(m, runs + found, count, p->net.first + r * m->N);
        found += count;
    }
    for (size_t s = 0; s < p->net.shards; s++) {
        size_t begin = spiral__shard_begin(s), rows = spiral__shard_rows(&p->net, s);
        float *mine = p->net.logits + begin * m->D;
        double value;
        spiral__encode_rows(&p->net, begin, rows);
        spiral__decode_rows(&p->net, begin, rows, 1);
        memcpy(logits + begin * m->D, mine, rows * m->D * sizeof *logits);
        assert_int_equal(spiral_loss_value_grad_f32(p->loss, rows * (size_t)m->planes, (size_t)T, mine,
                                                    strides, target + begin * m->D, strides, NULL, strides,
                                                    &value, mine, strides, work, NULL),
                         SPIRAL_OK);
        spiral__backward_rows(&p->net, s, (float)BETA, (float)p->free_bits);
    }
    sort_by_key(runs, found, keys, key_begin);
    memset(p->grad, 0, m->trained * sizeof *p->grad);
    for (size_t i = 0; i < spiral__weight_tasks(&p->net); i++)
        spiral__weight_task(&p->net, i, runs, key_begin, dS, p->grad);
    free(runs);
    free(key_begin);
    free(target);
    free(dS);
    free(work);
}

/* Derivative of the objective along `direction` (n numbers) at the tensor that begins at `offset`. */
static double derivative(problem *p, size_t offset, size_t n, const double *direction) {
    double value[2], *kept = zeros(n, sizeof *kept);
    memcpy(kept, p->theta + offset, n * sizeof *kept);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < n; i++) p->theta[offset + i] = kept[i] + (side ? -STEP : STEP) * direction[i];
        value[side] = objective(p, p->theta, NULL);
    }
    memcpy(p->theta + offset, kept, n * sizeof *kept);
    free(kept);
    return (value[0] - value[1]) / (2 * STEP);
}

/* Largest relative difference over some entries and some directions of one tensor. */
static double tensor_error(problem *p, size_t offset, size_t n, spiral__rng *rng) {
    const float *grad = p->grad + offset;
    double squares = 0, worst = 0, *direction = zeros(n, sizeof *direction);
    for (size_t i = 0; i < n; i++) squares += (double)grad[i] * grad[i];
    double rms = sqrt(squares / (double)n);
    assert_true(rms > 0);
    for (int k = 0; k < ENTRIES + DIRECTIONS; k++) {
        double wanted, got = 0;
        memset(direction, 0, n * sizeof *direction);
        if (k < ENTRIES)
            direction[spiral__rng_below(rng, n)] = 1;
        else /* unit length: the derivative along it is of the size of rms */
            for (size_t i = 0; i < n; i++) direction[i] = spiral__rng_normal(rng) / sqrt((double)n);
        wanted = derivative(p, offset, n, direction);
        for (size_t i = 0; i < n; i++) got += direction[i] * grad[i];
        worst = fmax(worst, fabs(got - wanted) / fmax(rms, fabs(wanted)));
    }
    free(direction);
    return worst;
}

static void check(spiral_model_kind kind, int layers, int planes) {
    problem p;
    create(kind, layers, planes, &p);
    const spiral_model *m = p.m;
    float *logits = zeros(B * m->D, sizeof *logits);
    double *wanted = zeros(B * m->D, sizeof *wanted), forward = 0, worst = 0;
    analytic(&p, logits);
    objective(&p, p.theta, wanted);
    for (size_t i = 0; i < B * m->D; i++) { /* not fmax: see tests/sound/test_sound.c */
        const double off = fabs(logits[i] - wanted[i]);
        if (!(off < 1e-5)) fail_msg("logit %zu is off by %g", i, off);
        if (off > forward) forward = off;
    }
    spiral__rng rng = spiral__rng_init(3, (uint64_t)layers);
    for (int id = 0; id < SPIRAL__TENSOR_COUNT; id++) {
        const spiral__place *place = &m->places[id];
        for (size_t k = 0; place->group != SPIRAL__FACT && k < place->count; k++) {
            double error =
                tensor_error(&p, place->offset + k * place->stride, place->rows * place->columns, &rng);
            if (!(error < TOLERANCE)) fail_msg("%s, copy %zu: relative error %g", place->name, k, error);
            worst = fmax(worst, error);
        }
    }
    print_message("# %s, %d layers, %d planes, %s: logits %.1e, gradient %.1e relative\n",
                  kind == SPIRAL_MODEL_VAE ? "vae" : "ae", layers, planes, spiral_isa_name(), forward, worst);
    free(logits);
    free(wanted);
    clear(&p);
}

static void test_ae(void **state) {
    (void)state;
    for (int planes = 1; planes <= 2; planes++)
        for (int layers = 1; layers <= 3; layers += 2) check(SPIRAL_MODEL_AE, layers, planes);
}

static void test_vae(void **state) {
    (void)state;
    for (int planes = 1; planes <= 2; planes++)
        for (int layers = 1; layers <= 3; layers += 2) check(SPIRAL_MODEL_VAE, layers, planes);
}

static void test_every_instruction_set(void **state) {
    (void)state;
    const char *const names[] = {"baseline", "avx2", "avx512"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (spiral_isa_set(names[i], NULL) == SPIRAL_OK) check(SPIRAL_MODEL_VAE, 2, 1);
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
}

/* KL of the posterior as encode tells it, and the code as the mean: no draw outside training. */
static void test_encode_says_the_mean(void **state) {
    (void)state;
    problem p;
    create(SPIRAL_MODEL_VAE, 2, 2, &p);
    const spiral_model *m = p.m;
    spiral_model_work *work;
    float *codes = zeros(B * m->Z, sizeof *codes), *logits = zeros(B * m->D, sizeof *logits);
    double *kl = zeros(B, sizeof *kl), *code = zeros(m->O, sizeof *code), *out = zeros(m->D, sizeof *out);
    assert_int_equal(spiral_model_work_create(m, &work, NULL), SPIRAL_OK);
    spiral_model_encode(m, B, p.windows, codes, kl, work);
    spiral_model_decode(m, B, codes, logits, work);
    for (size_t r = 0; r < B; r++) {
        double sum = 0;
        encode(&p, p.theta, r, code);
        decode(&p, p.theta, code, out);
        for (size_t i = 0; i < m->Z; i++) {
            assert_true(fabs(codes[r * m->Z + i] - code[i]) < 2e-5);
            sum += kl_of(code[i], code[m->Z + i] + LOG_VARIANCE_SHIFT);
        }
        assert_true(fabs(kl[r] - sum) < 1e-4);
        for (size_t i = 0; i < m->D; i++) assert_true(fabs(logits[r * m->D + i] - out[i]) < 2e-5);
    }
    free(codes);
    free(logits);
    free(kl);
    free(code);
    free(out);
    spiral_model_work_destroy(work);
    clear(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ae),
        cmocka_unit_test(test_vae),
        cmocka_unit_test(test_every_instruction_set),
        cmocka_unit_test(test_encode_says_the_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
