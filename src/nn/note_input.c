/* SPDX-License-Identifier: MIT
 *
 * The first layer on runs of sounding cells (see note_input.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "nn/laps.h"
#include "nn/note_input.h"
#include "nn/tasks.h"
#include "simd/nn_kernels.h"

static size_t all_keys(const spiral__note_input *l) { return (size_t)l->planes * (size_t)l->keys; }

spiral_status spiral__note_input_create(int planes, int frames, int low, int keys, size_t width,
                                        spiral__note_input *l, spiral_error *err) {
    *l = (spiral__note_input){planes, frames, low, keys, width, NULL};
    size_t n = all_keys(l) * ((size_t)frames + 1) * width;
    l->sums = spiral__floats(n);
    return l->sums ? SPIRAL_OK : spiral__no_memory(err, n * sizeof *l->sums);
}

void spiral__note_input_clear(spiral__note_input *l) {
    free(l->sums);
    memset(l, 0, sizeof *l);
}

/* S of a key at frame t. */
static float *sum_row(const spiral__note_input *l, size_t key, size_t t) {
    return l->sums + (key * ((size_t)l->frames + 1) + t) * l->width;
}

size_t spiral__note_input_row(const spiral__note_input *l, size_t key, size_t t) {
    const size_t keys = (size_t)l->keys, plane = key / keys;
    return (plane * (size_t)l->frames + t) * keys + key % keys;
}

void spiral__note_input_set_key(const spiral__note_input *l, const float *W, size_t key) {
    const spiral__nn_kernels *kernels = spiral__nn_kernels_get();
    memset(sum_row(l, key, 0), 0, l->width * sizeof(float));
    for (size_t t = 0; t < (size_t)l->frames; t++) {
        memcpy(sum_row(l, key, t + 1), sum_row(l, key, t), l->width * sizeof(float));
        kernels->add(l->width, W + spiral__note_input_row(l, key, t) * l->width, sum_row(l, key, t + 1));
    }
    spiral__lap(SPIRAL__LAP_NOTES_SUMS, 0);
}

typedef struct summing {
    const spiral__note_input *layer;
    const float *W;
} summing;

static void sum_key(void *context, size_t key, int worker) {
    (void)worker;
    const summing *s = context;
    spiral__note_input_set_key(s->layer, s->W, key);
}

void spiral__note_input_set_weights(spiral__note_input *l, const float *W, spiral__pool *pool) {
    spiral__nn_par_for(pool, all_keys(l), sum_key, &(summing){l, W});
}

spiral_status spiral__note_runs_create(const spiral__note_input *l, size_t rows, int backward,
                                       spiral__note_runs *r, spiral_error *err) {
    /* The most runs: every second frame of every key sounds. */
    const size_t max = all_keys(l) * (((size_t)l->frames + 1) / 2);
    if (!backward) rows = 1;
    *r = (spiral__note_runs){.rows = rows, .max = max};
    r->runs = calloc(rows * max + 1, sizeof *r->runs);
    r->count = calloc(rows + 1, sizeof *r->count);
    if (backward) {
        r->sorted = calloc(rows * max + 1, sizeof *r->sorted);
        r->key_begin = calloc(all_keys(l) + 1, sizeof *r->key_begin);
    }
    if (r->runs && r->count && (!backward || (r->sorted && r->key_begin))) return SPIRAL_OK;
    spiral__note_runs_clear(r);
    return spiral__no_memory(err, rows * max * sizeof *r->runs);
}

void spiral__note_runs_clear(spiral__note_runs *r) {
    free(r->runs);
    free(r->count);
    free(r->sorted);
    free(r->key_begin);
    memset(r, 0, sizeof *r);
}

typedef struct run_finder {
    spiral__note_run *runs;
    size_t count;
    uint32_t row;
    uint16_t key_base;                /* key of a run minus its pitch; modulo 2^16 */
    uint16_t begin[SPIRAL_KEY_COUNT]; /* of the sounding pitches */
} run_finder;

/* Ends the runs of the pitches in `ended` and starts those in `started` at frame t; word: 0 or 1 of the keys.
 */
