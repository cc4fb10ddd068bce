/* SPDX-License-Identifier: MIT
 *
 * Texts of files as UTF-8 (see spiral_midi_text_utf8 in midi.h). The standard says ASCII; files have whatever
 * their program's language used, and do not say which.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "spiral/midi.h"

/* Windows-1252 at 80..9F; the five bytes without a character there are control characters of Unicode. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
    0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178,
};

static bool is_utf8(const unsigned char *text, const unsigned char *end) {
    for (size_t n; text < end; text += n)
        if ((n = spiral__utf8_size(text, end)) == 0) return false;
    return true;
}

/* Writes the byte's character as UTF-8; returns its length, at most 3. */
static size_t encode(unsigned byte, unsigned char character[3]) {
    unsigned code = byte >= 0x80 && byte < 0xa0 ? windows_1252[byte - 0x80] : byte;
    if (code < 0x80) return character[0] = (unsigned char)code, 1;
    if (code < 0x800) {
        character[0] = (unsigned char)(0xc0 | code >> 6);
        character[1] = (unsigned char)(0x80 | (code & 63));
        return 2;
    }
    character[0] = (unsigned char)(0xe0 | code >> 12);
    character[1] = (unsigned char)(0x80 | (code >> 6 & 63));
    character[2] = (unsigned char)(0x80 | (code & 63));
    return 3;
}

int spiral_midi_text_utf8(const char *text, char *utf8, size_t size) {
    const unsigned char *at = (const unsigned char *)text, *end = at + strlen(text);
    const bool valid = is_utf8(at, end);
    size_t length = 0, written = 0;
    bool fits = size > 0;
    while (at < end) {
        unsigned char character[4] = {0};
        size_t n = valid ? spiral__utf8_size(at, end) : encode(*at, character);
        if (valid) memcpy(character, at, n);
        at += valid ? n : 1;
        length += n;
        fits = fits && length < size;
        if (!fits) continue;
        memcpy(utf8 + written, character, n);
        written += n;
    }
    if (size) utf8[written] = 0;
    return (int)length;
}
