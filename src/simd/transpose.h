/* SPDX-License-Identifier: MIT
 *
 * Transposing a few frames at a time, between memory in which the keys of a frame are adjacent and the rows
 * of a tile: SIDE keys of FRAMES frames. Of each frame 16 bytes are loaded or stored, SIDE keys. With AVX two
 * of these, with AVX-512 four, lie side by side in a vector and are transposed together, each within its 16
 * bytes. Putting them side by side uses intrinsics: gcc 12 otherwise makes slow shuffles.
 */
#ifndef SPIRAL_SIMD_TRANSPOSE_H
#define SPIRAL_SIMD_TRANSPOSE_H

#include <stddef.h>

#include "simd/real.h"

#if defined(__AVX__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { PARTS = 4 };
#elif defined(__AVX__)
enum { PARTS = 2 };
#else
enum { PARTS = 1 };
#endif
enum { SIDE = 16 / sizeof(real), FRAMES = SIDE * PARTS };
typedef real frames_vector __attribute__((vector_size(16 * PARTS), aligned(sizeof(real)), may_alias));

/* x[i] holds keys p .. p + SIDE - 1 of frames i, i + SIDE, ..; afterwards x[i] holds key p + i of all FRAMES
 * frames. The function is its own inverse. The lists are lanes of two vectors put together: LOW and HIGH
 * interleave the lower and upper half of each 16 bytes, FIRST and SECOND take the lower and upper halves
 * themselves. */
#if SPIRAL_REAL_BITS == 32
#if defined(__AVX512F__)
#define LOW    0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define HIGH   2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define FIRST  0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define SECOND 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#elif defined(__AVX__)
#define LOW    0, 8, 1, 9, 4, 12, 5, 13
#define HIGH   2, 10, 3, 11, 6, 14, 7, 15
#define FIRST  0, 1, 8, 9, 4, 5, 12, 13
#define SECOND 2, 3, 10, 11, 6, 7, 14, 15
#else
#define LOW    0, 4, 1, 5
#define HIGH   2, 6, 3, 7
#define FIRST  0, 1, 4, 5
#define SECOND 2, 3, 6, 7
#endif
static inline void transpose(frames_vector x[SIDE]) {
    frames_vector a = __builtin_shufflevector(x[0], x[1], LOW), b = __builtin_shufflevector(x[2], x[3], LOW);
    frames_vector c = __builtin_shufflevector(x[0], x[1], HIGH),
                  d = __builtin_shufflevector(x[2], x[3], HIGH);
    x[0] = __builtin_shufflevector(a, b, FIRST);
    x[1] = __builtin_shufflevector(a, b, SECOND);
    x[2] = __builtin_shufflevector(c, d, FIRST);
    x[3] = __builtin_shufflevector(c, d, SECOND);
}
#else
#if defined(__AVX512F__)
#define LOW  0, 8, 2, 10, 4, 12, 6, 14
#define HIGH 1, 9, 3, 11, 5, 13, 7, 15
#elif defined(__AVX__)
#define LOW  0, 4, 2, 6
#define HIGH 1, 5, 3, 7
#else
#define LOW  0, 2
#define HIGH 1, 3
#endif
static inline void transpose(frames_vector x[SIDE]) {
    frames_vector a = x[0], b = x[1];
    x[0] = __builtin_shufflevector(a, b, LOW);
    x[1] = __builtin_shufflevector(a, b, HIGH);
}
#endif

/* Loads a vector from, or stores it to, the 16 bytes from key p on of frames i, i + SIDE, .. i + (PARTS - 1)
 * SIDE; frame[] are the addresses of key 0. */
#if defined(__AVX512F__)
static inline frames_vector load_parts(const real *const *frame, size_t i, size_t p) {
    __m512 x = _mm512_castps128_ps512(_mm_loadu_ps((const float *)(frame[i] + p)));
    x = _mm512_insertf32x4(x, _mm_loadu_ps((const float *)(frame[i + SIDE] + p)), 1);
    x = _mm512_insertf32x4(x, _mm_loadu_ps((const float *)(frame[i + 2 * SIDE] + p)), 2);
    return (frames_vector)_mm512_insertf32x4(x, _mm_loadu_ps((const float *)(frame[i + 3 * SIDE] + p)), 3);
}
static inline void store_parts(frames_vector v, real *const *frame, size_t i, size_t p) {
    __m512 x = (__m512)v;
    _mm_storeu_ps((float *)(frame[i] + p), _mm512_castps512_ps128(x));
    _mm_storeu_ps((float *)(frame[i + SIDE] + p), _mm512_extractf32x4_ps(x, 1));
    _mm_storeu_ps((float *)(frame[i + 2 * SIDE] + p), _mm512_extractf32x4_ps(x, 2));
    _mm_storeu_ps((float *)(frame[i + 3 * SIDE] + p), _mm512_extractf32x4_ps(x, 3));
}
#elif defined(__AVX__)
static inline frames_vector load_parts(const real *const *frame, size_t i, size_t p) {
    __m256 low = _mm256_castps128_ps256(_mm_loadu_ps((const float *)(frame[i] + p)));
    return (frames_vector)_mm256_insertf128_ps(low, _mm_loadu_ps((const float *)(frame[i + SIDE] + p)), 1);
}
static inline void store_parts(frames_vector v, real *const *frame, size_t i, size_t p) {
    __m256 x = (__m256)v;
    _mm_storeu_ps((float *)(frame[i] + p), _mm256_castps256_ps128(x));
    _mm_storeu_ps((float *)(frame[i + SIDE] + p), _mm256_extractf128_ps(x, 1));
}
#else
static inline frames_vector load_parts(const real *const *frame, size_t i, size_t p) {
    return *(const frames_vector *)(frame[i] + p);
}
static inline void store_parts(frames_vector v, real *const *frame, size_t i, size_t p) {
    *(frames_vector *)(frame[i] + p) = v;
}
#endif

#endif
