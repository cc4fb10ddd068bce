/* SPDX-License-Identifier: MIT
 *
 * Scoring a model on a corpus.
 */
#ifndef SPIRAL_EVAL_H
#define SPIRAL_EVAL_H

#include "data.h"
#include "metrics.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The -log probability of the music in the cells that a command would have to write, per frame that has such
 * cells. */
typedef struct spiral_task_nats {
    size_t frames;             /* 0: no file is long enough, and all else is 0 */
    double nats_per_frame;     /* of the decoder, given all that the command is given */
    double past_only;          /* of the decoder, given only what comes before each cell */
    double markov, repeat_bar; /* of the two simple models, which read the past only */
} spiral_task_nats;

typedef struct spiral_evaluation {
    size_t struct_size;    /* set by the caller */
    size_t windows;        /* compared: one after another, without the silent ones */
    double bce_nats;       /* binary cross-entropy per window */
    double kl_nats;        /* per window; 0 for an ae */
    double target_density; /* sounding keys in a frame */
    double predicted_density;
    /* Of the decoder, 0 if the model has none: nats of all cells of a frame, of whole files from their first
     * frame. */
    size_t frames;
    double nats_per_frame, nats_per_note;
    double nats_per_changing_frame; /* of the frames in which a key begins or ends */
    /* Two simple models of the training music, each key on its own: given its cell in the frame before; given
     * its cell a bar before (on a grid of seconds: two seconds). */
    double markov_nats_per_frame, repeat_bar_nats_per_frame;
    spiral_task_nats continued;  /* the second half of each file, given the first */
    spiral_task_nats filled;     /* its bars 3 and 4 (seconds 4 to 8), given all before and after */
    spiral_task_nats harmonized; /* all below the highest key that sounds in a frame, given that one and the
                                    keys above it */
} spiral_evaluation;

/* Encodes and decodes every window of the corpus, whose rolls must be of the model's grid and planes.
 * *metrics: the model at its threshold. *pca, if not NULL: the reconstruction by as many principal components
 * of its training data, which is the best linear one. tolerance_s: for the onsets of notes. threads: 0..1024,
 * 0 is one per processor. BAD_ARG; NO_DATA: no window has a note; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_evaluate(
    const spiral_model *model, const spiral_corpus *corpus, double tolerance_s, int threads,
    spiral_evaluation *evaluation, spiral_metrics *metrics, spiral_metrics *pca, spiral_error *err);

/* The threshold, of -4.0, -3.9 .. 4.0, with the highest F1 of the cells of the corpus' windows (one after
 * another, without the silent ones, at most 4096, evenly spread); if several are equal, 0 if it is one of
 * them, else the lowest. BAD_ARG; NO_DATA: no window has a note; NUMERIC: a logit is not finite; NO_MEMORY.
 */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_choose_threshold(const spiral_model *model,
                                                                         const spiral_corpus *corpus,
                                                                         int threads, float *threshold,
                                                                         spiral_error *err);

/* The scale of spiral_decode_min_risk with the highest F1 of the sounding cells of the corpus' windows (at
 * most 512, evenly spread), of twelve from half to twice that at which a lone note sounds at the model's
 * threshold. BAD_ARG: the corpus is not of the model's grid and planes; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_choose_min_risk_scale(const spiral_model *model,
                                                                              const spiral_corpus *corpus,
                                                                              float *scale,
                                                                              spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
