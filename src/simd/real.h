/* SPDX-License-Identifier: MIT
 *
 * The element type of a template: a source file that the build compiles twice, with SPIRAL_REAL_BITS 32 for
 * float and 64 for double. Its functions are static and have plain names; only the table that it ends with,
 * in which other files find them, has the type in its name (_f32, _f64). This header is included by templates
 * alone.
 */
#ifndef SPIRAL_SIMD_REAL_H
#define SPIRAL_SIMD_REAL_H

#include <stdint.h>

#if SPIRAL_REAL_BITS == 32
typedef float real;
typedef uint32_t real_bits; /* an unsigned integer of the same size */
#elif SPIRAL_REAL_BITS == 64
typedef double real;
typedef uint64_t real_bits;
#else
#error "a template is compiled with -DSPIRAL_REAL_BITS=32 or -DSPIRAL_REAL_BITS=64"
#endif

#endif
