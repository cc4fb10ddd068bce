/* SPDX-License-Identifier: MIT
 *
 * The list of a model's tensors, made at run time: each network of the model adds its own (see family.h).
 * Arena, optimiser, model file and every loop over tensors come from this list.
 *
 *     | matrices | vectors | measured |        each tensor begins on a multiple of 16 floats (64 bytes)
 *     '--- trained: gradients and moments are laid out like this part ---'
 */
#ifndef SPIRAL_MODEL_TENSORS_H
#define SPIRAL_MODEL_TENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "spiral/model.h"

enum { SPIRAL__TENSORS_MAX = 128, SPIRAL__TENSOR_NAME = 40 };

typedef enum spiral__init {
    SPIRAL__INIT_ZEROS,
    SPIRAL__INIT_ONES,
    SPIRAL__INIT_NORMAL,
    SPIRAL__INIT_CONSTANT
} spiral__init;

typedef struct spiral__tensor {
    char name[SPIRAL__TENSOR_NAME];
    const char *old_name; /* in files before version 0.2, if it was different; else NULL */
    size_t rows, columns;
    spiral_tensor_group group;
    spiral__init init;
    float deviation;       /* of NORMAL; the value of CONSTANT */
    int optional;          /* nonzero: a file may lack it; it then keeps its first values */
    uint64_t stream, skip; /* NORMAL: random stream, and how many of its numbers other tensors have taken */
    size_t offset;         /* floats, in the arena and in arrays laid out like it */
} spiral__tensor;

typedef struct spiral__tensor_list {
    spiral__tensor at[SPIRAL__TENSORS_MAX];
    size_t count;
    size_t matrices; /* floats of the arena that hold matrices; set by _layout, as the next two */
    size_t trained;  /* floats that hold matrices and vectors */
    size_t floats;   /* all */
} spiral__tensor_list;

/* Appends a tensor of zeros and returns its index. Its name is copied. */
int spiral__tensor_add(spiral__tensor_list *list, const char *name, spiral_tensor_group group, size_t rows,
                       size_t columns);
/* Gives every tensor its place in the arena: by group, and within a group in the order of adding. */
void spiral__tensors_layout(spiral__tensor_list *list);
/* How many numbers the tensors that a file must have hold, without the gaps between them. */
size_t spiral__tensors_number_count(const spiral__tensor_list *list);
/* The index of the tensor of this name, or -1. */
int spiral__tensor_find(const spiral__tensor_list *list, const char *name);
/* Writes the first values of every tensor to an arena, a pure function of list and seed. */
void spiral__tensors_init(const spiral__tensor_list *list, uint64_t seed, float *arena);
/* The same for `count` tensors from number `first` on. */
void spiral__tensors_init_some(const spiral__tensor_list *list, size_t first, size_t count, uint64_t seed,
                               float *arena);

#endif
