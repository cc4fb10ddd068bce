/* SPDX-License-Identifier: MIT
 *
 * The axes of the sliders, and what they change in the sketch.
 *
 * Latents of training music are z = mean + F n, n standard normal. In the space of n every direction varies
 * equally, and an axis is a unit vector r there: a step of 1 along it is one standard deviation, F r. The
 * first axes are those along which the measured quantities rise most steeply, each orthogonal to those before
 * it: as n has the identity as its covariance, the linear regression of a quantity q on n has the slopes E[n
 * q]. The others are the principal axes of what is left.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/rng.h"
#include "data/corpus.h"
#include "data/window.h"
#include "pack/axes.h"
#include "train/pca.h"

enum {
    SAMPLES_MAX = 4096 /* windows of music */,
    SAMPLES_DRAWN = 1024 /* latents, where there is no music */
};
static const uint64_t SEED = UINT64_C(0x61786573);
static const double CLEAR = 0.2;      /* a slope below it, in deviations of the quantity, makes no axis */
static const double MIN_PIVOT = 1e-4; /* of F, of its largest: so that F has an inverse */

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
    return fmax((double)F[k * Z + k], MIN_PIVOT * largest);
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

/* ---- quantities ---- */

/* In the order of SPIRAL_AXIS_EFFECT_LIST. */
enum {
#define SPIRAL_X(name) EFFECT_##name,
    SPIRAL_AXIS_EFFECT_LIST(SPIRAL_X)
#undef SPIRAL_X
        EFFECTS
};

/* The quantities of a window: sounds and onsets (T, P) are probabilities, or 0 and 1; onsets NULL: one plane.
 */
static void measure(size_t T, size_t P, const float *sounds, const float *onsets, double values[EFFECTS]) {
    double cells = 0, height = 0, begins = 0, major = 0, minor = 0;
    for (size_t t = 0; t < T; t++, sounds += P) {
        for (size_t p = 0; p < P; p++) {
            cells += (double)sounds[p];
            height += (double)sounds[p] * (double)p;
            if (onsets) begins += (double)(sounds[p] * onsets[t * P + p]);
            if (p + 3 < P) minor += (double)(sounds[p] * sounds[p + 3]);
            if (p + 4 < P) major += (double)(sounds[p] * sounds[p + 4]);
        }
    }
    values[EFFECT_density] = cells / (double)T;
    values[EFFECT_height] = cells > 0 ? height / cells : (double)P / 2;
    values[EFFECT_onsets] = begins / (double)T;
    values[EFFECT_brightness] = major + minor > 0 ? major / (major + minor) : 0.5;
}

/* ---- samples ---- */

/* Sums over samples of a place n and the quantities there. */
typedef struct slopes {
    const spiral_model *model;
    size_t count;
    double sum[EFFECTS], squares[EFFECTS], spread[EFFECTS]; /* spread: their deviations */
    double *at;    /* (EFFECTS, Z): sum of n q, then the slopes in spreads */
    double *n_sum; /* (Z) */
    float *cells;  /* (D) scratch */
} slopes;

static void add_sample(slopes *s, const double *n, const double values[EFFECTS]) {
    const size_t Z = s->model->ae.Z;
    s->count++;
    for (size_t k = 0; k < Z; k++) s->n_sum[k] += n[k];
    for (size_t e = 0; e < EFFECTS; e++) {
        s->sum[e] += values[e];
        s->squares[e] += values[e] * values[e];
        for (size_t k = 0; k < Z; k++) s->at[e * Z + k] += n[k] * values[e];
    }
}

static void finish_slopes(slopes *s) {
    const size_t Z = s->model->ae.Z;
    const double count = s->count ? (double)s->count : 1;
    for (size_t e = 0; e < EFFECTS; e++) {
        const double mean = s->sum[e] / count, variance = s->squares[e] / count - mean * mean;
        s->spread[e] = variance > 1e-12 ? sqrt(variance) : 0;
        for (size_t k = 0; k < Z; k++) {
            const double covariance = s->at[e * Z + k] / count - mean * s->n_sum[k] / count;
            s->at[e * Z + k] = s->spread[e] > 0 ? covariance / s->spread[e] : 0;
        }
    }
}

/* n = F^-1 (z - mean), by substitution. */
static void place_of(const spiral_model *m, const float *z, double *n) {
    const float *mean = spiral__tensor_data(m, m->ae.latents_mean);
    const float *F = spiral__tensor_data(m, m->ae.latents_factor);
    const size_t Z = m->ae.Z;
    for (size_t k = 0; k < Z; k++) {
        double sum = (double)z[k] - (double)mean[k];
        for (size_t j = 0; j < k; j++) sum -= (double)F[k * Z + j] * n[j];
        n[k] = sum / pivot(m, k);
    }
}

/* A window of music: its latent, and its true quantities. */
static void add_window(slopes *s, const spiral_keys *window, spiral_model_work *work) {
    const spiral__autoencoder *ae = &s->model->ae;
    const size_t T = (size_t)ae->T, P = (size_t)ae->P;
    const int low = s->model->config.low;
    float z[SPIRAL__LATENT_MAX];
    double n[SPIRAL__LATENT_MAX], values[EFFECTS];
    for (size_t i = 0; i < ae->D; i++)
        s->cells[i] = (float)spiral_keys_get(&window[i / P], low + (int)(i % P));
    spiral_model_encode(s->model, 1, window, z, NULL, work);
    place_of(s->model, z, n);
    measure(T, P, s->cells, ae->planes == 2 ? s->cells + T * P : NULL, values);
    add_sample(s, n, values);
}

