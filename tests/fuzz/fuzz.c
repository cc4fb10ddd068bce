/* SPDX-License-Identifier: MIT
 *
 * The checks of all fuzz targets (see fuzz.h). Linked with malloc, calloc, realloc and free wrapped, if the
 * linker can; otherwise memory is not counted.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

_Noreturn void fuzz_broken(const char *promise, const char *file, int line) {
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, promise);
    fflush(NULL);
    abort();
}

/* The length of the UTF-8 character at s; 0 if there is none or it is a control character. */
static int character(const unsigned char *s) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80) return s[0] >= ' ' && s[0] != 127;
    int n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    uint32_t code = s[0] & (0xffu >> (n + 1));
    if (s[0] < 0xc0 || s[0] > 0xf7) return 0;
    for (int i = 1; i < n; i++) {
        if (s[i] >> 6 != 2) return 0;
        code = code << 6 | (s[i] & 63);
    }
    return code >= least[n] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) && code > 0x9f ? n : 0;
}

spiral_status fuzz_refusal(spiral_status status, const spiral_error *err) {
    FUZZ_CHECK(status != SPIRAL_OK && status != SPIRAL_NO_MEMORY && err->status == status);
    FUZZ_CHECK(err->text[0] && memchr(err->text, 0, sizeof err->text));
    const unsigned char *s = (const unsigned char *)err->text;
    for (int n; *s; s += n) {
        n = character(s);
        if (!n) fprintf(stderr, "\"%s\"\n", err->text);
        FUZZ_CHECK(n > 0);
    }
    return status;
}

/* ---- memory ---- */

static int64_t in_use, peak; /* bytes since fuzz_memory_begin; in_use is negative if older memory is freed */

void fuzz_memory_begin(void) { in_use = peak = 0; }

void fuzz_memory_end(size_t limit, int all_freed) {
    if (peak > (int64_t)limit || (all_freed && in_use))
        fprintf(stderr, "%lld bytes at once, %lld kept; limit %zu\n", (long long)peak, (long long)in_use,
                limit);
    FUZZ_CHECK(peak <= (int64_t)limit);
    FUZZ_CHECK(!all_freed || in_use == 0);
}

#ifdef FUZZ_COUNTS_MEMORY
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);

static void *counted(void *block) {
    in_use += (int64_t)malloc_usable_size(block);
    if (in_use > peak) peak = in_use;
    return block;
}

void *__wrap_malloc(size_t size) { return counted(__real_malloc(size)); }
void *__wrap_calloc(size_t n, size_t size) { return counted(__real_calloc(n, size)); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return counted(__real_aligned_alloc(alignment, size));
}
char *__wrap_strdup(const char *text) { return counted(__real_strdup(text)); }
void *__wrap_realloc(void *block, size_t size) {
    int64_t before = (int64_t)malloc_usable_size(block);
    void *moved = counted(__real_realloc(block, size)); /* counts both blocks, as if the block had to move */
    if (moved) in_use -= before;
    return moved;
}
void __wrap_free(void *block) {
    in_use -= (int64_t)malloc_usable_size(block);
    __real_free(block);
}
#endif
