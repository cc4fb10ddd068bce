/* SPDX-License-Identifier: MIT
 *
 * The axes of the sliders, and what they change in the sketch.
 *
 * Latents of training music are z = mean + F n, n standard normal. In the space of n every direction varies
 * equally, and an axis is a unit vector r there: a step of 1 along it is one standard deviation, F r. The first axes
 * are those along which the measured quantities rise most steeply, each orthogonal to those before it: for a
 * normal n the mean gradient of q(n) is E[n q(n)] (Stein's lemma). The others are the principal axes of
 * what is left.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/rng.h"
#include "pack/axes.h"
#include "train/pca.h"

enum { POINTS = 48 /* latents at which an axis is measured */, PAIRS = 512 /* n and -n, for the gradients */ };
static const uint64_t SEED = UINT64_C(0x61786573);
static const double CLEAR = 0.2;        /* a gradient below it, in deviations of the quantity, makes no axis */
static const double LEAST_PIVOT = 1e-4; /* of F, of its largest: so that F has an inverse */

static double *normal_numbers(const spiral_model *m, size_t i, double *n) {
    spiral__rng rng = spiral__rng_init(SEED, i + 1);
    for (size_t k = 0; k < m->ae.Z; k++) n[k] = spiral__rng_normal(&rng);
    return n;
}

/* Row k of F, with a pivot that is not 0; entries 0..k. */
static double pivot(const spiral_model *m, size_t k) {
    const float *F = spiral__tensor_data(m, m->ae.latents_factor);
    const size_t Z = m->ae.Z;
    double largest = 0;
    for (size_t i = 0; i < Z; i++) largest = fmax(largest, (double)F[i * Z + i]);
    return fmax((double)F[k * Z + k], LEAST_PIVOT * largest);
}

/* out = F n. */
static void times_factor(const spiral_model *m, const double *n, double *out) {
    const float *F = spiral__tensor_data(m, m->ae.latents_factor);
    const size_t Z = m->ae.Z;
    for (size_t k = 0; k < Z; k++) {
        double sum = pivot(m, k) * n[k];
        for (size_t j = 0; j < k; j++) sum += (double)F[k * Z + j] * n[j];
        out[k] = sum;
    }
}

void spiral__axes_typical_latent(const spiral_model *m, size_t i, float *z) {
    const float *mean = spiral__tensor_data(m, m->ae.latents_mean);
    double n[SPIRAL__LATENT_MAX], x[SPIRAL__LATENT_MAX];
    times_factor(m, normal_numbers(m, i, n), x);
    for (size_t k = 0; k < m->ae.Z; k++) z[k] = (float)((double)mean[k] + x[k]);
}

/* ---- quantities ------------------------------------------------------------------------------------
 */

/* In the order of SPIRAL_AXIS_EFFECT_LIST. */
enum {
#define SPIRAL_X(name) EFFECT_##name,
    SPIRAL_AXIS_EFFECT_LIST(SPIRAL_X)
#undef SPIRAL_X
        EFFECTS
};

/* The quantities of one window of logits (planes, T, P). */
static void measure(const spiral_model *m, const float *logits, double values[EFFECTS]) {
    const size_t T = (size_t)m->ae.T, P = (size_t)m->ae.P;
    double cells = 0, height = 0, onsets = 0, major = 0, minor = 0;
    for (size_t t = 0; t < T; t++) {
        double sounds[SPIRAL_KEY_COUNT];
        for (size_t p = 0; p < P; p++) {
            const double x = (double)logits[t * P + p];
            sounds[p] = 1 / (1 + exp(-x));
            cells += sounds[p];
            height += sounds[p] * (double)p;
            if (m->ae.planes == 2) onsets += sounds[p] / (1 + exp(-(double)logits[(T + t) * P + p]));
        }
        for (size_t p = 0; p + 4 < P; p++) {
            minor += sounds[p] * sounds[p + 3];
            major += sounds[p] * sounds[p + 4];
        }
    }
    values[EFFECT_density] = cells / (double)T;
    values[EFFECT_height] = cells > 0 ? height / cells : 0;
    values[EFFECT_onsets] = onsets / (double)T;
    values[EFFECT_brightness] = major + minor > 0 ? major / (major + minor) : 0.5;
}

