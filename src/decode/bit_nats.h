/* SPDX-License-Identifier: MIT
 *
 * The cost of a cell: -log probability of its bit, for the writer, which needs only the value, and for
 * likelihoods, which also need the slope. Inline, so that a caller that ignores the slope does not compute
 * it.
 */
#ifndef SPIRAL_DECODE_BIT_NATS_H
#define SPIRAL_DECODE_BIT_NATS_H

#include <math.h>

#include "simd/vmath.h"

/* -log p of a bit whose logit is given, in nats; *slope: the derivative with respect to the logit. */
static inline float spiral__bit_nats(float logit, int bit, float *slope) {
    const float e = spiral__exp_f32(-fabsf(logit));
    *slope = spiral__sigmoid_from_f32(logit, e) - (float)bit;
    return spiral__softplus_from_f32(logit, e) - (bit ? logit : 0);
}

#endif
