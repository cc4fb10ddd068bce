/* SPDX-License-Identifier: MIT
 *
 * How many steps fit in a time (see pace.h).
 */
#include <math.h>

#include "spiral/train.h"
#include "train/pace.h"

static const double VALIDATING = 0.25; /* share of the time for validations, at most */
static const double NEW = 0.5;         /* weight of a new measurement */

int spiral__pace_parts(const spiral__pace *p, double now_s) {
    const double parts = VALIDATING * (p->end_s - now_s) / fmax(p->validation_s, 1e-9);
    return parts >= SPIRAL_TRAIN_PARTS_MAX ? SPIRAL_TRAIN_PARTS_MAX : parts < 1 ? 1 : (int)parts;
}

int64_t spiral__pace_steps(const spiral__pace *p, double now_s, int parts) {
    const double left = p->end_s - now_s - parts * p->validation_s;
    const double steps = left / (parts * fmax(p->step_s, 1e-9));
    return steps > 0 ? (int64_t)fmin(steps + 0.5, 1e10) : 0;
}

void spiral__pace_measured(spiral__pace *p, double now_s, int64_t steps, double validation_s) {
    const double stepping = now_s - p->began_s - validation_s;
    p->validation_s += NEW * (validation_s - p->validation_s);
    if (steps) p->step_s += NEW * (stepping / (double)steps - p->step_s);
    p->began_s = now_s;
}
