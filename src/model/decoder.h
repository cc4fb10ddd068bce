/* SPDX-License-Identifier: MIT
 *
 * The note-by-note decoder: a network that gives every cell of a roll a probability, given the frames before,
 * the keys below in the same frame, and what else is known (decode/features.h). Its weights are the same for
 * all keys.
 *
 *     h[t] = GRU(h[t-1], recurrent features)                              along time, for each key
 *     logits = SiLU(SiLU(h[t] A + head features + a) B + b) C + c         along pitch, from the lowest key up
 *
 * The first logit is that the key sounds; with two planes the second is that it begins, if it sounds. No loss
 * is known here: between forward and backward the caller turns logits into their gradient.
 */
#ifndef SPIRAL_MODEL_DECODER_H
#define SPIRAL_MODEL_DECODER_H

#include "decode/sampling.h"
#include "decode/stream.h"
#include "model/decoder_tensors.h"
#include "model/family.h"
#include "nn/sparse_rows.h"

extern const spiral__family spiral__decoder_family;

/* The weights for a stream. The model has a decoder. */
spiral__decoder_weights spiral__decoder_get_weights(const spiral_model *model);

/* How its frames are sampled. */
spiral__sampling spiral__decoder_get_sampling(const spiral_model *model);

/* Length of an array with one number for each weight of the decoder: matrices, then vectors, as in the arena.
 */
static inline size_t spiral__decoder_floats(const spiral__decoder *d) { return d->matrices + d->vectors; }

/* Dropout in training: what the values of each layer of the head are multiplied by after it is computed, 0 or
 * 1 / (1 - the share that is dropped). Each (frames, H): all keys of a frame have the same. Borrowed. */
typedef struct spiral__dropout {
    const float *state; /* of the states as the head reads them; the recurrent layer reads them whole */
    const float *head0, *head1;
} spiral__dropout;

/* The activations of one piece of music in training: up to `max` frames of it at a time, one part after
 * another. Rows are cells (frames, P). */
typedef struct spiral__decoder_part {
    const spiral_model *model;
    size_t max, frames; /* that fit; of the current part */
    int backward;
    spiral__history history;                                     /* before the current part */
    spiral__sparse_rows inputs[SPIRAL__READERS][SPIRAL__SCOPES]; /* units: frames 1, 12 or P */
    spiral__dropout dropout;                                     /* of the current part; all NULL: none */
    float *hidden;   /* (max + 1, P, H) state; [0] is carried from part to part */
    float *gates;    /* (max, P, 3H) */
    float *products; /* (max, P, 3H) */
    float *seen;     /* (max, P, H) the states as the head reads them; only with backward */
    float *x0, *x1;  /* (max, P, H) before SiLU */
    float *y0, *y1;  /* (max, P, H) after it and dropout */
    float *logits;   /* (max, P, planes) */
    float *dhidden;  /* (max, P, H) */
    float *shared;   /* (12, 3H) */
    float *arena;    /* owns the floats above */
} spiral__decoder_part;

/* backward: nonzero if backward will be called. NO_MEMORY. */
spiral_status spiral__decoder_part_create(const spiral_model *model, size_t max, int backward,
                                          spiral__decoder_part *part, spiral_error *err);
void spiral__decoder_part_clear(spiral__decoder_part *part);

/* The next part begins a new piece: no frames before it, state 0. */
void spiral__decoder_part_begin(spiral__decoder_part *part);

/* Reads the features of the next part, without computing anything: see _forward. */
void spiral__decoder_part_read(spiral__decoder_part *part, size_t frames, const spiral_keys *sounding,
                               const spiral_keys *onsets, const spiral__conditions *conditions,
                               const float *const scale[SPIRAL__READERS]);
/* The logits of the next `frames` (1 .. max) frames, of which sounding (and onsets, NULL with one plane) are
 * the cells. conditions: of the whole piece, NULL: none. scale: see spiral__moment; both NULL: 1. dropout:
 * NULL: none; else the part was created with backward. History and state advance to the end of the part. */
void spiral__decoder_part_forward(spiral__decoder_part *part, size_t frames, const spiral_keys *sounding,
                                  const spiral_keys *onsets, const spiral__conditions *conditions,
                                  const float *const scale[SPIRAL__READERS], const spiral__dropout *dropout);
/* logits[] holds the gradient of the loss with respect to the logits; adds that of the weights to grad
 * (spiral__decoder_floats). It does not go back beyond the part's first frame. The activations become
 * gradients. */
void spiral__decoder_part_backward(spiral__decoder_part *part, float *grad);

#endif
