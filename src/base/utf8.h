/* SPDX-License-Identifier: MIT
 *
 * UTF-8 (RFC 3629).
 */
#ifndef SPIRAL_BASE_UTF8_H
#define SPIRAL_BASE_UTF8_H

#include <stddef.h>

/* The length in bytes, 1..4, of the character at `at`; 0 if the bytes up to `end` do not begin with a valid
 * one. at < end. */
static inline size_t spiral__utf8_size(const unsigned char *at, const unsigned char *end) {
    const unsigned char lead = at[0];
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    size_t n = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if ((size_t)(end - at) < n) return 0;
    for (size_t i = 1; i < n; i++)
        if (at[i] >> 6 != 2) return 0;
    int overlong = (lead == 0xe0 && at[1] < 0xa0) || (lead == 0xf0 && at[1] < 0x90);
    int surrogate = lead == 0xed && at[1] > 0x9f, beyond = lead == 0xf4 && at[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : n;
}

#endif
