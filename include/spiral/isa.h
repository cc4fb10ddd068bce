/* SPDX-License-Identifier: MIT
 *
 * Which instruction set the hot loops use. Picked once, by what the processor has; tests and programs may
 * force a lesser one.
 */
#ifndef SPIRAL_ISA_H
#define SPIRAL_ISA_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "baseline", "avx2" or "avx512". */
SPIRAL_API const char *spiral_isa_name(void);

/* Forces an instruction set by name; NULL, "" or "auto" goes back to the best one. Call it before other
 * threads use the library. BAD_ARG: no such name. UNSUPPORTED: this processor or build lacks it. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_isa_set(const char *name, spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
