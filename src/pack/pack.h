/* SPDX-License-Identifier: MIT
 *
 * The bytes of a model pack, little-endian:
 *
 *     "SPIRPACK" | u32 CRC-32 of what follows | u32 bytes of the version | version
 *     u32 fields of the config | i32 each | f32 threshold
 *     every tensor in the model's order: u8 kind | numbers (spiral__pack_kind)
 *     f32 axes (Z, Z) | f32 their inverse (Z, Z)
 *     u32 pieces of music, each: u32 bytes of the name | name | u32 frames | runs of equal frames, each:
 *         u8 frames of the run, 1..255 | u8 keys that sound | u8 each, rising
 *     u32 bytes of the text | text
 */
#ifndef SPIRAL_PACK_PACK_H
#define SPIRAL_PACK_PACK_H

#include "data/corpus.h"
#include "model/model.h"
#include "spiral/pack.h"

typedef enum spiral__pack_kind {
    SPIRAL__PACK_ABSENT, /* the engine does not need it; it is 0 there */
    SPIRAL__PACK_FLOATS, /* f32 each */
    SPIRAL__PACK_BYTES   /* f32 scale of each row | i8 each: scale times it */
} spiral__pack_kind;

#define SPIRAL__PACK_NAME "SPIRPACK"
enum { SPIRAL__PACK_HEAD = 12 /* bytes before those that the CRC covers */ };

/* A model pack in memory. */
typedef struct spiral__pack {
    spiral_model *model;  /* owned */
    float *axes;          /* (Z, Z) of coordinates on the sliders' axes, owned: axes.h */
    float *inverse;       /* (Z, Z) owned */
    spiral_corpus *music; /* owned; NULL: none */
    char *text;           /* owned, UTF-8 */
} spiral__pack;

/* CRC-32 (ISO 3309, as in PNG). */
uint32_t spiral__pack_crc(const unsigned char *bytes, size_t size);

/* The bytes are untrusted: they give a usable pack, or an error. FORMAT, NO_MEMORY; on failure *pack is
 * empty. */
spiral_status spiral__pack_read(const unsigned char *bytes, size_t size, spiral__pack *pack,
                                spiral_error *err);
void spiral__pack_clear(spiral__pack *pack);

#endif
