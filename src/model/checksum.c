/* SPDX-License-Identifier: MIT
 *
 * The checksum of a model file (see checksum.h).
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/sha256.h"
#include "model/checksum.h"

enum { DIGITS = 64 };
static const char NAME[] = "checksum", METHOD_NAME[] = "checksum_method";
static const char METHOD[] = "SHA-256 of the file with the digits of the checksum as zeros";
static const char ZEROS[] = "0000000000000000000000000000000000000000000000000000000000000000";

int spiral__checksum_add(json_t *metadata) {
    return json_object_set_new(metadata, NAME, json_string(ZEROS)) ||
           json_object_set_new(metadata, METHOD_NAME, json_string(METHOD));
}

void spiral__checksum_remove(json_t *metadata) {
    json_object_del(metadata, NAME);
    json_object_del(metadata, METHOD_NAME);
}

/* Where a text is in the file, or NULL. */
static unsigned char *find(unsigned char *bytes, size_t size, const char *text) {
    const size_t n = strlen(text);
    for (unsigned char *at = bytes, *end = bytes + size; (size_t)(end - at) >= n; at++) {
        at = memchr(at, text[0], (size_t)(end - at) - n + 1);
        if (!at) return NULL;
        if (!memcmp(at, text, n)) return at;
    }
    return NULL;
}

void spiral__checksum_put(unsigned char *bytes, size_t size) {
    char entry[DIGITS + sizeof NAME + 4], digits[DIGITS + 1];
    snprintf(entry, sizeof entry, "\"%s\":\"%s", NAME,
             ZEROS); /* within another text its quotes are escaped */
    unsigned char *at = find(bytes, size, entry);
    spiral__sha256(bytes, size, digits);
    memcpy(at + strlen(entry) - DIGITS, digits, DIGITS);
}

spiral_status spiral__checksum_check(unsigned char *bytes, size_t size, const json_t *metadata,
                                     spiral_error *err) {
    const char *saved = json_string_value(json_object_get(metadata, NAME));
    char digits[DIGITS + 1], now[DIGITS + 1];
    if (!saved && !json_object_get(metadata, METHOD_NAME)) return SPIRAL_OK;
    unsigned char *at = saved && strlen(saved) == DIGITS ? find(bytes, size, saved) : NULL;
    if (at) {
        memcpy(digits, saved, sizeof digits);
        memcpy(at, ZEROS, DIGITS);
        spiral__sha256(bytes, size, now);
        memcpy(at, digits, DIGITS);
        if (!strcmp(digits, now)) return SPIRAL_OK;
    }
    return spiral__fail(err, SPIRAL_FORMAT, -1, "the file is damaged: its checksum is not that of its bytes");
}
