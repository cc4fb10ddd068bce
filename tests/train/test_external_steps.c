/* SPDX-License-Identifier: MIT
 *
 * Steps that another program makes: it gets the windows and features that the trainer's own steps would use,
 * and calls in the wrong order are refused. python/tests/test_train.py compares the results of the training.
 */
#include <math.h>

#include "testing.h"
#include "training.h"
#include "training_music.h"

static int set_up(void **state) {
    (void)state;
    return open_music(6, 0, 90, 300, 1);
}

static spiral_trainer *trainer_of_two_networks(spiral_model **m) {
    training t = piece_training();
    spiral_trainer *trainer = NULL;
    t.config.planes = 2;
    t.config.decoder = 6;
    t.options.batch = 16;
    t.options.loss = NULL;
    assert_int_equal(spiral_model_create(&t.config, 1, m, NULL), SPIRAL_OK);
    assert_int_equal(spiral_trainer_create(&t.options, *m, corpus, held, &trainer, NULL), SPIRAL_OK);
    return trainer;
}

static void windows_are_those_of_the_next_step(void **state) {
    (void)state;
    enum { ROWS = 5, FIRST = 3, SIZE = 2 * PIECE_T };
    spiral_model *m = NULL;
    spiral_trainer *t = trainer_of_two_networks(&m);
    spiral_keys windows[ROWS * SIZE], wanted[ROWS * SIZE];
    spiral_error err;
    training options = piece_training();
    assert_int_equal(spiral_trainer_draw_windows(t, 0, 1, windows, NULL, &err), SPIRAL_BAD_ARG);
    assert_int_equal(spiral_trainer_start(t, 3, NULL), SPIRAL_OK);
    for (uint64_t step = 0; step < 3; step++) {
        assert_int_equal(spiral_trainer_draw_windows(t, FIRST, ROWS, windows, NULL, NULL), SPIRAL_OK);
        assert_int_equal(spiral_corpus_draw_windows(corpus, options.options.transpose, options.options.seed,
                                                    step * 16 + FIRST, ROWS, wanted, NULL, NULL),
                         SPIRAL_OK);
        assert_memory_equal(windows, wanted, sizeof windows);
        assert_int_equal(spiral_trainer_count_step(t, 1 + (double)step, 0, NULL), SPIRAL_OK);
    }
    assert_int_equal(spiral_trainer_draw_windows(t, 0, 1, windows, NULL, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "all 3 steps have been made");
    spiral_trainer_state s = {.struct_size = sizeof s};
    spiral_trainer_get_state(t, &s);
    assert_int_equal(s.step, 3);
    assert_true(s.train_loss == 2);
    spiral_trainer_destroy(t);
    spiral_model_destroy(m);
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    spiral_model *m = NULL;
    spiral_trainer *t = trainer_of_two_networks(&m);
    spiral_trainer_arrays a = {.struct_size = sizeof a};
    spiral_stream_part parts[SPIRAL_TRAIN_STREAMS];
    spiral_keys window[2 * PIECE_T];
    size_t frames;
    float number = 0;
    spiral_error err;
    assert_int_equal(spiral_trainer_get_arrays(t, &a, &err), SPIRAL_BAD_ARG);
    assert_int_equal(spiral_trainer_start(t, 2, NULL), SPIRAL_OK);
    a.struct_size = 8;
    assert_int_equal(spiral_trainer_get_arrays(t, &a, &err), SPIRAL_BAD_ARG);
    assert_int_equal(spiral_trainer_draw_windows(t, 10, 7, window, NULL, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "rows 10 to 17 are not in a batch of 16");
    assert_int_equal(spiral_trainer_draw_parts(t, 1, parts, &frames, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "the decoder is not being trained");
    assert_int_equal(spiral_trainer_set_decoder_mean(t, &number, &err), SPIRAL_BAD_ARG);
    assert_int_equal(spiral_trainer_get_decoder_mean(t, &number, &err), SPIRAL_BAD_ARG);
    assert_int_equal(spiral_trainer_count_step(t, NAN, 0, &err), SPIRAL_NUMERIC);
    assert_non_null(strstr(err.text, "the loss is not finite at step 1"));
    spiral_trainer_destroy(t);
    spiral_model_destroy(m);
}

/* Weights and the decoder's mean are at the tensors' offsets. */
static void arrays_hold_the_trained_tensors(void **state) {
    (void)state;
    spiral_model *m = NULL;
    spiral_trainer *t = trainer_of_two_networks(&m);
    spiral_trainer_arrays a = {.struct_size = sizeof a};
    assert_int_equal(spiral_trainer_start(t, 1, NULL), SPIRAL_OK);
    assert_int_equal(spiral_trainer_step(t, NULL), SPIRAL_OK);
    assert_int_equal(spiral_trainer_start_decoder(t, 1, NULL), SPIRAL_OK);
    assert_int_equal(spiral_trainer_get_arrays(t, &a, NULL), SPIRAL_OK);
    float *mean = calloc(a.count, sizeof *mean);
    assert_non_null(mean);
    assert_int_equal(spiral_trainer_get_decoder_mean(t, mean, NULL), SPIRAL_OK);
    for (size_t i = 0; i < spiral_model_tensor_count(m); i++) {
        const spiral_tensor *x = spiral_model_get_tensor(m, i);
        if (x->group == SPIRAL_TENSOR_MEASURED) continue;
        const size_t at = (size_t)(x->data - a.weights), n = x->rows * x->columns;
        assert_true(at + n <= a.count);
        const int of_decoder = !strncmp(x->name, "notes.", 6);
        for (size_t k = 0; k < n; k++) assert_true(mean[at + k] == (of_decoder ? x->data[k] : 0));
    }
    mean[0] = 1; /* belongs to the autoencoder: ignored */
    assert_int_equal(spiral_trainer_set_decoder_mean(t, mean, NULL), SPIRAL_OK);
    assert_int_equal(spiral_trainer_get_decoder_mean(t, mean, NULL), SPIRAL_OK);
    assert_true(mean[0] == 0);
    free(mean);
    spiral_trainer_destroy(t);
    spiral_model_destroy(m);
}

/* Two trainers give the same features if one is asked for one stream and the other for all. */
static void a_stream_does_not_depend_on_the_others_requested(void **state) {
    (void)state;
    spiral_model *m[2];
    spiral_trainer *t[2];
    for (int i = 0; i < 2; i++) {
        t[i] = trainer_of_two_networks(&m[i]);
        assert_int_equal(spiral_trainer_start(t[i], 1, NULL), SPIRAL_OK);
        assert_int_equal(spiral_trainer_step(t[i], NULL), SPIRAL_OK);
        assert_int_equal(spiral_trainer_start_decoder(t[i], 30, NULL), SPIRAL_OK);
    }
    const size_t P = (size_t)spiral_model_keys(m[0]);
    for (int step = 0; step < 30; step++) {
        spiral_stream_part a[SPIRAL_TRAIN_STREAMS], b[SPIRAL_TRAIN_STREAMS];
        size_t frames[2], sum = 0;
        assert_int_equal(spiral_trainer_draw_parts(t[0], 0xf, a, &frames[0], NULL), SPIRAL_OK);
        assert_int_equal(spiral_trainer_draw_parts(t[1], 1 << 2, b, &frames[1], NULL), SPIRAL_OK);
        assert_int_equal(frames[0], frames[1]);
        for (int s = 0; s < SPIRAL_TRAIN_STREAMS; s++) {
            assert_int_equal(a[s].frames, b[s].frames);
            assert_int_equal(a[s].begins, b[s].begins);
            sum += a[s].frames;
        }
        assert_int_equal(sum, frames[0]);
        assert_null(b[0].features[0][0]);
        for (int r = 0; r < 2; r++) {
            const size_t units = a[2].frames * P, *begin = a[2].begin[r][2];
            assert_memory_equal(begin, b[2].begin[r][2], (units + 1) * sizeof *begin);
            assert_memory_equal(a[2].features[r][2], b[2].features[r][2],
                                begin[units] * sizeof(spiral_feature));
        }
        for (int i = 0; i < 2; i++) assert_int_equal(spiral_trainer_count_step(t[i], 0, 0, NULL), SPIRAL_OK);
    }
    for (int i = 0; i < 2; i++) {
        spiral_trainer_destroy(t[i]);
        spiral_model_destroy(m[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_those_of_the_next_step),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(arrays_hold_the_trained_tensors),
        cmocka_unit_test(a_stream_does_not_depend_on_the_others_requested),
    };
    return cmocka_run_group_tests(tests, set_up, close_music);
}
