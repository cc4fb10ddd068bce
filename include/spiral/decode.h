/* SPDX-License-Identifier: MIT
 *
 * Decoding: which cells sound, given a logit for each. The logits may come from any network.
 */
#ifndef SPIRAL_DECODE_H
#define SPIRAL_DECODE_H

#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Each cell on its own: it sounds if its logit is above the threshold; NaN is not.
 *
 * logits is (planes, frames, keys), key low + p at p: the plane of sounding keys and, if onsets is not NULL,
 * the plane of onsets, with a threshold of its own. A key that does not sound has no onset. Overwrites
 * sounding and onsets, the other keys of every frame too. BAD_ARG: keys below 1, or low .. low + keys - 1 not
 * within 0..127. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_decode_threshold(
    const float *logits, size_t frames, int low, int keys, float threshold, float onset_threshold,
    spiral_keys *sounding /* (frames) */, spiral_keys *onsets /* (frames) or NULL */, spiral_error *err);

/* The threshold above which `wanted` of n logits lie, or more where several are equal. Of more than n wanted
 * all n are taken; for none it is infinity. sorted (n) is scratch. */
SPIRAL_API float spiral_decode_threshold_for_count(const float *logits, size_t n, size_t wanted,
                                                   float *sorted);

#ifdef __cplusplus
}
#endif
#endif
