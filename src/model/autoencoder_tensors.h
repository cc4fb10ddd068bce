/* SPDX-License-Identifier: MIT
 *
 * The sizes of a model's autoencoder and where its tensors are. What it computes: autoencoder.h.
 */
#ifndef SPIRAL_MODEL_AUTOENCODER_TENSORS_H
#define SPIRAL_MODEL_AUTOENCODER_TENSORS_H

#include "nn/note_input.h"

enum { SPIRAL__MAX_LAYERS = 8 };

/* The autoencoder of one model. Numbers named after a tensor are its index in the model's list. */
typedef struct spiral__autoencoder {
    int planes, T, P; /* of a window */
    int layers;       /* hidden layers on each side */
    int variational;
    size_t D, H, Z; /* cells planes T P, units of a hidden layer, latent numbers */
    size_t O;       /* numbers the encoder gives: Z, or 2 Z (mean, log variance) if variational */
    size_t N;       /* H + Z: the linear path shares a matrix with the first and with the last layer */

    int encoder_in;                         /* (D, N) hidden units | latent */
    int encoder_hidden[SPIRAL__MAX_LAYERS]; /* (H, H); from layer 1 on */
    int encoder_gain[SPIRAL__MAX_LAYERS], encoder_shift[SPIRAL__MAX_LAYERS]; /* (H) */
    int latent_weight, latent_bias;                                          /* (H, O), (O) */
    int decoder_in;                                                          /* (Z, H) */
    int decoder_hidden[SPIRAL__MAX_LAYERS];                                  /* (H, H); from layer 1 on */
    int decoder_gain[SPIRAL__MAX_LAYERS], decoder_shift[SPIRAL__MAX_LAYERS]; /* (H) */
    int out_weight, out_bias;                                                /* (N, D), (D) */

    /* Statistics of the training data: measured, not trained. */
    int pca_mean, pca_basis;          /* (D) mean window, (Z, D) its principal axes, orthonormal */
    int latents_mean, latents_factor; /* (Z) mean latent; (Z, Z) F, F F' = covariance of the latents */
    int latents_step, latents_noise;  /* (Z, Z) A, G: z' - mean = A (z - mean) + G n, half a window later */
    int density;                      /* (1) mean number of sounding keys in a frame */

    size_t vectors_begin, vectors; /* where the network's vectors begin in the arena, and their floats */
    spiral__note_input input;      /* computes with encoder_in */
} spiral__autoencoder;

#endif
