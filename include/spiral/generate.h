/* SPDX-License-Identifier: MIT
 *
 * Making music with a trained model.
 *
 * A model with a note-by-note decoder (config.decoder > 0) writes with one call, spiral_generate: new music,
 * and the missing part of a piece of which some cells are given. Together with a sketch, made from latents,
 * the same call writes out any point of the latent space. The calls after it turn pieces into latents, move
 * latents, and turn them into sketches.
 *
 * A model without that decoder reconstructs, samples and interpolates by the calls at the end, each cell on
 * its own.
 *
 * All rolls have the model's grid. A new roll is the caller's, to be freed with spiral_roll_clear.
 */
#ifndef SPIRAL_GENERATE_H
#define SPIRAL_GENERATE_H

#include "data.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SPIRAL_GENERATE_FRAMES_MAX ((size_t)1 << 22)

/* ---- writing with the note-by-note decoder ---- */

/* What is to be written. All pointers are borrowed. */
typedef struct spiral_generate_request {
    size_t struct_size;
    size_t frames; /* T, 1..SPIRAL_GENERATE_FRAMES_MAX */
    /* The cells that are given: they are the same in the result. The others are open. Frames before the first
     * open cell of which all keys are known are the past; all other known cells are known in advance, and the
     * music leads to them. */
    const spiral_keys *known;    /* (T), or NULL: no cell is given */
    const spiral_keys *sounding; /* (T) read where known; may be NULL with known */
    const spiral_keys *onsets;   /* (T) read where known; needed with known by models of two planes */
    const float *sketch;     /* (T, planes, P) probabilities of every cell, or NULL: none. At temperature 0
                                their logits are added to those of the network */
    uint64_t seed;           /* variation i is variation 0 of seed + i */
    double temperature;      /* 0..10; the probabilities of where the next key is, and of onsets, are taken
                                to the power of 1 / temperature; 0: the most probable bit each time */
    double quarters_per_min; /* above 0, at most 1000: the tempo of rolls on a grid of beats */
    int tonic;               /* pitch class 0 (C) .. 11 (B) of a key that is favoured; -1: none */
    int minor;               /* nonzero: the key is minor */
    double density;          /* -4..4: keys that sound at a time, in standard deviations from the mean of
                                the training music; NaN: not controlled */
    int tries;               /* 1..100: how often a variation with a fault is written at most */
    int threads;             /* 0..1024; 0: one per processor; variations are written in parallel */
} spiral_generate_request;

/* Fills struct_size bytes of *request: 256 frames, nothing given, seed 1, temperature 1, 120 quarters a
 * minute, no key, no density, 4 tries, 1 thread. */
SPIRAL_API void spiral_generate_request_default(spiral_generate_request *request, size_t struct_size);

/* Faults that are searched for in the frames with open cells; the limits are those of the training music. */
enum {
    SPIRAL_GENERATE_SILENT = 1, /* no open cell sounds, in a bar or more */
    SPIRAL_GENERATE_STUCK = 2,  /* nothing changes for longer than anywhere in the training music */
    SPIRAL_GENERATE_SMEARED = 4 /* more keys sound in a bar than anywhere in the training music */
};

/* Of one variation. */
typedef struct spiral_generate_result {
    size_t struct_size; /* set by the caller, in every element of an array */
    uint64_t seed;
    double nats_per_frame; /* -log probability of the open cells at temperature 1, key and density unset */
    size_t open_frames;    /* frames with an open cell */
    int tries;             /* number of times it was written */
    unsigned faults;       /* of the result, which is the last try; 0: none */
    unsigned faults_seen;  /* of all tries */
} spiral_generate_result;

/* Writes n variations: out (n) new rolls with the model's planes; results (n) or NULL. out and results must
 * have n elements whatever n is: all of out is set to empty rolls before anything, n too, is checked. The
 * same model, request and seed give the same rolls on every processor and for any number of threads.
 * UNSUPPORTED: the model has no note-by-note decoder; BAD_ARG: a field; NO_MEMORY. After an error all rolls
 * are empty. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_generate(const spiral_model *model,
                                                           const spiral_generate_request *request, size_t n,
                                                           spiral_roll *out /* (n) */,
                                                           spiral_generate_result *results /* (n) */,
                                                           spiral_error *err);

