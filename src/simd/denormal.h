/* SPDX-License-Identifier: MIT
 *
 * Treating denormal floats as zeros. A processor takes about a hundred cycles for a product with a number
 * below 1.2e-38, and the gradients of a well-trained network have many of them. The setting belongs to the
 * thread; the code that changes it restores it.
 */
#ifndef SPIRAL_SIMD_DENORMAL_H
#define SPIRAL_SIMD_DENORMAL_H

#include <stdint.h>

#if defined(__SSE__)
#include <xmmintrin.h>

/* From here on denormal operands and results are zeros. Returns the previous setting, for
 * spiral__denormals_restore. */
static inline uint64_t spiral__denormals_flush(void) {
    enum { FLUSH_RESULTS = 0x8000, FLUSH_OPERANDS = 0x0040 };
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | FLUSH_RESULTS | FLUSH_OPERANDS);
    return before;
}
static inline void spiral__denormals_restore(uint64_t before) { _mm_setcsr((unsigned)before); }

#elif defined(__aarch64__)

static inline uint64_t spiral__denormals_flush(void) {
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (uint64_t)1 << 24));
    return before;
}
static inline void spiral__denormals_restore(uint64_t before) {
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
}

#else /* without the setting, loops are slower and results differ only in denormals */

static inline uint64_t spiral__denormals_flush(void) { return 0; }
static inline void spiral__denormals_restore(uint64_t before) { (void)before; }

#endif
#endif
