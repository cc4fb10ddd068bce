/* SPDX-License-Identifier: MIT
 *
 * libFuzzer's own mutations, and every other time those of damage.c, which know the format.
 */
#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed) {
    spiral__rng rng = spiral__rng_init(seed, 0);
    if (size > room) size = room;
    if (spiral__rng_below(&rng, 2)) return LLVMFuzzerMutate(bytes, size, room);
    return fuzz_target_attack(&rng, bytes, size, room);
}
