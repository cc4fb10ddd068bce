/* SPDX-License-Identifier: MIT
 *
 * The texts of a model, apart from its numbers: a model in a page's engine has none, and needs no JSON.
 */
#ifndef SPIRAL_MODEL_METADATA_H
#define SPIRAL_MODEL_METADATA_H

#include "model/model.h"

/* Empty texts. NO_MEMORY. */
spiral_status spiral__metadata_create(spiral_model *model, spiral_error *err);
void spiral__metadata_clear(spiral_model *model); /* also after a failed create */

#endif
