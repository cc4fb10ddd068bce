/* SPDX-License-Identifier: MIT
 *
 * Corpora in one file: the same rolls and windows as from the files, and all damage is noticed.
 */
#include <sys/stat.h>

#include "testing.h"
#include "pieces.h"
#include "base/bytes.h"
#include "base/file.h"
#include "data/corpus_pack.h"

static void add_many(pieces *p) {
    for (int i = 0; i < 6; i++) {
        char name[20];
        snprintf(name, sizeof name, "%d.mid", i);
        pieces_add(p, name, (uint64_t)i, 20 + 5 * (size_t)i);
    }
    pieces_add_bytes(p, "7.mid", "bad", 3);
    pieces_add(p, "8.mid", 2, 30); /* the notes of 2.mid */
}

static spiral_corpus_pack_options options_of(const spiral_roll_options *roll) {
    spiral_corpus_pack_options options;
    spiral_corpus_pack_options_default(&options, sizeof options);
    options.roll = roll;
    options.frames = PIECE_T;
    options.threads = 2;
    return options;
}

static const char *pack_pieces(pieces *p, int onsets) {
    spiral_error err = {.text = ""};
    spiral_roll_options roll = piece_options();
    const char *paths[] = {p->folder}, *pack = pieces_name(p, "corpus.pack");
    roll.onsets = onsets;
    const spiral_corpus_pack_options options = options_of(&roll);
    if (spiral_corpus_pack_create(paths, 1, &options, pack, NULL, NULL, &err) != SPIRAL_OK)
        fail_msg("%s", err.text);
    return pack;
}

static void assert_same_texts(const char *a, const char *b) {
    assert_int_equal(!a, !b);
    if (a) assert_string_equal(a, b);
}

static void assert_same_corpora(const spiral_corpus *a, const spiral_corpus *b) {
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->positions, b->positions);
    assert_int_equal(a->T, b->T);
    assert_memory_equal(&a->options, &b->options, sizeof a->options);
    for (size_t i = 0; i < a->count; i++) {
        const spiral__corpus_entry *x = &a->entries[i], *y = &b->entries[i];
        assert_string_equal(x->path, y->path);
        assert_same_texts(x->left_out, y->left_out);
        assert_same_texts(x->same_as, y->same_as);
        assert_true(x->file.seconds == y->file.seconds);
        assert_int_equal(x->file.frames, y->file.frames);
        assert_int_equal(x->file.windows, y->file.windows);
        assert_int_equal(x->file.windows_silent, y->file.windows_silent);
        assert_memory_equal(x->warnings, y->warnings, sizeof x->warnings);
        assert_int_equal(x->report.notes_kept, y->report.notes_kept);
        if (x->left_out) continue;
        assert_true(x->roll.quarters_per_min == y->roll.quarters_per_min);
        assert_memory_equal(x->roll.sounding, y->roll.sounding, x->roll.frames * sizeof(spiral_keys));
        assert_int_equal(!x->roll.onsets, !y->roll.onsets);
        if (x->roll.onsets)
            assert_memory_equal(x->roll.onsets, y->roll.onsets, x->roll.frames * sizeof(spiral_keys));
    }
}

static void a_pack_is_the_corpus_of_the_files(void **state) {
    (void)state;
    for (int onsets = 0; onsets < 2; onsets++) {
        pieces p;
        pieces_open(&p);
        add_many(&p);
        spiral_corpus *c = pieces_corpus(p.folder, onsets, PIECE_T), *opened = NULL;
        assert_int_equal(spiral_corpus_drop_duplicates(c, NULL, NULL, NULL), SPIRAL_OK);
        const char *pack = pack_pieces(&p, onsets);
        assert_true(spiral_corpus_is_pack(pack));
        assert_false(spiral_corpus_is_pack(p.path[0]));
        assert_int_equal(spiral_corpus_pack_open(pack, 0, 1, 2, &opened, NULL), SPIRAL_OK);
        assert_same_corpora(c, opened);
        spiral_corpus_destroy(opened);
        /* Windows of another length are counted again. */
        spiral_corpus *other = pieces_corpus(p.folder, onsets, 5);
        assert_int_equal(spiral_corpus_drop_duplicates(other, NULL, NULL, NULL), SPIRAL_OK);
        assert_int_equal(spiral_corpus_pack_open(pack, 5, 0, 1, &opened, NULL), SPIRAL_OK);
        assert_same_corpora(other, opened);
        spiral_corpus_destroy(other);
        spiral_corpus_destroy(opened);
        spiral_corpus_destroy(c);
        pieces_close(&p);
    }
}

