/* SPDX-License-Identifier: MIT
 *
 * Reading and writing structs of another version's size (see sized.h).
 */
#include <string.h>

#include "base/error.h"
#include "base/sized.h"

spiral_status spiral__sized_check(const char *what, size_t struct_size, size_t first, size_t current,
                                  spiral_error *err) {
    if (struct_size >= first && struct_size <= current) return SPIRAL_OK;
    if (first == current)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s struct_size is %zu: must be %zu", what, struct_size,
                            current);
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s struct_size is %zu: must be %zu to %zu", what,
                        struct_size, first, current);
}

spiral_status spiral__sized_read(const char *what, const void *options, size_t first, void *known,
                                 size_t current, spiral_error *err) {
    if (!options) return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s must not be NULL", what);
    size_t size;
    memcpy(&size, options, sizeof size);
    SPIRAL_TRY(spiral__sized_check(what, size, first, current, err));
    memcpy((char *)known + sizeof size, (const char *)options + sizeof size, size - sizeof size);
    return SPIRAL_OK;
}

void spiral__sized_write(const void *from, size_t current, void *out, size_t struct_size) {
    if (!out || struct_size < sizeof struct_size) return;
    memset(out, 0, struct_size);
    memcpy(out, from, struct_size < current ? struct_size : current);
    memcpy(out, &struct_size, sizeof struct_size);
}