typedef struct probe {
    const spiral_model *model;
    spiral_model_work *work;
    float *z, *logits; /* (Z), (D) */
    double spread[EFFECTS]; /* deviations of the quantities over typical latents */
} probe;

/* The quantities at mean + F (n + distance r); r may be NULL. */
static void measure_at(probe *p, const double *n, const double *r, double distance, double values[EFFECTS]) {
    const spiral_model *m = p->model;
    const float *mean = spiral__tensor_data(m, m->ae.latents_mean);
    double moved[SPIRAL__LATENT_MAX] = {0}, x[SPIRAL__LATENT_MAX];
    for (size_t k = 0; k < m->ae.Z; k++) moved[k] = n[k] + (r ? distance * r[k] : 0);
    times_factor(m, moved, x);
    for (size_t k = 0; k < m->ae.Z; k++) p->z[k] = (float)((double)mean[k] + x[k]);
    spiral_model_decode(m, 1, p->z, p->logits, p->work);
    measure(m, p->logits, values);
}

/* gradients (EFFECTS, Z): E[n q(n)], in deviations of q; sets spread. */
static void find_gradients(probe *p, double *gradients) {
    const size_t Z = p->model->ae.Z;
    double sum[EFFECTS] = {0}, squares[EFFECTS] = {0};
    for (size_t i = 0; i < PAIRS; i++) {
        double n[SPIRAL__LATENT_MAX], negative[SPIRAL__LATENT_MAX], at[EFFECTS], opposite[EFFECTS];
        normal_numbers(p->model, i, n);
        for (size_t k = 0; k < Z; k++) negative[k] = -n[k];
        measure_at(p, n, NULL, 0, at);
        measure_at(p, negative, NULL, 0, opposite);
        for (int e = 0; e < EFFECTS; e++) {
            sum[e] += at[e] + opposite[e];
            squares[e] += at[e] * at[e] + opposite[e] * opposite[e];
            for (size_t k = 0; k < Z; k++)
                gradients[(size_t)e * Z + k] += n[k] * (at[e] - opposite[e]) / (2 * PAIRS);
        }
    }
    for (int e = 0; e < EFFECTS; e++) {
        const double mean = sum[e] / (2 * PAIRS);
        p->spread[e] = sqrt(fmax(0, squares[e] / (2 * PAIRS) - mean * mean));
        for (size_t k = 0; k < Z; k++) gradients[(size_t)e * Z + k] *= p->spread[e] > 0 ? 1 / p->spread[e] : 0;
    }
}

/* ---- axes ------------------------------------------------------------------------------------------------
 */

/* Removes from x (Z) its parts along the first `count` rows of R. Returns the length of what is left. */
static double remove_rows(size_t Z, const double *R, size_t count, double *x) {
    double square = 0;
    for (size_t i = 0; i < count; i++) {
        double dot = 0;
        for (size_t k = 0; k < Z; k++) dot += R[i * Z + k] * x[k];
        for (size_t k = 0; k < Z; k++) x[k] -= dot * R[i * Z + k];
    }
    for (size_t k = 0; k < Z; k++) square += x[k] * x[k];
    return sqrt(square);
}

/* Axes of the quantities as the first rows of R (Z, Z). Returns their number. */
static size_t add_steepest(probe *p, double *R, double *gradients) {
    const size_t Z = p->model->ae.Z;
    size_t count = 0;
    find_gradients(p, gradients);
    for (size_t e = 0; e < EFFECTS && count < Z; e++) {
        double *g = gradients + e * Z;
        const double length = remove_rows(Z, R, count, g);
        if (length < CLEAR) continue;
        for (size_t k = 0; k < Z; k++) R[count * Z + k] = g[k] / length;
        count++;
    }
    return count;
}

