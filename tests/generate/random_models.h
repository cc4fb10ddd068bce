/* SPDX-License-Identifier: MIT
 *
 * Models with random weights, one with one plane and one with two, and functions that count and compare the
 * cells of rolls.
 */
#ifndef TESTS_GENERATE_RANDOM_MODELS_H
#define TESTS_GENERATE_RANDOM_MODELS_H

#include "testing.h"
#include "../train/training.h"
#include "model/model.h"
#include "spiral/generate.h"

enum { T = 40, LOW = 45, HIGH = 76 };

static spiral_model *models[2]; /* one plane, two */

static inline spiral_model *random_model(int planes, uint64_t seed) {
    spiral_model_config c;
    spiral_model *m;
    spiral_model_config_default(&c, sizeof c);
    c.grid = PIECE_GRID;
    c.planes = planes;
    c.low = LOW, c.high = HIGH;
    c.frames = 8, c.latent = 4, c.hidden = 12;
    c.decoder = 12;
    assert_int_equal(spiral_model_create(&c, seed, &m, NULL), SPIRAL_OK);
    return m;
}

static inline int set_up(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) models[i] = random_model(1 + i, 7);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) spiral_model_destroy(models[i]);
    return 0;
}

static inline spiral_generate_request request(void) {
    spiral_generate_request q;
    spiral_generate_request_default(&q, sizeof q);
    q.frames = T;
    return q;
}

static inline float *tensor(const spiral_model *m, const char *name, size_t *n) {
    for (size_t i = 0; i < spiral_model_tensor_count(m); i++) {
        const spiral_tensor *t = spiral_model_get_tensor(m, i);
        *n = t->rows * t->columns;
        if (!strcmp(t->name, name)) return t->data;
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

static inline void clear(spiral_roll *rolls, size_t n) {
    for (size_t i = 0; i < n; i++) spiral_roll_clear(&rolls[i]);
}

static inline int same(const spiral_roll *a, const spiral_roll *b) {
    const size_t bytes = a->frames * sizeof *a->sounding;
    return a->frames == b->frames && !a->onsets == !b->onsets && !memcmp(a->sounding, b->sounding, bytes) &&
           (!a->onsets || !memcmp(a->onsets, b->onsets, bytes));
}

static inline size_t count(spiral_keys keys) {
    return (size_t)(__builtin_popcountll(keys.word[0]) + __builtin_popcountll(keys.word[1]));
}

static inline double voices(const spiral_roll *rolls, size_t n) {
    double sum = 0, frames = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < rolls[i].frames; t++, frames++) sum += (double)count(rolls[i].sounding[t]);
    return sum / frames;
}

/* The given cells of a piece of T frames. */
typedef struct cells {
    spiral_keys known[T], sounding[T], onsets[T];
} cells;

static inline void give(spiral_generate_request *q, const cells *c) {
    q->known = c->known, q->sounding = c->sounding, q->onsets = c->onsets;
}

#endif
