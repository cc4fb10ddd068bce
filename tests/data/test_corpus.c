/* SPDX-License-Identifier: MIT
 *
 * Folders to corpora: which files, in which order, why some are left out, and what is held out of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pieces.h"
#include "spiral/score.h"
#include "data/corpus.h"

static void write_text(pieces *p, const char *name, const char *text, size_t size) {
    FILE *file = fopen(pieces_name(p, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

static spiral_corpus *corpus_of(const char *const *paths, size_t count, int threads) {
    spiral_roll_options options = piece_options();
    spiral_corpus *c = NULL;
    spiral_error err = {.text = ""};
    if (spiral_corpus_create(paths, count, &options, PIECE_T, threads, &c, &err) != SPIRAL_OK)
        fail_msg("%s", err.text);
    return c;
}

/* Two notes of a piece in the bass: nothing of it is in range. */
static void add_bass(pieces *p, const char *name) {
    spiral_roll roll;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 9, 0, &roll, NULL), SPIRAL_OK);
    spiral_keys_set(&roll.sounding[0], 30, 1);
    spiral_keys_set(&roll.sounding[8], 31, 1);
    pieces_add_roll(p, name, &roll);
    spiral_roll_clear(&roll);
}

/* Byte order of the names, folder by folder, whatever the order of writing; endings without case. */
static void test_order_and_reasons(void **state) {
    (void)state;
    pieces p;
    char inner[60];
    pieces_open(&p);
    snprintf(inner, sizeof inner, "%s/m", p.folder);
    assert_int_equal(mkdir(inner, 0700), 0);
    pieces_add(&p, "z.mid", 1, 20);
    pieces_add(&p, "m/inner.MIDI", 2, 33);
    pieces_add(&p, "B.Mid", 3, 16);
    add_bass(&p, "low.mid");
    write_text(&p, "broken.mid", "this is no music", 16);
    write_text(&p, "empty.kar", "", 0);
    write_text(&p, "notes.txt", "not looked at", 13);
    const char *paths[] = {p.folder};
    const char *const wanted[] = {"B.Mid", "broken.mid", "empty.kar", "low.mid", "m/inner.MIDI", "z.mid"};
    const size_t columns[] = {16, 0, 0, 0, 33, 20}, windows[] = {2, 0, 0, 0, 5, 3};
    for (int threads = 1; threads <= 3; threads++) {
        spiral_corpus *c = corpus_of(paths, 1, threads);
        assert_int_equal(spiral_corpus_file_count(c), 6);
        for (size_t i = 0; i < 6; i++) {
            spiral_corpus_file f = spiral_corpus_get_file(c, i);
            assert_string_equal(f.path + strlen(p.folder) + 1, wanted[i]);
            assert_int_equal(f.frames, columns[i]);
            assert_int_equal(f.windows, windows[i]);
            assert_int_equal(f.windows_empty, 0);
            assert_int_equal(f.skipped == NULL, columns[i] > 0);
            assert_int_equal(spiral_corpus_get_roll(c, i) != NULL, columns[i] > 0);
            if (f.skipped) assert_null(strstr(f.skipped, p.folder)); /* the path stands beside it */
        }
        assert_string_equal(spiral_corpus_get_file(c, 3).skipped,
                            "none of its 2 notes is a pitch from 60 to 71");
        assert_int_equal(spiral_corpus_get_file(c, 3).report.notes_low, 2);
        spiral_roll roll = piece_roll(2, 33);
        assert_memory_equal(spiral_corpus_get_roll(c, 4)->sounding, roll.sounding,
                            33 * sizeof *roll.sounding);
        assert_true(spiral_corpus_get_file(c, 4).seconds > 4.1 &&
                    spiral_corpus_get_file(c, 4).seconds < 4.15); /* 33 sixteenths at 120 a minute */
        spiral_roll_clear(&roll);

        /* Places a window can start: 9, 0, 0, 0, 26, 13. */
        assert_int_equal(c->positions, 48);
        size_t file = 0, column = 0, wanted_file = 0, wanted_column = 0;
        for (size_t i = 0; i < c->positions; i++) {
            while (columns[wanted_file] == 0) wanted_file++;
            file = spiral__corpus_locate(c, i, &column);
            assert_int_equal(file, wanted_file);
            assert_int_equal(column, wanted_column);
            if (++wanted_column + PIECE_T > columns[wanted_file]) wanted_file++, wanted_column = 0;
        }
        spiral_corpus_destroy(c);
    }
    for (size_t i = 0; i < p.count; i++) unlink(p.path[i]);
    rmdir(inner);
    pieces_close(&p);
}

