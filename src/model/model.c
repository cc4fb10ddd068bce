/* SPDX-License-Identifier: MIT
 *
 * Making, describing and freeing a model. The networks' arithmetic is in their own files, model files are in
 * checkpoint.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "model/model.h"

spiral_model_config spiral_model_config_default(void) {
    return (spiral_model_config){.roll = spiral_roll_options_default(),
                                 .frames = 36,
                                 .kind = SPIRAL_MODEL_AE,
                                 .latent = 16,
                                 .hidden = 512,
                                 .layers = 1};
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

static const spiral__family *const families[] = {&spiral__autoencoder_family};
enum { FAMILIES = sizeof families / sizeof *families };

/* All of a model that follows from its config, but the memory. */
static void describe(const spiral_model_config *config, spiral_model *m) {
    m->config = *config;
    for (int i = 0; i < FAMILIES; i++) families[i]->describe(m);
    spiral__tensors_place(&m->tensors);
}

spiral_status spiral__model_numbers(const spiral_model_config *config, size_t *numbers, spiral_error *err) {
    spiral_model m = {.arena = NULL};
    SPIRAL_TRY(check_config(config, err));
    describe(config, &m);
    *numbers = spiral__tensors_numbers(&m.tensors);
    return SPIRAL_OK;
}

void spiral__model_update(spiral_model *model, spiral__pool *pool) {
    for (int i = 0; i < FAMILIES; i++) families[i]->update(model, pool);
}

void spiral__model_init(spiral_model *model, uint64_t seed, spiral__pool *pool) {
    spiral__tensors_init(&model->tensors, seed, model->arena);
    spiral__model_update(model, pool);
}

spiral_status spiral_model_create(const spiral_model_config *config, uint64_t seed, spiral_model **out,
                                  spiral_error *err) {
    SPIRAL_TRY(check_config(config, err));
    spiral_model *m = calloc(1, sizeof *m);
    if (!m) return spiral__no_memory(err, sizeof *m);
    describe(config, m);
    m->arena = spiral__floats(m->tensors.floats);
    spiral_status status =
        m->arena ? SPIRAL_OK : spiral__no_memory(err, m->tensors.floats * sizeof *m->arena);
    for (int i = 0; i < FAMILIES && status == SPIRAL_OK; i++) status = families[i]->create(m, err);
    if (status != SPIRAL_OK) {
        spiral_model_destroy(m);
        return status;
    }
    spiral__model_init(m, seed, NULL);
    *out = m;
    return SPIRAL_OK;
}

void spiral_model_destroy(spiral_model *model) {
    if (!model) return;
    for (int i = 0; i < FAMILIES; i++) families[i]->clear(model);
    free(model->arena);
    free(model->data_note);
    free(model->training_note);
    free(model);
}

const spiral_model_config *spiral_model_get_config(const spiral_model *model) { return &model->config; }
int spiral_model_planes(const spiral_model *model) { return model->ae.planes; }
int spiral_model_keys(const spiral_model *model) { return model->ae.P; }
size_t spiral_model_cells(const spiral_model *model) { return model->ae.D; }
float spiral_model_get_threshold(const spiral_model *model) { return model->threshold; }
void spiral_model_set_threshold(spiral_model *model, float logit) { model->threshold = logit; }

size_t spiral_model_tensor_count(const spiral_model *model) { return model->tensors.count; }

spiral_tensor spiral_model_get_tensor(const spiral_model *model, size_t index) {
    spiral_tensor out = {.name = ""};
    if (index >= model->tensors.count) return out;
    const spiral__tensor *t = &model->tensors.at[index];
    memcpy(out.name, t->name, sizeof out.name);
    out.rows = t->rows;
    out.columns = t->columns;
    out.data = model->arena + t->offset;
    return out;
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
