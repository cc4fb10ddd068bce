/* SPDX-License-Identifier: MIT
 *
 * Models: an autoencoder, from a window of a roll to a latent of a few numbers and back to a window of
 * logits, with what was measured on its training data.
 *
 * A window is T frames of one plane (sounding keys) or two (sounding keys, onsets): spiral_keys[planes * T].
 * Its cells are ordered (planes, T, P), P = high - low + 1 keys. Between window and latent there is a linear
 * path beside a network of `layers` hidden layers (matrix, layer normalisation, SiLU); between latent and
 * logits likewise:
 *
 *     latent = x Wx + net(x)        logits = latent Wz + net'(latent) + b
 *
 * All numbers of a model are in named tensors. Models are saved in safetensors files (docs/formats.md).
 */
#ifndef SPIRAL_MODEL_H
#define SPIRAL_MODEL_H

#include "roll.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what a model is ---- */

typedef enum spiral_model_kind {
    SPIRAL_MODEL_AE, /* the latent is what the encoder gives */
    SPIRAL_MODEL_VAE /* variational: the encoder gives mean and log variance; outside training the latent is
                        the mean */
} spiral_model_kind;

/* Names, ranges and defaults of the fields: spiral_model_get_field. Start from spiral_model_config_default.
 */
typedef struct spiral_model_config {
    size_t struct_size;
    /* The rolls that the windows are cut from. */
    spiral_grid grid;
    int low, high; /* keys */
    int planes;    /* 1: sounding keys; 2: and onsets */
    int drums;     /* nonzero: percussion is kept */
    int pedal;     /* nonzero: the sustain pedal holds notes */
    spiral_out_of_range out_of_range;
    /* The autoencoder. */
    int frames; /* T */
    spiral_model_kind kind;
    int latent; /* Z */
    int hidden; /* units of a hidden layer */
    int layers; /* hidden layers on each side */
    /* The note-by-note decoder. */
    int decoder; /* units of its layers; 0: the model has none */
    /* The rolls again. */
    int drum_channels; /* the channels that are percussion, 1 << channel for each; 0: as the file says */
} spiral_model_config;

/* Fills struct_size bytes of *config: keys 48..83, 36 frames of 10 ms, one plane; ae, 16 latent numbers, 512
 * hidden units, 1 layer; no decoder. */
SPIRAL_API void spiral_model_config_default(spiral_model_config *config, size_t struct_size);

/* The part of a config that spiral_roll_from_midi needs, into options that spiral_roll_options_default has
 * filled, and the way back. The other fields are left alone. */
SPIRAL_API void spiral_model_config_get_roll(const spiral_model_config *config, spiral_roll_options *options);
SPIRAL_API void spiral_model_config_set_roll(spiral_model_config *config, const spiral_roll_options *options);

typedef enum spiral_field_kind { SPIRAL_FIELD_INT, SPIRAL_FIELD_FLAG, SPIRAL_FIELD_CHOICE } spiral_field_kind;

/* A field of spiral_model_config. Static storage. */
typedef struct spiral_model_field {
    const char *name;       /* in the model file and in messages: "frames" */
    const char *old_name;   /* in files before version 0.2, if it was different; else NULL */
    spiral_field_kind kind; /* INT: least..most; FLAG: 0 or 1; CHOICE: one of words[0 .. most] */
    int least, most;
    int initial;  /* in spiral_model_config_default */
    int optional; /* nonzero: a file without it means its initial value */
    int grid;     /* it matters for this spiral_grid_kind only, and is optional for others; -1: all */
    const char *const *words; /* CHOICE: (most + 1); else NULL */
} spiral_model_field;

/* The fields in a fixed order, index 0 .. spiral_model_field_count() - 1. NULL beyond. */
SPIRAL_API size_t spiral_model_field_count(void);
SPIRAL_API const spiral_model_field *spiral_model_get_field(size_t index);
/* The value of a field: a number, 0 or 1, or the index of a word. index < spiral_model_field_count(). */
SPIRAL_API int spiral_model_config_get_value(const spiral_model_config *config, size_t index);

/* ---- models ---- */

typedef struct spiral_model spiral_model;

/* A model with random weights, a pure function of config and seed. BAD_ARG: the field, its value and its
 * limit; TOO_BIG: planes * T * P above 65536 cells; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_create(const spiral_model_config *config,
                                                               uint64_t seed, spiral_model **model,
                                                               spiral_error *err);
SPIRAL_API void spiral_model_destroy(spiral_model *model); /* NULL is fine */

/* All fields are set, struct_size to that of the library. Owned by the model, as are all pointers below. */
SPIRAL_API const spiral_model_config *spiral_model_get_config(const spiral_model *model);
SPIRAL_API int spiral_model_keys(const spiral_model *model);     /* P */
SPIRAL_API size_t spiral_model_cells(const spiral_model *model); /* planes T P */

