/* SPDX-License-Identifier: MIT
 *
 * The loss of a batch of synthetic music.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/par.h"
#include "base/rng.h"
#include "bench.h"
#include "internal.h"
#include "spiral/spiral.h"

bench *bench_open(const char *kind, int keys, int threads, const char *isa) {
    spiral_error err = {0};
    spiral_loss_options o;
    spiral_loss_options_default(&o, sizeof o);
    o.reduction = SPIRAL_REDUCE_SUM;
    o.threads = threads;
    bench *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->keys = (size_t)keys;
    if (spiral_isa_set(isa, &err) || spiral_loss_kind_from_name(kind, &o.kind, &err) ||
        (o.bce = o.kind != SPIRAL_LOSS_CHANNEL, spiral_loss_create(&o, keys, &b->loss, &err)) ||
        spiral__pool_create(threads, &b->pool, &err)) {
        fprintf(stderr, "bench: %s\n", err.text);
        bench_close(b);
        return NULL;
    }
    if (spiral_loss_work_create(b->loss, 1, &b->work, &err)) { /* without a time blur T does not matter */
        fprintf(stderr, "bench: %s\n", err.text);
        bench_close(b);
        return NULL;
    }
    return b;
}

void bench_close(bench *b) {
    if (!b) return;
    spiral_loss_destroy(b->loss);
    spiral__pool_destroy(b->pool);
    spiral_loss_work_destroy(b->work);
    free(b);
}

int bench_threads(const bench *b) { return spiral__pool_threads(b->pool); }
const char *bench_isa(void) { return spiral_isa_name(); }

int bench_has_isa(const char *isa) {
    int has = spiral_isa_set(isa, NULL) == SPIRAL_OK;
    return spiral_isa_set(NULL, NULL) == SPIRAL_OK && has;
}

double bench_call(bench *b, size_t B, size_t T, int keys_first, const float *pred, const float *target,
                  float *grad) {
    const ptrdiff_t P = (ptrdiff_t)b->keys, roll = P * (ptrdiff_t)T;
    const spiral_strides at =
        keys_first ? (spiral_strides){roll, 1, (ptrdiff_t)T} : (spiral_strides){roll, P, 1};
    double value;
    spiral_error err = {0};
    if (!spiral_loss_value_grad_f32(b->loss, B, T, pred, at, target, at, NULL, at, &value, grad, at, b->work,
                                    &err))
        return value;
    fprintf(stderr, "bench: %s\n", err.text);
    return NAN;
}

typedef struct voice {
    size_t key, left; /* sounding key, frames left */
} voice;

static size_t next_key(spiral__rng *r, size_t key, size_t P) {
    size_t step = spiral__rng_below(r, 15); /* up to 7 down or up, within the range */
    return key + step < 7 ? 7 - step - key : key + step - 7 >= P ? P - 1 : key + step - 7;
}

void bench_fill(size_t B, size_t T, size_t P, unsigned long seed, float *pred, float *target) {
    spiral__rng r = spiral__rng_init(seed, 0);
    for (size_t i = 0; i < B * T * P; i++) {
        target[i] = 0;
        pred[i] = (float)(1.5 * spiral__rng_normal(&r) - 3.5);
    }
    for (size_t b = 0; b < B; b++) {
        voice voices[4];
        for (size_t v = 0; v < 4; v++) voices[v] = (voice){P * (2 * v + 1) / 8, 0};
        for (size_t t = 0; t < T; t++)
            for (size_t v = 0; v < 4; v++) {
                if (!voices[v].left)
                    voices[v] = (voice){next_key(&r, voices[v].key, P), 1 + spiral__rng_below(&r, 8)};
                voices[v].left--;
                size_t i = (b * T + t) * P + voices[v].key;
                if (target[i] == 0) pred[i] += 6;
                target[i] = 1;
            }
    }
}
