/* SPDX-License-Identifier: MIT
 *
 * The autoencoder: windows of a roll -> latents -> logits, and the gradient of its weights. The equations are
 * in include/spiral/model.h and docs/formats.md. No loss is known here: between forward and backward the
 * caller turns logits into their gradient.
 *
 * A batch of B windows goes through in shards (nn/tasks.h). Forward and the backward of activations work on
 * each shard alone; then the gradient of each weight matrix is computed from all rows at once, by tasks that
 * each own a part of it and pass it on while it is in the cache.
 */
#ifndef SPIRAL_MODEL_AUTOENCODER_H
#define SPIRAL_MODEL_AUTOENCODER_H

#include "model/autoencoder_tensors.h"
#include "model/family.h"

extern const spiral__family spiral__autoencoder_family;

/* One hidden layer's activations; rows lie a stride apart. */
typedef struct spiral__hidden_layer {
    float *x;       /* (B, H) input of the normalisation, then normalised; after backward its gradient */
    float *y;       /* (B, H) output of the layer */
    float *inverse; /* (B) of the normalisation */
    size_t x_stride, y_stride;
} spiral__hidden_layer;

/* Activations of a batch. One allocation for the floats. */
typedef struct spiral__autoencoder_batch {
    const spiral_model *model;
    size_t B;
    int backward; /* nonzero: backward can be called */
    spiral__note_runs runs;
    spiral__hidden_layer encoder[SPIRAL__MAX_LAYERS], decoder[SPIRAL__MAX_LAYERS];
    float *first;    /* (B, N) first layer's output: hidden | linear path; after backward its gradient */
    float *latent;   /* (B, O) output of the encoder; after backward its gradient */
    float *noise;    /* (B, Z) variational: standard normal numbers, set by the caller before forward */
    float *last;     /* (B, N) last hidden layer's output | latent used */
    float *logits;   /* (B, D) */
    float *dh;       /* (B, N) gradient of the current layer's output during backward */
    float *vectors;  /* (shards, ae.vectors) gradients of the vectors, from each shard alone */
    double *kl;      /* (shards) variational: sum of the divergences, nats; set by backward */
    float **scratch; /* (threads) the part of the weights' gradient that a task computes */
    int threads;
    float *arena; /* owns the floats above */
} spiral__autoencoder_batch;

/* For B rows on up to `threads` threads. backward: nonzero if backward will be called. NO_MEMORY. */
spiral_status spiral__autoencoder_batch_create(const spiral_model *model, size_t B, int backward, int threads,
                                               spiral__autoencoder_batch *batch, spiral_error *err);
void spiral__autoencoder_batch_clear(spiral__autoencoder_batch *batch);

/* Training, of one shard: windows (B, planes * T) -> logits. A variational model draws each latent from its
 * posterior with noise[]. */
void spiral__autoencoder_forward_shard(spiral__autoencoder_batch *batch, size_t shard,
                                       const spiral_keys *windows);
/* The activations' gradients, of one shard: logits[] holds the gradient of the loss with respect to the
 * logits, summed over the batch. A variational model also minimises beta times its KL divergence per window,
 * of which only the part above free_bits nats of each latent number's divergence counts; kl[] is set. The
 * activations become gradients: forward must come before each backward. */
void spiral__autoencoder_backward_shard(spiral__autoencoder_batch *batch, size_t shard, float beta,
                                        float free_bits);

/* A function that receives the gradient of the weights, part by part: grad (n) is that of the n floats of the
 * arena from `begin` on. It may change these weights and grad. It is called by all threads, once for each
 * trained float. */
typedef struct spiral__gradient_receiver {
    void (*receive)(void *context, size_t begin, size_t n, float *grad);
    void *context;
} spiral__gradient_receiver;

/* The gradient of the weights, after the backward of all shards. The sums that the first layer computes with
 * are updated after `receiver` returns: no spiral__model_update is needed for the autoencoder. */
void spiral__autoencoder_weight_gradient(spiral__autoencoder_batch *batch, spiral__pool *pool,
                                         const spiral__gradient_receiver *receiver);
/* Of the batch's scratch of each thread. */
size_t spiral__autoencoder_scratch_floats(const spiral__autoencoder_batch *batch);

/* The two halves of forward for some rows. Encoding: windows (rows, planes * T) -> latent[]. Decoding:
 * latent[] -> logits[]; with sampling nonzero a variational model draws its latents. */
void spiral__autoencoder_encode_rows(spiral__autoencoder_batch *batch, size_t begin, size_t rows,
                                     const spiral_keys *windows);
void spiral__autoencoder_decode_rows(spiral__autoencoder_batch *batch, size_t begin, size_t rows,
                                     int sampling);
/* KL divergence of row r's posterior from the standard normal, in nats, from latent[]; 0 if not variational.
 */
double spiral__autoencoder_kl(const spiral__autoencoder_batch *batch, size_t row);

#endif
