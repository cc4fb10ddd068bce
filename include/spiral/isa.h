/* SPDX-License-Identifier: MIT
 *
 * The instruction set of the inner loops: chosen once, the best that the processor has. Results of different
 * instruction sets differ in the last bits.
 */
#ifndef SPIRAL_ISA_H
#define SPIRAL_ISA_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The one in use: "baseline", "avx2" or "avx512". */
SPIRAL_API const char *spiral_isa_name(void);

/* Chooses an instruction set by name, for tests and measurements; NULL, "" or "auto" chooses the best. It
 * applies to the whole process, so no other thread may be using the library. BAD_ARG: no such name.
 * UNSUPPORTED: this processor or build does not have it. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_isa_set(const char *name, spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
