/* SPDX-License-Identifier: MIT
 *
 * What the fuzz targets share. A target is one file, fuzz_<format>.c: LLVMFuzzerTestOneInput takes any bytes
 * for a file of its format and aborts when the library breaks a promise. Linked with libFuzzer it is driven
 * to new inputs; linked with replay.c it runs over the corpus and over damaged copies of it, in every test
 * run. Read next: replay.c.
 */
#ifndef SPIRAL_TESTS_FUZZ_FUZZ_H
#define SPIRAL_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "damage.h"
#include "spiral/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What attacks files of the target's format, beside the damage any file can take. */
extern fuzz_attack *const fuzz_target_attack;

/* Aborts, naming what does not hold. */
#define FUZZ_CHECK(holds) ((holds) ? (void)0 : fuzz_broken(#holds, __FILE__, __LINE__))
_Noreturn void fuzz_broken(const char *promise, const char *file, int line);

/* A refusal is a status other than OK with a sentence: one line of UTF-8 without control characters. Passes
 * the status on. */
spiral_status fuzz_refusal(spiral_status status, const spiral_error *err);

/* What the code under test allocates from begin on: end checks that it never held more than `limit` bytes at
 * once and, with nothing kept, that all is given back. */
void fuzz_memory_begin(void);
void fuzz_memory_end(size_t limit, int all_given_back);

#endif
