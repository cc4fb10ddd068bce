/* SPDX-License-Identifier: MIT
 *
 * Making, describing and freeing a model. The networks' arithmetic is in their own files, model files are in
 * model_file.c.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "model/config.h"
#include "model/family.h"
#include "model/model.h"

/* All of a model that follows from its config, except the memory. */
static void describe(const spiral_model_config *config, spiral_model *m) {
    m->config = *config;
    for (int i = 0; spiral__families[i]; i++) spiral__families[i]->describe(m);
    spiral__tensors_layout(&m->tensors);
}

spiral_status spiral__model_number_count(const spiral_model_config *config, size_t *numbers,
                                         spiral_error *err) {
    spiral_model *m = calloc(1, sizeof *m);
    if (!m) return spiral__no_memory(err, sizeof *m);
    describe(config, m);
    *numbers = spiral__tensors_number_count(&m->tensors);
    free(m);
    return SPIRAL_OK;
}

void spiral__model_update(spiral_model *model, spiral__pool *pool) {
    for (int i = 0; spiral__families[i]; i++) spiral__families[i]->update(model, pool);
}

void spiral_model_update(spiral_model *model) { spiral__model_update(model, NULL); }

void spiral__model_init(spiral_model *model, uint64_t seed, spiral__pool *pool) {
    spiral__tensors_init(&model->tensors, seed, model->arena);
    spiral__model_update(model, pool);
}

static spiral_status allocate(spiral_model *m, spiral_error *err) {
    m->arena = spiral__floats(m->tensors.floats);
    m->shown = calloc(m->tensors.count, sizeof *m->shown);
    if (!m->arena || !m->shown) return spiral__no_memory(err, m->tensors.floats * sizeof *m->arena);
    SPIRAL_TRY(spiral__metadata_create(m, err));
    for (size_t i = 0; i < m->tensors.count; i++) {
        const spiral__tensor *t = &m->tensors.at[i];
        m->shown[i] = (spiral_tensor){t->name, t->rows, t->columns, t->group, m->arena + t->offset};
    }
    for (int i = 0; spiral__families[i]; i++) SPIRAL_TRY(spiral__families[i]->create(m, err));
    return SPIRAL_OK;
}

spiral_status spiral__model_create_zeros(const spiral_model_config *config, spiral_model **out,
                                         spiral_error *err) {
    spiral_model_config checked;
    SPIRAL_TRY(spiral__config_read(config, &checked, err));
    spiral_model *m = calloc(1, sizeof *m);
    if (!m) return spiral__no_memory(err, sizeof *m);
    describe(&checked, m);
    spiral_status status = allocate(m, err);
    if (status != SPIRAL_OK) {
        spiral_model_destroy(m);
        return status;
    }
    *out = m;
    return SPIRAL_OK;
}

spiral_status spiral_model_create(const spiral_model_config *config, uint64_t seed, spiral_model **out,
                                  spiral_error *err) {
    SPIRAL_TRY(spiral__model_create_zeros(config, out, err));
    spiral__model_init(*out, seed, NULL);
    return SPIRAL_OK;
}

void spiral_model_destroy(spiral_model *model) {
    if (!model) return;
    for (int i = 0; spiral__families[i]; i++) spiral__families[i]->clear(model);
    free(model->arena);
    free(model->shown);
    spiral__metadata_clear(model);
    free(model);
}

const spiral_model_config *spiral_model_get_config(const spiral_model *model) { return &model->config; }
int spiral_model_keys(const spiral_model *model) { return model->ae.P; }
size_t spiral_model_cells(const spiral_model *model) { return model->ae.D; }
const char *spiral_model_get_sha256(const spiral_model *model) { return model->sha256; }

size_t spiral_model_tensor_count(const spiral_model *model) { return model->tensors.count; }

const spiral_tensor *spiral_model_get_tensor(const spiral_model *model, size_t index) {
    return index < model->tensors.count ? &model->shown[index] : NULL;
}

float spiral_model_get_threshold(const spiral_model *model) { return model->threshold; }

float spiral_model_get_min_risk_scale(const spiral_model *model) {
    if (model->min_risk_scale > 0) return model->min_risk_scale;
    const double scale = 0.5 * (1 + exp(-(double)model->threshold)); /* a lone note sounds at the threshold */
    return (float)fmin(fmax(scale, 0.01), 100);
}

spiral_status spiral_model_set_min_risk_scale(spiral_model *model, float scale, spiral_error *err) {
    if (!(scale >= 0.01f && scale <= 100))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "min_risk_scale is %g, must be 0.01 to 100",
                            (double)scale);
    model->min_risk_scale = scale;
    return SPIRAL_OK;
}

spiral_decoding spiral_model_get_decoding(const spiral_model *model) { return model->decoding; }

spiral_status spiral_model_set_decoding(spiral_model *model, spiral_decoding decoding, spiral_error *err) {
    if (decoding != SPIRAL_DECODING_THRESHOLD && decoding != SPIRAL_DECODING_MIN_RISK)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "decoding is %d, must be 0 or 1", (int)decoding);
    model->decoding = decoding;
    return SPIRAL_OK;
}

spiral_status spiral_model_set_threshold(spiral_model *model, float logit, spiral_error *err) {
    if (!isfinite(logit))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "threshold is %g, must be finite", (double)logit);
    model->threshold = logit;
    return SPIRAL_OK;
}
