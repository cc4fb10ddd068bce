/* SPDX-License-Identifier: MIT
 *
 * The first layer on runs of sounding cells (see runs.h).
 */
#include <string.h>

#include "simd/nn_kernels.h"
#include "model/runs.h"

typedef struct run_finder {
    spiral__run *runs;
    size_t count;
    uint32_t row;
    uint16_t key_base; /* plane * P - low */
    uint16_t begin[SPIRAL_KEY_COUNT];
} run_finder;

/* Ends the runs of the keys in `ended`, starts those in `started`, at column t; word 0 or 1 of the column. */
static void change(run_finder *f, int word, uint64_t started, uint64_t ended, uint16_t t) {
    for (; ended; ended &= ended - 1) {
        int key = 64 * word + __builtin_ctzll(ended);
        f->runs[f->count++] = (spiral__run){f->row, (uint16_t)(f->key_base + key), f->begin[key], t};
    }
    for (; started; started &= started - 1) f->begin[64 * word + __builtin_ctzll(started)] = t;
}

size_t spiral__runs_find(const spiral_model *model, const spiral_keys *window, uint32_t row,
                         spiral__run *runs) {
    const spiral_keys mask = spiral_keys_range(model->config.roll.low, model->config.roll.high);
    run_finder f = {.runs = runs, .row = row};
    for (int plane = 0; plane < model->planes; plane++) {
        const spiral_keys *columns = window + (size_t)plane * (size_t)model->T;
        f.key_base = (uint16_t)(plane * model->P - model->config.roll.low);
        uint64_t before[2] = {0, 0};
        for (int t = 0; t <= model->T; t++)
            for (int word = 0; word < 2; word++) {
                uint64_t now = t < model->T ? columns[t].word[word] & mask.word[word] : 0;
                if (now != before[word])
                    change(&f, word, now & ~before[word], before[word] & ~now, (uint16_t)t);
                before[word] = now;
            }
    }
    return f.count;
}

static const float *sum_row(const spiral_model *m, size_t key, size_t t) {
    return m->sums + (key * ((size_t)m->T + 1) + t) * m->N;
}

void spiral__runs_forward(const spiral_model *model, const spiral__run *runs, size_t count, float *y) {
    const spiral__nn_kernels *kern = spiral__nn_kernels_get();
    memset(y, 0, model->N * sizeof *y);
    for (size_t i = 0; i < count; i++) {
        kern->add(model->N, sum_row(model, runs[i].key, runs[i].end), y);
        if (runs[i].begin) kern->subtract(model->N, sum_row(model, runs[i].key, runs[i].begin), y);
    }
}

/* Row of the first layer's matrix for column t of a key. */
static size_t cell(const spiral_model *m, size_t key, size_t t) {
    size_t plane = key / (size_t)m->P, p = key % (size_t)m->P;
    return (plane * (size_t)m->T + t) * (size_t)m->P + p;
}

void spiral__runs_backward_key(const spiral_model *model, const spiral__run *runs, size_t count, size_t key,
                               const float *dy, float *dS, float *dW) {
    const spiral__nn_kernels *kern = spiral__nn_kernels_get();
    const size_t N = model->N, T = (size_t)model->T;
    if (!count) return;
    memset(dS, 0, (T + 1) * N * sizeof *dS);
    for (size_t i = 0; i < count; i++) {
        const float *d = dy + runs[i].row * N;
        kern->add(N, d, dS + runs[i].end * N);
        if (runs[i].begin) kern->subtract(N, d, dS + runs[i].begin * N);
    }
    for (size_t t = T; t-- > 0;) {
        if (t + 1 < T) kern->add(N, dS + (t + 2) * N, dS + (t + 1) * N);
        kern->add(N, dS + (t + 1) * N, dW + cell(model, key, t) * N);
    }
}

void spiral__model_sum_key(spiral_model *model, size_t key) {
    const spiral__nn_kernels *kern = spiral__nn_kernels_get();
    const float *W = spiral__param(model, SPIRAL__ENC_IN, 0);
    float *row = model->sums + key * ((size_t)model->T + 1) * model->N;
    memset(row, 0, model->N * sizeof *row);
    for (size_t t = 0; t < (size_t)model->T; t++, row += model->N) {
        memcpy(row + model->N, row, model->N * sizeof *row);
        kern->add(model->N, W + cell(model, key, t) * model->N, row + model->N);
    }
}

void spiral__model_refresh(spiral_model *model) {
    for (size_t key = 0; key < (size_t)model->planes * (size_t)model->P; key++)
        spiral__model_sum_key(model, key);
}

void spiral__window_floats(const spiral_model *model, const spiral_keys *window, float *x) {
    const int low = model->config.roll.low;
    for (int row = 0; row < model->planes * model->T; row++)
        for (int p = 0; p < model->P; p++) *x++ = (float)spiral_keys_get(&window[row], low + p);
}
