/* SPDX-License-Identifier: MIT
 *
 * Rolls to sequences of latents, and back (see latents.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/sized.h"
#include "generate/latents.h"
#include "spiral/decode.h"

spiral_status spiral__latents_create(const spiral_model *m, size_t frames, spiral__latents *l,
                                     spiral_error *err) {
    l->hop = (size_t)(m->ae.T + 1) / 2;
    l->count = (frames + l->hop - 1) / l->hop + 1;
    l->z = spiral__floats(l->count * m->ae.Z);
    return l->z ? SPIRAL_OK : spiral__no_memory(err, l->count * m->ae.Z * sizeof *l->z);
}

void spiral__latents_clear(spiral__latents *l) {
    free(l->z);
    memset(l, 0, sizeof *l);
}

/* ---- encoding ---- */

/* Frame t of a plane of n frames; t may lie outside. */
static spiral_keys frame_at(const spiral_keys *plane, ptrdiff_t n, ptrdiff_t t, int repeated) {
    if (repeated && n) t = ((t % n) + n) % n;
    return t < 0 || t >= n ? (spiral_keys){{0, 0}} : plane[t];
}

spiral_status spiral__latents_encode(const spiral_model *m, const spiral_roll *roll, int repeated,
                                     spiral__latents *l, spiral_error *err) {
    const int T = m->ae.T, planes = m->ae.planes;
    spiral_model_work *work = NULL;
    spiral_keys *window = calloc((size_t)(planes * T), sizeof *window);
    spiral_status status = window ? spiral_model_work_create(m, &work, err)
                                  : spiral__no_memory(err, (size_t)(planes * T) * sizeof *window);
    for (size_t i = 0; status == SPIRAL_OK && i < l->count; i++) {
        const ptrdiff_t begin = (ptrdiff_t)(i * l->hop) - (ptrdiff_t)l->hop;
        for (int plane = 0; plane < planes; plane++)
            for (int t = 0; t < T; t++)
                window[plane * T + t] = frame_at(plane ? roll->onsets : roll->sounding,
                                                 (ptrdiff_t)roll->frames, begin + t, repeated);
        spiral_model_encode(m, 1, window, l->z + i * m->ae.Z, NULL, work);
    }
    spiral_model_work_destroy(work);
    free(window);
    return status;
}

/* ---- decoding ---- */

/* The weight of frame t of a window: triangular, never 0. For even T the weights of a frame in its two
 * windows add up to 1. */
static float weight_at(int T, int t) {
    float x = ((float)t + 0.5f) / (float)T;
    return x < 0.5f ? 2 * x : 2 * (1 - x);
}

/* Adds the weighted logits of a window (planes, T, P) to those of the roll (planes, frames, P), and the
 * weights to `weights` (frames). */
static void add_window(const spiral__autoencoder *ae, const float *logits, size_t first, size_t hop,
                       size_t frames, float *mixed, float *weights) {
    const size_t P = (size_t)ae->P, T = (size_t)ae->T;
    for (size_t t = 0; t < T; t++) {
        if (first + t < hop || first + t - hop >= frames) continue; /* outside the roll, see latents.h */
        const size_t frame = first + t - hop;
        const float w = weight_at(ae->T, (int)t);
        weights[frame] += w;
        for (size_t plane = 0; plane < (size_t)ae->planes; plane++)
            for (size_t p = 0; p < P; p++)
                mixed[(plane * frames + frame) * P + p] += w * logits[(plane * T + t) * P + p];
    }
}

/* Decodes all windows. mixed: weighted means of their logits (planes, frames, P). */
static spiral_status mix_logits(const spiral_model *m, const spiral__latents *l, size_t frames, float *mixed,
                                spiral_error *err) {
    const spiral__autoencoder *ae = &m->ae;
    spiral_model_work *work = NULL;
    float *logits = spiral__floats(ae->D), *weights = spiral__floats(frames);
    spiral_status status = logits && weights ? spiral_model_work_create(m, &work, err)
                                             : spiral__no_memory(err, (ae->D + frames) * sizeof(float));
    for (size_t i = 0; status == SPIRAL_OK && i < l->count; i++) {
        spiral_model_decode(m, 1, l->z + i * ae->Z, logits, work);
        add_window(ae, logits, i * l->hop, l->hop, frames, mixed, weights);
    }
    const size_t P = (size_t)ae->P;
    for (size_t k = 0; status == SPIRAL_OK && k < (size_t)ae->planes * frames * P; k++)
        mixed[k] /= weights[k / P % frames];
    spiral_model_work_destroy(work);
    free(logits);
    free(weights);
    return status;
}

