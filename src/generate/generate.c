/* SPDX-License-Identifier: MIT
 *
 * Reconstruction, samples, interpolation: each makes a path of codes; path.c makes music of it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "data/corpus.h"
#include "generate/path.h"

enum { MAX_COLUMNS = 1 << 22 };

static spiral_status check_roll(const spiral_model *m, const spiral_roll *roll, spiral_error *err) {
    if (!spiral__grids_equal(&m->config.grid, &roll->grid))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the roll's grid is not the model's");
    if (m->ae.planes == 2 && !roll->onsets)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                            "the roll has no plane of onsets, the model's windows have");
    if (!roll->frames || roll->frames > MAX_COLUMNS)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the roll has %zu columns, must be 1 to %d",
                            roll->frames, MAX_COLUMNS);
    return SPIRAL_OK;
}

spiral_status spiral_generate_reconstruction(const spiral_model *m, const spiral_roll *in, spiral_roll *out,
                                             spiral_generate_report *report, spiral_error *err) {
    spiral__path path = {0};
    SPIRAL_TRY(check_roll(m, in, err));
    spiral_status status = spiral__path_create(m, in->frames, &path, err);
    if (status == SPIRAL_OK) status = spiral__path_encode(m, in, 0, &path, err);
    if (status == SPIRAL_OK)
        status = spiral__path_decode(m, &path, in->frames, in->quarters_per_min, out, report, err);
    spiral__path_clear(&path);
    return status;
}

/* next = mean + step (now - mean) + temperature factor n */
static void walk(const spiral_model *m, const float *now, const float *factor, double temperature,
                 spiral__rng *rng, double *draw, float *next) {
    const size_t Z = m->ae.Z;
    const float *mean = spiral__tensor_data(m, m->ae.latents_mean),
                *step = spiral__tensor_data(m, m->ae.latents_step);
    for (size_t i = 0; i < Z; i++) draw[i] = temperature * spiral__rng_normal(rng);
    for (size_t i = 0; i < Z; i++) {
        double x = mean[i];
        for (size_t k = 0; now && k < Z; k++) x += (double)step[i * Z + k] * ((double)now[k] - mean[k]);
        for (size_t k = 0; k <= i; k++) x += (double)factor[i * Z + k] * draw[k];
        next[i] = (float)x;
    }
}

spiral_status spiral_generate_sample(const spiral_model *m, uint64_t seed, double temperature, size_t columns,
                                     double quarters_per_min, spiral_roll *out,
                                     spiral_generate_report *report, spiral_error *err) {
    if (!(temperature >= 0 && temperature <= 10))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "temperature is %g, must be 0 to 10", temperature);
    if (columns < 1 || columns > MAX_COLUMNS)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "length is %zu columns, must be 1 to %d", columns,
                            MAX_COLUMNS);
    if (!(quarters_per_min > 0 && quarters_per_min <= 1000))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "tempo is %g, must be above 0, at most 1000",
                            quarters_per_min);
    if (!(*spiral__tensor_data(m, m->ae.density) > 0))
        return spiral__fail(err, SPIRAL_NO_DATA, -1,
                            "the model's training is not finished: its codes are unknown");
    spiral__path path = {0};
    spiral__rng rng = spiral__rng_init(seed, UINT64_C(0x73616d706c65));
    double *draw = calloc(m->ae.Z, sizeof *draw);
    spiral_status status =
        draw ? spiral__path_create(m, columns, &path, err) : spiral__no_memory(err, m->ae.Z * sizeof *draw);
    if (status == SPIRAL_OK) {
        const float *spread = spiral__tensor_data(m, m->ae.latents_factor);
        const float *noise = spiral__tensor_data(m, m->ae.latents_noise);
        for (size_t i = 0; i < path.count; i++)
            walk(m, i ? path.codes + (i - 1) * m->ae.Z : NULL, i ? noise : spread, temperature, &rng, draw,
                 path.codes + i * m->ae.Z);
        status = spiral__path_decode(m, &path, columns, quarters_per_min, out, report, err);
    }
    spiral__path_clear(&path);
    free(draw);
    return status;
}

/* Great-circle way between a and b around `mean`, lengths interpolated too; straight where there is no angle.
 */
static void between(size_t Z, const float *mean, const float *a, const float *b, double s,
                    spiral_interpolation path, float *out) {
    double aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < Z; i++) {
        double x = (double)a[i] - mean[i], y = (double)b[i] - mean[i];
        aa += x * x, bb += y * y, ab += x * y;
    }
    double wa = 1 - s, wb = s, c = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1;
    double angle = acos(c > 1 ? 1 : c < -1 ? -1 : c);
    if (path == SPIRAL_INTERPOLATION_SLERP && sin(angle) > 1e-6) {
        double length = pow(aa, (1 - s) / 2) * pow(bb, s / 2); /* from |a| to |b| geometrically */
        wa = sin((1 - s) * angle) / sin(angle) * length / sqrt(aa);
        wb = sin(s * angle) / sin(angle) * length / sqrt(bb);
    }
    for (size_t i = 0; i < Z; i++)
        out[i] = (float)(mean[i] + wa * ((double)a[i] - mean[i]) + wb * ((double)b[i] - mean[i]));
}

spiral_status spiral_generate_interpolation(const spiral_model *m, const spiral_roll *a, const spiral_roll *b,
                                            double position, spiral_interpolation how, spiral_roll *out,
                                            spiral_generate_report *report, spiral_error *err) {
    spiral__path from = {0}, to = {0};
    if (!(position >= 0 && position <= 1))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "position is %g, must be 0 to 1", position);
    SPIRAL_TRY(check_roll(m, a, err));
    SPIRAL_TRY(check_roll(m, b, err));
    size_t columns = a->frames > b->frames ? a->frames : b->frames;
    spiral_status status = spiral__path_create(m, columns, &from, err);
    if (status == SPIRAL_OK) status = spiral__path_create(m, columns, &to, err);
    if (status == SPIRAL_OK) status = spiral__path_encode(m, a, a->frames < columns, &from, err);
    if (status == SPIRAL_OK) status = spiral__path_encode(m, b, b->frames < columns, &to, err);
    if (status == SPIRAL_OK) {
        const float *mean = spiral__tensor_data(m, m->ae.latents_mean);
        for (size_t i = 0; i < from.count * m->ae.Z; i += m->ae.Z)
            between(m->ae.Z, mean, from.codes + i, to.codes + i, position, how, from.codes + i);
        double tempo = (1 - position) * a->quarters_per_min + position * b->quarters_per_min;
        status = spiral__path_decode(m, &from, columns, tempo, out, report, err);
    }
    spiral__path_clear(&from);
    spiral__path_clear(&to);
    return status;
}
