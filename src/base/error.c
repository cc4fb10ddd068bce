/* SPDX-License-Identifier: MIT
 *
 * Status names and error sentences.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

const char *spiral_status_name(spiral_status status) {
    switch (status) {
#define SPIRAL_X(name, value, text) \
    case SPIRAL_##name: return text;
        SPIRAL_STATUS_LIST(SPIRAL_X)
#undef SPIRAL_X
    }
    return "unknown status";
}

spiral_status spiral__fail(spiral_error *err, spiral_status status, int64_t offset, const char *format, ...) {
    if (err) {
        va_list args;
        va_start(args, format);
        err->status = status;
        err->offset = offset;
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

spiral_status spiral__no_memory(spiral_error *err, size_t bytes) {
    return spiral__fail(err, SPIRAL_NO_MEMORY, -1, "out of memory: %zu bytes could not be allocated", bytes);
}

const char *spiral__error_path(const char *path, char room[SPIRAL__PATH_ROOM]) {
    size_t n = strlen(path);
    if (n < SPIRAL__PATH_ROOM) return path;
    const char *tail = path + n - (SPIRAL__PATH_ROOM - 4);
    while (((unsigned char)*tail & 0xc0) == 0x80) tail++; /* not in the middle of a UTF-8 character */
    snprintf(room, SPIRAL__PATH_ROOM, "...%s", tail);
    return room;
}

spiral_status spiral__error_prefix(spiral_error *err, spiral_status status, const char *prefix) {
    if (!err) return status;
    char text[sizeof err->text], room[SPIRAL__PATH_ROOM];
    memcpy(text, err->text, sizeof text);
    int used = snprintf(err->text, sizeof err->text, "%s: ", spiral__error_path(prefix, room));
    snprintf(err->text + used, sizeof err->text - (size_t)used, "%s", text);
    return status;
}
