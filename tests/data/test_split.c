/* SPDX-License-Identifier: MIT
 *
 * Holding out files of a corpus for validation.
 */
#include "testing.h"
#include "pieces.h"
#include "data/corpus.h"

static void add_many(pieces *p, int good) {
    for (int i = 0; i < good; i++) {
        char name[20];
        snprintf(name, sizeof name, "%02d.mid", 2 * i);
        pieces_add(p, name, (uint64_t)i, 20);
        snprintf(name, sizeof name, "%02d.mid", 2 * i + 1);
        if (i < 2) pieces_add_bytes(p, name, "bad", 3);
    }
}

/* Every third file is moved, with its roll. Files that are left out are not counted and not moved. */
static void every_nth_file_is_held_out(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    add_many(&p, 7);
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T), *held = NULL;
    spiral_error err;
    assert_int_equal(spiral_corpus_split(c, 1, &held, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "every 1-th file is held out, must be 2 or more");
    assert_int_equal(spiral_corpus_split(c, 3, &held, NULL), SPIRAL_OK);
    assert_int_equal(spiral_corpus_file_count(c), 7);
    assert_int_equal(spiral_corpus_file_count(held), 2);
    assert_non_null(strstr(spiral_corpus_get_file(held, 0)->path, "/04.mid"));
    assert_non_null(strstr(spiral_corpus_get_file(held, 1)->path, "/10.mid"));
    assert_int_equal(c->positions, 5 * (20 - PIECE_T + 1));
    assert_int_equal(held->positions, 2 * (20 - PIECE_T + 1));
    spiral_corpus_destroy(c);
    spiral_corpus_destroy(held);

    /* Fewer files than n: the last one is held out. */
    c = pieces_corpus(p.folder, 0, PIECE_T);
    assert_int_equal(spiral_corpus_split(c, 50, &held, NULL), SPIRAL_OK);
    assert_int_equal(spiral_corpus_file_count(held), 1);
    assert_non_null(strstr(spiral_corpus_get_file(held, 0)->path, "/12.mid"));
    spiral_corpus_destroy(c);
    spiral_corpus_destroy(held);
    pieces_close(&p);
}

/* Of a single file the last tenth is held out; the counts are those of the two parts. */
static void of_a_single_file_the_last_tenth_is_held_out(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    const size_t frames = 20 * PIECE_T + 5;
    spiral_roll roll = piece_roll(1, frames);
    for (size_t t = PIECE_T; t < 2 * PIECE_T; t++) roll.sounding[t] = (spiral_keys){{0, 0}};
    pieces_add_roll(&p, "one.mid", &roll);
    spiral_corpus *c = pieces_corpus(p.folder, 1, PIECE_T), *held = NULL;
    assert_int_equal(spiral_corpus_split(c, 10, &held, NULL), SPIRAL_OK);
    const spiral_roll *front = spiral_corpus_get_roll(c, 0), *back = spiral_corpus_get_roll(held, 0);
    assert_int_equal(back->frames, frames / 10);
    assert_int_equal(front->frames, frames - frames / 10);
    assert_memory_equal(front->sounding, roll.sounding, front->frames * sizeof *roll.sounding);
    assert_memory_equal(back->sounding, roll.sounding + front->frames, back->frames * sizeof *roll.sounding);
    assert_non_null(back->onsets);
    assert_string_equal(spiral_corpus_get_file(held, 0)->path, p.path[0]);
    assert_int_equal(spiral_corpus_get_file(c, 0)->windows, 18);
    assert_int_equal(spiral_corpus_get_file(c, 0)->windows_silent, 1);
    assert_int_equal(spiral_corpus_get_file(held, 0)->windows, 2);
    assert_int_equal(spiral_corpus_get_file(held, 0)->windows_silent, 0);
    assert_int_equal(held->positions, frames / 10 - PIECE_T + 1);
    spiral_corpus_destroy(held);
    spiral_error err;
    held = NULL;
    c->T = 3 * PIECE_T; /* a tenth is now less than a window */
    assert_int_equal(spiral_corpus_split(c, 10, &held, &err), SPIRAL_NO_DATA);
    assert_non_null(strstr(err.text, "too few to hold some out for validation, 240 are needed"));
    assert_null(held);
    spiral_corpus_destroy(c);
    spiral_roll_clear(&roll);
    pieces_close(&p);
}

/* A single file must sound in its last tenth and in the rest. */
static void a_silent_part_is_refused(void **state) {
    (void)state;
    static const char *const reasons[] = {
        "no note sounds in what is left to train on after a part is held out for validation",
        "no note sounds in what is held out for validation"};
    const size_t frames = 20 * PIECE_T, rest = frames - frames / 10;
    for (int held_out = 0; held_out < 2; held_out++) {
        pieces p;
        pieces_open(&p);
        pieces_add(&p, "one.mid", 1, frames);
        spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T), *held = NULL;
        spiral_keys *sounding = c->entries[0].roll.sounding;
        memset(held_out ? sounding + rest : sounding, 0,
               (held_out ? frames - rest : rest) * sizeof *sounding);
        spiral_error err;
        assert_int_equal(spiral_corpus_split(c, 10, &held, &err), SPIRAL_NO_DATA);
        assert_string_equal(err.text, reasons[held_out]);
        assert_null(held);
        spiral_corpus_destroy(c);
        pieces_close(&p);
    }
}

/* After files were moved between corpora, the records of files agree with the rolls. */
static void file_records_follow_their_files(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    for (int i = 0; i < 6; i++) {
        char name[20];
        snprintf(name, sizeof name, "%d.mid", i);
        pieces_add(&p, name, (uint64_t)i, 20 + (size_t)i);
    }
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T), *held = NULL;
    assert_int_equal(spiral_corpus_split(c, 2, &held, NULL), SPIRAL_OK);
    for (int k = 0; k < 2; k++) {
        const spiral_corpus *part = k ? held : c;
        assert_int_equal(spiral_corpus_file_count(part), 3);
        for (size_t i = 0; i < 3; i++) {
            const spiral_corpus_file *f = spiral_corpus_get_file(part, i);
            assert_string_equal(f->path, p.path[2 * i + (size_t)k]);
            assert_int_equal(f->frames, 20 + 2 * i + (size_t)k);
            assert_int_equal(f->frames, spiral_corpus_get_roll(part, i)->frames);
            assert_true(f->report == &part->entries[i].report && f->warnings == part->entries[i].warnings);
        }
    }
    spiral_corpus_destroy(c);
    spiral_corpus_destroy(held);
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_nth_file_is_held_out),
        cmocka_unit_test(of_a_single_file_the_last_tenth_is_held_out),
        cmocka_unit_test(a_silent_part_is_refused),
        cmocka_unit_test(file_records_follow_their_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
