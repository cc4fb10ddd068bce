/* SPDX-License-Identifier: MIT
 *
 * Checks of what model.h says about files, for any bytes. All abort on failure (see fuzz.h).
 */
#ifndef SPIRAL_TESTS_FUZZ_FUZZ_MODEL_H
#define SPIRAL_TESTS_FUZZ_FUZZ_MODEL_H

#include <stddef.h>

/* Counts jansson's memory too. Every target that reads JSON calls it first. */
void fuzz_json_counted(void);
/* The most memory that reading `size` bytes of JSON may use at once: a value of two characters, `0,`, is a
 * node and an element of an array that has just been doubled. */
size_t fuzz_json_limit(size_t size);

/* The file is refused, or it is a model of finite numbers that encodes, decodes, and is unchanged after
 * saving and loading. */
void fuzz_model_file(const unsigned char *bytes, size_t size);

#endif
