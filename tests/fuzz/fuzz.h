/* SPDX-License-Identifier: MIT
 *
 * Shared by the fuzz targets. A target is one file, fuzz_<format>.c: its LLVMFuzzerTestOneInput reads any
 * bytes as a file of the format and aborts if the library violates its documentation. Linked with libFuzzer,
 * it searches for new inputs; linked with replay.c, it runs on the corpus and on damaged copies of it, in
 * every test run. Read next: replay.c.
 */
#ifndef SPIRAL_TESTS_FUZZ_FUZZ_H
#define SPIRAL_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "damage.h"
#include "spiral/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Makes faults specific to the target's format, in addition to fuzz_attack_any. */
extern fuzz_attack *const fuzz_target_attack;

/* Aborts and prints the condition if it is false. */
#define FUZZ_CHECK(holds) ((holds) ? (void)0 : fuzz_broken(#holds, __FILE__, __LINE__))
_Noreturn void fuzz_broken(const char *promise, const char *file, int line);

/* Checks a refusal: a status other than OK and NO_MEMORY, with a message that is one line of UTF-8 without
 * control characters. Returns the status. */
spiral_status fuzz_refusal(spiral_status status, const spiral_error *err);

/* Memory that is allocated between begin and end: end checks that it was never more than `limit` bytes at
 * once and, if all_freed, that all of it is freed. */
void fuzz_memory_begin(void);
void fuzz_memory_end(size_t limit, int all_freed);

#endif
