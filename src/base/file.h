/* SPDX-License-Identifier: MIT
 *
 * Whole files in and out. A file is written under a temporary name beside its final one, flushed to disk and
 * renamed: a reader sees the complete old file or the complete new one. It gets the permissions of the file
 * that it replaces, or those that the process's umask allows; a read-only file is not replaced. A device or a
 * pipe is written to directly and never replaced; a link is followed.
 */
#ifndef SPIRAL_BASE_FILE_H
#define SPIRAL_BASE_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "spiral/file.h"

/* BAD_ARG if path is NULL. */
spiral_status spiral__path_check(const char *path, spiral_error *err);

/* Reads all of path into *bytes (malloc; the caller frees), followed by one NUL byte that *size does not
 * count. "-" reads standard input. IO: the system refused, or it is not a regular file; TOO_BIG: more than
 * limit bytes. */
spiral_status spiral__file_read(const char *path, size_t limit, unsigned char **bytes, size_t *size,
                                spiral_error *err);

/* How messages call an input: "standard input" for "-", else the path itself. */
const char *spiral__input_name(const char *path);

/* What spiral_file_write does, in three steps, for writers that make a stream. open gives the stream; finish
 * flushes, syncs and renames; abort removes. finish and abort close the stream and free the paths, finish
 * also if it fails. */
typedef struct spiral__file {
    FILE *stream;
    char *temporary; /* NULL: a device or a pipe, which is neither renamed nor removed */
    char *path;
} spiral__file;
spiral_status spiral__file_open(const char *path, spiral__file *file, spiral_error *err);
spiral_status spiral__file_finish(spiral__file *file, spiral_error *err);
void spiral__file_abort(spiral__file *file);

#endif
