/* SPDX-License-Identifier: MIT
 *
 * exp, log, sigmoid and softplus without branches, tables or calls, so that gcc and clang vectorise a loop
 * over any of them under -O3 -fno-math-errno -fno-trapping-math. They do not replace libm: no errno, no
 * exception flags, round to nearest only. With -ffast-math they are wrong: the additions that round to an
 * integer would be optimised away.
 *
 * Largest errors in units of the last place, measured over the whole range in tests/simd/test_vmath.c, with
 * and without fused multiply-add:
 *
 *                f32    f64    special cases
 *     exp        1.0    1.0    inf, 0, denormal results, NaN as in C
 *     log        1.0    1.0    log(+-0) = -inf, log(x < 0) = NaN, denormal arguments
 *     exp_down   1.0    1.0    argument at most 0; constant below -69, -690: no denormals
 *     log1p01    1.5    1.3    argument in [0, 1] only
 *     log1p01_short 1.9 1.3    the same in half the operations
 *     sigmoid    2.4    2.4    1 / (1 + exp(-x)), 0 only below the smallest denormal
 *     softplus   1.8    1.7    log(1 + exp(x)) = log1pexp(x)
 *     entropy     32     32    (1 + e) log(1 + e) - e, e >= 2^-20 - 1; 3 for |e| < .29 (the largest is at .5)
 *
 * The polynomials are minimax approximations (Remez) of relative error below 2^-27 and 2^-57. In f32 they are
 * summed by pairs of terms, a Horner scheme in the square of the argument: as many operations, but half as
 * long a chain of them.
 */
