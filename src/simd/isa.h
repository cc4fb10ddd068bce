/* SPDX-License-Identifier: MIT
 *
 * One body, several instruction sets: each kernel file of this room is compiled once per entry of the list,
 * with SPIRAL_ISA_ID set to the entry's name, and ends in a const table of its functions. Rooms ask for the
 * table of spiral__isa_current().
 */
#ifndef SPIRAL_KERN_ISA_H
#define SPIRAL_KERN_ISA_H

#include "spiral/isa.h"

/* X(id): from the least to the most able. What this build has is in SPIRAL_BUILT_<id>. */
#define SPIRAL_ISA_LIST(X) X(baseline) X(avx2) X(avx512)

typedef enum spiral__isa {
#define SPIRAL_X(id) SPIRAL__ISA_##id,
    SPIRAL_ISA_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL__ISA_COUNT
} spiral__isa;

spiral__isa spiral__isa_current(void);

#define SPIRAL_PASTE_(a, b) a##_##b
#define SPIRAL_PASTE(a, b)  SPIRAL_PASTE_(a, b)
/* The name of a function or table in the file being compiled: SPIRAL_ISA_NAME(spiral__nn_kernels) is
 * spiral__net_kern_avx2 in the avx2 build. */
#define SPIRAL_ISA_NAME(name) SPIRAL_PASTE(name, SPIRAL_ISA_ID)

#endif
