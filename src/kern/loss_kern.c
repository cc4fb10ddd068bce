/* SPDX-License-Identifier: MIT
 *
 * The loops of loss_kern.h for both element types, compiled once per instruction set.
 */
#include "kern/loss_kern.h"

#include "kern/vmath.h"

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif

typedef uint64_t word __attribute__((vector_size(16), may_alias));

/* 16 bytes of SIDE columns, from key p on, become SIDE rows of 16 bytes, and back. */
enum { SIDE_f32 = 4, SIDE_f64 = 2 };
typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));
typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));

static inline void transpose_f32(const float *const in[4], float *const out[4]) {
    quad a = *(const quad *)in[0], b = *(const quad *)in[1], c = *(const quad *)in[2],
         d = *(const quad *)in[3];
    quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), AB = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), CD = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(quad *)out[0] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(quad *)out[1] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(quad *)out[2] = __builtin_shufflevector(AB, CD, 0, 1, 4, 5);
    *(quad *)out[3] = __builtin_shufflevector(AB, CD, 2, 3, 6, 7);
}
static inline void transpose_f64(const double *const in[2], double *const out[2]) {
    pair a = *(const pair *)in[0], b = *(const pair *)in[1];
    *(pair *)out[0] = __builtin_shufflevector(a, b, 0, 2);
    *(pair *)out[1] = __builtin_shufflevector(a, b, 1, 3);
}

#define REAL    float
#define BITS    uint32_t
#define NAME(x) x##_f32
#define ABS     fabsf
#include "kern/loss_body.h"
#undef REAL
#undef BITS
#undef NAME
#undef ABS

#define REAL    double
#define BITS    uint64_t
#define NAME(x) x##_f64
#define ABS     fabs
#include "kern/loss_body.h"

extern const spiral__loss_table SPIRAL_KERN(spiral__loss_kern);
const spiral__loss_table SPIRAL_KERN(spiral__loss_kern) = {
    {load_f32, store_f32, cells_f32, sounding_f32, toeplitz_f32, divergence_f32, difference_f32, product_f32,
     nearness_f32, sum_f32, chain_f32, smooth_f32},
    {load_f64, store_f64, cells_f64, sounding_f64, toeplitz_f64, divergence_f64, difference_f64, product_f64,
     nearness_f64, sum_f64, chain_f64, smooth_f64},
};
