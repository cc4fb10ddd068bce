/* SPDX-License-Identifier: MIT
 *
 * Principal components of windows: where training starts from, and the floor it must beat.
 */
#ifndef SPIRAL_TRAIN_PCA_H
#define SPIRAL_TRAIN_PCA_H

#include "model/model.h"
#include "data/corpus.h"

/* Measures mean and first Z principal axes of random windows of the corpus into the model's facts (pca.mean,
 * pca.basis), and starts the model from them: its linear path becomes the projection onto whitened components
 * and back, its networks add nothing yet. The windows are not
 * transposed: the components are those of the music as it is. NO_MEMORY. */
spiral_status spiral__pca_start(spiral_model *model, const spiral_corpus *corpus, uint64_t seed,
                                spiral_error *err);

/* Reconstruction of one window by mean and basis alone: x (D) in, its projection out (D). coordinates (Z) is
 * scratch. A cell sounds above one half. */
void spiral__pca_project(const spiral_model *model, const float *x, float *coordinates, float *projection);

#endif
