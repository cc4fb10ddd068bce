/* SPDX-License-Identifier: MIT
 *
 * Structs of the public interface that may grow: options and reports. Each begins with `size_t struct_size`,
 * the size it has in the caller's header. A program that was built with an older header then works with a
 * newer library: the library takes the fields that the caller knows and sets the others to their defaults.
 *
 * Rules for whoever changes such a struct: a field is only ever added, at the end, and never into the padding
 * bytes that an earlier version ended with (an int after an odd number of ints). The size of the first
 * version stays written down beside the struct's check: it is the smallest size that is accepted.
 */
#ifndef SPIRAL_BASE_SIZED_H
#define SPIRAL_BASE_SIZED_H

#include <stddef.h>

#include "spiral/status.h"

/* BAD_ARG unless first <= struct_size <= current. `what` names the struct in the sentence. */
spiral_status spiral__sized_check(const char *what, size_t struct_size, size_t first, size_t current,
                                  spiral_error *err);

/* Reads a caller's options: *known holds the defaults of all fields (current bytes) and gets the values of
 * those that the caller has, except struct_size. BAD_ARG: options is NULL, or its struct_size is not
 * accepted. */
spiral_status spiral__sized_read(const char *what, const void *options, size_t first, void *known,
                                 size_t current, spiral_error *err);

/* Writes defaults or a report (current bytes at from) to a caller's struct of struct_size bytes and sets its
 * struct_size; bytes beyond the fields known here become 0. Writes nothing if struct_size is less than the
 * size of that field. */
void spiral__sized_write(const void *from, size_t current, void *out, size_t struct_size);

#endif
