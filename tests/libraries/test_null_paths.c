/* SPDX-License-Identifier: MIT
 *
 * Every public call that takes a path refuses NULL.
 */
#include "testing.h"

#include "spiral/audio.h"
#include "spiral/data.h"
#include "spiral/file.h"
#include "spiral/model.h"
#include "spiral/plot.h"
#include "spiral/score.h"
#include "spiral/train.h"

#define assert_refused(call)                                      \
    do {                                                          \
        spiral_error err = {.text = ""};                          \
        assert_fails(call, SPIRAL_BAD_ARG, &err, "path is NULL"); \
    } while (0)

static void test_files_of_bytes_and_notes(void **state) {
    (void)state;
    spiral_note notes[] = {{.on_ticks = 0, .off_ticks = 100, .pitch = 60, .velocity = 80}};
    spiral_midi midi = {
        .ticks_per_quarter = 480, .tracks = 1, .notes = notes, .note_count = 1, .end_ticks = 100};
    spiral_midi read;
    assert_refused(spiral_file_write(NULL, "", 0, &err));
    assert_refused(spiral_midi_load(NULL, &read, &err));
    assert_refused(spiral_midi_load_compressed(NULL, &read, &err));
    assert_refused(spiral_score_load(NULL, &read, &err));
    assert_refused(spiral_midi_save(&midi, NULL, &err));
    assert_refused(spiral_audio_save(&midi, NULL, NULL, NULL, &err));
    assert_int_equal(spiral_midi_load(NULL, &read, NULL), SPIRAL_BAD_ARG);
}

static void test_corpora(void **state) {
    (void)state;
    const char *none = NULL, *here = ".";
    spiral_files *files;
    spiral_corpus *corpus;
    spiral_roll_options roll;
    spiral_corpus_pack_options pack;
    spiral_roll_options_default(&roll, sizeof roll);
    spiral_corpus_pack_options_default(&pack, sizeof pack);
    assert_refused(spiral_files_load(&none, 1, 1, &files, &err));
    assert_refused(spiral_files_load(NULL, 1, 1, &files, &err));
    assert_refused(spiral_corpus_load(&none, 1, &roll, 36, 1, &corpus, &err));
    assert_refused(spiral_corpus_pack_create(&none, 1, &pack, "x.pack", NULL, NULL, &err));
    assert_refused(spiral_corpus_pack_create(&here, 1, &pack, NULL, NULL, NULL, &err));
    assert_refused(spiral_corpus_pack_open(NULL, 36, 1, 1, &corpus, &err));
    assert_int_equal(spiral_corpus_is_pack(NULL), 0);
}

static void test_models(void **state) {
    (void)state;
    spiral_model_config config;
    spiral_model *model, *read;
    spiral_model_config_default(&config, sizeof config);
    assert_int_equal(spiral_model_create(&config, 1, &model, NULL), SPIRAL_OK);
    assert_refused(spiral_model_load(NULL, &read, &err));
    assert_refused(spiral_model_save(model, NULL, &err));
    spiral_model_destroy(model);
}

static void test_pictures(void **state) {
    (void)state;
    const spiral_helix helix = spiral_helix_default();
    const double cost[] = {0, 1}, x[] = {0, 1};
    const spiral_plot_series series = {"a", 2, x, x};
    spiral_error fonts;
    if (spiral_plot_load_fonts(&fonts) == SPIRAL_UNSUPPORTED) {
        print_message("# SKIP pictures: %s\n", fonts.text);
        return;
    }
    spiral_roll roll;
    assert_int_equal(spiral_roll_create((spiral_grid){SPIRAL_GRID_SECONDS, 10000, 0}, 8, 1, &roll, NULL),
                     SPIRAL_OK);
    assert_refused(spiral_plot_roll(&roll, NULL, NULL, NULL, &err));
    assert_refused(spiral_plot_helix(&helix, 60, 71, 2, cost, cost, NULL, &err));
    assert_refused(spiral_plot_curves(&series, 1, NULL, NULL, NULL, NULL, &err));
    spiral_roll_clear(&roll);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_of_bytes_and_notes),
        cmocka_unit_test(test_corpora),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
