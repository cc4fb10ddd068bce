/* SPDX-License-Identifier: MIT
 *
 * Leaving files out of a corpus: files that had to be repaired, and files whose notes another file has.
 */
#include "testing.h"
#include "base/file.h"
#include "pieces.h"
#include "data/corpus.h"

/* A copy of a file with these bytes after it. */
static void add_copy(pieces *p, size_t of, const char *name, const char *more, size_t size) {
    unsigned char *bytes;
    size_t n;
    assert_int_equal(spiral__file_read(p->path[of], 1 << 20, &bytes, &n, NULL), SPIRAL_OK);
    FILE *file = fopen(pieces_name(p, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file) + fwrite(more, 1, size, file), n + size);
    fclose(file);
    free(bytes);
}

/* The piece with silence before it, and another tempo and velocity. */
static void add_disguised(pieces *p, const char *name, uint64_t seed, size_t frames, int late) {
    spiral_roll roll = piece_roll(seed, frames);
    spiral_midi midi = {0};
    assert_int_equal(spiral_midi_from_roll(&roll, &midi, NULL), SPIRAL_OK);
    int64_t ticks = late * (int64_t)midi.ticks_per_quarter / 4;
    for (size_t i = 0; i < midi.note_count; i++) {
        midi.notes[i].on_ticks += ticks;
        midi.notes[i].off_ticks += ticks;
        midi.notes[i].velocity = 33;
    }
    midi.end_ticks += ticks;
    midi.tempos[0].us_per_quarter = 333333;
    assert_int_equal(spiral_midi_save(&midi, pieces_name(p, name), NULL), SPIRAL_OK);
    spiral_midi_clear(&midi);
    spiral_roll_clear(&roll);
}

static const char *left_out(const spiral_corpus *c, size_t i) {
    return spiral_corpus_get_file(c, i)->left_out;
}

