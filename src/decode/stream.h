/* SPDX-License-Identifier: MIT
 *
 * The note-by-note decoder, one cell at a time, for generation. The results are bit-identical on every
 * instruction set.
 *
 *     spiral__stream_create(weights, &stream, err);
 *     spiral__stream_begin(&stream);
 *     for each frame {
 *         spiral__stream_begin_frame(&stream, conditions);
 *         for (int p = 0; p < P; p++) {
 *             spiral__stream_logits(&stream, p, logits);
 *             spiral__stream_set_key(&stream, p, sounding, onset);
 *         }
 *         spiral__stream_end_frame(&stream);
 *     }
 */
#ifndef SPIRAL_DECODE_STREAM_H
#define SPIRAL_DECODE_STREAM_H

#include "decode/features.h"

/* The decoder's weights, borrowed. H units in the recurrent layer and in each layer of the head. */
typedef struct spiral__decoder_weights {
    const spiral__features *features;
    size_t H;
    const float *recurrent_rows;            /* (features->rows[RECURRENT], 3H) gates r | z | c */
    const float *recurrent_weight;          /* (H, 3H) of the state */
    const float *input_bias, *state_bias;   /* (3H) */
    const float *head_rows;                 /* (features->rows[HEAD], H) */
    const float *head0_weight, *head0_bias; /* (H, H) from the state, (H) */
    const float *head1_weight, *head1_bias; /* (H, H), (H) */
    const float *out_weight, *out_bias;     /* (H, planes), (planes): sounds; begins, if it sounds */
} spiral__decoder_weights;

typedef struct spiral__stream {
    spiral__decoder_weights weights;
    spiral__history history;
    spiral__moment moment;   /* between begin_frame and end_frame */
    spiral__decided decided; /* of the frame */
    float *state;            /* (P, H) of the recurrent layer */
    float *head; /* (P, H) the part of the head's input that does not depend on this frame's cells */
    float *gates, *products; /* (P, 3H) scratch */
    float *shared;           /* (3H) scratch */
    float *hidden;           /* (2, H) scratch */
    float *arena;            /* the memory of these arrays, owned */
} spiral__stream;

/* weights->features is borrowed. NO_MEMORY. */
spiral_status spiral__stream_create(const spiral__decoder_weights *weights, spiral__stream *stream,
                                    spiral_error *err);
void spiral__stream_clear(spiral__stream *stream);

/* Before the first frame of a piece. */
void spiral__stream_begin(spiral__stream *stream);
/* Copies all that the next frames depend on, between two frames, to a stream of the same weights. */
void spiral__stream_copy(const spiral__stream *from, spiral__stream *to);

/* The next frame, t = history.t. conditions (NULL: none) must last until end_frame. */
void spiral__stream_begin_frame(spiral__stream *stream, const spiral__conditions *conditions);
/* logits (planes): of key p sounding, and of it beginning if it sounds, given the keys that were set. */
void spiral__stream_logits(spiral__stream *stream, int p, float *logits);
/* Decides key p, in the order 0 .. P - 1. With one plane, onset is not used. */
void spiral__stream_set_key(spiral__stream *stream, int p, int sounding, int onset);
/* Discards the keys that were set in this frame: the next is key 0 again. */
void spiral__stream_retry_frame(spiral__stream *stream);
void spiral__stream_end_frame(spiral__stream *stream);

/* The same for a frame whose cells are all known: it only becomes part of the past. */
void spiral__stream_skip_frame(spiral__stream *stream, const spiral__conditions *conditions,
                               spiral_keys sounding, spiral_keys onsets);

#endif
