/* SPDX-License-Identifier: MIT
 *
 * Model files with room for a few arrays more: training keeps its optimiser's state there while it goes on.
 */
#ifndef SPIRAL_MODEL_CHECKPOINT_H
#define SPIRAL_MODEL_CHECKPOINT_H

#include "model/model.h"
#include "model/safetensors.h"

/* Saves the model and `extra` arrays. */
spiral_status spiral__checkpoint_save(const spiral_model *model, const spiral__array *extra,
                                      size_t extra_count, const char *path, spiral_error *err);

/* Loads a model; `keep`, if not NULL, is called with the open file before it is closed, to take the extra
 * arrays from it. */
spiral_status spiral__checkpoint_load(const char *path, spiral_model **model,
                                      spiral_status (*keep)(void *context, const spiral__tensors *tensors,
                                                            const spiral_model *model, spiral_error *err),
                                      void *context, spiral_error *err);

#endif
