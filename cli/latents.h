/* SPDX-License-Identifier: MIT
 *
 * Latents of pieces, and writing latents out with the note-by-note decoder.
 */
#ifndef SPIRAL_CLI_LATENTS_H
#define SPIRAL_CLI_LATENTS_H

#include <stdlib.h>

#include "variations.h"

/* Each returns -1 or the exit status after printing why. The caller frees the arrays, also after a failure.
 */

/* Whether a verb writes with the note-by-note decoder; way: the value of --decode. */
int cli_decodes_notes(const cli_writing *w, int way);

/* The latents of a roll's windows (spiral_latents_count(frames), Z); a roll shorter than `frames` is
 * repeated. */
int cli_latents_of(const spiral_model *model, const spiral_roll *roll, size_t frames, float **latents);
int cli_latents_copy(const spiral_model *model, size_t frames, const float *latents, float **copy);

/* Latents to a new roll of `frames` frames, with the flags of w. */
int cli_write_latents(cli_writing *w, const float *latents, size_t frames, double quarters_per_min,
                      uint64_t seed, spiral_roll *out, spiral_generate_result *result);
/* The same from the sketch alone, by the rule that the model is set to: threshold or min-risk. */
int cli_threshold_latents(const spiral_model *model, const float *latents, size_t frames,
                          double quarters_per_min, spiral_roll *out);

/* How far b is from a: spiral error per note of a. */
int cli_distance(const spiral_roll *a, const spiral_roll *b, double *distance);

#endif
