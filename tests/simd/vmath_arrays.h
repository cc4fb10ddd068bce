/* SPDX-License-Identifier: MIT
 *
 * The functions of simd/vmath.h on arrays, for the tests. They are compiled like the kernels, with a table
 * per instruction set.
 */
#ifndef SPIRAL_TESTS_VMATH_ARRAYS_H
#define SPIRAL_TESTS_VMATH_ARRAYS_H

#include <stddef.h>

/* X(name): y[i] = name(x[i]), i < n. */
#define SPIRAL_VMATH_LIST(X) \
    X(exp) X(exp_down) X(log) X(log1p01) X(log1p01_short) X(sigmoid) X(softplus) X(entropy)

typedef struct vmath_arrays {
#define SPIRAL_X(name)                                      \
    void (*name##_f32)(size_t n, const float *x, float *y); \
    void (*name##_f64)(size_t n, const double *x, double *y);
    SPIRAL_VMATH_LIST(SPIRAL_X)
#undef SPIRAL_X
} vmath_arrays;

#endif
