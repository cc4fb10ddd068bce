/* SPDX-License-Identifier: MIT
 *
 * The inside of a model: one arena of floats, and where each tensor lies in it.
 *
 *     | matrices | vectors | facts |        each tensor starts on a multiple of 16 floats (64 bytes)
 *     '--- trained: gradients and moments are twins of this part ---'
 */
#ifndef SPIRAL_MODEL_MODEL_H
#define SPIRAL_MODEL_MODEL_H

#include "model/params.h"
#include "spiral/model.h"

enum { SPIRAL__MAX_LAYERS = 8 };

/* Where a listed tensor lies: `count` copies (one per layer), `stride` floats apart, from `offset` on. */
typedef struct spiral__place {
    size_t rows, columns, count, stride, offset;
    spiral__tensor_group group;
    float scale;
    const char *name;
} spiral__place;

struct spiral_model {
    spiral_model_config config;
    int planes, P, T;
    size_t D, H, Z, O, N;
    spiral__place places[SPIRAL__TENSOR_COUNT];
    size_t matrices; /* floats of the arena that hold matrices */
    size_t trained;  /* floats that hold matrices and vectors */
    size_t floats;   /* all */
    float *arena;    /* (floats), aligned to 64 bytes, owned */
    float *sums;     /* (planes, P, T + 1, N): first layer summed along time, see runs.h; owned */
    float threshold;
    char *data_note, *training_note; /* owned, or NULL */
    char sha256[65];                 /* of the file, or "" */
};

/* Copy `layer` of a tensor in the model's own arena, or in a twin of it (gradient, moment). */
static inline float *spiral__at(const spiral_model *model, float *arena, spiral__tensor_id id, int layer) {
    const spiral__place *p = &model->places[id];
    return arena + p->offset + (size_t)layer * p->stride;
}
static inline float *spiral__param(const spiral_model *model, spiral__tensor_id id, int layer) {
    return spiral__at(model, model->arena, id, layer);
}

/* Zeroed floats aligned to 64 bytes (free with free), or NULL. */
float *spiral__floats(size_t n);

/* How many numbers the tensors of such a model hold; BAD_ARG and TOO_BIG as spiral_model_create. */
spiral_status spiral__model_size(const spiral_model_config *config, size_t *numbers, spiral_error *err);

/* Brings `sums` up to date after the first layer's weights changed: part `key` of planes * P. */
void spiral__model_sum_key(spiral_model *model, size_t key);
void spiral__model_refresh(spiral_model *model);

#endif
