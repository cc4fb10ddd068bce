/* SPDX-License-Identifier: MIT
 *
 * The parts of the time of the loss: each kernel that a tile of the spiral loss goes through, alone, on a
 * tile in the cache. The rest of the time of a call is for memory and for kernels that wait for each other.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "internal.h"
#include "loss/plan.h"
#include "simd/loss_kernels.h"
#include "simd/tables.h"

enum { FRAMES = SPIRAL__TILE_BYTES / sizeof(float), CALLS = 200, ROUNDS = 50 };

typedef struct tile {
    const spiral__loss_kernels *kernels;
    const spiral_loss *loss;
    size_t P, bins;
    float *frames, *target_frames, *pred, *target, *y, *slope, *dcost, *u, *v, *out;
    double sums[FRAMES];
} tile;

static void load(tile *t) {
    const float *frame[FRAMES];
    for (size_t c = 0; c < FRAMES; c++) frame[c] = t->frames + c * t->P;
    t->kernels->load(t->P, FRAMES, frame, 1, t->pred);
    for (size_t c = 0; c < FRAMES; c++) frame[c] = t->target_frames + c * t->P;
    t->kernels->load(t->P, FRAMES, frame, 1, t->target);
}

static void cells(tile *t) {
    const spiral__next_tile here = {(uintptr_t)t->pred, 0};
    const spiral__cell_args args = {.P = t->P,
                                    .from_logits = 1,
                                    .cross = 1,
                                    .pred = t->pred,
                                    .target = t->target,
                                    .positive_weight = 1,
                                    .y = t->y,
                                    .t = t->target,
                                    .slope = t->slope,
                                    .dcost = t->dcost,
                                    .sums = t->sums,
                                    .factor = 1,
                                    .next = {here, here, here}};
    if (t->kernels->cell_terms(&args)) abort();
}

static void blur_targets(tile *t) {
    t->kernels->toeplitz_sparse(t->bins, t->P, t->target, t->loss->coefficients.f32, 0,
                                t->loss->coefficients.length, t->u);
}

static void blur(tile *t) {
    t->kernels->toeplitz(t->bins, t->P, t->y, t->loss->coefficients.f32, 0, t->loss->coefficients.length,
                         t->v);
}

static void divergence(tile *t) {
    t->kernels->divergence(t->bins, (float)t->loss->options.kl_offset, t->u, t->v, 1, t->sums);
}

static void slopes(tile *t) {
    const size_t length = t->loss->coefficients.length;
    t->kernels->toeplitz(t->P, t->bins, t->u, t->loss->coefficients.f32, (ptrdiff_t)length - 1, length,
                         t->out);
}

static void chain_rule(tile *t) { t->kernels->chain_rule(t->P, t->dcost, 1, t->slope, t->out, -1, t->y); }

static void store(tile *t) {
    float *frame[FRAMES];
    for (size_t c = 0; c < FRAMES; c++) frame[c] = t->frames + c * t->P;
    t->kernels->store(t->P, FRAMES, t->pred, frame,
                      1); /* stores what was loaded, so the next round has the same input */
}

static const struct {
    const char *name;
    void (*run)(tile *);
} steps[] = {{"load logits and targets", load},
             {"probabilities, cross-entropy", cells},
             {"blur of the targets", blur_targets},
             {"blur of the probabilities", blur},
             {"divergence", divergence},
             {"blur of the slopes", slopes},
             {"chain rule", chain_rule},
             {"store the gradient", store}};

static void time_steps(tile *t) {
    double sum = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        double least = 1;
        for (int round = 0; round < ROUNDS; round++) {
            const double start = bench_seconds();
            for (int call = 0; call < CALLS; call++) steps[i].run(t);
            const double seconds = bench_seconds() - start;
            least = seconds < least ? seconds : least;
        }
        const double ns = 1e9 * least / (CALLS * FRAMES);
        sum += ns;
        printf("%-12s%-32s%8.2f ns a frame\n", bench_isa(), steps[i].name, ns);
    }
    printf("%-12s%-32s%8.2f ns a frame\n", bench_isa(), "all", sum);
}

int bench_steps(size_t keys, const char *isa) {
    bench *b = bench_open("spiral", (int)keys, 1, isa);
    if (!b) return 1;
    tile t = {.kernels = spiral__loss_kernels_f32(), .loss = b->loss, .P = keys};
    t.bins = (size_t)b->loss->bins;
    const size_t rows = spiral__whole_row_blocks(t.bins);
    float **const arrays[] = {&t.frames, &t.target_frames, &t.pred, &t.target, &t.y,
                              &t.slope,  &t.dcost,         &t.out,  &t.u,      &t.v};
    enum { ARRAYS = sizeof arrays / sizeof *arrays };
    float *memory = aligned_alloc(64, ARRAYS * rows * SPIRAL__TILE_BYTES);
    if (memory) {
        for (size_t i = 0; i < ARRAYS; i++) *arrays[i] = memory + i * rows * FRAMES;
        bench_fill(1, FRAMES, keys, 1, t.frames, t.target_frames);
        time_steps(&t);
    }
    free(memory);
    bench_close(b);
    return !memory;
}
