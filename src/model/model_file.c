/* SPDX-License-Identifier: MIT
 *
 * Models in files (see model_file.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "model/checksum.h"
#include "model/config.h"
#include "model/config_json.h"
#include "model/family.h"
#include "model/model_file.h"

static const char FORMAT[] = "spiral-model-2";
static const char FORMAT_OF_0_1[] = "spiral-autoencoder-1"; /* other names for some fields and tensors */
static const char CONFIG_TEXT[] = "spiral";                 /* its name in the metadata */
/* 4 GiB; where addresses have 32 bits 1 GiB, because a buffer that grows needs twice as much. */
static const size_t MAX_FILE = (size_t)(SIZE_MAX > UINT32_MAX ? UINT64_C(4) << 30 : UINT64_C(1) << 30);

/* ---- writing ---- */

/* The networks in the model: a program that does not know one of them must not use the file. */
static json_t *networks_json(const spiral_model *m) {
    json_t *list = json_array();
    for (int i = 0; list && spiral__families[i]; i++)
        if (spiral__family_is_in(spiral__families[i], &m->config) &&
            json_array_append_new(list, json_string(spiral__families[i]->name))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* NULL: out of memory. */
static json_t *config_json(const spiral_model *m) {
    json_t *config = spiral__config_to_json(&m->config);
    int failed = !config || json_object_set_new(config, "format", json_string(FORMAT)) ||
                 json_object_set_new(config, "networks", networks_json(m)) ||
                 json_object_set_new(config, "threshold", json_real(m->threshold)) ||
                 (m->min_risk_scale > 0 &&
                  json_object_set_new(config, "min_risk_scale", json_real(m->min_risk_scale))) ||
                 json_object_update_missing(config, m->unknown);
    if (!failed) return config;
    json_decref(config);
    return NULL;
}

static spiral_status metadata_json(const spiral_model *m, json_t **out, spiral_error *err) {
    json_t *config = config_json(m);
    char *text = config ? json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_t *metadata = text ? json_deep_copy(m->metadata) : NULL;
    int failed = !metadata || json_object_set_new(metadata, CONFIG_TEXT, json_string(text)) ||
                 spiral__checksum_add(metadata);
    json_decref(config);
    free(text);
    if (failed) {
        json_decref(metadata);
        return spiral__no_memory(err, 0);
    }
    *out = metadata;
    return SPIRAL_OK;
}

spiral_status spiral__model_file_write(const spiral__model_parts *parts, unsigned char **bytes, size_t *size,
                                       spiral_error *err) {
    const spiral_model *m = parts->model;
    const spiral__tensor_list *list = &m->tensors;
    const size_t count = list->count + parts->extra_count;
    spiral__array *arrays = calloc(count, sizeof *arrays);
    json_t *metadata = NULL;
    spiral_status status =
        arrays ? metadata_json(m, &metadata, err) : spiral__no_memory(err, count * sizeof *arrays);
    if (status == SPIRAL_OK) {
        for (size_t i = 0; i < list->count; i++) {
            const spiral__tensor *t = &list->at[i];
            const float *arena =
                parts->trained && t->group != SPIRAL_TENSOR_MEASURED ? parts->trained : m->arena;
            arrays[i] = (spiral__array){t->name, t->rows, t->columns, arena + t->offset};
        }
        if (parts->extra_count)
            memcpy(arrays + list->count, parts->extra, parts->extra_count * sizeof *arrays);
        status = spiral__safetensors_write(arrays, count, metadata, bytes, size, err);
    }
    if (status == SPIRAL_OK) spiral__checksum_put(*bytes, *size);
    json_decref(metadata);
    free(arrays);
    return status;
}

spiral_status spiral__model_file_save(const spiral__model_parts *parts, const char *path, spiral_error *err) {
    unsigned char *bytes;
    size_t size;
    SPIRAL_TRY(spiral__model_file_write(parts, &bytes, &size, err));
    spiral_status status = spiral_file_write(path, bytes, size, err);
    free(bytes);
    return status;
}

spiral_status spiral_model_save(const spiral_model *model, const char *path, spiral_error *err) {
    return spiral__model_file_save(&(spiral__model_parts){.model = model}, path, err);
}

/* ---- opening ---- */

static int is_known_network(const char *name) {
    for (int i = 0; name && spiral__families[i]; i++)
        if (!strcmp(name, spiral__families[i]->name)) return 1;
    return 0;
}

static spiral_status take_format(json_t *config, spiral_error *err) {
    const char *format = json_string_value(json_object_get(config, "format"));
    if (!format || (strcmp(format, FORMAT) && strcmp(format, FORMAT_OF_0_1)))
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "model format \"%.40s\" is not %s",
                            format ? format : "", FORMAT);
    const json_t *networks = json_object_get(config, "networks"), *network;
    size_t i;
    json_array_foreach(networks, i, network) {
        const char *name = json_string_value(network);
        if (!is_known_network(name))
            return spiral__fail(err, SPIRAL_UNSUPPORTED, -1,
                                "the model has a network \"%.40s\", which this version does not know",
                                name ? name : "");
    }
    json_object_del(config, "format");
    json_object_del(config, "networks");
    return SPIRAL_OK;
}

static spiral_status take_threshold(json_t *config, float *threshold, spiral_error *err) {
    const json_t *logit = json_object_get(config, "threshold");
    *threshold = (float)json_number_value(logit);
    if (!json_is_number(logit) || !isfinite(*threshold))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "threshold is missing or not a finite number");
    json_object_del(config, "threshold");
    return SPIRAL_OK;
}

