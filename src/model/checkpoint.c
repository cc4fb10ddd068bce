/* SPDX-License-Identifier: MIT
 *
 * Models in files: which tensors, and the config in words (docs/formats.md).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "model/checkpoint.h"

static const char FORMAT_NAME[] = "spiral-autoencoder-1";
static const size_t MAX_FILE = (size_t)4 << 30;

static json_t *config_json(const spiral_model *m) {
    const spiral_model_config *c = &m->config;
    const spiral_grid *g = &c->roll.grid;
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:s, s:i, s:i, s:i, s:i, s:b, s:b, s:s, s:f}",
                     "format", FORMAT_NAME, "grid", g->kind == SPIRAL_GRID_SECONDS ? "seconds" : "beats",
                     "column_us", (int)g->frame_us, "steps_per_quarter", (int)g->steps_per_quarter, "low",
                     c->roll.low, "high", c->roll.high, "planes", m->planes, "kind",
                     c->kind == SPIRAL_MODEL_VAE ? "vae" : "ae", "columns", c->frames, "code", c->latent,
                     "hidden", c->hidden, "layers", c->layers, "drums", c->roll.drums, "pedal", c->roll.pedal,
                     "out_of_range", spiral_out_of_range_name(c->roll.out_of_range), "threshold",
                     (double)m->threshold);
}

static spiral_status metadata_json(const spiral_model *m, json_t **out, spiral_error *err) {
    json_t *config = config_json(m);
    char *text = config ? json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_t *metadata =
        text ? json_pack("{s:s, s:s, s:s}", "spiral", text, "data", spiral_model_get_metadata(m, "data"),
                         "training", spiral_model_get_metadata(m, "training"))
             : NULL;
    json_decref(config);
    free(text);
    if (!metadata) return spiral__no_memory(err, 0);
    *out = metadata;
    return SPIRAL_OK;
}

spiral_status spiral__checkpoint_write(const spiral_model *m, const spiral__array *extra, size_t extra_count,
                                       unsigned char **bytes, size_t *size, spiral_error *err) {
    size_t count = spiral_model_tensor_count(m);
    spiral_tensor *tensors = calloc(count, sizeof *tensors);
    spiral__array *arrays = calloc(count + extra_count, sizeof *arrays);
    json_t *metadata = NULL;
    spiral_status status = tensors && arrays ? metadata_json(m, &metadata, err)
                                             : spiral__no_memory(err, (count + extra_count) * sizeof *arrays);
    if (status == SPIRAL_OK) {
        for (size_t i = 0; i < count; i++) {
            tensors[i] = spiral_model_get_tensor(m, i);
            arrays[i] =
                (spiral__array){tensors[i].name, tensors[i].rows, tensors[i].columns, tensors[i].data};
        }
        if (extra_count) memcpy(arrays + count, extra, extra_count * sizeof *extra);
        status = spiral__safetensors_write(arrays, count + extra_count, metadata, bytes, size, err);
    }
    json_decref(metadata);
    free(arrays);
    free(tensors);
    return status;
}

spiral_status spiral__checkpoint_save(const spiral_model *m, const spiral__array *extra, size_t extra_count,
                                      const char *path, spiral_error *err) {
    unsigned char *bytes;
    size_t size;
    SPIRAL_TRY(spiral__checkpoint_write(m, extra, extra_count, &bytes, &size, err));
    spiral_status status = spiral__file_write(path, bytes, size, err);
    free(bytes);
    return status;
}

spiral_status spiral_model_save(const spiral_model *model, const char *path, spiral_error *err) {
    return spiral__checkpoint_save(model, NULL, 0, path, err);
}

static int integer(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    json_int_t n = json_is_integer(value) ? json_integer_value(value) : -1;
    return n < 0 || n > 1 << 30 ? -1 : (int)n; /* what is out of range is refused by spiral_model_create */
}

/* A file that says nothing means drop. */
static spiral_status out_of_range_from_json(const json_t *json, spiral_out_of_range *what,
                                            spiral_error *err) {
    const json_t *value = json_object_get(json, "out_of_range");
    const char *word = json_string_value(value);
    int i = 0;
    while (word && i < SPIRAL_OUT_OF_RANGE_COUNT &&
           strcmp(word, spiral_out_of_range_name((spiral_out_of_range)i)))
        i++;
    if (value && (!word || i == SPIRAL_OUT_OF_RANGE_COUNT))
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "out_of_range \"%.40s\" is not drop, fold or fit",
                            word ? word : "");
    *what = (spiral_out_of_range)i;
    return SPIRAL_OK;
}

