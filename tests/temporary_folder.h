/* SPDX-License-Identifier: MIT
 *
 * A temporary folder for the tests of one program. Give make_folder and remove_folder to
 * cmocka_run_group_tests. Include testing.h first.
 */
#ifndef SPIRAL_TESTS_TEMPORARY_FOLDER_H
#define SPIRAL_TESTS_TEMPORARY_FOLDER_H

#include <dirent.h>
#include <unistd.h>

static char folder[] = "/tmp/spiral-test-XXXXXX";

static inline int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

/* The path of a file in the folder; valid until the fourth call after this one. */
static inline const char *in_folder(const char *name) {
    static char paths[4][sizeof folder + 257];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Whether the folder has this file. */
static inline int exists(const char *name) { return access(in_folder(name), F_OK) == 0; }

/* The number of files in the folder, including hidden ones. */
static inline int files_in_folder(void) {
    int n = 0;
    DIR *open = opendir(folder);
    assert_non_null(open);
    for (struct dirent *entry; (entry = readdir(open));)
        n += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(open);
    return n;
}

static inline int remove_folder(void **state) {
    (void)state;
    DIR *open = opendir(folder);
    if (!open) return -1;
    for (struct dirent *entry; (entry = readdir(open));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) unlink(in_folder(entry->d_name));
    closedir(open);
    return rmdir(folder);
}

#endif
