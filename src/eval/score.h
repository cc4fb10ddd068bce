/* SPDX-License-Identifier: MIT
 *
 * Scoring the weights of a model on the windows of a corpus, cell by cell.
 */
#ifndef SPIRAL_EVAL_SCORE_H
#define SPIRAL_EVAL_SCORE_H

#include "base/par.h"
#include "spiral/data.h"
#include "spiral/loss.h"
#include "spiral/model.h"

typedef struct spiral__scores {
    size_t windows;   /* scored */
    double loss;      /* per window; 0 without a loss */
    double f1, exact; /* cells at threshold 0; share of windows in which every cell is right */
    double density;   /* sounding keys per frame of the corpus */
    float threshold;  /* see spiral_model_choose_threshold */
    size_t bad_file;  /* NUMERIC: the file of the window */
} spiral__scores;

/* Scores the windows of the corpus: one after another, without the silent ones, at most 4096 of them, evenly
 * spread. loss: summed over its cells, from logits, of the model's keys; NULL: none. NO_DATA: no window has a
 * note; NUMERIC: loss or a logit is not finite, the sentence begins with the file; NO_MEMORY. */
spiral_status spiral__score_windows(const spiral_model *model, const spiral_corpus *corpus,
                                    const spiral_loss *loss, spiral__pool *pool, spiral__scores *scores,
                                    spiral_error *err);

#endif
