/* SPDX-License-Identifier: MIT
 *
 * The axes of the sliders (axes.c): coordinates of latents that have standard deviation 1 over training
 * music.
 */
#ifndef SPIRAL_PACK_AXES_H
#define SPIRAL_PACK_AXES_H

#include "model/model.h"
#include "spiral/pack.h"

enum {
    SPIRAL__LATENT_MAX = 1024, /* of a config */
    SPIRAL__AXES_MEASURED = 16 /* that callers can ask about */
};

/* A latent with coordinates c is mean + c axes, and c = (latent - mean) inverse': both (Z, Z), NULL: not
 * wanted. music: what the quantities are measured on; NULL: sketches of drawn latents. measured (min(Z,
 * SPIRAL__AXES_MEASURED)), or NULL. NO_MEMORY. */
spiral_status spiral__axes_find(const spiral_model *model, const spiral_corpus *music, float *axes,
                                float *inverse, spiral_axis *measured, spiral_error *err);

/* A latent of the distribution of the training music: number i of a fixed sequence. z (Z). */
void spiral__axes_typical_latent(const spiral_model *model, size_t i, float *z);

#endif
