/* SPDX-License-Identifier: MIT
 *
 * The config of a model as a JSON object.
 */
#ifndef SPIRAL_MODEL_CONFIG_JSON_H
#define SPIRAL_MODEL_CONFIG_JSON_H

#include <jansson.h>

#include "model/config.h"

/* The fields as members of a JSON object, new; NULL: out of memory. */
json_t *spiral__config_to_json(const spiral_model_config *config);
/* Takes the fields, under new or old names, out of the object, and checks them. FORMAT: a field is missing or
 * is not of its kind; UNSUPPORTED: a word that this version does not know; BAD_ARG, TOO_BIG: a value out of
 * range. */
spiral_status spiral__config_take_json(json_t *object, spiral_model_config *config, spiral_error *err);

#endif
