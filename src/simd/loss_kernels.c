/* SPDX-License-Identifier: MIT
 *
 * The loops of loss_kern.h for both element types, compiled once per instruction set.
 */
#include "simd/loss_kernels.h"

#include "simd/transpose.h"
#include "simd/vmath.h"

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif

typedef uint64_t word __attribute__((vector_size(16), may_alias));

#define REAL    float
#define BITS    uint32_t
#define NAME(x) x##_f32
#define ABS     fabsf
#include "simd/loss_body.h"
#undef REAL
#undef BITS
#undef NAME
#undef ABS

#define REAL    double
#define BITS    uint64_t
#define NAME(x) x##_f64
#define ABS     fabs
#include "simd/loss_body.h"

extern const spiral__loss_kernel_table SPIRAL_ISA_NAME(spiral__loss_kernels);
const spiral__loss_kernel_table SPIRAL_ISA_NAME(spiral__loss_kernels) = {
    {load_f32, store_f32, cells_f32, sounding_f32, toeplitz_f32, divergence_f32, difference_f32, product_f32,
     nearness_f32, sum_f32, chain_f32, smooth_f32},
    {load_f64, store_f64, cells_f64, sounding_f64, toeplitz_f64, divergence_f64, difference_f64, product_f64,
     nearness_f64, sum_f64, chain_f64, smooth_f64},
};
