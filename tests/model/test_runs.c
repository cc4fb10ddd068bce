/* SPDX-License-Identifier: MIT
 *
 * The first layer on runs is the dense product of the window with the first matrix, there and back: on
 * chords, on noise, on the fullest and the emptiest windows, at the rims of the key range and of the words.
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
#include "model/runs.h"

enum { B = 5 };

typedef enum texture { CHORDS, NOISE, STRIPES, FULL, SILENCE, TEXTURES } texture;

static void *zeros(size_t n, size_t size) {
    void *p = calloc(n + 1, size);
    assert_non_null(p);
    return p;
}

static spiral_model *create(int low, int high, int T, int planes) {
    spiral_model_config config = spiral_model_config_default();
    config.roll.low = low, config.roll.high = high, config.roll.onsets = planes == 2;
    config.frames = T, config.latent = 3, config.hidden = 10;
    spiral_model *m;
    assert_int_equal(spiral_model_create(&config, 3, &m, NULL), SPIRAL_OK);
    return m;
}

/* All 128 keys are drawn on: those outside the range have no say. */
static void draw(const spiral_model *m, texture kind, spiral__rng *rng, spiral_keys *window) {
    const int columns = m->planes * m->T;
    memset(window, 0, (size_t)columns * sizeof *window);
    int held[4] = {0};
    for (int t = 0; t < columns; t++) {
        if (kind == NOISE)
            for (int w = 0; w < 2; w++) window[t].word[w] = spiral__rng_u64(rng);
        if (kind == FULL) window[t].word[0] = window[t].word[1] = ~UINT64_C(0);
        if (kind == STRIPES && t % m->T % 2 == 0) window[t].word[0] = window[t].word[1] = ~UINT64_C(0);
        for (int voice = 0; kind == CHORDS && voice < 4; voice++) {
            if (t == 0 || spiral__rng_below(rng, 8) == 0)
                held[voice] = m->config.roll.low - 3 + (int)spiral__rng_below(rng, (uint64_t)m->P + 6);
            if (held[voice] >= 0 && held[voice] < 128) spiral_keys_set(&window[t], held[voice], 1);
        }
    }
}

/* x by its definition: (planes, T, P), one bit each. */
static double cell(const spiral_model *m, const spiral_keys *window, size_t d) {
    size_t row = d / (size_t)m->P, p = d % (size_t)m->P;
    int key = m->config.roll.low + (int)p;
    return (double)(window[row].word[key / 64] >> key % 64 & 1);
}

/* Error units: the sums along time reach T weights of deviation about sqrt(2 / D). */
static double unit(const spiral_model *m) { return 1e-6 * (1 + sqrt((double)m->T)); }

static void check_forward(const spiral_model *m, const spiral_keys *window, const spiral__run *runs,
                          size_t count) {
    const float *W = spiral__param(m, SPIRAL__ENC_IN, 0);
    float *y = zeros(m->N, sizeof *y), *x = zeros(m->D, sizeof *x);
    y[0] = NAN; /* what was there is overwritten */
    spiral__runs_forward(m, runs, count, y);
    spiral__window_floats(m, window, x);
    for (size_t d = 0; d < m->D; d++) assert_true(x[d] == cell(m, window, d));
    for (size_t n = 0; n < m->N; n++) {
        double sum = 0;
        for (size_t d = 0; d < m->D; d++) sum += cell(m, window, d) * W[d * m->N + n];
        if (!(fabs(y[n] - sum) <= 10 * unit(m)))
            fail_msg("T %d, P %d: %g, not %g", m->T, m->P, (double)y[n], sum);
    }
    free(y);
    free(x);
}

