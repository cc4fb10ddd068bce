/* SPDX-License-Identifier: MIT
 *
 * What is minimised when the note-by-note decoder is trained: nats per frame of pieces of the corpus, and the
 * gradient.
 *
 * A batch is SPIRAL__STREAMS streams. Each goes through one stretch of a piece after another,
 * SPIRAL__STREAM_FRAMES frames a step, and carries the recurrent state along; it is 0 at the beginning of a
 * stretch. All stretches of the corpus are drawn once, in random order, before any is drawn again. In two of
 * ten stretches the decoder knows the past alone; in four some cells are given, in three it has the
 * autoencoder's sketch, in one both. Dropout (Srivastava et al. 2014): a stream's step leaves out rows of the
 * two sparse matrices, and in each frame units of the head, of the states that it reads and of its layers.
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
    size_t frames, at;                      /* of the stretch; done */
    spiral_keys *sounding, *onsets, *known; /* (SPIRAL__STRETCH_FRAMES) transposed */
    spiral_keys *windows;                   /* of the stretch, for the sketch */
    float *sketch;                          /* (frames of whole windows, planes, P) */
    spiral__conditions conditions;
    spiral_model_work *work;
    spiral__decoder_part part;
    float *grad; /* (decoder floats) */
    double nats;
    size_t step_frames;            /* in this step */
    float *scale[SPIRAL__READERS]; /* dropout of rows of the two sparse matrices in this step */
    float *dropout;                /* (3, SPIRAL__STREAM_FRAMES, H) of states, first and second layer */
} spiral__training_stream;

typedef struct spiral__decoder_objective {
    const spiral__train_settings *settings;
    const spiral_model *model;
    const spiral_corpus *corpus;
    spiral__pool *pool;
    spiral__stretch *stretches; /* (count) */
    size_t *order;              /* (count) of the epoch `epoch` */
    size_t count;
    int64_t epoch, draws; /* stretches drawn so far */
    size_t frames;        /* of all stretches */
    int64_t step;         /* that was drawn last */
    float frame_scale;    /* 1 / frames of the step */
    spiral__training_stream streams[SPIRAL__STREAMS];
} spiral__decoder_objective;

/* settings, model, corpus and pool are borrowed. The model has a decoder. NO_MEMORY; NO_DATA: no frame. */
spiral_status spiral__decoder_objective_create(const spiral__train_settings *settings,
                                               const spiral_model *model, const spiral_corpus *corpus,
                                               spiral__pool *pool, spiral__decoder_objective *objective,
                                               spiral_error *err);
void spiral__decoder_objective_clear(spiral__decoder_objective *objective);

/* Before the first step: every stream somewhere in a stretch of its own. The autoencoder's weights and the
 * statistics of its latents must not change from here on. */
void spiral__decoder_objective_start(spiral__decoder_objective *objective);

/* Adds the gradient of step number `step` to grad (decoder floats). *nats is the mean per frame over the
 * cells that are not given. NUMERIC: it is not finite. */
spiral_status spiral__decoder_objective_gradient(spiral__decoder_objective *objective, int64_t step,
                                                 float *grad, double *nats, spiral_error *err);

/* The first half of a step that is computed elsewhere: which frames each stream has, step_frames from `at`
 * on. Returns the frames of all streams. */
size_t spiral__decoder_objective_draw(spiral__decoder_objective *objective, int64_t step);
/* Then, for each stream: its features, if they are wanted, in part.inputs, and the dropout in *dropout; it
 * moves on. The state before the part is, and that after it belongs, at part.hidden. */
void spiral__decoder_objective_read(spiral__decoder_objective *objective, int stream, int wanted,
                                    spiral__dropout *dropout);

/* The state between two steps, for resuming: numbers (1 + 2 streams) are the draws, and of each stream its
 * draw and place; states (streams, P, H), NULL: not wanted. */
enum { SPIRAL__OBJECTIVE_NUMBERS = 1 + 2 * SPIRAL__STREAMS };
void spiral__decoder_objective_get_state(const spiral__decoder_objective *objective, int64_t *numbers,
                                         float *states);
/* FORMAT: the numbers cannot be. */
spiral_status spiral__decoder_objective_set_state(spiral__decoder_objective *objective,
                                                  const int64_t *numbers, const float *states,
                                                  spiral_error *err);

#endif
