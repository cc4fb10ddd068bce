/* SPDX-License-Identifier: MIT
 *
 * Filling a spiral_error and forwarding a status, in one line each.
 */
#ifndef SPIRAL_BASE_ERROR_H
#define SPIRAL_BASE_ERROR_H

#include <stddef.h>

#include "spiral/status.h"

/* Fills *err (NULL is fine) with a printf-style sentence and returns status. The sentence names the thing,
 * the value and the limit, and ends without a full stop. Control characters and bytes that are not UTF-8,
 * which come from files, are replaced by '?'. */
__attribute__((format(printf, 4, 5))) spiral_status spiral__fail(spiral_error *err, spiral_status status,
                                                                 int64_t offset, const char *format, ...);

/* NO_MEMORY with the number of bytes that were asked for; 0: not known. */
spiral_status spiral__no_memory(spiral_error *err, size_t bytes);

/* IO: "PATH: cannot WHAT: REASON", REASON being the system's text for errno; NO_MEMORY for ENOMEM. */
spiral_status spiral__fail_io(spiral_error *err, const char *path, const char *what);

/* The system's text for an errno value, written to text. Unlike strerror, safe in any thread. Returns text.
 */
enum { SPIRAL__ERRNO_TEXT = 128 };
const char *spiral__errno_text(int number, char text[SPIRAL__ERRNO_TEXT]);

/* A path as messages show it: the path itself, or, if it is so long that there would be no room for the
 * reason, "..." and its end, written to text. */
enum { SPIRAL__PATH_TEXT = 160 };
const char *spiral__error_path(const char *path, char text[SPIRAL__PATH_TEXT]);

/* Puts "prefix: " before the sentence, a path for example. Returns status. */
spiral_status spiral__error_prefix(spiral_error *err, spiral_status status, const char *prefix);

#define SPIRAL_TRY(expr)                                  \
    do {                                                  \
        spiral_status try_status_ = (expr);               \
        if (try_status_ != SPIRAL_OK) return try_status_; \
    } while (0)

#endif
