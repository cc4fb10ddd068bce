/* SPDX-License-Identifier: MIT
 *
 * What one does with a trained model: take a piece through the code and back, draw new music, go from one
 * piece to another. Rolls in, rolls out; all rolls are of the model's grid.
 */
#ifndef SPIRAL_GENERATE_H
#define SPIRAL_GENERATE_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How network output was turned into notes. */
typedef struct spiral_generate_report {
    float threshold; /* the logit above which a key sounds */
    int lowered; /* nonzero: the model's own threshold left (almost) nothing, a lower one was taken: as many
                    keys sound as in the training music */
    double density;      /* sounding keys per column of the result */
    double edge_repeats; /* share of columns that equal the column before: near 1 = one chord for ever */
} spiral_generate_report;

/* A roll through the code (the posterior's mean) and back, windows half overlapping. *out is a new roll as
 * long as *in (free with spiral_roll_clear). report may be NULL. BAD_ARG: the grids differ; NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_generate_reconstruction(const spiral_model *model,
                                                                          const spiral_roll *in,
                                                                          spiral_roll *out,
                                                                          spiral_generate_report *report,
                                                                          spiral_error *err);

/* New music: a random path through the codes with the spread and the motion of the training music's codes,
 *     z(0) = mean + temperature F n,   z(i+1) = mean + A (z(i) - mean) + temperature G n,
 * decoded every half window, neighbours faded into each other. A pure function of model, seed, temperature
 * and columns. The result is never silent. quarters_per_min (> 0) is what a beat grid is written with.
 * BAD_ARG: temperature not in 0..10, columns not in 1..2^22; NO_DATA: the model has not been trained. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_generate_sample(const spiral_model *model, uint64_t seed,
                                                                  double temperature, size_t columns,
                                                                  double quarters_per_min, spiral_roll *out,
                                                                  spiral_generate_report *report,
                                                                  spiral_error *err);

typedef enum spiral_interpolation {
    SPIRAL_INTERPOLATION_SLERP,
    SPIRAL_INTERPOLATION_LERP
} spiral_interpolation;

/* The point at `position` (0 = a, 1 = b) of the way from one piece to another: each window's codes are
 * interpolated, on the straight line (LERP) or, around the mean code, on the great circle (SLERP). The result
 * is as long as the longer piece; the shorter one is repeated. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_generate_interpolation(
    const spiral_model *model, const spiral_roll *a, const spiral_roll *b, double position,
    spiral_interpolation path, spiral_roll *out, spiral_generate_report *report, spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif
