/* SPDX-License-Identifier: MIT
 *
 * What the benches of the losses share: a batch of synthetic music, a call of the loss, and the
 * rates of the machine. bench_loss.c uses it from C, bench_loss.py through libbench.so.
 */
#ifndef SPIRAL_BENCH_H
#define SPIRAL_BENCH_H

#include <stddef.h>

#define BENCH_API __attribute__((visibility("default")))

typedef struct bench bench;

/* kind: a name of spiral_loss_kind_from_name; bce and lambda 1 (channel: bce 0), sums. isa: NULL for the
 * best. threads: 0 for one per processor. NULL on failure; the reason goes to stderr. */
BENCH_API bench *bench_open(const char *kind, int keys, int threads, const char *isa);
BENCH_API void bench_close(bench *b);
BENCH_API int bench_threads(const bench *b);
BENCH_API const char *bench_isa(void);
BENCH_API int bench_has_isa(const char *isa); /* whether this processor and build have it */

/* Value, and the gradient on the logits, of B rolls of T frames. keys_first: arrays are (B, P, T), else (B,
 * T, P). NAN on failure. */
BENCH_API double bench_call(bench *b, size_t B, size_t T, int keys_first, const float *pred,
                            const float *target, float *grad);

/* (B, T, P): four voices that walk in small steps, each note lasting 1 to 8 frames, and the logits of a
 * network that is mostly right. */
BENCH_API void bench_fill(size_t B, size_t T, size_t P, unsigned long seed, float *pred, float *target);

/* Prints how long each kernel takes that a tile of the spiral loss goes through. Nonzero: it failed. */
int bench_steps(size_t keys, const char *isa);

BENCH_API double bench_seconds(void);

/* Multiply-adds of f32 per second that all threads together do from registers, with the vectors of
 * bench_isa(); fused where that set has them. */
BENCH_API double bench_fma_rate(bench *b);

/* One pass over three arrays of n floats that reads two and writes one: seconds. The arrays are the caller's,
 * for the time depends on which cache they lie in. */
BENCH_API double bench_stream(bench *b, size_t n, const float *x, const float *y, float *out);

#endif
