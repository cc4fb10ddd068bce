/* SPDX-License-Identifier: MIT
 *
 * Pieces to latents of consecutive windows, interpolation and variation of latents, and latents to sketches
 * for the note-by-note decoder.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/rng.h"
#include "generate/latents.h"
#include "simd/vmath.h"

static const uint64_t VARY_STREAM = UINT64_C(0x76617279);

size_t spiral_latents_count(const spiral_model *m, size_t frames) {
    const size_t T = (size_t)m->ae.T;
    return (frames + T - 1) / T;
}

/* Window i of a roll, padded with silence. window: (planes * T). */
static void cut_window(const spiral_model *m, const spiral_roll *roll, size_t i, spiral_keys *window) {
    const size_t T = (size_t)m->ae.T, begin = i * T;
    const size_t count = roll->frames - begin < T ? roll->frames - begin : T;
    memset(window, 0, (size_t)m->ae.planes * T * sizeof *window);
    memcpy(window, roll->sounding + begin, count * sizeof *window);
    if (m->ae.planes == 2) memcpy(window + T, roll->onsets + begin, count * sizeof *window);
}

spiral_status spiral_latents_from_roll(const spiral_model *m, const spiral_roll *roll, float *latents,
                                       spiral_error *err) {
    SPIRAL_TRY(spiral__check_roll(m, roll, err));
    const size_t keys = (size_t)(m->ae.planes * m->ae.T), count = spiral_latents_count(m, roll->frames);
    spiral_model_work *work = NULL;
    spiral_keys *window = calloc(keys, sizeof *window);
    spiral_status status =
        window ? spiral_model_work_create(m, &work, err) : spiral__no_memory(err, keys * sizeof *window);
    for (size_t i = 0; status == SPIRAL_OK && i < count; i++) {
        cut_window(m, roll, i, window);
        spiral_model_encode(m, 1, window, latents + i * m->ae.Z, NULL, work);
    }
    spiral_model_work_destroy(work);
    free(window);
    return status;
}

spiral_status spiral_latents_interpolate(const spiral_model *m, size_t count, const float *a, const float *b,
                                         double position, spiral_interpolation kind, float *out,
                                         spiral_error *err) {
    if (!(position >= 0 && position <= 1))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "position is %g, must be 0 to 1", position);
    const float *mean = spiral__tensor_data(m, m->ae.latents_mean);
    const size_t Z = m->ae.Z;
    for (size_t i = 0; i < count * Z; i += Z)
        spiral__latent_interpolate(Z, mean, a + i, b + i, position, kind, out + i);
    return SPIRAL_OK;
}

spiral_status spiral_latents_vary(const spiral_model *m, size_t count, double amount, uint64_t seed,
                                  float *latents, spiral_error *err) {
    const size_t Z = m->ae.Z;
    if (!(amount >= 0 && amount <= 1))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "amount is %g, must be 0 to 1", amount);
    SPIRAL_TRY(spiral__check_trained(m, err));
    if (amount == 0) return SPIRAL_OK;
    const float *mean = spiral__tensor_data(m, m->ae.latents_mean);
    const float *F = spiral__tensor_data(m, m->ae.latents_factor);
    spiral__rng rng = spiral__rng_init(seed, VARY_STREAM);
    double *n = calloc(Z, sizeof *n);
    if (!n) return spiral__no_memory(err, Z * sizeof *n);
    for (size_t i = 0; i < Z; i++) n[i] = amount * spiral__rng_normal(&rng);
    const double left = sqrt(1 - amount * amount);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < Z; k++) {
            double x = mean[k] + left * ((double)latents[i * Z + k] - mean[k]);
            for (size_t j = 0; j <= k; j++) x += (double)F[k * Z + j] * n[j];
            latents[i * Z + k] = (float)x;
        }
    free(n);
    return SPIRAL_OK;
}

/* Writes the probabilities of window i, of logits (planes, T, P), to the sketch. */
static void add_window(const spiral_model *m, const float *logits, size_t i, size_t frames, float *sketch) {
    const size_t T = (size_t)m->ae.T, P = (size_t)m->ae.P, planes = (size_t)m->ae.planes;
    for (size_t t = 0; t < T && i * T + t < frames; t++)
        for (size_t plane = 0; plane < planes; plane++)
            for (size_t p = 0; p < P; p++)
                sketch[((i * T + t) * planes + plane) * P + p] =
                    spiral__sigmoid_f32(logits[(plane * T + t) * P + p]);
}

spiral_status spiral_sketch_from_latents(const spiral_model *m, const float *latents, size_t frames,
                                         float *sketch, spiral_error *err) {
    spiral_model_work *work = NULL;
    float *logits = spiral__floats(m->ae.D);
    spiral_status status =
        logits ? spiral_model_work_create(m, &work, err) : spiral__no_memory(err, m->ae.D * sizeof *logits);
    for (size_t i = 0; status == SPIRAL_OK && i < spiral_latents_count(m, frames); i++) {
        spiral_model_decode(m, 1, latents + i * m->ae.Z, logits, work);
        add_window(m, logits, i, frames, sketch);
    }
    spiral_model_work_destroy(work);
    free(logits);
    return status;
}
