/* SPDX-License-Identifier: MIT
 *
 * Damaging files (see damage.h). The faults depend only on the state of the random generator, so the seed and
 * the number of a damaged file are enough to make it again.
 */
#include <string.h>

#include "base/bytes.h"
#include "damage.h"

typedef struct token {
    const char *at;
    size_t size;
} token;
/* A string literal with all its bytes, including zeros. */
#define TOKEN(literal) \
    { literal, sizeof(literal) - 1 }
#define PICK(rng, list) (&(list)[spiral__rng_below(rng, sizeof(list) / sizeof *(list))])

/* Replaces `lost` bytes at `at` by n bytes. Does nothing if they do not fit. */
static size_t splice(unsigned char *bytes, size_t size, size_t capacity, size_t at, size_t lost,
                     const void *put, size_t n) {
    if (lost > size - at) lost = size - at;
    if (n > capacity - (size - lost)) return size;
    memmove(bytes + at + n, bytes + at + lost, size - at - lost);
    memcpy(bytes + at, put, n);
    return size - lost + n;
}

static size_t put_token(spiral__rng *rng, const token *t, unsigned char *bytes, size_t size,
                        size_t capacity) {
    size_t at = spiral__rng_below(rng, size + 1);
    return splice(bytes, size, capacity, at, spiral__rng_below(rng, 2) ? t->size : 0, t->at, t->size);
}

size_t fuzz_attack_any(spiral__rng *rng, unsigned char *bytes, size_t size, size_t capacity) {
    unsigned char copy[64];
    if (size == 0) return size;
    size_t at = spiral__rng_below(rng, size), n = 1 + spiral__rng_below(rng, sizeof copy);
    if (n > size - at) n = size - at;
    memcpy(copy, bytes + at, n);
    switch (spiral__rng_below(rng, 8)) {
    case 0: return spiral__rng_below(rng, 4) ? size : at;                /* cut */
    case 1: return splice(bytes, size, capacity, at, n, copy, 0);        /* bytes lost */
    case 2: return splice(bytes, size, capacity, at, 0, copy, n);        /* bytes repeated */
    case 3: return splice(bytes, size, capacity, size - at, 0, copy, n); /* bytes copied elsewhere */
    case 4:                                                              /* random bytes */
        for (size_t i = 0; i < n && i < 8; i++) bytes[at + i] = (unsigned char)spiral__rng_u64(rng);
        return size;
    default: bytes[at] ^= (unsigned char)(1 << spiral__rng_below(rng, 8)); return size;
    }
}

static const uint32_t lengths[] = {0,          1,          2,          3,          6,
                                   0xff,       0x100,      0xffff,     0x01000000, 0x10000000,
                                   0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};

static void put_be(unsigned char *at, uint32_t value, int bytes) {
    while (bytes--) *at++ = (unsigned char)(value >> 8 * bytes);
}

/* Changes the length of a chunk, or a field of the header. */
static void attack_chunk(spiral__rng *rng, unsigned char *bytes, size_t size) {
    static const uint32_t fields[] = {0, 1, 2, 3, 0x7fff, 0x8000, 0xffff, 0xe728, 0xe800, 0xe250, 0x80ff};
    size_t from = spiral__rng_below(rng, size - 13);
    for (size_t at = from; at < size - 13; at++) {
        if (memcmp(bytes + at, "MT", 2)) continue;
        uint32_t real = spiral__be32(bytes + at + 4);
        switch (spiral__rng_below(rng, 4)) {
        case 0: put_be(bytes + at + 4, *PICK(rng, lengths), 4); return;
        case 1: put_be(bytes + at + 4, real + (uint32_t)spiral__rng_below(rng, 17) - 8, 4); return;
        case 2: put_be(bytes + at + 4, (uint32_t)spiral__rng_below(rng, size), 4); return;
        default: put_be(bytes + at + 8 + 2 * spiral__rng_below(rng, 3), *PICK(rng, fields), 2); return;
        }
    }
}

