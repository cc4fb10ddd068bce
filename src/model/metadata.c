/* SPDX-License-Identifier: MIT
 *
 * The texts that are saved with a model, apart from its numbers.
 */
#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "model/model.h"

spiral_status spiral__metadata_create(spiral_model *m, spiral_error *err) {
    m->metadata = json_pack("{s:s, s:s}", "data", "", "training", "");
    m->unknown = json_object();
    return m->metadata && m->unknown ? SPIRAL_OK : spiral__no_memory(err, 0);
}

void spiral__metadata_clear(spiral_model *model) {
    json_decref(model->metadata);
    json_decref(model->unknown);
}

const char *spiral_model_get_metadata(const spiral_model *model, const char *name) {
    const char *text = json_string_value(json_object_get(model->metadata, name));
    return text ? text : "";
}

spiral_status spiral_model_set_metadata(spiral_model *model, const char *name, const char *text,
                                        spiral_error *err) {
    if (!strcmp(name, "spiral"))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "metadata \"spiral\" is reserved for the config");
    /* json_string fails when memory runs out and for bytes that are not UTF-8. */
    json_t *any = json_string_nocheck(text), *valid = json_string(text);
    spiral_status status = SPIRAL_OK;
    if (any && !valid)
        status = spiral__fail(err, SPIRAL_BAD_ARG, -1, "metadata \"%.40s\" is not UTF-8", name);
    else if (!any || json_object_set(model->metadata, name, valid))
        status = spiral__no_memory(err, strlen(text) + 1);
    json_decref(any);
    json_decref(valid);
    return status;
}
