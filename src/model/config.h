/* SPDX-License-Identifier: MIT
 *
 * The config of a model: one table of its fields, and everything that is done to all of them.
 */
#ifndef SPIRAL_MODEL_CONFIG_H
#define SPIRAL_MODEL_CONFIG_H

#include "spiral/model.h"

/* Takes a caller's config of any accepted size and checks every field. BAD_ARG, TOO_BIG. */
spiral_status spiral__config_read(const spiral_model_config *given, spiral_model_config *config,
                                  spiral_error *err);

/* BAD_ARG, TOO_BIG: the first field that is out of its range. */
spiral_status spiral__config_check(const spiral_model_config *config, spiral_error *err);

/* index < spiral_model_field_count(). */
void spiral__config_set_value(spiral_model_config *config, size_t index, int value);
/* Whether the field has a meaning on the config's grid. */
int spiral__config_field_applies(const spiral_model_config *config, size_t index);

/* BAD_ARG names the first field in which `config` differs from `wanted`, with both values. Fields that do not
 * matter for the grid are not compared. */
spiral_status spiral__config_compare(const spiral_model_config *config, const spiral_model_config *wanted,
                                     spiral_error *err);

#endif
