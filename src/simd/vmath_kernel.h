/* SPDX-License-Identifier: MIT
 *
 * The functions of vmath.h over arrays, one table per instruction set. For loops that do nothing else; a
 * kernel that does more includes vmath.h and fuses.
 */
#ifndef SPIRAL_KERN_VMATH_KERN_H
#define SPIRAL_KERN_VMATH_KERN_H

#include <stddef.h>

#include "simd/isa.h"

/* name: y[i] = name(x[i]), i < n; y may be x. */
#define SPIRAL_VMATH_LIST(X) \
    X(exp) X(exp_down) X(log) X(log1p01) X(log1p01_short) X(sigmoid) X(softplus) X(entropy)

typedef struct spiral__vmath_table {
#define SPIRAL_X(name)                                      \
    void (*name##_f32)(size_t n, const float *x, float *y); \
    void (*name##_f64)(size_t n, const double *x, double *y);
    SPIRAL_VMATH_LIST(SPIRAL_X)
#undef SPIRAL_X
} spiral__vmath_table;

const spiral__vmath_table *spiral__vmath(void); /* of spiral__isa_current() */

#endif
