/* SPDX-License-Identifier: MIT
 *
 * Time of one loss call (value and gradient, f32), from C: a row of CSV per instruction set. For comparing
 * two builds, and for perf and callgrind. bench_loss.py compares with other libraries.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

typedef struct setting {
    const char *isa, *kind;
    size_t rolls, frames, keys;
    int threads, keys_first, runs, steps;
} setting;

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static float *floats(size_t n) {
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
    if (!x) {
        fprintf(stderr, "bench-loss: no memory for %zu floats\n", n);
        exit(1);
    }
    return x;
}

/* (B, T, P) to (B, P, T), through a buffer of the same size. */
static void move_keys_first(const setting *s, float *x, float *buffer) {
    const size_t T = s->frames, P = s->keys;
    for (size_t b = 0; b < s->rolls; b++) {
        float *roll = x + b * T * P;
        for (size_t t = 0; t < T; t++)
            for (size_t p = 0; p < P; p++) buffer[p * T + t] = roll[t * P + p];
        memcpy(roll, buffer, T * P * sizeof *roll);
    }
}

static int measure(const setting *s) {
    if (s->steps) return bench_steps(s->keys, s->isa);
    const size_t frames = s->rolls * s->frames, cells = frames * s->keys;
    bench *b = bench_open(s->kind, (int)s->keys, s->threads, s->isa);
    if (!b) return 1;
    float *pred = floats(cells), *target = floats(cells), *grad = floats(cells);
    double *seconds = calloc((size_t)s->runs, sizeof *seconds), value = NAN;
    if (!seconds) return 1;
    bench_fill(s->rolls, s->frames, s->keys, 1, pred, target);
    if (s->keys_first) move_keys_first(s, pred, grad), move_keys_first(s, target, grad);
    for (int i = -2; i < s->runs; i++) { /* two to warm up */
        double start = bench_seconds();
        value = bench_call(b, s->rolls, s->frames, s->keys_first, pred, target, grad);
        if (i >= 0) seconds[i] = bench_seconds() - start;
    }
    qsort(seconds, (size_t)s->runs, sizeof *seconds, by_size);
    printf("%s,%s,%d,%zu,%zu,%zu,%s,%.1f,%.1f,%.9g\n", s->kind, bench_isa(), bench_threads(b), s->rolls,
           s->frames, s->keys, s->keys_first ? "bpt" : "btp", 1e9 * seconds[0] / (double)frames,
           1e9 * seconds[s->runs / 2] / (double)frames, value / (double)frames);
    free(pred), free(target), free(grad), free(seconds);
    bench_close(b);
    return isfinite(value) ? 0 : 1;
}

static void usage(void) {
    fputs("usage: bench-loss [--isa auto|baseline|avx2|avx512|all] [--kind spiral] [--threads 1]\n"
          "                  [--rolls 512] [--frames 36] [--keys 36] [--keys-first] [--runs 200]\n"
          "       bench-loss --steps [--isa ..] [--keys 36]    where the time of the spiral loss goes\n",
          stderr);
}

static int parse(int argc, char **argv, setting *s) {
    static const struct option options[] = {
        {"isa", 1, 0, 'i'},     {"kind", 1, 0, 'k'},
        {"threads", 1, 0, 't'}, {"rolls", 1, 0, 'b'},
        {"frames", 1, 0, 'c'},  {"keys", 1, 0, 'p'},
        {"runs", 1, 0, 'n'},    {"keys-first", 0, 0, 'f'},
        {"steps", 0, 0, 's'},   {0},
    };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        long n = optarg ? strtol(optarg, NULL, 10) : 0;
        switch (c) {
        case 'i': s->isa = optarg; break;
        case 'k': s->kind = optarg; break;
        case 't': s->threads = (int)n; break;
        case 'b': s->rolls = (size_t)n; break;
        case 'c': s->frames = (size_t)n; break;
        case 'p': s->keys = (size_t)n; break;
        case 'n': s->runs = (int)n; break;
        case 'f': s->keys_first = 1; break;
        case 's': s->steps = 1; break;
        default: return 1;
        }
    }
    return optind < argc || !s->rolls || !s->frames || s->keys - 1 > 127 || s->runs < 1 || s->threads < 0;
}

int main(int argc, char **argv) {
    setting s = {NULL, "spiral", 512, 36, 36, 1, 0, 200, 0};
    if (parse(argc, argv, &s)) return usage(), 2;
    if (!s.steps)
        puts(
            "kind,isa,threads,rolls,frames,keys,layout,min_ns_per_frame,median_ns_per_frame,value_per_frame");
    if (!s.isa || strcmp(s.isa, "all")) return measure(&s);
    int failed = 0;
    for (int i = 0; i < 3; i++) {
        s.isa = (const char *[]){"baseline", "avx2", "avx512"}[i];
        if (bench_has_isa(s.isa))
            failed |= measure(&s);
        else
            fprintf(stderr, "bench-loss: %s is left out: this processor or build does not have it\n", s.isa);
    }
    return failed;
}
