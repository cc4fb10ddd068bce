/* SPDX-License-Identifier: MIT
 *
 * Arrays of floats for vector code.
 */
#ifndef SPIRAL_BASE_FLOATS_H
#define SPIRAL_BASE_FLOATS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* n floats (0 too), all 0, aligned to 64 bytes; free with free. NULL: out of memory. */
static inline float *spiral__floats(size_t n) {
    if (n > SIZE_MAX / 8) return NULL;
    size_t bytes = n ? (n * sizeof(float) + 63) / 64 * 64 : 64;
    float *p = aligned_alloc(64, bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

#endif
