/* SPDX-License-Identifier: MIT
 *
 * The cheapest pairing of missed and stray notes.
 */
#ifndef SPIRAL_MEASURE_MATCHING_H
#define SPIRAL_MEASURE_MATCHING_H

/* The least, over all ways to pair some of the n missed with some of the m stray keys, of the sum of the
 * pairs' distances plus 1 for every key without a partner. distance: by interval, 0 .. SPIRAL_KEY_COUNT - 1.
 */
double spiral__matching(const double *distance, const int *missed, int n, const int *stray, int m);

#endif
