/* SPDX-License-Identifier: MIT
 *
 * The safetensors container: named F32 arrays and a map of texts in one file.
 *
 *     8 bytes, little-endian: length n of the header | n bytes of JSON | the arrays, back to back
 *
 * The reader checks everything: length limits, no duplicate names, sizes that match shapes, no overlap, no
 * gaps. It does not depend on models; model_file.c does.
 */
#ifndef SPIRAL_MODEL_SAFETENSORS_H
#define SPIRAL_MODEL_SAFETENSORS_H

#include <jansson.h>
#include <stddef.h>

#include "spiral/status.h"

typedef struct spiral__array {
    const char *name;
    size_t rows, columns; /* written as [columns] if rows is 1, else [rows, columns] */
    const float *data;
} spiral__array;

/* The bytes of a file with these arrays and metadata (a JSON object of strings; borrowed). *bytes is
 * malloc'ed. */
spiral_status spiral__safetensors_write(const spiral__array *arrays, size_t count, const json_t *metadata,
                                        unsigned char **bytes, size_t *size, spiral_error *err);

typedef struct spiral__safetensors {
    json_t *header;              /* owned */
    const unsigned char *arrays; /* borrowed from the bytes given to read; unaligned */
    size_t size;                 /* their bytes */
} spiral__safetensors;

/* Checks all of size bytes and opens them; the bytes must outlive *tensors. FORMAT says what is wrong;
 * *tensors is then empty. */
spiral_status spiral__safetensors_read(const unsigned char *bytes, size_t size, spiral__safetensors *tensors,
                                       spiral_error *err);
void spiral__safetensors_clear(spiral__safetensors *tensors);

/* The metadata, an object whose values are all texts, or NULL if there is none. Borrowed. */
const json_t *spiral__safetensors_metadata(const spiral__safetensors *tensors);
/* Copies array `name`, which must be F32 of shape [rows, columns], or [columns] if rows is 1, to data. FORMAT
 * if it is missing, of another type or shape; NUMERIC if a number is not finite. */
spiral_status spiral__safetensors_get(const spiral__safetensors *tensors, const char *name, size_t rows,
                                      size_t columns, float *data, spiral_error *err);
int spiral__safetensors_has(const spiral__safetensors *tensors, const char *name);

#endif
