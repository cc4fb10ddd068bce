/* SPDX-License-Identifier: MIT
 *
 * Making Standard MIDI Files byte by byte.
 */
#ifndef SPIRAL_TESTS_MIDI_SMF_H
#define SPIRAL_TESTS_MIDI_SMF_H

#include <stdint.h>
#include <string.h>

typedef struct smf {
    unsigned char bytes[65536];
    size_t size;
} smf;

static inline void smf_add(smf *f, const void *bytes, size_t size) {
    memcpy(f->bytes + f->size, bytes, size);
    f->size += size;
}
/* A string literal's bytes, without its zero. */
#define SMF_ADD(f, literal) smf_add(f, literal, sizeof(literal) - 1)

static inline void smf_be(smf *f, uint32_t value, int bytes) {
    while (bytes--) f->bytes[f->size++] = (unsigned char)(value >> 8 * bytes);
}

static inline void smf_header(smf *f, unsigned format, unsigned tracks, unsigned division) {
    f->size = 0;
    SMF_ADD(f, "MThd\0\0\0\6");
    smf_be(f, format, 2);
    smf_be(f, tracks, 2);
    smf_be(f, division, 2);
}

static inline void smf_chunk(smf *f, const char *name, uint32_t claimed_size, const void *bytes,
                             size_t size) {
    smf_add(f, name, 4);
    smf_be(f, claimed_size, 4);
    smf_add(f, bytes, size);
}
/* An end-of-track event with a delta time of 0. */
#define SMF_EOT "\x00\xff\x2f\x00"
/* A track of these events, to which no end-of-track event is added. */
#define SMF_TRACK(f, literal) smf_chunk(f, "MTrk", sizeof(literal) - 1, literal, sizeof(literal) - 1)
/* A file of format 0 with one track, 96 ticks per quarter. */
#define SMF_ONE(f, literal) (smf_header(f, 0, 1, 96), SMF_TRACK(f, literal))

#endif
