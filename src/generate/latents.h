/* SPDX-License-Identifier: MIT
 *
 * A sequence of latents, one for each half window, and the roll it stands for.
 */
#ifndef SPIRAL_GENERATE_LATENTS_H
#define SPIRAL_GENERATE_LATENTS_H

#include "model/model.h"
#include "spiral/generate.h"

/* Window i begins at frame (i - 1) hop: the first one half a window before the roll, the last one ends after
 * it, so that every frame is in two windows. */
typedef struct spiral__latents {
    size_t count, hop; /* hop: frames between the windows, half a window */
    float *z;          /* (count, Z), owned */
} spiral__latents;

/* Zeros for a roll of `frames` frames. NO_MEMORY. */
spiral_status spiral__latents_create(const spiral_model *model, size_t frames, spiral__latents *latents,
                                     spiral_error *err);
void spiral__latents_clear(spiral__latents *latents);

/* Encodes the windows of a roll. Before its beginning and after its end is the roll again (repeated nonzero)
 * or silence. NO_MEMORY. */
spiral_status spiral__latents_encode(const spiral_model *model, const spiral_roll *roll, int repeated,
                                     spiral__latents *latents, spiral_error *err);

/* Decodes to a new roll of `frames` frames. Where two windows overlap their logits are mixed, each rising and
 * falling linearly. report may be NULL; its struct_size has been checked. NO_MEMORY. */
spiral_status spiral__latents_decode(const spiral_model *model, const spiral__latents *latents, size_t frames,
                                     double quarters_per_min, spiral_roll *out,
                                     spiral_generate_report *report, spiral_error *err);

/* The point at s, 0..1, between two latents (Z); on the straight line where there is no angle between them.
 * out may be a. */
void spiral__latent_interpolate(size_t Z, const float *mean, const float *a, const float *b, double s,
                                spiral_interpolation kind, float *out);

/* BAD_ARG: the roll does not fit the model, or has no frames or too many. */
spiral_status spiral__check_roll(const spiral_model *model, const spiral_roll *roll, spiral_error *err);
/* NO_DATA: training has not measured the latents. */
spiral_status spiral__check_trained(const spiral_model *model, spiral_error *err);

#endif
