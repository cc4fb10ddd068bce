/* SPDX-License-Identifier: MIT
 *
 * Reconstruction, variation, samples, interpolation: each makes a sequence of latents, which latents.c
 * decodes.
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/rng.h"
#include "base/sized.h"
#include "data/corpus.h"
#include "generate/latents.h"

/* Smallest struct_sizes that are accepted: those of version 0.2. */
#define FIRST_REPORT (offsetof(spiral_generate_report, repeated_frames) + sizeof(double))
#define FIRST_SAMPLE (offsetof(spiral_sample_options, quarters_per_min) + sizeof(double))

static spiral_status check_report(const spiral_generate_report *report, spiral_error *err) {
    if (!report) return SPIRAL_OK;
    return spiral__sized_check("generate report", report->struct_size, FIRST_REPORT, sizeof *report, err);
}

static spiral_status check_frames(const char *what, size_t frames, spiral_error *err) {
    if (frames >= 1 && frames <= SPIRAL_GENERATE_FRAMES_MAX) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s of %zu frames, must be 1 to %zu", what, frames,
                        SPIRAL_GENERATE_FRAMES_MAX);
}

spiral_status spiral__check_roll(const spiral_model *m, const spiral_roll *roll, spiral_error *err) {
    if (!spiral__grids_equal(&m->config.grid, &roll->grid))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the roll's grid is not the model's");
    if (m->ae.planes == 2 && !roll->onsets)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the roll has no onsets, the model's windows have");
    return check_frames("a roll", roll->frames, err);
}

spiral_status spiral_generate_reconstruction(const spiral_model *m, const spiral_roll *in, spiral_roll *out,
                                             spiral_generate_report *report, spiral_error *err) {
    spiral__latents l = {0};
    SPIRAL_TRY(check_report(report, err));
    SPIRAL_TRY(spiral__check_roll(m, in, err));
    spiral_status status = spiral__latents_create(m, in->frames, &l, err);
    if (status == SPIRAL_OK) status = spiral__latents_encode(m, in, 0, &l, err);
    if (status == SPIRAL_OK)
        status = spiral__latents_decode(m, &l, in->frames, in->quarters_per_min, out, report, err);
    spiral__latents_clear(&l);
    return status;
}

spiral_status spiral_generate_variation(const spiral_model *m, const spiral_roll *in, double amount,
                                        uint64_t seed, spiral_roll *out, spiral_generate_report *report,
                                        spiral_error *err) {
    spiral__latents l = {0};
    SPIRAL_TRY(check_report(report, err));
    SPIRAL_TRY(spiral__check_roll(m, in, err));
    spiral_status status = spiral__latents_create(m, in->frames, &l, err);
    if (status == SPIRAL_OK) status = spiral__latents_encode(m, in, 0, &l, err);
    if (status == SPIRAL_OK) status = spiral_latents_vary(m, l.count, amount, seed, l.z, err);
    if (status == SPIRAL_OK)
        status = spiral__latents_decode(m, &l, in->frames, in->quarters_per_min, out, report, err);
    spiral__latents_clear(&l);
    return status;
}

/* ---- samples ---- */

/* The random stream of samples. */
static const uint64_t SAMPLE_STREAM = UINT64_C(0x73616d706c65);

static const spiral_sample_options SAMPLE = {
    .struct_size = sizeof SAMPLE, .seed = 1, .temperature = 1, .frames = 256, .quarters_per_min = 120};

void spiral_sample_options_default(spiral_sample_options *options, size_t struct_size) {
    spiral__sized_write(&SAMPLE, sizeof SAMPLE, options, struct_size);
}

spiral_status spiral__check_trained(const spiral_model *m, spiral_error *err) {
    if (*spiral__tensor_data(m, m->ae.density) > 0) return SPIRAL_OK;
    return spiral__fail(
        err, SPIRAL_NO_DATA, -1,
        "the distribution of the model's latents is unknown: it is measured when a training is finished, "
        "in Python by Autoencoder.measure(rolls) before save");
}

static spiral_status check_sample(const spiral_model *m, const spiral_sample_options *o, spiral_error *err) {
    if (!(o->temperature >= 0 && o->temperature <= 10))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "temperature is %g, must be 0 to 10", o->temperature);
    if (!(o->quarters_per_min > 0 && o->quarters_per_min <= 1000))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "tempo is %g, must be above 0, at most 1000",
                            o->quarters_per_min);
    SPIRAL_TRY(check_frames("a sample", o->frames, err));
    return spiral__check_trained(m, err);
}

/* next = mean + A (now - mean) + factor n, n normal with standard deviation `temperature`; now NULL: without
 * the second term. n (Z) is scratch. */
