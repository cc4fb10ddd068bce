/* SPDX-License-Identifier: MIT
 *
 * Scores a model on a corpus it was not trained on.
 */
#ifndef SPIRAL_EVAL_H
#define SPIRAL_EVAL_H

#include "data.h"
#include "metrics.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spiral_evaluation {
    spiral_metrics model; /* the model at its threshold */
    spiral_metrics pca;   /* the linear floor: as many principal components of its training data */
    size_t windows;       /* compared: one after another, the empty ones left out */
    double bce_nats;      /* per window */
    double kl_nats;       /* per window; 0 for an ae */
    double target_density, predicted_density; /* sounding keys per column */
} spiral_evaluation;

/* Encodes and decodes every window of the corpus, whose rolls must be of the model's kind. tolerance_s: for
 * note onsets. NO_DATA: no window with a note. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_model_evaluate(const spiral_model *model,
                                                                 const spiral_corpus *corpus,
                                                                 double tolerance_s, int threads,
                                                                 spiral_evaluation *evaluation,
                                                                 spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
