/* SPDX-License-Identifier: MIT
 *
 * The calls: batch_body.h for both element types, and the sentence for a cell that is out of range.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "loss/plan.h"
#include "loss/ref.h"

/* Where a cell lies, and the range of its array. */
typedef struct cell {
    size_t b, t, p;
    double low, high;
} cell;

static spiral_status bad_cell(spiral_error *err, const char *what, double value, cell at) {
    return spiral__fail(err, SPIRAL_NUMERIC, -1, "%s at (b %zu, t %zu, p %zu) is %g: must be %s%g to %g",
                        what, at.b, at.t, at.p, value, isfinite(value) ? "" : "a number from ", at.low,
                        at.high);
}

/* Bytes of `columns` columns of `width` cells, twice; SIZE_MAX if there is no such number. */
static size_t time_bytes(size_t columns, size_t width_bytes) {
    return columns > (SIZE_MAX >> 1) / 2 / width_bytes ? SIZE_MAX : 2 * columns * width_bytes;
}

#define REAL    float
#define NAME(x) x##_f32
#define SUFFIX  f32
#include "loss/batch_body.h"
#undef REAL
#undef NAME
#undef SUFFIX

#define REAL    double
#define NAME(x) x##_f64
#define SUFFIX  f64
#include "loss/batch_body.h"
