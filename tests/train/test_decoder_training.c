/* SPDX-License-Identifier: MIT
 *
 * Training the note-by-note decoder: it learns; the bytes depend neither on the number of threads nor on
 * pauses; the gradient is right; given cells are within the keys; calls in the wrong order are refused.
 */
#include <math.h>

#include "model/decoder.h"
#include "testing.h"
#include "training.h"
#include "base/floats.h"
#include "eval/baselines.h"
#include "eval/likelihood.h"
#include "train/given_mask.h"
#include "training_music.h"

static int set_up(void **state) {
    (void)state;
    return open_music(6, 0, 90, 1100, 1); /* the third has two stretches */
}

static training decoder_training(void) {
    training t = piece_training();
    t.config.planes = 2;
    t.config.decoder = 20;
    t.options.transpose = 2;
    t.plan.steps = 3;
    t.plan.decoder_steps = 45;
    t.plan.path = p.model;
    return t;
}

/* The held-out piece is more likely under the trained model than under the baselines. */
static void it_learns_the_music(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    training t = decoder_training();
    t.plan.decoder_steps = 400;
    spiral_train_progress result = {.struct_size = sizeof result};
    spiral_model *m = NULL;
    assert_int_equal(try_training(&t, corpus, held, &m, &result, NULL), SPIRAL_OK);
    spiral__likelihood l;
    double markov, repeat;
    assert_int_equal(spiral__likelihood_of_corpus(m, held, 0, NULL, &l, NULL), SPIRAL_OK);
    spiral__baselines_score(m, held, &markov, &repeat);
    /* The music is a random chord of six every four frames: at best log 6 / 4 nats per frame. */
    assert_true(l.nats / (double)l.frames < 0.9);
    assert_true(l.nats < 0.6 * markov && l.nats < 0.6 * repeat);
    assert_true(fabs(result.valid_nats_per_frame - l.nats / (double)l.frames) < 1e-6);
    assert_int_equal(result.decoder_steps, 400);
    assert_int_equal(result.steps, 3);
    spiral_model_destroy(m);
}

typedef struct validation_counts {
    int of[SPIRAL_TRAIN_NETWORKS];
} validation_counts;

static int count_validations(void *context, const spiral_train_progress *progress) {
    validation_counts *counts = context;
    counts->of[progress->network] += progress->event == SPIRAL_TRAIN_VALID;
    return 0;
}

/* All validations together read at most as many held-out frames as the steps read frames. */
static void a_short_training_is_validated_less_often(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    size_t frames = 0;
    for (size_t i = 0; i < corpus->count; i++) frames += corpus->entries[i].roll.frames;
    const int64_t steps = (int64_t)frames / 128 + 1; /* which read so many frames */
    const struct {
        int64_t steps;
        int validations;
    } cases[] = {{1, 1}, {steps, 1}, {5 * steps, 5}, {40 * steps, 20}};
    assert_true(frames > 1280 && frames < 10000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        training t = decoder_training();
        validation_counts counts = {{0}};
        t.plan.steps = 40;
        t.plan.decoder_steps = cases[i].steps;
        t.plan.callback = count_validations;
        t.plan.context = &counts;
        spiral_model_destroy(train(&t, corpus, corpus));
        assert_int_equal(counts.of[SPIRAL_TRAIN_AUTOENCODER], 20);
        assert_int_equal(counts.of[SPIRAL_TRAIN_DECODER], cases[i].validations);
    }
}

