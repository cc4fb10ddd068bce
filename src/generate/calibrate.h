/* SPDX-License-Identifier: MIT
 *
 * For planning how long a calibration takes: the number of its samples, and a small part of its work to be
 * timed.
 */
#ifndef SPIRAL_GENERATE_CALIBRATE_H
#define SPIRAL_GENERATE_CALIBRATE_H

#include "spiral/generate.h"

/* The number of samples in all rounds of a calibration that draws `samples` in each later round. */
double spiral__calibrate_samples(int samples);

/* The inverse: the largest number of samples of a later round, SPIRAL_CALIBRATION_SAMPLES_MIN..most, for
 * which all rounds together have at most `all` samples; SPIRAL_CALIBRATION_SAMPLES_MIN if there is none. */
int spiral__calibrate_fit(double all, int most);

/* Does a part of the work of spiral_generate_calibrate and discards the result: if samples is 0, everything
 * before the first sample, else `samples` (1..8) samples. *most: the samples of a later round if the number
 * is not limited. */
spiral_status spiral__calibrate_rehearse(const spiral_model *model, const spiral_corpus *corpus,
                                         const spiral_corpus *unseen, int threads, size_t samples, int *most,
                                         spiral_error *err);

#endif
