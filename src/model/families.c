/* SPDX-License-Identifier: MIT
 *
 * The networks of a model (see family.h). A file of its own: model.c calls them through this list and knows
 * none.
 */
#include <stddef.h>

#include "model/autoencoder.h"
#include "model/decoder.h"

const spiral__family *const spiral__families[] = {&spiral__autoencoder_family, &spiral__decoder_family, NULL};
