/* SPDX-License-Identifier: MIT
 *
 * The list of a model's tensors (see tensors.h).
 */
#include <assert.h>
#include <string.h>

#include "base/rng.h"
#include "model/tensors.h"

int spiral__tensor_add(spiral__tensor_list *list, const char *name, spiral_tensor_group group, size_t rows,
                       size_t columns) {
    assert(list->count < SPIRAL__TENSORS_MAX && strlen(name) < SPIRAL__TENSOR_NAME);
    spiral__tensor *t = &list->at[list->count];
    *t = (spiral__tensor){.rows = rows, .columns = columns, .group = group};
    strcpy(t->name, name);
    return (int)list->count++;
}

void spiral__tensors_layout(spiral__tensor_list *list) {
    size_t at = 0;
    for (spiral_tensor_group group = SPIRAL_TENSOR_MATRIX; group <= SPIRAL_TENSOR_MEASURED; group++) {
        for (size_t i = 0; i < list->count; i++) {
            spiral__tensor *t = &list->at[i];
            if (t->group != group) continue;
            t->offset = at;
            at += (t->rows * t->columns + 15) / 16 * 16;
        }
        if (group == SPIRAL_TENSOR_MATRIX) list->matrices = at;
        if (group == SPIRAL_TENSOR_VECTOR) list->trained = at;
    }
    list->floats = at;
}

size_t spiral__tensors_number_count(const spiral__tensor_list *list) {
    size_t n = 0;
    for (size_t i = 0; i < list->count; i++)
        if (!list->at[i].optional) n += list->at[i].rows * list->at[i].columns;
    return n;
}

int spiral__tensor_find(const spiral__tensor_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->at[i].name, name)) return (int)i;
    return -1;
}

static void init_tensor(const spiral__tensor *t, uint64_t seed, float *x) {
    const size_t n = t->rows * t->columns;
    spiral__rng rng = spiral__rng_init(seed, t->stream);
    rng.counter = 2 * t->skip; /* a normal number takes two draws */
    for (size_t i = 0; i < n; i++)
        x[i] = t->init == SPIRAL__INIT_NORMAL     ? t->deviation * (float)spiral__rng_normal(&rng)
               : t->init == SPIRAL__INIT_CONSTANT ? t->deviation
                                                  : (float)(t->init == SPIRAL__INIT_ONES);
}

void spiral__tensors_init(const spiral__tensor_list *list, uint64_t seed, float *arena) {
    spiral__tensors_init_some(list, 0, list->count, seed, arena);
}

void spiral__tensors_init_some(const spiral__tensor_list *list, size_t first, size_t count, uint64_t seed,
                               float *arena) {
    for (size_t i = first; i < first + count; i++)
        init_tensor(&list->at[i], seed, arena + list->at[i].offset);
}
