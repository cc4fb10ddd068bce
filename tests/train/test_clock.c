/* SPDX-License-Identifier: MIT
 *
 * Trainings with a clock of the test: they end on time, reports are regular, the calibration takes
 * at most its share, and a training that was planned by time can be repeated.
 */
#include <math.h>

#include "testing.h"
#include "training.h"
#include "generate/calibrate.h"
#include "training_music.h"

static int set_up(void **state) {
    (void)state;
    return open_music(16, 0, 150, 150, 0);
}

/* A clock that advances by tick_s each time it is read. */
typedef struct fake_clock {
    double now_s, tick_s;
    double change_s, later_s; /* from change_s on it advances by later_s; change_s 0: never */
} fake_clock;

static double tick(void *context) {
    fake_clock *c = context;
    return c->now_s += c->change_s > 0 && c->now_s >= c->change_s ? c->later_s : c->tick_s;
}

/* Trains for 50 seconds of a clock that advances by .1 s per reading, from 25 s on by `later` s. */
static spiral_model *train_for_50_s(const training *t, double later, spiral_train_progress *result) {
    spiral_train_options options = t->options;
    spiral_train_plan plan = t->plan;
    spiral_model *m;
    spiral_error err = {.text = ""};
    fake_clock clock = {.tick_s = 0.1, .change_s = 25, .later_s = later};
    options.loss = &t->loss;
    plan.steps = 0;
    plan.seconds = 50;
    assert_int_equal(spiral_model_create(&t->config, 1, &m, NULL), SPIRAL_OK);
    if (spiral__train_by_clock(&options, &plan, m, corpus, held, tick, &clock, result, &err) != SPIRAL_OK)
        fail_msg("%s", err.text);
    return m;
}

static int calibration_samples(const spiral_model *m) {
    json_t *how = json_loads(spiral_model_get_metadata(m, "training"), 0, NULL);
    const int samples =
        (int)json_integer_value(json_object_get(json_object_get(how, "decoder"), "calibration_samples"));
    json_decref(how);
    return samples;
}

/* Samples of 128 frames that have as many frames as the beginnings of the 15 training pieces. */
enum { ALL_SAMPLES = 15 };

/* Also if the machine becomes half as fast or twice as fast halfway. */
static void a_training_by_time_ends_on_time(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    for (int decoder = 0; decoder < 2; decoder++) {
        training t = piece_training();
        t.config.decoder = 8 * decoder;
        const double later[] = {0.1, 0.2, 0.05};
        for (int i = 0; i < 3; i++) {
            spiral_train_progress result = {.struct_size = sizeof result};
            spiral_model *m = train_for_50_s(&t, later[i], &result);
            /* The clock is read once while eight samples are timed, but not while the samples at the end are
             * drawn: they take no time, and the training ends early by the time that was planned for them. */
            const double calibration_s = decoder ? later[i] / 8 * spiral__calibrate_samples(ALL_SAMPLES) : 0;
            assert_true(fabs(result.seconds - 50) <= 0.5 + calibration_s);
            assert_int_equal(result.step, result.steps);
            assert_true(result.steps + result.decoder_steps > 60);
            if (decoder)
                assert_in_range(calibration_samples(m), later[i] > 0.1 ? 8 : ALL_SAMPLES, ALL_SAMPLES);
            spiral_model_destroy(m);
        }
    }
}

/* The decoder has 40 s, and a reading takes .5 s: all samples would take 19 s, and may take 10. */
static void the_calibration_takes_at_most_a_quarter_of_the_time(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    training t = piece_training();
    spiral_train_progress result = {.struct_size = sizeof result};
    t.config.decoder = 8;
    spiral_model *m = train_for_50_s(&t, 0.5, &result);
    const int samples = calibration_samples(m);
    print_message("# %d of %d samples, %lld steps of the decoder\n", samples, ALL_SAMPLES,
                  (long long)result.decoder_steps);
    assert_true(samples < ALL_SAMPLES);
    assert_true(samples == 8 || 0.5 / 8 * spiral__calibrate_samples(samples) <= 10);
    assert_true(result.decoder_steps >= 10);
    spiral_model_destroy(m);
}

static void as_many_samples_as_fit_are_planned(void **state) {
    (void)state;
    for (int n = 8; n <= 64; n++) {
        const double all = spiral__calibrate_samples(n);
        assert_int_equal(spiral__calibrate_fit(all, 64), n);
        assert_int_equal(spiral__calibrate_fit(all - 0.5, 64), n > 8 ? n - 1 : 8);
        assert_int_equal(spiral__calibrate_fit(all, 20), n < 20 ? n : 20);
    }
    assert_int_equal(spiral__calibrate_fit(0, 64), 8);
    assert_int_equal(spiral__calibrate_fit(1e30, 64), 64);
}

