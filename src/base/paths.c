/* SPDX-License-Identifier: MIT
 *
 * Walking folders (see paths.h).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/paths.h"

/* The folders from the first one down to the current one. Following a link back to one would not end. */
typedef struct folder {
    const struct folder *parent;
    dev_t device;
    ino_t inode;
} folder;

static spiral_status add(spiral__paths *paths, const char *path, spiral_error *err) {
    if (paths->count == paths->capacity) {
        size_t capacity = paths->capacity ? 2 * paths->capacity : 64;
        char **larger = realloc(paths->path, capacity * sizeof *larger);
        if (!larger) return spiral__no_memory(err, capacity * sizeof *larger);
        paths->path = larger;
        paths->capacity = capacity;
    }
    char *copy = strdup(path);
    if (!copy) return spiral__no_memory(err, strlen(path) + 1);
    paths->path[paths->count++] = copy;
    return SPIRAL_OK;
}

/* Whether two words are the same but for the case of ASCII letters; strcasecmp depends on the locale. */
static int same_word(const char *a, const char *b) {
    for (; *a && *b; a++, b++) {
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a - 'A' + 'a') : *a;
        char y = *b >= 'A' && *b <= 'Z' ? (char)(*b - 'A' + 'a') : *b;
        if (x != y) return 0;
    }
    return *a == *b;
}

static int has_ending(const char *name, const char *const *endings) {
    const char *dot = strrchr(name, '.');
    for (; dot && *endings; endings++)
        if (same_word(dot, *endings)) return 1;
    return 0;
}

static int is_open(const folder *f, const struct stat *info) {
    for (; f; f = f->parent)
        if (f->device == info->st_dev && f->inode == info->st_ino) return 1;
    return 0;
}

static spiral_status walk(spiral__paths *paths, const char *path, const folder *parent,
                          const struct stat *info, const char *const *endings, spiral_error *err);

static spiral_status visit(spiral__paths *paths, const char *folder_path, const char *name,
                           const folder *here, const char *const *endings, spiral_error *err) {
    size_t n = strlen(folder_path), size = n + strlen(name) + 2;
    char *path = malloc(size);
    if (!path) return spiral__no_memory(err, size);
    snprintf(path, size, "%s%s%s", folder_path, n && folder_path[n - 1] == '/' ? "" : "/", name);
    struct stat info;
    spiral_status status = SPIRAL_OK;
    if (!stat(path, &info)) { /* else a link without a target, or removed meanwhile */
        if (S_ISDIR(info.st_mode)) {
            if (!is_open(here, &info)) status = walk(paths, path, here, &info, endings, err);
        } else if (S_ISREG(info.st_mode) && has_ending(name, endings)) {
            status = add(paths, path, err);
        }
    }
    free(path);
    return status;
}

static int no_dots(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}
static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name); /* alphasort depends on the locale */
}

static spiral_status walk(spiral__paths *paths, const char *path, const folder *parent,
                          const struct stat *info, const char *const *endings, spiral_error *err) {
    const folder here = {parent, info->st_dev, info->st_ino};
    struct dirent **names;
    int count = scandir(path, &names, no_dots, by_bytes);
    if (count < 0) return spiral__fail_io(err, path, "open the folder");
    spiral_status status = SPIRAL_OK;
    for (int i = 0; i < count; i++) {
        if (status == SPIRAL_OK) status = visit(paths, path, names[i]->d_name, &here, endings, err);
        free(names[i]);
    }
    free(names);
    return status;
}

spiral_status spiral__paths_add(spiral__paths *paths, const char *path, const char *const *endings,
                                spiral_error *err) {
    struct stat info;
    if (stat(path, &info)) {
        char path_text[SPIRAL__PATH_TEXT], reason[SPIRAL__ERRNO_TEXT];
        spiral__errno_text(errno, reason);
        return spiral__fail(err, SPIRAL_IO, -1, "%s: %s", spiral__error_path(path, path_text), reason);
    }
    if (!S_ISDIR(info.st_mode)) return add(paths, path, err);
    return walk(paths, path, NULL, &info, endings, err);
}

void spiral__paths_clear(spiral__paths *paths) {
    for (size_t i = 0; i < paths->count; i++) free(paths->path[i]);
    free(paths->path);
    memset(paths, 0, sizeof *paths);
}