/* Models of versions before 0.2 have none. */
static spiral_status take_min_risk_scale(json_t *config, float *scale, spiral_error *err) {
    const json_t *number = json_object_get(config, "min_risk_scale");
    *scale = (float)json_number_value(number);
    if (number && !(*scale >= 0.01f && *scale <= 100))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "min_risk_scale is not a number from 0.01 to 100");
    json_object_del(config, "min_risk_scale");
    return SPIRAL_OK;
}

/* Reads the config; the members that remain are unknown. */
static spiral_status read_config(spiral__model_file *file, spiral_error *err) {
    const char *text = json_string_value(json_object_get(file->metadata, CONFIG_TEXT));
    file->unknown = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(file->unknown))
        return spiral__fail(err, SPIRAL_FORMAT, -1,
                            "a safetensors file, but not a Spiral model: no config in it");
    json_object_del(file->metadata, CONFIG_TEXT);
    spiral__checksum_remove(file->metadata);
    SPIRAL_TRY(take_format(file->unknown, err));
    SPIRAL_TRY(take_threshold(file->unknown, &file->threshold, err));
    SPIRAL_TRY(take_min_risk_scale(file->unknown, &file->min_risk_scale, err));
    return spiral__config_take_json(file->unknown, &file->config, err);
}

/* A file that is too small for its config is refused before memory for the model is allocated. */
static spiral_status check_size(const spiral__model_file *file, spiral_error *err) {
    size_t numbers, has = file->container.size / sizeof(float);
    SPIRAL_TRY(spiral__model_number_count(&file->config, &numbers, err));
    if (has >= numbers) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_FORMAT, -1, "a model of its config has %zu numbers, the file %zu",
                        numbers, has);
}

spiral_status spiral__model_file_read(const unsigned char *bytes, size_t size, spiral__model_file *file,
                                      spiral_error *err) {
    memset(file, 0, sizeof *file);
    SPIRAL_TRY(spiral__safetensors_read(bytes, size, &file->container, err));
    const json_t *metadata = spiral__safetensors_metadata(&file->container);
    file->metadata = metadata ? json_deep_copy(metadata) : json_object();
    spiral_status status = file->metadata ? read_config(file, err) : spiral__no_memory(err, 0);
    if (status == SPIRAL_OK) status = check_size(file, err);
    if (status == SPIRAL_OK)
        spiral__sha256(bytes, size, file->sha256);
    else
        spiral__model_file_clear(file);
    return status;
}

spiral_status spiral__model_file_load(const char *path, spiral__model_file *file, spiral_error *err) {
    unsigned char *bytes;
    size_t size;
    memset(file, 0, sizeof *file);
    SPIRAL_TRY(spiral__file_read(path, MAX_FILE, &bytes, &size, err));
    spiral_status status = spiral__model_file_read(bytes, size, file, err);
    if (status == SPIRAL_OK)
        status = spiral__checksum_check(bytes, size, spiral__safetensors_metadata(&file->container), err);
    if (status != SPIRAL_OK) {
        spiral__model_file_clear(file);
        free(bytes);
        return spiral__error_prefix(err, status, spiral__input_name(path));
    }
    file->owned = bytes;
    return SPIRAL_OK;
}

void spiral__model_file_clear(spiral__model_file *file) {
    spiral__safetensors_clear(&file->container);
    json_decref(file->unknown);
    json_decref(file->metadata);
    free(file->owned);
    memset(file, 0, sizeof *file);
}

/* ---- to a model ---- */

spiral_status spiral__model_file_get_tensors(const spiral__model_file *file, spiral_model *m, float *trained,
                                             spiral_error *err) {
    for (size_t i = 0; i < m->tensors.count; i++) {
        const spiral__tensor *t = &m->tensors.at[i];
        const char *name = t->name;
        if (t->old_name && !spiral__safetensors_has(&file->container, name) &&
            spiral__safetensors_has(&file->container, t->old_name))
            name = t->old_name;
        if (t->optional && !spiral__safetensors_has(&file->container, name)) continue;
        float *arena = t->group == SPIRAL_TENSOR_MEASURED ? m->arena : trained;
        SPIRAL_TRY(
            spiral__safetensors_get(&file->container, name, t->rows, t->columns, arena + t->offset, err));
    }
    return SPIRAL_OK;
}

spiral_status spiral__model_file_create(const spiral__model_file *file, spiral_model **out,
                                        spiral_error *err) {
    spiral_model *m;
    SPIRAL_TRY(spiral__model_create_zeros(&file->config, &m, err));
    spiral_status status = spiral__model_file_get_tensors(file, m, m->arena, err);
    if (status == SPIRAL_OK &&
        (json_object_update(m->metadata, file->metadata) || json_object_update(m->unknown, file->unknown)))
        status = spiral__no_memory(err, 0);
    if (status != SPIRAL_OK) {
        spiral_model_destroy(m);
        return status;
    }
    m->threshold = file->threshold;
    m->min_risk_scale = file->min_risk_scale;
    memcpy(m->sha256, file->sha256, sizeof m->sha256);
    spiral__model_update(m, NULL);
    *out = m;
    return SPIRAL_OK;
}

spiral_status spiral_model_load(const char *path, spiral_model **model, spiral_error *err) {
    spiral__model_file file;
    SPIRAL_TRY(spiral__model_file_load(path, &file, err));
    spiral_status status = spiral__model_file_create(&file, model, err);
    spiral__model_file_clear(&file);
    return status == SPIRAL_OK ? status : spiral__error_prefix(err, status, spiral__input_name(path));
}
