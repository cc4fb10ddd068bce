/* SPDX-License-Identifier: MIT
 *
 * Array forms of vmath.h, compiled once per instruction set (meson.build).
 */
#include "vmath_arrays.h"

#include "simd/isa.h"
#include "simd/vmath.h"

#define SPIRAL_X(name)                                                    \
    static void name##_f32(size_t n, const float *x, float *y) {          \
        for (size_t i = 0; i < n; i++) y[i] = spiral__##name##_f32(x[i]); \
    }                                                                     \
    static void name##_f64(size_t n, const double *x, double *y) {        \
        for (size_t i = 0; i < n; i++) y[i] = spiral__##name##_f64(x[i]); \
    }
SPIRAL_VMATH_LIST(SPIRAL_X)
#undef SPIRAL_X

extern const vmath_arrays SPIRAL_TABLE(vmath_arrays);
const vmath_arrays SPIRAL_TABLE(vmath_arrays) = {
#define SPIRAL_X(name) name##_f32, name##_f64,
    SPIRAL_VMATH_LIST(SPIRAL_X)
#undef SPIRAL_X
};