size_t fuzz_attack_midi(spiral__rng *rng, unsigned char *bytes, size_t size, size_t capacity) {
    static const token tokens[] = {
        TOKEN("\xff\xff\xff\x7f"),
        TOKEN("\xff\xff\xff\xff\x7f"),
        TOKEN("\x80\x80\x80\x00"),
        TOKEN("\x80\x80\x80\x80\x80"),
        TOKEN("\x81\x00"),
        TOKEN("\xff\x2f\x00"),
        TOKEN("\x00\xff\x2f\x00"),
        TOKEN("\xff\x2f\x05"),
        TOKEN("\xff\x51\x03\x00\x00\x00"),
        TOKEN("\xff\x51\x03\x00\x00\x01"),
        TOKEN("\xff\x51\x03\xff\xff\xff"),
        TOKEN("\xff\x51\x02\x07\xa1"),
        TOKEN("\xff\x58\x04\x00\x00\x18\x08"),
        TOKEN("\xff\x58\x04\xff\x06\x18\x08"),
        TOKEN("\xff\x58\x02\x04\xff"),
        TOKEN("\xff\x01\xff\xff\xff\x7f"),
        TOKEN("\xff\x03\x02\x00z"),
        TOKEN("\xf0\x02\x7e\xf7"),
        TOKEN("\xf7\x00"),
        TOKEN("\xf0\x80\x80\x80\x80\x00"),
        TOKEN("\xf2\x01"),
        TOKEN("\xf8"),
        TOKEN("\x90\x3c\x40"),
        TOKEN("\x80\x3c\x40"),
        TOKEN("\x90\x3c\x00"),
        TOKEN("\xb0\x00\xa8"),
        TOKEN("\xb0\x40\x7f"),
        TOKEN("\xb0\x40\x00"),
        TOKEN("\xb0\x79\x00"),
        TOKEN("\x00\x3c\x40"),
        TOKEN("\x99\x24\x7f"),
        TOKEN("MTrk\0\0\0\4\0\xff\x2f\0"),
        TOKEN("MTrk\xff\xff\xff\xff"),
        TOKEN("MThd\0\0\0\6\0\2\0\2\0\1"),
        TOKEN("XFIH\0\0\0\1"),
        TOKEN("RIFF\0\0\0\0RMIDdata\xff\xff\xff\xff"),
    };
    if (size > 13 && spiral__rng_below(rng, 2)) {
        attack_chunk(rng, bytes, size);
        return size;
    }
    return put_token(rng, PICK(rng, tokens), bytes, size, capacity);
}

static int is_digit(unsigned char c) { return c >= '0' && c <= '9'; }

/* Replaces a number in the text: the first one after a random position. */
static size_t attack_number(spiral__rng *rng, const token *number, unsigned char *bytes, size_t size,
                            size_t capacity) {
    size_t at = size ? spiral__rng_below(rng, size) : 0, end;
    while (at < size && !is_digit(bytes[at])) at++;
    for (end = at; end < size && is_digit(bytes[end]);) end++;
    return end > at ? splice(bytes, size, capacity, at, end - at, number->at, number->size) : size;
}

size_t fuzz_attack_json(spiral__rng *rng, unsigned char *bytes, size_t size, size_t capacity) {
    static const token numbers[] = {
        TOKEN("0"),
        TOKEN("1"),
        TOKEN("2"),
        TOKEN("-1"),
        TOKEN("3.5"),
        TOKEN("1e999"),
        TOKEN("-0.0"),
        TOKEN("1e38"),
        TOKEN("1e39"),
        TOKEN("2147483648"),
        TOKEN("4294967296"),
        TOKEN("1073741824"),
        TOKEN("9223372036854775807"),
        TOKEN("-9223372036854775808"),
        TOKEN("18446744073709551616"),
        TOKEN("127"),
        TOKEN("128"),
        TOKEN("512"),
        TOKEN("4096"),
        TOKEN("null"),
        TOKEN("true"),
        TOKEN("\"1\""),
        TOKEN("[1]"),
        TOKEN("{}"),
        TOKEN("007"),
    };
    static const token words[] = {
        TOKEN("{"),
        TOKEN("}"),
        TOKEN("["),
        TOKEN("]"),
        TOKEN(","),
        TOKEN(":"),
        TOKEN("\""),
        TOKEN("\\"),
        TOKEN("\\u0000"),
        TOKEN("\\ud800"),
        TOKEN("\\u001b"),
        TOKEN("\xc3\xa9"),
        TOKEN("\xff"),
        TOKEN("\0"),
        TOKEN("\x1b[2J"),
        TOKEN("[[[[[[[["),
        TOKEN("{\"a\":"),
        TOKEN(",\"hidden\":2"),
        TOKEN("\"format\":\"x\","),
        TOKEN("\"F16\""),
        TOKEN("\"__metadata__\":{},"),
        TOKEN("\\\""),
        TOKEN("e308"),
        TOKEN("\"beats\""),
        TOKEN("\"a\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[0,0]},"),
    };
    if (spiral__rng_below(rng, 2)) return attack_number(rng, PICK(rng, numbers), bytes, size, capacity);
    return put_token(rng, PICK(rng, words), bytes, size, capacity);
}

