/* SPDX-License-Identifier: MIT
 *
 * One source, several instruction sets: the build compiles each kernel file once per instruction set, and a
 * kernel file ends with a const table of its functions. Callers take the table of the current instruction set
 * (tables.h).
 */
#ifndef SPIRAL_SIMD_ISA_H
#define SPIRAL_SIMD_ISA_H

#include "spiral/isa.h"

/* X(id), each a superset of the one before. SPIRAL_BUILT_<id> is defined for those that this build has. */
#define SPIRAL_ISA_LIST(X) X(baseline) X(avx2) X(avx512)

typedef enum spiral__isa {
#define SPIRAL_X(id) SPIRAL__ISA_##id,
    SPIRAL_ISA_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL__ISA_COUNT
} spiral__isa;

spiral__isa spiral__isa_current(void);

/* The name of the table in the file being compiled: SPIRAL_TABLE(spiral__nn_kernels) is
 * spiral__nn_kernels_avx2 when the build sets SPIRAL_TABLE_SUFFIX to avx2, for a template f32_avx2. tables.c
 * refers to the tables by these names. */
#define SPIRAL_PASTE_(a, b) a##_##b
#define SPIRAL_PASTE(a, b)  SPIRAL_PASTE_(a, b)
#define SPIRAL_TABLE(table) SPIRAL_PASTE(table, SPIRAL_TABLE_SUFFIX)

#endif
