/* SPDX-License-Identifier: MIT
 *
 * Turns the requested key and density into biases on the decoder's logits.
 */
#ifndef SPIRAL_GENERATE_KEY_DENSITY_H
#define SPIRAL_GENERATE_KEY_DENSITY_H

#include "decode/writer.h"
#include "model/model.h"
#include "spiral/generate.h"

/* The request must have been checked. The result borrows its pointers. */
spiral__request spiral__key_density_request(const spiral_model *model,
                                            const spiral_generate_request *request);

#endif