static void expect(const char *const *paths, size_t count, int T, spiral_status status, const char *text) {
    spiral_roll_options options = piece_options();
    spiral_corpus *c = NULL;
    spiral_error err = {.text = ""};
    spiral_status got = spiral_corpus_create(paths, count, &options, T, 2, &c, &err);
    if (got != status || !strstr(err.text, text))
        fail_msg("status %d, \"%s\"; wanted \"%s\"", got, err.text, text);
    assert_null(c);
}

static void test_refused(void **state) {
    (void)state;
    pieces p;
    char text[200];
    pieces_open(&p);
    const char *paths[3] = {p.folder, "/no/such/folder", p.folder};
    snprintf(text, sizeof text, "%s: no .mid, .midi, .kar or .rmi file in it", p.folder);
    expect(paths, 1, PIECE_T, SPIRAL_NO_DATA, text);
    expect(paths + 1, 1, PIECE_T, SPIRAL_IO, "/no/such/folder: ");
    pieces_add(&p, "good.mid", 1, 16);
    expect(paths, 2, PIECE_T, SPIRAL_IO, "/no/such/folder: ");
    expect(paths, 1, 0, SPIRAL_BAD_ARG, "columns of a window is 0, must be 1 to 512");
    expect(paths, 1, -3, SPIRAL_BAD_ARG, "columns of a window is -3");
    expect(paths, 1, 513, SPIRAL_BAD_ARG, "columns of a window is 513");
    expect(paths, 0, PIECE_T, SPIRAL_NO_DATA, "no path");
    unlink(p.path[0]);
    write_text(&p, "bad.mid", "not MIDI", 8);
    snprintf(text, sizeof text, "%s/bad.mid: ", p.folder);
    expect(paths, 1, PIECE_T, SPIRAL_FORMAT, text);
    add_bass(&p, "low.mid");
    expect(paths, 1, PIECE_T, SPIRAL_NO_DATA, "(nor is any other file fit)");
    expect((const char *const[]){p.path[2]}, 1, PIECE_T, SPIRAL_NO_DATA, "none of its 2 notes");
    pieces_close(&p);
}

/* One bad file among good ones costs only itself. A path that is a file needs no ending. */
static void test_single_files(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    pieces_add(&p, "music", 1, 16);
    write_text(&p, "bad.mid", "not MIDI", 8);
    const char *paths[] = {p.path[1], p.path[0], p.path[0]};
    spiral_corpus *c = corpus_of(paths, 3, 2);
    assert_int_equal(spiral_corpus_file_count(c), 3); /* in the order given */
    assert_non_null(spiral_corpus_get_file(c, 0).skipped);
    assert_null(spiral_corpus_get_file(c, 1).skipped);
    assert_string_equal(spiral_corpus_get_file(c, 2).path, p.path[0]);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* Silent windows are counted; silence at the end of the last window is no fault. */
static void test_windows(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    spiral_roll roll;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 3 * PIECE_T + 1, 0, &roll, NULL), SPIRAL_OK);
    spiral_keys_set(&roll.sounding[2], 60, 1);
    spiral_keys_set(&roll.sounding[3 * PIECE_T], 71, 1);
    pieces_add_roll(&p, "gap.mid", &roll);
    spiral_corpus *c = pieces_corpus(p.folder, 1, PIECE_T);
    spiral_corpus_file f = spiral_corpus_get_file(c, 0);
    assert_int_equal(f.windows, 4);
    assert_int_equal(f.windows_empty, 2);

    const spiral_roll *in = spiral_corpus_get_roll(c, 0);
    spiral_keys window[2 * PIECE_T];
    memset(window, 255, sizeof window);
    spiral__window_cut(in, 3 * PIECE_T, PIECE_T, -3, window); /* one column, then nothing */
    assert_true(spiral_keys_get(&window[0], 68) && spiral_keys_get(&window[PIECE_T], 68));
    for (int t = 0; t < 2 * PIECE_T; t++)
        assert_true(window[t].word[0] == 0 && window[t].word[1] == (t % PIECE_T ? 0 : 1 << 4));
    assert_false(spiral__window_empty(window, PIECE_T, 68, 68));
    assert_true(spiral__window_empty(window, PIECE_T, 69, 127));
    assert_true(spiral__window_empty(window, PIECE_T, 0, 67));
    spiral__window_cut(in, 2, PIECE_T, 0, window);
    assert_true(spiral_keys_get(&window[0], 60) && spiral_keys_get(&window[PIECE_T], 60));
    spiral_corpus_destroy(c);
    spiral_roll_clear(&roll);
    pieces_close(&p);
}

