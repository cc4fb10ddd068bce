/* SPDX-License-Identifier: MIT
 *
 * How long a calibration takes: the number of its samples, and a small part of its work, to time it.
 */
#ifndef SPIRAL_GENERATE_CALIBRATE_H
#define SPIRAL_GENERATE_CALIBRATE_H

#include "spiral/generate.h"

/* The number of samples in all rounds of a calibration whose later rounds have `samples` each. */
double spiral__calibrate_samples(int samples);

/* The inverse: samples of a later round, SPIRAL_CALIBRATION_SAMPLES_MIN..most, so that there are at most
 * `all` in all rounds, if that is possible. */
int spiral__calibrate_fit(double all, int most);

/* Does, and throws away, a part of what spiral_generate_calibrate does: with 0 samples all that comes before
 * the first, else `samples` (1..8) of its samples. *most: samples of a later round of the whole calibration
 * on this music. */
spiral_status spiral__calibrate_rehearse(const spiral_model *model, const spiral_corpus *corpus,
                                         const spiral_corpus *unseen, int threads, size_t samples, int *most,
                                         spiral_error *err);

#endif
