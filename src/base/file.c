/* SPDX-License-Identifier: MIT
 *
 * Reading and atomically writing whole files (see file.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

static spiral_status io_error(spiral_error *err, const char *path, const char *what) {
    char room[SPIRAL__PATH_ROOM];
    return spiral__fail(err, SPIRAL_IO, -1, "%s: cannot %s: %s", spiral__error_path(path, room), what,
                        strerror(errno));
}

static spiral_status read_all(FILE *stream, const char *path, size_t limit, unsigned char **bytes,
                              size_t *size, spiral_error *err) {
    size_t used = 0, room = 1 << 16;
    char room_for_path[SPIRAL__PATH_ROOM];
    struct stat info;
    if (!fstat(fileno(stream), &info)) {
        if (S_ISDIR(info.st_mode))
            return spiral__fail(err, SPIRAL_IO, -1, "%s: is a folder, not a file",
                                spiral__error_path(path, room_for_path));
        if (S_ISREG(info.st_mode) && info.st_size > 0 && (size_t)info.st_size <= limit)
            room = (size_t)info.st_size + 1;
    }
    unsigned char *buffer = malloc(room + 1);
    if (!buffer) return spiral__no_memory(err, room + 1);
    for (;;) {
        used += fread(buffer + used, 1, room - used, stream);
        if (used < room) break;
        if (used > limit) break;
        unsigned char *larger = realloc(buffer, room * 2 + 1);
        if (!larger) return free(buffer), spiral__no_memory(err, room * 2 + 1);
        buffer = larger;
        room *= 2;
    }
    if (ferror(stream)) return free(buffer), io_error(err, path, "read");
    if (used > limit) {
        free(buffer);
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "%s: larger than %zu bytes, the limit",
                            spiral__error_path(path, room_for_path), limit);
    }
    buffer[used] = 0;
    *bytes = buffer;
    *size = used;
    return SPIRAL_OK;
}

spiral_status spiral__file_read(const char *path, size_t limit, unsigned char **bytes, size_t *size,
                                spiral_error *err) {
    *bytes = NULL;
    *size = 0;
    if (!strcmp(path, "-")) return read_all(stdin, "standard input", limit, bytes, size, err);
    FILE *stream = fopen(path, "rb");
    if (!stream) return io_error(err, path, "open");
    spiral_status status = read_all(stream, path, limit, bytes, size, err);
    fclose(stream);
    return status;
}

/* mkstemp makes files for the owner alone; a saved file gets what the user's umask allows. */
static mode_t default_mode(void) {
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

const char *spiral__input_name(const char *path) { return strcmp(path, "-") ? path : "standard input"; }

/* Removes the temporary file, if there is one, and forgets everything. */
static spiral_status give_up(spiral__file *file, spiral_error *err, const char *path) {
    spiral_status status = io_error(err, path, "write");
    spiral__file_abort(file);
    return status;
}

static int in_place(const char *path) {
    struct stat info;
    return !stat(path, &info) && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

static spiral_status open_in_place(const char *path, int with_stream, spiral__file *file, spiral_error *err) {
    file->in_place = 1;
    file->temporary = strdup(path);
    file->path = strdup(path);
    if (!file->temporary || !file->path) {
        spiral__file_abort(file);
        return spiral__no_memory(err, strlen(path) + 1);
    }
    if (with_stream && !(file->stream = fopen(path, "wb"))) return give_up(file, err, path);
    return SPIRAL_OK;
}

/* A temporary file beside `path`, whose folder is that of the final file. */
static spiral_status open_beside(const char *path, int with_stream, spiral__file *file, spiral_error *err) {
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    if (!dot || (slash && dot < slash)) dot = path + strlen(path);
    size_t stem = (size_t)(dot - path), size = strlen(path) + sizeof ".tmp-XXXXXX";
    file->temporary = malloc(size);
    file->path = malloc(strlen(path) + 1);
    if (!file->temporary || !file->path) {
        spiral__file_abort(file);
        return spiral__no_memory(err, size);
    }
    strcpy(file->path, path);
    /* The ending stays last: writers that look at it see the right one. */
    snprintf(file->temporary, size, "%.*s.tmp-XXXXXX%s", (int)stem, path, dot);
    int fd = mkstemps(file->temporary, (int)strlen(dot));
    if (fd < 0) {
        free(file->temporary);
        file->temporary = NULL; /* nothing to remove */
        return give_up(file, err, path);
    }
    fchmod(fd, default_mode());
    if (!with_stream) {
        close(fd);
        return SPIRAL_OK;
    }
    file->stream = fdopen(fd, "wb");
    if (!file->stream) {
        spiral_status status = give_up(file, err, path);
        close(fd);
        return status;
    }
    return SPIRAL_OK;
}

spiral_status spiral__file_open(const char *path, int with_stream, spiral__file *file, spiral_error *err) {
    memset(file, 0, sizeof *file);
    if (in_place(path)) return open_in_place(path, with_stream, file, err);
    struct stat info;
    char *target = !lstat(path, &info) && S_ISLNK(info.st_mode) ? realpath(path, NULL) : NULL;
    spiral_status status = open_beside(target ? target : path, with_stream, file, err);
    free(target);
    return status;
}

void spiral__file_abort(spiral__file *file) {
    if (file->stream) fclose(file->stream);
    if (file->temporary && !file->in_place) unlink(file->temporary);
    free(file->temporary);
    free(file->path);
    memset(file, 0, sizeof *file);
}

static int sync_path(const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

spiral_status spiral__file_finish(spiral__file *file, spiral_error *err) {
    int failed = 0;
    if (file->stream) {
        failed = fflush(file->stream) || ferror(file->stream) ||
                 (!file->in_place && fsync(fileno(file->stream))); /* a pipe cannot be synced */
        int saved = errno;
        if (fclose(file->stream))
            failed = 1;
        else
            errno = saved;
        file->stream = NULL;
    } else if (!file->in_place) {
        failed = sync_path(file->temporary);
    }
    if (!failed && !file->in_place) failed = rename(file->temporary, file->path);
    if (failed) return give_up(file, err, file->path);
    free(file->temporary);
    file->temporary = NULL; /* it is the file now */
    spiral__file_abort(file);
    return SPIRAL_OK;
}

spiral_status spiral__file_write(const char *path, const void *bytes, size_t size, spiral_error *err) {
    if (!strcmp(path, "-")) {
        if (fwrite(bytes, 1, size, stdout) != size || fflush(stdout))
            return io_error(err, "standard output", "write");
        return SPIRAL_OK;
    }
    spiral__file file;
    SPIRAL_TRY(spiral__file_open(path, 1, &file, err));
    if (fwrite(bytes, 1, size, file.stream) != size) return give_up(&file, err, path);
    return spiral__file_finish(&file, err);
}
