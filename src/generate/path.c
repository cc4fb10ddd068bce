/* SPDX-License-Identifier: MIT
 *
 * Paths of codes to rolls and back (see path.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "generate/path.h"
#include "spiral/decode.h"

size_t spiral__path_count(const spiral_model *m, size_t columns) {
    size_t hop = (size_t)(m->ae.T + 1) / 2;
    return (columns + hop - 1) / hop + 1;
}

spiral_status spiral__path_create(const spiral_model *m, size_t columns, spiral__path *path,
                                  spiral_error *err) {
    path->count = spiral__path_count(m, columns);
    path->hop = (size_t)(m->ae.T + 1) / 2;
    path->codes = spiral__floats(path->count * m->ae.Z);
    return path->codes ? SPIRAL_OK : spiral__no_memory(err, path->count * m->ae.Z * sizeof(float));
}

void spiral__path_clear(spiral__path *path) {
    free(path->codes);
    memset(path, 0, sizeof *path);
}

/* Column t of a plane; before the beginning and, unless the roll goes round, after the end there is silence.
 */
static spiral_keys column_at(const spiral_roll *roll, int plane, ptrdiff_t t, int around) {
    const spiral_keys *columns = plane ? roll->onsets : roll->sounding;
    ptrdiff_t n = (ptrdiff_t)roll->frames;
    if (around && n) t = ((t % n) + n) % n;
    return t < 0 || t >= n ? (spiral_keys){{0, 0}} : columns[t];
}

spiral_status spiral__path_encode(const spiral_model *m, const spiral_roll *roll, int around,
                                  spiral__path *path, spiral_error *err) {
    spiral_model_work *work = NULL;
    spiral_keys *window = calloc((size_t)m->ae.planes * (size_t)m->ae.T, sizeof *window);
    spiral_status status = window ? spiral_model_work_create(m, &work, err)
                                  : spiral__no_memory(err, (size_t)m->ae.T * sizeof *window);
    for (size_t i = 0; status == SPIRAL_OK && i < path->count; i++) {
        ptrdiff_t begin = (ptrdiff_t)(i * path->hop) - (ptrdiff_t)path->hop;
        for (int plane = 0; plane < m->ae.planes; plane++)
            for (int t = 0; t < m->ae.T; t++)
                window[plane * m->ae.T + t] = column_at(roll, plane, begin + t, around);
        spiral_model_encode(m, 1, window, path->codes + i * m->ae.Z, NULL, work);
    }
    spiral_model_work_destroy(work);
    free(window);
    return status;
}

/* A window's weight at its column t: a triangle, never zero, equal to one minus that of the window half a
 * window later (for even T). */
static float weight_at(int T, int t) {
    float x = ((float)t + 0.5f) / (float)T;
    return x < 0.5f ? 2 * x : 2 * (1 - x);
}

/* Decodes the path into mean logits (planes, columns, P). */
static spiral_status mix_logits(const spiral_model *m, const spiral__path *path, size_t columns, float *mixed,
                                spiral_error *err) {
    const size_t P = (size_t)m->ae.P, T = (size_t)m->ae.T, planes = (size_t)m->ae.planes;
    spiral_model_work *work = NULL;
    float *logits = spiral__floats(m->ae.D), *weights = spiral__floats(columns);
    spiral_status status = logits && weights ? spiral_model_work_create(m, &work, err)
                                             : spiral__no_memory(err, (m->ae.D + columns) * sizeof(float));
    for (size_t i = 0; status == SPIRAL_OK && i < path->count; i++) {
        spiral_model_decode(m, 1, path->codes + i * m->ae.Z, logits, work);
        for (size_t t = 0; t < T; t++) {
            size_t column = i * path->hop + t; /* shifted by one hop, see path.h */
            if (column < path->hop || column - path->hop >= columns) continue;
            column -= path->hop;
            float w = weight_at(m->ae.T, (int)t);
            weights[column] += w;
            for (size_t plane = 0; plane < planes; plane++)
                for (size_t p = 0; p < P; p++)
                    mixed[(plane * columns + column) * P + p] += w * logits[(plane * T + t) * P + p];
        }
    }
    for (size_t k = 0; status == SPIRAL_OK && k < planes * columns * P; k++)
        mixed[k] /= weights[k / P % columns];
    spiral_model_work_destroy(work);
    free(logits);
    free(weights);
    return status;
}

static size_t count_sounding(const spiral_roll *roll) {
    size_t on = 0;
    for (size_t t = 0; t < roll->frames; t++)
        on += (size_t)(__builtin_popcountll(roll->sounding[t].word[0]) +
                       __builtin_popcountll(roll->sounding[t].word[1]));
    return on;
}

/* Mixed logits -> notes, at the model's threshold; where (almost) nothing is above it, at one above which as
 * many keys sound as in the training music, at least one. */
static spiral_status decode_roll(const spiral_model *m, float *mixed, float *sorted, spiral_roll *roll,
                                 spiral_generate_report *report, spiral_error *err) {
    const size_t cells = roll->frames * (size_t)m->ae.P;
    const double density = *spiral__tensor_data(m, m->ae.density), frames = (double)roll->frames;
    *report = (spiral_generate_report){.threshold = m->threshold};
    SPIRAL_TRY(spiral_decode_threshold(mixed, roll->frames, m->config.low, m->ae.P, report->threshold,
                                       m->threshold, roll->sounding, roll->onsets, err));
    size_t on = count_sounding(roll);
    if (on == 0 || (double)on < 0.1 * density * frames) {
        double wanted = floor(fmax(density, 0.05) * frames);
        size_t count = wanted < 1 ? 1 : wanted >= (double)cells ? cells : (size_t)wanted;
        report->lowered = 1;
        report->threshold = spiral_decode_threshold_for_count(mixed, cells, count, sorted);
        SPIRAL_TRY(spiral_decode_threshold(mixed, roll->frames, m->config.low, m->ae.P, report->threshold,
                                           m->threshold, roll->sounding, roll->onsets, err));
        on = count_sounding(roll);
    }
    report->density = (double)on / frames;
    return SPIRAL_OK;
}

static double repeats(const spiral_roll *roll) {
    size_t same = 0;
    for (size_t c = 1; c < roll->frames; c++)
        same += !memcmp(&roll->sounding[c], &roll->sounding[c - 1], sizeof roll->sounding[c]);
    return roll->frames > 1 ? (double)same / (double)(roll->frames - 1) : 0;
}

spiral_status spiral__path_decode(const spiral_model *m, const spiral__path *path, size_t columns,
                                  double quarters_per_min, spiral_roll *out, spiral_generate_report *report,
                                  spiral_error *err) {
    const size_t P = (size_t)m->ae.P;
    spiral_roll roll = {0};
    float *mixed = spiral__floats(columns * (size_t)m->ae.planes * P), *sorted = spiral__floats(columns * P);
    spiral_status status = mixed && sorted ? mix_logits(m, path, columns, mixed, err)
                                           : spiral__no_memory(err, columns * P * sizeof(float));
    if (status == SPIRAL_OK)
        status = spiral_roll_create(m->config.grid, columns, m->config.planes == 2, &roll, err);
    spiral_generate_report r;
    if (status == SPIRAL_OK) status = decode_roll(m, mixed, sorted, &roll, &r, err);
    if (status == SPIRAL_OK) {
        roll.quarters_per_min = quarters_per_min;
        r.edge_repeats = repeats(&roll);
        if (report) *report = r;
        *out = roll;
    } else {
        spiral_roll_clear(&roll);
    }
    free(mixed);
    free(sorted);
    return status;
}
