/* SPDX-License-Identifier: MIT
 *
 * The autoencoder's arithmetic: forward beside backward.
 *
 * A batch of B windows walks through the network in shards of up to SPIRAL__SHARD rows; a shard goes all the
 * way forward, through the loss, and back to its own activations' gradients without meeting another.
 * Afterwards each weight matrix gathers its gradient from all rows at once, in tasks that own a part of it.
 * So nothing is summed by two threads, and the bits do not depend on how many there are. Here no loss is
 * known: the caller gets the logits of a shard and turns them into their gradient.
 */
#ifndef SPIRAL_MODEL_NETWORK_H
#define SPIRAL_MODEL_NETWORK_H

#include "base/par.h"
#include "model/model.h"
#include "model/runs.h"

enum { SPIRAL__SHARD = 64 };

/* Activations of a batch: (B, ...) each, kept for backward. One allocation. */
typedef struct spiral__network {
    const spiral_model *model;
    size_t B, shards;
    int backward;                     /* gradients can be asked for */
    float *enc_x[SPIRAL__MAX_LAYERS]; /* (B, H) normalised pre-activations, then their gradient */
    float *enc_h[SPIRAL__MAX_LAYERS]; /* (B, H) */
    float *first;                     /* (B, N) first layer's output: hidden | code; then its gradient */
    float *code;                      /* (B, O) encoder's say, with the linear path; then its gradient */
    float *noise;                     /* (B, Z) vae: standard normal draws, the caller's; else unused */
    float *dec_x[SPIRAL__MAX_LAYERS],
        *dec_h[SPIRAL__MAX_LAYERS]; /* (B, H); the last layer's h lies in `last` */
    float *last;                    /* (B, N) last hidden layer | code used */
    float *logits;                  /* (B, D), then their gradient */
    float *inverse;                 /* (2 L, B) of the normalisations */
    float *dh;                      /* (B, N) gradient on its way back */
    float *vectors;                 /* (shards, trained - matrices) vector gradients of each shard */
    double *kl;                     /* (shards) vae: sum of KL divergences, nats */
    float *arena;                   /* owns all of the above */
} spiral__network;

spiral_status spiral__network_create(const spiral_model *model, size_t B, int backward, spiral__network *net,
                                     spiral_error *err);
void spiral__network_clear(spiral__network *net);

/* Rows of shard s. */
static inline size_t spiral__shard_begin(size_t s) { return s * SPIRAL__SHARD; }
static inline size_t spiral__shard_rows(const spiral__network *n, size_t s) {
    size_t left = n->B - s * SPIRAL__SHARD;
    return left < SPIRAL__SHARD ? left : SPIRAL__SHARD;
}

/* Encoder of `rows` rows from `begin` on: first[] must hold the first layer's output. Leaves the code's mean
 * (and log variance) in code[]. */
void spiral__encode_rows(spiral__network *net, size_t begin, size_t rows);
/* Takes the code from code[] (vae with sampling: mean + exp(lv/2) noise) and runs the decoder: logits[]. */
void spiral__decode_rows(spiral__network *net, size_t begin, size_t rows, int sampling);

/* KL divergence of row r's posterior from the standard normal, in nats, from code[]; 0 for an ae. */
double spiral__code_kl(const spiral__network *net, size_t row);

/* The way back: logits[] holds dlogits. beta weighs the KL term of a vae, per window, above free_bits nats
 * per code number. Leaves gradients in the activation buffers and vector gradients in vectors[shard]. */
void spiral__backward_rows(spiral__network *net, size_t shard, float beta, float free_bits);

/* Number of weight-gradient tasks, and task i: adds to `grad`, a twin of the trained arena. The runs of all
 * rows are sorted by key; key_begin (planes * P + 1) tells where each key's runs start. dS is scratch of (T +
 * 1) N. */
size_t spiral__weight_tasks(const spiral__network *net);
void spiral__weight_task(spiral__network *net, size_t task, const spiral__run *runs, const size_t *key_begin,
                         float *dS, float *grad);

#endif
