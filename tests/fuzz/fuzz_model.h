/* SPDX-License-Identifier: MIT
 *
 * The promises of model.h about files, checked on bytes that came from anywhere. All abort (see fuzz.h).
 */
#ifndef SPIRAL_TESTS_FUZZ_FUZZ_MODEL_H
#define SPIRAL_TESTS_FUZZ_FUZZ_MODEL_H

#include <stddef.h>

/* Has jansson's memory counted too; every target that reads JSON begins with it. */
void fuzz_json_counted(void);
/* The most that reading `size` bytes of JSON may hold at once: a value of two characters, `0,`, is a node and
 * a place in an array that has just doubled. */
size_t fuzz_json_limit(size_t size);

/* Refused, or a model of finite numbers that encodes, decodes, and is saved and loaded as the same. */
void fuzz_model_file(const unsigned char *bytes, size_t size);

#endif