/* The two corpora share the mapping, whichever is destroyed first. */
static void a_pack_is_split_as_files_are(void **state) {
    (void)state;
    for (int order = 0; order < 2; order++) {
        pieces p;
        pieces_open(&p);
        add_many(&p);
        spiral_corpus *c = pieces_corpus(p.folder, 1, PIECE_T), *held = NULL, *opened = NULL, *also = NULL;
        assert_int_equal(spiral_corpus_drop_duplicates(c, NULL, NULL, NULL), SPIRAL_OK);
        const char *pack = pack_pieces(&p, 1);
        assert_int_equal(spiral_corpus_pack_open(pack, 0, 1, 1, &opened, NULL), SPIRAL_OK);
        assert_int_equal(spiral_corpus_split(c, 3, &held, NULL), SPIRAL_OK);
        assert_int_equal(spiral_corpus_split(opened, 3, &also, NULL), SPIRAL_OK);
        assert_same_corpora(c, opened);
        assert_same_corpora(held, also);
        spiral_corpus_destroy(order ? opened : also);
        assert_same_corpora(order ? held : c, order ? also : opened);
        spiral_corpus_destroy(order ? also : opened);
        spiral_corpus_destroy(c);
        spiral_corpus_destroy(held);
        pieces_close(&p);
    }
}

