/* SPDX-License-Identifier: MIT
 *
 * Texts of files as UTF-8 (see spiral_midi_text_utf8 in midi.h). The standard says ASCII; files use whatever
 * encoding their program used, and do not say which.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "spiral/midi.h"
#include "spiral_config.h"

#ifdef SPIRAL_HAVE_ICONV
#include <iconv.h>
#endif

enum { CHARACTER_MAX = 4 }; /* bytes of one in UTF-8 */

/* Reads one character at `at`: writes it as UTF-8, and its length to *written. Returns how many bytes of the
 * text it takes; 0: there is no valid character. `state` belongs to the encoding. */
typedef size_t decoder(void *state, const unsigned char *at, const unsigned char *end,
                       unsigned char character[CHARACTER_MAX], size_t *written);

/* ---- encodings ---- */

static size_t decode_utf8(void *state, const unsigned char *at, const unsigned char *end,
                          unsigned char character[CHARACTER_MAX], size_t *written) {
    (void)state;
    *written = spiral__utf8_size(at, end);
    memcpy(character, at, *written);
    return *written;
}

/* Windows-1252 at 80..9F; the five bytes without a character there are control characters of Unicode. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
    0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178,
};

static size_t decode_1252(void *state, const unsigned char *at, const unsigned char *end,
                          unsigned char character[CHARACTER_MAX], size_t *written) {
    (void)state, (void)end;
    const unsigned code = *at >= 0x80 && *at < 0xa0 ? windows_1252[*at - 0x80] : *at;
    if (code < 0x80) {
        character[0] = (unsigned char)code;
        *written = 1;
    } else if (code < 0x800) {
        character[0] = (unsigned char)(0xc0 | code >> 6);
        character[1] = (unsigned char)(0x80 | (code & 63));
        *written = 2;
    } else {
        character[0] = (unsigned char)(0xe0 | code >> 12);
        character[1] = (unsigned char)(0x80 | (code >> 6 & 63));
        character[2] = (unsigned char)(0x80 | (code & 63));
        *written = 3;
    }
    return 1;
}

#ifdef SPIRAL_HAVE_ICONV
/* Shift-JIS with the additions of Windows. state: an iconv_t. */
static size_t decode_shift_jis(void *state, const unsigned char *at, const unsigned char *end,
                               unsigned char character[CHARACTER_MAX], size_t *written) {
    if (*at == 0x80 || *at == 0xa0 || *at > 0xfc) return 0;
    const bool pair = (*at > 0x80 && *at < 0xa0) || *at >= 0xe0;
    const size_t size = 1 + pair;
    if ((size_t)(end - at) < size) return 0;
    char bytes[2] = {(char)at[0], pair ? (char)at[1] : 0}, *in = bytes, *out = (char *)character;
    size_t in_left = size, out_left = CHARACTER_MAX;
    if (*at < 0x80) {
        character[0] = *at; /* not a yen sign */
        *written = 1;
        return 1;
    }
    if (iconv((iconv_t)state, &in, &in_left, &out, &out_left) == (size_t)-1 || in_left) return 0;
    *written = CHARACTER_MAX - out_left;
    return size;
}

static bool is_letter(unsigned byte) { return (byte | 32) >= 'a' && (byte | 32) <= 'z'; }

/* Whether the text is valid and has more Japanese characters of two bytes than Latin letters. (Bytes A1 to DF
 * are also Japanese letters, but just as often Latin letters with accents.) */
static bool is_shift_jis(iconv_t state, const unsigned char *at, const unsigned char *end) {
    size_t japanese = 0, latin = 0, n, written;
    unsigned char character[CHARACTER_MAX];
    for (; at < end; at += n) {
        n = decode_shift_jis(state, at, end, character, &written);
        if (n == 0) return false;
        japanese += n == 2 && written == 3 && character[0] > 0xe2; /* U+3000 and above */
        latin += n == 1 && is_letter(*at);
    }
    return japanese > latin;
}
#endif

/* ---- the text ---- */

/* The text in UTF-8 to utf8[0 .. size), as far as it fits; returns the length of the whole. */
static size_t convert(decoder *decode, void *state, const unsigned char *at, const unsigned char *end,
                      char *utf8, size_t size) {
    size_t length = 0, written = 0, used, n;
    bool fits = size > 0;
    unsigned char character[CHARACTER_MAX];
    for (; at < end; at += used) {
        used = decode(state, at, end, character, &n);
        if (used == 0) break;
        length += n;
        fits = fits && length < size;
        if (!fits) continue;
        memcpy(utf8 + written, character, n);
        written += n;
    }
    if (size) utf8[written] = 0;
    return length;
}

static bool is_utf8(const unsigned char *text, const unsigned char *end) {
    for (size_t n; text < end; text += n)
        if ((n = spiral__utf8_size(text, end)) == 0) return false;
    return true;
}

int spiral_midi_text_utf8(const char *text, char *utf8, size_t size) {
    const unsigned char *at = (const unsigned char *)text, *end = at + strlen(text);
    if (is_utf8(at, end)) return (int)convert(decode_utf8, NULL, at, end, utf8, size);
#ifdef SPIRAL_HAVE_ICONV
    const iconv_t state = iconv_open("UTF-8", "CP932");
    if (state != (iconv_t)-1) {
        const bool shift_jis = is_shift_jis(state, at, end);
        const size_t length = shift_jis ? convert(decode_shift_jis, state, at, end, utf8, size) : 0;
        iconv_close(state);
        if (shift_jis) return (int)length;
    }
#endif
    return (int)convert(decode_1252, NULL, at, end, utf8, size);
}