/* Changes the text of the header and corrects its length, so that the text is still read. */
static size_t attack_header(spiral__rng *rng, unsigned char *bytes, size_t size, size_t capacity) {
    uint64_t length = spiral__le64(bytes);
    if (length > size - 8) return size;
    unsigned char text[2048];
    if (length > sizeof text) return fuzz_attack_json(rng, bytes, size, capacity);
    memcpy(text, bytes + 8, (size_t)length);
    size_t now = fuzz_attack_json(rng, text, (size_t)length, sizeof text);
    size_t changed = splice(bytes, size, capacity, 8, (size_t)length, text, now);
    if (changed == size - (size_t)length + now) spiral__put_le64(bytes, now);
    return changed;
}

size_t fuzz_attack_safetensors(spiral__rng *rng, unsigned char *bytes, size_t size, size_t capacity) {
    static const uint64_t longs[] = {0,
                                     1,
                                     2,
                                     7,
                                     UINT64_C(100) << 20,
                                     (UINT64_C(100) << 20) + 1,
                                     UINT64_MAX,
                                     UINT64_MAX - 7,
                                     UINT64_C(1) << 63,
                                     UINT64_C(1) << 32};
    static const token floats[] = {TOKEN("\0\0\xc0\x7f"),     TOKEN("\0\0\x80\x7f"), TOKEN("\0\0\x80\xff"),
                                   TOKEN("\xff\xff\x7f\x7f"), TOKEN("\1\0\0\0"),     TOKEN("\0\0\0\x80")};
    if (size < 12) return fuzz_attack_any(rng, bytes, size, capacity);
    switch (spiral__rng_below(rng, 8)) {
    case 0: spiral__put_le64(bytes, *PICK(rng, longs)); return size;
    case 1: spiral__put_le64(bytes, spiral__le64(bytes) + spiral__rng_below(rng, 17) - 8); return size;
    case 2:
        memcpy(bytes + size - 4 - spiral__rng_below(rng, (size - 8) / 4) * 4, PICK(rng, floats)->at, 4);
        return size;
    default: return attack_header(rng, bytes, size, capacity);
    }
}

size_t fuzz_attack_score(spiral__rng *rng, unsigned char *bytes, size_t size, size_t capacity) {
    static const token numbers[] = {
        TOKEN("0"),  TOKEN("1"),      TOKEN("2"),          TOKEN("3"),    TOKEN("4"),  TOKEN("8"),
        TOKEN("16"), TOKEN("64"),     TOKEN("128"),        TOKEN("9"),    TOKEN("32"), TOKEN("400"),
        TOKEN("10"), TOKEN("999999"), TOKEN("4294967297"), TOKEN("64.."), TOKEN("1..")};
    static const token words[] = {
        TOKEN(" | "),
        TOKEN("\n"),
        TOKEN(" % |"),
        TOKEN(" R |"),
        TOKEN(" r "),
        TOKEN("(3 "),
        TOKEN(") "),
        TOKEN("<"),
        TOKEN(">"),
        TOKEN("~"),
        TOKEN("#"),
        TOKEN("b"),
        TOKEN("n"),
        TOKEN(":"),
        TOKEN(" / "),
        TOKEN("*"),
        TOKEN("+"),
        TOKEN("c4"),
        TOKEN("g9"),
        TOKEN("2c4~ c"),
        TOKEN("<c4 e g>"),
        TOKEN("\nsection X\n"),
        TOKEN("\nplay A A A\n"),
        TOKEN("\npickup 4\n"),
        TOKEN("\npickup none\n"),
        TOKEN("\nlast 1\n"),
        TOKEN("\nmeter 3/4\n"),
        TOKEN("\nmeter 32/16\n"),
        TOKEN("\nkey Cb major\n"),
        TOKEN("\ntempo 1.. = 10\n"),
        TOKEN("\nfigure f 4:1\n"),
        TOKEN(" 64:* / 1:1 "),
        TOKEN("\nvoice v\n"),
        TOKEN("\nchords w f low g2\n"),
        TOKEN("\0"),
        TOKEN("\xff"),
        TOKEN("\x1b[2J"),
        TOKEN("\r"),
        TOKEN("\t"),
        TOKEN("C#m7b5/Bb"),
        TOKEN("\xc3\xa9"),
    };
    if (spiral__rng_below(rng, 2)) return attack_number(rng, PICK(rng, numbers), bytes, size, capacity);
    return put_token(rng, PICK(rng, words), bytes, size, capacity);
}

size_t fuzz_damage(fuzz_attack *attack, spiral__rng *rng, unsigned char *bytes, size_t size,
                   size_t capacity) {
    for (uint64_t faults = 1 + spiral__rng_below(rng, 8); faults; faults--) {
        fuzz_attack *one = spiral__rng_below(rng, 2) ? attack : fuzz_attack_any;
        size = one(rng, bytes, size, capacity);
    }
    return size;
}