static spiral_status check_finite(const float *x, size_t n, spiral_error *err) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return spiral__fail(err, SPIRAL_NUMERIC, -1, "the model's output is not finite");
    return SPIRAL_OK;
}

static size_t count_sounding(const spiral_roll *roll) {
    size_t on = 0;
    for (size_t t = 0; t < roll->frames; t++) on += (size_t)spiral_keys_count(roll->sounding[t]);
    return on;
}

static double repeated_frames(const spiral_roll *roll) {
    size_t same = 0;
    for (size_t t = 1; t < roll->frames; t++)
        same += !memcmp(&roll->sounding[t], &roll->sounding[t - 1], sizeof roll->sounding[t]);
    return roll->frames > 1 ? (double)same / (double)(roll->frames - 1) : 0;
}

/* Mixed logits -> notes, by the model's decoding rule. */
static spiral_status decode_cells(const spiral_model *m, const float *mixed, float threshold,
                                  spiral_roll *roll, spiral_error *err) {
    if (m->decoding == SPIRAL_DECODING_THRESHOLD)
        return spiral_decode_threshold(mixed, roll->frames, m->config.low, m->ae.P, threshold, m->threshold,
                                       roll->sounding, roll->onsets, err);
    spiral_min_risk_options o;
    spiral_min_risk_options_default(&o, sizeof o);
    /* If the threshold was lowered, the scale grows by the factor by which the smallest probability falls. */
    const double lowered = (1 + exp(-(double)threshold)) / (1 + exp(-(double)m->threshold));
    o.scale = fmin(fmax((double)spiral_model_get_min_risk_scale(m) * lowered, 0.01), 100);
    return spiral_decode_min_risk(&o, mixed, roll->frames, m->config.low, m->ae.P, m->threshold,
                                  roll->sounding, roll->onsets, err);
}

/* Mixed logits -> notes; if too few keys would sound, with a lower threshold, which the report says. sorted
 * (frames, P) is scratch. */
static spiral_status decode_roll(const spiral_model *m, const float *mixed, float *sorted, spiral_roll *roll,
                                 spiral_generate_report *report, spiral_error *err) {
    const size_t cells = roll->frames * (size_t)m->ae.P;
    const double density = *spiral__tensor_data(m, m->ae.density), frames = (double)roll->frames;
    report->threshold = m->threshold;
    SPIRAL_TRY(decode_cells(m, mixed, report->threshold, roll, err));
    size_t on = count_sounding(roll);
    if (on == 0 || (double)on < 0.1 * density * frames) {
        const double wanted = floor(fmax(density, 0.05) * frames);
        const size_t count = wanted < 1 ? 1 : wanted >= (double)cells ? cells : (size_t)wanted;
        report->lowered = 1;
        report->threshold = spiral_decode_threshold_for_count(mixed, cells, count, sorted);
        SPIRAL_TRY(decode_cells(m, mixed, report->threshold, roll, err));
        on = count_sounding(roll);
    }
    report->density = (double)on / frames;
    report->repeated_frames = repeated_frames(roll);
    return SPIRAL_OK;
}

spiral_status spiral__latents_decode(const spiral_model *m, const spiral__latents *l, size_t frames,
                                     double quarters_per_min, spiral_roll *out,
                                     spiral_generate_report *report, spiral_error *err) {
    const size_t cells = frames * (size_t)m->ae.P;
    spiral_roll roll = {0};
    spiral_generate_report r = {.struct_size = sizeof r};
    float *mixed = spiral__floats(cells * (size_t)m->ae.planes), *sorted = spiral__floats(cells);
    spiral_status status = mixed && sorted ? mix_logits(m, l, frames, mixed, err)
                                           : spiral__no_memory(err, 2 * cells * sizeof(float));
    if (status == SPIRAL_OK) status = check_finite(mixed, cells * (size_t)m->ae.planes, err);
    if (status == SPIRAL_OK)
        status = spiral_roll_create(m->config.grid, frames, m->config.planes == 2, &roll, err);
    if (status == SPIRAL_OK) status = decode_roll(m, mixed, sorted, &roll, &r, err);
    if (status == SPIRAL_OK) {
        roll.quarters_per_min = quarters_per_min;
        if (report) spiral__sized_write(&r, sizeof r, report, report->struct_size);
        *out = roll;
    } else {
        spiral_roll_clear(&roll);
    }
    free(mixed);
    free(sorted);
    return status;
}
