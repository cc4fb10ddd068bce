/* SPDX-License-Identifier: MIT
 *
 * The best linear autoencoder of the same size, for comparison with a model.
 */
#ifndef SPIRAL_EVAL_LINEAR_H
#define SPIRAL_EVAL_LINEAR_H

#include "spiral/model.h"

/* The projection of a window onto the principal components in the model's tensors pca.mean and pca.basis. x
 * (D): cells, 0 or 1; a cell of the projection sounds above one half. coordinates (Z) is scratch. */
void spiral__linear_reconstruction(const spiral_model *model, const float *x, float *coordinates,
                                   float *projection /* (D) */);

#endif
