/* SPDX-License-Identifier: MIT
 *
 * Model files with room for a few arrays more: training keeps its optimiser's state there while it goes on.
 */
#ifndef SPIRAL_MODEL_CHECKPOINT_H
#define SPIRAL_MODEL_CHECKPOINT_H

#include "model/model.h"
#include "model/safetensors.h"

/* The bytes of a file of the model and `extra` arrays. *bytes is malloc'ed. */
spiral_status spiral__checkpoint_write(const spiral_model *model, const spiral__array *extra,
                                       size_t extra_count, unsigned char **bytes, size_t *size,
                                       spiral_error *err);
/* The same to a file. */
spiral_status spiral__checkpoint_save(const spiral_model *model, const spiral__array *extra,
                                      size_t extra_count, const char *path, spiral_error *err);

/* Called with the open file before it is closed, to take the extra arrays from it. */
typedef spiral_status spiral__checkpoint_keep(void *context, const spiral__tensors *tensors,
                                              const spiral_model *model, spiral_error *err);

/* A model from the bytes of a file. keep may be NULL. On failure *model is left alone. */
spiral_status spiral__checkpoint_read(const unsigned char *bytes, size_t size, spiral__checkpoint_keep *keep,
                                      void *context, spiral_model **model, spiral_error *err);
/* The same from a file; the path stands before the sentence. */
spiral_status spiral__checkpoint_load(const char *path, spiral__checkpoint_keep *keep, void *context,
                                      spiral_model **model, spiral_error *err);

#endif
