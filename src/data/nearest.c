/* SPDX-License-Identifier: MIT
 *
 * The search for the window of a corpus that is nearest to a piece: how much of the piece is a copy.
 */
#include <math.h>

#include "data/corpus.h"

static unsigned sounding(const spiral_keys *frames, size_t n) {
    unsigned count = 0;
    for (size_t t = 0; t < n; t++) count += (unsigned)spiral_keys_count(frames[t]);
    return count;
}

/* Cells in which n frames differ; counting stops at `limit`. */
static unsigned differing(const spiral_keys *x, const spiral_keys *y, size_t n, unsigned limit) {
    unsigned count = 0;
    for (size_t t = 0; t < n && count < limit; t++)
        count += (unsigned)(__builtin_popcountll(x[t].word[0] ^ y[t].word[0]) +
                            __builtin_popcountll(x[t].word[1] ^ y[t].word[1]));
    return count;
}

/* The smallest number of differing cells over all windows of the corpus, if it is below `limit`; else limit.
 */
static unsigned least_differing(const spiral_corpus *c, const spiral_keys *window, size_t T, unsigned limit) {
    for (size_t i = 0; i < c->count; i++) {
        const spiral_roll *roll = &c->entries[i].roll;
        for (size_t begin = 0; begin + T <= roll->frames; begin++) {
            unsigned count = differing(window, roll->sounding + begin, T, limit);
            if (count < limit) limit = count;
        }
    }
    return limit;
}

double spiral_corpus_nearest(const spiral_corpus *corpus, const spiral_roll *roll, int frames) {
    const size_t T = (size_t)frames;
    double nearest = INFINITY;
    for (size_t begin = 0; frames > 0 && begin + T <= roll->frames; begin += T) {
        const unsigned on = sounding(roll->sounding + begin, T);
        if (!on) continue;
        const unsigned limit = (unsigned)fmin(ceil(nearest * on), 4e9); /* from here on it is not nearer */
        const unsigned least = least_differing(corpus, roll->sounding + begin, T, limit);
        if (least < limit) nearest = fmin(nearest, (double)least / on);
    }
    return nearest;
}
