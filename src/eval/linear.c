/* SPDX-License-Identifier: MIT
 *
 * The best linear autoencoder of the same size (see linear.h).
 */
#include <string.h>

#include "base/linalg.h"
#include "eval/linear.h"
#include "model/model.h"

void spiral__linear_reconstruction(const spiral_model *m, const float *x, float *coordinates,
                                   float *projection) {
    const size_t D = m->ae.D, Z = m->ae.Z;
    const float *mean = spiral__tensor_data(m, m->ae.pca_mean), *Q = spiral__tensor_data(m, m->ae.pca_basis);
    for (size_t d = 0; d < D; d++) projection[d] = x[d] - mean[d];
    for (size_t z = 0; z < Z; z++) coordinates[z] = (float)spiral__dot(D, projection, Q + z * D);
    memcpy(projection, mean, D * sizeof *projection);
    for (size_t z = 0; z < Z; z++)
        for (size_t d = 0; d < D; d++) projection[d] += coordinates[z] * Q[z * D + d];
}
