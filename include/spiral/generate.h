/* SPDX-License-Identifier: MIT
 *
 * Making music with a trained model: reconstructing a piece, sampling new music, interpolating between two
 * pieces. All rolls have the model's grid. A new roll is the caller's, to be freed with spiral_roll_clear.
 */
#ifndef SPIRAL_GENERATE_H
#define SPIRAL_GENERATE_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SPIRAL_GENERATE_FRAMES_MAX ((size_t)1 << 22)

/* How the model's output was turned into notes. */
typedef struct spiral_generate_report {
    size_t struct_size; /* set by the caller */
    float threshold;    /* the logit above which a key sounds */
    int lowered;    /* nonzero: at the model's own threshold (almost) no key sounds; one was taken at which as
                       many keys sound as in the training music, at least one */
    double density; /* sounding keys in a frame of the result */
    double repeated_frames; /* share of the frames that equal the frame before */
} spiral_generate_report;

/* A roll through the latents of its windows (the means of their posteriors) and back; windows overlap by
 * half. *out is as long as *in. report may be NULL. BAD_ARG: *in has another grid, no onsets where the model
 * has two planes, no frames or more than SPIRAL_GENERATE_FRAMES_MAX; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_generate_reconstruction(const spiral_model *model,
                                                                          const spiral_roll *in,
                                                                          spiral_roll *out,
                                                                          spiral_generate_report *report,
                                                                          spiral_error *err);

typedef struct spiral_sample_options {
    size_t struct_size;
    uint64_t seed;
    double temperature;      /* 0..10; scales all random numbers */
    size_t frames;           /* 1..SPIRAL_GENERATE_FRAMES_MAX */
    double quarters_per_min; /* above 0, at most 1000: the tempo of a roll on a grid of beats */
} spiral_sample_options;

/* Fills struct_size bytes of *options: seed 1, temperature 1, 256 frames, 120 quarters a minute. */
SPIRAL_API void spiral_sample_options_default(spiral_sample_options *options, size_t struct_size);

/* New music: a random sequence of latents with the distribution and the motion of those of the training
 * music,
 *
 *     z(0) = mean + temperature F n,    z(i+1) = mean + A (z(i) - mean) + temperature G n,
 *
 * n standard normal (F, A, G: docs/formats.md), decoded every half window; where windows overlap their logits
 * are mixed. A pure function of model and options. The result is never silent. report may be NULL. BAD_ARG:
 * an option; NO_DATA: the model's training is not finished; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_generate_sample(const spiral_model *model,
                                                                  const spiral_sample_options *options,
                                                                  spiral_roll *out,
                                                                  spiral_generate_report *report,
                                                                  spiral_error *err);

typedef enum spiral_interpolation {
    SPIRAL_INTERPOLATION_SLERP, /* on the great circle around the mean latent, lengths geometrically */
    SPIRAL_INTERPOLATION_LERP   /* on the straight line */
} spiral_interpolation;

/* The point at `position`, from 0 (a) to 1 (b), between two pieces: the latents of their windows are
 * interpolated one by one, and the tempo. The result is as long as the longer piece; the shorter one is
 * repeated. report may be NULL. BAD_ARG: position, or a roll as above; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_generate_interpolation(
    const spiral_model *model, const spiral_roll *a, const spiral_roll *b, double position,
    spiral_interpolation kind, spiral_roll *out, spiral_generate_report *report, spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
