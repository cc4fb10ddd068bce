/* SPDX-License-Identifier: MIT
 *
 * Reading and atomically writing whole files (see file.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/temporary.h"

static spiral_status too_large(const char *path, size_t limit, spiral_error *err) {
    char path_text[SPIRAL__PATH_TEXT];
    return spiral__fail(err, SPIRAL_TOO_BIG, -1, "%s: larger than %zu bytes, the limit",
                        spiral__error_path(path, path_text), limit);
}

static spiral_status read_all(FILE *stream, const char *path, size_t limit, unsigned char **bytes,
                              size_t *size, spiral_error *err) {
    size_t used = 0, capacity = 1 << 16;
    struct stat info;
    if (!fstat(fileno(stream), &info) && S_ISREG(info.st_mode) && info.st_size > 0) {
        if ((uint64_t)info.st_size > limit) return too_large(path, limit, err); /* before it is read */
        capacity = (size_t)info.st_size + 1;
    }
    unsigned char *buffer = malloc(capacity + 1);
    if (!buffer) return spiral__no_memory(err, capacity + 1);
    for (;;) {
        used += fread(buffer + used, 1, capacity - used, stream);
        if (used < capacity) break;
        if (used > limit) break;
        unsigned char *larger = realloc(buffer, capacity * 2 + 1);
        if (!larger) return free(buffer), spiral__no_memory(err, capacity * 2 + 1);
        buffer = larger;
        capacity *= 2;
    }
    if (ferror(stream)) return free(buffer), spiral__fail_io(err, path, "read");
    if (used > limit) {
        free(buffer);
        return too_large(path, limit, err);
    }
    buffer[used] = 0;
    *bytes = buffer;
    *size = used;
    return SPIRAL_OK;
}

/* Refuses everything but regular files: opening a pipe without a writer would block, and a device may have no
 * end. */
static spiral_status open_regular(const char *path, FILE **stream, spiral_error *err) {
    char path_text[SPIRAL__PATH_TEXT];
    struct stat info;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return spiral__fail_io(err, path, "open");
    if (!fstat(fd, &info) && !S_ISREG(info.st_mode)) {
        const char *kind = S_ISDIR(info.st_mode) ? "folder" : S_ISFIFO(info.st_mode) ? "pipe" : "device";
        close(fd);
        return spiral__fail(err, SPIRAL_IO, -1, "%s: is a %s, not a file",
                            spiral__error_path(path, path_text), kind);
    }
    *stream = fdopen(fd, "rb");
    if (*stream) return SPIRAL_OK;
    spiral_status status = spiral__fail_io(err, path, "open");
    close(fd);
    return status;
}

spiral_status spiral__path_check(const char *path, spiral_error *err) {
    return path ? SPIRAL_OK : spiral__fail(err, SPIRAL_BAD_ARG, -1, "path is NULL");
}

spiral_status spiral__file_read(const char *path, size_t limit, unsigned char **bytes, size_t *size,
                                spiral_error *err) {
    *bytes = NULL;
    *size = 0;
    SPIRAL_TRY(spiral__path_check(path, err));
    if (!strcmp(path, "-")) return read_all(stdin, "standard input", limit, bytes, size, err);
    FILE *stream = NULL;
    SPIRAL_TRY(open_regular(path, &stream, err));
    spiral_status status = read_all(stream, path, limit, bytes, size, err);
    fclose(stream);
    return status;
}

const char *spiral__input_name(const char *path) { return strcmp(path, "-") ? path : "standard input"; }

/* Reports the system's error and removes the temporary file, if there is one. */
static spiral_status fail_and_remove(spiral__file *file, spiral_error *err, const char *path) {
    spiral_status status = spiral__fail_io(err, path, "write");
    spiral__file_abort(file);
    return status;
}