static void threads_do_not_change_a_bit(void **state) {
    (void)state;
    training t = decoder_training();
    size_t size[2];
    unsigned char *bytes[2];
    for (int i = 0; i < 2; i++) {
        t.options.threads = 1 + 2 * i;
        spiral_model_destroy(train(&t, corpus, held));
        bytes[i] = model_bytes(&size[i]);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static int stop_at(void *context, const spiral_train_progress *progress) {
    return progress->network == SPIRAL_TRAIN_DECODER && progress->step >= *(const int64_t *)context;
}

static void a_pause_does_not_change_a_bit(void **state) {
    (void)state;
    training t = decoder_training();
    const int64_t stops[][2] = {{1, 2}, {2, 44}, {13, 31}};
    size_t size, other;
    t.plan.callback = stop_at;
    int64_t step = 1000;
    t.plan.context = &step;
    spiral_model_destroy(train(&t, corpus, held));
    unsigned char *whole = model_bytes(&size);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        for (int k = 0; k < 2; k++) {
            step = stops[i][k];
            t.plan.resume = k;
            t.options.threads = 1 + k;
            assert_int_equal(try_training(&t, corpus, held, NULL, NULL, NULL), SPIRAL_INTERRUPTED);
        }
        step = 1000;
        spiral_model_destroy(train(&t, corpus, held));
        unsigned char *bytes = model_bytes(&other);
        assert_int_equal(size, other);
        assert_memory_equal(whole, bytes, size);
        free(bytes);
    }
    free(whole);
}

typedef struct calibration_watch {
    double stop_from, last; /* parts of the calibration */
    int64_t steps;          /* of the decoder, once it calibrates */
    int reports;
} calibration_watch;

static int watch_calibration(void *context, const spiral_train_progress *progress) {
    calibration_watch *w = context;
    if (progress->event != SPIRAL_TRAIN_CALIBRATION) {
        assert_int_equal(w->reports, 0);
        return 0;
    }
    assert_int_equal(progress->network, SPIRAL_TRAIN_DECODER);
    assert_int_equal(progress->step, progress->steps);
    assert_true(progress->calibrated > w->last && progress->calibrated <= 1 && progress->eta_s >= 0);
    w->last = progress->calibrated;
    w->steps = progress->steps;
    w->reports++;
    return progress->calibrated >= w->stop_from;
}

/* It is reported, and can be stopped and repeated. The state is in the file before it begins. */
static void a_stopped_calibration_does_not_change_a_bit(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    training t = decoder_training();
    size_t size, other;
    spiral_error err;
    spiral_train_progress result = {.struct_size = sizeof result};
    calibration_watch w = {.stop_from = 2};
    t.plan.callback = watch_calibration;
    t.plan.context = &w;
    assert_int_equal(try_training(&t, corpus, held, NULL, &result, NULL), SPIRAL_OK);
    assert_true(w.last == 1 && w.reports == 26 && w.steps == result.decoder_steps);
    const int64_t steps = result.steps, decoder_steps = result.decoder_steps;
    unsigned char *whole = model_bytes(&size);
    w = (calibration_watch){.stop_from = 0.3};
    assert_fails(try_training(&t, corpus, held, NULL, NULL, &err), SPIRAL_INTERRUPTED, &err,
                 "stopped in the calibration, after all");
    assert_true(w.last >= 0.3 && w.last < 0.6);
    w = (calibration_watch){.stop_from = 2};
    t.plan.resume = 1;
    assert_int_equal(try_training(&t, corpus, held, NULL, &result, NULL), SPIRAL_OK);
    assert_true(result.steps == steps && result.decoder_steps == decoder_steps);
    assert_true(result.windows_seen == (uint64_t)(steps * t.options.batch));
    unsigned char *bytes = model_bytes(&other);
    assert_int_equal(size, other);
    assert_memory_equal(whole, bytes, size);
    free(bytes);
    free(whole);
}

/* The gradient against a finite difference along its direction, with dropout, given cells and sketches. All
 * three objectives draw the same. */
static void the_gradient_is_that_of_the_nats(void **state) {
    (void)state;
    training t = decoder_training();
    spiral__train_settings settings;
    spiral__decoder_objective o;
    spiral_model *m;
    spiral_train_options options = t.options;
    options.loss = &t.loss;
    assert_int_equal(spiral_model_create(&t.config, 1, &m, NULL), SPIRAL_OK);
    assert_int_equal(spiral__train_settings_read(&options, &settings, NULL), SPIRAL_OK);
    const size_t n = spiral__decoder_floats(&m->decoder);
    float *grad = spiral__floats(n), *weights = spiral__floats(n), *moved = spiral__floats(n);
    spiral__decoder_copy_out(m, m->arena, weights);
    double nats[3], square = 0;
    const double step = 1e-3;
    for (int i = 0; i < 3; i++) { /* at the weights, then a step back and a step forward */
        assert_int_equal(spiral__decoder_objective_create(&settings, m, corpus, NULL, &o, NULL), SPIRAL_OK);
        spiral__decoder_objective_start(&o);
        if (i) {
            for (size_t k = 0; k < n; k++)
                moved[k] = weights[k] + (float)((i == 1 ? -step : step) / sqrt(square)) * grad[k];
            spiral__decoder_copy_in(m, moved, m->arena);
        }
        float *to = i ? moved : grad;
        memset(to, 0, n * sizeof *to);
        assert_int_equal(spiral__decoder_objective_gradient(&o, 0, to, &nats[i], NULL), SPIRAL_OK);
        for (size_t k = 0; k < n && !i; k++) square += (double)grad[k] * grad[k];
        spiral__decoder_objective_clear(&o);
    }
    const double slope = (nats[2] - nats[1]) / (2 * step);
    assert_true(square > 0);
    if (!(fabs(slope - sqrt(square)) < 0.01 * sqrt(square))) fail_msg("%g, not %g", slope, sqrt(square));
    free(grad);
    free(weights);
    free(moved);
    spiral_model_destroy(m);
}

/* No mask gives a cell outside the keys. Most give some cell; some give none. */
static void masks_stay_within_the_keys(void **state) {
    (void)state;
    const spiral_roll *roll = spiral_corpus_get_roll(corpus, 0);
    const spiral_keys inside = spiral_keys_range(PIECE_LOW, PIECE_HIGH);
    spiral_keys *known = calloc(roll->frames, sizeof *known);
    size_t some = 0, none = 0;
    for (uint64_t draw = 0; draw < 300; draw++) {
        spiral__rng rng = spiral__rng_init(1, draw);
        uint64_t any = 0;
        spiral__given_mask_draw(&rng, roll->sounding, roll->onsets, roll->frames, PIECE_LOW, PIECE_HIGH,
                                known);
        for (size_t t = 0; t < roll->frames; t++) {
            assert_true(!(known[t].word[0] & ~inside.word[0]) && !(known[t].word[1] & ~inside.word[1]));
            any |= known[t].word[0] | known[t].word[1];
        }
        some += any != 0;
        none += any == 0; /* for example the fourth voice of music with three */
    }
    assert_true(some > 250 && none > 0);
    free(known);
}

static void calls_in_the_wrong_order_are_refused(void **state) {
    (void)state;
    training t = decoder_training(), without = t;
    spiral_error err = {.text = ""};
    spiral_model *m;
    spiral_trainer *trainer = make_trainer(&t, corpus, held, &m);
    assert_fails(spiral_trainer_start_decoder(trainer, 5, &err), SPIRAL_BAD_ARG, &err, "not been started");
    assert_int_equal(spiral_trainer_start(trainer, 2, NULL), SPIRAL_OK);
    assert_fails(spiral_trainer_start_decoder(trainer, 0, &err), SPIRAL_BAD_ARG, &err, "steps is 0");
    assert_int_equal(spiral_trainer_start_decoder(trainer, 1, NULL), SPIRAL_OK);
    assert_int_equal(spiral_trainer_step(trainer, NULL), SPIRAL_OK);
    assert_fails(spiral_trainer_step(trainer, &err), SPIRAL_BAD_ARG, &err, "all 1 steps");
    assert_int_equal(spiral_trainer_finish(trainer, NULL), SPIRAL_OK);
    assert_fails(spiral_trainer_start_decoder(trainer, 1, &err), SPIRAL_BAD_ARG, &err, "finished");
    spiral_trainer_destroy(trainer);
    spiral_model_destroy(m);
    without.config.decoder = 0;
    trainer = make_trainer(&without, corpus, held, &m);
    assert_int_equal(spiral_trainer_start(trainer, 2, NULL), SPIRAL_OK);
    assert_fails(spiral_trainer_start_decoder(trainer, 5, &err), SPIRAL_BAD_ARG, &err, "decoder is 0");
    spiral_trainer_destroy(trainer);
    spiral_model_destroy(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns_the_music),
        cmocka_unit_test(a_short_training_is_validated_less_often),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(a_pause_does_not_change_a_bit),
        cmocka_unit_test(a_stopped_calibration_does_not_change_a_bit),
        cmocka_unit_test(the_gradient_is_that_of_the_nats),
        cmocka_unit_test(masks_stay_within_the_keys),
        cmocka_unit_test(calls_in_the_wrong_order_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, close_music);
}
