/* SPDX-License-Identifier: MIT
 *
 * Binary search.
 */
#ifndef SPIRAL_BASE_SEARCH_H
#define SPIRAL_BASE_SEARCH_H

#include <stddef.h>

/* The first i of 0 .. n-1 for which holds(context, i) is true; n if there is none. From the first such i on
 * it must be true for all. Inline, so that a constant function is inlined into the loop too. */
static inline size_t spiral__search(size_t n, int (*holds)(const void *context, size_t i),
                                    const void *context) {
    size_t low = 0, high = n; /* false below low, true from high on */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (holds(context, middle))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

#endif
