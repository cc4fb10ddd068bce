/* SPDX-License-Identifier: MIT
 *
 * Walking folders (see paths.h).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/paths.h"

/* The folders from the root of the walk down to here: a link back to one of them would never end. */
typedef struct folder {
    const struct folder *parent;
    dev_t device;
    ino_t inode;
} folder;

static spiral_status add(spiral__paths *paths, const char *path, spiral_error *err) {
    if (paths->count == paths->room) {
        size_t room = paths->room ? 2 * paths->room : 64;
        char **larger = realloc(paths->path, room * sizeof *larger);
        if (!larger) return spiral__no_memory(err, room * sizeof *larger);
        paths->path = larger;
        paths->room = room;
    }
    char *copy = strdup(path);
    if (!copy) return spiral__no_memory(err, strlen(path) + 1);
    paths->path[paths->count++] = copy;
    return SPIRAL_OK;
}

static int wanted(const char *name, const char *const *endings) {
    const char *dot = strrchr(name, '.');
    for (; dot && *endings; endings++)
        if (!strcasecmp(dot, *endings)) return 1;
    return 0;
}

static int being_walked(const folder *f, const struct stat *info) {
    for (; f; f = f->parent)
        if (f->device == info->st_dev && f->inode == info->st_ino) return 1;
    return 0;
}

static spiral_status walk(spiral__paths *paths, const char *path, const folder *parent,
                          const struct stat *info, const char *const *endings, spiral_error *err);

static spiral_status visit(spiral__paths *paths, const char *folder_path, const char *name,
                           const folder *here, const char *const *endings, spiral_error *err) {
    size_t room = strlen(folder_path) + strlen(name) + 2;
    char *path = malloc(room);
    if (!path) return spiral__no_memory(err, room);
    size_t n = strlen(folder_path);
    snprintf(path, room, "%s%s%s", folder_path, n && folder_path[n - 1] == '/' ? "" : "/", name);
    struct stat info;
    spiral_status status = SPIRAL_OK;
    if (!stat(path, &info)) { /* a link to nowhere is no music */
        if (S_ISDIR(info.st_mode)) {
            if (!being_walked(here, &info)) status = walk(paths, path, here, &info, endings, err);
        } else if (wanted(name, endings)) {
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
    return strcmp((*a)->d_name, (*b)->d_name); /* alphasort would ask the locale */
}

static spiral_status walk(spiral__paths *paths, const char *path, const folder *parent,
                          const struct stat *info, const char *const *endings, spiral_error *err) {
    const folder here = {parent, info->st_dev, info->st_ino};
    char room[SPIRAL__PATH_ROOM];
    struct dirent **names;
    int count = scandir(path, &names, no_dots, by_bytes);
    if (count < 0)
        return spiral__fail(err, SPIRAL_IO, -1, "%s: cannot open the folder: %s",
                            spiral__error_path(path, room), strerror(errno));
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
    char room[SPIRAL__PATH_ROOM];
    struct stat info;
    if (stat(path, &info))
        return spiral__fail(err, SPIRAL_IO, -1, "%s: %s", spiral__error_path(path, room), strerror(errno));
    if (!S_ISDIR(info.st_mode)) return add(paths, path, err);
    return walk(paths, path, NULL, &info, endings, err);
}

void spiral__paths_clear(spiral__paths *paths) {
    for (size_t i = 0; i < paths->count; i++) free(paths->path[i]);
    free(paths->path);
    memset(paths, 0, sizeof *paths);
}
