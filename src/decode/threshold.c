/* SPDX-License-Identifier: MIT
 *
 * Decoding by thresholds (see include/spiral/decode.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "spiral/decode.h"

/* One plane: (frames, keys) -> (frames). */
static void decode_plane(const float *logits, size_t frames, int low, int keys, float threshold,
                         spiral_keys *plane) {
    for (size_t t = 0; t < frames; t++, logits += keys) {
        plane[t] = (spiral_keys){{0, 0}};
        for (int p = 0; p < keys; p++)
            if (logits[p] > threshold) spiral_keys_set(&plane[t], low + p, 1);
    }
}

spiral_status spiral_decode_threshold(const float *logits, size_t frames, int low, int keys, float threshold,
                                      float onset_threshold, spiral_keys *sounding, spiral_keys *onsets,
                                      spiral_error *err) {
    if (keys < 1 || low < 0 || low > SPIRAL_KEY_COUNT - keys)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%d keys from %d on are not within 0 to %d", keys, low,
                            SPIRAL_KEY_COUNT - 1);
    decode_plane(logits, frames, low, keys, threshold, sounding);
    if (!onsets) return SPIRAL_OK;
    decode_plane(logits + frames * (size_t)keys, frames, low, keys, onset_threshold, onsets);
    for (size_t t = 0; t < frames; t++)
        for (int w = 0; w < 2; w++) onsets[t].word[w] &= sounding[t].word[w];
    return SPIRAL_OK;
}

static int descending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

float spiral_decode_threshold_for_count(const float *logits, size_t n, size_t wanted, float *sorted) {
    if (wanted > n) wanted = n;
    if (wanted == 0) return INFINITY;
    memcpy(sorted, logits, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, descending);
    /* Halfway to the next logit, and just below it: where the two are equal, both are above. */
    float last = sorted[wanted - 1], next = wanted < n ? sorted[wanted] : last;
    return nextafterf(0.5f * (last + next), -INFINITY);
}
