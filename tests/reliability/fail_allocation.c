/* SPDX-License-Identifier: MIT
 *
 * A library to preload: makes allocations of a program fail, for test_out_of_memory.py. Counting begins with
 * main, so that the loader and constructors of libraries are not disturbed. glibc only.
 *
 *     FAIL_FROM=n         the nth allocation fails
 *     FAIL_COUNT=k        and so do the k - 1 after it; 0: all
 *     FAIL_OURS=1         only allocations by the program itself and jansson are counted and fail
 *     FAIL_REPORT=path    at exit, the number of allocations is written there
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_ulong count;
static unsigned long from = (unsigned long)-1, to = (unsigned long)-1;
static int counting;
static int (*real_main)(int, char **, char **);

static struct { uintptr_t begin, end; } ours[8];
static int only_ours, ranges;

/* Records the addresses of the code of the program (whose name is empty here) and of jansson. */
static int note_range(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size, (void)context;
    if (*info->dlpi_name && !strstr(info->dlpi_name, "jansson")) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X) && ranges < 8) {
            ours[ranges].begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            ours[ranges].end = ours[ranges].begin + info->dlpi_phdr[i].p_memsz;
            ranges++;
        }
    return 0;
}

static int is_ours(const void *caller) {
    for (int i = 0; i < ranges; i++)
        if ((uintptr_t)caller >= ours[i].begin && (uintptr_t)caller < ours[i].end) return 1;
    return 0;
}

static int fails(const void *caller) {
    if (!counting || (only_ours && !is_ours(caller))) return 0;
    unsigned long n = atomic_fetch_add(&count, 1) + 1;
    if (n < from || n >= to) return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) { return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}
void *realloc(void *p, size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}
int posix_memalign(void **p, size_t alignment, size_t size) {
    if (fails(__builtin_return_address(0))) return ENOMEM;
    *p = __libc_memalign(alignment, size);
    return *p ? 0 : ENOMEM;
}

static void report(void) {
    counting = 0;
    const char *path = getenv("FAIL_REPORT");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
    if (fd < 0) return;
    char digits[24];
    size_t n = sizeof digits;
    unsigned long left = atomic_load(&count);
    do digits[--n] = (char)('0' + left % 10);
    while (left /= 10);
    if (write(fd, digits + n, sizeof digits - n) < 0) _exit(99);
    close(fd);
}

static int counted_main(int argc, char **argv, char **env) {
    const char *first = getenv("FAIL_FROM"), *many = getenv("FAIL_COUNT");
    if (first) from = strtoul(first, NULL, 10);
    unsigned long k = many ? strtoul(many, NULL, 10) : 1;
    to = first && k ? from + k : (unsigned long)-1;
    only_ours = getenv("FAIL_OURS") != NULL;
    dl_iterate_phdr(note_range, NULL);
    counting = 1;
    int status = real_main(argc, argv, env);
    report();
    return status;
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end);
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end) {
    int (*start)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void),
                 void *) = NULL;
    *(void **)&start = dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = main;
    return start(counted_main, argc, argv, init, fini, loader_fini, stack_end);
}
