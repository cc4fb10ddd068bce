/* SPDX-License-Identifier: MIT
 *
 * Writes music with the note-by-note decoder: frame after frame, key after key, each cell drawn from the
 * probability that the network gives it, unless it is given. The same request and seed give the same bytes on
 * every processor: no call of libm, no file, no thread.
 *
 *     spiral__writer_create(weights, sampling, &request, &writer, err);      reads the frames that are given
 *     spiral__writer_run(&writer, seed, sounding, onsets, &result, err);     once for each variation
 *     spiral__writer_clear(&writer);
 */
#ifndef SPIRAL_DECODE_WRITER_H
#define SPIRAL_DECODE_WRITER_H

#include "decode/sampling.h"
#include "decode/stream.h"

enum { SPIRAL__ANY_DENSITY = -1 };

/* The request. All pointers are borrowed until the writer is cleared. */
typedef struct spiral__request {
    size_t frames;               /* T */
    const spiral_keys *known;    /* (T) cells that are given; NULL: none */
    const spiral_keys *sounding; /* (T) where known */
    const spiral_keys *onsets;   /* (T) where known; NULL with one plane */
    const float *sketch;         /* (T, planes, P) probabilities; NULL: none */
    float temperature;           /* 0: each bit is the more probable one */
    float voices;                /* keys that should sound in a frame on average; SPIRAL__ANY_DENSITY */
    int has_key;                 /* nonzero: the next three arrays are used; by pitch class, C first */
    float begins_bias[12];       /* added to the logit of a key that would begin */
    float begins_weight[12];     /* at most 0: added to the weight of the frame for each key that begins */
    float first_bias[12];        /* more bias, in the first frame of a piece without given frames */
    int tries;                   /* with guards: largest number of tries of a variation; 1: no guards */
} spiral__request;

typedef struct spiral__writer_result {
    double nats;          /* -log probability of the open cells by the network at temperature 1 */
    size_t open_frames;   /* frames with an open cell */
    size_t decided;       /* frames that were drawn, including those that were not kept */
    unsigned faults;      /* spiral_generate_fault bits of what was written; 0: none */
    unsigned faults_seen; /* of all tries */
    int tries;
} spiral__writer_result;

typedef struct spiral__writer {
    spiral__request request;
    spiral__sampling sampling;
    spiral__conditions conditions;
    int has_conditions;
    size_t first;          /* the first frame with an open cell; T if there is none */
    spiral__stream prefix; /* after the frames before it */
} spiral__writer;

/* NO_MEMORY. */
spiral_status spiral__writer_create(const spiral__decoder_weights *weights, const spiral__sampling *sampling,
                                    const spiral__request *request, spiral__writer *writer,
                                    spiral_error *err);
void spiral__writer_clear(spiral__writer *writer);

/* Writes sounding (T) and, with two planes, onsets (T). May run in several threads at once. Given cells are
 * as given; keys outside the decoder's range as in request.sounding where known, else silent. NO_MEMORY. */
spiral_status spiral__writer_run(const spiral__writer *writer, uint64_t seed, spiral_keys *sounding,
                                 spiral_keys *onsets, spiral__writer_result *result, spiral_error *err);

/* ---- guards (guards.c) ---- */

/* Faults of what was written, as bits of spiral_generate_fault. Only frames with an open cell count. */
unsigned spiral__find_faults(const spiral__writer *writer, const spiral_keys *sounding,
                             const spiral_keys *onsets);

#endif
