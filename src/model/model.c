/* SPDX-License-Identifier: MIT
 *
 * Making, describing and freeing a model. The arithmetic is in network.c, the files in checkpoint.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "nn/gemm.h"
#include "model/model.h"

float *spiral__floats(size_t n) {
    size_t bytes = (n * sizeof(float) + 63) / 64 * 64;
    if (n > SIZE_MAX / 8) return NULL;
    float *p = aligned_alloc(64, bytes ? bytes : 64);
    if (p) memset(p, 0, bytes);
    return p;
}

spiral_model_config spiral_model_config_default(void) {
    spiral_model_config config;
    memset(&config, 0, sizeof config);
    config.frames = 36;
    config.kind = SPIRAL_MODEL_AE;
    config.latent = 16;
    config.hidden = 512;
    config.layers = 1;
    spiral_roll_options_default(&config.roll, sizeof config.roll);
    return config;
}

static spiral_status in_range(const char *name, int value, int low, int high, spiral_error *err) {
    if (value >= low && value <= high) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s is %d, must be %d to %d", name, value, low, high);
}

enum { MAX_CELLS = 65536 };

static spiral_status check_config(const spiral_model_config *c, spiral_error *err) {
    SPIRAL_TRY(in_range("lowest key", c->roll.low, 0, 127, err));
    SPIRAL_TRY(in_range("highest key", c->roll.high, c->roll.low, 127, err));
    SPIRAL_TRY(in_range("columns of a window", c->frames, 1, 512, err));
    SPIRAL_TRY(in_range("kind", (int)c->kind, SPIRAL_MODEL_AE, SPIRAL_MODEL_VAE, err));
    SPIRAL_TRY(in_range("code size", c->latent, 1, 1024, err));
    SPIRAL_TRY(in_range("hidden units", c->hidden, 1, 4096, err));
    SPIRAL_TRY(in_range("hidden layers", c->layers, 1, SPIRAL__MAX_LAYERS, err));
    SPIRAL_TRY(in_range("grid", (int)c->roll.grid.kind, SPIRAL_GRID_SECONDS, SPIRAL_GRID_BEATS, err));
    if (c->roll.grid.kind == SPIRAL_GRID_SECONDS)
        SPIRAL_TRY(in_range("microseconds per column", c->roll.grid.frame_us, 1000, 1000000, err));
    else
        SPIRAL_TRY(in_range("steps per quarter", c->roll.grid.steps_per_quarter, 1, 96, err));
    SPIRAL_TRY(in_range("out_of_range", (int)c->roll.out_of_range, 0, SPIRAL_OUT_OF_RANGE_COUNT - 1, err));
    int cells = (c->roll.onsets ? 2 : 1) * c->frames * (c->roll.high - c->roll.low + 1);
    if (cells > MAX_CELLS)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "a window of %d cells is above %d, the limit", cells,
                            MAX_CELLS);
    return SPIRAL_OK;
}

/* Lays out the arena: matrices, then vectors, then facts. */
static void place_tensors(spiral_model *m) {
    const size_t D = m->D, H = m->H, Z = m->Z, O = m->O, N = m->N, one = 1;
    const size_t L = (size_t)m->config.layers, M = L - 1;
    const spiral__place list[] = {
#define SPIRAL_X(id, name, rows, columns, count, group, scale) \
    {rows, columns, count, 0, 0, group, scale, name},
        SPIRAL__TENSOR_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
    size_t at = 0;
    for (int i = 0; i < SPIRAL__TENSOR_COUNT; i++) {
        spiral__place *p = &m->places[i];
        *p = list[i];
        p->stride = (p->rows * p->columns + 15) / 16 * 16;
        p->offset = at;
        at += p->stride * p->count;
        if (p->group == SPIRAL__MATRIX) m->matrices = at;
        if (p->group != SPIRAL__FACT) m->trained = at;
    }
    m->floats = at;
}

static void fill_tensor(spiral_model *m, int id, uint64_t seed) {
    const spiral__place *p = &m->places[id];
    spiral__rng rng = spiral__rng_init(seed, (uint64_t)id);
    float deviation = p->scale / sqrtf((float)p->rows);
    for (size_t k = 0; k < p->count; k++) {
        float *x = spiral__param(m, (spiral__tensor_id)id, (int)k);
        for (size_t i = 0; i < p->rows * p->columns; i++)
            x[i] = p->scale > 0 ? deviation * (float)spiral__rng_normal(&rng) : -p->scale;
    }
}

/* All of a model that follows from its config, but the memory. */
static void describe(const spiral_model_config *config, spiral_model *m) {
    m->config = *config;
    m->planes = config->roll.onsets ? 2 : 1;
    m->P = config->roll.high - config->roll.low + 1;
    m->T = config->frames;
    m->D = (size_t)m->planes * (size_t)m->P * (size_t)m->T;
    m->H = (size_t)config->hidden;
    m->Z = (size_t)config->latent;
    m->O = config->kind == SPIRAL_MODEL_VAE ? 2 * m->Z : m->Z;
    m->N = m->H + m->Z;
    place_tensors(m);
}

spiral_status spiral__model_size(const spiral_model_config *config, size_t *numbers, spiral_error *err) {
    spiral_model m = {.planes = 0};
    SPIRAL_TRY(check_config(config, err));
    describe(config, &m);
    *numbers = 0;
    for (int i = 0; i < SPIRAL__TENSOR_COUNT; i++)
        *numbers += m.places[i].rows * m.places[i].columns * m.places[i].count;
    return SPIRAL_OK;
}

spiral_status spiral_model_create(const spiral_model_config *config, uint64_t seed, spiral_model **out,
                                  spiral_error *err) {
    SPIRAL_TRY(check_config(config, err));
    spiral_model *m = calloc(1, sizeof *m);
    if (!m) return spiral__no_memory(err, sizeof *m);
    describe(config, m);
    size_t sums = (size_t)m->planes * (size_t)m->P * ((size_t)m->T + 1) * m->N;
    m->arena = spiral__floats(m->floats);
    m->sums = spiral__floats(sums);
    if (!m->arena || !m->sums) {
        spiral_model_destroy(m);
        return spiral__no_memory(err, (m->floats + sums) * sizeof(float));
    }
    for (int i = 0; i < SPIRAL__TENSOR_COUNT; i++) fill_tensor(m, i, seed);
    spiral__gemm_setup();
    spiral__model_refresh(m);
    *out = m;
    return SPIRAL_OK;
}

void spiral_model_destroy(spiral_model *model) {
    if (!model) return;
    free(model->arena);
    free(model->sums);
    free(model->data_note);
    free(model->training_note);
    free(model);
}

const spiral_model_config *spiral_model_get_config(const spiral_model *model) { return &model->config; }
int spiral_model_planes(const spiral_model *model) { return model->planes; }
int spiral_model_keys(const spiral_model *model) { return model->P; }
size_t spiral_model_cells(const spiral_model *model) { return model->D; }
float spiral_model_get_threshold(const spiral_model *model) { return model->threshold; }
void spiral_model_set_threshold(spiral_model *model, float logit) { model->threshold = logit; }

size_t spiral_model_tensor_count(const spiral_model *model) {
    size_t n = 0;
    for (int i = 0; i < SPIRAL__TENSOR_COUNT; i++) n += model->places[i].count;
    return n;
}

spiral_tensor spiral_model_get_tensor(const spiral_model *model, size_t index) {
    spiral_tensor t = {.name = ""};
    for (int i = 0; i < SPIRAL__TENSOR_COUNT; i++) {
        const spiral__place *p = &model->places[i];
        if (index >= p->count) {
            index -= p->count;
            continue;
        }
        /* The matrix of hidden layer k stands at k - 1: layer 0 has a shape, and an entry, of its own. */
        int layer = (int)index + (i == SPIRAL__ENC_MID || i == SPIRAL__DEC_MID);
        snprintf(t.name, sizeof t.name, p->name, layer);
        t.rows = p->rows;
        t.columns = p->columns;
        t.data = spiral__param(model, (spiral__tensor_id)i, (int)index);
        break;
    }
    return t;
}

const char *spiral_model_get_sha256(const spiral_model *model) { return model->sha256; }

static char **note_of(spiral_model *model, const char *section) {
    if (!strcmp(section, "data")) return &model->data_note;
    if (!strcmp(section, "training")) return &model->training_note;
    return NULL;
}

const char *spiral_model_get_metadata(const spiral_model *model, const char *section) {
    if (!strcmp(section, "data") && model->data_note) return model->data_note;
    if (!strcmp(section, "training") && model->training_note) return model->training_note;
    return "";
}

spiral_status spiral_model_set_metadata(spiral_model *model, const char *section, const char *json,
                                        spiral_error *err) {
    char **note = note_of(model, section);
    if (!note)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "section \"%s\" is neither data nor training", section);
    char *copy = malloc(strlen(json) + 1);
    if (!copy) return spiral__no_memory(err, strlen(json) + 1);
    strcpy(copy, json);
    free(*note);
    *note = copy;
    return SPIRAL_OK;
}
