/* SPDX-License-Identifier: MIT
 *
 * Damaged files: what disks, networks and ill will make of a good one.
 */
#ifndef SPIRAL_TESTS_FUZZ_DAMAGE_H
#define SPIRAL_TESTS_FUZZ_DAMAGE_H

#include <stddef.h>

#include "base/rng.h"

/* One fault put into bytes[0 .. size), which has place for `room` bytes; returns the new size. */
typedef size_t fuzz_attack(spiral__rng *rng, unsigned char *bytes, size_t size, size_t room);

fuzz_attack fuzz_attack_any; /* a bit, some bytes, lost bytes, repeated bytes, an early end */
/* What the format has to be attacked by: its lengths, its numbers, its words. */
fuzz_attack fuzz_attack_midi, fuzz_attack_safetensors, fuzz_attack_json, fuzz_attack_score;

/* 1 to 8 faults, each of any kind or of the format's. */
size_t fuzz_damage(fuzz_attack *attack, spiral__rng *rng, unsigned char *bytes, size_t size, size_t room);

#endif