/* Measures on training music how frames are to be sampled, and the limits of faults, and stores both in the
 * model (tensor notes.sampling): it samples pieces, compares the events in them with those in the music, and
 * adjusts the weights of these events; for free pieces, under given top voices, and from random latents.
 * samples: how many are drawn in each of the rounds whose mean is the result, at most (fewer if the music is
 * shorter than they are): the time that this takes is nearly proportional to them, and with more of them rare
 * events are weighed more exactly.
 * unseen (NULL: none): music that the model was not trained on, for spiral_generate_passage_limit. The same
 * for any number of threads. UNSUPPORTED: the model has no note-by-note decoder; NO_DATA; NO_MEMORY; BAD_ARG:
 * samples, or a corpus has another grid or number of planes. */
enum { SPIRAL_CALIBRATION_SAMPLES_MIN = 8, SPIRAL_CALIBRATION_SAMPLES_MAX = 64 };
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_generate_calibrate(spiral_model *model,
                                                                     const spiral_corpus *corpus,
                                                                     const spiral_corpus *unseen, int samples,
                                                                     int threads, spiral_error *err);

/* Frames of the passages that are compared with training music (spiral_corpus_nearest_passage): four bars, at
 * most SPIRAL_WINDOW_FRAMES_MAX; on a grid of seconds a window, cut to a multiple of 4. */
SPIRAL_API int spiral_generate_passage_frames(const spiral_model *model);
/* The share of equal cells that 99 % of unseen pieces do not exceed with their nearest passage in the
 * training music: music above it is closer to a training piece than new music is. NaN: it was never measured.
 */
SPIRAL_API double spiral_generate_passage_limit(const spiral_model *model);

/* ---- latents and sketches ---- */

/* The number of windows of a piece: consecutive from frame 0; the last is padded with silence. */
SPIRAL_API size_t spiral_latents_count(const spiral_model *model, size_t frames);

/* latents (count, Z): the latents of a roll's windows. BAD_ARG: the roll has another grid, no onsets where
 * the model has two planes, no frames or too many; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_latents_from_roll(const spiral_model *model,
                                                                    const spiral_roll *roll, float *latents,
                                                                    spiral_error *err);

/* out (count, Z), may be a: the points at `position`, 0 (a) to 1 (b). BAD_ARG. */
typedef enum spiral_interpolation {
    SPIRAL_INTERPOLATION_SLERP, /* on the great circle around the mean latent, lengths interpolated
                                   geometrically */
    SPIRAL_INTERPOLATION_LERP   /* on the straight line */
} spiral_interpolation;
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_latents_interpolate(const spiral_model *model, size_t count,
                                                                      const float *a, const float *b,
                                                                      double position,
                                                                      spiral_interpolation kind, float *out,
                                                                      spiral_error *err);

/* Moves latents (count, Z) at random: z = mean + sqrt(1 - amount^2) (z - mean) + amount F n, n standard
 * normal and the same for all windows, F as in spiral_generate_sample: latents with the distribution of the
 * training music keep it. amount 0 (no change) .. 1 (nothing is left). BAD_ARG; NO_DATA: the model's training
 * is not finished; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_latents_vary(const spiral_model *model, size_t count,
                                                               double amount, uint64_t seed, float *latents,
                                                               spiral_error *err);

/* sketch (frames, planes, P): the probabilities that the autoencoder gives the cells of the windows. latents
 * (spiral_latents_count(frames), Z). NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_sketch_from_latents(const spiral_model *model,
                                                                      const float *latents, size_t frames,
                                                                      float *sketch, spiral_error *err);

/* ---- models without the note-by-note decoder ---- */

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

/* The point at `position`, from 0 (a) to 1 (b), between two pieces: the latents of their windows are
 * interpolated one by one, and so is the tempo. The result is as long as the longer piece; the shorter one is
 * repeated. report may be NULL. BAD_ARG: position, or a roll as above; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_generate_interpolation(
    const spiral_model *model, const spiral_roll *a, const spiral_roll *b, double position,
    spiral_interpolation kind, spiral_roll *out, spiral_generate_report *report, spiral_error *err);

/* Music near a roll: its latents, moved as spiral_latents_vary does, and decoded. *out is as long as *in.
 * report may be NULL. BAD_ARG: amount, or the roll as above; NO_DATA: the model's training is not finished;
 * NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_generate_variation(const spiral_model *model,
                                                                     const spiral_roll *in, double amount,
                                                                     uint64_t seed, spiral_roll *out,
                                                                     spiral_generate_report *report,
                                                                     spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