static void add_many(pieces *p, int good) {
    for (int i = 0; i < good; i++) {
        char name[20];
        snprintf(name, sizeof name, "%02d.mid", 2 * i);
        pieces_add(p, name, (uint64_t)i, 20);
        snprintf(name, sizeof name, "%02d.mid", 2 * i + 1);
        if (i < 2) write_text(p, name, "bad", 3);
    }
}

/* Every third file that is fit moves, with its roll; those left out stay. */
static void test_split(void **state) {
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
    assert_non_null(strstr(spiral_corpus_get_file(held, 0).path, "/04.mid"));
    assert_non_null(strstr(spiral_corpus_get_file(held, 1).path, "/10.mid"));
    assert_int_equal(c->positions, 5 * (20 - PIECE_T + 1));
    assert_int_equal(held->positions, 2 * (20 - PIECE_T + 1));
    spiral_corpus_destroy(c);
    spiral_corpus_destroy(held);

    /* More asked for than there are: the last one is held out. */
    c = pieces_corpus(p.folder, 0, PIECE_T);
    assert_int_equal(spiral_corpus_split(c, 50, &held, NULL), SPIRAL_OK);
    assert_int_equal(spiral_corpus_file_count(held), 1);
    assert_non_null(strstr(spiral_corpus_get_file(held, 0).path, "/12.mid"));
    spiral_corpus_destroy(c);
    spiral_corpus_destroy(held);
    pieces_close(&p);
}

/* Of a single file the last tenth; the counts follow the cut. */
static void test_split_one_file(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    const size_t columns = 20 * PIECE_T + 5;
    spiral_roll roll = piece_roll(1, columns);
    for (size_t t = PIECE_T; t < 2 * PIECE_T; t++) roll.sounding[t] = (spiral_keys){{0, 0}};
    pieces_add_roll(&p, "one.mid", &roll);
    spiral_corpus *c = pieces_corpus(p.folder, 1, PIECE_T), *held = NULL;
    assert_int_equal(spiral_corpus_split(c, 10, &held, NULL), SPIRAL_OK);
    const spiral_roll *front = spiral_corpus_get_roll(c, 0), *back = spiral_corpus_get_roll(held, 0);
    assert_int_equal(back->frames, columns / 10);
    assert_int_equal(front->frames, columns - columns / 10);
    assert_memory_equal(front->sounding, roll.sounding, front->frames * sizeof *roll.sounding);
    assert_memory_equal(back->sounding, roll.sounding + front->frames, back->frames * sizeof *roll.sounding);
    assert_non_null(back->onsets);
    assert_string_equal(spiral_corpus_get_file(held, 0).path, p.path[0]);
    assert_int_equal(spiral_corpus_get_file(c, 0).windows, 19);
    assert_int_equal(spiral_corpus_get_file(c, 0).windows_empty, 1);
    assert_int_equal(spiral_corpus_get_file(held, 0).windows, 2);
    assert_int_equal(spiral_corpus_get_file(held, 0).windows_empty, 0);
    assert_int_equal(held->positions, columns / 10 - PIECE_T + 1);
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

/* Real scores, if the source is there: MIDI made of them comes back as the same rolls. */
static void test_scores(void **state) {
    (void)state;
    const char *source = getenv("SPIRAL_SOURCE");
    char path[4096];
    if (!source) {
        print_message("# SPIRAL_SOURCE is not set: no scores\n");
        return;
    }
    pieces p;
    spiral_midi midi;
    pieces_open(&p);
    snprintf(path, sizeof path, "%s/data/scores/bach-o-haupt.txt", source);
    assert_int_equal(spiral_score_load(path, &midi, NULL), SPIRAL_OK);
    assert_int_equal(spiral_midi_save(&midi, pieces_name(&p, "bach.mid"), NULL), SPIRAL_OK);
    spiral_roll_options options = piece_options();
    spiral_roll roll;
    spiral_roll_report report = {.struct_size = sizeof report};
    assert_int_equal(spiral_roll_from_midi(&midi, &options, &roll, &report, NULL), SPIRAL_OK);
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
    assert_int_equal(spiral_corpus_get_file(c, 0).frames, roll.frames);
    assert_memory_equal(spiral_corpus_get_roll(c, 0)->sounding, roll.sounding,
                        roll.frames * sizeof *roll.sounding);
    spiral_corpus_file f = spiral_corpus_get_file(c, 0);
    assert_memory_equal(&f.report, &report, sizeof report);
    assert_true(report.notes_kept > 50 && report.notes_low > 50);
    spiral_corpus_destroy(c);
    spiral_roll_clear(&roll);
    spiral_midi_clear(&midi);
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_reasons),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_single_files),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_one_file),
        cmocka_unit_test(test_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
