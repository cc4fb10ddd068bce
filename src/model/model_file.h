/* SPDX-License-Identifier: MIT
 *
 * Models in safetensors files (docs/formats.md), and more arrays beside them: training saves its optimiser's
 * state there.
 */
#ifndef SPIRAL_MODEL_MODEL_FILE_H
#define SPIRAL_MODEL_MODEL_FILE_H

#include "model/model.h"
#include "model/safetensors.h"

/* What is written: the model with `trained` (trained floats of its tensor list) as its weights, NULL for its
 * own, and extra_count more arrays. */
typedef struct spiral__model_parts {
    const spiral_model *model;
    const float *trained;
    const spiral__array *extra;
    size_t extra_count;
} spiral__model_parts;

/* The bytes of the file; *bytes is malloc'ed. */
spiral_status spiral__model_file_write(const spiral__model_parts *parts, unsigned char **bytes, size_t *size,
                                       spiral_error *err);
/* Writes the file. */
spiral_status spiral__model_file_save(const spiral__model_parts *parts, const char *path, spiral_error *err);

/* A model file whose container and config have been read and checked. */
typedef struct spiral__model_file {
    unsigned char *owned; /* the bytes, if they were loaded from a path; else NULL */
    spiral__safetensors container;
    spiral_model_config config;
    float threshold, min_risk_scale;
    json_t *unknown;  /* members of the config that this version does not know */
    json_t *metadata; /* the other texts by name */
    char sha256[65];
} spiral__model_file;

/* Opens the bytes of a file, which must outlive *file. Errors as spiral_model_load. On failure *file is
 * empty. */
spiral_status spiral__model_file_read(const unsigned char *bytes, size_t size, spiral__model_file *file,
                                      spiral_error *err);
/* Reads and opens a file, and compares it with its checksum; the path comes before the sentence of an error.
 */
spiral_status spiral__model_file_load(const char *path, spiral__model_file *file, spiral_error *err);
void spiral__model_file_clear(spiral__model_file *file);

/* Reads every tensor in the list of `model`, which must have the file's config: those that are trained to
 * their place in `trained`, those that are measured to the model's arena. */
spiral_status spiral__model_file_get_tensors(const spiral__model_file *file, spiral_model *model,
                                             float *trained, spiral_error *err);
/* A new model from the file. */
spiral_status spiral__model_file_create(const spiral__model_file *file, spiral_model **model,
                                        spiral_error *err);

#endif