/* dW += x' dy, from all windows. */
static void check_backward(const spiral_model *m, const spiral_keys *windows, const spiral__run *runs,
                           size_t count, spiral__rng *rng) {
    const size_t keys = (size_t)(m->planes * m->P), columns = (size_t)(m->planes * m->T);
    float *dy = zeros(B * m->N, sizeof *dy), *dS = zeros((size_t)(m->T + 1) * m->N, sizeof *dS);
    float *dW = zeros(m->D * m->N, sizeof *dW);
    spiral__run *mine = zeros(count, sizeof *mine);
    for (size_t i = 0; i < B * m->N; i++) dy[i] = (float)spiral__rng_normal(rng);
    for (size_t i = 0; i < m->D * m->N; i++) dW[i] = (float)(i % 7); /* is added to */
    for (size_t key = 0; key < keys; key++) {
        size_t n = 0;
        for (size_t i = 0; i < count; i++)
            if (runs[i].key == key) mine[n++] = runs[i];
        spiral__runs_backward_key(m, mine, n, key, dy, dS, dW);
    }
    for (size_t d = 0; d < m->D; d++)
        for (size_t n = 0; n < m->N; n++) {
            double sum = (double)((d * m->N + n) % 7);
            for (size_t b = 0; b < B; b++) sum += cell(m, windows + b * columns, d) * dy[b * m->N + n];
            if (!(fabs(dW[d * m->N + n] - sum) <= 30 * unit(m)))
                fail_msg("T %d, P %d: gradient %g, not %g", m->T, m->P, (double)dW[d * m->N + n], sum);
        }
    free(dy);
    free(dS);
    free(dW);
    free(mine);
}

static void check(int low, int high, int T, int planes) {
    spiral_model *m = create(low, high, T, planes);
    const size_t columns = (size_t)(planes * T), max = spiral__runs_max(m);
    spiral__rng rng = spiral__rng_init(7, (uint64_t)(low + 128 * high + 16384 * T));
    spiral_keys *windows = zeros(B * columns, sizeof *windows);
    spiral__run *runs = zeros(B * max, sizeof *runs);
    for (int kind = 0; kind < TEXTURES; kind++) {
        size_t found = 0;
        for (size_t b = 0; b < B; b++) {
            draw(m, (texture)kind, &rng, windows + b * columns);
            size_t count = spiral__runs_find(m, windows + b * columns, (uint32_t)b, runs + found);
            assert_true(count <= max);
            if (kind == SILENCE) assert_int_equal(count, 0);
            if (kind == FULL) assert_int_equal(count, m->planes * m->P);
            if (kind == STRIPES) assert_int_equal(count, m->planes * m->P * ((T + 1) / 2)); /* the most */
            for (size_t i = 0; i < count; i++) {
                const spiral__run *r = &runs[found + i];
                assert_true(r->row == b && r->begin < r->end && r->end <= T && r->key < m->planes * m->P);
            }
            check_forward(m, windows + b * columns, runs + found, count);
            found += count;
        }
        check_backward(m, windows, runs, found, &rng);
    }
    free(windows);
    free(runs);
    spiral_model_destroy(m);
}

static void test_seed_window(void **state) {
    (void)state;
    check(48, 83, 36, 1);
    check(48, 83, 36, 2);
}

static void test_rims(void **state) {
    (void)state;
    check(0, 127, 7, 2); /* all keys */
    check(63, 64, 9, 2); /* a word's last key and the next one's first */
    check(0, 0, 5, 1);   /* one key, the lowest */
    check(127, 127, 5, 1);
    check(64, 75, 6, 1);
}

static void test_lengths(void **state) {
    (void)state;
    check(60, 71, 1, 1); /* a column on its own */
    check(60, 71, 1, 2);
    check(60, 71, 2, 1);
    check(60, 65, 512, 1); /* the longest: sums along time lose most there */
}

/* After the weights change, the sums follow: key by key and all at once give the same bits. */
static void test_refresh(void **state) {
    (void)state;
    spiral_model *m = create(60, 65, 4, 2);
    const size_t keys = (size_t)(m->planes * m->P), size = keys * 5 * m->N * sizeof(float);
    float *W = spiral__param(m, SPIRAL__ENC_IN, 0), *sums = zeros(size, 1);
    for (size_t i = 0; i < m->D * m->N; i++) W[i] = (float)i / 64;
    spiral__model_refresh(m);
    memcpy(sums, m->sums, size);
    memset(m->sums, 1, size);
    for (size_t key = keys; key-- > 0;) spiral__model_sum_key(m, key);
    assert_memory_equal(sums, m->sums, size);
    for (size_t n = 0; n < m->N; n++) { /* key 2 of plane 1: columns 4 to 7 of the rows of the window */
        double sum = 0;
        for (size_t t = 0; t < 4; t++) sum += W[((4 + t) * 6 + 2) * m->N + n];
        assert_true(fabs(sums[((6 + 2) * 5 + 4) * m->N + n] - sum) < 1e-3);
        assert_true(sums[(6 + 2) * 5 * m->N + n] == 0);
    }
    free(sums);
    spiral_model_destroy(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_window),
        cmocka_unit_test(test_rims),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_refresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
