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

/* Called after each round. share: of all samples, the part that has been drawn, above 0. Nonzero stops the
 * calibration. */
typedef int (*spiral__calibration_callback)(void *context, double share);

typedef struct spiral__calibration {
    int samples;                           /* as spiral_generate_calibrate takes it */
    spiral__calibration_callback callback; /* NULL: none */
    void *context;
} spiral__calibration;

/* spiral_generate_calibrate with a callback. INTERRUPTED: it stopped the calibration; the model is unchanged.
 */
spiral_status spiral__calibrate(spiral_model *model, const spiral_corpus *corpus, const spiral_corpus *unseen,
                                const spiral__calibration *calibration, int threads, spiral_error *err);

/* Does a part of the work of spiral_generate_calibrate and discards the result: if samples is 0, everything
 * before the first sample, else `samples` (1..8) samples. *most: the samples of a later round if the number
 * is not limited. */
spiral_status spiral__calibrate_rehearse(const spiral_model *model, const spiral_corpus *corpus,
                                         const spiral_corpus *unseen, int threads, size_t samples, int *most,
                                         spiral_error *err);

#endif
