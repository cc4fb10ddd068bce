/* SPDX-License-Identifier: MIT
 *
 * Reading and atomically writing whole files (see file.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"

static spiral_status read_all(FILE *stream, const char *path, size_t limit, unsigned char **bytes,
                              size_t *size, spiral_error *err) {
    size_t used = 0, capacity = 1 << 16;
    char path_text[SPIRAL__PATH_TEXT];
    struct stat info;
    if (!fstat(fileno(stream), &info)) {
        if (S_ISDIR(info.st_mode))
            return spiral__fail(err, SPIRAL_IO, -1, "%s: is a folder, not a file",
                                spiral__error_path(path, path_text));
        if (S_ISREG(info.st_mode) && info.st_size > 0 && (size_t)info.st_size <= limit)
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
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "%s: larger than %zu bytes, the limit",
                            spiral__error_path(path, path_text), limit);
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
    if (!stream) return spiral__fail_io(err, path, "open");
    spiral_status status = read_all(stream, path, limit, bytes, size, err);
    fclose(stream);
    return status;
}

const char *spiral__input_name(const char *path) { return strcmp(path, "-") ? path : "standard input"; }

/* Reports the system's error and removes the temporary file, if there is one. */
static spiral_status give_up(spiral__file *file, spiral_error *err, const char *path) {
    spiral_status status = spiral__fail_io(err, path, "write");
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

/* Creates a file that did not exist and opens it for writing: `name`, in which the SUFFIX characters at
 * `suffix` are chosen here. Not mkstemps, which gives the owner alone access: open grants what the process's
 * umask allows, and the umask cannot be read without changing it for all threads. The descriptor, or -1 and
 * errno. */
enum { SUFFIX = 6, ATTEMPTS = 100 };
static int create_unique(const char *name, char *suffix) {
    static const char characters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    static atomic_uint calls;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct timespec now = {0, 0};
        clock_gettime(CLOCK_REALTIME, &now);
        spiral__rng r = spiral__rng_init((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
                                         (uint64_t)getpid() << 32 | atomic_fetch_add(&calls, 1));
        for (int i = 0; i < SUFFIX; i++) suffix[i] = characters[spiral__rng_below(&r, sizeof characters - 1)];
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

/* A temporary file beside `path`, so that it can be renamed to it. */
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
    /* The ending stays last, for writers that choose the format by it. */
    snprintf(file->temporary, size, "%.*s.tmp-XXXXXX%s", (int)stem, path, dot);
    int fd = create_unique(file->temporary, file->temporary + stem + sizeof ".tmp-" - 1);
    if (fd < 0) {
        free(file->temporary);
        file->temporary = NULL; /* nothing to remove */
        return give_up(file, err, path);
    }
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
    file->temporary = NULL; /* renamed: nothing to remove */
    spiral__file_abort(file);
    return SPIRAL_OK;
}

spiral_status spiral__file_write(const char *path, const void *bytes, size_t size, spiral_error *err) {
    if (!strcmp(path, "-")) {
        if (fwrite(bytes, 1, size, stdout) != size || fflush(stdout))
            return spiral__fail_io(err, "standard output", "write");
        return SPIRAL_OK;
    }
    spiral__file file;
    SPIRAL_TRY(spiral__file_open(path, 1, &file, err));
    if (fwrite(bytes, 1, size, file.stream) != size) return give_up(&file, err, path);
    return spiral__file_finish(&file, err);
}