static int is_silent(const spiral_model *m, const spiral_keys *window) {
    return spiral__window_is_silent(window, m->ae.T, m->config.low, m->config.high);
}

/* Consecutive windows that are not silent, all of them or every n-th. NO_MEMORY. */
static spiral_status add_music(slopes *s, const spiral_corpus *music, spiral_model_work *work,
                               spiral_error *err) {
    const size_t T = (size_t)s->model->ae.T;
    const int planes = s->model->ae.planes;
    size_t windows = 0, i = 0;
    spiral_keys *window = calloc((size_t)planes * T, sizeof *window);
    if (!window) return spiral__no_memory(err, (size_t)planes * T * sizeof *window);
    for (size_t f = 0; f < music->count; f++) {
        const spiral_roll *roll = &music->entries[f].roll;
        for (size_t t = 0; t + T <= roll->frames; t += T) windows += !is_silent(s->model, roll->sounding + t);
    }
    const size_t stride = windows / SAMPLES_MAX + 1;
    for (size_t f = 0; f < music->count; f++) {
        const spiral_roll *roll = &music->entries[f].roll;
        for (size_t t = 0; t + T <= roll->frames; t += T) {
            if (is_silent(s->model, roll->sounding + t) || i++ % stride) continue;
            memcpy(window, roll->sounding + t, T * sizeof *window);
            if (planes == 2) memcpy(window + T, roll->onsets + t, T * sizeof *window);
            add_window(s, window, work);
        }
    }
    free(window);
    return SPIRAL_OK;
}

/* Without music: latents of its distribution, and their sketches. */
static void add_drawn(slopes *s, spiral_model_work *work) {
    const spiral__autoencoder *ae = &s->model->ae;
    const size_t T = (size_t)ae->T, P = (size_t)ae->P;
    for (size_t i = 0; i < SAMPLES_DRAWN; i++) {
        float z[SPIRAL__LATENT_MAX];
        double n[SPIRAL__LATENT_MAX], values[EFFECTS];
        normal_numbers(s->model, i, n);
        spiral__axes_typical_latent(s->model, i, z);
        spiral_model_decode(s->model, 1, z, s->cells, work);
        for (size_t d = 0; d < ae->D; d++) s->cells[d] = 1 / (1 + expf(-s->cells[d]));
        measure(T, P, s->cells, ae->planes == 2 ? s->cells + T * P : NULL, values);
        add_sample(s, n, values);
    }
}

static spiral_status find_slopes(slopes *s, const spiral_corpus *music, spiral_error *err) {
    spiral_model_work *work = NULL;
    SPIRAL_TRY(spiral_model_work_create(s->model, &work, err));
    spiral_status status = music ? add_music(s, music, work, err) : SPIRAL_OK;
    if (status == SPIRAL_OK && s->count < 2) { /* no music, or all of it is shorter than a window */
        memset(s->at, 0, EFFECTS * s->model->ae.Z * sizeof *s->at);
        add_drawn(s, work);
    }
    spiral_model_work_destroy(work);
    finish_slopes(s);
    return status;
}

/* ---- axes ---- */

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
static size_t add_steepest(const slopes *s, double *R) {
    const size_t Z = s->model->ae.Z;
    size_t count = 0;
    for (size_t e = 0; e < EFFECTS && count < Z; e++) {
        double *to = R + count * Z;
        memcpy(to, s->at + e * Z, Z * sizeof *to);
        const double length = remove_rows(Z, R, count, to);
        for (size_t k = 0; k < Z; k++) to[k] *= length >= CLEAR ? 1 / length : 0;
        count += length >= CLEAR;
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

/* What a step along r changes; negates r if its largest effect is negative. */
static spiral_axis measure_axis(const slopes *s, double *r) {
    const size_t Z = s->model->ae.Z;
    double scaled[EFFECTS] = {0};
    int largest = 0;
    for (int e = 0; e < EFFECTS; e++) {
        for (size_t k = 0; k < Z; k++) scaled[e] += r[k] * s->at[(size_t)e * Z + k];
        if (fabs(scaled[e]) > fabs(scaled[largest])) largest = e;
    }
    const double sign = scaled[largest] < 0 ? -1 : 1;
    for (size_t k = 0; k < Z; k++) r[k] *= sign;
    return (spiral_axis){
#define SPIRAL_X(name)                                               \
    .name = sign * scaled[EFFECT_##name] * s->spread[EFFECT_##name], \
    .name##_sd = sign * scaled[EFFECT_##name],
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

spiral_status spiral__axes_find(const spiral_model *m, const spiral_corpus *music, float *axes,
                                float *inverse, spiral_axis *measured, spiral_error *err) {
    const size_t Z = m->ae.Z, doubles = (Z + EFFECTS + 1) * Z;
    double *R = calloc(doubles, sizeof *R);
    slopes s = {.model = m, .cells = spiral__floats(m->ae.D)};
    spiral_status status = R && s.cells ? SPIRAL_OK : spiral__no_memory(err, doubles * sizeof *R);
    if (status == SPIRAL_OK) {
        s.at = R + Z * Z;
        s.n_sum = s.at + EFFECTS * Z;
        status = find_slopes(&s, music, err);
    }
    if (status == SPIRAL_OK) status = add_principal(m, R, add_steepest(&s, R), err);
    for (size_t k = 0; status == SPIRAL_OK && k < Z; k++) {
        const spiral_axis axis = measure_axis(&s, R + k * Z);
        if (measured && k < SPIRAL__AXES_MEASURED) measured[k] = axis;
    }
    if (status == SPIRAL_OK && axes) make_matrices(m, R, axes, inverse);
    free(s.cells);
    free(R);
    return status;
}
