/* SPDX-License-Identifier: MIT
 *
 * The checksum of a model file, in its metadata: the SHA-256 of the whole file with the 64 digits of the
 * checksum as zeros. A second text says how it is computed; so a file in which a bit of either name has
 * changed is recognised too.
 */
#ifndef SPIRAL_MODEL_CHECKSUM_H
#define SPIRAL_MODEL_CHECKSUM_H

#include <jansson.h>
#include <stddef.h>

#include "spiral/status.h"

/* Adds both texts to the metadata of a file to be written. Nonzero: out of memory. */
int spiral__checksum_add(json_t *metadata);
/* Computes the checksum of the finished file and puts it in the place of the zeros. */
void spiral__checksum_put(unsigned char *bytes, size_t size);
/* Compares the file with its checksum. Files of version 0.1 and of other programs have none. FORMAT: they
 * differ. The bytes are the same afterwards. */
spiral_status spiral__checksum_check(unsigned char *bytes, size_t size, const json_t *metadata,
                                     spiral_error *err);
/* Removes both texts from what was read. */
void spiral__checksum_remove(json_t *metadata);

#endif
