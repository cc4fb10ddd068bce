/* SPDX-License-Identifier: MIT
 *
 * Walking folders (see paths.h).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "data/paths.h"

/* The folders from the first one down to the current one. A link to one of them is not followed, because that
 * would never end. */
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

static spiral_status skip(spiral__paths *paths, const char *path, spiral_skipped kind, spiral_error *err) {
    if (paths->skipped_count == paths->skipped_capacity) {
        size_t capacity = paths->skipped_capacity ? 2 * paths->skipped_capacity : 16;
        spiral__skipped_path *larger = realloc(paths->skipped, capacity * sizeof *larger);
        if (!larger) return spiral__no_memory(err, capacity * sizeof *larger);
        paths->skipped = larger;
        paths->skipped_capacity = capacity;
    }
    char *copy = strdup(path);
    if (!copy) return spiral__no_memory(err, strlen(path) + 1);
    paths->skipped[paths->skipped_count++] = (spiral__skipped_path){copy, kind};
    return SPIRAL_OK;
}

/* Whether two words are equal except for the case of ASCII letters; strcasecmp depends on the locale. */
static int same_word(const char *a, const char *b) {
    for (; *a && *b; a++, b++) {
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a - 'A' + 'a') : *a;
        char y = *b >= 'A' && *b <= 'Z' ? (char)(*b - 'A' + 'a') : *b;
        if (x != y) return 0;
    }
    return *a == *b;
}

static int has_ending(const char *name, const char *const *endings) {
    const size_t n = strlen(name);
    for (; *endings; endings++) {
        const size_t k = strlen(*endings);
        if (n >= k && same_word(name + n - k, *endings)) return 1;
    }
    return 0;
}

/* A file that cannot be read does not. */
static int begins_with(const char *path, const char *first_bytes) {
    char bytes[16];
    const size_t n = strlen(first_bytes);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return 0;
    const ssize_t got = read(fd, bytes, n < sizeof bytes ? n : sizeof bytes);
    close(fd);
    return got == (ssize_t)n && !memcmp(bytes, first_bytes, n);
}

static int is_open(const folder *f, const struct stat *info) {
    for (; f; f = f->parent)
        if (f->device == info->st_dev && f->inode == info->st_ino) return 1;
    return 0;
}

static spiral_status walk(spiral__paths *paths, const char *path, const folder *parent,
                          const struct stat *info, const spiral__paths_filter *filter, spiral_error *err);

static spiral_status visit_path(spiral__paths *paths, const char *path, const char *name, const folder *here,
                                const spiral__paths_filter *filter, spiral_error *err) {
    struct stat info;
    const int named = has_ending(name, filter->endings);
    if (stat(path, &info)) {
        if (!lstat(path, &info)) return named ? skip(paths, path, SPIRAL_SKIPPED_LINK, err) : SPIRAL_OK;
        if (errno == ENOENT) return SPIRAL_OK; /* it was removed in the meantime */
        return skip(paths, path, SPIRAL_SKIPPED_UNREACHABLE, err);
    }
    if (S_ISDIR(info.st_mode))
        return is_open(here, &info) ? SPIRAL_OK : walk(paths, path, here, &info, filter, err);
    if (!S_ISREG(info.st_mode)) return named ? skip(paths, path, SPIRAL_SKIPPED_SPECIAL, err) : SPIRAL_OK;
    if (named) return add(paths, path, err);
    if (filter->first_bytes && !strchr(name, '.') && begins_with(path, filter->first_bytes))
        return skip(paths, path, SPIRAL_SKIPPED_NO_ENDING, err);
    return SPIRAL_OK;
}

static spiral_status visit(spiral__paths *paths, const char *folder_path, const char *name,
                           const folder *here, const spiral__paths_filter *filter, spiral_error *err) {
    size_t n = strlen(folder_path), size = n + strlen(name) + 2;
    char *path = malloc(size);
    if (!path) return spiral__no_memory(err, size);
    snprintf(path, size, "%s%s%s", folder_path, n && folder_path[n - 1] == '/' ? "" : "/", name);
    spiral_status status = visit_path(paths, path, name, here, filter, err);
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
                          const struct stat *info, const spiral__paths_filter *filter, spiral_error *err) {
    const folder here = {parent, info->st_dev, info->st_ino};
    struct dirent **names;
    int count = scandir(path, &names, no_dots, by_bytes);
    if (count < 0 && errno == ENOMEM) return spiral__no_memory(err, 0);
    const int no_descriptor = count < 0 && (errno == EMFILE || errno == ENFILE); /* not the folder's fault */
    if (count < 0 && parent && !no_descriptor) return skip(paths, path, SPIRAL_SKIPPED_FOLDER, err);
    if (count < 0) return spiral__fail_io(err, path, "open the folder");
    spiral_status status = SPIRAL_OK;
    for (int i = 0; i < count; i++) {
        if (status == SPIRAL_OK) status = visit(paths, path, names[i]->d_name, &here, filter, err);
        free(names[i]);
    }
    free(names);
    return status;
}

spiral_status spiral__paths_add(spiral__paths *paths, const char *path, const spiral__paths_filter *filter,
                                spiral_error *err) {
    struct stat info;
    SPIRAL_TRY(spiral__path_check(path, err));
    if (!strcmp(path, "-")) return add(paths, path, err);
    if (stat(path, &info)) {
        char path_text[SPIRAL__PATH_TEXT], reason[SPIRAL__ERRNO_TEXT];
        spiral__errno_text(errno, reason);
        return spiral__fail(err, SPIRAL_IO, -1, "%s: %s", spiral__error_path(path, path_text), reason);
    }
    if (!S_ISDIR(info.st_mode)) return add(paths, path, err);
    return walk(paths, path, NULL, &info, filter, err);
}

void spiral__paths_clear(spiral__paths *paths) {
    for (size_t i = 0; i < paths->count; i++) free(paths->path[i]);
    for (size_t i = 0; i < paths->skipped_count; i++) free(paths->skipped[i].path);
    free(paths->path);
    free(paths->skipped);
    memset(paths, 0, sizeof *paths);
}
