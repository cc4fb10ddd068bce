/* SPDX-License-Identifier: MIT
 *
 * Two simple models of rolls, counted on the training music, that the decoder's likelihood is compared with.
 * In both a cell is silent, begins, or continues (with one plane: it begins if it was silent), and is
 * independent of the other keys of its frame:
 *
 *     Markov   p(cell | the same key in the frame before), for each key. To the counts of a key, the shares
 *              of all keys together are added with the weight of one observation.
 *     repeat   p(cell | the same key one period before), for all keys together. The period is a bar, or two
 *              seconds on a grid of seconds. The time before the first frame is silent.
 *
 * Each row of a matrix that is counted over all keys begins with one observation, a third of each transition.
 * The model keeps them as the tensors notes.markov and notes.repeat.
 */
#ifndef SPIRAL_EVAL_BASELINES_H
#define SPIRAL_EVAL_BASELINES_H

#include "model/model.h"
#include "spiral/data.h"

/* Counts the files of the corpus into the model's tensors. The model has a decoder. */
void spiral__baselines_measure(spiral_model *model, const spiral_corpus *corpus);

/* Nats of all frames of the files. */
void spiral__baselines_score(const spiral_model *model, const spiral_corpus *corpus, double *markov_nats,
                             double *repeat_nats);

/* ---- of some cells ---- */

/* The nats of each transition. */
typedef struct spiral__baselines {
    const spiral_model *model;
    double markov[SPIRAL_KEY_COUNT][3][3], repeat[3][3];
} spiral__baselines;

void spiral__baselines_init(const spiral_model *model, spiral__baselines *baselines);

/* Adds the nats of frame t of a roll. known: cells that cost nothing; NULL: none. */
void spiral__baselines_add_frame(const spiral__baselines *baselines, const spiral_roll *roll, size_t t,
                                 const spiral_keys *known, double *markov_nats, double *repeat_nats);

/* Frames after which a bar is repeated: those of a bar, or of two seconds. */
size_t spiral__baselines_period(const spiral_model *model);

#endif
