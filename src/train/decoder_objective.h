/* SPDX-License-Identifier: MIT
 *
 * The objective of the note-by-note decoder's training: nats per frame of the corpus, and the gradient.
 *
 * A batch is SPIRAL__STREAMS streams. Each stream reads one stretch of a piece after another,
 * SPIRAL__STREAM_FRAMES frames per step. Its recurrent state is kept from step to step, and is 0 at the
 * beginning of a stretch. All stretches of the corpus are drawn once, in random order, before any is drawn
 * again. In 40% of the stretches some cells are given, in 30% the decoder has the autoencoder's sketch, in
 * 10% both; in the other 20% it knows only the past. Dropout (Srivastava et al. 2014): in each step a stream
 * drops rows of the two sparse matrices, and in each frame units of the head: of the states that the head
 * reads, and of its layers.
 */
#ifndef SPIRAL_TRAIN_DECODER_OBJECTIVE_H
#define SPIRAL_TRAIN_DECODER_OBJECTIVE_H

#include "model/decoder.h"
#include "model/model.h"
#include "spiral/data.h"
#include "train/options.h"

enum { SPIRAL__STREAMS = 4, SPIRAL__STREAM_FRAMES = 32, SPIRAL__STRETCH_FRAMES = 1024 };

/* A part of a file, at most SPIRAL__STRETCH_FRAMES frames. */
typedef struct spiral__stretch {
    size_t file, begin, frames;
} spiral__stretch;

typedef struct spiral__training_stream {
    int64_t draw;                           /* which draw the stretch is from; -1: none yet */
    const spiral_roll *roll;                /* of the stretch, borrowed */
    size_t frames, at;                      /* of the stretch; how many of them are done */
    spiral_keys *sounding, *onsets, *known; /* (SPIRAL__STRETCH_FRAMES) transposed */
    spiral_keys *windows;                   /* scratch for the sketch */
    float *sketch;                          /* (frames of whole windows, planes, P) */
    spiral__conditions conditions;
    spiral_model_work *work;
    spiral__decoder_part part;
    float *grad; /* (decoder floats) */
    double nats;
    size_t step_frames;            /* in this step */
    float *scale[SPIRAL__READERS]; /* dropout of rows of the two sparse matrices in this step */
    float *dropout;                /* (3, SPIRAL__STREAM_FRAMES, H) of states, of first and second layer */
} spiral__training_stream;

typedef struct spiral__decoder_objective {
    const spiral__train_settings *settings;
    const spiral_model *model;
    const spiral_corpus *corpus;
    spiral__pool *pool;
    spiral__stretch *stretches; /* (count) */
    size_t *order;              /* (count) of the epoch `epoch` */
    size_t count;
    int64_t epoch, draws; /* draws: stretches drawn so far */
    size_t frames;        /* of all stretches */
    int64_t step;         /* the step that was drawn last */
    float frame_scale;    /* 1 / frames of the step */
    spiral__training_stream streams[SPIRAL__STREAMS];
} spiral__decoder_objective;

/* settings, model, corpus and pool are borrowed. The model must have a decoder. NO_MEMORY; NO_DATA: the
 * corpus has no frame. */
spiral_status spiral__decoder_objective_create(const spiral__train_settings *settings,
                                               const spiral_model *model, const spiral_corpus *corpus,
                                               spiral__pool *pool, spiral__decoder_objective *objective,
                                               spiral_error *err);
void spiral__decoder_objective_clear(spiral__decoder_objective *objective);

/* Call it before the first step. Each stream begins at a random place in a stretch of its own. The
 * autoencoder's weights and the statistics of its latents must not change after this. */
void spiral__decoder_objective_start(spiral__decoder_objective *objective);

/* Adds the gradient of step number `step` to grad (decoder floats). *nats is the mean per frame, summed over
 * the cells that are not given. NUMERIC: it is not finite. */
spiral_status spiral__decoder_objective_gradient(spiral__decoder_objective *objective, int64_t step,
                                                 float *grad, double *nats, spiral_error *err);

/* For steps that another program computes. First: chooses the frames of each stream, step_frames of them from
 * `at` on. Returns the number of frames of all streams. */
size_t spiral__decoder_objective_draw(spiral__decoder_objective *objective, int64_t step);
/* Then, for each stream: advances it, and if `wanted` is nonzero, sets part.inputs to its features and
 * *dropout to its dropout. part.hidden has the state before the part; the caller writes the state after it
 * there. */
void spiral__decoder_objective_read(spiral__decoder_objective *objective, int stream, int wanted,
                                    spiral__dropout *dropout);

/* The state between two steps, for resuming. numbers (1 + 2 streams): the number of draws, then the draw and
 * the frame `at` of each stream. states: (streams, P, H); NULL: not wanted. */
enum { SPIRAL__OBJECTIVE_NUMBERS = 1 + 2 * SPIRAL__STREAMS };
void spiral__decoder_objective_get_state(const spiral__decoder_objective *objective, int64_t *numbers,
                                         float *states);
/* FORMAT: impossible numbers. */
spiral_status spiral__decoder_objective_set_state(spiral__decoder_objective *objective,
                                                  const int64_t *numbers, const float *states,
                                                  spiral_error *err);

#endif
