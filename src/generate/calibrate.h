/* SPDX-License-Identifier: MIT
 *
 * A small part of a calibration's work, to time it.
 */
#ifndef SPIRAL_GENERATE_CALIBRATE_H
#define SPIRAL_GENERATE_CALIBRATE_H

#include "spiral/generate.h"

/* Does, and throws away, a part of what spiral_generate_calibrate does: with 0 samples all that comes before
 * the first, else `samples` (1..8) of its samples. *share: the part of all its samples that these are. */
spiral_status spiral__calibrate_rehearse(const spiral_model *model, const spiral_corpus *corpus,
                                         const spiral_corpus *unseen, int threads, size_t samples,
                                         double *share, spiral_error *err);

#endif
