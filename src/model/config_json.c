/* SPDX-License-Identifier: MIT
 *
 * The config of a model as a JSON object, as model files have it.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/config_json.h"

static json_t *value_to_json(const spiral_model_field *f, int value) {
    switch (f->kind) {
    case SPIRAL_FIELD_FLAG: return json_boolean(value);
    case SPIRAL_FIELD_CHOICE: return json_string(f->words[value]);
    default: return json_integer(value);
    }
}

json_t *spiral__config_to_json(const spiral_model_config *config) {
    json_t *object = json_object();
    int failed = !object;
    for (size_t i = 0; i < spiral_model_field_count() && !failed; i++) {
        const spiral_model_field *f = spiral_model_get_field(i);
        failed = json_object_set_new(object, f->name,
                                     value_to_json(f, spiral_model_config_get_value(config, i))) != 0;
    }
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static spiral_status word_from_json(const spiral_model_field *f, const json_t *json, int *value,
                                    spiral_error *err) {
    const char *word = json_string_value(json);
    char words[80] = "";
    for (int i = 0; i <= f->most; i++) {
        if (word && !strcmp(word, f->words[i])) {
            *value = i;
            return SPIRAL_OK;
        }
        size_t n = strlen(words);
        snprintf(words + n, sizeof words - n, "%s%s", n ? ", " : "", f->words[i]);
    }
    return spiral__fail(err, word ? SPIRAL_UNSUPPORTED : SPIRAL_FORMAT, -1,
                        "%s is \"%.40s\", must be one of %s", f->name, word ? word : "", words);
}

static spiral_status value_from_json(const spiral_model_field *f, const json_t *json, int *value,
                                     spiral_error *err) {
    if (f->kind == SPIRAL_FIELD_CHOICE) return word_from_json(f, json, value, err);
    if (f->kind == SPIRAL_FIELD_FLAG) {
        if (!json_is_boolean(json))
            return spiral__fail(err, SPIRAL_FORMAT, -1, "%s is neither true nor false", f->name);
        *value = json_is_true(json);
        return SPIRAL_OK;
    }
    if (!json_is_integer(json))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "%s is not a whole number", f->name);
    const json_int_t n = json_integer_value(json), limit = 1 << 30;
    *value = (int)(n < -limit ? -limit : n > limit ? limit : n); /* check refuses what is out of range */
    return SPIRAL_OK;
}

static spiral_status take_field(json_t *object, size_t index, spiral_model_config *config,
                                spiral_error *err) {
    const spiral_model_field *field = spiral_model_get_field(index);
    const json_t *json = json_object_get(object, field->name);
    if (!json && field->old_name) json = json_object_get(object, field->old_name);
    int value = field->initial;
    if (json)
        SPIRAL_TRY(value_from_json(field, json, &value, err));
    else if (!field->optional && spiral__config_field_applies(config, index))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "the config has no %s", field->name);
    spiral__config_set_value(config, index, value);
    json_object_del(object, field->name);
    if (field->old_name) json_object_del(object, field->old_name);
    return SPIRAL_OK;
}

spiral_status spiral__config_take_json(json_t *object, spiral_model_config *config, spiral_error *err) {
    *config = (spiral_model_config){.struct_size = sizeof *config};
    for (size_t i = 0; i < spiral_model_field_count(); i++) SPIRAL_TRY(take_field(object, i, config, err));
    return spiral__config_check(config, err);
}
