/* SPDX-License-Identifier: MIT
 *
 * Columns to rows and back, a few at a time: SIDE keys of COLUMNS columns, for the tiles of loss_body.h. The
 * 16 bytes of each column are what is loaded and stored. With AVX two of them lie side by side in a vector
 * and are turned together, each within its half; that join is the one place of this room that names an
 * instruction, for gcc 12 makes a slow shuffle of it otherwise.
 */
#ifndef SPIRAL_KERN_TURN_H
#define SPIRAL_KERN_TURN_H

#if defined(__AVX__)
#include <immintrin.h>
enum { HALVES = 2 };
#define LOW_f32    0, 8, 1, 9, 4, 12, 5, 13
#define HIGH_f32   2, 10, 3, 11, 6, 14, 7, 15
#define FIRST_f32  0, 1, 8, 9, 4, 5, 12, 13
#define SECOND_f32 2, 3, 10, 11, 6, 7, 14, 15
#define LOW_f64    0, 4, 2, 6
#define HIGH_f64   1, 5, 3, 7
#else
enum { HALVES = 1 };
#define LOW_f32    0, 4, 1, 5
#define HIGH_f32   2, 6, 3, 7
#define FIRST_f32  0, 1, 4, 5
#define SECOND_f32 2, 3, 6, 7
#define LOW_f64    0, 2
#define HIGH_f64   1, 3
#endif

enum { SIDE_f32 = 4, SIDE_f64 = 2, COLUMNS_f32 = SIDE_f32 * HALVES, COLUMNS_f64 = SIDE_f64 * HALVES };
typedef float rows_f32 __attribute__((vector_size(16 * HALVES), aligned(4), may_alias));
typedef double rows_f64 __attribute__((vector_size(16 * HALVES), aligned(8), may_alias));

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

/* 16 bytes of column i and, with AVX, of column i + SIDE. */
#if defined(__AVX__)
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
