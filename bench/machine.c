/* SPDX-License-Identifier: MIT
 *
 * The highest rates of the machine: multiply-adds from registers, and streaming three arrays. bench_loss.py
 * compares the loss with the time that its multiply-adds and its memory traffic need at these rates.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "internal.h"

double bench_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Twelve independent sums hide the latency of a multiply-add (4 cycles, two units); ROUNDS of them take a
 * fraction of a millisecond. The empty asm prevents the compiler from knowing that the operands are
 * constant. */
enum { CHAINS = 12, ROUNDS = 100000 };

typedef struct loops {
    const char *isa;
    size_t lanes;
    float (*multiply_add)(void);
    void (*stream)(size_t n, const float *x, const float *y, float *out);
} loops;

#define LOOPS(name, bytes, set)                                                                    \
    typedef float vec_##name __attribute__((vector_size(bytes)));                                  \
    __attribute__((set)) static float multiply_add_##name(void) {                                  \
        vec_##name sum[CHAINS], a = {0}, x = {0};                                                  \
        a += 0.999f, x += 1e-3f;                                                                   \
        for (int i = 0; i < CHAINS; i++) sum[i] = x * (float)i;                                    \
        for (long k = 0; k < ROUNDS; k++) {                                                        \
            __asm__ volatile("" : "+" VECTOR_REGISTER(a), "+" VECTOR_REGISTER(x));                 \
            _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * a + x;     \
        }                                                                                          \
        for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];                                         \
        return sum[0][0];                                                                          \
    }                                                                                              \
    __attribute__((set)) static void stream_##name(size_t n, const float *restrict x,              \
                                                   const float *restrict y, float *restrict out) { \
        for (size_t i = 0; i < n; i++) out[i] = x[i] + y[i];                                       \
    }

#if defined(__x86_64__)
#define VECTOR_REGISTER "v"
LOOPS(avx2, 32, target("avx2,fma"))
LOOPS(avx512, 64, target("avx512f,avx512vl"))
#else
#define VECTOR_REGISTER "w"
#endif
LOOPS(baseline, 16, noinline)

static const loops all[] = {
    {"baseline", 4, multiply_add_baseline, stream_baseline},
#if defined(__x86_64__)
    {"avx2", 8, multiply_add_avx2, stream_avx2},
    {"avx512", 16, multiply_add_avx512, stream_avx512},
#endif
};

static const loops *current(void) {
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i].isa, bench_isa())) return &all[i];
    return &all[0];
}

typedef struct pass {
    const loops *loops;
    size_t n, parts;
    const float *x, *y;
    float *out, sums[64];
} pass;

static void multiply_add_part(void *context, size_t i, int worker) {
    pass *p = context;
    (void)worker;
    p->sums[i] = p->loops->multiply_add();
}

double bench_fma_rate(bench *b) {
    pass p = {.loops = current(), .parts = (size_t)bench_threads(b)};
    if (p.parts > sizeof p.sums / sizeof *p.sums) p.parts = sizeof p.sums / sizeof *p.sums;
    double start = bench_seconds();
    spiral__par_for(b->pool, p.parts, multiply_add_part, &p);
    return (double)p.parts * CHAINS * ROUNDS * (double)p.loops->lanes / (bench_seconds() - start);
}

static void stream_part(void *context, size_t i, int worker) {
    const pass *p = context;
    (void)worker;
    size_t from = p->n * i / p->parts / 16 * 16,
           to = i + 1 == p->parts ? p->n : p->n * (i + 1) / p->parts / 16 * 16;
    p->loops->stream(to - from, p->x + from, p->y + from, p->out + from);
}

double bench_stream(bench *b, size_t n, const float *x, const float *y, float *out) {
    pass p = {
        .loops = current(), .n = n, .parts = bench_threads(b) == 1 ? 1 : 16, .x = x, .y = y, .out = out};
    double start = bench_seconds();
    spiral__par_for(b->pool, p.parts, stream_part, &p);
    return bench_seconds() - start;
}
