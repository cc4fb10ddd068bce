/* SPDX-License-Identifier: MIT
 *
 * Mutations for libFuzzer: half are its own, half are faults of damage.c for the target's format.
 */
#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed) {
    spiral__rng rng = spiral__rng_init(seed, 0);
    if (size > capacity) size = capacity;
    if (spiral__rng_below(&rng, 2)) return LLVMFuzzerMutate(bytes, size, capacity);
    return fuzz_target_attack(&rng, bytes, size, capacity);
}
