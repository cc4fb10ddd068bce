/* SPDX-License-Identifier: MIT
 *
 * The kernel tables of this build, one per instruction set, and the choice among them.
 */
#include <stddef.h>

#include "simd/gemm_kernel.h"
#include "simd/isa.h"
#include "simd/nn_kernels.h"
#include "simd/recurrent_kernels.h"
#include "simd/tables.h"

#ifdef SPIRAL_BUILT_avx2
#define AVX2(table) &table##_avx2
#else
#define AVX2(table) NULL
#endif
#ifdef SPIRAL_BUILT_avx512
#define AVX512(table) &table##_avx512
#else
#define AVX512(table) NULL
#endif
/* A table of each instruction set; NULL where the build has none, which spiral__isa_current never returns. */
#define DECLARE(type, table) extern const type table##_baseline, table##_avx2, table##_avx512
#define TABLES(table) \
    { &table##_baseline, AVX2(table), AVX512(table) }
_Static_assert(SPIRAL__ISA_baseline == 0 && SPIRAL__ISA_avx2 == 1 && SPIRAL__ISA_avx512 == 2 &&
                   SPIRAL__ISA_COUNT == 3,
               "TABLES has one entry per instruction set, in this order");

DECLARE(spiral__nn_kernels, spiral__nn_kernels);
DECLARE(spiral__recurrent_kernels, spiral__recurrent_kernels);
DECLARE(spiral__gemm_table, spiral__gemm_kernel);
DECLARE(struct spiral__loss_kernels, spiral__loss_kernels_f32);
DECLARE(struct spiral__loss_kernels, spiral__loss_kernels_f64);

const spiral__nn_kernels *spiral__nn_kernels_get(void) {
    static const spiral__nn_kernels *const tables[SPIRAL__ISA_COUNT] = TABLES(spiral__nn_kernels);
    return tables[spiral__isa_current()];
}

const spiral__recurrent_kernels *spiral__recurrent_kernels_get(void) {
    static const spiral__recurrent_kernels *const tables[SPIRAL__ISA_COUNT] =
        TABLES(spiral__recurrent_kernels);
    return tables[spiral__isa_current()];
}

const spiral__gemm_table *spiral__gemm_kernel_get(void) {
    static const spiral__gemm_table *const tables[SPIRAL__ISA_COUNT] = TABLES(spiral__gemm_kernel);
    return tables[spiral__isa_current()];
}

const struct spiral__loss_kernels *spiral__loss_kernels_f32(void) {
    static const struct spiral__loss_kernels *const tables[SPIRAL__ISA_COUNT] =
        TABLES(spiral__loss_kernels_f32);
    return tables[spiral__isa_current()];
}

const struct spiral__loss_kernels *spiral__loss_kernels_f64(void) {
    static const struct spiral__loss_kernels *const tables[SPIRAL__ISA_COUNT] =
        TABLES(spiral__loss_kernels_f64);
    return tables[spiral__isa_current()];
}