static int in_place(const char *path) {
    struct stat info;
    return !stat(path, &info) && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/* Refuses a pipe without a reader instead of waiting for one. */
static spiral_status open_in_place(const char *path, spiral__file *file, spiral_error *err) {
    file->path = strdup(path);
    if (!file->path) return spiral__no_memory(err, strlen(path) + 1);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENXIO) {
        char path_text[SPIRAL__PATH_TEXT];
        spiral__file_abort(file);
        return spiral__fail(err, SPIRAL_IO, -1, "%s: cannot write: no program reads from this pipe",
                            spiral__error_path(path, path_text));
    }
    if (fd < 0) return fail_and_remove(file, err, path);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    file->stream = fdopen(fd, "wb");
    if (file->stream) return SPIRAL_OK;
    spiral_status status = fail_and_remove(file, err, path);
    close(fd);
    return status;
}

/* A temporary file beside `path`, so that it can be renamed to it. It gets the permissions and, if the system
 * lets us, the owner of the file that it will replace. */
static spiral_status open_beside(const char *path, spiral__file *file, spiral_error *err) {
    struct stat old;
    const int exists = !stat(path, &old);
    if (exists && S_ISREG(old.st_mode) && (!(old.st_mode & 0222) || access(path, W_OK))) {
        char path_text[SPIRAL__PATH_TEXT];
        return spiral__fail(err, SPIRAL_IO, -1, "%s: cannot write: the file is read-only",
                            spiral__error_path(path, path_text));
    }
    file->path = strdup(path);
    if (!file->path) return spiral__no_memory(err, strlen(path) + 1);
    int fd = spiral__temporary_create(path, &file->temporary);
    if (fd < 0) return fail_and_remove(file, err, path);
    if (exists && S_ISREG(old.st_mode)) {
        if (fchown(fd, old.st_uid, old.st_gid) && errno != EPERM) errno = 0;
        if (fchmod(fd, old.st_mode & 0777)) errno = 0; /* a file system without permissions */
    }
    file->stream = fdopen(fd, "wb");
    if (file->stream) return SPIRAL_OK;
    spiral_status status = fail_and_remove(file, err, path);
    close(fd);
    return status;
}

spiral_status spiral__file_open(const char *path, spiral__file *file, spiral_error *err) {
    memset(file, 0, sizeof *file);
    SPIRAL_TRY(spiral__path_check(path, err));
    if (in_place(path)) return open_in_place(path, file, err);
    struct stat info;
    char *target = NULL;
    if (!lstat(path, &info) && S_ISLNK(info.st_mode)) {
        target = realpath(path, NULL);
        if (!target && errno == ENOMEM) return spiral__no_memory(err, 0);
    }
    spiral_status status = open_beside(target ? target : path, file, err);
    free(target);
    return status;
}

void spiral__file_abort(spiral__file *file) {
    int why = errno;
    if (file->temporary) spiral__temporary_remove(file->temporary);
    if (file->stream) fclose(file->stream);
    free(file->path);
    memset(file, 0, sizeof *file);
    errno = why;
}

/* The stream is closed after the rename: closing it releases the lock that marks the temporary file as owned.
 * Closing cannot fail by then: all bytes are on disk. */
spiral_status spiral__file_finish(spiral__file *file, spiral_error *err) {
    int failed = fflush(file->stream) || ferror(file->stream);
    if (!failed && file->temporary) /* a pipe or a device cannot be synced */
        failed = fsync(fileno(file->stream)) || rename(file->temporary, file->path);
    if (failed) return fail_and_remove(file, err, file->path);
    if (file->temporary) spiral__temporary_renamed(file->temporary);
    file->temporary = NULL;
    failed = fclose(file->stream);
    file->stream = NULL;
    if (failed) return fail_and_remove(file, err, file->path);
    spiral__file_abort(file);
    return SPIRAL_OK;
}

spiral_status spiral_file_write(const char *path, const void *bytes, size_t size, spiral_error *err) {
    SPIRAL_TRY(spiral__path_check(path, err));
    if (!strcmp(path, "-")) {
        if (fwrite(bytes, 1, size, stdout) != size || fflush(stdout))
            return spiral__fail_io(err, "standard output", "write");
        return SPIRAL_OK;
    }
    spiral__file file;
    SPIRAL_TRY(spiral__file_open(path, &file, err));
    if (fwrite(bytes, 1, size, file.stream) != size) return fail_and_remove(&file, err, path);
    return spiral__file_finish(&file, err);
}
