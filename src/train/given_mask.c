/* SPDX-License-Identifier: MIT
 *
 * The cells that are given in training (see given_mask.h).
 */
#include <math.h>
#include <string.h>

#include "decode/given_top.h"
#include "train/given_mask.h"

typedef struct piece {
    spiral__rng *rng;
    const spiral_keys *sounding, *onsets;
    size_t frames;
    int low, high;
    spiral_keys *known;
} piece;

static double uniform(const piece *x, double low, double high) {
    return low + (high - low) * spiral__rng_uniform(x->rng);
}

static int uniform_int(const piece *x, int low, int high) {
    return low + (int)spiral__rng_below(x->rng, (uint64_t)(high - low + 1));
}

static void give(const piece *x, size_t t, int low, int high) {
    const spiral_keys range = spiral_keys_range(low, high);
    for (int w = 0; w < 2; w++) x->known[t].word[w] |= range.word[w];
}

/* The r-th sounding key of the range, counted from 0 at the lowest; r = -1: the highest. Returns -1 if there
 * is none. */
static int sounding_key(const piece *x, size_t t, int r) {
    int found = -1;
    for (int key = x->low; key <= x->high; key++)
        if (spiral_keys_get(&x->sounding[t], key)) {
            found = key;
            if (r-- == 0) return key;
        }
    return r < -1 ? found : -1;
}

static void give_stretches(const piece *x) {
    int given = uniform_int(x, 0, 1);
    for (size_t t = 0; t < x->frames; given = !given) {
        size_t n = (size_t)lround(exp2(uniform(x, 2, 6)));
        for (; n && t < x->frames; n--, t++)
            if (given) give(x, t, x->low, x->high);
    }
}

static void give_top(const piece *x) { spiral__give_top(x->low, x->high, x->sounding, x->frames, x->known); }

static void give_bottom(const piece *x) {
    for (size_t t = 0; t < x->frames; t++) {
        const int key = sounding_key(x, t, 0);
        if (key >= 0) give(x, t, x->low, key);
    }
}

static void give_voice(const piece *x) {
    const int r = uniform_int(x, 0, 3);
    for (size_t t = 0; t < x->frames; t++) {
        const int key = sounding_key(x, t, r);
        if (key >= 0) give(x, t, key, key);
    }
}

static void give_range(const piece *x) {
    const int P = x->high - x->low + 1;
    const int width = uniform_int(x, P < 8 ? P : 8, P < 30 ? P : 30);
    const int from = x->low + uniform_int(x, 0, P - width), inside = uniform_int(x, 0, 1);
    for (size_t t = 0; t < x->frames; t++) {
        if (inside) {
            give(x, t, from, from + width - 1);
            continue;
        }
        if (from > x->low) give(x, t, x->low, from - 1);
        if (from + width - 1 < x->high) give(x, t, from + width, x->high);
    }
}

static void give_notes(const piece *x) {
    const double share = uniform(x, 0.05, 0.6);
    for (int key = x->low; key <= x->high; key++) {
        int given = 0;
        for (size_t t = 0; t < x->frames; t++) {
            const spiral_keys starts = spiral_keys_starts(t ? &x->sounding[t - 1] : NULL, &x->sounding[t],
                                                          x->onsets ? &x->onsets[t] : NULL);
            if (spiral_keys_get(&starts, key)) given = spiral__rng_uniform(x->rng) < share;
            if (given && spiral_keys_get(&x->sounding[t], key)) give(x, t, key, key);
        }
    }
}

void spiral__given_mask_draw(spiral__rng *rng, const spiral_keys *sounding, const spiral_keys *onsets,
                             size_t frames, int low, int high, spiral_keys *known) {
    const piece x = {rng, sounding, onsets, frames, low, high, known};
    const double kind = spiral__rng_uniform(rng);
    memset(known, 0, frames * sizeof *known);
    if (kind < 0.26)
        give_stretches(&x);
    else if (kind < 0.58)
        give_top(&x);
    else if (kind < 0.65)
        give_bottom(&x);
    else if (kind < 0.74)
        give_voice(&x);
    else if (kind < 0.83)
        give_range(&x);
    else if (kind < 0.95)
        give_notes(&x);
    else {
        give_top(&x);
        give_stretches(&x);
    }
}
