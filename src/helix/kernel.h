/* SPDX-License-Identifier: MIT
 *
 * Functions of the helix distance that losses, metrics and decoding share: positive definite kernels and the
 * blur profile. Equations: docs/math.md. delta_st is an interval in semitones; all are symmetric in it.
 */
#ifndef SPIRAL_HELIX_KERNEL_H
#define SPIRAL_HELIX_KERNEL_H

#include "spiral/helix.h"

/* k(delta) = 2 exp(-D/2), equation 17. The factor 2 makes one missed note cost 1 in equation 15. */
double spiral__helix_energy_kernel(const spiral_helix *helix, int delta_st);

/* k(delta) = 2 exp(-D^2 / (2 sigma^2)), sigma > 0, equation 18. */
double spiral__helix_gauss_kernel(const spiral_helix *helix, double sigma, int delta_st);

/* s(k) = exp(-D(k) / length), divided by the sum over |k| <= radius, equation 10: s[radius + k] for
 * k = -radius .. radius, radius >= 0, length > 0. */
void spiral__helix_blur_profile(const spiral_helix *helix, double length, int radius,
                                double *s /* (2 radius + 1) */);

/* a(k), equation 33: 0 for k = 0, else exp(-D(k) / length), divided by the sum over 0 < |k| <= radius, for
 * radius >= 1, length > 0. No coefficient is less than e^-60 times the largest: so a short length cannot make
 * all coefficients of a key vanish. */
void spiral__helix_channel_profile(const spiral_helix *helix, double length, int radius,
                                   double *a /* (2 radius + 1) */);

/* min(D(delta) / D0, 1), D0 the largest of D(1) .. D(11), equation 20. */
double spiral__helix_relative_distance(const spiral_helix *helix, int delta_st);

#endif
