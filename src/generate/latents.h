/* SPDX-License-Identifier: MIT
 *
 * A sequence of latents, one every half window, and the roll that it represents.
 */
#ifndef SPIRAL_GENERATE_LATENTS_H
#define SPIRAL_GENERATE_LATENTS_H

#include "model/model.h"
#include "spiral/generate.h"

/* Window i begins at frame (i - 1) hop. The first begins half a window before the roll and the last ends
 * after it, so that every frame is in two windows. */
typedef struct spiral__latents {
    size_t count, hop; /* hop: frames from one window's beginning to the next, half a window */
    float *z;          /* (count, Z), owned */
} spiral__latents;

/* Zeros for a roll of `frames` frames. NO_MEMORY. */
spiral_status spiral__latents_create(const spiral_model *model, size_t frames, spiral__latents *latents,
                                     spiral_error *err);
void spiral__latents_clear(spiral__latents *latents);

/* Encodes the windows of a roll. Outside the roll there is silence, or the roll again if repeated is nonzero.
 * NO_MEMORY. */
spiral_status spiral__latents_encode(const spiral_model *model, const spiral_roll *roll, int repeated,
                                     spiral__latents *latents, spiral_error *err);

/* Decodes to a new roll of `frames` frames. Where two windows overlap, the result is the mean of their
 * logits, with weights that rise and fall linearly. report may be NULL; its struct_size must have been
 * checked. NO_MEMORY. */
spiral_status spiral__latents_decode(const spiral_model *model, const spiral__latents *latents, size_t frames,
                                     double quarters_per_min, spiral_roll *out,
                                     spiral_generate_report *report, spiral_error *err);

/* The point at s, 0..1, between two latents (Z); on the straight line if the angle between them is 0 or pi.
 * out may be a. */
void spiral__latent_interpolate(size_t Z, const float *mean, const float *a, const float *b, double s,
                                spiral_interpolation kind, float *out);

/* BAD_ARG: the roll does not fit the model, or has no frames or too many. */
spiral_status spiral__check_roll(const spiral_model *model, const spiral_roll *roll, spiral_error *err);
/* NO_DATA: the latents have not been measured, because the training is not finished. */
spiral_status spiral__check_trained(const spiral_model *model, spiral_error *err);

#endif
