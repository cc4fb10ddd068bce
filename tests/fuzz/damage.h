/* SPDX-License-Identifier: MIT
 *
 * Damaging files: random faults, like those of disks and networks, and faults chosen for each format.
 */
#ifndef SPIRAL_TESTS_FUZZ_DAMAGE_H
#define SPIRAL_TESTS_FUZZ_DAMAGE_H

#include <stddef.h>

#include "base/rng.h"

/* Puts one fault into bytes[0 .. size), an array of `capacity` bytes. Returns the new size. */
typedef size_t fuzz_attack(spiral__rng *rng, unsigned char *bytes, size_t size, size_t capacity);

fuzz_attack fuzz_attack_any; /* a changed bit; random, lost or repeated bytes; an early end */
/* Faults in the lengths, numbers and words of a format. */
fuzz_attack fuzz_attack_midi, fuzz_attack_safetensors, fuzz_attack_json, fuzz_attack_score;

/* Puts 1 to 8 faults into the bytes, each by fuzz_attack_any or by `attack`. */
size_t fuzz_damage(fuzz_attack *attack, spiral__rng *rng, unsigned char *bytes, size_t size, size_t capacity);

#endif
