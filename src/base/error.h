/* SPDX-License-Identifier: MIT
 *
 * Filling a spiral_error and forwarding a status, in one line each.
 */
#ifndef SPIRAL_BASE_ERROR_H
#define SPIRAL_BASE_ERROR_H

#include <stddef.h>

#include "spiral/status.h"

/* Fills *err (NULL is fine) with a printf-style sentence and returns status. The sentence names the thing,
 * the value and the limit, and ends without a full stop. Bytes that are no UTF-8 and control characters,
 * which come from files, are replaced by '?'. */
__attribute__((format(printf, 4, 5))) spiral_status spiral__fail(spiral_error *err, spiral_status status,
                                                                 int64_t offset, const char *format, ...);

/* NO_MEMORY with the number of bytes that could not be had. */
spiral_status spiral__no_memory(spiral_error *err, size_t bytes);

/* A path as messages show it: the path itself, or, if it would push the reason out of the sentence, "..." and
 * its end, written to room. */
enum { SPIRAL__PATH_ROOM = 160 };
const char *spiral__error_path(const char *path, char room[SPIRAL__PATH_ROOM]);

/* Puts "prefix: " before the sentence: the file it happened in, say. Returns err's status. */
spiral_status spiral__error_prefix(spiral_error *err, spiral_status status, const char *prefix);

#define SPIRAL_TRY(expr)                                  \
    do {                                                  \
        spiral_status try_status_ = (expr);               \
        if (try_status_ != SPIRAL_OK) return try_status_; \
    } while (0)

#endif
