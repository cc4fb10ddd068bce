/* SPDX-License-Identifier: MIT
 *
 * The cells that are known under a melody (see given_top.h).
 */
#include "decode/given_top.h"

/* -1: none sounds. */
static int highest_key(spiral_keys keys, spiral_keys range) {
    const uint64_t high = keys.word[1] & range.word[1], low = keys.word[0] & range.word[0];
    return high ? 127 - __builtin_clzll(high) : low ? 63 - __builtin_clzll(low) : -1;
}

void spiral__give_top(int low, int high, const spiral_keys *sounding, size_t frames, spiral_keys *known) {
    const spiral_keys range = spiral_keys_range(low, high);
    int top = -1;
    for (size_t t = 0; t < frames && top < 0; t++) top = highest_key(sounding[t], range);
    for (size_t t = 0; t < frames && top >= 0; t++) {
        const int now = highest_key(sounding[t], range);
        if (now >= 0) top = now;
        const spiral_keys above = spiral_keys_range(top, high);
        for (int w = 0; w < 2; w++) known[t].word[w] |= above.word[w];
    }
}