/* The calibration has been shortened. */
static void the_steps_of_a_training_by_time_repeat_its_bytes(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    size_t size, other_size;
    training t = piece_training();
    spiral_train_progress result = {.struct_size = sizeof result}, again = result;
    spiral_model *m = NULL;
    t.config.decoder = 8;
    t.plan.path = p.model;
    spiral_model_destroy(train_for_50_s(&t, 0.3, &result));
    unsigned char *bytes = model_bytes(&size), *other;
    t.plan.steps_of = p.model;
    assert_int_equal(try_training(&t, corpus, held, &m, &again, NULL), SPIRAL_OK);
    assert_int_equal(again.steps, result.steps);
    assert_int_equal(again.decoder_steps, result.decoder_steps);
    assert_in_range(calibration_samples(m), 8, ALL_SAMPLES - 1);
    other = model_bytes(&other_size);
    assert_int_equal(other_size, size);
    assert_memory_equal(bytes, other, size);
    spiral_model_destroy(m);
    free(bytes);
    free(other);
}

/* First a valid number; then two that are out of range. */
static void the_planned_samples_are_saved_with_the_state(void **state) {
    (void)state;
    training t = piece_training();
    spiral_model *m[2];
    spiral_error err;
    t.config.decoder = 8;
    spiral_trainer *a = make_trainer(&t, corpus, held, &m[0]), *b = make_trainer(&t, corpus, held, &m[1]);
    assert_int_equal(spiral_trainer_start(a, 10, NULL), SPIRAL_OK);
    assert_int_equal(spiral_trainer_step(a, NULL), SPIRAL_OK);
    assert_int_equal(spiral_trainer_start_decoder(a, 10, NULL), SPIRAL_OK);
    assert_int_equal(a->calibration.samples, 64);
    const int samples[] = {9, 7, 65};
    for (int i = 0; i < 3; i++) {
        a->calibration.samples = samples[i];
        assert_int_equal(spiral_trainer_save(a, p.model, NULL), SPIRAL_OK);
        if (i) {
            char text[64];
            snprintf(text, sizeof text, "calibration_samples is %d, must be 8 to 64", samples[i]);
            assert_fails(spiral_trainer_load(b, p.model, &err), SPIRAL_FORMAT, &err, p.model, text);
        } else {
            assert_int_equal(spiral_trainer_load(b, p.model, NULL), SPIRAL_OK);
            assert_int_equal(b->calibration.samples, 9);
        }
    }
    spiral_trainer_destroy(a);
    spiral_trainer_destroy(b);
    spiral_model_destroy(m[0]);
    spiral_model_destroy(m[1]);
}

static int count_reports(void *context, const spiral_train_progress *progress) {
    (void)progress;
    ++*(int *)context;
    return 0;
}

/* There is a report at least every tenth of a second. */
static void reports_follow_the_clock(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    for (int slow = 0; slow < 2; slow++) {
        training t = piece_training();
        spiral_train_options options = t.options;
        spiral_model *m;
        fake_clock clock = {.tick_s = slow ? 0.06 : 1e-6};
        int reports = 0;
        options.loss = &t.loss;
        t.plan.steps = 2000;
        t.plan.callback = count_reports;
        t.plan.context = &reports;
        assert_int_equal(spiral_model_create(&t.config, 1, &m, NULL), SPIRAL_OK);
        assert_int_equal(spiral__train_by_clock(&options, &t.plan, m, corpus, held, tick, &clock, NULL, NULL),
                         SPIRAL_OK);
        if (slow)
            assert_true(reports > 600); /* a step takes two ticks */
        else
            assert_int_equal(reports, 200); /* ten for each of twenty validations */
        spiral_model_destroy(m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_training_by_time_ends_on_time),
        cmocka_unit_test(the_calibration_takes_at_most_a_quarter_of_the_time),
        cmocka_unit_test(as_many_samples_as_fit_are_planned),
        cmocka_unit_test(the_steps_of_a_training_by_time_repeat_its_bytes),
        cmocka_unit_test(the_planned_samples_are_saved_with_the_state),
        cmocka_unit_test(reports_follow_the_clock),
    };
    return cmocka_run_group_tests(tests, set_up, close_music);
}
