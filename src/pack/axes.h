/* SPDX-License-Identifier: MIT
 *
 * The principal axes of a model's latents.
 */
#ifndef SPIRAL_PACK_AXES_H
#define SPIRAL_PACK_AXES_H

#include "model/model.h"
#include "spiral/pack.h"

enum { SPIRAL__AXES_MEASURED = 16 /* the axes from here on are not measured, and point anywhere */ };

/* axes (Z, Z): orthonormal rows, that of the largest variance first; sd (Z). measured (Z, or NULL): of the first
 * SPIRAL__AXES_MEASURED. NO_MEMORY. */
spiral_status spiral__axes_find(const spiral_model *model, float *axes, double *sd, spiral_axis *measured,
                                spiral_error *err);

/* A latent of the distribution of the training music: number i of a fixed sequence. z (Z). */
void spiral__axes_typical_latent(const spiral_model *model, size_t i, float *z);

#endif