/* How training treats a tensor: weight decay applies to matrices only; measured tensors are not trained. */
typedef enum spiral_tensor_group {
    SPIRAL_TENSOR_MATRIX,
    SPIRAL_TENSOR_VECTOR,
    SPIRAL_TENSOR_MEASURED
} spiral_tensor_group;

typedef struct spiral_tensor {
    const char *name;
    size_t rows, columns;
    spiral_tensor_group group;
    float *data; /* (rows, columns) */
} spiral_tensor;

/* index 0 .. spiral_model_tensor_count - 1; NULL beyond. After writing to a tensor's data call
 * spiral_model_update before anything else. */
SPIRAL_API size_t spiral_model_tensor_count(const spiral_model *model);
SPIRAL_API const spiral_tensor *spiral_model_get_tensor(const spiral_model *model, size_t index);
SPIRAL_API void spiral_model_update(spiral_model *model);

/* The logit above which a cell sounds, chosen on validation data; 0 (probability one half) if it was never
 * set. BAD_ARG: it is not finite. */
SPIRAL_API float spiral_model_get_threshold(const spiral_model *model);
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_set_threshold(spiral_model *model, float logit,
                                                                      spiral_error *err);

/* The scale of spiral_decode_min_risk for this model, .01 .. 100, chosen on validation data; if it was never
 * set, that at which a lone note sounds at the threshold. BAD_ARG: out of its range. */
SPIRAL_API float spiral_model_get_min_risk_scale(const spiral_model *model);
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_set_min_risk_scale(spiral_model *model, float scale,
                                                                           spiral_error *err);

/* How the cells of the autoencoder's output become notes in the calls of generate.h that do not use the
 * note-by-note decoder. A property of this object, not saved with the model. */
typedef enum spiral_decoding {
    SPIRAL_DECODING_THRESHOLD, /* of a model that was created or loaded */
    SPIRAL_DECODING_MIN_RISK,  /* spiral_decode_min_risk; onsets by the threshold */
} spiral_decoding;

SPIRAL_API spiral_decoding spiral_model_get_decoding(const spiral_model *model);
/* BAD_ARG: no such decoding. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_set_decoding(spiral_model *model,
                                                                     spiral_decoding decoding,
                                                                     spiral_error *err);

/* Texts that are saved with the model, by name; "" if there is none. Training writes "data" (what it was
 * trained on) and "training" (how, and how well), both JSON objects. Other names are free for other programs,
 * except "spiral", which is the config's, BAD_ARG. BAD_ARG: the text is not UTF-8; NO_MEMORY. */
SPIRAL_API const char *spiral_model_get_metadata(const spiral_model *model, const char *name);
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_set_metadata(spiral_model *model, const char *name,
                                                                     const char *text, spiral_error *err);

/* ---- files ---- */

/* The file is written under a temporary name and renamed. Keys of the config and texts of a loaded file that
 * this version does not know are saved again. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_save(const spiral_model *model, const char *path,
                                                             spiral_error *err);
/* IO; FORMAT: not a safetensors file, damaged, or not a Spiral model, the error says which; UNSUPPORTED:
 * written by a newer version; NUMERIC: a number is not finite. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_load(const char *path, spiral_model **model,
                                                             spiral_error *err);
/* SHA-256 of the file a model was loaded from, 64 hexadecimal digits; "" if it was not loaded. */
SPIRAL_API const char *spiral_model_get_sha256(const spiral_model *model);

/* ---- windows to latents and back ---- */

/* Scratch memory for encode and decode: one per thread that calls them. */
typedef struct spiral_model_work spiral_model_work;
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_work_create(const spiral_model *model,
                                                                    spiral_model_work **work,
                                                                    spiral_error *err);
SPIRAL_API void spiral_model_work_destroy(spiral_model_work *work); /* NULL is fine */

/* windows (B, planes * T) -> latents (B, Z); for a vae, the means. Keys outside the range are ignored. kl, if
 * not NULL, gets the divergence of each posterior from the standard normal in nats; 0 for an ae. */
SPIRAL_API void spiral_model_encode(const spiral_model *model, size_t B, const spiral_keys *windows,
                                    float *latents /* (B, Z) */, double *kl /* (B) */,
                                    spiral_model_work *work);
/* latents (B, Z) -> logits (B, planes, T, P); notes from logits: decode.h. */
SPIRAL_API void spiral_model_decode(const spiral_model *model, size_t B, const float *latents,
                                    float *logits /* (B, planes, T, P) */, spiral_model_work *work);

#ifdef __cplusplus
}
#endif
#endif
