/* SPDX-License-Identifier: MIT
 *
 * A path of codes, one each half window, and the roll it decodes to.
 */
#ifndef SPIRAL_CREATE_PATH_H
#define SPIRAL_CREATE_PATH_H

#include "model/model.h"
#include "spiral/generate.h"

typedef struct spiral__path {
    size_t count; /* codes */
    size_t hop;   /* columns between them: half a window */
    float *codes; /* (count, Z), owned */
} spiral__path;

/* How many codes cover `columns` columns: the first window starts half a window before column 0, the last
 * reaches beyond the end, so that every column lies in two windows. */
size_t spiral__path_count(const spiral_model *model, size_t columns);

spiral_status spiral__path_create(const spiral_model *model, size_t columns, spiral__path *path,
                                  spiral_error *err);
/* The codes of a roll's windows, read beyond its end as the roll again (`around`) or as silence. */
spiral_status spiral__path_encode(const spiral_model *model, const spiral_roll *roll, int around,
                                  spiral__path *path, spiral_error *err);
void spiral__path_clear(spiral__path *path);

/* Path -> roll of `columns` columns. Where two windows overlap, their logits are mixed, each fading in and
 * out linearly. */
spiral_status spiral__path_decode(const spiral_model *model, const spiral__path *path, size_t columns,
                                  double quarters_per_min, spiral_roll *out, spiral_generate_report *report,
                                  spiral_error *err);

#endif
