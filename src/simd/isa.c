/* SPDX-License-Identifier: MIT
 *
 * Finding, naming and choosing the instruction set.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "simd/isa.h"

static const char *const names[] = {
#define SPIRAL_X(id) #id,
    SPIRAL_ISA_LIST(SPIRAL_X)
#undef SPIRAL_X
};

static int available(spiral__isa isa) {
    switch (isa) {
    case SPIRAL__ISA_baseline: return 1;
#ifdef SPIRAL_BUILT_avx2
    case SPIRAL__ISA_avx2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#ifdef SPIRAL_BUILT_avx512
    case SPIRAL__ISA_avx512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
#endif
    default: return 0;
    }
}

/* Valgrind computes fused multiply-adds in software, a thousand times slower: there only the tests of kernels
 * ask for them. */
static spiral__isa best(void) {
#ifdef SPIRAL_TEST_VALGRIND
    return SPIRAL__ISA_baseline;
#endif
    int isa = SPIRAL__ISA_COUNT - 1;
    while (!available((spiral__isa)isa)) isa--;
    return (spiral__isa)isa;
}

static _Atomic int current = -1; /* -1: not chosen yet; all threads choose the same */

spiral__isa spiral__isa_current(void) {
    int isa = atomic_load_explicit(&current, memory_order_relaxed);
    if (isa < 0) {
        isa = (int)best();
        atomic_store_explicit(&current, isa, memory_order_relaxed);
    }
    return (spiral__isa)isa;
}

const char *spiral_isa_name(void) { return names[spiral__isa_current()]; }

spiral_status spiral_isa_set(const char *name, spiral_error *err) {
    if (!name || !*name || !strcmp(name, "auto")) {
        atomic_store(&current, (int)best());
        return SPIRAL_OK;
    }
    for (int i = 0; i < SPIRAL__ISA_COUNT; i++) {
        if (strcmp(name, names[i])) continue;
        if (!available((spiral__isa)i))
            return spiral__fail(err, SPIRAL_UNSUPPORTED, -1,
                                "instruction set %s: this processor or build does not have it", name);
        atomic_store(&current, i);
        return SPIRAL_OK;
    }
#define SPIRAL_X(id) ", " #id
    return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                        "instruction set \"%.40s\": not one of auto" SPIRAL_ISA_LIST(SPIRAL_X), name);
#undef SPIRAL_X
}
