/* SPDX-License-Identifier: MIT
 *
 * Creating temporary files and removing those without an owner (see temporary.h).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/temporary.h"
#include "spiral/file.h"

static const char PREFIX[] = ".spiral-", ENDING[] = ".tmp";
static const char CHARACTERS[] = "0123456789abcdefghijklmnopqrstuvwxyz";
enum { RANDOM = 8, NAME = sizeof PREFIX - 1 + RANDOM + sizeof ENDING - 1, ATTEMPTS = 100 };

/* ---- the files of this process ---- */

/* Whoever takes a path out of the table owns it: a signal handler may do so at any moment. A file for which
 * the table has no place is still written, but is not removed when a signal ends the program. */
enum { PLACES = 64 };
static _Atomic(char *) active[PLACES];

static void remember_path(char *path) {
    for (int i = 0; i < PLACES; i++) {
        char *none = NULL;
        if (atomic_compare_exchange_strong(&active[i], &none, path)) return;
    }
}

/* Whether the caller still owns the path: not if spiral_temporary_files_remove has taken it. */
static int forget_path(char *path) {
    for (int i = 0; i < PLACES; i++) {
        char *mine = path;
        if (atomic_compare_exchange_strong(&active[i], &mine, NULL)) return 1;
    }
    return 0;
}

void spiral_temporary_files_remove(void) {
    for (int i = 0; i < PLACES; i++) {
        char *path = atomic_exchange(&active[i], NULL);
        if (path) unlink(path); /* not freed: a signal handler must not call free */
    }
}

void spiral__temporary_renamed(char *path) {
    forget_path(path);
    free(path);
}

void spiral__temporary_remove(char *path) {
    unlink(path);
    forget_path(path);
    free(path);
}

/* ---- files without an owner ---- */

static int is_temporary(const char *name) {
    return strlen(name) == NAME && !strncmp(name, PREFIX, sizeof PREFIX - 1) &&
           !strcmp(name + NAME - (sizeof ENDING - 1), ENDING) &&
           strspn(name + sizeof PREFIX - 1, CHARACTERS) == RANDOM;
}

static void remove_without_owner(int folder, const char *name) {
    int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    struct stat info;
    if (!fstat(fd, &info) && S_ISREG(info.st_mode) && !flock(fd, LOCK_EX | LOCK_NB))
        unlinkat(folder, name, 0);
    close(fd);
}

/* Whether this is a different folder from the last one. Names are compared too: a new folder may get the
 * inode number of one that was removed. */
static int is_new_folder(const char *path) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static dev_t device;
    static ino_t inode;
    static char name[256];
    struct stat info;
    if (stat(path, &info)) return 0;
    pthread_mutex_lock(&lock);
    int same = device == info.st_dev && inode == info.st_ino && !strncmp(name, path, sizeof name - 1);
    device = info.st_dev;
    inode = info.st_ino;
    snprintf(name, sizeof name, "%s", path);
    pthread_mutex_unlock(&lock);
    return !same;
}

/* Not repeated for each file written: reading a large folder takes time. */
static void clean_folder(const char *path) {
    DIR *folder = is_new_folder(path) ? opendir(path) : NULL;
    if (!folder) return;
    const struct dirent *entry;
    while ((entry = readdir(folder)))
        if (is_temporary(entry->d_name)) remove_without_owner(dirfd(folder), entry->d_name);
    closedir(folder);
}

/* ---- creating ---- */

static void choose_name(char *at) {
    static atomic_uint calls;
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_REALTIME, &now);
    spiral__rng r = spiral__rng_init((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
                                     (uint64_t)getpid() << 32 | atomic_fetch_add(&calls, 1));
    memcpy(at, PREFIX, sizeof PREFIX - 1);
    at += sizeof PREFIX - 1;
    for (int i = 0; i < RANDOM; i++) *at++ = CHARACTERS[spiral__rng_below(&r, sizeof CHARACTERS - 1)];
    memcpy(at, ENDING, sizeof ENDING);
}

/* Not mkstemp, which gives access to the owner only: open grants what the process's umask allows, and the
 * umask cannot be read without changing it for all threads. Between the creation and the lock another process
 * may take the file for one without an owner and remove it; then another name is tried. On a file system
 * without locks, files are not locked. */
static int create(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    struct stat info;
    if (fd < 0) return fd;
    int taken = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
    if (!taken && !fstat(fd, &info) && info.st_nlink) return fd;
    close(fd);
    errno = EEXIST;
    return -1;
}

int spiral__temporary_create(const char *target, char **out) {
    const char *slash = strrchr(target, '/');
    const size_t folder = slash ? (size_t)(slash - target) + 1 : 0;
    char *path = malloc(folder + NAME + 3);
    if (!path) return -1;
    memcpy(path, target, folder);
    strcpy(path + folder, folder ? "." : "./");
    clean_folder(path);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        choose_name(path + folder);
        remember_path(path);
        int fd = create(path);
        if (fd >= 0) {
            *out = path;
            return fd;
        }
        int why = errno;
        forget_path(path);
        if (why != EEXIST || attempt == ATTEMPTS - 1) {
            free(path);
            errno = why;
            return -1;
        }
    }
    return -1;
}