static void repaired_files_are_left_out_with_the_kind_of_repair(void **state) {
    (void)state;
    pieces p;
    size_t count = 99;
    pieces_open(&p);
    pieces_add(&p, "clean.mid", 1, 16);
    add_copy(&p, 0, "junk.mid", "junk", 4);
    add_copy(&p, 0, "more.mid", "MTrk\0\0\0\5\0\x80\x3c\0\0", 13); /* a third track: one note-off, no end */
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
    for (size_t i = 0; i < 3; i++) assert_null(left_out(c, i)); /* they are left out on request only */
    assert_int_equal(c->positions, 3 * (16 - PIECE_T + 1));
    assert_int_equal(spiral_corpus_drop_repaired(c, &count, NULL), SPIRAL_OK);
    assert_int_equal(count, 2);
    assert_null(left_out(c, 0));
    assert_string_equal(left_out(c, 1),
                        "the reader had to repair it: 1 x chunk that is neither MThd nor MTrk, or "
                        "bytes between or after the chunks");
    assert_non_null(strstr(left_out(c, 2), "1 x note-off without a note"));
    assert_non_null(strstr(left_out(c, 2), "; 1 x "));
    assert_null(spiral_corpus_get_roll(c, 1));
    assert_int_equal(spiral_corpus_get_file(c, 1)->frames, 0);
    assert_int_equal(spiral_corpus_get_file(c, 1)->windows, 0);
    assert_null(spiral_corpus_get_file(c, 1)->same_as);
    assert_int_equal(c->positions, 16 - PIECE_T + 1);
    assert_int_equal(spiral_corpus_drop_repaired(c, &count, NULL), SPIRAL_OK); /* none is left */
    assert_int_equal(count, 0);
    spiral_corpus_destroy(c);

    spiral_error err;
    c = pieces_corpus(p.path[1], 0, PIECE_T);
    assert_int_equal(spiral_corpus_drop_repaired(c, NULL, &err), SPIRAL_NO_DATA);
    assert_non_null(strstr(err.text, "junk.mid: the reader had to repair it: 1 x "));
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* The same bytes, or the same notes at another tempo, velocity and start. */
static void files_with_the_same_notes_are_left_out(void **state) {
    (void)state;
    for (int onsets = 0; onsets < 2; onsets++) {
        pieces p;
        size_t count = 99;
        pieces_open(&p);
        pieces_add(&p, "a.mid", 1, 40);
        pieces_add(&p, "b.mid", 2, 40);
        add_copy(&p, 0, "c.mid", "", 0);
        add_disguised(&p, "d.mid", 2, 40, 7);
        pieces_add(&p, "e.mid", 1, 41); /* one frame longer */
        add_disguised(&p, "f.mid", 1, 40, 0);
        spiral_corpus *c = pieces_corpus(p.folder, onsets, PIECE_T);
        assert_int_equal(spiral_corpus_drop_duplicates(c, NULL, &count, NULL), SPIRAL_OK);
        assert_int_equal(count, 3);
        static const int same_as[] = {-1, -1, 0, 1, -1, 0};
        for (size_t i = 0; i < 6; i++) {
            const spiral_corpus_file *f = spiral_corpus_get_file(c, i);
            assert_int_equal(f->left_out == NULL, same_as[i] < 0);
            if (!f->left_out) assert_null(f->same_as);
            if (!f->left_out) continue;
            assert_string_equal(f->same_as, p.path[same_as[i]]);
            assert_non_null(strstr(f->left_out, "the same notes as in /"));
            assert_non_null(strstr(f->left_out, p.path[same_as[i]]));
        }
        assert_int_equal(c->positions, 2 * (40 - PIECE_T + 1) + 41 - PIECE_T + 1);
        assert_int_equal(spiral_corpus_drop_duplicates(c, NULL, &count, NULL), SPIRAL_OK);
        assert_int_equal(count, 0);
        spiral_corpus_destroy(c);
        pieces_close(&p);
    }
}

/* A note that goes on and one that is struck again differ in the onset plane only. */
static void onsets_distinguish_files(void **state) {
    (void)state;
    pieces p;
    size_t count;
    pieces_open(&p);
    for (int again = 0; again < 2; again++) {
        spiral_roll roll;
        assert_int_equal(spiral_roll_create(PIECE_GRID, 16, 1, &roll, NULL), SPIRAL_OK);
        for (int t = 0; t < 16; t++) spiral_keys_set(&roll.sounding[t], 64, 1);
        spiral_keys_set(&roll.onsets[0], 64, 1);
        spiral_keys_set(&roll.onsets[8], 64, again);
        pieces_add_roll(&p, again ? "again.mid" : "once.mid", &roll);
        spiral_roll_clear(&roll);
    }
    for (int onsets = 0; onsets < 2; onsets++) {
        spiral_corpus *c = pieces_corpus(p.folder, onsets, PIECE_T);
        assert_int_equal(spiral_corpus_drop_duplicates(c, NULL, &count, NULL), SPIRAL_OK);
        assert_int_equal(count, onsets ? 0 : 1);
        spiral_corpus_destroy(c);
    }
    pieces_close(&p);
}

/* Of two corpora, the second loses files whose notes the first has too; the first loses nothing. */
static void duplicates_of_another_corpus_are_left_out_of_the_second_only(void **state) {
    (void)state;
    pieces p, q;
    size_t count;
    spiral_error err;
    pieces_open(&p);
    pieces_open(&q);
    pieces_add(&p, "1.mid", 1, 40);
    pieces_add(&p, "2.mid", 2, 40);
    pieces_add(&p, "3.mid", 2, 40); /* twice in the first corpus: both are kept */
    pieces_add(&q, "1.mid", 2, 40);
    pieces_add(&q, "2.mid", 3, 40);
    pieces_add(&q, "3.mid", 3, 40);
    spiral_corpus *of = pieces_corpus(p.folder, 0, PIECE_T), *c = pieces_corpus(q.folder, 0, PIECE_T);
    assert_int_equal(spiral_corpus_drop_duplicates(c, of, &count, NULL), SPIRAL_OK);
    assert_int_equal(count, 2);
    assert_string_equal(spiral_corpus_get_file(c, 0)->same_as, p.path[1]);
    assert_null(left_out(c, 1));
    assert_string_equal(spiral_corpus_get_file(c, 2)->same_as, q.path[1]);
    for (size_t i = 0; i < 3; i++) assert_null(left_out(of, i));
    spiral_corpus_destroy(c);

    c = pieces_corpus(p.folder, 0, PIECE_T);
    assert_int_equal(spiral_corpus_drop_duplicates(c, of, NULL, &err), SPIRAL_NO_DATA);
    assert_non_null(strstr(err.text, "the same notes as in "));
    assert_non_null(strstr(err.text, "(no other file can be used either)"));
    spiral_corpus_destroy(c);
    spiral_corpus_destroy(of);
    pieces_close(&p);
    pieces_close(&q);
}

/* Without duplicates no piece of the held-out files was trained on. */
static void without_duplicates_no_held_out_piece_is_trained_on(void **state) {
    (void)state;
    pieces p;
    spiral_corpus *held;
    pieces_open(&p);
    for (int i = 0; i < 8; i++) {
        char name[20];
        snprintf(name, sizeof name, "%d.mid", i);
        pieces_add(&p, name, (uint64_t)i / 2, 40);
    }
    for (int filter = 0; filter < 2; filter++) {
        spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
        size_t leaks = 0;
        if (filter) assert_int_equal(spiral_corpus_drop_duplicates(c, NULL, NULL, NULL), SPIRAL_OK);
        assert_int_equal(spiral_corpus_split(c, 4, &held, NULL), SPIRAL_OK);
        for (size_t i = 0; i < spiral_corpus_file_count(held); i++)
            for (size_t k = 0; k < spiral_corpus_file_count(c); k++) {
                const spiral_roll *a = spiral_corpus_get_roll(held, i), *b = spiral_corpus_get_roll(c, k);
                leaks += b && a->frames == b->frames &&
                         !memcmp(a->sounding, b->sounding, a->frames * sizeof *a->sounding);
            }
        assert_int_equal(leaks, filter ? 0 : 2);
        spiral_corpus_destroy(held);
        spiral_corpus_destroy(c);
    }
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repaired_files_are_left_out_with_the_kind_of_repair),
        cmocka_unit_test(files_with_the_same_notes_are_left_out),
        cmocka_unit_test(onsets_distinguish_files),
        cmocka_unit_test(duplicates_of_another_corpus_are_left_out_of_the_second_only),
        cmocka_unit_test(without_duplicates_no_held_out_piece_is_trained_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
