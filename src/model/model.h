/* SPDX-License-Identifier: MIT
 *
 * Internals of a model: its config, the list of its tensors, and one arena of numbers that holds them all.
 */
#ifndef SPIRAL_MODEL_MODEL_H
#define SPIRAL_MODEL_MODEL_H

#include "base/par.h"
#include "model/autoencoder_tensors.h"
#include "model/decoder_tensors.h"
#include "model/tensors.h"
#include "spiral/model.h"

struct spiral_model {
    spiral_model_config config;
    spiral__tensor_list tensors;
    spiral_tensor *shown; /* (tensors.count) the tensors as the public interface shows them, owned */
    float *arena;         /* (tensors.floats), aligned to 64 bytes, owned */
    spiral__autoencoder ae;
    spiral__decoder decoder;
    float threshold;
    spiral_decoding decoding;
    float min_risk_scale;    /* of spiral_decode_min_risk; 0: by the threshold */
    struct json_t *metadata; /* texts by name, owned */
    struct json_t *unknown;  /* members of a loaded config that this version does not know, owned */
    char sha256[65];         /* of the file the model was loaded from, or "" */
};

/* A tensor's numbers in the model's own arena, or in an array laid out like it (gradient, moment). */
static inline float *spiral__tensor_in(const spiral_model *model, float *arena, int tensor) {
    return arena + model->tensors.at[tensor].offset;
}
static inline float *spiral__tensor_data(const spiral_model *model, int tensor) {
    return spiral__tensor_in(model, model->arena, tensor);
}

/* How many numbers the tensors of a model with this config hold. The config has been checked. NO_MEMORY. */
spiral_status spiral__model_number_count(const spiral_model_config *config, size_t *numbers,
                                         spiral_error *err);

/* As spiral_model_create, but all numbers are 0, and nothing is derived from them: for models from files. */
spiral_status spiral__model_create_zeros(const spiral_model_config *config, spiral_model **model,
                                         spiral_error *err);

/* First values for every tensor, as spiral_model_create gives them. */
void spiral__model_init(spiral_model *model, uint64_t seed, spiral__pool *pool);

/* Must be called after each change of the weights, before they are used. */
void spiral__model_update(spiral_model *model, spiral__pool *pool);

/* The texts of a model: metadata.c. The engine of a page has other ones, without JSON (web/engine). Create:
 * empty texts; NO_MEMORY. Clear: also after a failed create. */
spiral_status spiral__metadata_create(spiral_model *model, spiral_error *err);
void spiral__metadata_clear(spiral_model *model);

#endif
