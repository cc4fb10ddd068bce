/* SPDX-License-Identifier: MIT
 *
 * The cheapest way to pair the false negatives and false positives of a frame.
 */
#ifndef SPIRAL_METRICS_PAIRING_H
#define SPIRAL_METRICS_PAIRING_H

/* The smallest sum, over all ways to pair keys of a with keys of b, of min(distance, 2) for each pair and 1
 * for each key without a partner. a: (n), b: (m) different keys; distance: by interval, (SPIRAL_KEY_COUNT).
 */
double spiral__pairing_cost(const double *distance, const int *a, int n, const int *b, int m);

#endif
