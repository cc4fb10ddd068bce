/* SPDX-License-Identifier: MIT
 *
 * A library to preload: calls that write files fail with an errno, for test_failing_files.py. Calls for
 * standard streams and for files that are only read do not fail. For writing by stdio, the stdio calls of the
 * program fail, not the system calls, because those inside the C library cannot be replaced. glibc only.
 *
 *     FAIL_CALL=name      open, mkdir, fwrite, fflush, fsync, rename, fclose, write or ftruncate
 *     FAIL_ERRNO=number   the errno of a failing call
 *     FAIL_FROM=n         the nth such call fails, and all after it; 0: none
 *     FAIL_REPORT=path    at exit, the number of such calls is written there
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long count;

static int fails(const char *call) {
    const char *name = getenv("FAIL_CALL"), *from = getenv("FAIL_FROM"), *number = getenv("FAIL_ERRNO");
    if (!name || strcmp(name, call)) return 0;
    count++;
    if (!from || !atol(from) || count < strtoul(from, NULL, 10)) return 0;
    errno = number ? atoi(number) : EIO;
    return 1;
}

static int is_written(int fd) {
    struct stat info;
    int flags = fd > 2 ? fcntl(fd, F_GETFL) : -1;
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && !fstat(fd, &info) && S_ISREG(info.st_mode);
}

#define NEXT(name) (*(__typeof__(&name) *)next_of(#name))
static void *next_of(const char *name) {
    static void *found;
    found = dlsym(RTLD_NEXT, name);
    return &found;
}

#define OPEN(name)                                                                                \
    int name(const char *path, int flags, ...) {                                                  \
        va_list args;                                                                             \
        va_start(args, flags);                                                                    \
        mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;                                 \
        va_end(args);                                                                             \
        int ours = (flags & O_ACCMODE) != O_RDONLY && strncmp(path, "/dev/", 5) && fails("open"); \
        return ours ? -1 : NEXT(name)(path, flags, mode);                                         \
    }
OPEN(open)
OPEN(open64)

#define FOPEN(name)                                                           \
    FILE *name(const char *path, const char *mode) {                          \
        return *mode != 'r' && fails("open") ? NULL : NEXT(name)(path, mode); \
    }
FOPEN(fopen)
FOPEN(fopen64)

int mkstemp(char *path) { return fails("open") ? -1 : NEXT(mkstemp)(path); }
int mkstemp64(char *path) { return fails("open") ? -1 : NEXT(mkstemp64)(path); }
int mkdir(const char *path, mode_t mode) { return fails("mkdir") ? -1 : NEXT(mkdir)(path, mode); }
int rename(const char *from, const char *to) { return fails("rename") ? -1 : NEXT(rename)(from, to); }

enum { STREAM_ERROR = 0x20 }; /* glibc's _IO_ERR_SEEN: the flag that ferror returns */

size_t fwrite(const void *bytes, size_t size, size_t n, FILE *stream) {
    if (!is_written(fileno(stream)) || !fails("fwrite")) return NEXT(fwrite)(bytes, size, n, stream);
    stream->_flags |= STREAM_ERROR;
    return 0;
}
int fflush(FILE *stream) {
    if (!stream || !is_written(fileno(stream)) || !fails("fflush")) return NEXT(fflush)(stream);
    stream->_flags |= STREAM_ERROR;
    return EOF;
}
int fclose(FILE *stream) {
    int failed = is_written(fileno(stream)) && fails("fclose"), why = errno;
    int status = NEXT(fclose)(stream);
    if (failed) errno = why;
    return failed ? EOF : status;
}
int fsync(int fd) { return is_written(fd) && fails("fsync") ? -1 : NEXT(fsync)(fd); }
ssize_t write(int fd, const void *bytes, size_t size) {
    return is_written(fd) && fails("write") ? -1 : NEXT(write)(fd, bytes, size);
}
int ftruncate(int fd, off_t size) {
    return is_written(fd) && fails("ftruncate") ? -1 : NEXT(ftruncate)(fd, size);
}
int ftruncate64(int fd, off64_t size) {
    return is_written(fd) && fails("ftruncate") ? -1 : NEXT(ftruncate64)(fd, size);
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("FAIL_REPORT");
    unsetenv("FAIL_CALL");
    FILE *file = path ? NEXT(fopen)(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%lu", count);
    fclose(file);
}