static void draw_next(const spiral_model *m, const float *now, const float *factor, double temperature,
                      spiral__rng *rng, double *n, float *next) {
    const size_t Z = m->ae.Z;
    const float *mean = spiral__tensor_data(m, m->ae.latents_mean),
                *A = spiral__tensor_data(m, m->ae.latents_step);
    for (size_t i = 0; i < Z; i++) n[i] = temperature * spiral__rng_normal(rng);
    for (size_t i = 0; i < Z; i++) {
        double x = mean[i];
        for (size_t k = 0; now && k < Z; k++) x += (double)A[i * Z + k] * ((double)now[k] - mean[k]);
        for (size_t k = 0; k <= i; k++) x += (double)factor[i * Z + k] * n[k];
        next[i] = (float)x;
    }
}

static spiral_status draw_latents(const spiral_model *m, const spiral_sample_options *o, spiral__latents *l,
                                  spiral_error *err) {
    const size_t Z = m->ae.Z;
    const float *F = spiral__tensor_data(m, m->ae.latents_factor),
                *G = spiral__tensor_data(m, m->ae.latents_noise);
    spiral__rng rng = spiral__rng_init(o->seed, SAMPLE_STREAM);
    double *n = calloc(Z, sizeof *n);
    if (!n) return spiral__no_memory(err, Z * sizeof *n);
    for (size_t i = 0; i < l->count; i++)
        draw_next(m, i ? l->z + (i - 1) * Z : NULL, i ? G : F, o->temperature, &rng, n, l->z + i * Z);
    free(n);
    return SPIRAL_OK;
}

spiral_status spiral_generate_sample(const spiral_model *m, const spiral_sample_options *options,
                                     spiral_roll *out, spiral_generate_report *report, spiral_error *err) {
    spiral_sample_options o = SAMPLE;
    spiral__latents l = {0};
    SPIRAL_TRY(spiral__sized_read("sample options", options, FIRST_SAMPLE, &o, sizeof o, err));
    SPIRAL_TRY(check_sample(m, &o, err));
    SPIRAL_TRY(check_report(report, err));
    spiral_status status = spiral__latents_create(m, o.frames, &l, err);
    if (status == SPIRAL_OK) status = draw_latents(m, &o, &l, err);
    if (status == SPIRAL_OK)
        status = spiral__latents_decode(m, &l, o.frames, o.quarters_per_min, out, report, err);
    spiral__latents_clear(&l);
    return status;
}

/* ---- interpolation ---- */

void spiral__latent_interpolate(size_t Z, const float *mean, const float *a, const float *b, double s,
                                spiral_interpolation kind, float *out) {
    double aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < Z; i++) {
        double x = (double)a[i] - mean[i], y = (double)b[i] - mean[i];
        aa += x * x, bb += y * y, ab += x * y;
    }
    double wa = 1 - s, wb = s, c = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1;
    double angle = acos(c > 1 ? 1 : c < -1 ? -1 : c);
    if (kind == SPIRAL_INTERPOLATION_SLERP && sin(angle) > 1e-6) {
        double length = pow(aa, (1 - s) / 2) * pow(bb, s / 2); /* weighted geometric mean of |a| and |b| */
        wa = sin((1 - s) * angle) / sin(angle) * length / sqrt(aa);
        wb = sin(s * angle) / sin(angle) * length / sqrt(bb);
    }
    for (size_t i = 0; i < Z; i++)
        out[i] = (float)(mean[i] + wa * ((double)a[i] - mean[i]) + wb * ((double)b[i] - mean[i]));
}

/* The latents of a piece; it is repeated if it is shorter than `frames`. */
static spiral_status encode_piece(const spiral_model *m, const spiral_roll *roll, size_t frames,
                                  spiral__latents *l, spiral_error *err) {
    SPIRAL_TRY(spiral__latents_create(m, frames, l, err));
    return spiral__latents_encode(m, roll, roll->frames < frames, l, err);
}

spiral_status spiral_generate_interpolation(const spiral_model *m, const spiral_roll *a, const spiral_roll *b,
                                            double position, spiral_interpolation kind, spiral_roll *out,
                                            spiral_generate_report *report, spiral_error *err) {
    spiral__latents from = {0}, to = {0};
    if (!(position >= 0 && position <= 1))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "position is %g, must be 0 to 1", position);
    SPIRAL_TRY(spiral__check_roll(m, a, err));
    SPIRAL_TRY(spiral__check_roll(m, b, err));
    SPIRAL_TRY(check_report(report, err));
    const size_t frames = a->frames > b->frames ? a->frames : b->frames, Z = m->ae.Z;
    spiral_status status = encode_piece(m, a, frames, &from, err);
    if (status == SPIRAL_OK) status = encode_piece(m, b, frames, &to, err);
    if (status == SPIRAL_OK) {
        const float *mean = spiral__tensor_data(m, m->ae.latents_mean);
        for (size_t i = 0; i < from.count * Z; i += Z)
            spiral__latent_interpolate(Z, mean, from.z + i, to.z + i, position, kind, from.z + i);
        double tempo = (1 - position) * a->quarters_per_min + position * b->quarters_per_min;
        status = spiral__latents_decode(m, &from, frames, tempo, out, report, err);
    }
    spiral__latents_clear(&from);
    spiral__latents_clear(&to);
    return status;
}
