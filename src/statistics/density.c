/* SPDX-License-Identifier: MIT
 *
 * Kernel densities on even grids of points: the area under two of them, and their divergence.
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "statistics/density.h"

/* Points at which mgeval samples a density. */
enum { POINTS = 1000 };

typedef struct density {
    const spiral__sample *sample;
    double low, high, bandwidth;
} density;

static density density_of(const spiral__sample *s) {
    const double N = (double)s->n * (double)s->copies;
    density d = {s, INFINITY, -INFINITY, 0};
    double mean = 0, squares = 0;
    for (size_t i = 0; i < s->n; i++) {
        d.low = fmin(d.low, s->x[i]);
        d.high = fmax(d.high, s->x[i]);
        mean += s->x[i] / (double)s->n;
    }
    for (size_t i = 0; i < s->n; i++) squares += (s->x[i] - mean) * (s->x[i] - mean);
    if (d.low < d.high) d.bandwidth = sqrt(squares * (double)s->copies / (N - 1)) * pow(N, -.2);
    return d;
}

/* Adds the kernel around x to the points from `from` on, upwards (way 1) or downwards (way -1). On even steps
 * the ratio of neighbouring values changes by a constant factor: exp(-(u + e)^2/2) / exp(-u^2/2) =
 * exp(-u e - e^2/2), and the next ratio is exp(-e^2) times this. */
static void add_kernel(double *value, int points, int from, int way, double u, double step) {
    double kernel = exp(-u * u / 2), ratio = exp(-u * way * step - step * step / 2);
    const double change = exp(-step * step);
    for (int i = from; i >= 0 && i < points && kernel > 1e-300; i += way) {
        value[i] += kernel;
        kernel *= ratio;
        ratio *= change;
    }
}

/* The density at `points` points from low to high. */
static void sample_density(const density *d, double low, double high, int points, double *value) {
    const double h = d->bandwidth, step = (high - low) / (points - 1);
    const double scale = 1 / (h * sqrt(2 * acos(-1.)) * (double)d->sample->n);
    for (int i = 0; i < points; i++) value[i] = 0;
    for (size_t k = 0; k < d->sample->n; k++) {
        const double x = d->sample->x[k];
        int nearest = (int)lrint(fmin(fmax((x - low) / step, 0), points - 1));
        const double u = (low + nearest * step - x) / h;
        add_kernel(value, points, nearest, 1, u, step / h);
        add_kernel(value, points, nearest - 1, -1, u - step / h, step / h);
    }
    for (int i = 0; i < points; i++) value[i] *= scale;
}

/* Points for the area: steps of a sixteenth of the narrower bandwidth, so that one outlier, which widens the
 * range more than the bandwidth, does not make them too coarse. Ranges of more than 65,536 bandwidths get
 * coarser steps. */
static int area_points(const density *a, const density *b) {
    const double range = fmax(a->high, b->high) - fmin(a->low, b->low);
    return (int)fmin(fmax(16 * range / fmin(a->bandwidth, b->bandwidth), POINTS), 1 << 20);
}

/* By the trapezoidal rule. */
static double common_area(const density *a, const density *b, int points, double *pa, double *pb) {
    const double low = fmin(a->low, b->low), high = fmax(a->high, b->high);
    double sum = 0;
    sample_density(a, low, high, points, pa);
    sample_density(b, low, high, points, pb);
    for (int i = 0; i < points; i++) sum += fmin(pa[i], pb[i]) * (i == 0 || i == points - 1 ? .5 : 1);
    return sum * (high - low) / (points - 1);
}

static double divergence(const density *a, const density *b, double *pa, double *pb) {
    double sum_a = 0, sum_b = 0, nats = 0;
    sample_density(a, a->low, a->high, POINTS, pa);
    sample_density(b, b->low, b->high, POINTS, pb);
    for (int i = 0; i < POINTS; i++) sum_a += pa[i], sum_b += pb[i];
    for (int i = 0; i < POINTS; i++)
        if (pa[i] > 0) nats += pa[i] / sum_a * log(pa[i] / sum_a / (pb[i] / sum_b));
    return nats;
}

spiral_status spiral__density_overlap(const spiral__sample *a, const spiral__sample *b, spiral_overlap *out,
                                      spiral_error *err) {
    const density da = density_of(a), db = density_of(b);
    *out = (spiral_overlap){(double)NAN, (double)NAN};
    if (!(da.bandwidth > 0) || !(db.bandwidth > 0)) return SPIRAL_OK;
    const int points = area_points(&da, &db);
    const size_t bytes = 2 * (size_t)points * sizeof(double);
    double *values = malloc(bytes);
    if (!values) return spiral__no_memory(err, bytes);
    out->area = common_area(&da, &db, points, values, values + points);
    out->kl_divergence = divergence(&da, &db, values, values + POINTS);
    free(values);
    return SPIRAL_OK;
}
