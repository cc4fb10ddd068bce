/* SPDX-License-Identifier: MIT
 *
 * The music of a test program: pieces in a folder, the corpus of the training pieces, and one held-out piece.
 */
#ifndef SPIRAL_TESTS_TRAIN_TRAINING_MUSIC_H
#define SPIRAL_TESTS_TRAIN_TRAINING_MUSIC_H

#include "testing.h"
#include "../data/pieces.h"
#include "base/file.h"

static pieces p;
static spiral_corpus *corpus, *held;

/* Makes n pieces from the seeds first_seed, first_seed + 1 ...; the third has third_frames frames, the others
 * `frames`. One of the n is held out. Returns 0, or nonzero on failure, as a set-up does. */
static inline int open_music(int n, uint64_t first_seed, size_t frames, size_t third_frames, int onsets) {
    pieces_open(&p);
    for (int i = 0; i < n; i++) {
        char name[8];
        snprintf(name, sizeof name, "%c.mid", 'a' + i);
        pieces_add(&p, name, first_seed + (uint64_t)i, i == 2 ? third_frames : frames);
    }
    corpus = pieces_corpus(p.folder, onsets, PIECE_T);
    return spiral_corpus_split(corpus, n, &held, NULL) != SPIRAL_OK;
}

static inline int close_music(void **state) {
    (void)state;
    spiral_corpus_destroy(corpus);
    spiral_corpus_destroy(held);
    pieces_close(&p);
    return 0;
}

/* The bytes of the model file; the caller frees them. */
static inline unsigned char *model_bytes(size_t *size) {
    unsigned char *bytes;
    assert_int_equal(spiral__file_read(p.model, 1 << 24, &bytes, size, NULL), SPIRAL_OK);
    return bytes;
}

#endif
