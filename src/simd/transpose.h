/* SPDX-License-Identifier: MIT
 *
 * Columns to rows and back, a few at a time: SIDE keys of COLUMNS columns, for the tiles of loss_body.h. The
 * 16 bytes of each column are what is loaded and stored. With AVX two of them, with AVX-512 four, lie side by
 * side in a vector and are turned together, each within its part; that join is the one place of this room
 * that names an instruction, for gcc 12 makes a slow shuffle of it otherwise.
 */
#ifndef SPIRAL_KERN_TURN_H
#define SPIRAL_KERN_TURN_H

#if defined(__AVX__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { PARTS = 4 };
#define LOW_f32    0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define HIGH_f32   2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define FIRST_f32  0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define SECOND_f32 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define LOW_f64    0, 8, 2, 10, 4, 12, 6, 14
#define HIGH_f64   1, 9, 3, 11, 5, 13, 7, 15
#elif defined(__AVX__)
enum { PARTS = 2 };
#define LOW_f32    0, 8, 1, 9, 4, 12, 5, 13
#define HIGH_f32   2, 10, 3, 11, 6, 14, 7, 15
#define FIRST_f32  0, 1, 8, 9, 4, 5, 12, 13
#define SECOND_f32 2, 3, 10, 11, 6, 7, 14, 15
#define LOW_f64    0, 4, 2, 6
#define HIGH_f64   1, 5, 3, 7
#else
enum { PARTS = 1 };
#define LOW_f32    0, 4, 1, 5
#define HIGH_f32   2, 6, 3, 7
#define FIRST_f32  0, 1, 4, 5
#define SECOND_f32 2, 3, 6, 7
#define LOW_f64    0, 2
#define HIGH_f64   1, 3
#endif

enum { SIDE_f32 = 4, SIDE_f64 = 2, COLUMNS_f32 = SIDE_f32 * PARTS, COLUMNS_f64 = SIDE_f64 * PARTS };
typedef float rows_f32 __attribute__((vector_size(16 * PARTS), aligned(4), may_alias));
typedef double rows_f64 __attribute__((vector_size(16 * PARTS), aligned(8), may_alias));

static inline void turn_f32(rows_f32 x[SIDE_f32]) {
    rows_f32 ab = __builtin_shufflevector(x[0], x[1], LOW_f32),
             cd = __builtin_shufflevector(x[2], x[3], LOW_f32);
    rows_f32 AB = __builtin_shufflevector(x[0], x[1], HIGH_f32),
             CD = __builtin_shufflevector(x[2], x[3], HIGH_f32);
    x[0] = __builtin_shufflevector(ab, cd, FIRST_f32);
    x[1] = __builtin_shufflevector(ab, cd, SECOND_f32);
    x[2] = __builtin_shufflevector(AB, CD, FIRST_f32);
    x[3] = __builtin_shufflevector(AB, CD, SECOND_f32);
}
static inline void turn_f64(rows_f64 x[SIDE_f64]) {
    rows_f64 a = x[0], b = x[1];
    x[0] = __builtin_shufflevector(a, b, LOW_f64);
    x[1] = __builtin_shufflevector(a, b, HIGH_f64);
}

/* 16 bytes of column i and, PARTS - 1 times, of the column SIDE further on. */
#if defined(__AVX512F__)
static inline __m512 join4(const float *a, const float *b, const float *c, const float *d) {
    __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(a));
    x = _mm512_insertf32x4(x, _mm_loadu_ps(b), 1);
    x = _mm512_insertf32x4(x, _mm_loadu_ps(c), 2);
    return _mm512_insertf32x4(x, _mm_loadu_ps(d), 3);
}
static inline void part4(__m512 x, float *a, float *b, float *c, float *d) {
    _mm_storeu_ps(a, _mm512_castps512_ps128(x));
    _mm_storeu_ps(b, _mm512_extractf32x4_ps(x, 1));
    _mm_storeu_ps(c, _mm512_extractf32x4_ps(x, 2));
    _mm_storeu_ps(d, _mm512_extractf32x4_ps(x, 3));
}
static inline rows_f32 join_f32(const float *const *column, size_t i, size_t p) {
    return (rows_f32)join4(column[i] + p, column[i + 4] + p, column[i + 8] + p, column[i + 12] + p);
}
static inline rows_f64 join_f64(const double *const *column, size_t i, size_t p) {
    return (rows_f64)join4((const float *)(column[i] + p), (const float *)(column[i + 2] + p),
                           (const float *)(column[i + 4] + p), (const float *)(column[i + 6] + p));
}
static inline void part_f32(rows_f32 x, float *const *column, size_t i, size_t p) {
    part4((__m512)x, column[i] + p, column[i + 4] + p, column[i + 8] + p, column[i + 12] + p);
}
static inline void part_f64(rows_f64 x, double *const *column, size_t i, size_t p) {
    part4((__m512)x, (float *)(column[i] + p), (float *)(column[i + 2] + p), (float *)(column[i + 4] + p),
          (float *)(column[i + 6] + p));
}
#elif defined(__AVX__)
static inline rows_f32 join_f32(const float *const *column, size_t i, size_t p) {
    __m256 low = _mm256_castps128_ps256(_mm_loadu_ps(column[i] + p));
    return (rows_f32)_mm256_insertf128_ps(low, _mm_loadu_ps(column[i + SIDE_f32] + p), 1);
}
static inline rows_f64 join_f64(const double *const *column, size_t i, size_t p) {
    __m256d low = _mm256_castpd128_pd256(_mm_loadu_pd(column[i] + p));
    return (rows_f64)_mm256_insertf128_pd(low, _mm_loadu_pd(column[i + SIDE_f64] + p), 1);
}
static inline void part_f32(rows_f32 x, float *const *column, size_t i, size_t p) {
    _mm_storeu_ps(column[i] + p, _mm256_castps256_ps128((__m256)x));
    _mm_storeu_ps(column[i + SIDE_f32] + p, _mm256_extractf128_ps((__m256)x, 1));
}
static inline void part_f64(rows_f64 x, double *const *column, size_t i, size_t p) {
    _mm_storeu_pd(column[i] + p, _mm256_castpd256_pd128((__m256d)x));
    _mm_storeu_pd(column[i + SIDE_f64] + p, _mm256_extractf128_pd((__m256d)x, 1));
}
#else
static inline rows_f32 join_f32(const float *const *column, size_t i, size_t p) {
    return *(const rows_f32 *)(column[i] + p);
}
static inline rows_f64 join_f64(const double *const *column, size_t i, size_t p) {
    return *(const rows_f64 *)(column[i] + p);
}
static inline void part_f32(rows_f32 x, float *const *column, size_t i, size_t p) {
    *(rows_f32 *)(column[i] + p) = x;
}
static inline void part_f64(rows_f64 x, double *const *column, size_t i, size_t p) {
    *(rows_f64 *)(column[i] + p) = x;
}
#endif

#endif
