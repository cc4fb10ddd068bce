/* SPDX-License-Identifier: MIT
 *
 * Principal axes of the latents, and what they change in the sketch.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/rng.h"
#include "pack/axes.h"
#include "train/pca.h"

enum { POINTS = 48 /* latents at which an axis is measured */ };
static const uint64_t SEED = UINT64_C(0x61786573);

void spiral__axes_typical_latent(const spiral_model *m, size_t i, float *z) {
    const size_t Z = m->ae.Z;
    const float *mean = spiral__tensor_data(m, m->ae.latents_mean);
    const float *F = spiral__tensor_data(m, m->ae.latents_factor);
    spiral__rng rng = spiral__rng_init(SEED, i + 1);
    for (size_t k = 0; k < Z; k++) z[k] = mean[k];
    for (size_t j = 0; j < Z; j++) {
        const float n = (float)spiral__rng_normal(&rng);
        for (size_t k = j; k < Z; k++) z[k] += F[k * Z + j] * n;
    }
}

/* ---- axes ------------------------------------------------------------------------------------------------
 */

/* The rows of F' have the covariance F F' that the latents have: its axes are theirs. */
static spiral_status find_axes(const spiral_model *m, float *axes, double *sd, spiral_error *err) {
    const size_t Z = m->ae.Z;
    const float *F = spiral__tensor_data(m, m->ae.latents_factor);
    float *X = spiral__floats(Z * Z), *Y = spiral__floats(Z * Z);
    spiral_status status = X && Y ? SPIRAL_OK : spiral__no_memory(err, Z * Z * sizeof *X);
    spiral__rng rng = spiral__rng_init(SEED, 0);
    for (size_t i = 0; status == SPIRAL_OK && i < Z * Z; i++) {
        X[i] = F[i % Z * Z + i / Z];
        axes[i] = (float)spiral__rng_normal(&rng);
    }
    if (status == SPIRAL_OK) status = spiral__principal_axes(Z, Z, Z, X, axes, Y, err);
    for (size_t k = 0; status == SPIRAL_OK && k < Z; k++) {
        double sum = 0;
        for (size_t i = 0; i < Z; i++) sum += (double)Y[i * Z + k] * Y[i * Z + k];
        sd[k] = sqrt(sum);
    }
    free(X);
    free(Y);
    return status;
}

/* ---- what they change ------------------------------------------------------------------------------------
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
    float *z, *moved, *logits; /* (Z), (Z), (D) */
} probe;

/* The quantities at typical latent i, moved by `distance` along an axis. */
static void measure_at(probe *p, size_t i, const float *axis, double distance, double values[EFFECTS]) {
    const size_t Z = p->model->ae.Z;
    spiral__axes_typical_latent(p->model, i, p->z);
    for (size_t k = 0; k < Z; k++) p->moved[k] = p->z[k] + (float)(distance * (double)axis[k]);
    spiral_model_decode(p->model, 1, p->moved, p->logits, p->work);
    measure(p->model, p->logits, values);
}

/* Deviations of the quantities over the typical latents. */
static void find_spread(probe *p, const float *any_axis, double spread[EFFECTS]) {
    double sum[EFFECTS] = {0}, squares[EFFECTS] = {0}, values[EFFECTS];
    for (size_t i = 0; i < POINTS; i++) {
        measure_at(p, i, any_axis, 0, values);
        for (int e = 0; e < EFFECTS; e++) {
            sum[e] += values[e];
            squares[e] += values[e] * values[e];
        }
    }
    for (int e = 0; e < EFFECTS; e++)
        spread[e] = sqrt(fmax(0, squares[e] / POINTS - sum[e] / POINTS * (sum[e] / POINTS)));
}

/* Measures one axis, and turns it round if its largest effect falls. */
static void measure_axis(probe *p, const double spread[EFFECTS], float *axis, double sd, spiral_axis *out) {
    double change[EFFECTS] = {0}, low[EFFECTS], high[EFFECTS], scaled[EFFECTS];
    int largest = 0;
    for (size_t i = 0; i < POINTS; i++) {
        measure_at(p, i, axis, -sd, low);
        measure_at(p, i, axis, sd, high);
        for (int e = 0; e < EFFECTS; e++) change[e] += (high[e] - low[e]) / (2 * POINTS);
    }
    for (int e = 0; e < EFFECTS; e++) {
        scaled[e] = spread[e] > 0 ? change[e] / spread[e] : 0;
        if (fabs(scaled[e]) > fabs(scaled[largest])) largest = e;
    }
    const double sign = scaled[largest] < 0 ? -1 : 1;
    for (size_t k = 0; k < p->model->ae.Z; k++) axis[k] *= (float)sign;
    *out = (spiral_axis){.sd = sd,
#define SPIRAL_X(name) .name = sign * change[EFFECT_##name], .name##_sd = sign * scaled[EFFECT_##name],
                         SPIRAL_AXIS_EFFECT_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
}

spiral_status spiral__axes_find(const spiral_model *m, float *axes, double *sd, spiral_axis *measured,
                                spiral_error *err) {
    const size_t Z = m->ae.Z;
    SPIRAL_TRY(find_axes(m, axes, sd, err));
    probe p = {m, NULL, spiral__floats(Z), spiral__floats(Z), spiral__floats(m->ae.D)};
    spiral_status status = p.z && p.moved && p.logits ? spiral_model_work_create(m, &p.work, err)
                                                      : spiral__no_memory(err, m->ae.D * sizeof(float));
    if (status == SPIRAL_OK) {
        double spread[EFFECTS];
        find_spread(&p, axes, spread);
        for (size_t k = 0; k < Z && k < SPIRAL__AXES_MEASURED; k++) {
            spiral_axis axis;
            measure_axis(&p, spread, axes + k * Z, sd[k], &axis);
            if (measured) measured[k] = axis;
        }
    }
    spiral_model_work_destroy(p.work);
    free(p.z);
    free(p.moved);
    free(p.logits);
    return status;
}
