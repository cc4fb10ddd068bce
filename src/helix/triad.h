/* SPDX-License-Identifier: MIT
 *
 * The definition of a triad, for the statistics and for sampling, whose output the statistics measure.
 */
#ifndef SPIRAL_HELIX_TRIAD_H
#define SPIRAL_HELIX_TRIAD_H

/* Whether pitch classes, one bit each, are those of a major or minor triad. */
static inline int spiral__is_triad(unsigned classes) {
    enum { MAJOR = 1 | 1 << 4 | 1 << 7, MINOR = 1 | 1 << 3 | 1 << 7 };
    for (int root = 0; root < 12; root++) {
        const unsigned moved = (classes >> root | classes << (12 - root)) & 0xfff;
        if (moved == MAJOR || moved == MINOR) return 1;
    }
    return 0;
}

#endif