#ifndef SPIRAL_SIMD_VMATH_H
#define SPIRAL_SIMD_VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t spiral__bits_f32(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
static inline float spiral__from_bits_f32(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}
static inline uint64_t spiral__bits_f64(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
static inline double spiral__from_bits_f64(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* exp(r) for |r| <= ln2 / 2. */
static inline float spiral__exp_series_f32(float r) {
    float r2 = r * r;
    float high = 0x1.6a23e4p-10f * r2 + (0x1.123a2p-7f * r + 0x1.5558f2p-5f);
    float q = high * r2 + (0x1.555492p-3f * r + 0x1.fffffcp-2f);
    return 1.0f + (r + r2 * q);
}
static inline double spiral__exp_series_f64(double r) {
    double q = 0x1.1e3d0aac9c7c3p-29;
    q = q * r + 0x1.af6c1dd024d0ep-26;
    q = q * r + 0x1.27e5b490ce068p-22;
    q = q * r + 0x1.71ddf00274645p-19;
    q = q * r + 0x1.a01a01364f322p-16;
    q = q * r + 0x1.a01a01b38a1c6p-13;
    q = q * r + 0x1.6c16c16c305d9p-10;
    q = q * r + 0x1.111111110ec3fp-7;
    q = q * r + 0x1.5555555555503p-5;
    q = q * r + 0x1.555555555555bp-3;
    q = q * r + 0.5;
    return 1.0 + (r + (r * r) * q);
}

/* x = n ln2 + r, |r| <= ln2 / 2; adding 1.5 * 2^23 rounds n to an integer and leaves it in the low bits. The
 * factor 2^n is applied in two halves: each is a normal number for every n that can occur, and the second
 * multiplication rounds once, to inf, to a denormal or to 0. */
static inline float spiral__exp_f32(float x) {
    const float round = 0x1.8p23f, ln2_hi = 0x1.62e4p-1f, ln2_lo = 0x1.7f7d1cp-20f;
    x = x > 89.0f ? 89.0f : x;
    x = x < -105.0f ? -105.0f : x;
    float t = x * 0x1.715476p+0f + round;
    float n = t - round;
    int32_t i = (int32_t)(spiral__bits_f32(t) - 0x4b400000u);
    float r = (x - n * ln2_hi) - n * ln2_lo;
    float y = spiral__exp_series_f32(r);
    int32_t half = i >> 1;
    float a = spiral__from_bits_f32((uint32_t)(half + 127) << 23);
    float b = spiral__from_bits_f32((uint32_t)(i - half + 127) << 23);
    return y * a * b;
}

/* As above. The halves of n are rounded in floating point: AVX2 has no arithmetic shift of 64-bit integers.
 */
static inline double spiral__exp_f64(double x) {
    const double round = 0x1.8p52, ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33;
    const uint64_t bias = UINT64_C(0x4338000000000000) - 1023;
    x = x > 710.0 ? 710.0 : x;
    x = x < -746.0 ? -746.0 : x;
    double n = (x * 0x1.71547652b82fep+0 + round) - round;
    double r = (x - n * ln2_hi) - n * ln2_lo;
    double y = spiral__exp_series_f64(r);
    double t = n * 0.5 + round;
    double u = (n - (t - round)) + round;
    double a = spiral__from_bits_f64((spiral__bits_f64(t) - bias) << 52);
    double b = spiral__from_bits_f64((spiral__bits_f64(u) - bias) << 52);
    return y * a * b;
}

/* exp for x <= 0, of which results below 1e-30 (1e-300) may be equal: then the result is a normal number, and
 * 2^n is added to its exponent in one step. */
static inline float spiral__exp_down_f32(float x) {
    const float round = 0x1.8p23f, ln2_hi = 0x1.62e4p-1f, ln2_lo = 0x1.7f7d1cp-20f;
    int32_t size = (int32_t)spiral__bits_f32(fabsf(x)), most = (int32_t)spiral__bits_f32(69.0f);
    float a = spiral__from_bits_f32((uint32_t)(size < most ? size : most));
    float t = a * -0x1.715476p+0f + round;
    float n = t - round;
    float r = (-a - n * ln2_hi) - n * ln2_lo;
    float y = spiral__exp_series_f32(r);
    return spiral__from_bits_f32(spiral__bits_f32(y) + (spiral__bits_f32(t) << 23));
}
static inline double spiral__exp_down_f64(double x) {
    const double round = 0x1.8p52, ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33;
    x = x < -690.0 ? -690.0 : x;
    double t = x * 0x1.71547652b82fep+0 + round;
    double n = t - round;
    double r = (x - n * ln2_hi) - n * ln2_lo;
    double y = spiral__exp_series_f64(r);
    return spiral__from_bits_f64(spiral__bits_f64(y) + (spiral__bits_f64(t) << 52));
}

/* log(1 + f) - f for f in [sqrt(1/2) - 1, sqrt(2) - 1]. */
static inline float spiral__log_series_f32(float f) { /* (that + f^2 / 2) / f^3 */
    float f2 = f * f;
    float p = -0x1.38b668p-4f * f + 0x1.0565ccp-3f;
    p = p * f2 + (-0x1.0d89dep-3f * f + 0x1.22d90ap-3f);
    p = p * f2 + (-0x1.5471b8p-3f * f + 0x1.99a010p-3f);
    return p * f2 + (-0x1.000228p-2f * f + 0x1.555554p-2f);
}
static inline float spiral__log_tail_f32(float f) {
    float f2 = f * f;
    return (f * f2) * spiral__log_series_f32(f) - 0.5f * f2;
}
static inline double spiral__log_tail_f64(double f) {
    double s = f / (2.0 + f), w = s * s;
    double p = 0x1.0f72f8281c3c3p-3;
    p = p * w + 0x1.0f5b0b637f38dp-3;
    p = p * w + 0x1.3b20bf3c29104p-3;
    p = p * w + 0x1.745cddc2f5c20p-3;
    p = p * w + 0x1.c71c725a6ac89p-3;
    p = p * w + 0x1.249249242a0c7p-2;
    p = p * w + 0x1.9999999999e0ep-2;
    p = p * w + 0x1.5555555555555p-1;
    double h = 0.5 * f * f;
    return s * (h + w * p) - h;
}

/* k ln2 + log(1 + f); k times the upper part of ln2 is exact. */
static inline float spiral__log_core_f32(float k, float f) {
    return k * 0x1.62e4p-1f + (f + (spiral__log_tail_f32(f) + k * 0x1.7f7d1cp-20f));
}
static inline double spiral__log_core_f64(double k, double f) {
    return k * 0x1.62e42feep-1 + (f + (spiral__log_tail_f64(f) + k * 0x1.a39ef35793c76p-33));
}

/* x = 2^k m with m in [sqrt(1/2), sqrt(2)): subtracting the bits of sqrt(1/2) makes the exponent field count
 * from there. */
static inline float spiral__log_f32(float x) {
    int denormal = x < 0x1p-126f;
    float scaled = denormal ? x * 0x1p23f : x;
    uint32_t u = spiral__bits_f32(scaled) - 0x3f3504f3u;
    float k = (float)((int32_t)u >> 23) - (denormal ? 23.0f : 0.0f);
    float m = spiral__from_bits_f32((u & 0x7fffffu) + 0x3f3504f3u);
    float y = spiral__log_core_f32(k, m - 1.0f);
    y = x > 0x1.fffffep127f ? x : y;
    y = x == 0.0f ? -INFINITY : y;
    return x >= 0.0f ? y : NAN;
}

/* As above; the exponent becomes a double by being written into the mantissa of 2^52. */
static inline double spiral__log_f64(double x) {
    const uint64_t root = UINT64_C(0x3fe6a09e667f3bcd), one = UINT64_C(0x3ff0000000000000);
    int denormal = x < 0x1p-1022;
    double scaled = denormal ? x * 0x1p54 : x;
    uint64_t u = spiral__bits_f64(scaled) + (one - root);
    double k = spiral__from_bits_f64((u >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023.0);
    k = denormal ? k - 54.0 : k;
    double m = spiral__from_bits_f64((u & UINT64_C(0xfffffffffffff)) + root);
    double y = spiral__log_core_f64(k, m - 1.0);
    y = x > 0x1.fffffffffffffp1023 ? x : y;
    y = x == 0.0 ? -(double)INFINITY : y;
    return x >= 0.0 ? y : (double)NAN;
}

/* log x for normal positive numbers alone. */
static inline float spiral__log_normal_f32(float x) {
    uint32_t u = spiral__bits_f32(x) - 0x3f3504f3u;
    float m = spiral__from_bits_f32((u & 0x7fffffu) + 0x3f3504f3u);
    return spiral__log_core_f32((float)((int32_t)u >> 23), m - 1.0f);
}
static inline double spiral__log_normal_f64(double x) {
    const uint64_t root = UINT64_C(0x3fe6a09e667f3bcd), one = UINT64_C(0x3ff0000000000000);
    uint64_t u = spiral__bits_f64(x) + (one - root);
    double k = spiral__from_bits_f64((u >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023.0);
    double m = spiral__from_bits_f64((u & UINT64_C(0xfffffffffffff)) + root);
    return spiral__log_core_f64(k, m - 1.0);
}

/* log(1 + u) for u in [0, 1]. Above sqrt(2) - 1 it is ln2 + log((1 + u) / 2), and (u - 1) / 2 is exact. */
static inline float spiral__log1p01_f32(float u) {
    int small = u < 0x1.a8279ap-2f;
    return spiral__log_core_f32(small ? 0.0f : 1.0f, small ? u : (u - 1.0f) * 0.5f);
}
static inline double spiral__log1p01_f64(double u) {
    int small = u < 0x1.a827999fcef32p-2;
    return spiral__log_core_f64(small ? 0.0 : 1.0, small ? u : (u - 1.0) * 0.5);
}

/* One polynomial for all of [0, 1] instead of a reduction. In f64 it would be too long to be faster. */
static inline float spiral__log1p01_short_f32(float u) {
    float u2 = u * u;
    float p = -0x1.b2f5a6p-9f * u2 + (0x1.4b0848p-6f * u - 0x1.d86336p-5f);
    p = p * u2 + (0x1.b579ccp-4f * u - 0x1.3a7a84p-3f);
    p = p * u2 + (0x1.935cap-3f * u - 0x1.ff26e2p-3f);
    p = p * u2 + (0x1.554dfp-2f * u - 0x1.ffffd2p-2f);
    return u + u2 * p;
}
static inline double spiral__log1p01_short_f64(double u) { return spiral__log1p01_f64(u); }

/* (1 + e) log(1 + e) - e, about e^2 / 2. With 1 + e = 2^k (1 + f) and log(1 + f) = f + low it is
 * (1 + e)(k ln2 + low) + e f - (e - f); for k = 0, f is e itself and the last bracket exactly 0. In two
 * steps, for loops that do them at different times: reduce returns f and sets k ln2, from computes the rest.
 */
static inline float spiral__entropy_reduce_f32(float e, float *k_ln2) {
    uint32_t u = spiral__bits_f32(1.0f + e) - 0x3f3504f3u;
    float k = (float)((int32_t)u >> 23);
    float m = spiral__from_bits_f32((u & 0x7fffffu) + 0x3f3504f3u);
    *k_ln2 = k * 0x1.62e43p-1f;
    return k == 0.0f ? e : m - 1.0f;
}
static inline float spiral__entropy_from_f32(float e, float f, float k_ln2) {
    float low = (f * f) * (spiral__log_series_f32(f) * f - 0.5f) + k_ln2;
    return (1.0f + e) * low + (e * f - (e - f));
}
static inline double spiral__entropy_reduce_f64(double e, double *k_ln2) {
    const uint64_t root = UINT64_C(0x3fe6a09e667f3bcd), one = UINT64_C(0x3ff0000000000000);
    uint64_t u = spiral__bits_f64(1.0 + e) + (one - root);
    double k = spiral__from_bits_f64((u >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023.0);
    double m = spiral__from_bits_f64((u & UINT64_C(0xfffffffffffff)) + root);
    *k_ln2 = k * 0x1.62e42fefa39efp-1;
    return k == 0.0 ? e : m - 1.0;
}
static inline double spiral__entropy_from_f64(double e, double f, double k_ln2) {
    double low = spiral__log_tail_f64(f) + k_ln2;
    return (1.0 + e) * low + (e * f - (e - f));
}
static inline float spiral__entropy_f32(float e) {
    float k_ln2, f = spiral__entropy_reduce_f32(e, &k_ln2);
    return spiral__entropy_from_f32(e, f, k_ln2);
}
static inline double spiral__entropy_f64(double e) {
    double k_ln2, f = spiral__entropy_reduce_f64(e, &k_ln2);
    return spiral__entropy_from_f64(e, f, k_ln2);
}

/* sigmoid and softplus from exp(-|x|), which a loop that needs both computes once. */
static inline float spiral__sigmoid_from_f32(float x, float exp_minus_abs) {
    return (x < 0.0f ? exp_minus_abs : 1.0f) / (1.0f + exp_minus_abs);
}
static inline double spiral__sigmoid_from_f64(double x, double exp_minus_abs) {
    return (x < 0.0 ? exp_minus_abs : 1.0) / (1.0 + exp_minus_abs);
}
static inline float spiral__softplus_from_f32(float x, float exp_minus_abs) {
    return (x > 0.0f ? x : 0.0f) + spiral__log1p01_f32(exp_minus_abs);
}
static inline double spiral__softplus_from_f64(double x, double exp_minus_abs) {
    return (x > 0.0 ? x : 0.0) + spiral__log1p01_f64(exp_minus_abs);
}

static inline float spiral__sigmoid_f32(float x) {
    return spiral__sigmoid_from_f32(x, spiral__exp_f32(-fabsf(x)));
}
static inline double spiral__sigmoid_f64(double x) {
    return spiral__sigmoid_from_f64(x, spiral__exp_f64(-fabs(x)));
}
static inline float spiral__softplus_f32(float x) {
    return spiral__softplus_from_f32(x, spiral__exp_f32(-fabsf(x)));
}
static inline double spiral__softplus_f64(double x) {
    return spiral__softplus_from_f64(x, spiral__exp_f64(-fabs(x)));
}

/* The function for the type of x, for templates (real.h). */
#define spiral__bits(x) _Generic((x), float : spiral__bits_f32, double : spiral__bits_f64)(x)
#define spiral__abs(x)  _Generic((x), float : fabsf, double : fabs)(x)
#define spiral__log(x)  _Generic((x), float : spiral__log_f32, double : spiral__log_f64)(x)
#define spiral__log_normal(x) \
    _Generic((x), float : spiral__log_normal_f32, double : spiral__log_normal_f64)(x)
#define spiral__exp_down(x) _Generic((x), float : spiral__exp_down_f32, double : spiral__exp_down_f64)(x)
#define spiral__entropy_reduce(x, k_ln2) \
    _Generic((x), float : spiral__entropy_reduce_f32, double : spiral__entropy_reduce_f64)(x, k_ln2)
#define spiral__entropy_from(x, f, k_ln2) \
    _Generic((x), float : spiral__entropy_from_f32, double : spiral__entropy_from_f64)(x, f, k_ln2)
#define spiral__log1p01_short(x) \
    _Generic((x), float : spiral__log1p01_short_f32, double : spiral__log1p01_short_f64)(x)

#endif
