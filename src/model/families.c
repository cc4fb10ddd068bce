/* SPDX-License-Identifier: MIT
 *
 * The networks of a model (see family.h). In a file of its own, so that model.c depends on none of them.
 */
#include <stddef.h>

#include "model/autoencoder.h"
#include "model/decoder.h"

const spiral__family *const spiral__families[] = {&spiral__autoencoder_family, &spiral__decoder_family, NULL};
