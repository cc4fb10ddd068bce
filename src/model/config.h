/* SPDX-License-Identifier: MIT
 *
 * The config of a model: one table of its fields, and everything that is done to all of them.
 */
#ifndef SPIRAL_MODEL_CONFIG_H
#define SPIRAL_MODEL_CONFIG_H

#include <jansson.h>

#include "spiral/model.h"

/* Takes a caller's config of any accepted size and checks every field. BAD_ARG, TOO_BIG. */
spiral_status spiral__config_read(const spiral_model_config *given, spiral_model_config *config,
                                  spiral_error *err);

/* The fields as members of a JSON object, new; NULL: out of memory. */
json_t *spiral__config_to_json(const spiral_model_config *config);
/* Takes the fields, under new or old names, out of the object, and checks them. FORMAT: a field is missing or
 * is not of its kind; UNSUPPORTED: a word that this version does not know; BAD_ARG, TOO_BIG: a value out of
 * range. */
spiral_status spiral__config_take_json(json_t *object, spiral_model_config *config, spiral_error *err);

/* BAD_ARG names the first field in which `config` differs from `wanted`, with both values. Fields that do not
 * matter for the grid are not compared. */
spiral_status spiral__config_compare(const spiral_model_config *config, const spiral_model_config *wanted,
                                     spiral_error *err);

#endif
