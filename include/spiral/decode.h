/* SPDX-License-Identifier: MIT
 *
 * Decoding: which cells sound, given a logit for each. The logits may come from any network.
 */
#ifndef SPIRAL_DECODE_H
#define SPIRAL_DECODE_H

#include "helix.h"
#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Each cell on its own: it sounds if its logit is above the threshold; NaN counts as below.
 *
 * logits is (planes, frames, keys), key low + p at p: the plane of sounding keys and, if onsets is not NULL,
 * the plane of onsets, with a threshold of its own. A key that does not sound has no onset. Overwrites
 * sounding and onsets, the other keys of every frame too. BAD_ARG: keys below 1, or low .. low + keys - 1 not
 * within 0..127. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_decode_threshold(
    const float *logits, size_t frames, int low, int keys, float threshold, float onset_threshold,
    spiral_keys *sounding /* (frames) */, spiral_keys *onsets /* (frames) or NULL */, spiral_error *err);

/* The threshold above which `wanted` of n logits lie, or more if several are equal. If wanted is above n, all
 * n lie above it; if wanted is 0, it is infinity. sorted (n) is scratch. */
SPIRAL_API float spiral_decode_threshold_for_count(const float *logits, size_t n, size_t wanted,
                                                   float *sorted);

/* ---- the lowest expected energy on the helix ----
 *
 * A threshold cannot know that .45 on C and .45 on C sharp mean one note. This takes for each frame the set
 * of keys x with the lowest expected energy
 *
 *     risk = x'Kx/2 - x'Ky,   K = 2 exp(-D/2),   y = scale * probability
 *
 * (docs/math.md, section 13), as if cells were independent. A lone note sounds if y is above 1/2.
 *
 * Defaults in square brackets. */
typedef struct spiral_min_risk_options {
    size_t struct_size; /* size of the caller's struct, set by spiral_min_risk_options_default */
    spiral_helix helix; /* [radius 1.3, octave 4: short-ranged] */
    double scale;       /* of the probabilities, .01 .. 100 [1]; the larger, the more notes */
    double time_blur;   /* frames over which K falls to 1/e along time, 0 .. 100 [0: frames alone] */
} spiral_min_risk_options;

/* Sets the defaults, writing struct_size bytes; call it with sizeof(spiral_min_risk_options). */
SPIRAL_API void spiral_min_risk_options_default(spiral_min_risk_options *options, size_t struct_size);

/* As spiral_decode_threshold, but the sounding keys are those with the lowest risk that a search finds: it is
 * never higher than that of thresholding y at 1/2. With a time blur, frames are searched in turn until none
 * changes. Onsets have a threshold. NaN counts as probability 0. BAD_ARG: as there, or an option is out of
 * its range; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_decode_min_risk(const spiral_min_risk_options *options,
                                                                  const float *logits, size_t frames, int low,
                                                                  int keys, float onset_threshold,
                                                                  spiral_keys *sounding /* (frames) */,
                                                                  spiral_keys *onsets /* (frames) or NULL */,
                                                                  spiral_error *err);

/* The risk of a decoded roll, summed over frames; logits (frames, keys). BAD_ARG: as above. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_decode_risk(const spiral_min_risk_options *options,
                                                              const float *logits, size_t frames, int low,
                                                              int keys, const spiral_keys *sounding,
                                                              double *risk, spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
