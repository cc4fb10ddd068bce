/* SPDX-License-Identifier: MIT
 *
 * The bytes of a corpus pack (docs/formats.md). Numbers of the head are 64 bits, little-endian; those of the
 * index are variable-length. The planes are spiral_keys as they are in memory.
 *
 *     head        magic, byte order, version, where the index begins, size of the file, SHA-256 of
 *                 all this and of the index
 *     planes      of each roll the sounding keys, then the onsets
 *     index       options of the rolls, then for each file where its planes are, their hash, and its record
 */
#ifndef SPIRAL_DATA_CORPUS_PACK_H
#define SPIRAL_DATA_CORPUS_PACK_H

#include "data/corpus.h"

enum {
    SPIRAL__CORPUS_PACK_VERSION = 1,
    SPIRAL__CORPUS_PACK_HEAD = 128, /* bytes */
    SPIRAL__CORPUS_PACK_ORDER_AT = 8,
    SPIRAL__CORPUS_PACK_VERSION_AT = 16,
    SPIRAL__CORPUS_PACK_INDEX_AT = 24,
    SPIRAL__CORPUS_PACK_SIZE_AT = 32,
    SPIRAL__CORPUS_PACK_SUM_AT = 40, /* 64 hexadecimal digits; the rest of the head is 0 */
    SPIRAL__CORPUS_PACK_SUM_SIZE = 64
};
#define SPIRAL__CORPUS_PACK_MAGIC "\x89SPCORP\n"
#define SPIRAL__CORPUS_PACK_ORDER UINT64_C(0x0807060504030201)

/* The numbers of spiral_roll_report that are saved, in this order. */
#define SPIRAL__CORPUS_PACK_REPORT_LIST(X) \
    X(notes)                               \
    X(notes_drums)                         \
    X(notes_kept)                          \
    X(notes_low)                           \
    X(notes_high)                          \
    X(notes_folded)                        \
    X(notes_held)                          \
    X(notes_short)                         \
    X(onsets_merged)                       \
    X(notes_doubled)                       \
    X(stretches_cut)                       \
    X(frames_cut)

/* The hash of a roll's planes. */
uint64_t spiral__corpus_pack_hash(const spiral_roll *roll);

/* SHA-256 of the digits of two others: that of the first SPIRAL__CORPUS_PACK_SUM_AT bytes of the head, and
 * that of the index. */
void spiral__corpus_pack_sum(const unsigned char *head, const unsigned char *index, size_t index_size,
                             char hex[65]);

/* Maps a regular file of at least SPIRAL__CORPUS_PACK_HEAD bytes. IO; FORMAT; NO_MEMORY. */
spiral_status spiral__map_file(const char *path, spiral__mapping **mapping, spiral_error *err);

/* A corpus of a pack's bytes, which it borrows; they are aligned for spiral_keys. The other arguments and the
 * errors are those of spiral_corpus_pack_open; the sentence does not name the file. */
spiral_status spiral__corpus_pack_read(const unsigned char *bytes, size_t size, int frames, int check,
                                       int threads, spiral_corpus **corpus, spiral_error *err);

#endif