static void windows_of_a_pack_are_those_of_the_files(void **state) {
    (void)state;
    enum { COUNT = 50 };
    pieces p;
    pieces_open(&p);
    add_many(&p);
    spiral_corpus *c = pieces_corpus(p.folder, 1, PIECE_T), *opened = NULL;
    assert_int_equal(spiral_corpus_drop_duplicates(c, NULL, NULL, NULL), SPIRAL_OK);
    const char *pack = pack_pieces(&p, 1);
    assert_int_equal(spiral_corpus_pack_open(pack, 0, 0, 1, &opened, NULL), SPIRAL_OK);
    spiral_keys a[COUNT * 2 * PIECE_T], b[COUNT * 2 * PIECE_T];
    size_t files[COUNT];
    spiral_error err;
    assert_int_equal(spiral_corpus_draw_windows(c, 25, 7, 100, COUNT, a, NULL, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "transpose is 25, must be 0 to 24");
    assert_int_equal(spiral_corpus_draw_windows(c, 3, 7, 100, COUNT, a, files, NULL), SPIRAL_OK);
    assert_int_equal(spiral_corpus_draw_windows(opened, 3, 7, 100, COUNT, b, NULL, NULL), SPIRAL_OK);
    assert_memory_equal(a, b, sizeof a);
    for (int i = 0; i < COUNT; i++) assert_true(files[i] < 8 && files[i] != 6 && files[i] != 7);
    /* Window 110 is the same wherever it is drawn. */
    assert_int_equal(spiral_corpus_draw_windows(c, 3, 7, 110, 1, b, NULL, NULL), SPIRAL_OK);
    assert_memory_equal(a + 10 * 2 * PIECE_T, b, 2 * PIECE_T * sizeof *b);
    spiral_corpus_destroy(opened);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* A pack with any bit changed is refused with a message, and so is one that is cut off. */
static void damage_is_noticed(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    add_many(&p);
    const char *pack = pack_pieces(&p, 0);
    unsigned char *bytes;
    size_t size;
    spiral_error err;
    spiral_corpus *c = NULL;
    assert_int_equal(spiral__file_read(pack, SIZE_MAX / 2, &bytes, &size, NULL), SPIRAL_OK);
    assert_int_equal(spiral__corpus_pack_read(bytes, size, 0, 1, 1, &c, NULL), SPIRAL_OK);
    spiral_corpus_destroy(c);
    const size_t planes_end = (size_t)spiral__le64(bytes + SPIRAL__CORPUS_PACK_INDEX_AT);
    const size_t dead = planes_end - 30 * sizeof(spiral_keys); /* the roll of 8.mid, which no file uses */
    c = NULL;
    for (size_t i = 0; i < size; i++) {
        if (i >= dead && i < planes_end) continue;
        bytes[i] ^= (unsigned char)(1 << i % 8);
        const spiral_status status = spiral__corpus_pack_read(bytes, size, 0, 1, 1, &c, &err);
        if (status != SPIRAL_FORMAT && status != SPIRAL_UNSUPPORTED) fail_msg("byte %zu: %d", i, status);
        bytes[i] ^= (unsigned char)(1 << i % 8);
    }
    for (size_t n = 0; n < size; n++)
        assert_int_equal(spiral__corpus_pack_read(bytes, n, 0, 1, 1, &c, &err), SPIRAL_FORMAT);
    assert_null(c);
    free(bytes);
    pieces_close(&p);
}

/* The index can have the right checksum and the planes still be wrong: every file of a corpus must have a
 * note. */
static void a_silent_roll_is_refused(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    add_many(&p);
    unsigned char *bytes;
    size_t size;
    spiral_error err;
    spiral_corpus *c = NULL;
    assert_int_equal(spiral__file_read(pack_pieces(&p, 0), SIZE_MAX / 2, &bytes, &size, NULL), SPIRAL_OK);
    /* the roll of 1.mid, after the 20 frames of 0.mid; without a check of the planes their hash is not
     * read */
    memset(bytes + SPIRAL__CORPUS_PACK_HEAD + 20 * sizeof(spiral_keys), 0, 25 * sizeof(spiral_keys));
    assert_int_equal(spiral__corpus_pack_read(bytes, size, 0, 0, 1, &c, &err), SPIRAL_FORMAT);
    assert_null(c);
    assert_non_null(strstr(err.text, "the corpus pack is damaged: no note sounds in the roll of "));
    assert_non_null(strstr(err.text, "/1.mid"));
    free(bytes);
    pieces_close(&p);
}

static void refusals_name_the_reason(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    pieces_add_bytes(&p, "bad.mid", "bad", 3);
    spiral_error err;
    spiral_corpus *c = NULL;
    const char *paths[] = {p.folder}, *input[] = {"-"};
    char pack[100], text[200];
    snprintf(pack, sizeof pack, "%s/none.pack", p.folder);
    spiral_corpus_pack_options options = options_of(NULL);
    assert_int_equal(spiral_corpus_pack_create(paths, 1, &options, pack, NULL, NULL, &err), SPIRAL_NO_DATA);
    assert_non_null(strstr(err.text, "bad.mid"));
    assert_int_equal(access(pack, F_OK), -1);
    assert_int_equal(spiral_corpus_pack_create(input, 1, &options, pack, NULL, NULL, &err), SPIRAL_BAD_ARG);
    assert_int_equal(spiral_corpus_pack_open(p.path[0], 0, 1, 1, &c, &err), SPIRAL_FORMAT);
    snprintf(text, sizeof text, "%s: not a corpus pack", p.path[0]);
    assert_string_equal(err.text, text);
    assert_int_equal(spiral_corpus_pack_open(pack, 0, 1, 1, &c, &err), SPIRAL_IO);
    pieces_add(&p, "good.mid", 1, 20);
    options.frames = 0;
    assert_int_equal(spiral_corpus_pack_create(paths, 1, &options, pack, NULL, NULL, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "frames of a window is 0, must be 1 to 512");
    options = options_of(NULL);
    assert_int_equal(spiral_corpus_pack_create(paths, 1, &options, "/dev/null", NULL, NULL, &err),
                     SPIRAL_BAD_ARG);
    options.struct_size = 4;
    assert_int_equal(spiral_corpus_pack_create(paths, 1, &options, pack, NULL, NULL, &err), SPIRAL_BAD_ARG);
    pieces_close(&p);
}

static void the_callback_may_end_the_packing_and_the_old_pack_stays(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    add_many(&p);
    const char *paths[] = {p.folder}, *pack = pack_pieces(&p, 1);
    struct stat before, after;
    spiral_roll_options roll = piece_options();
    spiral_corpus_pack_options options = options_of(&roll);
    assert_int_equal(stat(pack, &before), 0);
    for (int threads = 1; threads <= 3; threads++) {
        calls_seen seen = {0};
        options.threads = threads;
        options.callback = note_call;
        options.context = &seen;
        seen.stop_at = 1;
        assert_int_equal(spiral_corpus_pack_create(paths, 1, &options, pack, NULL, NULL, NULL),
                         SPIRAL_INTERRUPTED);
        assert_int_equal(stat(pack, &after), 0);
        assert_true(before.st_ino == after.st_ino && before.st_size == after.st_size);
        seen = (calls_seen){0};
        char *other = p.model; /* removed at the end */
        assert_int_equal(spiral_corpus_pack_create(paths, 1, &options, other, NULL, NULL, NULL), SPIRAL_OK);
        assert_true(!seen.fell && seen.last == 8 && seen.count == 8);
    }
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pack_is_the_corpus_of_the_files),
        cmocka_unit_test(a_pack_is_split_as_files_are),
        cmocka_unit_test(windows_of_a_pack_are_those_of_the_files),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(a_silent_roll_is_refused),
        cmocka_unit_test(refusals_name_the_reason),
        cmocka_unit_test(the_callback_may_end_the_packing_and_the_old_pack_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