/* The other rows of R: the principal axes, in the space of n, of F without its parts along the first rows. */
static spiral_status add_principal(const spiral_model *m, double *R, size_t count, spiral_error *err) {
    const size_t Z = m->ae.Z, left = Z - count;
    const float *F = spiral__tensor_data(m, m->ae.latents_factor);
    float *X = spiral__floats(3 * Z * Z), *Q = X ? X + Z * Z : NULL, *Y = X ? Q + Z * Z : NULL;
    spiral__rng rng = spiral__rng_init(SEED, 0);
    if (!X) return spiral__no_memory(err, 3 * Z * Z * sizeof *X);
    for (size_t i = 0; i < Z; i++) {
        double row[SPIRAL__LATENT_MAX] = {0};
        for (size_t k = 0; k <= i; k++) row[k] = k == i ? pivot(m, k) : (double)F[i * Z + k];
        remove_rows(Z, R, count, row);
        for (size_t k = 0; k < Z; k++) X[i * Z + k] = (float)row[k];
    }
    for (size_t i = 0; i < left * Z; i++) Q[i] = (float)spiral__rng_normal(&rng);
    const spiral_status status = left ? spiral__principal_axes(Z, Z, left, X, Q, Y, err) : SPIRAL_OK;
    for (size_t i = 0; status == SPIRAL_OK && i < left; i++) {
        double *row = R + (count + i) * Z;
        for (size_t k = 0; k < Z; k++) row[k] = (double)Q[i * Z + k];
        const double length = remove_rows(Z, R, count + i, row); /* once more, in double precision */
        for (size_t k = 0; k < Z; k++) row[k] *= length > 0 ? 1 / length : 0;
    }
    free(X);
    return status;
}

/* Measures one axis, and turns it round if its largest effect falls. */
static void measure_axis(probe *p, double *r, spiral_axis *out) {
    double change[EFFECTS] = {0}, low[EFFECTS], high[EFFECTS], scaled[EFFECTS], n[SPIRAL__LATENT_MAX];
    int largest = 0;
    for (size_t i = 0; i < POINTS; i++) {
        normal_numbers(p->model, i, n);
        measure_at(p, n, r, -1, low);
        measure_at(p, n, r, 1, high);
        for (int e = 0; e < EFFECTS; e++) change[e] += (high[e] - low[e]) / (2 * POINTS);
    }
    for (int e = 0; e < EFFECTS; e++) {
        scaled[e] = p->spread[e] > 0 ? change[e] / p->spread[e] : 0;
        if (fabs(scaled[e]) > fabs(scaled[largest])) largest = e;
    }
    const double sign = scaled[largest] < 0 ? -1 : 1;
    for (size_t k = 0; k < p->model->ae.Z; k++) r[k] *= sign;
    *out = (spiral_axis){
#define SPIRAL_X(name) .name = sign * change[EFFECT_##name], .name##_sd = sign * scaled[EFFECT_##name],
        SPIRAL_AXIS_EFFECT_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
}

/* axes row k = F r_k; inverse row k: r_k F^-1, by substitution from below. */
static void make_matrices(const spiral_model *m, const double *R, float *axes, float *inverse) {
    const size_t Z = m->ae.Z;
    const float *F = spiral__tensor_data(m, m->ae.latents_factor);
    for (size_t i = 0; i < Z; i++) {
        double x[SPIRAL__LATENT_MAX];
        times_factor(m, R + i * Z, x);
        for (size_t k = 0; k < Z; k++) axes[i * Z + k] = (float)x[k];
        for (size_t k = Z; k-- > 0;) {
            double sum = R[i * Z + k];
            for (size_t j = k + 1; j < Z; j++) sum -= x[j] * (double)F[j * Z + k];
            x[k] = sum / pivot(m, k);
        }
        for (size_t k = 0; k < Z; k++) inverse[i * Z + k] = (float)x[k];
    }
}

spiral_status spiral__axes_find(const spiral_model *m, float *axes, float *inverse, spiral_axis *measured,
                                spiral_error *err) {
    const size_t Z = m->ae.Z;
    probe p = {.model = m, .z = spiral__floats(Z), .logits = spiral__floats(m->ae.D)};
    double *R = calloc((Z + EFFECTS) * Z, sizeof *R);
    spiral_status status = p.z && p.logits && R ? spiral_model_work_create(m, &p.work, err)
                                                : spiral__no_memory(err, (Z + EFFECTS) * Z * sizeof *R);
    if (status == SPIRAL_OK) status = add_principal(m, R, add_steepest(&p, R, R + Z * Z), err);
    for (size_t k = 0; status == SPIRAL_OK && k < Z && k < SPIRAL__AXES_MEASURED; k++) {
        spiral_axis axis;
        measure_axis(&p, R + k * Z, &axis);
        if (measured) measured[k] = axis;
    }
    if (status == SPIRAL_OK && axes) make_matrices(m, R, axes, inverse);
    spiral_model_work_destroy(p.work);
    free(p.z);
    free(p.logits);
    free(R);
    return status;
}
