/* SPDX-License-Identifier: MIT
 *
 * Status names and error sentences.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

const char *spiral_status_name(spiral_status status) {
    switch (status) {
#define SPIRAL_X(name, value, text) \
    case SPIRAL_##name: return #name;
        SPIRAL_STATUS_LIST(SPIRAL_X)
#undef SPIRAL_X
    }
    return "UNKNOWN";
}

const char *spiral_status_message(spiral_status status) {
    switch (status) {
#define SPIRAL_X(name, value, text) \
    case SPIRAL_##name: return text;
        SPIRAL_STATUS_LIST(SPIRAL_X)
#undef SPIRAL_X
    }
    return "unknown status";
}

/* The length in bytes of the UTF-8 character at s (RFC 3629); 0 if there is none, or a control character. */
static size_t character_size(const unsigned char *s) {
    if (s[0] < 0x80) return s[0] >= ' ' && s[0] != 0x7f;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
    size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++)
        if (s[i] >> 6 != 2) return 0;
    int control = s[0] == 0xc2 && s[1] < 0xa0, surrogate = s[0] == 0xed && s[1] > 0x9f;
    int overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    int beyond = s[0] == 0xf4 && s[1] > 0x8f;
    return control || surrogate || overlong || beyond ? 0 : n;
}

/* Sentences quote files and paths. What a terminal would interpret as a command, or JSON cannot represent,
 * becomes '?'. */
static void clean(char *text) {
    for (size_t n; *text; text += n) {
        n = character_size((const unsigned char *)text);
        if (n == 0) {
            *text = '?';
            n = 1;
        }
    }
}

spiral_status spiral__fail(spiral_error *err, spiral_status status, int64_t offset, const char *format, ...) {
    if (err) {
        va_list args;
        va_start(args, format);
        err->status = status;
        err->offset = offset;
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        clean(err->text);
    }
    return status;
}

spiral_status spiral__no_memory(spiral_error *err, size_t bytes) {
    if (!bytes) return spiral__fail(err, SPIRAL_NO_MEMORY, -1, "out of memory");
    return spiral__fail(err, SPIRAL_NO_MEMORY, -1, "out of memory: %zu bytes could not be allocated", bytes);
}

/* The strerror_r of POSIX returns an int, that of glibc under _GNU_SOURCE a char *. Overloading by type
 * accepts either, whatever the compiler's flags are. */
static inline const char *text_of_int(int failed, const char *text) {
    return failed ? "unknown error" : text;
}
static inline const char *text_of_pointer(const char *result, const char *text) { return (void)text, result; }

const char *spiral__errno_text(int number, char text[SPIRAL__ERRNO_TEXT]) {
    char buffer[SPIRAL__ERRNO_TEXT] = "";
    const char *found = _Generic(strerror_r(number, buffer, sizeof buffer), int: text_of_int, char *: text_of_pointer)(
        strerror_r(number, buffer, sizeof buffer), buffer);
    snprintf(text, SPIRAL__ERRNO_TEXT, "%s", found);
    return text;
}

spiral_status spiral__fail_io(spiral_error *err, const char *path, const char *what) {
    char path_text[SPIRAL__PATH_TEXT], reason[SPIRAL__ERRNO_TEXT];
    const int why = errno;
    if (why == ENOMEM) return spiral__no_memory(err, 0); /* not the file's fault */
    spiral__errno_text(why, reason);
    spiral__fail(err, SPIRAL_IO, -1, "%s: cannot %s: %s", spiral__error_path(path, path_text), what, reason);
    errno = why;
    return SPIRAL_IO;
}

const char *spiral__error_path(const char *path, char text[SPIRAL__PATH_TEXT]) {
    size_t n = strlen(path);
    if (n < SPIRAL__PATH_TEXT) return path;
    const char *tail = path + n - (SPIRAL__PATH_TEXT - 4);
    while (((unsigned char)*tail & 0xc0) == 0x80) tail++; /* not in the middle of a UTF-8 character */
    snprintf(text, SPIRAL__PATH_TEXT, "...%s", tail);
    return text;
}

spiral_status spiral__error_prefix(spiral_error *err, spiral_status status, const char *prefix) {
    if (!err) return status;
    char text[sizeof err->text], path_text[SPIRAL__PATH_TEXT];
    memcpy(text, err->text, sizeof text);
    int used = snprintf(err->text, sizeof err->text, "%s: ", spiral__error_path(prefix, path_text));
    snprintf(err->text + used, sizeof err->text - (size_t)used, "%s", text);
    clean(err->text);
    return status;
}
