/* SPDX-License-Identifier: MIT
 *
 * spiral info: a model's configuration, training data and training record.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flags.h"
#include "json.h"
#include "load.h"
#include "messages.h"

static json_t *value_json(const spiral_model_field *field, int value) {
    if (field->kind == SPIRAL_FIELD_FLAG) return json_boolean(value);
    return field->kind == SPIRAL_FIELD_CHOICE ? json_string(field->words[value]) : json_integer(value);
}

/* The fields of the config; those of the grid are in an object of their own, whose key tells the grid's kind.
 */
static json_t *config_json(const spiral_model *model) {
    const spiral_model_config *c = spiral_model_get_config(model);
    json_t *config = json_object(), *grid = json_object();
    for (size_t i = 0; i < spiral_model_field_count(); i++) {
        const spiral_model_field *field = spiral_model_get_field(i);
        int of_grid = field->grid >= 0, used = !of_grid || field->grid == (int)c->grid.kind;
        if (used && strcmp(field->name, "grid"))
            json_object_set_new(of_grid ? grid : config, field->name,
                                value_json(field, spiral_model_config_get_value(c, i)));
    }
    json_object_set_new(config, "threshold", cli_number((double)spiral_model_get_threshold(model)));
    json_object_set_new(config, "min_risk_scale", cli_number((double)spiral_model_get_min_risk_scale(model)));
    json_object_set_new(config, "grid", grid);
    return config;
}

static json_t *metadata_json(const spiral_model *model, const char *section) {
    json_t *json = json_loads(spiral_model_get_metadata(model, section), 0, NULL);
    return json ? json : json_null();
}

static json_t *tensors_json(const spiral_model *model) {
    json_t *list = json_array();
    for (size_t i = 0; i < spiral_model_tensor_count(model); i++) {
        const spiral_tensor *t = spiral_model_get_tensor(model, i);
        json_array_append_new(list, json_pack("{s:s, s:[I, I]}", "name", t->name, "shape",
                                              (json_int_t)t->rows, (json_int_t)t->columns));
    }
    return list;
}

/* Keys and texts of metadata come from the file and may contain anything. */
static void print_key(const char *key) {
    printf("  ");
    cli_print_name(stdout, key);
    printf("%*s", strlen(key) < 16 ? 16 - (int)strlen(key) : 0, "");
}

/* Prints a flat object, a line "  key  value" each; of a long array only its length. */
static void print_object(const char *title, json_t *object) {
    const char *key;
    json_t *value;
    if (!json_is_object(object)) return;
    printf("%s\n", title);
    json_object_foreach(object, key, value) {
        if (json_is_array(value) && json_array_size(value) > 8) {
            print_key(key);
            printf(" %zu entries\n", json_array_size(value));
            continue;
        }
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
        print_key(key);
        putchar(' ');
        cli_print_name(stdout, text ? text : "?");
        putchar('\n');
        free(text);
    }
}

int verb_info(const cli_verb *verb, int argc, char **argv) {
    cli_common common = {0};
    const char *model_name;
    int first;
    const cli_flag flags[] = {{NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_take_model(verb, argc, argv, 0, &first, &model_name);
    spiral_model *model;
    if (status < 0) status = cli_load_model(model_name, &model);
    if (status >= 0) return status;
    json_t *json = json_pack("{s:o, s:o, s:o, s:o, s:s}", "config", config_json(model), "data",
                             metadata_json(model, "data"), "training", metadata_json(model, "training"),
                             "tensors", tensors_json(model), "sha256", spiral_model_get_sha256(model));
    if (!common.json) {
        print_object("model", json_object_get(json, "config"));
        print_object("trained on", json_object_get(json, "data"));
        print_object("training", json_object_get(json, "training"));
        printf("%zu tensors, sha256 %s\n", json_array_size(json_object_get(json, "tensors")),
               spiral_model_get_sha256(model));
    }
    const int collapsed = cli_note_collapsed(model, &common);
    json_object_set_new(json, "latent_collapsed", json_boolean(collapsed));
    spiral_model_destroy(model);
    return cli_finish(&common, json);
}
