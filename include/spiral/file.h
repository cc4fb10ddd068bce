/* SPDX-License-Identifier: MIT
 *
 * Files that are written completely or not at all: under a temporary name in the same folder, flushed to disk
 * and renamed. All calls of the library that write files do so in this way. A file that is replaced keeps its
 * permissions; a read-only one is refused; a link is followed; a device or a pipe is written to directly.
 */
#ifndef SPIRAL_FILE_H
#define SPIRAL_FILE_H

#include <stddef.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes bytes (size) to path; "-" is standard output. IO, NO_MEMORY; then the old file is unchanged. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_file_write(const char *path, const void *bytes, size_t size,
                                                             spiral_error *err);

/* Removes the temporary files that calls of this process are writing at this moment; these calls then fail.
 * For the handler of a signal that ends the program: it is async-signal-safe. */
SPIRAL_API void spiral_temporary_files_remove(void);

#ifdef __cplusplus
}
#endif
#endif
