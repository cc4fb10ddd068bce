/* SPDX-License-Identifier: MIT
 *
 * Kernels and the blur profile on the helix (see kernel.h).
 */
#include <math.h>

#include "helix/kernel.h"

double spiral__helix_energy_kernel(const spiral_helix *helix, int delta_st) {
    return 2 * exp(-spiral_helix_distance(helix, delta_st) / 2);
}

double spiral__helix_gauss_kernel(const spiral_helix *helix, double sigma, int delta_st) {
    double x = spiral_helix_distance(helix, delta_st) / sigma; /* before the square: sigma^2 may underflow */
    return 2 * exp(-x * x / 2);
}

void spiral__helix_blur_profile(const spiral_helix *helix, double length, int radius, double *s) {
    double sum = 0;
    for (int k = -radius; k <= radius; k++)
        sum += s[radius + k] = exp(-spiral_helix_distance(helix, k) / length);
    for (int i = 0; i <= 2 * radius; i++) s[i] /= sum;
}

void spiral__helix_channel_profile(const spiral_helix *helix, double length, int radius, double *a) {
    double nearest = spiral_helix_distance(helix, 1), sum = 0;
    for (int k = 2; k <= radius; k++) nearest = fmin(nearest, spiral_helix_distance(helix, k));
    for (int k = -radius; k <= radius; k++) {
        const double beyond = (spiral_helix_distance(helix, k) - nearest) / length;
        a[radius + k] = k ? exp(-fmin(beyond, 60)) : 0;
        sum += a[radius + k];
    }
    for (int i = 0; i <= 2 * radius; i++) a[i] /= sum;
}

double spiral__helix_relative_distance(const spiral_helix *helix, int delta_st) {
    double largest = 0;
    for (int k = 1; k < 12; k++) largest = fmax(largest, spiral_helix_distance(helix, k));
    return fmin(spiral_helix_distance(helix, delta_st) / largest, 1);
}
