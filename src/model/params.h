/* SPDX-License-Identifier: MIT
 *
 * The one list of a model's tensors: names, shapes, first values. Arena, optimiser, checkpoint and every loop
 * over tensors come from it.
 *
 * Sizes: D cells, H hidden units, Z code, O = Z (ae) or 2 Z (vae: mean, log variance), N = H + Z: the linear
 * path rides in the same matrix as the first and last layer. L layers, M = L - 1.
 */
#ifndef SPIRAL_MODEL_PARAMS_H
#define SPIRAL_MODEL_PARAMS_H

#include <stddef.h>

/* Matrices and vectors are trained, weight decay is for matrices only; facts are measured, not trained. */
typedef enum spiral__tensor_group { SPIRAL__MATRIX, SPIRAL__VECTOR, SPIRAL__FACT } spiral__tensor_group;

/* X(id, name, rows, columns, how often, group, scale of the first values).
 * Scale s > 0: normal with deviation s / sqrt(rows). 0: zeros. -1: ones. */
#define SPIRAL__TENSOR_LIST(X)                                                                            \
    X(ENC_IN, "encoder.0.weight", D, N, one, SPIRAL__MATRIX, 1.414f)                                      \
    X(ENC_MID, "encoder.%d.weight", H, H, M, SPIRAL__MATRIX, 1.414f)                                      \
    X(CODE_W, "code.weight", H, O, one, SPIRAL__MATRIX, 1.0f)                                             \
    X(DEC_IN, "decoder.0.weight", Z, H, one, SPIRAL__MATRIX, 1.414f)                                      \
    X(DEC_MID, "decoder.%d.weight", H, H, M, SPIRAL__MATRIX, 1.414f)                                      \
    X(OUT_W, "out.weight", N, D, one, SPIRAL__MATRIX, 1.0f)                                               \
    X(ENC_GAIN, "encoder.%d.norm.weight", one, H, L, SPIRAL__VECTOR, -1.0f)                               \
    X(ENC_SHIFT, "encoder.%d.norm.bias", one, H, L, SPIRAL__VECTOR, 0.0f)                                 \
    X(CODE_B, "code.bias", one, O, one, SPIRAL__VECTOR, 0.0f)                                             \
    X(DEC_GAIN, "decoder.%d.norm.weight", one, H, L, SPIRAL__VECTOR, -1.0f)                               \
    X(DEC_SHIFT, "decoder.%d.norm.bias", one, H, L, SPIRAL__VECTOR, 0.0f)                                 \
    X(OUT_B, "out.bias", one, D, one, SPIRAL__VECTOR, 0.0f)                                               \
    X(PCA_MEAN, "pca.mean", one, D, one, SPIRAL__FACT, 0.0f)       /* mean window of the training data */ \
    X(PCA_BASIS, "pca.basis", Z, D, one, SPIRAL__FACT, 0.0f)       /* its principal axes, orthonormal */  \
    X(CODES_MEAN, "codes.mean", one, Z, one, SPIRAL__FACT, 0.0f)   /* mean code of the training data */   \
    X(CODES_FACTOR, "codes.factor", Z, Z, one, SPIRAL__FACT, 0.0f) /* F F' = their covariance */          \
    X(CODES_STEP, "codes.step", Z, Z, one, SPIRAL__FACT, 0.0f)     /* z' - mean ~ A (z - mean) + noise */ \
    X(CODES_NOISE, "codes.noise", Z, Z, one, SPIRAL__FACT, 0.0f)   /* G G' = covariance of that noise */  \
    X(CODES_DENSITY, "codes.density", one, one, one, SPIRAL__FACT, 0.0f) /* mean sounding keys a column */

typedef enum spiral__tensor_id {
#define SPIRAL_X(id, name, rows, columns, count, group, scale) SPIRAL__##id,
    SPIRAL__TENSOR_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL__TENSOR_COUNT
} spiral__tensor_id;

#endif
