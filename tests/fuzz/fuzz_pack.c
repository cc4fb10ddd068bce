/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a corpus pack: unchanged, and with the checksum of head and index corrected, so that the
 * checks after the checksum are reached too.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/par.h"
#include "data/corpus_pack.h"
#include "data/window.h"
#include "fuzz.h"

fuzz_attack *const fuzz_target_attack = fuzz_attack_any;

static void check_windows(const spiral_corpus *c) {
    enum { COUNT = 8 };
    const size_t size = (size_t)c->T * (c->options.onsets ? 2 : 1);
    spiral_keys *windows = malloc(COUNT * size * sizeof *windows);
    size_t files[COUNT];
    FUZZ_CHECK(windows);
    FUZZ_CHECK(spiral_corpus_draw_windows(c, 3, 1, 0, COUNT, windows, files, NULL) == SPIRAL_OK);
    for (int i = 0; i < COUNT; i++) FUZZ_CHECK(files[i] < c->count && spiral_corpus_get_roll(c, files[i]));
    free(windows);
}

static void check_files(const spiral_corpus *c) {
    FUZZ_CHECK(c->count > 0 && spiral__corpus_files_left(c) > 0 && c->positions > 0);
    for (size_t i = 0; i < c->count; i++) {
        const spiral_corpus_file *f = spiral_corpus_get_file(c, i);
        const spiral_roll *roll = spiral_corpus_get_roll(c, i);
        FUZZ_CHECK(f->path && !f->left_out == (roll != NULL));
        FUZZ_CHECK(f->frames == (roll ? roll->frames : 0));
    }
}

static void use(const unsigned char *bytes, size_t size, int check) {
    spiral_corpus *c = NULL, *held = NULL;
    spiral_error err = {0};
    fuzz_memory_begin();
    const spiral_status status = spiral__corpus_pack_read(bytes, size, 0, check, 1, &c, &err);
    /* An entry of the index has at least 20 bytes; in memory it is a few hundred. The pool that computes the
     * hash has scratch memory. */
    fuzz_memory_end(sizeof(spiral__corpus_entry) * (size + 64) + SPIRAL__SCRATCH, status != SPIRAL_OK);
    if (status != SPIRAL_OK) {
        fuzz_refusal(status, &err);
        FUZZ_CHECK(!c &&
                   (status == SPIRAL_FORMAT || status == SPIRAL_UNSUPPORTED || status == SPIRAL_NO_DATA));
        return;
    }
    check_files(c);
    check_windows(c);
    (void)!spiral_corpus_drop_duplicates(c, NULL, NULL, NULL);
    if (spiral__corpus_files_left(c) > 1) FUZZ_CHECK(spiral_corpus_split(c, 2, &held, NULL) == SPIRAL_OK);
    spiral_corpus_destroy(c);
    spiral_corpus_destroy(held);
    fuzz_memory_end(SIZE_MAX / 2, 1);
}

/* Corrects size and checksum, if there is a head. */
static void make_sound(unsigned char *bytes, size_t size) {
    char sum[65];
    if (size < SPIRAL__CORPUS_PACK_HEAD) return;
    spiral__put_le64(bytes + SPIRAL__CORPUS_PACK_SIZE_AT, size);
    const uint64_t index = spiral__le64(bytes + SPIRAL__CORPUS_PACK_INDEX_AT);
    if (index > size) return;
    spiral__corpus_pack_sum(bytes, bytes + index, size - (size_t)index, sum);
    memcpy(bytes + SPIRAL__CORPUS_PACK_SUM_AT, sum, SPIRAL__CORPUS_PACK_SUM_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    unsigned char *exact = calloc(size + !size, 1); /* aligned; a sanitizer sees a read beyond it */
    FUZZ_CHECK(exact);
    if (size) memcpy(exact, bytes, size);
    use(exact, size, 1);
    make_sound(exact, size);
    use(exact, size, 0);
    use(exact, size, 1);
    free(exact);
    return 0;
}
