/* SPDX-License-Identifier: MIT
 *
 * SHA-256 (FIPS 180-4), for checksums of files.
 */
#ifndef SPIRAL_BASE_SHA256_H
#define SPIRAL_BASE_SHA256_H

#include <stddef.h>

/* The digest of size bytes as 64 hexadecimal digits and a NUL. */
void spiral__sha256(const void *bytes, size_t size, char hex[65]);

#endif
