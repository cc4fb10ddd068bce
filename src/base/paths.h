/* SPDX-License-Identifier: MIT
 *
 * Files and folders -> a sorted list of files.
 */
#ifndef SPIRAL_BASE_PATHS_H
#define SPIRAL_BASE_PATHS_H

#include <stddef.h>

#include "spiral/status.h"

typedef struct spiral__paths {
    char **path; /* (count) owned */
    size_t count, capacity;
} spiral__paths;

/* Adds `path` if it is a file (whatever its ending), or, if it is a folder, all files below it whose ending
 * is one of `endings` (NULL-terminated list; ASCII letters match in either case), folder by folder in byte
 * order of the names. Links to folders are followed, except into a folder whose content is just being read.
 * IO: no such path. */
spiral_status spiral__paths_add(spiral__paths *paths, const char *path, const char *const *endings,
                                spiral_error *err);
void spiral__paths_clear(spiral__paths *paths);

#endif
