/* SPDX-License-Identifier: MIT
 *
 * Shared by the benchmarks of the losses: a batch of synthetic music, a call of the loss, and the rates of
 * the machine. bench_loss.c uses it from C, bench_loss.py through libbench.so.
 */
#ifndef SPIRAL_BENCH_H
#define SPIRAL_BENCH_H

#include <stddef.h>

#define BENCH_API __attribute__((visibility("default")))

typedef struct bench bench;

/* kind: a name for spiral_loss_kind_from_name; bce and lambda are 1 (channel: bce 0), and frames are summed.
 * isa: NULL for the best. threads: 0 for one per processor. NULL on failure; the reason goes to stderr. */
BENCH_API bench *bench_open(const char *kind, int keys, int threads, const char *isa);
BENCH_API void bench_close(bench *b);
BENCH_API int bench_threads(const bench *b);
BENCH_API const char *bench_isa(void);
BENCH_API int bench_has_isa(const char *isa); /* whether this processor and build have it */

/* Value, and the gradient on the logits, of B rolls of T frames. keys_first: arrays are (B, P, T), else (B,
 * T, P). NAN on failure. */
BENCH_API double bench_call(bench *b, size_t B, size_t T, int keys_first, const float *pred,
                            const float *target, float *grad);

/* (B, T, P): four voices that move in small steps, each note lasting 1 to 8 frames, and the logits of a
 * network that is mostly right. */
BENCH_API void bench_fill(size_t B, size_t T, size_t P, unsigned long seed, float *pred, float *target);

/* Prints the time of each kernel that a tile of the spiral loss goes through. Nonzero on failure. */
int bench_steps(size_t keys, const char *isa);

BENCH_API double bench_seconds(void);

/* Multiply-adds of f32 per second of all threads together, from registers, with the vectors of bench_isa();
 * fused if that set has fused ones. */
BENCH_API double bench_fma_rate(bench *b);

/* Seconds for one pass over three arrays of n floats that reads two and writes one. The caller gives the
 * arrays, because the time depends on the cache in which they are. */
BENCH_API double bench_stream(bench *b, size_t n, const float *x, const float *y, float *out);

#endif
