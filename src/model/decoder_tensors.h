/* SPDX-License-Identifier: MIT
 *
 * The sizes of a model's decoder and where its tensors are. What it computes: decoder.h.
 */
#ifndef SPIRAL_MODEL_DECODER_TENSORS_H
#define SPIRAL_MODEL_DECODER_TENSORS_H

#include "decode/features.h"

/* The decoder of one model. Numbers named after a tensor are its index in the model's list. */
typedef struct spiral__decoder {
    size_t H; /* units of each layer; 0: the model has no decoder, and nothing below is set */
    spiral__features features;
    int recurrent_rows;             /* (recurrent features, 3H) */
    int recurrent_weight;           /* (H, 3H) */
    int head_rows;                  /* (head features, H) */
    int head0_weight, head1_weight; /* (H, H) */
    int out_weight;                 /* (H, planes) */
    int input_bias, state_bias;     /* (3H) */
    int head0_bias, head1_bias;     /* (H) */
    int out_bias;                   /* (planes) */
    int markov, repeat;             /* (3P, 3), (3, 3) measured: eval/baselines.h */
    size_t first_tensor, tensors;   /* those that are trained, in the model's list */
    int sampling;                   /* (1, SPIRAL__SAMPLING_SIZE) a spiral__sampling; measured, not trained */
    /* Where they are in the arena: matrices, then vectors. */
    size_t matrices_begin, matrices, vectors_begin, vectors;
} spiral__decoder;

#endif
