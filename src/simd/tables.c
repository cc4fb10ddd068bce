/* SPDX-License-Identifier: MIT
 *
 * The kernel tables of this build, and the one that fits the current instruction set.
 */
#include "simd/gemm_kernel.h"
#include "simd/nn_kernels.h"
#include "simd/loss_kernels.h"
#include "simd/vmath_kernel.h"

/* A function that gives a table: what is not built falls back to the baseline, which isa.c never lets happen.
 */
#ifdef SPIRAL_BUILT_avx2
#define SPIRAL_PICK_avx2(type, table) \
    extern const type table##_avx2;   \
    if (isa == SPIRAL__ISA_avx2) return &table##_avx2;
#else
#define SPIRAL_PICK_avx2(type, table)
#endif
#ifdef SPIRAL_BUILT_avx512
#define SPIRAL_PICK_avx512(type, table) \
    extern const type table##_avx512;   \
    if (isa == SPIRAL__ISA_avx512) return &table##_avx512;
#else
#define SPIRAL_PICK_avx512(type, table)
#endif

#define SPIRAL_TABLE(getter, type, table)                                                                 \
    const type *getter(void) {                                                                            \
        spiral__isa isa = spiral__isa_current();                                                          \
        (void)isa;                                                                                        \
        SPIRAL_PICK_avx2(type, table) SPIRAL_PICK_avx512(type, table) extern const type table##_baseline; \
        return &table##_baseline;                                                                         \
    }

SPIRAL_TABLE(spiral__vmath, spiral__vmath_table, spiral__vmath_kernel)
SPIRAL_TABLE(spiral__nn_kernels_get, spiral__nn_kernels, spiral__nn_kernels)
SPIRAL_TABLE(spiral__loss_ops, spiral__loss_kernel_table, spiral__loss_kernels)
SPIRAL_TABLE(spiral__gemm_kernel_get, spiral__gemm_table, spiral__gemm_kernel)