static spiral_status config_from_json(const json_t *json, spiral_model_config *c, float *threshold,
                                      spiral_error *err) {
    const char *format = json_string_value(json_object_get(json, "format"));
    const char *grid = json_string_value(json_object_get(json, "grid"));
    const char *kind = json_string_value(json_object_get(json, "kind"));
    if (!format || strcmp(format, FORMAT_NAME))
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "model format \"%.40s\" is not %s",
                            format ? format : "", FORMAT_NAME);
    if (!grid || (strcmp(grid, "seconds") && strcmp(grid, "beats")))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "grid \"%.40s\" is neither seconds nor beats",
                            grid ? grid : "");
    if (!kind || (strcmp(kind, "ae") && strcmp(kind, "vae")))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "kind \"%.40s\" is neither ae nor vae", kind ? kind : "");
    int planes = integer(json, "planes");
    if (planes != 1 && planes != 2)
        return spiral__fail(err, SPIRAL_FORMAT, -1, "planes is %d, must be 1 or 2", planes);
    const json_t *logit = json_object_get(json, "threshold");
    *threshold = (float)json_number_value(logit);
    if (!json_is_number(logit) || !isfinite(*threshold))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "threshold is missing or not a finite number");
    spiral_out_of_range out_of_range = SPIRAL_OUT_OF_RANGE_DROP;
    SPIRAL_TRY(out_of_range_from_json(json, &out_of_range, err));
    memset(c, 0, sizeof *c); /* the padding too: configurations are compared byte by byte */
    spiral_roll_options_default(&c->roll, sizeof c->roll);
    c->roll.grid.kind = strcmp(grid, "beats") ? SPIRAL_GRID_SECONDS : SPIRAL_GRID_BEATS;
    c->roll.grid.frame_us = integer(json, "column_us");
    c->roll.grid.steps_per_quarter = integer(json, "steps_per_quarter");
    c->roll.low = integer(json, "low");
    c->roll.high = integer(json, "high");
    c->roll.onsets = planes == 2;
    c->roll.drums = json_is_true(json_object_get(json, "drums"));
    c->roll.pedal = json_is_true(json_object_get(json, "pedal"));
    c->roll.out_of_range = out_of_range;
    c->frames = integer(json, "columns");
    c->kind = strcmp(kind, "vae") ? SPIRAL_MODEL_AE : SPIRAL_MODEL_VAE;
    c->latent = integer(json, "code");
    c->hidden = integer(json, "hidden");
    c->layers = integer(json, "layers");
    return SPIRAL_OK;
}

static spiral_status model_from_tensors(const spiral__tensors *tensors, spiral_model **out,
                                        spiral_error *err) {
    const char *text = spiral__safetensors_text(tensors, "spiral");
    json_t *json = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json)
        return spiral__fail(err, SPIRAL_FORMAT, -1,
                            "a safetensors file, but not a Spiral model: no config in it");
    spiral_model_config config;
    float threshold = 0;
    spiral_model *m = NULL;
    size_t numbers = 0;
    spiral_status status = config_from_json(json, &config, &threshold, err);
    json_decref(json);
    if (status == SPIRAL_OK) status = spiral__model_size(&config, &numbers, err);
    if (status == SPIRAL_OK && tensors->size / sizeof(float) < numbers) /* before memory is asked for */
        status = spiral__fail(err, SPIRAL_FORMAT, -1, "a model of its config holds %zu numbers, the file %zu",
                              numbers, tensors->size / sizeof(float));
    if (status == SPIRAL_OK) status = spiral_model_create(&config, 0, &m, err);
    for (size_t i = 0; status == SPIRAL_OK && i < spiral_model_tensor_count(m); i++) {
        spiral_tensor t = spiral_model_get_tensor(m, i);
        status = spiral__safetensors_get(tensors, t.name, t.rows, t.columns, t.data, err);
    }
    const char *sections[] = {"data", "training"};
    for (int i = 0; status == SPIRAL_OK && i < 2; i++) {
        const char *note = spiral__safetensors_text(tensors, sections[i]);
        status = spiral_model_set_metadata(m, sections[i], note ? note : "", err);
    }
    if (status != SPIRAL_OK) {
        spiral_model_destroy(m);
        return status;
    }
    m->threshold = threshold;
    spiral__model_refresh(m);
    *out = m;
    return SPIRAL_OK;
}

spiral_status spiral__checkpoint_read(const unsigned char *bytes, size_t size, spiral__checkpoint_keep *keep,
                                      void *context, spiral_model **model, spiral_error *err) {
    spiral__tensors tensors;
    spiral_model *m = NULL;
    SPIRAL_TRY(spiral__safetensors_read(bytes, size, &tensors, err));
    spiral_status status = model_from_tensors(&tensors, &m, err);
    if (status == SPIRAL_OK) spiral__sha256(bytes, size, m->sha256);
    if (status == SPIRAL_OK && keep) status = keep(context, &tensors, m, err);
    spiral__safetensors_clear(&tensors);
    if (status == SPIRAL_OK)
        *model = m;
    else
        spiral_model_destroy(m);
    return status;
}

spiral_status spiral__checkpoint_load(const char *path, spiral__checkpoint_keep *keep, void *context,
                                      spiral_model **model, spiral_error *err) {
    unsigned char *bytes;
    size_t size;
    SPIRAL_TRY(spiral__file_read(path, MAX_FILE, &bytes, &size, err));
    spiral_status status = spiral__checkpoint_read(bytes, size, keep, context, model, err);
    free(bytes);
    return status == SPIRAL_OK ? status : spiral__error_prefix(err, status, spiral__input_name(path));
}

spiral_status spiral_model_load(const char *path, spiral_model **model, spiral_error *err) {
    return spiral__checkpoint_load(path, NULL, NULL, model, err);
}
