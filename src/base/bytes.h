/* SPDX-License-Identifier: MIT
 *
 * Reading bytes in a given order, and a cursor over untrusted bytes that knows where its buffer ends.
 */
#ifndef SPIRAL_BASE_BYTES_H
#define SPIRAL_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct spiral__bytes {
    const unsigned char *at, *end;
} spiral__bytes;

static inline size_t spiral__bytes_left(const spiral__bytes *b) { return (size_t)(b->end - b->at); }

static inline uint32_t spiral__be16(const unsigned char *p) { return (uint32_t)p[0] << 8 | p[1]; }
static inline uint32_t spiral__be32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t spiral__le64(const unsigned char *p) {
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) v = v << 8 | p[i];
    return v;
}
static inline void spiral__put_le64(unsigned char *p, uint64_t v) {
    for (int i = 0; i < 8; i++, v >>= 8) p[i] = (unsigned char)v;
}

#endif