static void change(run_finder *f, int word, uint64_t started, uint64_t ended, uint16_t t) {
    for (; ended; ended &= ended - 1) {
        int pitch = 64 * word + __builtin_ctzll(ended);
        f->runs[f->count++] = (spiral__note_run){f->row, (uint16_t)(f->key_base + pitch), f->begin[pitch], t};
    }
    for (; started; started &= started - 1) f->begin[64 * word + __builtin_ctzll(started)] = t;
}

static size_t find_runs(const spiral__note_input *l, const spiral_keys *window, size_t row,
                        spiral__note_run *runs) {
    const spiral_keys range = spiral_keys_range(l->low, l->low + l->keys - 1);
    run_finder f = {.runs = runs, .row = (uint32_t)row};
    for (int plane = 0; plane < l->planes; plane++, window += l->frames) {
        f.key_base = (uint16_t)(plane * l->keys - l->low);
        uint64_t before[2] = {0, 0};
        for (int t = 0; t <= l->frames; t++)
            for (int word = 0; word < 2; word++) {
                uint64_t now = t < l->frames ? window[t].word[word] & range.word[word] : 0;
                if (now != before[word])
                    change(&f, word, now & ~before[word], before[word] & ~now, (uint16_t)t);
                before[word] = now;
            }
    }
    return f.count;
}

/* A run that begins in frame 0 subtracts S[key][0], which is 0. */
void spiral__note_input_forward(const spiral__note_input *l, const spiral_keys *window, size_t row,
                                spiral__note_runs *r, float *y) {
    enum { PAIRS = 64 };
    spiral__row_pair pairs[PAIRS];
    const size_t kept = r->sorted ? row : 0;
    spiral__note_run *runs = r->runs + kept * r->max;
    const size_t count = r->count[kept] = find_runs(l, window, row, runs);
    memset(y, 0, l->width * sizeof *y);
    for (size_t first = 0; first < count; first += PAIRS) {
        const size_t n = count - first < PAIRS ? count - first : PAIRS;
        for (size_t i = 0; i < n; i++) {
            const spiral__note_run *run = &runs[first + i];
            pairs[i] = (spiral__row_pair){sum_row(l, run->key, run->end), sum_row(l, run->key, run->begin)};
        }
        spiral__nn_kernels_get()->add_differences(n, pairs, l->width, y);
    }
}

/* Counting sort. Within a key the runs stay in the order of the rows, which fixes the order of all sums. */
void spiral__note_runs_sort(const spiral__note_input *l, spiral__note_runs *r) {
    const size_t keys = all_keys(l);
    size_t *next = r->key_begin;
    memset(next, 0, (keys + 1) * sizeof *next);
    for (size_t row = 0; row < r->rows; row++)
        for (size_t i = 0; i < r->count[row]; i++) next[r->runs[row * r->max + i].key + 1]++;
    for (size_t k = 0; k < keys; k++) next[k + 1] += next[k];
    for (size_t row = 0; row < r->rows; row++)
        for (size_t i = 0; i < r->count[row]; i++) {
            spiral__note_run run = r->runs[row * r->max + i];
            r->sorted[next[run.key]++] = run;
        }
    memmove(next + 1, next, keys * sizeof *next); /* each entry had moved on to the next key's beginning */
    next[0] = 0;
}

void spiral__note_input_backward_key(const spiral__note_input *l, const spiral__note_runs *r, size_t key,
                                     const float *dy, size_t dy_stride, float *dS) {
    const spiral__nn_kernels *kernels = spiral__nn_kernels_get();
    const size_t N = l->width, T = (size_t)l->frames;
    const spiral__note_run *run = r->sorted + r->key_begin[key], *end = r->sorted + r->key_begin[key + 1];
    memset(dS, 0, (T + 1) * N * sizeof *dS);
    if (run == end) return;
    for (; run < end; run++) {
        const float *d = dy + run->row * dy_stride;
        kernels->add(N, d, dS + run->end * N);
        if (run->begin) kernels->subtract(N, d, dS + run->begin * N);
    }
    for (size_t t = T; t-- > 1;) kernels->add(N, dS + (t + 1) * N, dS + t * N);
}
