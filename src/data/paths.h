/* SPDX-License-Identifier: MIT
 *
 * Files and folders -> a sorted list of files.
 */
#ifndef SPIRAL_DATA_PATHS_H
#define SPIRAL_DATA_PATHS_H

#include <stddef.h>

#include "spiral/data.h"

typedef struct spiral__skipped_path {
    char *path; /* owned */
    spiral_skipped kind;
} spiral__skipped_path;

typedef struct spiral__paths {
    char **path; /* (count) owned */
    size_t count, capacity;
    spiral__skipped_path *skipped; /* (skipped_count) the other entries of folders */
    size_t skipped_count, skipped_capacity;
} spiral__paths;

/* Which files of folders are added. */
typedef struct spiral__paths_filter {
    const char *const *endings; /* of the names, NULL-terminated; ASCII letters match in either case */
    const char *first_bytes; /* a file whose name has no dot is skipped as NO_ENDING if it begins with this;
                                NULL: such files are not looked at */
} spiral__paths_filter;

/* Adds `path` if it is a file (whatever its ending) or "-", or, if it is a folder, all files below it that
 * the filter accepts, folder by folder in byte order of the names. Links to folders are followed, except into
 * a folder that is being read. IO: no such path, or `path` is a folder that cannot be read. NO_MEMORY. */
spiral_status spiral__paths_add(spiral__paths *paths, const char *path, const spiral__paths_filter *filter,
                                spiral_error *err);
void spiral__paths_clear(spiral__paths *paths);

#endif
