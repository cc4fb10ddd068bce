/* SPDX-License-Identifier: MIT
 *
 * Corpora from files and folders: which files are read, in which order, why some are left out, and several
 * corpora from files that are read once.
 */
#include "testing.h"
#include "pieces.h"
#include "data/corpus.h"
#include "spiral/score.h"

static spiral_corpus *corpus_of(const char *const *paths, size_t count, int threads) {
    spiral_roll_options options = piece_options();
    spiral_corpus *c = NULL;
    spiral_error err = {.text = ""};
    if (spiral_corpus_load(paths, count, &options, PIECE_T, threads, &c, &err) != SPIRAL_OK)
        fail_msg("%s", err.text);
    return c;
}

/* A piece of two low notes, both out of range. */
static void add_bass(pieces *p, const char *name) {
    spiral_roll roll;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 9, 0, &roll, NULL), SPIRAL_OK);
    spiral_keys_set(&roll.sounding[0], 30, 1);
    spiral_keys_set(&roll.sounding[8], 31, 1);
    pieces_add_roll(p, name, &roll);
    spiral_roll_clear(&roll);
}

/* Files are in byte order of their names, folder by folder, whatever the order in which they were written.
 * The case of an ending does not matter. */
static void files_are_in_byte_order_of_their_names_with_reasons_for_those_left_out(void **state) {
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
    pieces_add_bytes(&p, "broken.mid", "this is not MIDI", 16);
    pieces_add_bytes(&p, "empty.kar", "", 0);
    pieces_add_bytes(&p, "notes.txt", "no MIDI ending", 14);
    const char *paths[] = {p.folder};
    const char *const wanted[] = {"B.Mid", "broken.mid", "empty.kar", "low.mid", "m/inner.MIDI", "z.mid"};
    const size_t frames[] = {16, 0, 0, 0, 33, 20}, windows[] = {2, 0, 0, 0, 5, 3};
    for (int threads = 1; threads <= 3; threads++) {
        spiral_corpus *c = corpus_of(paths, 1, threads);
        assert_int_equal(spiral_corpus_file_count(c), 6);
        for (size_t i = 0; i < 6; i++) {
            const spiral_corpus_file *f = spiral_corpus_get_file(c, i);
            assert_string_equal(f->path + strlen(p.folder) + 1, wanted[i]);
            assert_int_equal(f->frames, frames[i]);
            assert_int_equal(f->windows, windows[i]);
            assert_int_equal(f->windows_silent, 0);
            assert_int_equal(f->left_out == NULL, frames[i] > 0);
            assert_int_equal(spiral_corpus_get_roll(c, i) != NULL, frames[i] > 0);
            if (f->left_out) assert_null(strstr(f->left_out, p.folder)); /* the path is in another field */
        }
        assert_string_equal(spiral_corpus_get_file(c, 3)->left_out,
                            "none of its 2 notes is a pitch from 60 to 71");
        assert_int_equal(spiral_corpus_get_file(c, 3)->report->notes_low, 2);
        spiral_roll roll = piece_roll(2, 33);
        assert_memory_equal(spiral_corpus_get_roll(c, 4)->sounding, roll.sounding,
                            33 * sizeof *roll.sounding);
        assert_true(spiral_corpus_get_file(c, 4)->seconds > 4.1 &&
                    spiral_corpus_get_file(c, 4)->seconds < 4.15); /* 33 sixteenths at 120 a minute */
        spiral_roll_clear(&roll);

        /* Positions at which a window can start: 9, 0, 0, 0, 26, 13. */
        assert_int_equal(c->positions, 48);
        size_t file = 0, frame = 0, wanted_file = 0, wanted_frame = 0;
        for (size_t i = 0; i < c->positions; i++) {
            while (frames[wanted_file] == 0) wanted_file++;
            file = spiral__corpus_locate(c, i, &frame);
            assert_int_equal(file, wanted_file);
            assert_int_equal(frame, wanted_frame);
            if (++wanted_frame + PIECE_T > frames[wanted_file]) wanted_file++, wanted_frame = 0;
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
    spiral_status got = spiral_corpus_load(paths, count, &options, T, 2, &c, &err);
    if (got != status || !strstr(err.text, text))
        fail_msg("status %d, \"%s\"; wanted \"%s\"", got, err.text, text);
    assert_null(c);
}

static void what_holds_no_music_is_refused(void **state) {
    (void)state;
    pieces p;
    char text[200];
    pieces_open(&p);
    const char *paths[3] = {p.folder, "/no/such/folder", p.folder};
    snprintf(text, sizeof text, "%s: no .mid, .midi, .kar, .rmi or .smf file in it", p.folder);
    expect(paths, 1, PIECE_T, SPIRAL_NO_DATA, text);
    expect(paths + 1, 1, PIECE_T, SPIRAL_IO, "/no/such/folder: ");
    pieces_add(&p, "good.mid", 1, 16);
    expect(paths, 2, PIECE_T, SPIRAL_IO, "/no/such/folder: ");
    expect(paths, 1, 0, SPIRAL_BAD_ARG, "frames of a window is 0, must be 1 to 512");
    expect(paths, 1, -3, SPIRAL_BAD_ARG, "frames of a window is -3");
    expect(paths, 1, 513, SPIRAL_BAD_ARG, "frames of a window is 513");
    expect(paths, 0, PIECE_T, SPIRAL_NO_DATA, "no path");
    unlink(p.path[0]);
    pieces_add_bytes(&p, "bad.mid", "not MIDI", 8);
    snprintf(text, sizeof text, "%s/bad.mid: ", p.folder);
    expect(paths, 1, PIECE_T, SPIRAL_FORMAT, text);
    add_bass(&p, "low.mid");
    expect(paths, 1, PIECE_T, SPIRAL_NO_DATA, "(no other file can be used either)");
    expect((const char *const[]){p.path[2]}, 1, PIECE_T, SPIRAL_NO_DATA, "none of its 2 notes");
    pieces_close(&p);
}

/* A path that names a file needs no ending. */
static void a_bad_file_among_good_ones_is_left_out_alone(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    pieces_add(&p, "music", 1, 16);
    pieces_add_bytes(&p, "bad.mid", "not MIDI", 8);
    const char *paths[] = {p.path[1], p.path[0], p.path[0]};
    spiral_corpus *c = corpus_of(paths, 3, 2);
    assert_int_equal(spiral_corpus_file_count(c), 3); /* in the order given */
    assert_non_null(spiral_corpus_get_file(c, 0)->left_out);
    assert_null(spiral_corpus_get_file(c, 1)->left_out);
    assert_string_equal(spiral_corpus_get_file(c, 2)->path, p.path[0]);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

static void the_callback_is_told_of_all_files_and_may_end_the_reading(void **state) {
    (void)state;
    pieces p;
    spiral_error err;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 33);
    pieces_add(&p, "b.mid", 2, 50);
    pieces_add_bytes(&p, "c.mid", "not MIDI", 8);
    const char *paths[] = {p.folder};
    for (int threads = 1; threads <= 4; threads++) {
        spiral_files *files = NULL;
        calls_seen seen = {0}, ended = {.stop_at = 1};
        assert_int_equal(spiral_files_load_with_callback(paths, 1, threads, note_call, &seen, &files, &err),
                         SPIRAL_OK);
        assert_true(!seen.fell && seen.calls <= 4 && seen.last == 3 && seen.count == 3);
        spiral_files_destroy(files);
        files = NULL;
        assert_int_equal(spiral_files_load_with_callback(paths, 1, threads, note_call, &ended, &files, &err),
                         SPIRAL_INTERRUPTED);
        assert_null(files);
        assert_true(ended.calls == 1 && (threads > 1 || ended.last == 1));
    }
    pieces_close(&p);
}

/* Corpora of different grids, planes and ranges from files that are read once equal corpora that are read
 * separately. */
static void several_corpora_are_made_of_files_read_once(void **state) {
    (void)state;
    pieces p;
    spiral_files *files;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 33);
    pieces_add(&p, "b.mid", 2, 50);
    pieces_add_bytes(&p, "c.mid", "not MIDI", 8);
    const char *paths[] = {p.folder};
    assert_int_equal(spiral_files_load(paths, 1, 2, &files, NULL), SPIRAL_OK);
    for (size_t i = 0; i < p.count; i++) unlink(p.path[i]);
    for (int steps = 2; steps <= 8; steps *= 2)
        for (int onsets = 0; onsets < 2; onsets++) {
            spiral_roll_options options = piece_options();
            spiral_corpus *c;
            options.grid.steps_per_quarter = steps;
            options.onsets = onsets;
            options.low += steps;
            assert_int_equal(spiral_corpus_create(files, &options, PIECE_T, 2, &c, NULL), SPIRAL_OK);
            assert_int_equal(spiral_corpus_file_count(c), 3);
            for (size_t i = 0; i < 2; i++) {
                spiral_roll roll;
                const spiral_roll *mine = spiral_corpus_get_roll(c, i);
                assert_int_equal(spiral_roll_from_midi(&files->files[i].midi, &options, &roll, NULL, NULL),
                                 SPIRAL_OK);
                assert_int_equal(mine->frames, roll.frames);
                assert_memory_equal(mine->sounding, roll.sounding, roll.frames * sizeof *roll.sounding);
                assert_int_equal(mine->onsets != NULL, onsets);
                assert_string_equal(spiral_corpus_get_file(c, i)->path, p.path[i]);
                spiral_roll_clear(&roll);
            }
            assert_non_null(spiral_corpus_get_file(c, 2)->left_out);
            spiral_corpus_destroy(c);
        }
    /* A corpus does not need the read files any more. */
    spiral_roll_options options = piece_options();
    spiral_corpus *c;
    assert_int_equal(spiral_corpus_create(files, &options, PIECE_T, 1, &c, NULL), SPIRAL_OK);
    spiral_files_destroy(files);
    spiral_files_destroy(NULL);
    assert_string_equal(spiral_corpus_get_file(c, 0)->path, p.path[0]);
    assert_int_equal(spiral_corpus_get_roll(c, 0)->frames, 33);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

static void bad_roll_options_are_refused(void **state) {
    (void)state;
    pieces p;
    spiral_error err;
    spiral_corpus *c = NULL;
    spiral_roll_options options = piece_options();
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 33);
    pieces_add(&p, "b.mid", 2, 33);
    const char *paths[] = {p.folder};
    options.low = 100;
    assert_fails(spiral_corpus_load(paths, 1, &options, PIECE_T, 1, &c, &err), SPIRAL_BAD_ARG, &err, "100");
    assert_null(c);
    pieces_close(&p);
}

/* Sums over the files that are in the corpus. */
static void the_report_of_a_corpus_is_the_sum_of_its_files(void **state) {
    (void)state;
    pieces p;
    spiral_roll_report sum = {.struct_size = sizeof sum};
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 33);
    add_bass(&p, "b.mid");
    pieces_add(&p, "c.mid", 2, 50);
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
    const spiral_roll_report *a = spiral_corpus_get_file(c, 0)->report;
    const spiral_roll_report *b = spiral_corpus_get_file(c, 2)->report;
    spiral_corpus_get_report(c, &sum);
    assert_true(a->notes > 10 && b->notes > 10 && spiral_corpus_get_file(c, 1)->report->notes == 2);
    assert_int_equal(sum.notes, a->notes + b->notes);
    assert_int_equal(sum.notes_kept, a->notes_kept + b->notes_kept);
    assert_int_equal(sum.onsets_merged, a->onsets_merged + b->onsets_merged);
    assert_int_equal(sum.notes_low, 0);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* A real score and the MIDI file written from it give the same roll. */
static void a_score_written_as_midi_gives_the_same_roll(void **state) {
    (void)state;
    const char *source = getenv("SPIRAL_SOURCE");
    char path[4096];
    assert_non_null(source);
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
    assert_int_equal(spiral_corpus_get_file(c, 0)->frames, roll.frames);
    assert_memory_equal(spiral_corpus_get_roll(c, 0)->sounding, roll.sounding,
                        roll.frames * sizeof *roll.sounding);
    assert_memory_equal(spiral_corpus_get_file(c, 0)->report, &report, sizeof report);
    assert_true(report.notes_kept > 50 && report.notes_low > 50);
    spiral_corpus_destroy(c);
    spiral_roll_clear(&roll);
    spiral_midi_clear(&midi);
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_in_byte_order_of_their_names_with_reasons_for_those_left_out),
        cmocka_unit_test(what_holds_no_music_is_refused),
        cmocka_unit_test(a_bad_file_among_good_ones_is_left_out_alone),
        cmocka_unit_test(the_callback_is_told_of_all_files_and_may_end_the_reading),
        cmocka_unit_test(several_corpora_are_made_of_files_read_once),
        cmocka_unit_test(bad_roll_options_are_refused),
        cmocka_unit_test(the_report_of_a_corpus_is_the_sum_of_its_files),
        cmocka_unit_test(a_score_written_as_midi_gives_the_same_roll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
