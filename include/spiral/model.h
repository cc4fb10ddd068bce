/* SPDX-License-Identifier: MIT
 *
 * The autoencoder: a window of a roll -> a code of a few numbers -> a window of logits.
 *
 * A window is T columns of one plane (frames) or two (frames, onsets): spiral_keys[planes * T]. Cells are
 * ordered (planes, T, P), P = high - low + 1 keys. Between window and code runs a linear path beside a
 * network of `layers` hidden layers (matrix, layer normalisation, SiLU); between code and logits likewise:
 *     code   = x Wx + net(x),     logits = code Wz + net'(code) + b
 * A model also carries what was learned about its codes and its data (mean, spread and motion of the codes,
 * the principal components, the threshold): everything the creating verbs need is in one file.
 */
#ifndef SPIRAL_MODEL_H
#define SPIRAL_MODEL_H

#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum spiral_model_kind {
    SPIRAL_MODEL_AE,  /* code = what the encoder says */
    SPIRAL_MODEL_VAE, /* variational: the encoder says mean and variance; the code is the mean, outside
                         training */
} spiral_model_kind;

typedef struct spiral_model_config {
    spiral_roll_options roll; /* grid, range, planes */
    int frames;               /* T, 1..512 */
    spiral_model_kind kind;
    int latent; /* Z, 1..1024 */
    int hidden; /* units of a hidden layer, 1..4096 */
    int layers; /* hidden layers on each side, 1..8 */
} spiral_model_config;

/* The seed: 48..83, 36 columns of 10 ms, one plane; ae, code 16, 512 units, 1 layer. */
SPIRAL_API spiral_model_config spiral_model_config_default(void);

typedef struct spiral_model spiral_model;

/* A model with random weights, a pure function of config and seed. BAD_ARG names field, value and limit;
 * TOO_BIG: planes * T * P above 65536 cells. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_create(const spiral_model_config *config,
                                                               uint64_t seed, spiral_model **model,
                                                               spiral_error *err);
SPIRAL_API void spiral_model_destroy(spiral_model *model); /* NULL is fine */
SPIRAL_API const spiral_model_config *spiral_model_get_config(const spiral_model *model);
SPIRAL_API int spiral_model_planes(const spiral_model *model);   /* 1 or 2 */
SPIRAL_API int spiral_model_keys(const spiral_model *model);     /* P */
SPIRAL_API size_t spiral_model_cells(const spiral_model *model); /* planes T P */

/* What a tensor is to training: only matrices are subject to weight decay, what is measured is not trained.
 */
typedef enum spiral_tensor_group {
    SPIRAL_TENSOR_MATRIX,
    SPIRAL_TENSOR_VECTOR,
    SPIRAL_TENSOR_MEASURED
} spiral_tensor_group;

/* A named array of the model, (rows, columns), owned by the model. */
typedef struct spiral_tensor {
    char name[40];
    size_t rows, columns;
    float *data; /* (rows, columns) */
} spiral_tensor;
SPIRAL_API size_t spiral_model_tensor_count(const spiral_model *model);
SPIRAL_API spiral_tensor spiral_model_get_tensor(const spiral_model *model, size_t index);

/* The logit above which a cell sounds, chosen on validation data; 0 (probability one half) if never set. */
SPIRAL_API float spiral_model_get_threshold(const spiral_model *model);
SPIRAL_API void spiral_model_set_threshold(spiral_model *model, float logit);

/* What was written into the file beside the weights: JSON texts, "" if none. `section` is "data" (what it was
 * trained on) or "training" (how, and how well). Owned by the model. */
SPIRAL_API const char *spiral_model_get_metadata(const spiral_model *model, const char *section);
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_set_metadata(spiral_model *model, const char *section,
                                                                     const char *json, spiral_error *err);

/* Scratch memory for encode and decode: one per thread that calls them. */
typedef struct spiral_model_work spiral_model_work;
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_work_create(const spiral_model *model,
                                                                    spiral_model_work **work,
                                                                    spiral_error *err);
SPIRAL_API void spiral_model_work_destroy(spiral_model_work *work);

/* windows (B, planes * T) -> codes (B, Z): the mean of the posterior. Keys outside the range have no say. kl,
 * if not NULL, gets the divergence of each posterior from the standard normal, in nats; 0 for an ae. */
SPIRAL_API void spiral_model_encode(const spiral_model *model, size_t B, const spiral_keys *windows,
                                    float *codes /* (B, Z) */, double *kl /* (B) */, spiral_model_work *work);
/* codes (B, Z) -> logits (B, planes, T, P). */
SPIRAL_API void spiral_model_decode(const spiral_model *model, size_t B, const float *codes,
                                    float *logits /* (B, planes, T, P) */, spiral_model_work *work);

/* Checkpoints are safetensors files (weights and facts as F32 tensors; config, data and training as JSON in
 * the metadata), written under a temporary name and renamed. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_save(const spiral_model *model, const char *path,
                                                             spiral_error *err);
/* SHA-256 of the file a model was loaded from, 64 hexadecimal digits; "" if it was not loaded. */
SPIRAL_API const char *spiral_model_get_sha256(const spiral_model *model);
/* FORMAT: not a safetensors file, damaged, or not a Spiral model - the error says which. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_load(const char *path, spiral_model **model,
                                                             spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
